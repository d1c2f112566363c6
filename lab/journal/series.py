"""The figures behind the plots: salience by checkpoint, by adapter, between sleeps, its distribution, and losses."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final, Literal

from lab.journal.filters import MEASURES
from lab.journal.record import Record

# Every value lies in 0..1.
BINS: Final = 20
# A long training is told by so many values.
_LOSSES: Final = 400


@dataclass(frozen=True, slots=True)
class Group:
    """Scored exchanges that have something in common: how many, the salient share, the mean of each of MEASURES.

    `name` None is the checkpoint without an adapter, or the time before the first sleep.
    """

    name: str | None
    n: int
    salient: float
    means: tuple[float, ...]


_MEANS: Final = ", ".join(f"avg(v.{name})" for name in MEASURES)
_SCORED: Final = "exchanges e JOIN salience v ON v.exchange_id = e.exchange_id AND v.profile = $profile"


def groups(
    record: Record,
    column: Literal["checkpoint", "adapter"],
    session_id: str | None,
    profile: str,
    cancel: threading.Event | None = None,
) -> list[Group]:
    """Salience by what answered, in the order in which it first did. Raises LabError as `Record.query` does."""
    table = record.query(
        f"""SELECT e.{column}, count(*), avg(v.salient::INTEGER), {_MEANS}
        FROM {_SCORED} WHERE {_within(session_id)} GROUP BY ALL ORDER BY min(e.created_at)""",
        _of(session_id, profile),
        cancel=cancel,
    )
    return [_group(row) for row in table.rows]


def between_sleeps(
    record: Record, session_id: str | None, profile: str, cancel: threading.Event | None = None
) -> list[Group]:
    """Salience before the first complete sleep, and after each one until the next, oldest first."""
    table = record.query(
        f"""SELECT c.cycle_id, count(*), avg(v.salient::INTEGER), {_MEANS}
        FROM {_SCORED}
        ASOF LEFT JOIN (FROM sleep_cycles WHERE status = 'complete') c ON e.created_at >= c.ended_at
        WHERE {_within(session_id)} GROUP BY ALL ORDER BY min(e.created_at)""",
        _of(session_id, profile),
        cancel=cancel,
    )
    return [_group(row) for row in table.rows]


def histograms(
    record: Record, session_id: str | None, profile: str, cancel: threading.Event | None = None
) -> dict[str, tuple[int, ...]]:
    """For each of MEASURES how many exchanges lie in each of BINS equal steps from 0 to 1; a 1 is in the last."""
    steps = ", ".join(f"least(floor(v.{name} * {BINS}), {BINS - 1})::INTEGER AS {name}" for name in MEASURES)
    table = record.query(
        f"""SELECT measure, step, count(*) FROM (
            UNPIVOT (SELECT {steps} FROM {_SCORED} WHERE {_within(session_id)})
            ON {", ".join(MEASURES)} INTO NAME measure VALUE step
        ) GROUP BY ALL""",
        _of(session_id, profile),
        cancel=cancel,
    )
    counted = {(measure, step): n for measure, step, n in table.rows}
    return {name: tuple(counted.get((name, step), 0) for step in range(BINS)) for name in MEASURES}


def losses(
    record: Record,
    session_id: str | None = None,
    *,
    cycle_id: str | None = None,
    cycles: int = 8,
    cancel: threading.Event | None = None,
) -> dict[str, tuple[tuple[int, float], ...]]:
    """Step and loss of the latest `cycles` sleeps, oldest first: of one cycle, or of those that used this session.

    Of a training with more than 400 steps the means of equally many in a row.
    """
    where, parameters = "true", dict[str, Any]()
    if cycle_id is not None:
        where, parameters = "c.cycle_id = $cycle", {"cycle": cycle_id}
    elif session_id is not None:
        where = """c.cycle_id IN (
            SELECT x.cycle_id FROM sleep_examples x JOIN exchanges e USING (exchange_id) WHERE e.session_id = $session
        )"""
        parameters = {"session": session_id}
    table = record.query(
        f"""
        WITH latest AS (
            SELECT c.cycle_id, c.started_at FROM sleep_cycles c
            WHERE {where} AND c.cycle_id IN (SELECT cycle_id FROM sleep_steps)
            ORDER BY c.started_at DESC, c.cycle_id DESC LIMIT {cycles:d}
        ),
        trained AS (
            SELECT s.cycle_id, l.started_at, s.step, s.loss, max(s.step) OVER (PARTITION BY s.cycle_id) AS steps
            FROM sleep_steps s JOIN latest l USING (cycle_id) WHERE s.loss IS NOT NULL
        )
        SELECT cycle_id, max(step), avg(loss) FROM trained
        GROUP BY cycle_id, started_at, (step - 1) * least({_LOSSES}, steps) // greatest(steps, 1)
        ORDER BY started_at, cycle_id, 2
        """,
        parameters,
        cancel=cancel,
    )
    found: dict[str, list[tuple[int, float]]] = {}
    for name, step, loss in table.rows:
        found.setdefault(name, []).append((step, loss))
    return {name: tuple(steps) for name, steps in found.items()}


def _group(row: tuple[Any, ...]) -> Group:
    name, n, salient, *means = row
    return Group(name, n, salient, tuple(means))


def _within(session_id: str | None) -> str:
    return "true" if session_id is None else "e.session_id = $session"


def _of(session_id: str | None, profile: str) -> dict[str, Any]:
    return {"profile": profile} if session_id is None else {"profile": profile, "session": session_id}
