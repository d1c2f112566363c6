"""Adapters as the record knows them: the tree of parents and children, what each learnt, and what it answered."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Final

from lab.domain import SleepStatus, Verdict
from lab.journal.receipts import measures_of_all
from lab.journal.record import Record
from lab.journal.sleep_events import SleepMeasured

# Of a prompt and an answer so much is read for a list.
_BEGINNING: Final = 200


@dataclass(frozen=True, slots=True)
class Lineage:
    """An adapter with the sleep that made it, or a sleep that made none: then `adapter` is None.

    `parent` is the adapter that it went on from. Times are aware, UTC; `seconds` is wall time; `bytes` the size of the
    weights. What only a finished sleep knows is None before; what none measured has no `measures`.
    """

    adapter: str | None
    checkpoint: str | None
    parent: str | None
    cycle_id: str | None
    at: datetime
    status: SleepStatus | None
    bytes: int | None
    exchanges: int | None
    examples: int | None
    epochs: int | None
    steps: int | None
    rank: int | None
    learning_rate: float | None
    first_loss: float | None
    last_loss: float | None
    seconds: float | None
    reason: str | None
    verdict: Verdict | None = None
    strength: float | None = None
    measures: tuple[SleepMeasured, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """What an adapter, or None for the bare checkpoint, answered: how many exchanges, and the mean total of those, so
    many, that were scored."""

    checkpoint: str | None
    adapter: str | None
    n: int
    mean: float | None
    scored: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """One example of a sleep; of both texts the beginning."""

    exchange_id: str
    kind: str
    prompt: str
    target: str


@dataclass(frozen=True, slots=True)
class Answered:
    """One exchange that an adapter answered; of both texts the beginning."""

    exchange_id: str
    created_at: datetime
    total: float | None
    salient: bool
    user_input: str
    answer: str


def lineages(record: Record) -> list[Lineage]:
    """All adapters and all sleeps that made none, oldest first. Raises LabError as `Record.query` does."""
    table = record.query(
        """
        SELECT a.adapter, coalesce(a.checkpoint, c.checkpoint) AS checkpoint,
            coalesce(a.parent, c.parent_adapter) AS parent, coalesce(c.cycle_id, a.cycle_id) AS cycle_id,
            coalesce(a.created_at, c.ended_at, c.started_at) AS "at", c.status, a.bytes, c.exchanges, c.examples,
            c.epochs, c.steps, c.rank, c.learning_rate, c.first_loss, c.last_loss, c.seconds, c.reason,
            c.verdict, c.strength
        FROM adapters a FULL JOIN sleep_cycles c ON c.cycle_id = a.cycle_id
        ORDER BY "at", cycle_id, adapter
        """
    )
    measures = measures_of_all(record)
    found = [Lineage(**_fields(table.columns, row)) for row in table.rows]
    return [replace(each, measures=measures.get(each.cycle_id or "", ())) for each in found]


def uses(record: Record, profile: str, cancel: threading.Event | None = None) -> list[Use]:
    """What each adapter and each bare checkpoint answered. Half a second for a million exchanges."""
    table = record.query(
        """
        SELECT e.checkpoint, e.adapter, count(*), avg(v.total), count(v.total)
        FROM exchanges e LEFT JOIN salience v ON v.exchange_id = e.exchange_id AND v.profile = $profile
        WHERE e.status IN ('complete', 'cancelled')
        GROUP BY ALL
        """,
        {"profile": profile},
        cancel=cancel,
    )
    return [Use(*row) for row in table.rows]


def learnt(record: Record, cycle_id: str, limit: int, offset: int = 0) -> list[Learnt]:
    """A page of what a sleep trained on, exchange by exchange."""
    table = record.query(
        f"""
        SELECT exchange_id, kind, left(prompt, {_BEGINNING}), left(target, {_BEGINNING})
        FROM sleep_examples WHERE cycle_id = $cycle
        ORDER BY exchange_id, kind, prompt, target LIMIT $limit OFFSET $offset
        """,
        {"cycle": cycle_id, "limit": limit, "offset": offset},
    )
    return [Learnt(*row) for row in table.rows]


def answered(
    record: Record, checkpoint: str | None, adapter: str | None, profile: str, limit: int, offset: int = 0
) -> list[Answered]:
    """A page of what an adapter answered, or without one the bare checkpoint; newest first."""
    by, parameters = "e.adapter = $adapter", {"adapter": adapter}
    if adapter is None:
        by, parameters = "e.adapter IS NULL AND e.checkpoint = $checkpoint", {"checkpoint": checkpoint}
    table = record.query(
        f"""
        WITH page AS (
            SELECT e.exchange_id FROM exchanges e
            WHERE {by} ORDER BY e.created_at DESC, e.exchange_id DESC LIMIT $limit OFFSET $offset
        )
        SELECT e.exchange_id, e.created_at, v.total, coalesce(v.salient, false), left(e.user_input, {_BEGINNING}),
            left(coalesce(e.target, e.response, ''), {_BEGINNING})
        FROM page JOIN exchanges e USING (exchange_id)
        LEFT JOIN salience v ON v.exchange_id = e.exchange_id AND v.profile = $profile
        ORDER BY e.created_at DESC, e.exchange_id DESC
        """,
        {**parameters, "profile": profile, "limit": limit, "offset": offset},
    )
    return [Answered(row[0], _aware(row[1]), *row[2:]) for row in table.rows]


def _fields(columns: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return {name: _aware(value) if isinstance(value, datetime) else value for name, value in zip(columns, row)}


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=timezone.utc)
