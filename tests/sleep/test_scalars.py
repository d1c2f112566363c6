"""The scalars of a sleep in TensorBoard's form: read back with the real package where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.journal.events import ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.journal.sleep_events import SleepStepped
from lab.lab import Lab
from lab.settings import Workspace
from lab.sleep.cycle import CycleFolder
from lab.sleep.scalars import scalars
from tests.tiny import make_checkpoint

TENSORBOARD = importlib.util.find_spec("tensorboard") is not None


def make_lab(folder: Path) -> Lab:
    """A lab with one exchange to sleep on, that wants scalars."""
    workspace = Workspace(folder / "lab")
    workspace.create()
    workspace.config.write_text('[sleep]\nrecipe = "published"\nepochs = 2\ntensorboard = true\n')
    lab = Lab(workspace, checkpoint=str(make_checkpoint(folder / "checkpoint")))
    lab.open()
    lab.record.append(
        "session-a",
        SessionOpened("session-a", "tiny", None, "measured", 0.15),
        TurnStarted("session-a-0001", "session-a", 1, "What is rain?", "tiny", None),
        ExchangeFinished("session-a-0001", "complete", "Water that falls."),
        SalienceScored("session-a-0001", "measured", 0, 0, 0.3, 0, 0, 0.3, 0.15, True),
    )
    return lab


def test_without_the_package_it_is_said_before_the_sleep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LabError, match=r"tensorboard is not installed\. Install it with pip install tensorboard"):
        lab.sleep.start()
    assert lab.record.journal.streams("sleep-") == []
    lab.close()


def test_no_folder_takes_nothing(tmp_path: Path) -> None:
    with scalars(None) as draw:
        draw(SleepStepped("sleep-0001", 1, 1, 1.0, 1e-3, 100, 0.5))


@pytest.mark.skipif(not TENSORBOARD, reason="the package tensorboard is not installed")
def test_each_step_of_a_sleep_is_written_with_its_loss_its_rate_and_its_pace(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    lab = make_lab(tmp_path)
    cycle = lab.sleep.start()
    end = list(lab.sleep.follow(cycle, lambda: False))[-1].ended
    assert end is not None and end.status == "complete", end
    lab.record.sync()
    steps = lab.record.query("SELECT step, loss, learning_rate, tokens / seconds FROM sleep_steps ORDER BY step").rows
    read = EventAccumulator(str(CycleFolder(lab.workspace.sessions, cycle).tensorboard))
    read.Reload()
    assert set(read.Tags()["scalars"]) == {"loss", "learning_rate", "tokens_per_second"}
    for place, name in enumerate(("loss", "learning_rate", "tokens_per_second"), 1):
        assert [(each.step, each.value) for each in read.Scalars(name)] == [
            (row[0], pytest.approx(row[place], rel=1e-5)) for row in steps
        ]
    lab.close()
