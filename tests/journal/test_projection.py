"""From events to rows: the same rows, however the events arrive."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.journal import migrations, projection
from lab.journal.events import (
    AdapterSaved,
    Event,
    ExchangeFinished,
    ExchangeMarked,
    SessionEnded,
    SessionTitled,
    decode,
    encode,
    now,
)
from lab.journal.journal import Line
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepStaged, SleepStarted, SleepStepped
from tests.journal.samples import (
    SESSION,
    cycle,
    draft,
    dump,
    exchange_id,
    finished,
    measured,
    opened,
    reading,
    record_in,
    scored,
    turn_started,
    whole_turn,
)

sessions = st.sampled_from(["s-a", "s-b"])
turns = st.integers(1, 2)
losses = st.floats(0, 10)
vectors = st.sampled_from(["", "[0,-127,5]", "[]", "[01]", "[1.5]", "[1, 2]", "[1000]", "x", "{}"])
cycle_ids = st.sampled_from(["sleep-0001", "sleep-0002"])


def of_session(session_id: str) -> st.SearchStrategy[Event]:
    return st.one_of(
        st.builds(lambda a, t: opened(session_id, adapter=a, title=t), st.none() | st.just("x"), st.none() | st.text()),
        st.builds(SessionTitled, st.just(session_id), st.text(max_size=5)),
        st.just(SessionEnded(session_id)),
        st.builds(lambda n, text: turn_started(n, session_id, text), turns, st.text(max_size=20)),
        st.builds(
            lambda n, mark, target: ExchangeMarked(exchange_id(n, session_id), mark, target),
            turns,
            st.sampled_from([None, "kept", "excluded", "edited"]),
            st.none() | st.text(max_size=5),
        ),
        st.builds(lambda n, i, e: draft(n, i, e, session_id), turns, st.integers(0, 2), losses),
        st.builds(lambda n, r, c: finished(n, session_id, r, c), turns, st.text(max_size=9), st.none() | turns),
        st.builds(lambda n, t, p: scored(n, t, session_id, p), turns, losses, st.sampled_from(["measured", "other"])),
        st.builds(lambda n, b, v: measured(n, session_id, b, v), turns, st.none() | losses, vectors),
        st.builds(reading, st.text(max_size=5)),
    )


def of_cycle(cycle_id: str) -> st.SearchStrategy[Event]:
    this = st.just(cycle_id)
    return st.one_of(
        st.builds(SleepStarted, this, st.just("tiny"), st.none(), turns, turns, turns, turns, turns, losses, st.text()),
        st.builds(SleepExampleUsed, this, st.just(exchange_id(1)), st.just("original"), st.text(), st.text()),
        st.just(SleepStaged(cycle_id, "training")),
        st.builds(SleepStepped, this, st.integers(1, 4), turns, losses | st.just(float("nan")), losses, turns, losses),
        st.builds(SleepEnded, this, st.sampled_from(["complete", "interrupted"]), st.none(), turns, st.none() | losses),
        st.just(AdapterSaved(cycle_id, "tiny", "f", None, cycle_id, "adapters/x", "00", 9)),
    )


streams = st.one_of(
    sessions.flatmap(lambda name: st.tuples(st.just(name), of_session(name))),
    cycle_ids.flatmap(lambda name: st.tuples(st.just(name), of_cycle(name))),
)


@contextmanager
def empty_database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        migrations.upgrade(connection)
        yield connection


def rows_of(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    return {
        table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}").fetchall())) for table in projection.TABLES
    }


def lines_of(events: list[tuple[str, Event]]) -> list[tuple[str, Line]]:
    ends: dict[str, tuple[int, int]] = {}
    lines = []
    for stream, event in events:
        raw = encode(event, now())
        start, number = ends.get(stream, (0, 0))
        ends[stream] = (start + len(raw), number + 1)
        lines.append((stream, Line(start, start + len(raw), number + 1, decode(raw), None)))
    return lines


@settings(max_examples=30, deadline=None)
@given(st.lists(streams, max_size=25), st.lists(st.integers(0, 25), max_size=4))
def test_events_give_the_same_rows_at_once_and_in_pieces(events: list[tuple[str, Event]], cuts: list[int]) -> None:
    lines = lines_of(events)
    with empty_database() as whole, empty_database() as pieces:
        projection.apply(whole, lines)
        borders = [0, *sorted(min(cut, len(lines)) for cut in cuts), len(lines)]
        for start, end in pairwise(borders):
            projection.apply(pieces, lines[start:end])
        assert rows_of(pieces) == rows_of(whole)


@settings(max_examples=8, deadline=None)
@given(st.lists(streams, min_size=1, max_size=12), st.data())
def test_a_rebuild_gives_the_rows_that_grew_while_living(events: list[tuple[str, Event]], data: Any) -> None:
    with tempfile.TemporaryDirectory() as root:
        record = record_in(Path(root))
        for stream, event in events:
            record.append(stream, event)
            match data.draw(st.sampled_from(["go on", "sync", "tear"])):
                case "sync":
                    assert record.sync()
                case "tear":
                    with record.journal.path(stream).open("ab") as file:
                        file.write(b'{"at":"2026-11-22T04:41:00+00:00","event":"session_en')
        assert record.sync()
        grown = dump(record)
        record.rebuild()
        assert dump(record) == grown
        record.workspace.database.unlink()
        assert dump(record) == grown


def test_the_fold_writes_the_columns_that_the_schema_has() -> None:
    with empty_database() as connection:
        for table, shape in projection.TABLES.items():
            found = connection.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
                [table],
            ).fetchall()
            assert dict(found) == shape.columns
            assert [name for name, _ in found] == list(shape.columns)


def test_a_turn_is_a_running_row_from_its_first_event_and_whole_after_its_last(record: Record) -> None:
    record.append(SESSION, opened(), turn_started(1))
    record.sync()
    select = "SELECT status, response, user_input FROM exchanges"
    assert record.query(select).rows == [("running", "", "Who are you?")]
    record.append(SESSION, draft(1, 0, 0.5), draft(1, 1, 0.2))
    record.sync()
    assert record.query("SELECT iteration, chosen FROM drafts ORDER BY 1").rows == [(0, False), (1, False)]
    record.append(SESSION, scored(1), finished(1, chosen=1))
    record.sync()
    assert record.query(select).rows == [("complete", "A model.", "Who are you?")]
    assert record.query("SELECT iteration, chosen FROM drafts ORDER BY 1").rows == [(0, False), (1, True)]


def test_the_history_has_every_exchange_scored_or_not_with_its_public_names(record: Record) -> None:
    record.append(SESSION, opened(title="First"), *whole_turn(1), turn_started(2))
    record.sync()
    table = record.query("SELECT * FROM salience_history")
    assert ", ".join(table.columns) == (
        "exchange_id, session_id, title, turn, created_at, user_input, response, status, checkpoint, adapter, "
        "profile, surprise, novelty, arousal, reward, conflict, total, threshold, salient, seconds, response_tokens, "
        "mark, target"
    )
    found = [dict(zip(table.columns, row)) for row in table.rows]
    assert [(row["turn"], row["status"], row["total"]) for row in found] == [(1, "complete", 0.2), (2, "running", None)]
    assert found[0]["title"] == "First" and found[0]["salient"] is True


def test_the_last_mark_of_an_exchange_counts_and_can_be_taken_back(record: Record) -> None:
    record.append(SESSION, opened(), *whole_turn(1))
    marks = "SELECT mark, target, kept_iteration, response FROM exchanges"
    for mark in (
        ExchangeMarked(exchange_id(1), "excluded"),
        ExchangeMarked(exchange_id(1), "kept", "draft 0 of turn 1", 0),
        ExchangeMarked(exchange_id(1), None),
    ):
        record.append(SESSION, mark)
        record.sync()
        assert record.query(marks).rows == [(mark.mark, mark.target, mark.iteration, "A model.")]


def test_a_session_taken_up_again_keeps_its_beginning_and_is_open(record: Record) -> None:
    record.append(SESSION, opened(title="First"), SessionEnded(SESSION))
    record.sync()
    ((started,),) = record.query("SELECT started_at FROM sessions WHERE ended_at IS NOT NULL").rows
    record.append(SESSION, opened(adapter="sleep-0001"))
    record.sync()
    assert record.query("SELECT started_at, ended_at, title, adapter FROM sessions").rows == [
        (started, None, "First", "sleep-0001")
    ]
    record.append(SESSION, SessionEnded(SESSION), turn_started(1))
    record.sync()
    assert record.query("SELECT ended_at FROM sessions").rows == [(None,)]


def test_a_sleep_that_was_interrupted_keeps_what_it_had_reached(record: Record) -> None:
    *going, _ = cycle()
    for event in going:
        record.append("sleep-0001", event)
        record.sync()
    record.append("sleep-0001", SleepEnded("sleep-0001", "interrupted", reason="gone"))
    record.sync()
    assert record.query("SELECT status, steps, first_loss, last_loss, reason FROM sleep_cycles").rows == [
        ("interrupted", 2, 3.5, 1.5, "gone")
    ]


def test_an_adapter_and_a_reading_are_rows(record: Record) -> None:
    record.append("sleep-0001", AdapterSaved("sleep-0001", "tiny", "f", None, "sleep-0001", "adapters/x", "00", 9))
    record.append("sleep-0001", reading("after the sleep"))
    record.sync()
    assert record.query("SELECT adapter, path, state FROM adapters").rows == [("sleep-0001", "adapters/x", "kept")]
    assert record.query('SELECT process, event, "at" IS NOT NULL FROM resources').rows == [
        ("lab", "after the sleep", True)
    ]


def test_text_with_any_character_is_kept(record: Record) -> None:
    text = "nul \0, escape \x1b[31m, half a pair \ud83d, beyond \U0001f600, quotes ' \" and\nlines"
    record.append(SESSION, opened(), turn_started(1, text=text))
    record.sync()
    assert record.query("SELECT user_input FROM exchanges").rows == [(text.replace("\ud83d", "?"),)]


def test_a_line_that_cannot_be_a_row_is_told_with_file_and_number_and_stops_nothing(record: Record) -> None:
    record.append(SESSION, opened())
    with record.journal.path(SESSION).open("ab") as file:
        file.write(b"garbage\n")
        file.write(b'{"at":"2026-11-22T04:41:00+00:00","event":"turn_started","turn":"one"}\n')
    record.append(SESSION, ExchangeFinished("nobody-0001", "complete", "?"), reading("after"))
    record.sync()
    faults = record.faults()
    path = record.journal.path(SESSION)
    assert [fault.partition(": ")[0] for fault in faults] == [f"{path}:{number}" for number in (2, 3, 4)]
    assert "not JSON" in faults[0] and "turn is str" in faults[1] and "nobody-0001 has no beginning" in faults[2]
    assert record.query("SELECT event FROM resources").rows == [("after",)]


def test_a_journal_cut_by_hand_is_told_and_a_rebuild_mends_it(record: Record) -> None:
    record.append(SESSION, opened(), turn_started(1))
    record.append("other", reading("a"))
    record.sync()
    path = record.journal.path(SESSION)
    first, _, _ = path.read_bytes().partition(b"\n")
    path.write_bytes(first + b"\n")
    record.append("other", reading("b"))
    assert record.sync()
    assert any("changed by hand" in fault and "lab rebuild" in fault for fault in record.faults())
    assert record.query("SELECT count(*) FROM resources").rows == [(2,)]
    record.rebuild()
    record.sync()
    assert record.faults() == []
    assert record.query("SELECT count(*) FROM exchanges").rows == [(0,)]
