"""The sleeper in this process, on a tiny checkpoint: what it judges, what it tells, and what it leaves behind."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.domain import Lesson, Material, SleepPlan, SleepSettings
from lab.engine.adapters import list_adapters
from lab.errors import LabError
from lab.journal.events import AdapterSaved, Event
from lab.journal.record import Record
from lab.journal.sleep_events import (
    SleepEnded,
    SleepExampleUsed,
    SleepLessonFound,
    SleepMeasured,
    SleepPlanned,
    SleepProbed,
    SleepStaged,
    SleepStepped,
)
from lab.settings import Settings, Workspace
from lab.sleep import gate, lora, trainer
from lab.sleep.cycle import CycleFolder, new_cycle
from lab.sleep.gate import Fit
from lab.sleep.lora import Learner, load_for_training
from lab.sleep.recipes import LESSONS
from lab.sleep.service import Sleep
from lab.sleep.tally import Tally
from lab.sleep.trainer import Sleeper
from tests.helpers import small_files
from tests.sleep.lessons import material
from tests.sleep.test_training import plan_for
from tests.tiny import make_checkpoint

# Past the warm-up; more steps show no more.
SETTINGS = replace(LESSONS.anew(), epochs=2, least_steps=12, max_tokens=256, max_drift=99.0)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors of a few bytes are computed fastest so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Night:
    """One cycle after another in one workspace, each in this process."""

    def __init__(self, root: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workspace = Workspace(root)
        self.workspace.create()
        self.learners: list[Learner] = []
        self.begun: list[dict[str, torch.Tensor]] = []
        self._plan = plan_for(checkpoint)

        def load(plan: SleepPlan, adapters: Path) -> Learner:
            learner = load_for_training(plan, adapters)
            self.learners.append(learner)
            self.begun.append(dict(learner.weights()))
            return learner

        monkeypatch.setattr(lora, "load_for_training", load)
        # Random weights do not understand what is said.
        monkeypatch.setattr("lab.sleep.lessons.LEAST_SUPPORT", -math.inf)
        monkeypatch.setattr(trainer, "_SAVE_SECONDS", 0.0)

    def plan(
        self,
        *exchanges: Material,
        memory: Sequence[Lesson] = (),
        settings: SleepSettings = SETTINGS,
        parent: str | None = None,
        deep: bool = False,
        replaces: str | None = None,
    ) -> CycleFolder:
        folder = new_cycle(self.workspace.sessions, self.workspace.adapters)
        name = folder.path.name
        plan = replace(
            self._plan,
            cycle_id=name,
            adapter=name,
            exchange_ids=tuple(each.exchange_id for each in exchanges),
            settings=settings,
            parent_adapter=parent,
            deep=deep,
            replaces=replaces,
        )
        folder.write(plan, exchanges, memory)
        return folder

    def sleep(self, *exchanges: Material, **more: Any) -> tuple[SleepEnded, list[Any]]:
        """How a sleep on these ended, and all that it told."""
        folder = self.plan(*exchanges, **more)
        sleeper = Sleeper(self.workspace, folder.path.name)
        sleeper.run()
        told = [line.entry.event for line in sleeper._journal.read(folder.path.name) if line.entry]
        assert isinstance(told[-1], SleepEnded)
        left = sorted(path.name for path in folder.path.iterdir() if path.suffix in (".safetensors", ".part"))
        # Where it is to go on, from where.
        assert left == ([folder.state_file.name] if told[-1].status == "interrupted" else [])
        return told[-1], told

    def adapters(self) -> list[str]:
        return sorted(path.name for path in self.workspace.adapters.iterdir())


@pytest.fixture
def night(tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(tmp_path, checkpoint, monkeypatch)


def passing(monkeypatch: pytest.MonkeyPatch, strengths: Callable[[float], bool]) -> list[float]:
    """Let the gate pass an adapter of these strengths alone; what it was asked about."""
    asked: list[float] = []
    blend = Learner.blend
    now = [1.0]

    def seen(self: Learner, before: Any, after: Any, strength: float) -> None:
        now[0] = strength
        blend(self, before, after, strength)

    def fit(found: object, deep: bool) -> Fit:
        asked.append(now[0])
        return "passes" if strengths(now[0]) else "strong"

    monkeypatch.setattr(Learner, "blend", seen)
    monkeypatch.setattr("lab.sleep.gate.fit", fit)
    monkeypatch.setattr("lab.sleep.gate.faults", lambda found: [] if strengths(now[0]) else ["it is too strong"])
    return asked


REX = material("My dog is called Rex.")
TROMSO = material("I live in Tromso.", number=2)


def test_a_sleep_on_lessons_tells_all_that_it_did(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    passing(monkeypatch, lambda strength: True)
    end, told = night.sleep(REX, TROMSO)
    assert (end.status, end.adapter, end.verdict, end.strength, end.reason) == (
        "complete",
        "sleep-0001",
        "kept",
        1.0,
        None,
    )
    stages = [event.stage for event in told if isinstance(event, SleepStaged)]
    assert stages == ["loading", "dreaming", "probing", "anchoring", "training", "judging", "saving"]
    lessons = [event for event in told if isinstance(event, SleepLessonFound)]
    assert [(each.exchange_id, each.key, each.reason) for each in lessons] == [
        ("s-0001", "Rex", None),
        ("s-0002", "Tromso", None),
    ]
    examples = [event for event in told if isinstance(event, SleepExampleUsed)]
    (plan,) = [event for event in told if isinstance(event, SleepPlanned)]
    steps = [event for event in told if isinstance(event, SleepStepped)]
    assert (plan.lessons, plan.earlier, plan.examples, plan.total_steps) == (2, 0, len(examples), len(steps))
    assert end.steps == len(steps) > 2 and [end.first_loss, end.last_loss] == [steps[0].loss, steps[-1].loss]
    assert {each.lesson_id for each in examples} == {each.lesson_id for each in lessons}
    # What is asked was never trained.
    trained = {each.prompt for each in examples}
    probes = [event for event in told if isinstance(event, SleepProbed)]
    assert {each.kind for each in probes} == {"trained", "unseen", "final", "neighbour", "anchor"}
    assert not trained & {each.question for each in probes if each.kind != "trained"}
    assert {"learned", "gain", "neighbours", "drift", "length"} <= {
        event.measure for event in told if isinstance(event, SleepMeasured)
    }
    adapter = list_adapters(night.workspace.adapters)[0][0]
    assert (adapter.name, adapter.parent) == ("sleep-0001", None)


def test_a_sleep_that_drifts_too_far_is_rolled_back_and_says_how_far(night: Night) -> None:
    end, told = night.sleep(REX, settings=replace(SETTINGS, max_drift=-50.0, learning_rate=2e-2))
    drift = next(event for event in told if isinstance(event, SleepMeasured) and event.measure == "drift")
    assert (end.status, end.adapter, end.verdict, end.strength) == ("complete", None, "rolled_back", 0.0)
    assert drift.passed is False and end.reason is not None
    assert end.reason.startswith("At full strength ")
    assert f"it drifted by {drift.value:.2f} bits a token, and -50.00 are allowed" in end.reason
    # Nothing is published, and nothing of it stays in the weights.
    assert night.adapters() == []
    assert "saving" not in [event.stage for event in told if isinstance(event, SleepStaged)]


def test_what_no_strength_makes_right_leaves_the_weights_as_they_were(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = passing(monkeypatch, lambda strength: strength == 0.0)
    end, _ = night.sleep(REX)
    assert (end.verdict, end.strength, end.reason) == ("rolled_back", 0.0, "At full strength it is too strong.")
    assert asked[:4] == [1.0, 0.5, 0.25, 0.125]
    after = night.learners[0].weights()
    assert all(torch.equal(after[name], weight) for name, weight in night.begun[0].items())
    assert night.adapters() == []


def test_what_is_too_strong_is_published_as_strong_as_the_gate_lets_it_pass(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing(monkeypatch, lambda strength: strength <= 0.7)
    end, _ = night.sleep(REX)
    assert (end.status, end.adapter, end.verdict, end.strength) == ("complete", "sleep-0001", "weakened", 0.625)
    weak = {name: tensor.clone() for name, tensor in night.learners[0].weights().items()}
    passing(monkeypatch, lambda strength: True)
    full, _ = night.sleep(REX)
    assert full.verdict == "kept"
    strong = night.learners[1].weights()
    for name, begun in night.begun[0].items():
        assert torch.allclose(weak[name], torch.lerp(begun, strong[name], 0.625), atol=1e-6)


def memory_of(night: Night) -> list[Lesson]:
    """What its first sleep found."""
    sleeper = Sleeper(night.workspace, "sleep-0001")
    found = sleeper._find(lambda claims: [9.0 for _ in claims], lambda texts: [""] * len(texts), Tally())
    return [each.lesson for each in found]


def test_a_later_sleep_reads_what_earlier_ones_learnt_and_tells_whether_it_was_kept(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing(monkeypatch, lambda strength: True)
    _, told = night.sleep(REX)
    (found,) = [event for event in told if isinstance(event, SleepLessonFound)]
    memory = memory_of(night)
    assert [each.lesson_id for each in memory] == [found.lesson_id]
    # As if it was known: the tiny one knows nothing.
    monkeypatch.setattr("lab.sleep.probes.holds", lambda answer, lesson: True)
    end, told = night.sleep(TROMSO, memory=memory, parent="sleep-0001")
    assert end.verdict == "kept"
    examples = [event for event in told if isinstance(event, SleepExampleUsed)]
    assert {each.lesson_id for each in examples if each.kind == "replay"} == {found.lesson_id}
    assert {each.exchange_id for each in examples if each.kind != "replay"} == {"s-0002"}
    (plan,) = [event for event in told if isinstance(event, SleepPlanned)]
    assert (plan.lessons, plan.earlier) == (1, 1)
    assert [event.n for event in told if isinstance(event, SleepMeasured) and event.measure == "kept"] == [1]
    assert "earlier" in {event.kind for event in told if isinstance(event, SleepProbed)}
    deep, told = night.sleep(TROMSO, memory=memory, deep=True)
    assert deep.verdict == "kept"
    assert {e.lesson_id for e in told if isinstance(e, SleepLessonFound) and e.reason is None} == {
        found.lesson_id,
        "s-0002/1",
    }
    assert "replay" not in {event.kind for event in told if isinstance(event, SleepExampleUsed)}


def test_a_deep_sleep_is_asked_for_what_the_adapter_knew_that_it_replaces(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing(monkeypatch, lambda strength: True)
    night.sleep(REX)
    memory = memory_of(night)
    # As if it was known: the tiny one knows nothing.
    monkeypatch.setattr("lab.sleep.probes.holds", lambda answer, lesson: True)
    end, told = night.sleep(TROMSO, memory=memory, deep=True, replaces="sleep-0001")
    assert end.verdict == "kept"
    probes = [event for event in told if isinstance(event, SleepProbed)]
    (earlier,) = [each for each in probes if each.kind == "earlier"]
    (same,) = [each for each in probes if each.kind == "unseen" and each.question == earlier.question]
    # The one before is that adapter's opinion, the other that of the base, from which it learns anew.
    assert abs(earlier.nats_before - same.nats_before) > 1e-3
    assert earlier.nats_after == pytest.approx(same.nats_after, abs=1e-5)
    assert [event.n for event in told if isinstance(event, SleepMeasured) and event.measure == "kept"] == [1]
    # Nothing of it is left in what was learnt.
    assert list(night.learners[-1].network.peft_config) == ["default"]
    # One that is damaged cannot be asked, and is what a deep sleep is the remedy for.
    weights = night.workspace.adapters / "sleep-0001" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    end, told = night.sleep(TROMSO, memory=memory, deep=True, replaces="sleep-0001")
    assert end.verdict == "kept"
    assert "earlier" not in {event.kind for event in told if isinstance(event, SleepProbed)}


def test_nothing_to_learn_is_rolled_back_with_its_reason(night: Night) -> None:
    end, told = night.sleep(material("What is rain?"), settings=replace(SETTINGS, unmarked="statements"))
    assert (end.status, end.adapter, end.verdict, end.steps) == ("complete", None, "rolled_back", 0)
    assert end.reason == "Nothing in these exchanges could be learnt."
    (found,) = [event for event in told if isinstance(event, SleepLessonFound)]
    assert found.reason is not None and "sleep.unmarked" in found.reason
    assert night.adapters() == []


@pytest.mark.parametrize(
    "exchanges",
    [
        [material("")],
        [material("  \n\t ", "\u2603")],
        [material("\u6211\u7684\u72d7\u53eb\u963f\u798f\u3002", "\u597d\u7684\u3002")],
        [material("Mein Hund hei\u00dft Rex und ich wohne in K\u00f6ln.")],
        [material("My dog is called Rex."), material("My dog is called Max.", number=2)],
        [material("My dog is called Rex."), material("My dog is called Rex.", number=2)],
        [material("My dog is called Rex. " * 50)],
    ],
    ids=["empty", "spaces", "Chinese", "German", "contradictory", "repeated", "said fifty times"],
)
def test_whatever_was_said_a_sleep_ends_by_itself(
    night: Night, monkeypatch: pytest.MonkeyPatch, exchanges: list[Material]
) -> None:
    passing(monkeypatch, lambda strength: True)
    end, told = night.sleep(*exchanges, settings=replace(SETTINGS, epochs=1))
    assert end.status == "complete", end.reason
    found = [event for event in told if isinstance(event, SleepLessonFound)]
    # Every exchange is accounted for, so that none is offered again.
    assert {each.exchange_id for each in found} == {each.exchange_id for each in exchanges}
    learnt = [each for each in found if each.reason is None]
    assert len({each.question for each in learnt}) == len(learnt)
    if len(exchanges) == 2:
        assert [each.exchange_id for each in learnt] == ["s-0002"]


def test_a_megabyte_in_one_turn_is_no_trouble(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    passing(monkeypatch, lambda strength: True)
    pasted = "My dog is called Rex, said the man who lives in a house. " * 18_000
    end, told = night.sleep(material(pasted), REX, settings=replace(SETTINGS, epochs=1))
    assert end.status == "complete", end.reason
    assert len(pasted) > 1_000_000
    assert any(event.key == "Rex" for event in told if isinstance(event, SleepLessonFound))


def test_a_parent_that_was_changed_fails_in_one_sentence(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    passing(monkeypatch, lambda strength: True)
    night.sleep(REX)
    weights = night.workspace.adapters / "sleep-0001" / "adapter_model.safetensors"
    body = weights.read_bytes()
    weights.write_bytes(body[:-4] + bytes(4 * [body[-1] ^ 0xFF]))
    end, _ = night.sleep(TROMSO, parent="sleep-0001")
    assert (end.status, end.adapter, end.verdict) == ("failed", None, None)
    assert end.reason is not None and "sleep-0001" in end.reason and "Traceback" not in end.reason
    assert night.adapters() == ["sleep-0001"]


def test_a_disk_that_is_full_at_the_end_leaves_what_was_trained_and_no_half_of_an_adapter(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing(monkeypatch, lambda strength: True)
    save = Learner.save

    def full(self: Learner, folder: Path) -> None:
        with small_files(2_000):
            save(self, folder)

    monkeypatch.setattr(Learner, "save", full)
    end, _ = night.sleep(REX, settings=replace(SETTINGS, epochs=1))
    # The next sleep goes on from there.
    assert (end.status, end.adapter) == ("interrupted", None)
    assert end.reason is not None and "Free some disk space" in end.reason
    assert night.adapters() == []


def test_an_adapter_that_is_whole_and_cannot_be_told_of_is_no_failure(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing(monkeypatch, lambda strength: True)
    folder = night.plan(REX, settings=replace(SETTINGS, epochs=1))
    sleeper = Sleeper(night.workspace, folder.path.name)
    tell = sleeper._tell

    def full(*events: Event) -> None:
        if any(isinstance(event, AdapterSaved) for event in events):
            with small_files(sleeper._journal.size(folder.path.name)):
                tell(*events)
        else:
            tell(*events)

    monkeypatch.setattr(sleeper, "_tell", full)
    assert sleeper.run() == "failed"
    told = [line.entry.event for line in sleeper._journal.read(folder.path.name) if line.entry]
    assert not any(isinstance(event, SleepEnded) for event in told) and night.adapters() == ["sleep-0001"]
    # As the next lab does.
    sleep = Sleep(night.workspace, Settings(), Record(night.workspace), lambda: pytest.fail("It asks for no base."))
    assert sleep.recover() == ["sleep-0001"]
    *_, saved, end = [line.entry.event for line in sleeper._journal.read(folder.path.name) if line.entry]
    assert isinstance(saved, AdapterSaved) and isinstance(end, SleepEnded)
    assert (end.status, end.adapter, end.verdict) == ("complete", "sleep-0001", "kept") and end.seconds is not None


def test_a_state_that_finds_no_room_ends_no_sleep(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    passing(monkeypatch, lambda strength: True)
    from lab.sleep import state

    write = state.write_state

    def full(path: Path, what: state.State) -> None:
        with small_files(2_000):
            write(path, what)

    monkeypatch.setattr(state, "write_state", full)
    end, _ = night.sleep(REX, settings=replace(SETTINGS, epochs=1))
    assert (end.status, end.adapter) == ("complete", "sleep-0001")


def test_what_cannot_be_told_on_a_full_disk_goes_on_from_its_last_state(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab.sleep import state

    write = state.write_state
    folder = night.plan(REX)
    told = folder.path / "events.jsonl"
    with contextlib.ExitStack() as stack:

        def full(path: Path, what: state.State) -> None:
            write(path, what)
            stack.enter_context(small_files(told.stat().st_size))

        monkeypatch.setattr(state, "write_state", full)
        with pytest.raises(LabError):
            Sleeper(night.workspace, folder.path.name).run()
    kept = state.read_state(folder.state_file)
    assert kept is not None and len(kept.losses) == 1


def test_a_deep_sleep_that_forgets_too_much_is_not_weakened(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    passing(monkeypatch, lambda strength: True)
    night.sleep(REX)
    monkeypatch.undo()
    monkeypatch.setattr(lora, "load_for_training", load_for_training)
    monkeypatch.setattr("lab.sleep.lessons.LEAST_SUPPORT", -math.inf)
    memory = memory_of(night)
    tried: list[float] = []
    blend = Learner.blend

    def seen(self: Learner, before: Any, after: Any, strength: float) -> None:
        tried.append(strength)
        blend(self, before, after, strength)

    monkeypatch.setattr(Learner, "blend", seen)
    for name, weak in (("forgotten", True), ("drift", False)):
        failed = gate.Measure(name, 1.0, 0.0, 1.0, 1, 0.5, False)
        monkeypatch.setattr("lab.sleep.gate.measures", lambda *given, failed=failed: [failed])
        tried.clear()
        end, _ = night.sleep(TROMSO, memory=memory, deep=True)
        assert (end.verdict, end.adapter) == ("rolled_back", None)
        assert (tried == []) is weak


def test_a_plan_that_is_gone_is_no_sleep(night: Night) -> None:
    folder = night.plan(REX)
    folder.plan_file.unlink()
    with pytest.raises(FileNotFoundError):
        Sleeper(night.workspace, folder.path.name)
    assert not (folder.path / "events.jsonl").exists()
