"""What an adapter has learnt: its parents, and the lessons of their sleeps that still hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from lab.domain import Lesson, SleepExample
from lab.journal.events import AdapterSaved, Event, ExchangeMarked
from lab.journal.memory import half_spent, learnt_from, lineage, memory, since_deep, strained
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepLessonFound, SleepMeasured, SleepStarted
from tests.journal.samples import SESSION, exchange_id, opened, whole_turn

MORNING = datetime(2025, 11, 22, 6, 0, tzinfo=timezone.utc)


def saved(adapter: str, parent: str | None) -> AdapterSaved:
    return AdapterSaved(adapter, "tiny", "f" * 64, parent, adapter, f"adapters/{adapter}", "0" * 64, 10)


def lesson(cycle_id: str, of: str, question: str, answer: str = "Rex.", **other: Any) -> SleepLessonFound:
    values = {"origin": "statement", "statement": f"It is {answer}", "key": answer} | other
    lesson_id = values.pop("lesson_id", f"{of}/1")
    return SleepLessonFound(cycle_id, lesson_id, of, question=question, answer=answer, **values)


def slept(record: Record, number: int, *lessons: SleepLessonFound, **ended: Any) -> str:
    """A sleep with these lessons and an example of each."""
    name = f"sleep-{number:04d}"
    events: list[Event] = [SleepStarted(name, "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons"), *lessons]
    for each in lessons:
        if each.reason is None:
            example = SleepExampleUsed(name, each.exchange_id, "original", each.question, each.answer, each.lesson_id)
            events.append(example)
    values = {"status": "complete", "adapter": name, "verdict": "kept"} | ended
    record.append(name, *events, SleepEnded(name, **values), at=MORNING + timedelta(hours=number))
    return name


def talked(record: Record, turns: int) -> list[str]:
    record.append(SESSION, opened(), *(event for turn in range(1, turns + 1) for event in whole_turn(turn)))
    return [exchange_id(turn) for turn in range(1, turns + 1)]


def questions(record: Record, *adapters: str) -> list[str]:
    assert record.sync()
    return [each.question for each in memory(record, adapters)]


@pytest.mark.parametrize(
    ("ended", "started", "failed", "drift", "expected"),
    [
        ({"verdict": "weakened", "strength": 0.25}, {}, None, 0.05, True),
        ({"verdict": "rolled_back", "adapter": None}, {}, "drift", 0.2, True),
        ({"verdict": "rolled_back", "adapter": None}, {}, "gain", 0.2, False),
        ({"verdict": "kept"}, {}, None, 0.07, False),
        ({"verdict": "kept"}, {}, None, 0.08, True),
        ({"verdict": "weakened", "status": "cancelled"}, {}, None, 0.08, False),
        # There was nothing beside which it could have been too much.
        ({"verdict": "weakened"}, {"parent_adapter": None}, None, 0.08, False),
        ({"verdict": "weakened"}, {"deep": True}, None, 0.08, False),
        ({"verdict": "kept"}, {"deep": True}, None, 0.08, False),
    ],
)
def test_a_sleep_that_could_not_be_kept_whole_or_left_no_room_to_drift_strained_the_adapter(
    record: Record,
    ended: dict[str, Any],
    started: dict[str, Any],
    failed: str | None,
    drift: float,
    expected: bool,
) -> None:
    first = SleepStarted("sleep-0001", "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons")
    start = replace(first, **{"cycle_id": "sleep-0002", "parent_adapter": "sleep-0001"} | started)
    values = {"status": "complete", "adapter": "sleep-0002"} | ended
    told = [
        SleepMeasured("sleep-0002", name, value, 0.0, 0.3, 5, 0.1, name != failed)
        for name, value in (("gain", 0.2), ("drift", drift), ("length", 0.2))
    ]
    little = SleepMeasured("sleep-0001", "drift", 0.03, 0.0, 0.1, 24, 0.1, True)
    kept = SleepEnded("sleep-0001", "complete", "sleep-0001", verdict="kept")
    record.append("sleep-0001", first, little, kept, at=MORNING)
    record.append("sleep-0002", start, *told, SleepEnded("sleep-0002", **values), at=MORNING + timedelta(hours=1))
    assert record.sync()
    newest = (values["adapter"], "sleep-0001") if values["adapter"] else ("sleep-0001",)
    assert strained(record, newest) is expected
    assert not strained(record, ()) and not strained(record, ("other",))
    assert not strained(record, ("sleep-0001",)) or values["adapter"] is None


def test_a_deep_sleep_that_was_refused_is_not_tried_again_at_once(record: Record) -> None:
    slept(record, 1)
    record.append("sleep-0001", saved("sleep-0001", None), at=MORNING)
    start = SleepStarted("sleep-0002", "tiny", "sleep-0001", 1, 1, 1, 1, 8, 1e-3, "lessons")
    told = SleepMeasured("sleep-0002", "gain", 0.2, 0.1, 0.3, 5, 0.0, True)
    weakened = SleepEnded("sleep-0002", "complete", "sleep-0002", verdict="weakened", strength=0.5)
    record.append("sleep-0002", start, told, weakened, at=MORNING + timedelta(hours=2))
    record.append("sleep-0002", saved("sleep-0002", "sleep-0001"), at=MORNING + timedelta(hours=2))
    assert record.sync()
    assert strained(record, ("sleep-0002", "sleep-0001"))
    deep = SleepStarted("sleep-0003", "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons", deep=True)
    refused = SleepEnded("sleep-0003", "complete", None, verdict="rolled_back")
    told = replace(told, cycle_id="sleep-0003")
    record.append("sleep-0003", deep, told, refused, at=MORNING + timedelta(hours=3))
    assert record.sync()
    assert not strained(record, ("sleep-0002", "sleep-0001"))


@pytest.mark.parametrize(("first", "expected"), [(0.05, True), (0.07, False), (0.09, False), (None, False)])
def test_where_a_sleep_from_the_base_drifts_nearly_as_far_a_deep_one_would_not_help(
    record: Record, first: float | None, expected: bool
) -> None:
    drifted(record, first, 0.04, 0.09)
    assert strained(record, ("sleep-0003", "sleep-0002", "sleep-0001")) is expected


@pytest.mark.parametrize("status", ["cancelled", "failed", "complete"])
def test_a_deep_sleep_that_was_stopped_or_failed_is_not_tried_again_at_once(record: Record, status: str) -> None:
    drifted(record, 0.03, 0.09)
    record.append("sleep-0001", saved("sleep-0002", "sleep-0001"))
    lineage = ("sleep-0002", "sleep-0001")
    assert record.sync() and strained(record, lineage)
    deep = SleepStarted("sleep-0009", "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons", deep=True)
    ended = SleepEnded("sleep-0009", status, None)  # type: ignore[arg-type]
    record.append("sleep-0009", deep, ended, at=MORNING + timedelta(hours=9))
    assert record.sync() and not strained(record, lineage)


def drifted(record: Record, *drifts: float | None) -> None:
    """A sleep from the base and others on top of it, each kept; None is one that was not measured."""
    for number, drift in enumerate(drifts, 1):
        name = f"sleep-{number:04d}"
        start = SleepStarted(name, "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons")
        if number > 1:
            start = replace(start, parent_adapter=f"sleep-{number - 1:04d}")
        told = [] if drift is None else [SleepMeasured(name, "drift", drift, 0.0, 0.2, 24, 0.1, True)]
        ended = SleepEnded(name, "complete", name, verdict="kept")
        record.append(name, start, *told, ended, at=MORNING + timedelta(hours=number))
    assert record.sync()


@pytest.mark.parametrize(("drift", "expected"), [(0.049, False), (0.05, True), (0.2, True), (None, False)])
def test_half_of_the_drift_is_spent_by_the_newest_adapter(record: Record, drift: float | None, expected: bool) -> None:
    drifted(record, 0.09, drift)
    assert half_spent(record, ("sleep-0002", "sleep-0001")) is expected
    assert half_spent(record, ("sleep-0001",)) and not half_spent(record, ())


def test_the_sleeps_since_the_last_deep_one_are_counted(record: Record) -> None:
    assert since_deep(record, ()) == 0
    record.append("sleep-0001", saved("sleep-0001", None), saved("sleep-0002", "sleep-0001"))
    assert record.sync()
    assert since_deep(record, ("sleep-0002", "sleep-0001")) == 2
    start = SleepStarted("sleep-0003", "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons", deep=True)
    record.append("sleep-0003", start, SleepEnded("sleep-0003", "complete", "sleep-0003"), saved("sleep-0003", None))
    record.append("sleep-0003", saved("sleep-0004", "sleep-0003"))
    assert record.sync()
    assert since_deep(record, ("sleep-0003",)) == 0
    assert since_deep(record, ("sleep-0004", "sleep-0003")) == 1
    # One that was refused would be due every night.
    refused = SleepEnded("sleep-0005", "complete", None, verdict="rolled_back")
    record.append("sleep-0005", replace(start, cycle_id="sleep-0005"), refused)
    assert record.sync()
    assert since_deep(record, ("sleep-0004", "sleep-0003")) == 0
    record.append("sleep-0005", saved("sleep-0006", "sleep-0004"))
    assert record.sync()
    assert since_deep(record, ("sleep-0006", "sleep-0004", "sleep-0003")) == 1
    for status in ("cancelled", "failed"):
        record.append("sleep-0007", saved("sleep-0008", "sleep-0006"))
        assert record.sync() and since_deep(record, ("sleep-0008", "sleep-0006")) > 0
        ended = SleepEnded("sleep-0007", status, None)
        record.append("sleep-0007", replace(start, cycle_id="sleep-0007"), ended)
        assert record.sync() and since_deep(record, ("sleep-0008", "sleep-0006")) == 0


def test_a_rolled_back_sleep_that_found_nothing_to_learn_strained_nothing(record: Record) -> None:
    start = SleepStarted("sleep-0002", "tiny", "sleep-0001", 1, 0, 5, 0, 8, 1e-3, "lessons")
    record.append("sleep-0002", start, SleepEnded("sleep-0002", "complete", verdict="rolled_back"), at=MORNING)
    assert record.sync()
    assert not strained(record, ("sleep-0001",))


def test_a_lineage_is_the_adapter_and_its_parents_also_in_a_circle(record: Record) -> None:
    record.append("a", saved("a", None), saved("b", "a"), saved("c", "b"), saved("x", "a"))
    record.append("a", saved("one", "two"), saved("two", "one"), saved("orphan", "lost"))
    assert record.sync()
    assert lineage(record, None) == ()
    assert lineage(record, "c") == ("c", "b", "a")
    assert lineage(record, "x") == ("x", "a")
    assert lineage(record, "one") == ("one", "two")
    assert lineage(record, "orphan") == ("orphan", "lost")
    assert lineage(record, "unknown") == ("unknown",)


def test_a_lesson_comes_back_as_it_was_found_with_its_examples_in_order(record: Record) -> None:
    (first,) = talked(record, 1)
    found = lesson(
        "sleep-0001",
        first,
        "What is my dog called?",
        "Rex is your dog.",
        key="Rex",
        support=12.5,
        unseen=("Do you know?", "And you?"),
        final=("Say it.",),
        neighbours=("What is my cat called?",),
        salience=0.3,
    )
    record.append("sleep-0001", SleepStarted("sleep-0001", "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons"), found)
    used = [
        SleepExample(first, kind, f"prompt {number}", "Rex is your dog.", f"{first}/1", "pattern", 0.5)
        for number, kind in enumerate(["reworded", "original", "emotion"])
    ]
    for each in (*used, SleepExample(first, "replay", "again", "Rex", f"{first}/1")):
        fields = (each.exchange_id, each.kind, each.prompt, each.target, each.lesson_id, each.source, each.similarity)
        record.append("sleep-0001", SleepExampleUsed("sleep-0001", *fields))
    record.append("sleep-0001", SleepEnded("sleep-0001", "complete", "sleep-0001"))
    assert record.sync()
    ((begun,),) = record.query("SELECT epoch(created_at) FROM exchanges").rows
    assert memory(record, ["sleep-0001"]) == [
        Lesson(
            f"{first}/1",
            first,
            "statement",
            "It is Rex is your dog.",
            "What is my dog called?",
            "Rex is your dog.",
            "Rex",
            12.5,
            tuple(used),
            ("Do you know?", "And you?"),
            ("Say it.",),
            ("What is my cat called?",),
            0.3,
            begun,
        )
    ]


def test_only_what_the_sleeps_of_the_lineage_learnt_is_remembered_oldest_first(record: Record) -> None:
    one, two, three, four = talked(record, 4)
    slept(record, 2, lesson("sleep-0002", two, "Second?"))
    assert questions(record, "sleep-0002") == ["Second?"]
    slept(record, 1, lesson("sleep-0001", one, "First?"), lesson("sleep-0001", three, "Aside?", reason="No."))
    slept(record, 3, lesson("sleep-0003", three, "Another line?"))
    slept(record, 4, lesson("sleep-0004", four, "Broken off?"), status="cancelled")
    assert questions(record, "sleep-0004", "sleep-0002", "sleep-0001") == ["First?", "Second?"]
    assert questions(record, "sleep-0003") == ["Another line?"]
    assert questions(record) == []


def test_of_two_lessons_with_one_question_the_later_one_is_remembered(record: Record) -> None:
    one, two, three = talked(record, 3)
    slept(record, 1, lesson("sleep-0001", one, "What is my  dog called?"), lesson("sleep-0001", two, "Where?"))
    slept(record, 2, lesson("sleep-0002", three, "what is my dog\ncalled?", "Max."))
    adapters = ("sleep-0002", "sleep-0001")
    assert questions(record, *adapters) == ["Where?", "what is my dog\ncalled?"]
    # Without the later one the earlier one holds again.
    record.append(SESSION, ExchangeMarked(three, "excluded"))
    assert questions(record, *adapters) == ["What is my  dog called?", "Where?"]


def test_what_was_excluded_or_is_gone_or_has_another_answer_now_is_not_remembered(record: Record) -> None:
    stated, answered, marked, excluded = talked(record, 4)
    slept(
        record,
        1,
        lesson("sleep-0001", stated, "Stated?"),
        lesson("sleep-0001", answered, "Answered?", "A model.", origin="answer"),
        lesson("sleep-0001", marked, "Marked?", "Better.", origin="marked"),
        lesson("sleep-0001", excluded, "Excluded?"),
        lesson("sleep-0001", "nobody-0001", "Gone?"),
    )
    record.append(SESSION, ExchangeMarked(marked, "edited", "Better."))
    assert questions(record, "sleep-0001") == ["Stated?", "Answered?", "Marked?", "Excluded?"]
    record.append(SESSION, ExchangeMarked(excluded, "excluded"), ExchangeMarked(marked, "edited", "Best."))
    record.append(SESSION, ExchangeMarked(answered, "edited", "Another."), ExchangeMarked(stated, "edited", "Other."))
    assert questions(record, "sleep-0001") == ["Stated?"]


def test_the_adapters_that_learnt_from_an_exchange_are_known_also_by_a_replay(record: Record) -> None:
    one, two = talked(record, 2)
    slept(record, 1, lesson("sleep-0001", one, "First?"))
    slept(record, 2, lesson("sleep-0002", two, "Second?"))
    record.append("sleep-0002", SleepExampleUsed("sleep-0002", one, "replay", "First?", "Rex.", f"{one}/1"))
    slept(record, 3, lesson("sleep-0003", one, "First?"), verdict="rolled_back")
    slept(record, 4, lesson("sleep-0004", one, "First?"), status="failed", adapter=None)
    assert record.sync()
    assert learnt_from(record, one) == ["sleep-0001", "sleep-0002"]
    # Whoever continues one of them has what it knows.
    slept(record, 5, lesson("sleep-0005", two, "Third?"))
    slept(record, 6, lesson("sleep-0006", two, "Fourth?"))
    record.append("sleep-0005", saved("sleep-0005", "sleep-0001"))
    record.append("sleep-0006", saved("sleep-0006", "sleep-0005"), saved("sleep-0007", None))
    assert record.sync()
    assert learnt_from(record, one) == ["sleep-0001", "sleep-0002", "sleep-0005", "sleep-0006"]
    assert learnt_from(record, "nobody") == []
