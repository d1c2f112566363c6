"""Keeping the database up with the journal: pending lines in small transactions, each exactly once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import duckdb

from lab.errors import LabError
from lab.journal import bulk, projection
from lab.journal.database import Database, DatabaseBusy
from lab.journal.journal import Journal, Line

_BATCH_LINES = 4000
# From so much on an empty database is filled in bulk.
_BULK_BYTES = 2**20
# Other processes append too, and only the sizes of their files tell: looked at again after so many seconds, and so
# many times what the last look took, which is 0.1 s with 20,000 streams.
_LOOK_SECONDS = 1.0
_LOOK_SHARE = 50.0
_BACKOFF_SECONDS = (0.1, 2.0)


class Projector:
    """Applies what the journal has and the database has not. One thread does it; `apply` may be called beside it."""

    def __init__(self, journal: Journal, database: Database) -> None:
        self._journal = journal
        self._database = database
        self._mutex = threading.Lock()
        # Of each stream, the size that is applied. Under the mutex.
        self._applied: dict[str, int] = {}
        self._file: tuple[int, int] | None = None
        self._guard = threading.Lock()
        self._pending: set[str] = set()
        self._next_look = 0.0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble: str | None = None
        self._stream_troubles: dict[str, str] = {}

    @property
    def troubles(self) -> tuple[str, ...]:
        """What keeps lines from being applied, a sentence each."""
        return (*([self._trouble] if self._trouble else []), *self._stream_troubles.values())

    def start(self) -> None:
        """Begin to follow the journal in the background."""
        if self._thread is None:
            self._stop.clear()
            self._wake.set()
            self._thread = threading.Thread(target=self._run, name="record", daemon=True)
            self._thread.start()

    def wake(self, stream: str) -> None:
        """Something was appended to this stream."""
        with self._guard:
            self._pending.add(stream)
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
        return self._apply(timeout, look=True)

    def settle(self, timeout: float) -> bool:
        """As `apply`, for what this process appended."""
        return self._apply(timeout, look=False)

    def forget(self) -> None:
        """The database was replaced or is of an earlier release: open it and compare it with the journal."""
        with self._mutex:
            self._file = None
            self._stream_troubles = {}
        self._wake.set()

    def _apply(self, timeout: float, look: bool) -> bool:
        """Apply what is pending; with `look`, what others appended as well."""
        deadline = time.monotonic() + timeout
        if not self._mutex.acquire(timeout=timeout):
            return False
        try:
            found = self._identity()
            another = found is None or found != self._file
            if another:
                self._applied = {}
            seen = self._look() if look or another else {}
            with self._guard:
                streams, self._pending = sorted(self._pending), set()
            if streams or another:
                sizes = {stream: seen[stream] if stream in seen else self._journal.size(stream) for stream in streams}
                self._project(sizes, deadline)
            self._file = self._identity()
            return True
        except DatabaseBusy:
            return False
        finally:
            self._mutex.release()

    def _project(self, sizes: dict[str, int], deadline: float) -> None:
        try:
            with self._database.writing(max(deadline - time.monotonic(), 0.0)) as connection:
                troubles = project(connection, self._journal, sizes)
        except BaseException:
            with self._guard:
                self._pending.update(sizes)
            raise
        self._applied.update(sizes)
        self._trouble = None
        for stream in sizes:
            self._stream_troubles.pop(stream, None)
        self._stream_troubles.update(troubles)

    def _look(self) -> dict[str, int]:
        """Find the streams that have grown, whoever wrote them; the sizes of all."""
        began = time.monotonic()
        sizes = self._journal.sizes()
        with self._guard:
            self._pending.update(stream for stream, size in sizes.items() if self._applied.get(stream) != size)
        ended = time.monotonic()
        self._next_look = ended + max(_LOOK_SECONDS, _LOOK_SHARE * (ended - began))
        return sizes

    def _identity(self) -> tuple[int, int] | None:
        """Which file the database is: another one, after a rebuild elsewhere, has other lines applied."""
        try:
            status = self._database.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _run(self) -> None:
        backoff, longest = _BACKOFF_SECONDS
        wait = 0.0
        while True:
            self._wake.wait(wait)
            self._wake.clear()
            stopping = self._stop.is_set()
            if self._apply_quietly():
                backoff, wait = _BACKOFF_SECONDS[0], max(self._next_look - time.monotonic(), 0.0)
            else:
                self._stop.wait(backoff)
                backoff = min(backoff * 2, longest)
                wait = 0.0
            if stopping:
                return

    def _apply_quietly(self) -> bool:
        try:
            return self._apply(timeout=0.5, look=time.monotonic() >= self._next_look)
        except (LabError, OSError) as fault:
            self._trouble = str(fault)
            return False


def project(
    connection: duckdb.DuckDBPyConnection,
    journal: Journal,
    sizes: Mapping[str, int],
    progress: Callable[[int], None] | None = None,
) -> dict[str, str]:
    """Apply all pending lines of the streams that have these sizes; what is wrong with those that cannot be read.

    `progress` is told the number of bytes after each batch.
    """
    found = connection.execute(
        "SELECT stream, bytes, lines FROM journal_offsets WHERE stream IN (SELECT unnest(?::VARCHAR[]))", [list(sizes)]
    ).fetchall()
    offsets = {stream: (size, count) for stream, size, count in found}
    troubles: dict[str, str] = {}
    waiting = {stream: size for stream, size in sizes.items() if size != offsets.get(stream, (0, 0))[0]}
    if sum(waiting.values()) >= _BULK_BYTES and _is_empty(connection):
        waiting = dict.fromkeys(bulk.load(connection, journal, list(waiting), progress), 0)

    def pending() -> Iterator[tuple[str, Line]]:
        for stream in waiting:
            offset, count = offsets.get(stream, (0, 0))
            try:
                for line in journal.read(stream, offset, count):
                    yield stream, line
            except LabError as fault:
                troubles[stream] = str(fault)

    lines = pending()
    while batch := list(islice(lines, _BATCH_LINES)):
        projection.apply(connection, batch)
        if progress:
            progress(sum(line.end - line.start for _, line in batch))
    return troubles


def _is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in projection.TABLES)
    return connection.execute(f"SELECT {counts}").fetchall() == [(0,)]
