"""Salience along the exchanges of one session or of the whole record: points, the next one over a value, sleeps."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from lab.domain import ExchangeStatus, Mark, SleepCycle
from lab.journal.filters import MEASURES
from lab.journal.record import Record

# Of a message and an answer so much is read for the line below the cursor.
_BEGINNING: Final = 400
# Of equal totals the first, so that the same place is told each time; a million places shift one by a millionth.
_FIRST_HIGHEST: Final = "v.total - p.place * 1e-12"


@dataclass(frozen=True, slots=True)
class Point:
    """One exchange, or `n` in a row from the place `start` on, counted from 0 along the whole axis.

    `mean` and `peak` hold a value for each of MEASURES, None where nothing is scored; `salient` is the share of the
    scored ones. `place` and `exchange_id` are those of the first exchange with the highest total. Times are aware, UTC.
    """

    start: int
    n: int
    first_at: datetime
    last_at: datetime
    salient: float | None
    place: int
    exchange_id: str
    mean: tuple[float | None, ...]
    peak: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The points of a part of the axis, which has `total` exchanges from end to end."""

    points: tuple[Point, ...]
    start: int
    size: int
    total: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One exchange as the line below the cursor tells it; of both texts the beginning. `values` as in `Point.mean`."""

    exchange_id: str
    session_id: str
    title: str | None
    turn: int
    created_at: datetime
    status: ExchangeStatus
    checkpoint: str | None
    adapter: str | None
    mark: Mark | None
    user_input: str
    answer: str
    threshold: float | None
    values: tuple[float | None, ...]


def points(
    record: Record,
    session_id: str | None,
    profile: str,
    *,
    buckets: int,
    start: int = 0,
    size: int | None = None,
    cancel: threading.Event | None = None,
) -> Stretch:
    """At most `buckets` points for `size` exchanges (None: all) from the place `start` on, each of equally many.

    Those of a session are in the order of its turns, those of the record (None) in the order of time. Scores are of
    `profile`. Half a second for a million exchanges. Raises LabError as `Record.query` does, as all of these do.
    """
    means = ", ".join(f"avg(v.{name})" for name in MEASURES)
    peaks = ", ".join(f"max(v.{name})" for name in MEASURES)
    table = record.query(
        f"""
        WITH axis AS ({_axis(session_id)}),
        part AS (
            SELECT *, (SELECT count(*) FROM axis) AS total,
                least($size, (SELECT count(*) FROM axis) - $start) AS size
            FROM axis WHERE place >= $start AND place < $start + $size
        )
        SELECT min(p.place), count(*), min(p.created_at), max(p.created_at), avg(v.salient::INTEGER),
            coalesce(arg_max(p.place, {_FIRST_HIGHEST}), min(p.place)),
            coalesce(arg_max(p.exchange_id, {_FIRST_HIGHEST}), arg_min(p.exchange_id, p.place)),
            {means}, {peaks}, any_value(p.total), any_value(p.size)
        FROM part p LEFT JOIN salience v ON v.exchange_id = p.exchange_id AND v.profile = $profile
        GROUP BY (p.place - $start) * least($buckets, p.size) // p.size
        ORDER BY 1
        """,
        {
            **_of(session_id),
            "profile": profile,
            "buckets": max(buckets, 1),
            "start": start,
            "size": 2**62 if size is None else size,
        },
        cancel=cancel,
    )
    if not table.rows:
        return Stretch((), 0, 0, 0)
    total, size = table.rows[0][-2:]
    return Stretch(tuple(_point(row) for row in table.rows), start, size, total)


def next_over(
    record: Record,
    session_id: str | None,
    profile: str,
    measure: str,
    value: float,
    place: int,
    *,
    forward: bool = True,
    cancel: threading.Event | None = None,
) -> tuple[int, str] | None:
    """Place and id of the next exchange after `place` (or the one before it) whose `measure` reaches `value`."""
    if measure not in MEASURES:
        raise ValueError(measure)
    beyond, order = ("p.place > $place", "ASC") if forward else ("p.place < $place", "DESC")
    table = record.query(
        f"""
        WITH axis AS ({_axis(session_id)})
        SELECT p.place, p.exchange_id FROM axis p
        JOIN salience v ON v.exchange_id = p.exchange_id AND v.profile = $profile
        WHERE {beyond} AND v.{measure} >= $value
        ORDER BY p.place {order} LIMIT 1
        """,
        {**_of(session_id), "profile": profile, "value": value, "place": place},
        cancel=cancel,
    )
    return table.rows[0] if table.rows else None


def place_of(
    record: Record, session_id: str | None, exchange_id: str, cancel: threading.Event | None = None
) -> int | None:
    """The place of an exchange along the axis of its session, or of the record."""
    table = record.query(
        f"WITH axis AS ({_axis(session_id)}) SELECT place FROM axis WHERE exchange_id = $exchange",
        {**_of(session_id), "exchange": exchange_id},
        cancel=cancel,
    )
    return table.rows[0][0] if table.rows else None


def moment(record: Record, exchange_id: str, profile: str) -> Moment | None:
    """The exchange at the cursor."""
    values = ", ".join(f"v.{name}" for name in MEASURES)
    table = record.query(
        f"""
        SELECT e.exchange_id, e.session_id, s.title, e.turn, e.created_at, e.status, e.checkpoint, e.adapter, e.mark,
            left(e.user_input, {_BEGINNING}) AS user_input,
            left(coalesce(e.target, e.response, ''), {_BEGINNING}) AS answer, v.threshold, {values}
        FROM exchanges e
        LEFT JOIN sessions s ON s.session_id = e.session_id
        LEFT JOIN salience v ON v.exchange_id = e.exchange_id AND v.profile = $profile
        WHERE e.exchange_id = $exchange
        """,
        {"exchange": exchange_id, "profile": profile},
    )
    if not table.rows:
        return None
    fields = dict(zip(table.columns, table.rows[0]))
    scored = tuple(fields.pop(name) for name in MEASURES)
    return Moment(**fields | {"created_at": _aware(fields["created_at"]), "values": scored})


def profiles(record: Record, session_id: str | None) -> list[str]:
    """The profiles that scored anything of the session, or of the record."""
    within = "" if session_id is None else "JOIN exchanges e USING (exchange_id) WHERE e.session_id = $session"
    table = record.query(f"SELECT DISTINCT profile FROM salience {within} ORDER BY profile", _of(session_id))
    return [name for (name,) in table.rows]


def placed(cycles: Sequence[SleepCycle], stretch: Stretch) -> dict[int, list[SleepCycle]]:
    """Sleeps by the index of the first point that comes after them; the number of points stands for the axis' end.

    Those before the first point are left out, and those after the last where the axis goes on there.
    """
    marks: dict[int, list[SleepCycle]] = {}
    found = stretch.points
    whole = stretch.start + stretch.size >= stretch.total
    for cycle in cycles:
        at = cycle.ended_at or cycle.started_at
        index = next((index for index, point in enumerate(found) if point.last_at >= at), len(found))
        if found and at > found[0].first_at and (index < len(found) or whole):
            marks.setdefault(index, []).append(cycle)
    return marks


def _axis(session_id: str | None) -> str:
    """Every exchange with its place."""
    if session_id is None:
        return """SELECT exchange_id, created_at, row_number() OVER (ORDER BY created_at, exchange_id) - 1 AS place
            FROM exchanges"""
    return """SELECT exchange_id, created_at, row_number() OVER (ORDER BY turn, exchange_id) - 1 AS place
        FROM exchanges WHERE session_id = $session"""


def _of(session_id: str | None) -> dict[str, Any]:
    return {} if session_id is None else {"session": session_id}


def _point(row: tuple[Any, ...]) -> Point:
    start, n, first_at, last_at, salient, place, exchange_id = row[:7]
    mean, peak = row[7 : 7 + len(MEASURES)], row[7 + len(MEASURES) : -2]
    return Point(start, n, _aware(first_at), _aware(last_at), salient, place, exchange_id, mean, peak)


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=timezone.utc)
