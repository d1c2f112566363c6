"""Keeping the database up with the journal: pending lines in small transactions, each exactly once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice

import duckdb

from lab.errors import LabError
from lab.journal import projection
from lab.journal.database import Database, DatabaseBusy
from lab.journal.journal import Journal, Line

_BATCH_LINES = 4000
# Other processes append too, and only the size of their files tells.
_LOOK_SECONDS = 1.0
_BACKOFF_SECONDS = (0.1, 2.0)


class Projector:
    """Applies what the journal has and the database has not. One thread does it; `apply` may be called beside it."""

    def __init__(self, journal: Journal, database: Database) -> None:
        self._journal = journal
        self._database = database
        self._mutex = threading.Lock()
        self._applied: dict[str, int] = {}
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.troubles: tuple[str, ...] = ()

    def start(self) -> None:
        """Begin to follow the journal in the background."""
        if self._thread is None:
            self._stop.clear()
            self._wake.set()
            self._thread = threading.Thread(target=self._run, name="record", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something was appended."""
        self._wake.set()

    def close(self) -> None:
        """Apply what is left, if the database is free, and end the thread. What is not applied waits in the journal."""
        if self._thread is not None:
            self._stop.set()
            self._wake.set()
            self._thread.join()
            self._thread = None

    def apply(self, timeout: float) -> bool:
        """Apply all lines there are now; False when the database was held elsewhere for `timeout` seconds.

        Raises LabError for a database that cannot be used.
        """
        deadline = time.monotonic() + timeout
        if not self._mutex.acquire(timeout=timeout):
            return False
        try:
            sizes = {stream: self._journal.size(stream) for stream in self._journal.streams()}
            if sizes == self._applied and self._database.path.exists():
                return True
            with self._database.writing(max(deadline - time.monotonic(), 0.0)) as connection:
                self.troubles = tuple(project(connection, self._journal))
            self._applied = sizes
            return True
        except DatabaseBusy:
            return False
        finally:
            self._mutex.release()

    def forget(self) -> None:
        """The database was replaced: look at it again."""
        with self._mutex:
            self._applied = {}

    def _run(self) -> None:
        backoff, longest = _BACKOFF_SECONDS
        wait = _LOOK_SECONDS
        while True:
            self._wake.wait(wait)
            self._wake.clear()
            stopping = self._stop.is_set()
            if self._apply_quietly():
                backoff, wait = _BACKOFF_SECONDS[0], _LOOK_SECONDS
            else:
                self._stop.wait(backoff)
                backoff = min(backoff * 2, longest)
                wait = 0.0
            if stopping:
                return

    def _apply_quietly(self) -> bool:
        try:
            return self.apply(timeout=0.5)
        except (LabError, OSError) as fault:
            self.troubles = (str(fault),)
            return False


def project(
    connection: duckdb.DuckDBPyConnection, journal: Journal, progress: Callable[[int], None] | None = None
) -> list[str]:
    """Apply all pending lines of all streams; what is wrong with streams that cannot be read.

    `progress` is told the number of bytes after each batch.
    """
    found = connection.execute("SELECT stream, bytes, lines FROM journal_offsets").fetchall()
    offsets = {stream: (size, count) for stream, size, count in found}
    troubles: list[str] = []

    def pending() -> Iterator[tuple[str, Line]]:
        for stream in journal.streams():
            offset, count = offsets.get(stream, (0, 0))
            if journal.size(stream) == offset:
                continue
            try:
                for line in journal.read(stream, offset, count):
                    yield stream, line
            except LabError as fault:
                troubles.append(str(fault))

    lines = pending()
    while batch := list(islice(lines, _BATCH_LINES)):
        projection.apply(connection, batch)
        if progress:
            progress(sum(line.end - line.start for _, line in batch))
    return troubles
