"""What the history finds, in which order, and with which numbers."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from lab.errors import LabError
from lab.journal.events import (
    ExchangeFinished,
    ExchangeMarked,
    SalienceScored,
    SessionOpened,
    SessionTitled,
    TurnStarted,
)
from lab.journal.history import Counts, HistoryFilter, Hit, brief, count, page, parse, search
from lab.journal.record import Record

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)
ALL = HistoryFilter()


def say(
    record: Record,
    session: str,
    *answers: str,
    hour: int = 0,
    total: float = 0.2,
    question: str = "Who?",
    profile: str = "measured",
    checkpoint: str = "tiny",
    adapter: str | None = None,
    **opened: str,
) -> None:
    """A session with these answers, a minute apart from `hour` hours after noon on."""
    start = SessionOpened(session, checkpoint, adapter, "measured", 0.15, **{"title": f"about {session}", **opened})
    record.append(session, start, at=NOON + timedelta(hours=hour))
    for turn, answer in enumerate(answers, 1):
        name = f"{session}-{turn:04d}"
        record.append(
            session,
            TurnStarted(name, session, turn, question, checkpoint, adapter),
            ExchangeFinished(name, "complete", answer, 0, True, 30, 12, 1.5),
            SalienceScored(name, profile, 0.1, 0.2, 0.3, 0.4, total + turn / 100, total, 0.15, total >= 0.15),
            at=NOON + timedelta(hours=hour, minutes=turn),
        )
    record.sync()


def names(record: Record, line: str = "", limit: int = 100, offset: int = 0) -> list[str]:
    return [summary.session_id for summary in page(record, parse(line), "measured", limit, offset)]


def found(record: Record, line: str, limit: int = 100, before: Hit | None = None) -> list[str]:
    return [hit.exchange_id for hit in search(record, parse(line), "measured", limit, before)]


def test_the_latest_activity_comes_first_and_pages_follow_each_other(record: Record) -> None:
    for hour, name in enumerate(("s1", "s2", "s3")):
        say(record, name, "yes", hour=hour)
    record.append("s1", TurnStarted("s1-0002", "s1", 2, "And?", "tiny", None), at=NOON + timedelta(hours=9))
    record.sync()
    assert names(record) == ["s1", "s3", "s2"]
    assert names(record, limit=2) == ["s1", "s3"]
    assert names(record, limit=2, offset=2) == ["s2"]


def test_a_session_is_summed_up_over_all_its_exchanges_whatever_the_filter_found(record: Record) -> None:
    say(record, "s1", "one", "two", total=0.1)
    say(record, "s1", "one", "two", "three", total=0.25, hour=1)
    (summary,) = page(record, parse("three"), "measured", 10)
    assert (summary.exchanges, summary.totals, summary.salient, summary.mean) == (3, (0.25,) * 3, 1.0, 0.25)
    assert (summary.started_at, summary.last_at) == (NOON, NOON + timedelta(hours=1, minutes=3))


def test_the_scores_are_those_of_the_profile(record: Record) -> None:
    say(record, "s1", "one", total=0.1)
    record.append("s1", SalienceScored("s1-0001", "recorded", 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.3, True))
    record.sync()
    (ours,), (theirs,) = page(record, ALL, "measured", 10), page(record, ALL, "recorded", 10)
    assert (ours.mean, ours.salient, theirs.mean, theirs.salient) == (0.1, 0.0, 0.9, 1.0)
    assert names(record, "conflict>0.5") == []
    assert search(record, parse("salient"), "recorded", 10)[0].total == 0.9


def test_a_long_session_has_sixty_points_in_order(record: Record) -> None:
    record.append("s1", SessionOpened("s1", "tiny", None, "measured", 0.15, "long"))
    for turn in range(1, 151):
        name = f"s1-{turn:04d}"
        start = TurnStarted(name, "s1", turn, "q", "tiny", None)
        record.append("s1", start, SalienceScored(name, "measured", 0, 0, 0, 0, 0, turn / 150, 0.15, True))
    record.sync()
    (summary,) = page(record, ALL, "measured", 10)
    assert len(summary.totals) == 60
    assert list(summary.totals) == sorted(summary.totals)
    assert summary.totals[0] == pytest.approx(2 / 150)


def test_a_session_without_exchanges_is_there_until_something_is_looked_for(record: Record) -> None:
    record.append("s1", SessionOpened("s1", "tiny", None, "measured", 0.15), at=NOON)
    record.sync()
    (summary,) = page(record, ALL, "measured", 10)
    assert (summary.title, summary.exchanges, summary.mean, summary.totals) == ("s1", 0, None, ())
    assert names(record, "salient") == []
    assert count(record, ALL, "measured") == Counts(1, 0)


def test_a_fork_names_the_turn_that_it_went_on_from(record: Record) -> None:
    say(record, "s1", "one", "two", title="The first")
    say(record, "s2", "three", hour=1, parent_session_id="s1", parent_exchange_id="s1-0002")
    fork, parent = page(record, ALL, "measured", 10)
    assert (fork.parent_session_id, fork.parent_title, fork.parent_turn) == ("s1", "The first", 2)
    assert (parent.parent_session_id, parent.parent_title, parent.parent_turn) == (None, None, None)


def test_a_text_is_found_in_message_answer_edited_answer_and_title_in_whatever_case(record: Record) -> None:
    say(record, "s1", "plain", question="What is a RABBIT?")
    say(record, "s2", "The Rabbit ran.", hour=1)
    say(record, "s3", "plain", hour=2)
    record.append("s3", ExchangeMarked("s3-0001", "edited", "a rabbit, surely"))
    say(record, "s4", "plain", "plain", hour=3, title="Of rabbits")
    say(record, "s5", "plain", hour=4)
    assert found(record, "rabbit") == ["s4-0001", "s3-0001", "s2-0001", "s1-0001"]
    assert names(record, "rAbBiT") == ["s4", "s3", "s2", "s1"]
    assert count(record, parse("rabbit"), "measured") == Counts(4, 4)


def test_a_renamed_session_is_found_by_its_new_title(record: Record) -> None:
    say(record, "s1", "plain")
    record.append("s1", SessionTitled("s1", "Of owls"))
    record.sync()
    assert found(record, "owls") == ["s1-0001"]
    assert found(record, '"about s1"') == []


@pytest.mark.parametrize("text", ["100%", "a_b", "[x]", "c:\\d", "it's"])
def test_a_text_is_taken_literally(record: Record, text: str) -> None:
    say(record, "s1", f"It says {text} here.", "It says 100 and aXb and x and c:d and its here.")
    assert found(record, text) == ["s1-0001"]


def test_an_id_finds_its_exchange_or_its_session(record: Record) -> None:
    say(record, "s1", "one", "two", title="first")
    say(record, "s2", "one", "two", title="second")
    assert found(record, "s1-0002") == ["s1-0002"]
    assert found(record, "s2") == ["s2-0001"]
    assert names(record, "s2") == ["s2"]


def test_a_session_found_by_its_title_is_one_hit_beside_those_of_its_text(record: Record) -> None:
    say(record, "s1", "an owl", "no bird", "an owl", title="The owl")
    assert found(record, "owl") == ["s1-0003", "s1-0001"]


def test_a_title_is_text_of_every_exchange_that_meets_the_other_conditions(record: Record) -> None:
    say(record, "s1", "one", "two", "three", title="The owl")
    record.append("s1", ExchangeMarked("s1-0002", "kept"), ExchangeMarked("s1-0003", "kept"))
    record.sync()
    assert found(record, "owl marked:kept") == ["s1-0002"]
    assert names(record, "s1 marked:kept") == ["s1"]
    assert count(record, parse("owl marked:kept"), "measured") == Counts(1, 1)
    assert found(record, "owl marked:edited") == []


@pytest.mark.parametrize(
    ("line", "sessions"),
    [
        ("salient", ["s3", "s2"]),
        ("conflict>0.3", ["s3"]),
        ("total>=0.2 total>=0.3", ["s3"]),
        ("model:QWEN", ["s2"]),
        ("adapter:sleep-0001", ["s3"]),
        ("adapter:none", ["s2", "s1"]),
        ("since:2026-01-03", ["s3"]),
        ("until:2026-01-02", ["s2", "s1"]),
        ("marked:kept", ["s2"]),
        ("marked:any", ["s2", "s1"]),
        ("salient yes model:tiny", ["s3"]),
    ],
)
def test_conditions_are_met_all_at_once(record: Record, line: str, sessions: list[str]) -> None:
    say(record, "s1", "yes", total=0.1)
    say(record, "s2", "yes", hour=1, total=0.2, checkpoint="Qwen2.5-0.5B")
    say(record, "s3", "yes", hour=12, total=0.4, adapter="sleep-0001")
    record.append("s2", ExchangeMarked("s2-0001", "kept"))
    record.append("s1", ExchangeMarked("s1-0001", "excluded"))
    record.sync()
    assert names(record, line) == sessions
    assert found(record, line) == [f"{name}-0001" for name in sessions]
    assert count(record, parse(line), "measured") == Counts(len(sessions), len(sessions))


def test_hits_go_on_where_the_last_ones_ended_also_among_equal_times(record: Record) -> None:
    record.append("s1", SessionOpened("s1", "tiny", None, "measured", 0.15), at=NOON)
    for turn in range(1, 8):
        record.append("s1", TurnStarted(f"s1-{turn:04d}", "s1", turn, "why?", "tiny", None), at=NOON)
    record.sync()
    hits: list[Hit] = []
    while more := search(record, parse("why"), "measured", 3, hits[-1] if hits else None):
        hits += more
    assert [hit.turn for hit in hits] == [7, 6, 5, 4, 3, 2, 1]


def test_a_snippet_shows_the_text_in_its_place_on_one_line(record: Record) -> None:
    say(record, "s1", "word " * 40 + "the\nRabbit\tran " + "word " * 60)
    (hit,) = search(record, parse("rabbit"), "measured", 1)
    assert hit.snippet[slice(*hit.found)] == "Rabbit"
    assert hit.snippet.startswith("\u2026word ")
    assert "the Rabbit ran word" in hit.snippet
    assert len(hit.snippet) < 200
    (named,) = search(record, parse("s1"), "measured", 1)
    assert (named.snippet, named.found) == ("Who?", (0, 0))


def test_a_text_whose_lower_case_is_longer_is_still_found_in_its_place(record: Record) -> None:
    say(record, "s1", "\u0130\u0130\u0130 and a rabbit")
    (hit,) = search(record, parse("rabbit"), "measured", 1)
    assert "rabbit" in hit.snippet and hit.snippet[slice(*hit.found)] == "rabbit"


def test_exchanges_in_brief_are_the_last_ones_or_those_around_a_turn(record: Record) -> None:
    say(record, "s1", *(f"answer {number} {'x' * 1000}" for number in range(1, 10)))
    record.append("s1", ExchangeMarked("s1-0009", "edited", "better"))
    record.sync()
    last = brief(record, "s1", "measured", 3)
    assert [(one.turn, one.total, one.salient) for one in last] == [(7, 0.2, True), (8, 0.2, True), (9, 0.2, True)]
    assert (last[-1].answer, last[-1].mark) == ("better", "edited")
    assert len(last[0].answer) == 300
    assert [one.turn for one in brief(record, "s1", "measured", 4, turn=3)] == [2, 3, 4, 5]


def test_every_read_can_be_cancelled(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    say(record, "s1", "one")
    cancel, query = threading.Event(), record.query
    given: list[object] = []

    def noted(*arguments: Any, cancel: threading.Event | None = None) -> Any:
        given.append(cancel)
        return query(*arguments)

    monkeypatch.setattr(record, "query", noted)
    page(record, ALL, "measured", 1, cancel=cancel)
    search(record, ALL, "measured", 1, cancel=cancel)
    count(record, ALL, "measured", cancel=cancel)
    brief(record, "s1", "measured", 1, cancel=cancel)
    assert given == [cancel] * 4


def test_what_is_no_condition_is_text_as_it_was_typed() -> None:
    assert parse('  whose  is "model:x salient"  salient') == replace(
        ALL, text="whose is model:x salient", salient=True
    )
    assert parse("see https://example.org now: or never") == replace(ALL, text="see https://example.org now: or never")
    assert parse('"unclosed') == replace(ALL, text="unclosed")
    assert parse("until:2026-11-30").until == datetime(2026, 12, 1, tzinfo=timezone.utc)


def test_words_that_are_nearly_a_condition_are_told_together() -> None:
    with pytest.raises(LabError) as told:
        parse("conflct>0.3 conflict>high since:yesterday until:9999-12-31 marked:gone modl:qwen")
    for fault in ("conflct is none of", "conflict>high needs a number", "since:yesterday is not a day", "the last day"):
        assert fault in told.value.title
    for fault in ("marked:gone is none of kept", "modl: is none of model:, adapter:"):
        assert fault in told.value.title
    assert '"..."' in told.value.remedy
