"""Answers go first: a sleep waits while one is written, in the middle of a step too; its pace knows nothing of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import torch

from lab.domain import Checkpoint, Message, Prompt, Sampling
from lab.engine.client import ProcessEngine
from lab.engine.precedence import answered, answering, answering_lock
from lab.journal.events import Entry, ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.journal.sleep_events import SleepCounted, SleepPlanned, SleepStaged, SleepStepped
from lab.lab import Lab
from lab.settings import EngineSettings, Workspace
from lab.sleep import courtesy
from lab.sleep.courtesy import Courtesy
from lab.sleep.watch import SleepProgress, progress_of
from tests.helpers import bare_checkpoint, wait_until
from tests.tiny import make_checkpoint


def test_whoever_writes_an_answer_is_seen_until_it_is_done(tmp_path: Path) -> None:
    lock = tmp_path / "answering"
    assert not answered(lock)
    with answering(lock):
        assert answered(lock)
        with answering(lock):
            assert answered(lock)
        assert answered(lock)
    assert not answered(lock)


def test_of_two_that_write_the_one_that_ends_first_lets_no_sleep_go_on(tmp_path: Path) -> None:
    lock = tmp_path / "answering"
    with ExitStack() as second:
        with answering(lock):
            second.enter_context(answering(lock))
        assert answered(lock)
    assert not answered(lock)


def test_a_killed_lab_keeps_no_sleep_waiting(tmp_path: Path) -> None:
    lock = tmp_path / "answering"
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom lab.engine.precedence import answering\n"
        "with answering(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(lock)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    assert answered(lock)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert lock.exists()
    assert not answered(lock)


def test_an_answer_is_written_where_nothing_can_be_locked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with answering(tmp_path / "file" / "answering"):
        pass
    with answering(None):
        pass
    with suppress(ZeroDivisionError), answering(tmp_path / "answering"):
        raise ZeroDivisionError
    assert not answered(tmp_path / "answering")


def test_an_engine_says_so_from_the_first_to_the_last_token(tmp_path: Path) -> None:
    lock = tmp_path / "answering"
    command = [sys.executable, "-m", "lab.engine.scripted", "--words", "20"]
    engine = ProcessEngine(command, tmp_path / "engine.log", EngineSettings(), lock)
    engine.start()
    try:
        engine.load(Checkpoint("tiny", "folder", str(bare_checkpoint(tmp_path / "tiny")), ready=True))
        prompt, rows = Prompt((Message("user", "Who?"),), "chat"), [Sampling(0.0, 0)]
        seen = [answered(lock) for _ in engine.generate(prompt, rows, 50)]
        assert len(seen) > 20
        assert all(seen)
        assert not answered(lock)
        left = engine.generate(prompt, rows, 50)
        assert isinstance(left, Generator)
        next(left)
        assert answered(lock)
        left.close()
        assert not answered(lock)
    finally:
        engine.close()


class Layered(torch.nn.Module):
    """Three layers in a list, as every decoder has them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(3))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden


def test_a_step_waits_at_the_next_layer_forwards_and_backwards(tmp_path: Path) -> None:
    told: list[bool] = []
    waiting = Courtesy(tmp_path / "answering", told.append, lambda: True)
    network = Layered()
    waiting.at_layers(network)
    loss = network(torch.ones(1, 2)).sum()
    assert told == []
    with answering(tmp_path / "answering"):
        network(torch.ones(1, 2))
        forwards, told[:] = list(told), []
        loss.backward()
    assert forwards == [True, False] * 3
    # The first layer reads what needs no gradient.
    assert told == [True, False] * 2
    assert waiting.within_step > 0
    waiting.before_step()
    assert waiting.within_step == 0


def test_an_answer_without_end_lets_a_step_be_made_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courtesy, "LONGEST_SECONDS", 0.1)
    told: list[bool] = []
    waiting = Courtesy(tmp_path / "answering", told.append, lambda: False)
    with answering(tmp_path / "answering"):
        waiting.before_step()
        assert told == [True, False]
        for _ in range(100):
            waiting.here()
        assert told == [True, False]
        waiting.before_step()
        assert told == [True, False] * 2


def last(*times: tuple[float, object]) -> SleepProgress:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    entries = [Entry(start + timedelta(seconds=at), event) for at, event in times]  # type: ignore[arg-type]
    return list(progress_of("sleep-0001", entries))[-1]


@pytest.mark.parametrize("rest", ["waiting", "paused"])
def test_what_was_waited_is_no_part_of_the_pace(rest: str) -> None:
    def step(number: int) -> SleepStepped:
        return SleepStepped("sleep-0001", number, 1, 1.0, 1e-3, 100, 1.0)

    def stage(name: str) -> SleepStaged:
        return SleepStaged("sleep-0001", name)

    planned = (0, SleepPlanned("sleep-0001", 1, 0, 10, 10))
    straight = last(planned, (5, stage("training")), (6, step(1)), (7, step(2)))
    waited = last(
        (0, stage(rest)), (1, stage("dreaming")), planned, (5, stage("training")), (6, step(1)),
        (6.5, stage(rest)), (66.5, stage("training")), (67, step(2)),
    )  # fmt: skip
    assert (straight.tokens_per_second, straight.seconds_left) == (100.0, 8.0)
    assert (waited.tokens_per_second, waited.seconds_left) == (100.0, 8.0)


def test_how_many_texts_are_read_is_told_of_their_stage_alone() -> None:
    def stage(name: str) -> SleepStaged:
        return SleepStaged("sleep-0001", name)

    counted = ((0, stage("probing")), (1, SleepCounted("sleep-0001", 8, 40)))
    assert (last(*counted).done, last(*counted).of) == (8, 40)
    waited = last(*counted, (2, stage("waiting")), (3, stage("probing")))
    assert (waited.stage, waited.done, waited.of) == ("probing", 8, 40)
    next_one = last(*counted, (2, stage("anchoring")))
    assert (next_one.done, next_one.of) == (0, 0)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    workspace = Workspace(tmp_path / "lab")
    workspace.create()
    workspace.config.write_text('[sleep]\nrecipe = "published"\nepochs = 2\n')
    lab = Lab(workspace, checkpoint=str(make_checkpoint(tmp_path / "checkpoint")))
    lab.open()
    yield lab
    if (running := lab.sleep.running()) is not None:
        lab.sleep.cancel(running)
    lab.close()


def test_a_sleep_makes_no_step_while_any_lab_writes_an_answer_and_ends_after_it(lab: Lab) -> None:
    name = "session-a-0001"
    lab.record.append(
        "session-a",
        SessionOpened("session-a", "tiny", None, "measured", 0.15),
        TurnStarted(name, "session-a", 1, "What is rain?", "tiny", None),
        ExchangeFinished(name, "complete", "Water that falls."),
        SalienceScored(name, "measured", 0, 0, 0.3, 0, 0, 0.3, 0.15, True),
    )
    seen: list[SleepProgress] = []
    with answering(answering_lock()):
        cycle = lab.sleep.start()
        follower = threading.Thread(target=lambda: seen.extend(lab.sleep.follow(cycle, lambda: False)), daemon=True)
        follower.start()

        def stages() -> list[str]:
            lines = (line.entry.event for line in lab.record.journal.read(cycle) if line.entry is not None)
            return [event.stage for event in lines if isinstance(event, SleepStaged)]

        wait_until(lambda: "waiting" in stages(), 180)
        time.sleep(0.5)
        assert stages()[-1] == "waiting"
    follower.join(180)
    assert seen[-1].ended is not None
    assert seen[-1].ended.status == "complete"
    assert max(each.step for each in seen) > 0
