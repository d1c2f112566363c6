"""An empty database filled in bulk: the same rows as by the fold, whatever the journal holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab.journal import bulk, projector
from lab.journal.events import Event, ExchangeMarked, SessionEnded, SessionTitled
from lab.journal.record import Record
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
from tests.journal.test_projection import empty_database, sessions, streams

Damage = Callable[[bytes], bytes]

values = st.sampled_from(
    [None, True, 0, 1, -1, 3.5, 1e-7, 1e300, -0.0, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63)]
) | st.sampled_from(["", "x", "12", "\0", "\x1b[31m", "\U0001f600", "s-a", "s-a-1-2", "s-b-0001", [1], {"a": 1}])
times = (
    st.sampled_from(
        ["2026-11-22T04:41:00.000000+00:00", "2026-11-22T04:41:00.123456+02:00", "2026-11-22T04:41:00+00:00"]
    )
    | st.sampled_from(
        ["0000-11-22T04:41:00.000000+00:00", "2026-02-30T04:41:00.000000+00:00", "2026-11-22T24:00:00.000000+00:00"]
    )
    | st.sampled_from(
        ["2026-11-22T04:41:00.000000", "1700-01-01T00:00:00.000000+00:00", "2026-11-22 04:41:00.000000+00:00", ""]
    )
)


def changed(name: str, value: Any) -> Damage:
    """A field that the line has, or one more, set to something else."""

    def damage(line: bytes) -> bytes:
        return orjson.dumps(orjson.loads(line) | {name: value}) + b"\n"

    return damage


def without(name: str) -> Damage:
    def damage(line: bytes) -> bytes:
        return orjson.dumps({key: value for key, value in orjson.loads(line).items() if key != name}) + b"\n"

    return damage


names = st.sampled_from(
    ["event", "exchange_id", "session_id", "turn", "iteration", "seed", "energy", "text", "title", "chosen"]
) | st.sampled_from(
    ["converged", "status", "thinking", "thinking_tokens", "revision", "salient", "total", "mark", "unknown"]
)
damages = st.one_of(
    st.builds(changed, names, values),
    st.builds(changed, st.just("at"), times),
    st.builds(without, names),
    st.sampled_from(
        [
            lambda line: line[:-9],
            lambda line: line[: len(line) // 2] + b"\n",
            lambda line: line + line,
            lambda line: b"garbage\n" + line,
            lambda line: b"\n" + line,
            lambda line: b"\xef\xbb\xbf" + line,
            lambda line: b" " + line,
            lambda line: line[:-1] + b"\r\n",
            lambda line: line[:-2] + b',"turn":2}\n',
            lambda line: line[:-2] + b',"x":NaN}\n',
            lambda line: line[:-2] + b",}\n",
            lambda line: line.replace(b'"', b'"\xff', 9),
            lambda line: line.replace(b"a", b"\\u0061", 2),
            lambda line: line.replace(b'":"', b'":"\\ud83d', 5),
            lambda line: line.replace(b'":"', b'":"\0', 5),
            lambda line: line.replace(b"{", b"[{", 1),
            lambda line: line.replace(b":0.", b":.", 1),
            lambda line: line.replace(b":0.", b":00.", 1),
            lambda line: line.replace(b":7", b":7.0", 1),
        ]
    ),
)


def dialogue(session_id: str, count: int) -> list[tuple[str, Event]]:
    events = [opened(session_id), *(event for turn in range(1, count + 1) for event in whole_turn(turn, session_id))]
    return [(session_id, event) for event in events]


dialogues = st.builds(dialogue, sessions, st.integers(1, 3))
journals = st.tuples(dialogues, st.lists(streams, max_size=6)).map(lambda both: both[0] + both[1])


def rebuilt(record: Record, in_bulk: bool) -> dict[str, list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projector, "_BULK_BYTES", 0 if in_bulk else 2**62)
        record.rebuild()
    return dump(record)


@settings(max_examples=40, deadline=None)
@given(journals | st.lists(streams, max_size=20), st.lists(st.tuples(st.integers(0, 30), damages), max_size=2))
@example(dialogue("s-a", 1), [(2, changed("exchange_id", "s-a-1-2"))])
@example(dialogue("s-a", 1), [(0, changed("at", "0000-11-22T04:41:00.000000+00:00"))])
@example(dialogue("s-a", 1), [(2, lambda line: line.replace(b'"', b'"\xff', 9))])
def test_a_rebuild_in_bulk_gives_the_rows_of_the_fold(
    events: list[tuple[str, Event]], damaged: list[tuple[int, Damage]]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        record = record_in(Path(root))
        for stream, event in events:
            record.append(stream, event)
        for place, damage in damaged:
            found = [(stream, line) for stream in record.journal.streams() for line in record.journal.read(stream)]
            if found:
                stream, line = found[place % len(found)]
                path = record.journal.path(stream)
                body = path.read_bytes()
                try:
                    put = damage(body[line.start : line.end])
                except (ValueError, TypeError):  # Damaged already.
                    continue
                path.write_bytes(body[: line.start] + put + body[line.end :])
        assert rebuilt(record, in_bulk=True) == rebuilt(record, in_bulk=False)


def left(record: Record) -> list[str]:
    with empty_database() as connection:
        return bulk.load(connection, record.journal, record.journal.streams())


def test_a_dialogue_with_all_that_happens_in_one_is_plain(record: Record) -> None:
    record.append(SESSION, opened(), *whole_turn(1), SessionTitled(SESSION, "First"), SessionEnded(SESSION))
    record.append(SESSION, opened(adapter="sleep-0001"), turn_started(2), draft(2, 0), SessionEnded(SESSION))
    record.append(SESSION, ExchangeMarked(exchange_id(1), "kept", "other", 0), ExchangeMarked(exchange_id(1), None))
    record.append(
        SESSION,
        opened(),
        turn_started(3, text='tab\t "quoted" \\ new\nline'),
        # The next turn tells how one went.
        *(scored(3, total) for total in (0.3, 0.5, 0.4)),
        measured(3, vector=""),
        reading("generation"),
    )
    record.append("workspace", reading("idle"))
    assert left(record) == []
    assert rebuilt(record, in_bulk=True) == rebuilt(record, in_bulk=False)


@pytest.mark.parametrize(
    "events",
    [
        [turn_started(1), turn_started(1)],
        [turn_started(1), draft(1, 0), draft(1, 0)],
        [turn_started(1), finished(1), finished(1)],
        [measured(1), measured(1)],
        [measured(1, vector="[01]")],
        [finished(1), turn_started(1)],
        [ExchangeMarked(exchange_id(1), "kept"), turn_started(1)],
        [SessionTitled(SESSION, "x"), opened()],
        [opened("other")],
        [turn_started(1, "other")],
        cycle(),
    ],
    ids=lambda events: "+".join(type(event).__name__ for event in events),
)
def test_a_stream_where_something_comes_twice_or_too_early_is_left_to_the_fold(
    record: Record, events: list[Event]
) -> None:
    record.append(SESSION, *events)
    record.append("plain", opened("plain"), *whole_turn(1, "plain"))
    assert left(record) == [SESSION]


def test_a_file_that_is_no_text_holds_up_no_other(record: Record) -> None:
    for number in range(9):
        record.append(f"s{number}", opened(f"s{number}"), *whole_turn(1, f"s{number}"))
    record.journal.path("s4").write_bytes(b"\xff\xfe\n")
    record.journal.path("s7").unlink()
    assert left(record) == ["s4"]
    report = record.rebuild()
    assert (report.sessions, report.exchanges) == (7, 7)
    assert len(report.faults) == 1 and "s4" in report.faults[0]


def test_what_is_loaded_is_applied(record: Record) -> None:
    record.append(SESSION, opened(), *whole_turn(1))
    with empty_database() as connection:
        told: list[int] = []
        assert bulk.load(connection, record.journal, [SESSION], told.append) == []
        size = record.journal.size(SESSION)
        assert connection.execute("FROM journal_offsets").fetchall() == [(SESSION, size, 8)]
        assert told == [size]
        assert projector.project(connection, record.journal, {SESSION: size}) == {}
        assert connection.execute("SELECT count(*) FROM drafts").fetchall() == [(3,)]
