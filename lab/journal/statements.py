"""Running SQL that a person wrote: several statements, a row limit, a cancel, and errors worth reading."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Union

import duckdb

from lab.errors import LabError
from lab.journal.allowed import READ_ONLY_REMEDY, allowed, kind_of
from lab.journal.database import Database, is_damage

# For ? or $1 in order, or for $name.
Parameters = Union[Sequence[Any], Mapping[str, Any]]

_CANCEL_SECONDS = 0.05
_ZONED: Final = "TIMESTAMP WITH TIME ZONE"


@dataclass(frozen=True, slots=True)
class Table:
    """What a query gave. `truncated` says that there were more rows than the limit; `seconds` is wall time."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    truncated: bool
    seconds: float


def require_text(sql: str) -> None:
    """Raises LabError for a query that no database could take as text."""
    if any("\ud800" <= character <= "\udfff" for character in sql):
        raise LabError("The query is not text: it holds half of a character.", "Type it anew instead of pasting it.")


def empty() -> LabError:
    """What a person is told who asked nothing."""
    return LabError("The query is empty.", "Type a SQL statement, for example SELECT * FROM salience_history.")


def cancelled() -> LabError:
    """What a person is told who cancelled."""
    return LabError("The query was cancelled.")


def run(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Parameters,
    limit: int | None,
    cancel: threading.Event | None,
    writes: bool = False,
) -> tuple[tuple[str, ...], list[tuple[Any, ...]], bool]:
    """Columns and rows of the last statement, and whether rows beyond the limit were left.

    Raises duckdb.Error for a wrong statement and LabError for an empty one, a refused one and a cancel.
    """
    with watched(connection, cancel):
        try:
            return _run(connection, sql, parameters, limit, writes)
        except duckdb.InterruptException as fault:
            raise cancelled() from fault


def _run(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters, limit: int | None, writes: bool
) -> tuple[tuple[str, ...], list[tuple[Any, ...]], bool]:
    require_text(sql)
    found = connection.extract_statements(sql)
    if not found:
        raise empty()
    if not writes:
        allowed(sql, connection)
    for statement in found[:-1]:
        connection.execute(statement)
    last = found[-1]
    connection.execute(last, _bound(parameters))
    described = connection.description
    if not described:
        return (), [], False
    names = tuple(column[0] for column in described)
    if kind_of(last) == duckdb.StatementType.SELECT and any(str(column[1]) == _ZONED for column in described):
        rows = _without_zones(connection, last, parameters, limit)
    else:
        # DuckDB streams: rows that are not fetched are never made.
        rows = connection.fetchall() if limit is None else connection.fetchmany(limit + 1)
    truncated = limit is not None and len(rows) > limit
    return names, rows[:limit] if truncated else rows, truncated


def _without_zones(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, parameters: Parameters, limit: int | None
) -> list[tuple[Any, ...]]:
    """Rows with zoned times in UTC and without zone, as all times of the record are; Python's need a package more."""
    kinds = [str(column[1]) for column in connection.description or ()]
    # DuckDB 2 keeps the first run open until it is told; the releases for Python 3.10 end it by themselves.
    if hasattr(connection, "abort"):
        connection.abort()
    relation = connection.sql(statement, params=_bound(parameters))
    assert relation is not None
    casts = [f"#{i}::TIMESTAMP AS c{i}" if kind == _ZONED else f"#{i} AS c{i}" for i, kind in enumerate(kinds, 1)]
    relation = relation.project(", ".join(casts))
    if limit is not None:
        relation = relation.limit(limit + 1)
    rows: list[tuple[Any, ...]] = relation.fetchall()
    return rows


def _bound(parameters: Parameters) -> list[Any] | dict[str, Any] | None:
    if isinstance(parameters, Mapping):
        return dict(parameters)
    return list(parameters) or None


@contextmanager
def watched(
    connection: duckdb.DuckDBPyConnection,
    cancel: threading.Event | None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[None]:
    """Interrupt what the connection does when `cancel` is set, and tell how far it is (0 to 1) where DuckDB knows."""
    if cancel is None and progress is None:
        yield
        return
    cancel = cancel or threading.Event()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            # Again and again: an interrupt between two statements is forgotten.
            if cancel.wait(_CANCEL_SECONDS):
                connection.interrupt()
                done.wait(_CANCEL_SECONDS)
            elif progress and (percent := connection.query_progress()) > 0:
                progress(min(percent / 100, 1.0))

    watcher = threading.Thread(target=watch, name="query watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def explained(fault: duckdb.Error, database: Database) -> LabError:
    """DuckDB's message for a person, without its advice on how to unlock what is locked on purpose."""
    if is_damage(fault):
        return database.explained(fault)
    message = "\n".join(str(fault).strip().splitlines()[:6])
    if any(words in message for words in ("max_temp_directory_size", "No space left", "File too large")):
        return LabError(
            "The query needs more room on the disk than a query may have (a quarter of what is free).",
            "Ask for fewer rows or columns, or free some space.",
        )
    if isinstance(fault, duckdb.OutOfMemoryException):
        return LabError(
            "The query needs more memory than a query may have (1 GB).", "Ask for fewer rows or columns, or aggregate."
        )
    locked = ("read-only mode", "disabled by configuration", "disabled through configuration", "has been locked")
    if any(words in message for words in locked) or "Persistent secrets" in message:
        return LabError(f"The query is not allowed: {message.partition(chr(10))[0]}", READ_ONLY_REMEDY)
    return LabError(f"The query failed: {message}", "Correct the statement; `SHOW TABLES` lists what there is.")
