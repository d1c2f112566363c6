"""Opening the database: who may have it when, in this process and among others, and what DuckDB's refusals mean."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
from filelock import FileLock, Timeout

from lab.errors import LabError
from lab.journal import migrations
from lab.journal.journal import sync_folder

_POLL_SECONDS = 0.02
# A reader reaches nothing but the tables: no file, no network, no extension, no Python variable. It cannot
# spill to disk either, so the memory limit bounds it; the rest of the machine belongs to the model.
_READER: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "memory_limit": "1GB",
}
# A writer spills to the disk instead. One thread: what it writes at once is small, and waking others takes longer.
_WRITER: Final = {
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "memory_limit": "1GB",
    "threads": "1",
}


class DatabaseBusy(LabError):
    """Another program, or a query of this one, holds the database for longer than was waited."""


class Database:
    """One DuckDB file. Never held: it is opened for a piece of work and closed after it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._gate = _gate(path)

    @contextmanager
    def reading(
        self, timeout: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection that cannot change anything anywhere, its configuration locked.

        The file must exist and have the schema. Raises DatabaseBusy after `timeout` seconds, or sooner when
        `cancelled()`, and LabError for a file that cannot be used.
        """
        with self._gate.reader(timeout, cancelled):
            connection = self._patiently(self._open_reader, time.monotonic() + timeout, cancelled)
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def writing(self, timeout: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """The one connection that writes, with the schema of this release. Raises as `reading` does."""
        deadline = time.monotonic() + timeout
        with self.kept(timeout):
            connection = self._patiently(lambda: self._open_writer(deadline), deadline)
            try:
                migrations.upgrade(connection)
                yield connection
            except duckdb.Error as fault:
                raise self.explained(fault) from fault
            finally:
                _close(connection)
                self._gate.end_write()

    @contextmanager
    def kept(self, timeout: float) -> Iterator[None]:
        """Keep other labs from writing, without opening the file. Raises DatabaseBusy."""
        lock = FileLock(self.path.with_name(f"{self.path.name}.lock"), thread_local=False)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=timeout, poll_interval=_POLL_SECONDS)
        except Timeout as fault:
            raise self._busy("another lab") from fault
        except OSError as fault:
            raise LabError(
                f"{self.path.parent} cannot be written: {fault.strerror or fault}.",
                "Make the folder writable, or choose another with --workspace DIR or LAB_WORKSPACE.",
            ) from fault
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def replacement(self, timeout: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """A new, empty database that takes the place of this one when the block ends well.

        The old one stays as it is until then, and when the block raises. Raises as `writing` does; an old file
        that is damaged or of a newer release is replaced all the same.
        """
        new = self.path.with_name(f"{self.path.name}.new")
        with self.kept(timeout):
            try:
                _remove(new)
                connection = self._patiently(lambda: _connect(new), time.monotonic())
                try:
                    # Trying what suits each block costs a third of the time, and zstd is smaller for texts.
                    connection.execute("SET force_compression = 'zstd'")
                    migrations.upgrade(connection)
                    yield connection
                except duckdb.Error as fault:
                    raise self.explained(fault) from fault
                finally:
                    _close(connection)
                self._take_place(new, time.monotonic() + timeout)
            finally:
                _remove(new)

    def explained(self, fault: duckdb.Error) -> LabError:
        """What a failure to open or write the file means for a person."""
        text = str(fault)
        first = text.partition("\n")[0]
        if is_busy(fault):
            held = text.partition("Conflicting lock is held in ")[2].partition(". See")[0]
            return self._busy(held or "another program")
        if "with version number" in text:
            return LabError(
                f"{self.path} was written by a newer DuckDB: {first}.",
                "Upgrade DuckDB, or run `lab rebuild` to make the database anew from the journal.",
            )
        unwritable = ("No space left", "Could not write", "Permission denied", "Read-only file system")
        if any(words in text for words in unwritable):
            return LabError(f"{self.path} cannot be written: {first}.", "Free some space or make the folder writable.")
        return LabError(
            f"{self.path} {'is damaged' if is_damage(fault) else 'failed'}: {first.rstrip('.!')}.",
            "Run `lab rebuild` to make it anew from the journal; nothing recorded is lost.",
        )

    def _busy(self, holder: str) -> DatabaseBusy:
        return DatabaseBusy(f"{self.path} is held by {holder}.", "Close it there or open it read-only; then try again.")

    def _open_reader(self) -> duckdb.DuckDBPyConnection:
        with self._gate.opening:
            connection = duckdb.connect(str(self.path), read_only=True, config=dict(_READER))
            try:
                # Readers in this process share one instance: the first one sets and locks it. UTC, because the
                # times of the record are UTC and now() is compared with them.
                if connection.execute("SELECT current_setting('lock_configuration')").fetchall() == [(False,)]:
                    connection.execute("SET GLOBAL TimeZone = 'UTC'")
                    # DuckDB lets a query reach the files of its own database, even to write over them.
                    connection.execute("SET GLOBAL disabled_filesystems = 'LocalFileSystem'")
                    connection.execute("SET GLOBAL lock_configuration = true")
                return connection
            except BaseException:
                connection.close()
                raise

    def _open_writer(self, deadline: float) -> duckdb.DuckDBPyConnection:
        """The writing connection, and with it this process's gate; readers may go between two attempts."""
        self._gate.begin_write(max(deadline - time.monotonic(), 0.0))
        try:
            return _connect(self.path)
        except BaseException:
            self._gate.end_write()
            raise

    def _patiently(
        self,
        connect: Callable[[], duckdb.DuckDBPyConnection],
        deadline: float,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> duckdb.DuckDBPyConnection:
        while True:
            try:
                return connect()
            except duckdb.Error as fault:
                if not is_busy(fault) or cancelled() or time.monotonic() >= deadline:
                    raise self.explained(fault) from fault
            time.sleep(_POLL_SECONDS)

    def _take_place(self, new: Path, deadline: float) -> None:
        # Opening the old file shows that nobody has it, and closing empties its write-ahead log, which would
        # otherwise be taken for the new file's. A file that cannot be opened has nothing to say.
        try:
            _close(self._patiently(lambda: self._open_writer(deadline), deadline))
        except DatabaseBusy:
            raise
        except LabError:
            self._gate.begin_write(max(deadline - time.monotonic(), 0.0))
        try:
            _wal(self.path).unlink(missing_ok=True)
            new.replace(self.path)
            sync_folder(self.path.parent)
        finally:
            self._gate.end_write()


class _Gate:
    """Many readers or one writer within this process: DuckDB refuses connections of different configuration.

    Readers go first, so that a long query of the person does not shut out the screen's own short ones.
    """

    def __init__(self) -> None:
        self.opening = threading.Lock()
        self._condition = threading.Condition()
        self._readers = 0
        self._writer = False

    @contextmanager
    def reader(self, timeout: float, cancelled: Callable[[], bool]) -> Iterator[None]:
        deadline = time.monotonic() + timeout
        with self._condition:
            while self._writer:
                if cancelled() or time.monotonic() >= deadline:
                    raise DatabaseBusy("The database is being written.", "Try again in a moment.")
                self._condition.wait(_POLL_SECONDS)
            self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    def begin_write(self, timeout: float) -> None:
        with self._condition:
            if not self._condition.wait_for(lambda: not self._writer and not self._readers, timeout):
                raise DatabaseBusy("The database is in use by a query.", "Cancel the query, then try again.")
            self._writer = True

    def end_write(self) -> None:
        with self._condition:
            self._writer = False
            self._condition.notify_all()


_gates: dict[Path, _Gate] = {}
_gates_guard = threading.Lock()


def _gate(path: Path) -> _Gate:
    with _gates_guard:
        return _gates.setdefault(path.absolute(), _Gate())


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path), config=dict(_WRITER))


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    """Close, whatever state a failed write left it in; the failure itself is already on its way."""
    try:
        connection.close()
    except duckdb.Error:
        return


def is_damage(fault: duckdb.Error) -> bool:
    """True when the file itself is broken, rather than what was asked of it."""
    broken = ("not a valid DuckDB", "Corrupt", "Could not read enough bytes", "is smaller than expected")
    return isinstance(fault, (duckdb.InternalException, duckdb.FatalException)) or any(w in str(fault) for w in broken)


def is_busy(fault: duckdb.Error) -> bool:
    text = str(fault)
    return "Could not set lock" in text or "being used by another process" in text


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _wal(path).unlink(missing_ok=True)
