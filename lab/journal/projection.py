"""How events become rows: a fold over rows in memory, loaded before a batch and stored after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import duckdb
import orjson

from lab.journal.events import (
    AdapterChosen,
    AdapterSaved,
    DraftFinished,
    Event,
    ExchangeFinished,
    ExchangeMarked,
    ExchangePurged,
    MemoryRead,
    SalienceScored,
    SessionEnded,
    SessionOpened,
    SessionTitled,
    TurnMeasured,
    TurnStarted,
)
from lab.journal.journal import Line
from lab.journal.sleep_events import (
    SleepEnded,
    SleepExampleUsed,
    SleepLessonFound,
    SleepMeasured,
    SleepPlanned,
    SleepProbed,
    SleepResumed,
    SleepStarted,
    SleepStepped,
)
from lab.journal.study_events import (
    ExperimentEnded,
    ExperimentSignal,
    ExperimentTested,
    StudyEnded,
    StudyMeasured,
    StudySignal,
)
from lab.journal.transaction import transaction

Row = dict[str, Any]


@dataclass(frozen=True)
class TableShape:
    """What is written to one table: its columns with their types; the first `keys` of them name a row."""

    keys: int
    columns: dict[str, str]


def _shape(keys: int, columns: str) -> TableShape:
    return TableShape(keys, {column.split()[0]: column.split()[1] for column in columns.split(",")})


# The columns of `migrations`, once more: what this release writes. No keys means a table that only grows.
TABLES: Final[dict[str, TableShape]] = {
    "sessions": _shape(
        1,
        "session_id VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP, title VARCHAR, checkpoint VARCHAR,"
        "adapter VARCHAR, profile VARCHAR, threshold DOUBLE, parent_session_id VARCHAR,"
        "revision VARCHAR, parent_exchange_id VARCHAR",
    ),
    "exchanges": _shape(
        1,
        "exchange_id VARCHAR, session_id VARCHAR, turn BIGINT, created_at TIMESTAMP, user_input VARCHAR,"
        "response VARCHAR, status VARCHAR, checkpoint VARCHAR, adapter VARCHAR, prompt_tokens BIGINT,"
        "response_tokens BIGINT, seconds DOUBLE, mark VARCHAR, target VARCHAR, reason VARCHAR, converged BOOLEAN,"
        "kept_iteration BIGINT",
    ),
    "drafts": _shape(
        2,
        "exchange_id VARCHAR, iteration BIGINT, temperature DOUBLE, seed HUGEINT, energy DOUBLE, tokens BIGINT,"
        "seconds DOUBLE, text VARCHAR, chosen BOOLEAN, thinking VARCHAR, thinking_tokens BIGINT, finish VARCHAR",
    ),
    "salience": _shape(
        2,
        "exchange_id VARCHAR, profile VARCHAR, surprise DOUBLE, novelty DOUBLE, arousal DOUBLE, reward DOUBLE,"
        "conflict DOUBLE, total DOUBLE, threshold DOUBLE, salient BOOLEAN",
    ),
    "evidence": _shape(
        1,
        "exchange_id VARCHAR, bits DOUBLE, nearest DOUBLE, nearest_id VARCHAR, agreement DOUBLE, consistency DOUBLE,"
        "byte_bits DOUBLE",
    ),
    "embeddings": _shape(1, "exchange_id VARCHAR, vector FLOAT[]"),
    "sleep_cycles": _shape(
        1,
        "cycle_id VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP, status VARCHAR, checkpoint VARCHAR,"
        "parent_adapter VARCHAR, adapter VARCHAR, exchanges BIGINT, examples BIGINT, epochs BIGINT, steps BIGINT,"
        "rank BIGINT, learning_rate DOUBLE, first_loss DOUBLE, last_loss DOUBLE, verdict VARCHAR, reason VARCHAR,"
        "seconds DOUBLE, strength DOUBLE, lessons BIGINT, earlier BIGINT, deep BOOLEAN, dtype VARCHAR,"
        "checkpointing BOOLEAN",
    ),
    "sleep_lessons": _shape(
        2,
        "cycle_id VARCHAR, lesson_id VARCHAR, exchange_id VARCHAR, origin VARCHAR, statement VARCHAR,"
        "question VARCHAR, answer VARCHAR, key VARCHAR, support DOUBLE, reason VARCHAR, unseen VARCHAR[],"
        "final VARCHAR[], neighbours VARCHAR[], salience DOUBLE",
    ),
    "sleep_examples": _shape(
        0,
        "cycle_id VARCHAR, exchange_id VARCHAR, kind VARCHAR, prompt VARCHAR, target VARCHAR, lesson_id VARCHAR,"
        "source VARCHAR, similarity DOUBLE",
    ),
    "sleep_probes": _shape(
        2,
        "cycle_id VARCHAR, number BIGINT, kind VARCHAR, lesson_id VARCHAR, question VARCHAR, expected VARCHAR,"
        "answer_before VARCHAR, answer_after VARCHAR, right_before BOOLEAN, right_after BOOLEAN,"
        "nats_before DOUBLE, nats_after DOUBLE",
    ),
    "sleep_measures": _shape(
        2,
        "cycle_id VARCHAR, measure VARCHAR, value DOUBLE, low DOUBLE, high DOUBLE, n BIGINT, limit DOUBLE,"
        "passed BOOLEAN",
    ),
    "sleep_steps": _shape(
        2,
        "cycle_id VARCHAR, step BIGINT, epoch BIGINT, loss DOUBLE, learning_rate DOUBLE, tokens BIGINT,seconds DOUBLE",
    ),
    "studies": _shape(
        1,
        "study_id VARCHAR, name VARCHAR, ended_at TIMESTAMP, checkpoint VARCHAR, seed BIGINT, exchanges BIGINT,"
        "seconds DOUBLE",
    ),
    "study_signals": _shape(
        3, "study_id VARCHAR, item BIGINT, signal VARCHAR, kind VARCHAR, said VARCHAR, value DOUBLE"
    ),
    "study_measures": _shape(
        3,
        "study_id VARCHAR, measure VARCHAR, signal VARCHAR, value DOUBLE, low DOUBLE, high DOUBLE, n BIGINT",
    ),
    "experiments": _shape(
        1,
        "experiment_id VARCHAR, protocol VARCHAR, ended_at TIMESTAMP, checkpoints VARCHAR[], repeats BIGINT,"
        "turns BIGINT, seconds DOUBLE",
    ),
    "experiment_signals": _shape(
        3,
        "experiment_id VARCHAR, exchange_id VARCHAR, signal VARCHAR, checkpoint VARCHAR, repeat BIGINT, item VARCHAR,"
        "condition VARCHAR, turn BIGINT, value DOUBLE",
    ),
    "experiment_tests": _shape(
        3,
        "experiment_id VARCHAR, hypothesis VARCHAR, profile VARCHAR, more DOUBLE, less DOUBLE, difference DOUBLE,"
        "low DOUBLE, high DOUBLE, n BIGINT, p DOUBLE, corrected DOUBLE, effect DOUBLE, verdict VARCHAR",
    ),
    "adapters": _shape(
        1,
        "adapter VARCHAR, checkpoint VARCHAR, parent VARCHAR, cycle_id VARCHAR, created_at TIMESTAMP,"
        "path VARCHAR, sha256 VARCHAR, bytes BIGINT, state VARCHAR",
    ),
    "adapter_choices": _shape(0, "at TIMESTAMP, fingerprint VARCHAR, adapter VARCHAR"),
    "resources": _shape(0, "at TIMESTAMP, process VARCHAR, rss_bytes BIGINT, vram_bytes BIGINT, event VARCHAR"),
    "journal_offsets": _shape(1, "stream VARCHAR, bytes BIGINT, lines BIGINT"),
    "journal_faults": _shape(0, "stream VARCHAR, line BIGINT, reason VARCHAR"),
}


def apply(connection: duckdb.DuckDBPyConnection, lines: Iterable[tuple[str, Line]]) -> int:
    """Put lines, each with its stream, into the database, and with them how far each stream is applied.

    One transaction: all or none. Lines that are no event, or whose beginning is missing, become rows of
    `journal_faults`. Returns the number of lines.
    """
    batch = list(lines)
    ends = dict(batch)
    fold = _Fold()
    with transaction(connection):
        fold.load(connection, [line.entry.event for _, line in batch if line.entry])
        for stream, line in batch:
            fault = fold.event(line.entry.at.replace(tzinfo=None), line.entry.event) if line.entry else line.fault
            if fault:
                fold.put("journal_faults", stream=stream, line=line.number, reason=fault)
        for stream, line in ends.items():
            fold.put("journal_offsets", stream=stream, bytes=line.end, lines=line.number)
        fold.store(connection)
    return len(batch)


class _Fold:
    """Rows touched by one batch. Pure apart from `load` and `store`, so batches may be cut anywhere."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple[Any, ...], Row]] = {table: {} for table in TABLES}
        self.loaded: dict[str, dict[tuple[Any, ...], Row]] = {}
        self.iterations: dict[str, set[int]] = {}

    def put(self, table: str, **row: Any) -> None:
        """Set a whole row, or add one to a table that only grows."""
        shape = TABLES[table]
        rows = self.rows[table]
        names = list(shape.columns)
        key = tuple(row[name] for name in names[: shape.keys]) if shape.keys else (len(rows),)
        rows[key] = {name: row.get(name) for name in names}
        if table == "drafts":
            self.iterations.setdefault(row["exchange_id"], set()).add(row["iteration"])

    def load(self, connection: duckdb.DuckDBPyConnection, events: Sequence[Event]) -> None:
        """Fetch the rows that these events may change rather than set."""
        sessions: set[str] = set()
        exchanges: set[str] = set()
        cycles: set[str] = set()
        purged = {event.exchange_id for event in events if isinstance(event, ExchangePurged)}
        for event in events:
            match event:
                case SessionOpened() | SessionTitled() | SessionEnded() | TurnStarted():
                    sessions.add(event.session_id)
                case ExchangeFinished() | ExchangeMarked() | ExchangePurged():
                    exchanges.add(event.exchange_id)
                case SleepStarted() | SleepPlanned() | SleepResumed() | SleepStepped() | SleepEnded():
                    cycles.add(event.cycle_id)
                case _:
                    pass
        for table, ids in (
            ("sessions", sessions),
            ("exchanges", exchanges),
            ("drafts", exchanges),
            ("embeddings", purged),
            ("sleep_cycles", cycles),
        ):
            if ids:
                columns = list(TABLES[table].columns)
                found = connection.execute(
                    f"SELECT {_quoted(columns)} FROM {table} WHERE {columns[0]} IN (SELECT unnest(?::VARCHAR[]))",
                    [sorted(ids)],
                ).fetchall()
                for row in found:
                    self.put(table, **dict(zip(columns, row)))
                self.loaded[table] = {key: dict(row) for key, row in self.rows[table].items()}

    def store(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write the rows that are new or changed, each in place of the one of its key.

        A column at a time: far faster than a statement a row.
        """
        for table, all_rows in self.rows.items():
            before = self.loaded.get(table, {})
            rows = [row for key, row in all_rows.items() if before.get(key) != row]
            if not rows:
                continue
            shape = TABLES[table]
            columns = {name: [row[name] for row in rows] for name in shape.columns}
            if keys := list(shape.columns)[: shape.keys]:
                connection.execute(
                    f"DELETE FROM {table} WHERE ({_quoted(keys)}) IN (SELECT {_lists(shape, keys)})",
                    [columns[name] for name in keys],
                )
            connection.execute(
                f"INSERT INTO {table} ({_quoted(columns)}) SELECT {_lists(shape, columns)}", list(columns.values())
            )

    def event(self, at: datetime, event: Event) -> str | None:
        """Fold one event in; what is wrong when the beginning it belongs to is missing."""
        match event:
            case SessionOpened():
                self._session_opened(at, event)
            case SessionTitled():
                return self._change("sessions", event.session_id, title=event.title)
            case SessionEnded():
                return self._change("sessions", event.session_id, ended_at=at)
            case TurnStarted():
                self.put("exchanges", **_body(event), created_at=at, response="", status="running")
                if (event.session_id,) in self.rows["sessions"]:
                    self._change("sessions", event.session_id, ended_at=None)
            case DraftFinished():
                self.put("drafts", **_body(event), chosen=False)
            case ExchangeFinished():
                return self._exchange_finished(event)
            case ExchangeMarked():
                return self._change(
                    "exchanges",
                    event.exchange_id,
                    mark=event.mark,
                    target=event.target,
                    kept_iteration=event.iteration,
                )
            case ExchangePurged():
                return self._exchange_purged(event)
            case SalienceScored():
                self.put("salience", **_body(event))
            case TurnMeasured():
                self.put("evidence", **_body(event))
                self.put("embeddings", exchange_id=event.exchange_id, vector=_vector(event.vector))
            case SleepStarted():
                self.put("sleep_cycles", **_body(event) | {"started_at": at, "status": "running", "steps": 0})
            case SleepPlanned():
                planned = _body(event)
                del planned["cycle_id"], planned["total_steps"]
                if event.epochs is None:
                    del planned["epochs"]
                return self._change("sleep_cycles", event.cycle_id, **planned)
            case SleepResumed():
                # What was recovered as interrupted goes on; what it had ended with is void.
                known = {} if event.checkpointing is None else {"checkpointing": event.checkpointing}
                return self._change(
                    "sleep_cycles", event.cycle_id, status="running", ended_at=None, reason=None, **known
                )
            case SleepLessonFound():
                self.put("sleep_lessons", **_body(event))
            case SleepExampleUsed():
                self.put("sleep_examples", **_body(event))
            case SleepProbed():
                self.put("sleep_probes", **_body(event))
            case SleepMeasured():
                self.put("sleep_measures", **_body(event))
            case AdapterChosen():
                self.put("adapter_choices", **_body(event), at=at)
            case SleepStepped():
                return self._sleep_stepped(event)
            case SleepEnded():
                return self._sleep_ended(at, event)
            case StudyEnded():
                self.put("studies", **_body(event), ended_at=at)
            case StudySignal():
                self.put("study_signals", **_body(event))
            case StudyMeasured():
                self.put("study_measures", **_body(event))
            case ExperimentEnded():
                self.put("experiments", **_body(event), ended_at=at)
            case ExperimentSignal():
                self.put("experiment_signals", **_body(event))
            case ExperimentTested():
                self.put("experiment_tests", **_body(event))
            case AdapterSaved():
                self.put("adapters", **_body(event), created_at=at)
            case MemoryRead():
                body = _body(event)
                body["event"] = body.pop("moment")
                self.put("resources", **body, at=at)
            case _:
                pass
        return None

    def _change(self, table: str, key: str, **values: Any) -> str | None:
        row = self.rows[table].get((key,))
        if row is None:
            return f"{key} has no beginning"
        row.update(values)
        return None

    def _session_opened(self, at: datetime, event: SessionOpened) -> None:
        body = _body(event) | {"started_at": at}
        before = self.rows["sessions"].get((event.session_id,))
        if before:  # Taken up again: it began when it first began.
            body["started_at"] = before["started_at"]
            body["title"] = event.title if event.title is not None else before["title"]
        self.put("sessions", **body)

    def _exchange_finished(self, event: ExchangeFinished) -> str | None:
        body = _body(event)
        del body["chosen"]
        for iteration in self.iterations.get(event.exchange_id, ()):
            self.rows["drafts"][event.exchange_id, iteration]["chosen"] = iteration == event.chosen
        return self._change("exchanges", event.exchange_id, **body)

    def _exchange_purged(self, event: ExchangePurged) -> str | None:
        row = self.rows["exchanges"].get((event.exchange_id,))
        if row is None:
            return f"{event.exchange_id} has no beginning"
        for iteration in self.iterations.get(event.exchange_id, ()):
            self.rows["drafts"][event.exchange_id, iteration].update(text="", thinking="")
        if (meaning := self.rows["embeddings"].get((event.exchange_id,))) is not None:
            meaning["vector"] = None
        told = {name: "" for name in ("target", "reason") if row[name] is not None}
        row.update(told, mark="excluded", user_input="", response="")
        return None

    def _sleep_stepped(self, event: SleepStepped) -> str | None:
        self.put("sleep_steps", **_body(event))
        cycle = self.rows["sleep_cycles"].get((event.cycle_id,))
        if cycle is None:
            return f"{event.cycle_id} has no beginning"
        cycle["steps"] = max(cycle["steps"] or 0, event.step)
        cycle["last_loss"] = event.loss
        if cycle["first_loss"] is None:
            cycle["first_loss"] = event.loss
        return None

    def _sleep_ended(self, at: datetime, event: SleepEnded) -> str | None:
        cycle = self.rows["sleep_cycles"].get((event.cycle_id,))
        if cycle is None:
            return f"{event.cycle_id} has no beginning"
        # A cycle that was interrupted is ended by another process, which knows only that; its steps stay.
        known = {name: value for name, value in _body(event).items() if value is not None}
        known["steps"] = max(cycle["steps"] or 0, event.steps)
        cycle.update(known, ended_at=at)
        return None


def _body(event: Event) -> Row:
    body = {field.name: getattr(event, field.name) for field in fields(event)}
    # A tuple would be a row to the database, a list is a list.
    return {name: list(value) if isinstance(value, tuple) else value for name, value in body.items()}


def _vector(text: str) -> list[int] | None:
    """The numbers of a vector; None where there are none, also of one that was purged."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    whole = isinstance(found, list) and found and all(type(number) is int for number in found)
    return found if whole else None


def _lists(shape: TableShape, names: Iterable[str]) -> str:
    """Parameters that are columns, as the columns of a query."""
    return ", ".join(f"unnest(?::{shape.columns[name]}[])" for name in names)


def _quoted(columns: Iterable[str]) -> str:
    """Column names as SQL; "at" is a keyword."""
    return ", ".join(f'"{column}"' for column in columns)
