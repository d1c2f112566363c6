"""The receipt of a sleep as the record has it: lessons, examples, answers before and after, measures, what it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, Final, TypeVar

from lab.domain import ProbeKind, SleepStatus, Verdict
from lab.journal.record import Record
from lab.journal.sleep_events import SleepExampleUsed, SleepLessonFound, SleepMeasured, SleepProbed

# The order in which measures and probes are told: what the sleep was for comes first. Others come after these.
MEASURES: Final = (
    "learned",
    "learned_before",
    "final",
    "trained",
    "gain",
    "kept",
    "forgotten",
    "neighbours",
    "drift",
    "length",
    "repetition",
    "ending",
)
KINDS: Final[tuple[ProbeKind, ...]] = ("unseen", "final", "trained", "earlier", "neighbour", "anchor")

_Row = TypeVar("_Row", SleepLessonFound, SleepExampleUsed, SleepProbed, SleepMeasured)


@dataclass(frozen=True, slots=True)
class Cycle:
    """The row of a sleep. Times are aware, UTC. What only a finished sleep, or one of this release, knows may be
    None."""

    cycle_id: str
    started_at: datetime | None
    ended_at: datetime | None
    status: SleepStatus
    checkpoint: str | None
    parent_adapter: str | None
    adapter: str | None
    exchanges: int | None
    examples: int | None
    epochs: int | None
    steps: int | None
    rank: int | None
    learning_rate: float | None
    first_loss: float | None
    last_loss: float | None
    verdict: Verdict | None
    reason: str | None
    seconds: float | None
    strength: float | None
    lessons: int | None
    earlier: int | None
    deep: bool | None
    dtype: str | None
    checkpointing: bool | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything that a sleep left in the record.

    `lessons` were trained, `set_aside` not, each with its reason. `measures` stand in the order of MEASURES, `probes`
    in that of KINDS, `examples` lesson by lesson. The speed is that of the training steps, the memory the sleeper's
    highest; each is None where nothing told it.
    """

    cycle: Cycle
    lessons: tuple[SleepLessonFound, ...]
    set_aside: tuple[SleepLessonFound, ...]
    measures: tuple[SleepMeasured, ...]
    probes: tuple[SleepProbed, ...]
    examples: tuple[SleepExampleUsed, ...]
    tokens_per_second: float | None
    rss_bytes: int | None
    vram_bytes: int | None


def receipt(record: Record, cycle_id: str) -> Receipt | None:
    """The receipt of this sleep, None when there is no such sleep. Raises LabError as `Record.query` does."""
    names = ", ".join(field.name for field in fields(Cycle))
    rows = record.query(f"SELECT {names} FROM sleep_cycles WHERE cycle_id = ?", [cycle_id]).rows
    if not rows:
        return None
    cycle = Cycle(*map(_aware, rows[0]))
    found = _rows(record, cycle_id, "sleep_lessons", SleepLessonFound, "reason IS NOT NULL, lesson_id")
    speed, rss, vram = _cost(record, cycle_id)
    return Receipt(
        cycle,
        tuple(each for each in found if each.reason is None),
        tuple(each for each in found if each.reason is not None),
        _rows(record, cycle_id, "sleep_measures", SleepMeasured, f"{_place('measure', MEASURES)}, measure"),
        _rows(record, cycle_id, "sleep_probes", SleepProbed, f"{_place('kind', KINDS)}, number"),
        _rows(
            record,
            cycle_id,
            "sleep_examples",
            SleepExampleUsed,
            "lesson_id NULLS LAST, exchange_id, kind <> 'original', kind, prompt, target",
        ),
        speed,
        rss,
        vram,
    )


def newest_cycle(record: Record) -> str | None:
    """The sleep that began last of those that have ended; else the one that runs."""
    rows = record.query(
        "SELECT cycle_id FROM sleep_cycles ORDER BY status = 'running', started_at DESC, cycle_id DESC LIMIT 1"
    ).rows
    return rows[0][0] if rows else None


def measures_of_all(record: Record) -> Mapping[str, tuple[SleepMeasured, ...]]:
    """The measures of every sleep that has some, by its id."""
    found: dict[str, tuple[SleepMeasured, ...]] = {}
    for each in _rows(record, None, "sleep_measures", SleepMeasured, f"cycle_id, {_place('measure', MEASURES)}"):
        found[each.cycle_id] = (*found.get(each.cycle_id, ()), each)
    return found


def _rows(record: Record, cycle_id: str | None, table: str, kind: type[_Row], order: str) -> tuple[_Row, ...]:
    """The rows of one sleep, or of all, as the events that they came from."""
    names = ", ".join(f'"{field.name}"' for field in fields(kind))
    found = record.query(
        f"SELECT {names} FROM {table} WHERE $cycle IS NULL OR cycle_id = $cycle ORDER BY {order}", {"cycle": cycle_id}
    )
    return tuple(kind(**_values(found.columns, row)) for row in found.rows)


def _values(columns: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in zip(columns, row)}


def _place(column: str, order: tuple[str, ...]) -> str:
    names = ", ".join(f"'{name}'" for name in order)
    return f"coalesce(list_position([{names}], {column}), {len(order) + 1})"


def _cost(record: Record, cycle_id: str) -> tuple[float | None, int | None, int | None]:
    """Tokens a second of the training steps, and the highest memory; one sleep runs at a time, so time tells whose."""
    ((speed,),) = record.query(
        "SELECT sum(tokens) / nullif(sum(seconds), 0) FROM sleep_steps WHERE cycle_id = ?", [cycle_id]
    ).rows
    ((rss, vram),) = record.query(
        """
        SELECT max(r.rss_bytes), max(r.vram_bytes)
        FROM sleep_cycles c JOIN resources r
            ON r."at" >= c.started_at AND (c.ended_at IS NULL OR r."at" <= c.ended_at)
        WHERE c.cycle_id = ? AND r.process = 'sleeper' AND r.event = 'peak'
        """,
        [cycle_id],
    ).rows
    return speed, rss, vram


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) else value
