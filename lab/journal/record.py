"""The record as everybody uses it: append to the journal, query its projection, make the projection anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb

from lab.domain import Progress
from lab.errors import LabError
from lab.journal import migrations, statements
from lab.journal.database import Database, DatabaseBusy
from lab.journal.events import Event
from lab.journal.journal import Journal
from lab.journal.projector import Projector, project
from lab.journal.recovery import recover
from lab.journal.statements import Parameters, Table
from lab.settings import Workspace

# The stream of what belongs to no session: memory around loading, which adapter was chosen.
WORKSPACE_STREAM: Final = "workspace"
_READ_SECONDS = 5.0
_REBUILD_SECONDS = 10.0

__all__ = ["WORKSPACE_STREAM", "RebuildReport", "Record", "Table"]


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What `rebuild` put into the new database. `faults` are the lines it had to leave out."""

    streams: int
    events: int
    sessions: int
    exchanges: int
    cycles: int
    faults: tuple[str, ...]
    seconds: float


class Record:
    """The journal of one workspace and the database that is projected from it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.journal = Journal(workspace.sessions)
        self._database = Database(workspace.database)
        self._projector = Projector(self.journal, self._database)

    def append(self, stream: str, *events: Event, at: datetime | None = None) -> None:
        """Write events to the journal, all or none, and return when they are on the disk.

        The database follows in the background. `at` (aware) is the time of all of them, now by default. Raises
        LabError when the disk is full or the folder cannot be written.
        """
        self.journal.append(stream, *events, at=at)
        self._projector.wake(stream)

    def start(self) -> None:
        """Keep the database up with the journal, in a thread, until `close`."""
        self._projector.start()

    def close(self) -> None:
        """Apply what is pending, if the database is free, and end the thread."""
        self._projector.close()

    def __enter__(self) -> Record:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sync(self, timeout: float = 5.0) -> bool:
        """Apply all that is in the journal now; False when the database is held elsewhere for `timeout` seconds.

        Raises LabError for a database that is damaged or of a newer release.
        """
        return self._projector.apply(timeout)

    def settle(self, timeout: float = 5.0) -> bool:
        """As `sync`, for what was appended here: the streams of others are not looked at."""
        return self._projector.settle(timeout)

    def query(
        self,
        sql: str,
        parameters: Parameters = (),
        limit: int | None = None,
        cancel: threading.Event | None = None,
    ) -> Table:
        """Run statements that read, and return what the last one gives; at most `limit` rows are fetched.

        Nothing can be written and no file be read; temporary tables last until the end of the call. Parameters
        belong to the last statement. Times come back in UTC without a zone. Setting `cancel` ends the query within
        100 ms. Raises LabError for a wrong or forbidden statement, a cancel, and a database that cannot be used.
        """
        started = time.monotonic()
        with self._reading(cancel) as connection:
            try:
                columns, rows, truncated = statements.run(connection, sql, parameters, limit, cancel)
            except duckdb.Error as fault:
                raise statements.explained(fault, self._database) from fault
        return Table(columns, rows, truncated, time.monotonic() - started)

    @contextmanager
    def unlocked(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with nothing locked: it may change the database and touch files.

        The journal does not know of it, so a rebuild discards what was changed. Holds the database for writing
        meanwhile. Raises LabError when the database is held elsewhere.
        """
        with self._database.writing(_READ_SECONDS) as connection:
            yield connection

    def rebuild(
        self, progress: Callable[[Progress], None] | None = None, cancel: threading.Event | None = None
    ) -> RebuildReport:
        """Make the database anew from the journal, beside the old one, and put it in its place.

        Progress is in bytes of the journal. Raises LabError when the old database is held elsewhere for ten seconds,
        the disk is full, or `cancel` is set, which is seen within seconds; then the old one stays.
        """
        started = time.monotonic()
        sizes = self.journal.sizes()
        total = sum(sizes.values())
        done = 0

        def advance(size: int) -> None:
            nonlocal done
            done += size
            if progress:
                progress(Progress("rebuild", done, total, "bytes"))
            if cancel is not None and cancel.is_set():
                raise LabError("The rebuild was cancelled.", "The database is as it was.")

        with self._database.replacement(_REBUILD_SECONDS) as connection:
            troubles = project(connection, self.journal, sizes, advance)
            ((events, sessions, exchanges, cycles),) = connection.execute(_COUNTS).fetchall()
            faults = (*troubles.values(), *self._faults(connection.execute(_FAULTS).fetchall()))
        self._projector.forget()
        seconds = time.monotonic() - started
        return RebuildReport(len(sizes), int(events), sessions, exchanges, cycles, faults, seconds)

    def recover(self, stream: str | None = None) -> list[str]:
        """Close what a killed process left open, in one stream or in all, as failed or interrupted; the ids of what was
        closed."""
        return recover(self, stream)

    def faults(self) -> list[str]:
        """What is wrong with the record, a sentence each: lines left out, with file and number, and troubles."""
        try:
            found = self._faults(self.query(_FAULTS).rows)
        except LabError as fault:
            found = [str(fault)]
        return list(dict.fromkeys([*self._projector.troubles, *found]))

    def _faults(self, rows: list[tuple[Any, ...]]) -> list[str]:
        return [f"{self.journal.path(stream)}:{line}: {reason}." for stream, line, reason in rows]

    @contextmanager
    def _reading(self, cancel: threading.Event | None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection to a database with the schema of this release, made now if need be."""
        cancelled = cancel.is_set if cancel else lambda: False
        deadline = time.monotonic() + _READ_SECONDS
        while True:
            if self._database.path.exists():
                try:
                    with self._database.reading(deadline - time.monotonic(), cancelled) as connection:
                        try:
                            current = not migrations.pending(connection)
                        except duckdb.Error as fault:
                            raise self._database.explained(fault) from fault
                        if current:
                            yield connection
                            return
                except DatabaseBusy as fault:
                    raise statements.cancelled() if cancelled() else fault from fault
            # Applying makes the file and brings its schema up to this release.
            self._projector.forget()
            if not self.sync(max(deadline - time.monotonic(), 0.0)):
                raise DatabaseBusy(
                    f"{self._database.path} is held by another program.",
                    "Close it there or open it read-only; then try again.",
                )


_COUNTS = """
    SELECT (SELECT coalesce(sum(lines), 0) FROM journal_offsets) - (SELECT count(*) FROM journal_faults),
        (SELECT count(*) FROM sessions), (SELECT count(*) FROM exchanges), (SELECT count(*) FROM sleep_cycles)
"""
_FAULTS = "SELECT stream, line, reason FROM journal_faults ORDER BY stream, line"
