"""Marks: what is recorded of them, what is refused, and that a sleep and the dialogue obey them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.dialogue.marks import NewMarks, mark
from lab.domain import Exchange, Mark, Material
from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import (
    DraftFinished,
    Event,
    ExchangeFinished,
    ExchangeMarked,
    ExchangePurged,
    SalienceScored,
    SessionEnded,
    SessionOpened,
    TurnStarted,
)
from lab.journal.record import Record
from lab.journal.sleep_events import SleepStarted
from lab.settings import Workspace
from lab.sleep.dream import dream

SESSION = "session-a"
FIRST, SECOND, RUNNING, EMPTY = (f"{SESSION}-{turn:04d}" for turn in range(1, 5))
TEXTS = ("A first draft that is good enough.", "The draft that was chosen in the end.", " ")


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Two answered exchanges, the first salient, one that still runs and one that failed without an answer."""
    workspace = Workspace(tmp_path)
    workspace.create()
    record = Record(workspace)
    events: list[Event] = [SessionOpened(SESSION, "tiny", None, "lexical", 0.15)]
    for turn, (name, total) in enumerate(((FIRST, 0.3), (SECOND, 0.1)), 1):
        events.append(TurnStarted(name, SESSION, turn, f"Question {turn}?", "tiny", None))
        events += [DraftFinished(name, n, 0.7, n, 0.1, 9, 1.0, text) for n, text in enumerate(TEXTS)]
        events += [
            ExchangeFinished(name, "complete", TEXTS[1], chosen=1),
            SalienceScored(name, "lexical", 0, 0, total, 0, 0, total, 0.15, total >= 0.15),
        ]
    events.append(TurnStarted(RUNNING, SESSION, 3, "Still?", "tiny", None))
    events += [TurnStarted(EMPTY, SESSION, 4, "Failed?", "tiny", None), ExchangeFinished(EMPTY, "failed", "")]
    record.append(SESSION, *events)
    return record


def kept(record: Record, exchange_id: str) -> Exchange:
    assert record.sync()
    exchange = queries.exchange(record, exchange_id)
    assert exchange is not None
    return exchange


def learnt(record: Record) -> dict[str, str]:
    """What a sleep on the salient exchanges would train on: the target of each."""
    assert record.sync()
    exchanges = queries.sleepable(record, profile="lexical", checkpoint="tiny", session_id=None, salient_only=True)
    material = [Material(e.exchange_id, e.user_input, e.answer, e.mark is not None, 0.0) for e in exchanges]
    return {example.exchange_id: example.target for example in dream(material)}


def test_a_sleep_learns_what_was_kept_and_edited_and_never_what_was_excluded(record: Record) -> None:
    assert learnt(record) == {FIRST: TEXTS[1]}
    mark(record, SECOND, "kept")
    assert learnt(record) == {FIRST: TEXTS[1], SECOND: TEXTS[1]}
    mark(record, FIRST, "excluded")
    assert learnt(record) == {SECOND: TEXTS[1]}
    mark(record, SECOND, "kept", iteration=0)
    assert learnt(record) == {SECOND: TEXTS[0]}
    mark(record, SECOND, "edited", "My own words.")
    mark(record, EMPTY, "edited", "What it should have said.")
    assert learnt(record) == {SECOND: "My own words.", EMPTY: "What it should have said."}
    for name in (FIRST, SECOND, EMPTY):
        mark(record, name, None)
    assert learnt(record) == {FIRST: TEXTS[1]}


@pytest.mark.parametrize(
    ("said", "target", "iteration", "expected"),
    [
        ("kept", None, None, ("kept", None, None)),
        ("kept", None, 0, ("kept", TEXTS[0], 0)),
        # The recorded answer is no other draft.
        ("kept", None, 1, ("kept", None, None)),
        ("edited", "Mine.", None, ("edited", "Mine.", None)),
        ("edited", "A first draft, mended.", 0, ("edited", "A first draft, mended.", 0)),
        # What was written stays where only the learning is taken away.
        ("excluded", "Mine.", None, ("excluded", "Mine.", None)),
        ("excluded", None, None, ("excluded", None, None)),
        (None, None, None, (None, None, None)),
    ],
)
def test_a_mark_is_returned_as_it_is_recorded(
    record: Record, said: Mark | None, target: str | None, iteration: int | None, expected: tuple[object, ...]
) -> None:
    marked = mark(record, FIRST, said, target, iteration)
    assert (marked.mark, marked.target, marked.kept_iteration) == expected
    assert kept(record, FIRST) == marked
    assert marked.response == TEXTS[1]


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [
        (("edited", "Mine.", None), "excluded", ("excluded", "Mine.", None)),
        (("edited", "Mine.", None), "kept", ("edited", "Mine.", None)),
        (("excluded", "Mine.", None), "kept", ("edited", "Mine.", None)),
        (("edited", "A first draft, mended.", 0), "kept", ("edited", "A first draft, mended.", 0)),
        (("kept", None, 0), "excluded", ("excluded", TEXTS[0], 0)),
        (("kept", None, 0), "kept", ("kept", TEXTS[0], 0)),
        (("kept", None, None), "excluded", ("excluded", None, None)),
        (("edited", "Mine.", None), None, (None, None, None)),
    ],
)
def test_a_mark_leaves_the_answer_as_the_person_put_it(
    record: Record, before: tuple[Mark, str | None, int | None], said: Mark | None, expected: tuple[object, ...]
) -> None:
    mark(record, FIRST, *before)
    marked = mark(record, FIRST, said)
    assert (marked.mark, marked.target, marked.kept_iteration) == expected


@pytest.mark.parametrize(
    ("exchange_id", "said", "target", "iteration", "words"),
    [
        ("nowhere-0001", "kept", None, None, 'no exchange "nowhere-0001"'),
        (RUNNING, "kept", None, None, "still being answered"),
        (RUNNING, "excluded", None, None, "still being answered"),
        (FIRST, "kept", None, 9, "has no draft 10"),
        (FIRST, "kept", None, 2, "would be empty"),
        (FIRST, "edited", None, None, "without an answer"),
        (FIRST, "edited", " \n", None, "would be empty"),
        (EMPTY, "kept", None, None, "would be empty"),
    ],
)
def test_a_mark_that_means_nothing_is_refused_and_not_recorded(
    record: Record, exchange_id: str, said: Mark, target: str | None, iteration: int | None, words: str
) -> None:
    size = record.journal.size(SESSION)
    with Record(record.workspace).journal.own(SESSION), pytest.raises(LabError) as told:
        mark(record, exchange_id, said, target, iteration)
    assert words in str(told.value)
    assert record.journal.size(SESSION) == size


def test_an_exchange_of_a_session_that_another_lab_has_open_can_be_marked(record: Record) -> None:
    other = Record(record.workspace)
    with other.journal.own(SESSION):
        mark(record, SECOND, "kept")
    assert kept(other, SECOND).mark == "kept"


def test_a_turn_whose_lab_was_killed_can_be_excluded_without_a_lab(record: Record) -> None:
    with Record(record.workspace).journal.own(SESSION), pytest.raises(LabError, match="still being answered"):
        mark(record, RUNNING, "excluded")
    sleeping = SleepStarted("sleep-0001", "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons")
    record.append("sleep-0001", sleeping)
    assert mark(record, RUNNING, "excluded").status == "failed"
    assert kept(record, RUNNING).mark == "excluded"
    # A sleep that was killed is for the next lab, which looks first whether its adapter is whole.
    assert record.query("SELECT status FROM sleep_cycles").rows == [("running",)]


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_mark_needs_no_database(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    assert record.sync()
    monkeypatch.setattr("lab.dialogue.marks._SYNC_SECONDS", 0.1)
    record.append(SESSION, SessionEnded(SESSION))
    command = [sys.executable, "-c", HOLD, str(record.workspace.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        # The draft, and that the other exchange still runs, are known from the journal.
        assert mark(record, FIRST, "kept", iteration=0).answer == TEXTS[0]
        with Record(record.workspace).journal.own(SESSION), pytest.raises(LabError, match="still being answered"):
            mark(record, RUNNING, "kept")
        with pytest.raises(LabError, match='no exchange "session-b-0001"'):
            mark(record, "session-b-0001", "kept")
        holder.communicate()
    found = kept(record, FIRST)
    assert (found.mark, found.target, found.kept_iteration) == ("kept", TEXTS[0], 0)


def test_the_marks_of_others_are_taken_once_and_only_what_they_change(record: Record) -> None:
    assert record.sync()
    mark(record, FIRST, "excluded")
    assert record.sync()
    history = queries.exchanges(record, SESSION)
    marks = NewMarks(record.journal, [SESSION, "session-without-a-journal"])
    assert marks.take(history) == ()
    other = Record(record.workspace)
    mark(other, FIRST, "kept", iteration=0)
    mark(other, SECOND, "edited", "In other words.")
    mark(other, SECOND, "edited", "In better words.")
    assert [exchange.answer for exchange in marks.take(history)] == [TEXTS[0], "In better words."]
    assert [exchange.mark for exchange in history] == ["kept", "edited", None, None]
    assert marks.take(history) == ()
    # What this dialogue knows already is no news.
    history[0] = mark(record, FIRST, None)
    assert marks.take(history) == () and history[0].mark is None


def test_what_is_purged_in_another_terminal_leaves_the_dialogue(record: Record) -> None:
    assert record.sync()
    history = queries.exchanges(record, SESSION)
    marks = NewMarks(record.journal, [SESSION])
    mark(record, FIRST, "edited", "In other words.")
    record.append(SESSION, ExchangePurged(FIRST))
    (gone,) = marks.take(history)
    assert history[0] == gone
    assert (gone.user_input, gone.answer, gone.drafts, gone.mark) == ("", "", (), "excluded")
    assert history[1].answer == TEXTS[1]


@pytest.mark.parametrize("cut", [20, 0])
def test_a_torn_last_line_and_a_cut_journal_stop_no_turn(record: Record, cut: int) -> None:
    """As a power failure leaves it, before the dialogue is opened or while it is open."""
    assert record.sync()
    history = queries.exchanges(record, SESSION)
    path = record.journal.path(SESSION)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event": "exchange_ma')
    marks = NewMarks(record.journal, [SESSION])
    if cut:
        path.write_bytes(whole[:-cut])
    assert marks.take(history) == ()
    record.append(SESSION, ExchangeMarked(FIRST, "kept"))
    assert [exchange.exchange_id for exchange in marks.take(history)] == [FIRST]
    record.append(SESSION, ExchangeMarked(SECOND, "excluded"))
    assert [exchange.exchange_id for exchange in marks.take(history)] == [SECOND]
    assert marks.take(history) == ()
