"""Sleep with real sleepers on a tiny checkpoint: from the record to an adapter, and back out of every accident."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import orjson
import psutil
import pytest

from lab.dialogue.marks import mark
from lab.engine.adapters import WEIGHTS, file_sha256, list_adapters, read_adapter
from lab.errors import LabError
from lab.journal.events import ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.journal.sleep_events import SleepEnded, SleepMeasured
from lab.lab import Lab
from lab.settings import Workspace
from lab.sleep.cycle import CycleFolder
from lab.sleep.room import Way
from lab.sleep.watch import SleepProgress
from tests.helpers import torch_that_tells, wait_until
from tests.sleep import keen
from tests.tiny import make_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


ANSWERS = '[sleep]\nrecipe = "answers"\n'


def open_lab(workspace: Workspace, checkpoint: Path, adapter: str | None = None) -> Lab:
    if not workspace.config.exists():
        # What random weights learn no gate would let pass; test_lessons_sleep has the recipe that is judged.
        settings(workspace, ANSWERS)
    lab = Lab(workspace, checkpoint=str(checkpoint), adapter=adapter)
    lab.open()
    return lab


@pytest.fixture
def lab(workspace: Workspace, checkpoint: Path) -> Iterator[Lab]:
    lab = open_lab(workspace, checkpoint)
    yield lab
    for process in sleepers(workspace):
        process.kill()
    lab.close()


def sleepers(workspace: Workspace, module: str = "lab.sleep.trainer") -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if module in command and str(workspace.root) in command:
            found.append(process)
    return found


def tell(lab: Lab, *questions: str, session: str = "session-a", total: float = 0.3) -> None:
    """Record finished exchanges with this total."""
    events: list[object] = []
    if not lab.record.journal.size(session):
        events.append(SessionOpened(session, "tiny", None, "measured", 0.15))
    first = 1 + sum(line.entry is not None for line in lab.record.journal.read(session))
    for turn, question in enumerate(questions, first):
        name = f"{session}-{turn:04d}"
        events += [
            TurnStarted(name, session, turn, question, "tiny", None),
            ExchangeFinished(name, "complete", f"My answer to that is number {turn}."),
            SalienceScored(name, "measured", 0, 0, total, 0, 0, total, 0.15, total >= 0.15),
        ]
    lab.record.append(session, *events)  # type: ignore[arg-type]


def test_a_sleep_trains_on_what_the_person_said_of_an_exchange(lab: Lab) -> None:
    tell(lab, "What is rain?", "Why?")
    tell(lab, "How dull is this?", "Who else?", session="session-b", total=0.1)
    mark(lab.record, "session-a-0001", "excluded")
    mark(lab.record, "session-a-0002", "edited", "Because it must.")
    kept = mark(lab.record, "session-b-0001", "kept")
    assert last(lab, lab.sleep.start()).ended
    lab.record.sync()
    learnt = lab.record.query("SELECT DISTINCT exchange_id, target FROM sleep_examples ORDER BY ALL").rows
    assert learnt == [("session-a-0002", "Because it must."), ("session-b-0001", kept.response)]


def settings(workspace: Workspace, text: str) -> None:
    workspace.config.write_text(text)


def last(lab: Lab, cycle_id: str) -> SleepProgress:
    progress = list(lab.sleep.follow(cycle_id, lambda: False))
    assert progress[-1].ended is not None
    # It has told its end, and is about to go.
    wait_until(lambda: lab.sleep.running() != cycle_id, 60)
    return progress[-1]


def cycle(lab: Lab, cycle_id: str) -> dict[str, object]:
    lab.record.sync()
    table = lab.record.query("SELECT * FROM sleep_cycles WHERE cycle_id = ?", [cycle_id])
    return dict(zip(table.columns, table.rows[0]))


def test_a_sleep_leaves_an_adapter_and_the_whole_story_in_the_record(lab: Lab, workspace: Workspace) -> None:
    tell(lab, "What is rain?", "Why?")
    tell(lab, "How dull is this?", total=0.1)
    progress = list(lab.sleep.follow(lab.sleep.start(), lambda: False))
    assert list(dict.fromkeys(p.stage for p in progress)) == ["loading", "anchoring", "training", "saving", "ended"]
    assert [p.step for p in progress if p.stage == "training"][-1] == progress[-1].total_steps
    end = progress[-1].ended
    assert end is not None
    assert (end.status, end.adapter) == ("complete", "sleep-0001")

    adapter = read_adapter(workspace.adapters / "sleep-0001")
    assert adapter.sha256 == file_sha256(adapter.path / WEIGHTS)
    manifest = orjson.loads((adapter.path / "manifest.json").read_bytes())
    assert manifest["exchanges"] == ["session-a-0001", "session-a-0002"]
    assert manifest["settings"]["rank"] == 8
    row = cycle(lab, "sleep-0001")
    assert (row["status"], row["exchanges"], row["examples"], row["epochs"]) == ("complete", 2, 8, 5)
    steps = lab.record.query("SELECT loss FROM sleep_steps WHERE cycle_id = 'sleep-0001' ORDER BY step").rows
    assert [loss for (loss,) in steps] == manifest["losses"]
    assert (row["first_loss"], row["last_loss"]) == (manifest["losses"][0], manifest["losses"][-1])
    assert lab.record.query("SELECT adapter, sha256, state FROM adapters").rows == [
        ("sleep-0001", adapter.sha256, "kept")
    ]
    kinds = lab.record.query("SELECT kind, count(*) FROM sleep_examples GROUP BY kind ORDER BY kind").rows
    assert kinds == [("emotion", 4), ("original", 2), ("rewrite", 2)]
    events = lab.record.query("SELECT event FROM resources WHERE process = 'sleeper'").rows
    assert {event for (event,) in events} == {"before_load", "loaded", "trained", "peak"}

    with pytest.raises(LabError, match="Nothing to sleep on"):
        lab.sleep.start()


def test_a_later_sleep_continues_the_adapter_before_it(lab: Lab, workspace: Workspace, checkpoint: Path) -> None:
    tell(lab, "What is rain?")
    last(lab, lab.sleep.start())
    tell(lab, "What is snow?")
    assert last(lab, lab.sleep.start()).exchanges == 1
    assert read_adapter(workspace.adapters / "sleep-0002").parent == "sleep-0001"

    tell(lab, "What is hail?")
    settings(workspace, f"{ANSWERS}rank = 4\n")
    with pytest.raises(LabError, match=r"sleep\.rank is 4.*sleep-0002, has rank 8"):
        open_lab(workspace, checkpoint).sleep.start()


def test_a_sleep_continues_no_adapter_of_other_layers(lab: Lab, workspace: Workspace, checkpoint: Path) -> None:
    settings(workspace, '[sleep]\nrecipe = "published"\nepochs = 1\n')
    published = open_lab(workspace, checkpoint)
    tell(published, "What is rain?")
    last(published, published.sleep.start())
    tell(published, "What is snow?")
    settings(workspace, ANSWERS)
    with pytest.raises(
        LabError, match=r"trains other layers \(all\) than those of .* sleep-0001 \(attention\)"
    ) as fault:
        open_lab(workspace, checkpoint).sleep.start()
    assert "--adapter none" in fault.value.remedy
    other = open_lab(workspace, checkpoint, adapter="none")
    assert last(other, other.sleep.start()).stage == "ended"


def test_the_published_recipe_starts_from_the_base(workspace: Workspace, checkpoint: Path) -> None:
    settings(workspace, '[sleep]\nrecipe = "published"\nepochs = 1\nexchanges = "all"\n')
    lab = open_lab(workspace, checkpoint)
    tell(lab, "How dull is this?", total=0.1)
    last(lab, lab.sleep.start())
    tell(lab, "And this?", total=0.1)
    assert last(lab, lab.sleep.start()).exchanges == 1
    adapter = read_adapter(workspace.adapters / "sleep-0002")
    assert adapter.parent is None
    targets = orjson.loads((adapter.path / "adapter_config.json").read_bytes())["target_modules"]
    assert {name.rpartition(".")[2] for name in targets} == {"q_proj", "k_proj", "v_proj", "o_proj"}
    lab.close()


def test_one_session_can_be_slept_on_alone(lab: Lab) -> None:
    tell(lab, "What is rain?")
    tell(lab, "What is snow?", session="session-b")
    assert last(lab, lab.sleep.start("session-b")).exchanges == 1
    assert lab.record.sync()
    assert lab.record.query("SELECT DISTINCT exchange_id FROM sleep_examples").rows == [("session-b-0001",)]
    with pytest.raises(LabError, match='no session "nowhere"'):
        lab.sleep.start("nowhere")


def test_a_second_sleep_is_refused_and_a_stopped_one_leaves_no_adapter(workspace: Workspace, checkpoint: Path) -> None:
    settings(workspace, f"{ANSWERS}epochs = 1000\n")
    lab = open_lab(workspace, checkpoint)
    tell(lab, "What is rain?", "What is snow?")
    running = lab.sleep.start()
    other = open_lab(workspace, checkpoint)
    assert other.sleep.running() == running
    with pytest.raises(LabError, match=f"{running} is still running"):
        other.sleep.start()

    for progress in other.sleep.follow(running, lambda: False):
        if progress.step == 2:
            other.sleep.cancel(running)
    row = cycle(lab, running)
    assert (row["status"], row["adapter"]) == ("cancelled", None)
    assert list_adapters(workspace.adapters) == ([], [])
    wait_until(lambda: lab.sleep.running() is None)
    with pytest.raises(LabError, match="not running"):
        lab.sleep.cancel(running)
    settings(workspace, f"{ANSWERS}epochs = 1\n")
    again = open_lab(workspace, checkpoint)
    assert last(again, again.sleep.start()).exchanges == 2
    for opened in (lab, other, again):
        opened.close()


@pytest.mark.parametrize("moment", range(3))
def test_a_killed_sleeper_leaves_nothing_half_written_and_can_be_repeated(
    lab: Lab, workspace: Workspace, checkpoint: Path, moment: int
) -> None:
    tell(lab, "What is rain?", "What is snow?")
    cycle_id = lab.sleep.start()
    kill_at = random.Random(moment).randint(0, 10)
    last_seen = None
    for last_seen in lab.sleep.follow(cycle_id, lambda: False):
        if last_seen.step >= kill_at:
            for process in sleepers(workspace):
                os.kill(process.pid, signal.SIGKILL)
    assert last_seen is not None
    assert last_seen.ended is not None
    again = open_lab(workspace, checkpoint)
    if last_seen.ended.status == "interrupted":
        assert list_adapters(workspace.adapters) == ([], [])
        assert [path.name for path in workspace.adapters.iterdir() if path.suffix == ".part"] == []
        assert last(again, again.sleep.start()).exchanges == 2
    else:
        assert list_adapters(workspace.adapters)[0][0].name == cycle_id
    again.close()


def test_what_is_excluded_while_a_sleep_is_planned_is_not_slept_on(
    lab: Lab, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(lab, "What is rain?", "What is snow?")

    def meanwhile(*given: object) -> Way:
        mark(lab.record, "session-a-0002", "excluded")
        return Way("auto", checkpointing=False)

    monkeypatch.setattr("lab.sleep.service.choose_way", meanwhile)
    with pytest.raises(LabError, match=r"excluded or purged meanwhile\. Sleep again"):
        lab.sleep.start()
    assert sorted(workspace.sessions.glob("sleep-*")) == []


def test_an_adapter_published_just_before_the_kill_is_kept(
    lab: Lab, workspace: Workspace, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(lab, "What is rain?")
    cycle_id = lab.sleep.start()
    last(lab, cycle_id)
    lab.close()
    events = lab.record.journal.path(cycle_id)
    events.write_bytes(b"".join(events.read_bytes().splitlines(keepends=True)[:-2]))
    workspace.database.unlink()
    (workspace.adapters / ".sleep-0009.part").mkdir()
    # Looked at on another day, or at the end of a long one.
    later = datetime.now(timezone.utc) + timedelta(hours=9)
    monkeypatch.setattr("lab.sleep.watch.now", lambda: later)

    again = open_lab(workspace, checkpoint)
    ((status, seconds),) = again.record.query("SELECT status, seconds FROM sleep_cycles").rows
    assert status == "complete" and 0.0 < seconds < 3600.0
    assert again.record.query("SELECT adapter FROM adapters").rows == [(cycle_id,)]
    assert any(cycle_id in notice for notice in again.notices)
    assert not (workspace.adapters / ".sleep-0009.part").exists()
    again.close()


def test_a_stray_folder_among_the_adapters_keeps_no_lab_from_opening(workspace: Workspace, checkpoint: Path) -> None:
    workspace.create()
    for name in ("sleep-0001 copy", "sleep-0002", ".sleep-x", "notes"):
        (workspace.adapters / name).mkdir()
    lab = open_lab(workspace, checkpoint)
    assert lab.notices == []
    assert len(list_adapters(workspace.adapters)[1]) == 3
    lab.close()


def test_a_checkpoint_that_changed_under_the_plan_fails_with_the_reason(workspace: Workspace, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint")
    lab = open_lab(workspace, folder)
    tell(lab, "What is rain?")
    last(lab, lab.sleep.start())
    # The same plan again, over other weights of the same shapes.
    old = CycleFolder(workspace.sessions, "sleep-0001")
    new = CycleFolder(workspace.sessions, "sleep-0002")
    new.path.mkdir()
    new.exchanges_file.write_bytes(old.exchanges_file.read_bytes())
    new.memory_file.write_bytes(old.memory_file.read_bytes())
    new.plan_file.write_bytes(old.plan_file.read_bytes().replace(b"sleep-0001", b"sleep-0002"))
    shutil.rmtree(folder)
    make_checkpoint(folder, seed=1)
    lab.sleep._spawn(new)
    end = last(lab, "sleep-0002").ended
    assert end is not None
    assert end.status == "failed"
    assert end.reason is not None
    assert "changed since the sleep was planned" in end.reason
    assert not (workspace.adapters / "sleep-0002").exists()
    lab.close()


def test_a_sleeper_keeps_its_libraries_from_the_network(
    lab: Lab, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(lab, "What is rain?")
    monkeypatch.setenv("PYTHONPATH", str(torch_that_tells(tmp_path_factory.mktemp("first"))))
    end = last(lab, lab.sleep.start()).ended
    assert end is not None
    assert end.reason is not None and "this torch only tells" in end.reason
    log = workspace.sessions / end.cycle_id / "sleeper.log"
    assert "offline True" in log.read_text().splitlines()


def test_a_sleep_that_does_not_fit_into_memory_is_refused_with_both_sizes(
    lab: Lab, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(lab, "What is rain?")
    monkeypatch.setattr("lab.sleep.room.free_gpu_bytes", lambda: None)
    monkeypatch.setattr("lab.sleep.service.free_bytes", lambda: 2**30 // 5)
    with pytest.raises(
        LabError, match=r"needs 0\.4 GiB beside the engine, at the least; 0\.2 GiB of memory are free"
    ) as fault:
        lab.sleep.start()
    assert "smaller checkpoint" in fault.value.remedy
    assert not list(workspace.sessions.glob("sleep-*"))
    monkeypatch.setattr("lab.sleep.service.free_bytes", lambda: 2**30)
    assert last(lab, lab.sleep.start()).stage == "ended"


def test_what_is_learnt_is_remembered_learnt_again_and_forgotten_when_the_person_says_so(
    workspace: Workspace, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(workspace, '[sleep]\nrecipe = "lessons"\n')
    labs = []

    def night(deep: bool = False) -> str:
        # Like a lab of the next day, which goes on with the newest adapter.
        lab = Lab(workspace, checkpoint=str(checkpoint), sleeper_command=keen.command())
        labs.append(lab)
        lab.open()
        cycle_id = lab.sleep.start(deep=deep)
        end = last(lab, cycle_id).ended
        assert end is not None
        assert (end.status, end.adapter) == ("complete", cycle_id), end.reason
        return cycle_id

    def learnt(cycle_id: str) -> list[tuple[object, ...]]:
        labs[-1].record.sync()
        query = "SELECT DISTINCT exchange_id, kind = 'replay' FROM sleep_examples WHERE cycle_id = ? ORDER BY ALL"
        return labs[-1].record.query(query, [cycle_id]).rows

    told = open_lab(workspace, checkpoint)
    labs.append(told)
    tell(told, "My dog is called Rex.", "I live in Tromso.")
    first = night()
    assert learnt(first) == [("session-a-0001", False), ("session-a-0002", False)]

    tell(told, "My dog is called Max.", session="session-b")
    # An adapter that has drifted far is gone on from at a lower rate.
    labs[-1].record.append(first, SleepMeasured(first, "drift", 0.05, 0.0, 0.1, 24, 0.1, True))
    second = night()
    _, material, memory = CycleFolder(workspace.sessions, second).read()
    assert [each.exchange_id for each in material] == ["session-b-0001"]
    assert [each.key for each in memory] == ["Rex", "Tromso"]
    # What is not true any more is not learnt again.
    assert learnt(second) == [("session-a-0002", True), ("session-b-0001", False)]
    assert cycle(labs[-1], second)["earlier"] == 1

    # After a sleep that could be kept only in part, the next is a deep one by itself.
    labs[-1].record.append(second, SleepEnded(second, "complete", second, verdict="weakened", strength=0.25))
    deep = night()
    assert learnt(deep) == [("session-a-0002", False), ("session-b-0001", False)]
    row = cycle(labs[-1], deep)
    assert (row["deep"], row["parent_adapter"], row["lessons"], row["earlier"]) == (True, None, 2, 0)
    # With no memories beside, there are more epochs.
    plans = [CycleFolder(workspace.sessions, each).read()[0] for each in (first, second, deep)]
    assert [plan.settings.epochs for plan in plans] == [8, 5, 8]
    assert [plan.settings.learning_rate for plan in plans] == [3e-3, 2e-3, 3e-3]
    # Nor does it come back after a deep sleep, whose adapter has no parent that had learnt it.
    labs.append(open_lab(workspace, checkpoint))
    with pytest.raises(LabError, match="Nothing to sleep on"):
        labs[-1].sleep.start()

    mark(told.record, "session-a-0002", "excluded")
    # One on many memories has steps enough for a lower rate, which drifts less.
    monkeypatch.setattr("lab.sleep.planning._MANY", 1)
    deepest = night(deep=True)
    assert learnt(deepest) == [("session-b-0001", False)]
    assert CycleFolder(workspace.sessions, deepest).read()[0].settings.learning_rate == 2e-3
    # What is new counts among them.
    tell(told, "I drink tea.", session="session-c")
    lab = labs[-1]
    assert lab.record.sync()
    for many, rate in ((2, 2e-3), (3, 3e-3)):
        monkeypatch.setattr("lab.sleep.planning._MANY", many)
        assert lab.sleep._planner.plan(lab.sleep._base(), None, True).plan.settings.learning_rate == rate
    for lab in labs:
        lab.close()


def test_what_nothing_could_be_learnt_from_is_not_offered_again(workspace: Workspace, checkpoint: Path) -> None:
    settings(workspace, '[sleep]\nunmarked = "statements"\nexchanges = "all"\n')
    lab = open_lab(workspace, checkpoint)
    tell(lab, "What is rain?", "Why?")
    end = last(lab, lab.sleep.start()).ended
    assert end is not None
    assert (end.status, end.adapter, end.verdict) == ("complete", None, "rolled_back")
    assert end.reason == "Nothing in these exchanges could be learnt."
    assert list_adapters(workspace.adapters) == ([], [])
    lab.record.sync()
    reasons = lab.record.query("SELECT exchange_id, reason FROM sleep_lessons ORDER BY 1").rows
    assert [name for name, _ in reasons] == ["session-a-0001", "session-a-0002"]
    with pytest.raises(LabError, match="Nothing to sleep on") as told:
        lab.sleep.start()
    # All of them are slept on already: to set that would not help.
    assert told.value.remedy == "Talk on, then sleep."
    lab.close()


def test_a_sleep_without_its_plan_is_refused_and_leaves_nothing(
    lab: Lab, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(lab, "What is rain?")
    monkeypatch.setattr(CycleFolder, "write", lambda *_: None)
    with pytest.raises(LabError, match=r"did not start \(exit code 1\): FileNotFoundError.*plan\.json"):
        lab.sleep.start()
    assert not list(workspace.sessions.glob("sleep-*"))


_CONFINED = """
import resource, sys
import psutil, torch
import lab.sleep.lora, lab.sleep.training
from lab.sleep.trainer import main
torch.ones(500, 500) @ torch.ones(500, 500)
limit = psutil.Process().memory_info().vms + 400 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main(sys.argv[1:]))
"""


def test_a_sleep_that_takes_more_memory_than_there_is_fails_in_one_sentence(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "RLIMIT_AS") or sys.platform == "darwin":
        pytest.skip("this system does not limit the memory of a process")
    heavy = make_checkpoint(tmp_path_factory.mktemp("heavy") / "checkpoint", words=300_000)
    settings(workspace, f'[engine]\ndevice = "cpu"\ndtype = "float32"\n{ANSWERS}')
    lab = Lab(workspace, checkpoint=str(heavy), sleeper_command=[sys.executable, "-c", _CONFINED])
    lab.open()
    tell(lab, "What is rain?", "What is snow?", "What is hail?")
    end = last(lab, lab.sleep.start()).ended
    lab.close()
    assert end is not None
    assert end.status == "failed"
    assert end.reason is not None
    assert end.reason.startswith("There was not enough memory to sleep. Close other programs")
