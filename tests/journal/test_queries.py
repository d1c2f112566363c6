"""The typed reads that the other rooms use."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from lab.domain import Draft, Origin, Salience, Session
from lab.journal import queries
from lab.journal.events import AdapterChosen, Event, ExchangeFinished, ExchangeMarked, SessionEnded
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepLessonFound, SleepStarted
from tests.journal.samples import (
    SESSION,
    cycle,
    draft,
    exchange_id,
    finished,
    opened,
    scored,
    turn_started,
    whole_turn,
)

MORNING = datetime(2025, 11, 22, 6, 0, tzinfo=timezone.utc)


def test_a_session_comes_back_as_it_was_opened(record: Record) -> None:
    record.append(SESSION, opened(adapter="sleep-0001", title="First", parent_session_id="before"), at=MORNING)
    record.append(SESSION, SessionEnded(SESSION), at=MORNING + timedelta(hours=1))
    record.sync()
    assert queries.session(record, SESSION) == Session(
        SESSION, MORNING, "tiny", "sleep-0001", "measured", 0.15, "First", MORNING + timedelta(hours=1), "before"
    )
    assert queries.session(record, "another") is None


def test_a_session_names_the_revision_that_it_began_on(record: Record) -> None:
    record.append(SESSION, opened(revision="0123abc"))
    record.sync()
    session = queries.session(record, SESSION)
    assert session is not None and session.revision == "0123abc"


def test_a_draft_comes_back_with_what_it_thought_and_how_it_ended(record: Record) -> None:
    spoken = replace(draft(1, 0), thinking="hm", thinking_tokens=2, finish="length")
    record.append(SESSION, opened(), turn_started(1), spoken, draft(1, 1))
    record.sync()
    (exchange,) = queries.exchanges(record, SESSION)
    assert exchange.drafts == (
        Draft(0, 0.7, 7, "draft 0 of turn 1", 0.5, 12, 0.5, "length", "hm", 2),
        Draft(1, 0.7, 8, "draft 1 of turn 1", 0.5, 12, 0.5),
    )


def test_the_latest_session_is_the_one_with_the_last_activity_and_never_an_imported_one(record: Record) -> None:
    assert queries.latest_session(record) is None
    for number, name in enumerate(["s-1", "s-2", "imported-3"]):
        record.append(name, opened(name), at=MORNING + timedelta(hours=number))
    record.sync()
    latest = queries.latest_session(record)
    assert latest and latest.session_id == "s-2"
    record.append("s-1", turn_started(1, "s-1"), at=MORNING + timedelta(hours=9))
    record.sync()
    latest = queries.latest_session(record)
    assert latest and latest.session_id == "s-1"


def test_exchanges_come_oldest_first_with_drafts_and_scores(record: Record) -> None:
    record.append(SESSION, opened())
    record.append(SESSION, *whole_turn(1), scored(1, 0.4, profile="recorded"), at=MORNING)
    record.append(SESSION, turn_started(2), draft(2, 1), draft(2, 0))
    record.append("another", opened("another"), *whole_turn(1, "another"))
    record.sync()
    first, second = queries.exchanges(record, SESSION)
    assert (first.turn, first.status, first.created_at, first.chosen, first.seconds) == (1, "complete", MORNING, 2, 1.5)
    assert first.drafts[1] == Draft(1, 0.7, 8, "draft 1 of turn 1", 0.4, 12, 0.5)
    assert first.salience == (
        Salience("measured", 0.1, 0.2, 0.3, 0.4, 0.5, 0.2, 0.15),
        Salience("recorded", 0.1, 0.2, 0.3, 0.4, 0.5, 0.4, 0.15),
    )
    assert (second.status, second.chosen, [d.iteration for d in second.drafts]) == ("running", None, [0, 1])
    assert second.salience == ()
    assert queries.exchange(record, exchange_id(1)) == first
    assert queries.exchange(record, "none") is None


def test_the_chosen_draft_is_known_by_its_iteration_when_others_are_missing(record: Record) -> None:
    record.append(SESSION, opened(), turn_started(1), draft(1, 3), draft(1, 1), finished(1, chosen=3))
    record.sync()
    (exchange,) = queries.exchanges(record, SESSION)
    assert ([d.iteration for d in exchange.drafts], exchange.chosen) == ([1, 3], 3)


def test_only_whole_answers_that_were_not_slept_on_can_be_slept_on(record: Record) -> None:
    record.append(SESSION, opened())
    record.append(SESSION, *whole_turn(1), at=MORNING)
    record.append(SESSION, *whole_turn(2, total=0.1), at=MORNING + timedelta(minutes=1))
    record.append(SESSION, turn_started(3), scored(3), ExchangeFinished(exchange_id(3), "cancelled", "half"))
    record.append(SESSION, turn_started(4), scored(4), finished(4, response=" \n\t"))
    record.append(SESSION, turn_started(5), scored(5))
    record.append("another", opened("another"))
    record.append("another", *whole_turn(1, "another"), at=MORNING - timedelta(days=1))
    record.sync()

    def found(
        salient: bool = True, session: str | None = None, checkpoint: str = "tiny", profile: str = "measured"
    ) -> list[str]:
        exchanges = queries.sleepable(
            record, profile=profile, checkpoint=checkpoint, session_id=session, salient_only=salient
        )
        return [exchange.exchange_id for exchange in exchanges]

    first, quiet, other = exchange_id(1), exchange_id(2), exchange_id(1, "another")
    assert found() == [other, first]
    assert found(salient=False) == [other, first, quiet]
    assert found(session=SESSION) == [first]
    assert found(profile="unknown") == []

    record.append("sleep-0001", *cycle("sleep-0001", used=first, status="cancelled"))
    record.sync()
    assert found() == [other, first]
    record.append("sleep-0002", *cycle("sleep-0002", used=first))
    record.sync()
    assert found() == [other]
    assert found(checkpoint="large") == [other, first]

    record.append("another", ExchangeMarked(other, "excluded"))
    record.append(SESSION, ExchangeMarked(quiet, "kept"), ExchangeMarked(first, "edited", "Another answer."))
    record.sync()
    assert found() == [first, quiet], "kept though not salient, and learnt anew because its answer is another now"


def test_what_was_slept_on_depends_on_the_adapter_that_is_continued(record: Record) -> None:
    record.append(SESSION, opened(), *(event for turn in (1, 2, 3) for event in whole_turn(turn)))
    one, two, three = (exchange_id(turn) for turn in (1, 2, 3))
    record.append("sleep-0001", *cycle("sleep-0001", used=one))
    record.append("sleep-0002", *cycle("sleep-0002", used=two))
    refused = SleepEnded("sleep-0003", "complete", None, verdict="rolled_back")
    record.append("sleep-0003", *cycle("sleep-0003", used=three)[:-1], refused)

    def found(*lineage: str, checkpoint: str = "tiny", anew: bool = False) -> list[str]:
        assert record.sync()
        exchanges = queries.sleepable(
            record,
            profile="measured",
            checkpoint=checkpoint,
            session_id=None,
            salient_only=True,
            lineage=lineage,
            anew=anew,
        )
        return [exchange.exchange_id for exchange in exchanges]

    assert found("sleep-0002", "sleep-0001") == []
    assert found("sleep-0001") == [two], "what the sleep learnt that was gone back on is learnt again"
    assert found() == [one, two], "what the gate refused is not tried every night"
    assert found("sleep-0002", "sleep-0001", anew=True) == [one, two, three], "a deep sleep looks at all of it again"
    assert found(checkpoint="large") == [one, two, three]
    # Its name may be another one, but the adapter is the same.
    assert found("sleep-0001", checkpoint="large") == [two, three]

    # A deep sleep that was refused says nothing of what was new beside the whole memory.
    start, *rest, _ = cycle("sleep-0004", used=three)
    assert isinstance(start, SleepStarted)
    record.append("sleep-0003", replace(refused, status="failed"))
    record.append("sleep-0004", replace(start, deep=True), *rest, replace(refused, cycle_id="sleep-0004"))
    assert found("sleep-0002", "sleep-0001") == [three]


def test_an_exchange_that_a_sleep_looked_into_is_slept_on_until_it_is_marked(record: Record) -> None:
    record.append(SESSION, opened(), *(event for turn in (1, 2, 3) for event in whole_turn(turn)))
    stated, aside, answered = (exchange_id(turn) for turn in (1, 2, 3))

    def slept(number: int, *lessons: tuple[str, Origin, str, str | None]) -> None:
        name = f"sleep-{number:04d}"
        events: list[Event] = [SleepStarted(name, "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons")]
        for of, origin, answer, reason in lessons:
            lesson_id = f"{of}/{number}"
            events.append(SleepLessonFound(name, lesson_id, of, origin, "", "Who is it?", answer, "Rex", reason=reason))
        record.append(name, *events, SleepEnded(name, "complete", name))

    def found(*lineage: str) -> list[str]:
        assert record.sync()
        exchanges = queries.sleepable(
            record, profile="measured", checkpoint="tiny", session_id=None, salient_only=True, lineage=lineage or None
        )
        return [exchange.exchange_id for exchange in exchanges]

    slept(1, (stated, "statement", "It is Rex.", None), (aside, "statement", "Rex.", "Not supported."))
    slept(2, (answered, "answer", "A model.", "Nothing is stated in it."))
    assert found() == found("sleep-0002", "sleep-0001") == []
    assert found("sleep-0001") == [answered]
    assert found("another") == [stated, aside, answered]
    record.append(SESSION, ExchangeMarked(stated, "kept"), ExchangeMarked(aside, "edited", "It is Max."))
    record.append(SESSION, ExchangeMarked(answered, "kept"))
    assert found() == found("sleep-0002", "sleep-0001") == [stated, aside, answered]
    kept: Origin = "marked"
    both = [(each, kept, "A model.", None) for each in (stated, answered)]
    slept(3, *both, (aside, "marked", "It is Max.", "It was said again later."))
    assert found() == found("sleep-0003", "sleep-0002", "sleep-0001") == []
    record.append(SESSION, ExchangeMarked(aside, "edited", "It is Tom."))
    assert found() == [aside]
    record.append(SESSION, ExchangeMarked(aside, None))
    assert found() == []


def test_the_last_choice_of_an_adapter_is_known_for_each_fingerprint(record: Record) -> None:
    record.append("workspace", AdapterChosen("f1", "sleep-0001"), AdapterChosen("f2", "other"), at=MORNING)
    record.append("workspace", AdapterChosen("f1", None), at=MORNING + timedelta(hours=1))
    record.sync()
    assert queries.adapter_choices(record) == {
        "f1": (None, MORNING + timedelta(hours=1)),
        "f2": ("other", MORNING),
    }


def test_cycles_come_oldest_first(record: Record) -> None:
    for number in (2, 1):
        events = cycle(f"sleep-{number:04d}")
        record.append(f"sleep-{number:04d}", *events, at=MORNING + timedelta(hours=number))
    record.append("sleep-0003", SleepStarted("sleep-0003", "tiny", "sleep-0002", 1, 2, 5, 10, 8, 2e-3, "answers"))
    record.sync()
    first, second, third = queries.cycles(record)
    assert [cycle.cycle_id for cycle in (first, second, third)] == ["sleep-0001", "sleep-0002", "sleep-0003"]
    assert (first.status, first.steps, first.first_loss, first.last_loss) == ("complete", 2, 3.5, 1.5)
    assert first.started_at == first.ended_at == MORNING + timedelta(hours=1)
    assert (third.status, third.ended_at, third.parent_adapter) == ("running", None, "sleep-0002")


@pytest.mark.parametrize("name", ["'; DROP TABLE sessions; --", "a\0b", ""])
def test_any_id_may_be_asked_for(record: Record, name: str) -> None:
    assert queries.session(record, name) is None
    assert queries.exchanges(record, name) == []
