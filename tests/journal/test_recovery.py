"""What a killed process left open is closed, and only that."""

from __future__ import annotations

from lab.journal.events import DraftFinished, SessionOpened, TurnStarted
from lab.journal.record import Record
from lab.journal.sleep_events import SleepResumed
from tests.journal.samples import (
    SESSION,
    cycle,
    draft,
    exchange_id,
    finished,
    opened,
    scored,
    start_child,
    turn_started,
    whole_turn,
)

CRASHING = """
import sys
from pathlib import Path
from lab.journal.events import (DraftFinished, SessionOpened, TurnStarted)
from lab.journal.sleep_events import (SleepStarted)
from lab.journal.record import Record
from lab.settings import Workspace
root, stream = ARGUMENTS
record = Record(Workspace(Path(root)))
exchange = f"{stream}-0001"
with record.journal.own(stream), record.journal.own("sleep-0001"):
    record.append(stream, SessionOpened(stream, "tiny", None, "measured", 0.15))
    record.append(stream, TurnStarted(exchange, stream, 1, "Who are you?", "tiny", None))
    record.append(stream, DraftFinished(exchange, 0, 0.7, 7, 0.5, 12, 0.5, "worse"))
    record.append(stream, DraftFinished(exchange, 1, 0.7, 8, 0.2, 9, 0.5, "better"))
    record.append(stream, DraftFinished(exchange, 2, 0.7, 9, 0.2, 9, 0.5, "as good, later"))
    record.append("sleep-0001", SleepStarted("sleep-0001", "tiny", None, 1, 2, 5, 10, 8, 2e-3, "answers"))
    print("running", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_lab_left_open_is_closed_once_and_not_while_it_lives(record: Record) -> None:
    with start_child(CRASHING, record.workspace.root, SESSION) as child:
        assert child.stdout and child.stdout.readline() == "running\n"
        assert record.recover() == []
        child.kill()
        child.wait()
    assert record.recover() == [exchange_id(1), "sleep-0001"]
    assert record.recover() == []
    record.sync()
    assert record.query("SELECT status, response, response_tokens, reason FROM exchanges").rows == [
        ("failed", "better", 9, "The lab ended before the answer was complete.")
    ]
    assert record.query("SELECT iteration FROM drafts WHERE chosen").rows == [(1,)]
    ((status, reason),) = record.query("SELECT status, reason FROM sleep_cycles").rows
    assert status == "interrupted" and reason


def test_a_draft_that_says_nothing_is_no_answer_where_another_does(record: Record) -> None:
    stream, exchange = SESSION, exchange_id(1)
    record.append(stream, SessionOpened(stream, "tiny", None, "measured", 0.15))
    record.append(stream, TurnStarted(exchange, stream, 1, "Who are you?", "tiny", None))
    for iteration, (energy, text) in enumerate(((0.1, " "), (0.4, "A model."), (0.5, "Me."))):
        record.append(stream, DraftFinished(exchange, iteration, 0.7, iteration, energy, 9, 0.5, text))
    assert record.recover() == [exchange]
    assert record.sync()
    assert record.query("SELECT response FROM exchanges").rows == [("A model.",)]


def test_a_turn_without_a_draft_is_closed_with_an_empty_answer(record: Record) -> None:
    record.append(SESSION, opened(), turn_started(1))
    assert record.recover() == [exchange_id(1)]
    record.sync()
    assert record.query("SELECT status, response FROM exchanges").rows == [("failed", "")]


def test_what_is_whole_stays_as_it_is(record: Record) -> None:
    record.append(SESSION, opened(), *whole_turn(1))
    record.append("sleep-0001", *cycle())
    size = record.journal.size(SESSION)
    assert record.recover() == []
    assert record.journal.size(SESSION) == size


def test_a_sleep_that_went_on_after_an_interruption_and_was_killed_again_is_closed_again(record: Record) -> None:
    record.append("sleep-0001", *cycle(status="interrupted"), SleepResumed("sleep-0001", 2))
    assert record.recover() == ["sleep-0001"]
    record.sync()
    assert record.query("SELECT status FROM sleep_cycles").rows == [("interrupted",)]
    assert record.recover() == []


def test_what_this_process_is_at_is_not_abandoned(record: Record) -> None:
    record.append(SESSION, opened(), turn_started(1))
    with record.journal.own(SESSION):
        assert record.recover() == []


def test_a_torn_last_line_does_not_hide_what_was_open(record: Record) -> None:
    record.append(SESSION, opened(), turn_started(1), draft(1, 0))
    with record.journal.path(SESSION).open("ab") as file:
        file.write(b'{"at":"2026-11-22T04:41:00+00:00","event":"exchange_fin')
    assert record.recover() == [exchange_id(1)]
    record.sync()
    assert record.query("SELECT status FROM exchanges").rows == [("failed",)]


def test_recovery_reads_the_journal_while_the_database_cannot_be_used(record: Record) -> None:
    record.append(SESSION, opened(), turn_started(1), draft(1, 0), scored(1), finished(1), turn_started(2))
    record.sync()
    record.workspace.database.write_bytes(b"not a database")
    assert record.recover() == [exchange_id(2)]
