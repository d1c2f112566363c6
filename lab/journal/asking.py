"""Asking the record a query that may give any number of rows: in a process of its own, or unlocked in this one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb

from lab.errors import LabError
from lab.files import CHILD_FOLDER
from lab.journal import alias, sandbox, statements
from lab.journal.allowed import unlocked
from lab.journal.database import Database
from lab.journal.record import Record
from lab.journal.results import Result
from lab.journal.scratch import Scratch
from lab.journal.statements import Parameters

_LOOK_SECONDS: Final = 0.02
_SCHEMA: Final = "lab_result"


class QueryError(LabError):
    """A query that failed. `position` is the character of the query where it went wrong, if that is known."""

    def __init__(self, title: str, remedy: str, position: int | None) -> None:
        super().__init__(title, remedy)
        self.position = position


class Asker:
    """Runs the queries of one place. A process waits for the next query, so that it need not be started then."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._waiting: subprocess.Popen[bytes] | None = None
        self._given: list[Result] = []
        self._guard = threading.Lock()
        self._closed = False

    def prepare(self) -> None:
        """Start the process that the next query will take."""
        with self._guard:
            if self._waiting is None and not self._closed:
                self._waiting = _start()

    def ask(
        self,
        sql: str,
        parameters: Parameters = (),
        cancel: threading.Event | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Result:
        """Run statements that read; the result has the rows of the last one that gives any.

        Nothing can be written, and no file be read. Parameters belong to that last one. Setting `cancel` ends the
        query at once. Progress is a share of 1. Raises QueryError for a wrong statement, and LabError for a forbidden
        one, a cancel, and a record or a disk that cannot be used.
        """
        started = time.monotonic()
        statements.require_text(sql)
        # Makes the database, or brings its schema up to this release, where need be.
        self._record.query("SELECT 1", cancel=cancel)
        with self._guard:
            process, self._waiting = self._waiting or _start(), None
        scratch = None
        try:
            scratch = Scratch()
            request = {
                "database": str(self._record.workspace.database.absolute()),
                "alias": str(self._alias(scratch).absolute()),
                "folder": str(scratch.folder.absolute()),
                "disk": scratch.limit,
                "sql": sql,
                "parameters": parameters,
            }
            answer = _answer(process, request, cancel or threading.Event(), progress)
            _raise(answer, sql, Database(self._record.workspace.database))
            return self._kept(Result(scratch, time.monotonic() - started))
        except BaseException:
            if scratch:
                scratch.close()
            raise
        finally:
            _end(process)
            if scratch:
                alias.remove(self._alias(scratch))

    def change(self, sql: str, parameters: Parameters = (), cancel: threading.Event | None = None) -> Result:
        """Run statements with nothing locked: they may change the database, until a rebuild, and touch files."""
        started = time.monotonic()
        statements.require_text(sql)
        scratch = Scratch()
        database = Database(self._record.workspace.database)
        try:
            with self._record.unlocked() as connection, statements.watched(connection, cancel):
                connection.execute("SET errors_as_json = true")
                connection.execute(f"ATTACH {sandbox.literal(str(scratch.database))} AS {_SCHEMA}")
                try:
                    found = unlocked(sql, connection)
                    if not found:
                        raise statements.empty()
                    sandbox.store(connection, found, parameters, _SCHEMA)
                except duckdb.Error as fault:
                    raise _error(sandbox.told(fault, 0), sql, database) from fault
                except sandbox.QueryFault as fault:
                    raise _error(fault, sql, database) from fault
                finally:
                    with contextlib.suppress(duckdb.Error):
                        connection.execute(f"DETACH {_SCHEMA}")
            return self._kept(Result(scratch, time.monotonic() - started))
        except BaseException:
            scratch.close()
            raise

    def close(self) -> None:
        """End the waiting process, and remove the rows of every result that is still open."""
        with self._guard:
            self._closed = True
            process, self._waiting = self._waiting, None
            given, self._given = self._given, []
        if process:
            _end(process)
        for result in given:
            result.close()

    def _alias(self, scratch: Scratch) -> Path:
        """Beside the database: a link cannot lead to another disk."""
        return self._record.workspace.database.parent / alias.FOLDER / scratch.folder.name

    def _kept(self, result: Result) -> Result:
        """A result that `close` removes too. Whoever asked may have gone meanwhile: then it is removed now."""
        with self._guard:
            self._given = [each for each in self._given if not each.closed]
            if not self._closed:
                self._given.append(result)
                return result
        result.close()
        raise statements.cancelled()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "lab.journal.sandbox"],
        cwd=CHILD_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # A Ctrl-C of the terminal is the lab's to hear.
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()


def _answer(
    process: subprocess.Popen[bytes],
    request: dict[str, Any],
    cancel: threading.Event,
    progress: Callable[[float], None] | None,
) -> dict[str, Any]:
    assert process.stdin and process.stdout
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if cancel.wait(_LOOK_SECONDS):
                process.kill()
                return

    watcher = threading.Thread(target=watch, name="query watch", daemon=True)
    watcher.start()
    answer: dict[str, Any] = {}
    try:
        with contextlib.suppress(OSError):
            # Stays open: its end tells the process that nobody waits any more.
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            answer = json.loads(line)
            if "progress" not in answer:
                break
            if progress:
                progress(answer["progress"])
    finally:
        over.set()
        watcher.join()
    if cancel.is_set():
        raise statements.cancelled()
    if not answer or "progress" in answer:
        raise LabError(
            "The query took more memory than there is, or its process was ended.",
            "Ask for fewer rows or columns, or aggregate.",
        )
    return answer


def _raise(answer: dict[str, Any], sql: str, database: Database) -> None:
    """Raise what an answer says went wrong, if anything did."""
    if "title" in answer:
        raise LabError(answer["title"], answer["remedy"])
    if "failed" in answer:
        raise database.explained(_as_it_was(answer["kind"], answer["failed"]))
    if "fault" in answer:
        raise _error(sandbox.QueryFault(answer["fault"], answer["kind"], answer["position"]), sql, database)


def _error(fault: sandbox.QueryFault, sql: str, database: Database) -> LabError:
    as_it_was = _as_it_was(fault.kind, str(fault))
    if isinstance(as_it_was, duckdb.InterruptException):
        return statements.cancelled()
    said = statements.explained(as_it_was, database)
    place = fault.position
    if place is not None:
        place = len(sql.encode()[:place].decode(errors="ignore"))
    return QueryError(said.title, said.remedy, place)


def _as_it_was(kind: str, words: str) -> duckdb.Error:
    found = getattr(duckdb, kind, duckdb.Error)(words)
    assert isinstance(found, duckdb.Error)
    return found
