"""Runs one query of a person in a process of its own and leaves what it gives in a scratch database.

The process reads one JSON object from standard input and says, a JSON object a line, how far it is and how it ended.
It can be killed at any time, it is the first to go when memory ends, and nothing it does makes the screen wait: that is
what it is for. DuckDB is told to reach no file; it exempts those of its own databases, which is why the record's is
opened by a name that is gone before a statement runs, and why a statement also has to be `allowed`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Final

import duckdb

from lab.errors import LabError
from lab.journal import alias, statements
from lab.journal.allowed import Allowed, allowed

MEMORY: Final = "1GB"
# Rows of what cannot be selected from: plans and pragmas.
_TOLD: Final = 10_000


class QueryFault(Exception):
    """A query that DuckDB refused: its message, its kind, and the byte of the query where it went wrong."""

    def __init__(self, message: str, kind: str, position: int | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.position = position


def store(connection: duckdb.DuckDBPyConnection, found: list[Allowed], parameters: Any, schema: str) -> None:
    """Run statements in order; the rows of the last one that gives any become the table `schema`.result.

    There is no such table when none gives rows. A statement that only gives rows has no effect, so of those only the
    last one is computed; the others are checked. Raises QueryFault.
    """
    last = max((number for number, each in enumerate(found) if each.kind != "sets"), default=-1)
    for number, each in enumerate(found):
        before, sql = each.before, each.sql
        if number == last and each.kind == "rows":
            opening = f"CREATE TABLE {schema}.result AS "
            before, sql = before + len(opening), opening + sql
        elif each.kind == "rows":
            opening = "EXPLAIN "
            before, sql = before + len(opening), opening + sql
        # Those of the last statement, whatever it is.
        given = (parameters or None) if number == last else None
        try:
            connection.execute(sql, given)
            if number == last and each.kind == "told":
                _keep(connection, schema)
        except duckdb.Error as fault:
            raise told(fault, each.start - before) from fault


def _keep(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    names = [quoted(str(column[0])) + " VARCHAR" for column in connection.description or ()]
    if not names:
        return
    rows = connection.fetchmany(_TOLD)
    connection.execute(f"CREATE TABLE {schema}.result ({', '.join(names)})")
    if rows:
        connection.executemany(
            f"INSERT INTO {schema}.result VALUES ({', '.join('?' * len(names))})",
            [[None if value is None else str(value) for value in row] for row in rows],
        )


def told(fault: duckdb.Error, moved: int) -> QueryFault:
    """DuckDB's message and place, which it gives as JSON when `errors_as_json` is set."""
    text = str(fault)
    with contextlib.suppress(ValueError):
        body = json.loads(text[text.index("{") :])
        position = int(body["position"]) + moved if str(body.get("position", "")).isdigit() else None
        message = f"{body['exception_type']} Error: {body['exception_message']}"
        return QueryFault(message, type(fault).__name__, position if position is None or position >= 0 else None)
    return QueryFault(text, type(fault).__name__, None)


def _open(request: dict[str, Any], schema: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
            "memory_limit": MEMORY,
        }
    )
    alias.attach(connection, Path(request["database"]), Path(request["alias"]), "lab")
    folder = Path(request["folder"])
    connection.execute(f"ATTACH {literal(str(folder / 'result.duckdb'))} AS {schema}")
    for setting in (
        "USE lab",
        "SET GLOBAL TimeZone = 'UTC'",
        f"SET temp_directory = {literal(str(folder / 'spill'))}",
        f"SET max_temp_directory_size = '{int(request['disk'])}B'",
        "SET enable_progress_bar = true",
        "SET enable_progress_bar_print = false",
        "SET errors_as_json = true",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(setting)
    return connection


def quoted(name: str) -> str:
    """A name as SQL takes any name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL takes it."""
    return "'" + text.replace("'", "''") + "'"


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    # No statement can name a database whose name it does not know.
    schema = f"result_{os.urandom(8).hex()}"
    try:
        connection = _open(request, schema)
    except duckdb.Error as fault:
        return {"failed": str(fault), "kind": type(fault).__name__}
    try:
        sql = request["sql"]
        try:
            found = allowed(sql, connection)
        except duckdb.Error as fault:
            raise told(fault, 0) from fault
        if not found:
            raise statements.empty()
        with statements.watched(connection, None, lambda share: _say({"progress": share})):
            store(connection, found, request["parameters"], schema)
    except LabError as refused:
        return {"title": refused.title, "remedy": refused.remedy}
    except QueryFault as fault:
        return {"fault": str(fault), "kind": fault.kind, "position": fault.position}
    try:
        connection.close()
    except duckdb.Error as fault:
        return {"fault": str(fault), "kind": type(fault).__name__, "position": None}
    return {"done": True}


def _say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _end_with_the_lab() -> None:
    """Whoever asked keeps standard input open for as long as it wants the answer."""
    sys.stdin.buffer.read()
    os._exit(1)


def _humble(disk: int) -> None:
    """The lab comes first: with the processor, when memory ends, and on the disk."""
    with contextlib.suppress(OSError):
        os.nice(5)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (min(n for n in (disk, soft, hard) if n >= 0), hard))


def main() -> None:
    """Answer one request and end."""
    line = sys.stdin.buffer.readline()
    if not line:
        return
    request = json.loads(line)
    threading.Thread(target=_end_with_the_lab, daemon=True).start()
    _humble(int(request["disk"]))
    _say(_answer(request))
    # DuckDB has nothing left to do, and its destructors would take their time.
    os._exit(0)


if __name__ == "__main__":
    main()
