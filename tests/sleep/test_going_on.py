"""A sleeper may be killed at any moment: the next sleep goes on where it was, and comes to the same end."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab.dialogue.marks import mark
from lab.engine.adapters import list_adapters
from lab.journal.sleep_events import SleepEnded, SleepPlanned, SleepResumed, SleepStaged, SleepStepped
from lab.lab import Lab
from lab.settings import Workspace
from lab.sleep.cycle import CycleFolder
from lab.sleep.room import Way
from lab.sleep.state import read_state
from lab.sleep.watch import SleepProgress
from tests.helpers import wait_until
from tests.sleep import keen
from tests.sleep.lessons import lesson
from tests.sleep.test_service import last, sleepers, tell
from tests.tiny import make_checkpoint
from tests.tui import sleeper

SETTINGS = "[sleep]\nepochs = 3\nseed = 5\n"
TOLD = ("My dog is called Rex.", "I live in Tromso.")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


class Nights:
    """One workspace where two things were told, and the labs that sleep on them."""

    def __init__(self, root: Path, checkpoint: Path) -> None:
        self.workspace = Workspace(root)
        self._checkpoint = checkpoint
        self._labs: list[Lab] = []
        new = not self.workspace.sessions.exists()
        if new:
            self.workspace.create()
            self.workspace.config.write_text(SETTINGS)
        self.told = self.lab()
        if new:
            tell(self.told, *TOLD)

    def lab(self, at: str = "", command: Sequence[str] = ()) -> Lab:
        """Another lab, as after a start; its sleeper waits at this moment, or is another one."""
        command = command or keen.command(at)
        lab = Lab(self.workspace, checkpoint=str(self._checkpoint), sleeper_command=command)
        self._labs.append(lab)
        lab.open()
        return lab

    def kill(self, at: str, status: str = "interrupted") -> str:
        """Begin a sleep, kill its sleeper at this moment, and have it recovered by whoever watches it."""
        lab = self.lab(at)
        cycle_id = lab.sleep.start()
        wait_until((self.folder(cycle_id).path / "here").exists, 180)
        for process in sleepers(self.workspace, "tests.sleep.keen"):
            os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not lab.record.journal.owned(cycle_id), 20)
        (self.folder(cycle_id).path / "here").unlink()
        progress = list(lab.sleep.follow(cycle_id, lambda: False))
        assert (end(progress[-1]).status, lab.sleep.running()) == (status, None)
        # It is not told from its beginning again: begun and loading look alike.
        assert progress.count(progress[0]) <= 2
        return cycle_id

    def folder(self, cycle_id: str) -> CycleFolder:
        return CycleFolder(self.workspace.sessions, cycle_id)

    def steps(self, cycle_id: str) -> dict[int, set[float]]:
        """What the journal tells of the loss of each step."""
        found: defaultdict[int, set[float]] = defaultdict(set)
        for event in self.events(cycle_id):
            if isinstance(event, SleepStepped):
                found[event.step].add(event.loss)
        return dict(found)

    def events(self, cycle_id: str) -> list[object]:
        return [line.entry.event for line in self.told.record.journal.read(cycle_id) if line.entry]

    def clean(self) -> bool:
        """Whether no half of anything is left."""
        left = [path.name for path in self.workspace.adapters.iterdir() if path.name.startswith(".sleep-")]
        states = [*self.workspace.sessions.glob("*/state.*")]
        return left in ([], [".sleep.lock"]) and not states

    def sha256(self) -> list[str]:
        return [adapter.sha256 for adapter in list_adapters(self.workspace.adapters)[0]]

    def learnt(self) -> set[str]:
        assert self.told.record.sync()
        query = "SELECT DISTINCT exchange_id FROM sleep_examples JOIN sleep_cycles USING (cycle_id) WHERE adapter <> ''"
        return {name for (name,) in self.told.record.query(query).rows}

    def close(self) -> None:
        for process in sleepers(self.workspace, "tests.sleep.keen"):
            process.kill()
        for lab in self._labs:
            lab.close()


def end(progress: SleepProgress) -> SleepEnded:
    assert progress.ended is not None
    return progress.ended


@pytest.fixture
def nights(tmp_path: Path, checkpoint: Path) -> Iterator[Nights]:
    nights = Nights(tmp_path, checkpoint)
    yield nights
    nights.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Iterator[Nights]:
    """The same night without an accident."""
    nights = Nights(tmp_path_factory.mktemp("whole"), checkpoint)
    lab = nights.lab()
    assert end(last(lab, lab.sleep.start())).status == "complete"
    yield nights
    nights.close()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    """A workspace whose sleep was killed after its third step, when two were saved."""
    nights = Nights(tmp_path_factory.mktemp("killed"), checkpoint)
    assert nights.kill("3") == "sleep-0001"
    nights.close()
    return nights.workspace.root


@pytest.fixture
def copied(killed: Path, tmp_path: Path, checkpoint: Path) -> Iterator[Nights]:
    """A workspace of one's own like that."""
    shutil.copytree(killed, tmp_path / "workspace")
    nights = Nights(tmp_path / "workspace", checkpoint)
    yield nights
    nights.close()


@pytest.mark.parametrize("moment", ["loading", "dreaming", "1", "2", "5", "judging", "saving"])
def test_a_killed_sleep_comes_to_the_same_end_as_one_that_was_not(nights: Nights, whole: Nights, moment: str) -> None:
    killed = nights.kill(moment)
    # A step is told before it is saved.
    begun = moment in ("loading", "dreaming", "1")
    lab = nights.lab()
    again = lab.sleep.start()
    # Nothing was saved before the first step: such a sleep begins anew.
    assert (again == killed) is not begun
    assert end(last(lab, again)).status == "complete"
    expected = whole.steps("sleep-0001")
    assert nights.steps(again) == expected and all(len(losses) == 1 for losses in expected.values())
    assert len(expected) == next(e.total_steps for e in nights.events(again) if isinstance(e, SleepPlanned)) > 5
    assert nights.sha256() == whole.sha256() != []
    assert nights.clean()
    assert nights.learnt() == {"session-a-0001", "session-a-0002"}
    row = lab.record.query("SELECT status, steps FROM sleep_cycles WHERE cycle_id = ?", [again]).rows
    assert row == [("complete", len(expected))]
    steps = lab.record.query("SELECT step, loss FROM sleep_steps WHERE cycle_id = ? ORDER BY step", [again]).rows
    assert [{loss} for _, loss in steps] == [expected[step] for step, _ in steps]
    assert len(steps) == len(expected)
    told = [event for event in nights.events(again) if isinstance(event, SleepResumed)]
    saved = int(moment) - 1 if moment.isdigit() else len(expected)
    assert [event.step for event in told] == ([] if begun else [saved])


def test_a_sleep_killed_right_after_it_published_is_complete_to_whoever_watches_it(
    nights: Nights, whole: Nights
) -> None:
    cycle_id = nights.kill("published", "complete")
    assert nights.sha256() == whole.sha256() != []
    assert nights.learnt() == {"session-a-0001", "session-a-0002"}
    ended = end(last(nights.lab(), cycle_id))
    assert (ended.verdict, ended.strength, ended.adapter) == ("kept", 1.0, cycle_id)


def test_a_sleep_that_is_killed_again_and_again_goes_on_each_time(nights: Nights, whole: Nights) -> None:
    # Also when it is killed before it has come to where it was.
    names = {nights.kill(moment) for moment in ("2", "loading")}
    lab = nights.lab()
    assert names == {lab.sleep.start()} == {"sleep-0001"}
    progress = list(lab.sleep.follow("sleep-0001", lambda: False))
    assert [each.ended is not None for each in progress] == [*[False] * (len(progress) - 1), True]
    assert end(progress[-1]).status == "complete"
    assert nights.steps("sleep-0001") == whole.steps("sleep-0001")
    assert nights.sha256() == whole.sha256()
    # What is shown is each step once, whatever was made twice.
    assert progress[-1].losses == tuple(itertools.chain(*whole.steps("sleep-0001").values()))[-64:]


def test_a_killed_sleep_goes_on_with_less_memory(
    copied: Nights, whole: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.sleep.service.choose_way", lambda *given: Way("auto", checkpointing=True))
    lab = copied.lab()
    again = lab.sleep.start()
    assert end(last(lab, again)).status == "complete"
    assert copied.folder(again).read()[0].checkpointing
    assert [e.step for e in copied.events(again) if isinstance(e, SleepResumed)] == [2]
    # Computed twice, the numbers are the same.
    assert copied.sha256() == whole.sha256()
    row = lab.record.query("SELECT dtype, checkpointing FROM sleep_cycles").rows
    assert row == [("float32", True)] or row == [("bfloat16", True)]


def test_a_sleep_begun_beside_an_engine_goes_on_without_one(copied: Nights, whole: Nights) -> None:
    folder = copied.folder("sleep-0001")
    plan, material, remembered = folder.read()
    assert plan.form is None
    # An engine says what it found.
    template = (Path(plan.model_path) / "chat_template.jinja").exists()
    folder.write(replace(plan, form="chat" if template else "plain"), material, remembered)
    lab = copied.lab()
    assert lab.sleep.start() == "sleep-0001"
    assert end(last(lab, "sleep-0001")).status == "complete"
    assert copied.sha256() == whole.sha256()


def change_mark(nights: Nights) -> None:
    mark(nights.told.record, "session-a-0001", "kept")


def exclude(nights: Nights) -> None:
    mark(nights.told.record, "session-a-0001", "excluded")


def change_setting(nights: Nights) -> None:
    nights.workspace.config.write_text(f"{SETTINGS}rank = 4\n")


def cancel(nights: Nights) -> None:
    nights.folder("sleep-0001").ask_to_cancel()


def lose_the_plan(nights: Nights) -> None:
    nights.folder("sleep-0001").plan_file.unlink()


def purge(nights: Nights) -> None:
    from lab.journal.purge import purge

    purge(nights.told.record, "session-a-0001")


def forget(nights: Nights) -> None:
    # The plan is to learn again what is remembered no more.
    plan, material, _ = nights.folder("sleep-0001").read()
    nights.folder("sleep-0001").write(plan, material, [lesson()])


def tell_the_end(nights: Nights) -> None:
    # Killed before the state went.
    nights.told.record.append("sleep-0001", SleepEnded("sleep-0001", "failed", reason="Some reason."))


def publish(nights: Nights) -> None:
    (nights.workspace.adapters / "sleep-0001").mkdir()


@pytest.mark.parametrize(
    "change", [None, change_mark, exclude, change_setting, cancel, lose_the_plan, purge, forget, publish, tell_the_end]
)
def test_a_sleep_whose_plan_does_not_hold_any_more_is_begun_anew(
    copied: Nights, change: Callable[[Nights], None] | None
) -> None:
    nights = copied
    assert nights.folder("sleep-0001").state_file.exists()
    if change is not None:
        change(nights)
    lab = nights.lab(command=sleeper.command())
    cycle_id = lab.sleep.start()
    assert cycle_id == ("sleep-0002" if change is not None else "sleep-0001")
    assert end(last(lab, cycle_id)).status == "complete"
    if change is None:
        return
    plan, material, _ = nights.folder("sleep-0002").read()
    left = ["session-a-0002"] if change in (exclude, purge) else ["session-a-0001", "session-a-0002"]
    assert [each.exchange_id for each in material] == left
    assert plan.settings.rank == (4 if change is change_setting else 8)
    # The old one takes no room any more.
    assert not nights.folder("sleep-0001").state_file.exists()


def test_a_sleep_that_another_version_of_the_lab_began_otherwise_says_so_and_the_next_begins_anew(
    copied: Nights,
) -> None:
    told = copied.folder("sleep-0001").path / "events.jsonl"
    text = told.read_text()
    assert "Do you know" in text
    told.write_text(text.replace("Do you know", "Do you still know"))
    lab = copied.lab()
    assert lab.sleep.start() == "sleep-0001"
    ended = end(last(lab, "sleep-0001"))
    assert (ended.status, ended.reason) == (
        "failed",
        "sleep-0001 was begun by another version of the lab. Sleep again.",
    )
    assert lab.sleep.start() == "sleep-0002"
    assert end(last(lab, "sleep-0002")).status == "complete"


def test_a_killed_sleep_goes_on_when_its_dialogue_alone_is_asked_for(copied: Nights) -> None:
    lab = copied.lab()
    assert lab.sleep.start("session-a") == "sleep-0001"
    assert end(last(lab, "sleep-0001")).status == "complete"
    assert any(isinstance(event, SleepResumed) for event in copied.events("sleep-0001"))


def test_a_state_that_cannot_be_read_is_none(copied: Nights) -> None:
    file = copied.folder("sleep-0001").state_file
    body = file.read_bytes()
    state = read_state(file)
    assert state is not None and len(state.losses) == 2
    for damaged in (
        body[: len(body) // 2],
        body[:-1],
        body[:7],
        b"",
        b"\xff" * 999,
        body.replace(b'"losses"', b'"lasses"', 1),
        body.replace(b'"losses":"[', b'"losses":"{', 1),
        body.replace(b'"distances":"[', b'"distances":"1', 1),
    ):
        assert damaged != body
        file.write_bytes(damaged)
        assert read_state(file) is None
    file.unlink()
    assert read_state(file) is None


def test_a_damaged_state_is_none_and_training_begins_at_its_first_step(copied: Nights, whole: Nights) -> None:
    nights = copied
    file = nights.folder("sleep-0001").state_file
    body = file.read_bytes()
    file.write_bytes(body[: len(body) // 2])
    file.with_suffix(".part").write_bytes(body[:99])
    lab = nights.lab()
    assert end(last(lab, lab.sleep.start())).status == "complete"
    assert [e.step for e in nights.events("sleep-0001") if isinstance(e, SleepResumed)] == [0]
    assert nights.steps("sleep-0001") == whole.steps("sleep-0001")
    assert nights.sha256() == whole.sha256()
    assert nights.clean()


def test_a_sleep_that_was_killed_while_it_was_paused_goes_on(nights: Nights, whole: Nights) -> None:
    lab = nights.lab()
    cycle_id = lab.sleep.start()
    lab.sleep.pause(cycle_id)
    wait_until(lambda: any(e == SleepStaged(cycle_id, "paused") for e in nights.events(cycle_id)), 60)
    # While it is paused, it looks now and then whether it may go on, and nothing else happens.
    before = nights.events(cycle_id)
    (sleeper, *_) = sleepers(nights.workspace, "tests.sleep.keen")
    looked = sleeper.num_ctx_switches().voluntary
    wait_until(lambda: sleeper.num_ctx_switches().voluntary >= looked + 10, 60)
    assert nights.events(cycle_id) == before
    for process in sleepers(nights.workspace, "tests.sleep.keen"):
        assert process.memory_info().rss > 100 * 2**20
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not lab.record.journal.owned(cycle_id), 20)
    assert nights.events(cycle_id) == before
    again = nights.lab()
    assert end(last(again, again.sleep.start())).status == "complete"
    assert nights.sha256() == whole.sha256()


def test_an_interrupt_stops_a_sleep_that_tells_nothing(nights: Nights) -> None:
    lab = nights.lab()
    cycle_id = lab.sleep.start()
    interrupted = threading.Event()
    stages = []
    for progress in lab.sleep.watch(cycle_id, interrupted):
        stages.append(progress.stage)
        if progress.stage == "loading":
            lab.sleep.pause(cycle_id)
        if progress.stage == "paused":
            # Nothing follows in the journal until somebody acts.
            interrupted.set()
    assert "paused" in stages
    assert progress.ended is not None
    assert progress.ended.status == "cancelled"


def test_a_paused_sleep_waits_and_comes_to_the_same_end(nights: Nights, whole: Nights) -> None:
    lab, other = nights.lab(), nights.lab()
    cycle_id = lab.sleep.start()
    for progress in lab.sleep.follow(cycle_id, lambda: False):
        if progress.stage == "training":
            lab.sleep.pause(cycle_id)
        if progress.stage == "paused":
            # This lab looks away; another one goes on and follows to the end.
            break
    steps = nights.steps(cycle_id)
    assert 0 < len(steps) < len(whole.steps("sleep-0001"))
    assert other.sleep.running() == cycle_id
    assert nights.steps(cycle_id) == steps
    other.sleep.go_on(cycle_id)
    assert end(last(other, cycle_id)).status == "complete"
    assert nights.steps(cycle_id) == whole.steps("sleep-0001")
    assert nights.sha256() == whole.sha256()


def test_a_paused_sleep_can_be_stopped(nights: Nights) -> None:
    lab = nights.lab()
    cycle_id = lab.sleep.start()
    lab.sleep.pause(cycle_id)
    for progress in lab.sleep.follow(cycle_id, lambda: False):
        if progress.stage == "paused":
            lab.sleep.cancel(cycle_id)
    assert (end(progress).status, end(progress).adapter, nights.sha256()) == ("cancelled", None, [])
    assert nights.clean()
