"""The append-only files of the record: one stream of events a folder, safe between threads and processes."""

from __future__ import annotations

import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from lab.errors import LabError
from lab.journal.events import Entry, Event, decode, encode, now

EVENTS_FILE = "events.jsonl"
# Both locks belong to the operating system, which frees them however their process ends.
_WRITE_LOCK = "events.lock"
_OWNER_LOCK = "owner.lock"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_LOCK_SECONDS = 30.0
# No writer takes so long from its line to the disk: such a file is read without its lock, which costs 0.2 ms.
_SETTLED_SECONDS = 60.0
_POLL_SECONDS = 0.002
# To a database that was made meanwhile it says nothing until that is made anew.
_NEWER = "an event of a newer release of the lab; with that one, lab rebuild reads it"


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line of a stream: its bytes [start, end), its number from 1, and its event or what is wrong with it."""

    start: int
    end: int
    number: int
    entry: Entry | None
    fault: str | None


class Journal:
    """The streams below one folder. All events of one session, or of one cycle, belong to one stream."""

    def __init__(self, sessions: Path) -> None:
        self._sessions = sessions
        self._guard = threading.Lock()
        self._writing: dict[str, threading.Lock] = {}
        self._owned: dict[str, tuple[FileLock, int]] = {}

    def path(self, stream: str) -> Path:
        """The file of a stream, existing or not. Raises LabError for a name that cannot be one."""
        if not _NAME.fullmatch(stream):
            raise LabError(
                f"{stream!r} is not the name of a session or a sleep.",
                "Names have letters, digits, dots, dashes and underscores.",
            )
        return self._sessions / stream / EVENTS_FILE

    def streams(self, prefix: str = "") -> list[str]:
        """Names of the streams that begin with `prefix`, sorted; other folders and files are left alone."""
        return list(self.sizes(prefix))

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Bytes of these streams on disk, by name, sorted: one pass, about 6 us a stream."""
        found: dict[str, int] = {}
        try:
            with os.scandir(self._sessions) as folders:
                for folder in folders:
                    if folder.name.startswith(prefix) and _NAME.fullmatch(folder.name):
                        with suppress(FileNotFoundError, NotADirectoryError):
                            status = os.stat(f"{folder.path}/{EVENTS_FILE}")  # noqa: PTH116 (a Path takes twice as long)
                            if stat.S_ISREG(status.st_mode):
                                found[folder.name] = status.st_size
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as fault:
            raise _unreadable(Path(fault.filename or self._sessions), fault) from fault
        return dict(sorted(found.items()))

    def size(self, stream: str) -> int:
        """Bytes of the stream on disk, a line in the making included; 0 when there is none."""
        try:
            return self.path(stream).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def committed(self, stream: str) -> int:
        """Bytes of the stream that will stay: while a writer is at work its lines may still be taken back."""
        path = self.path(stream)
        try:
            status = path.stat()
            if abs(time.time() - status.st_mtime) > _SETTLED_SECONDS:
                return status.st_size
            with self._locked(path):
                return path.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except OSError:  # A place that cannot be written has no writers.
            return path.stat().st_size

    def append(self, stream: str, *events: Event, at: datetime | None = None) -> None:
        """Write the events as lines, all or none, and return when they are on the disk.

        `at` (aware) is the time of all of them; left out, it is now. Raises LabError when the disk is full or
        the folder cannot be written; then nothing was added.
        """
        lines = b"".join(encode(event, at or now()) for event in events)
        if not lines:
            return
        path = self.path(stream)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked(path):
                _append(path, lines)
        except OSError as fault:
            raise LabError(
                f"{path} could not be written: {fault.strerror or fault}.",
                "Free some space on the disk or make the folder writable, then try again; nothing recorded was lost.",
            ) from fault

    def rewrite(self, stream: str, change: Callable[[bytes], bytes], *events: Event) -> None:
        """Put a changed copy in the place of a stream: each line as `change` gives it, its end included, then `events`.

        Lines keep their places when `change` keeps their lengths. A reader, and whoever is killed here, has the old
        stream or the new one. Raises LabError when the disk is full or the folder cannot be written; then the old
        one stays.
        """
        path = self.path(stream)
        try:
            with self._locked(path):
                # A link stays one: the file that it leads to is replaced.
                _rewrite(path.resolve(), change, b"".join(encode(event, now()) for event in events))
        except OSError as fault:
            raise LabError(
                f"{path} could not be written: {fault.strerror or fault}.",
                "Free some space on the disk or make the folder writable, then try again; the journal is as it was.",
            ) from fault

    def read(self, stream: str, offset: int = 0, lines: int = 0) -> Iterator[Line]:
        """The whole lines from `offset` on that were there when reading began.

        `offset` is the end of an earlier line and `lines` counts the lines before it, for the numbering. Raises
        LabError when no line ends at `offset`: the file was cut or replaced.
        """
        path = self.path(stream)
        end = self.committed(stream)
        if offset == 0 and end == 0:
            return
        try:
            file = path.open("rb")
        except OSError as fault:
            raise _unreadable(path, fault) from fault
        with file:
            if offset:
                file.seek(offset - 1)
                if offset > end or file.read(1) != b"\n":
                    raise LabError(f"{path} was changed by hand after it was read.", "Run `lab rebuild`.")
            for number, raw in enumerate(file, lines + 1):
                if not raw.endswith(b"\n") or offset + len(raw) > end:
                    return
                yield _line(raw, offset, number)
                offset += len(raw)

    def follow(self, stream: str, stop: Callable[[], bool], offset: int = 0, poll: float = 0.1) -> Iterator[Entry]:
        """The events from `offset` on, as they arrive, until `stop()` is true and the end is reached.

        Looks for more every `poll` seconds; lines that are not events are left out.
        """
        seen = -1
        while True:
            stopping = stop()
            size = self.size(stream)
            if size != seen:
                for line in self.read(stream, offset):
                    offset = line.end
                    if line.entry:
                        yield line.entry
                seen = size
            if stopping:
                return
            time.sleep(poll)

    @contextmanager
    def own(self, stream: str) -> Iterator[None]:
        """Keep the stream for this process, so that no other takes its unfinished work for abandoned.

        May be nested within a process. Raises LabError when another process has it.
        """
        path = self.path(stream).with_name(_OWNER_LOCK)
        with self._guard:
            lock, count = self._owned.get(stream, (None, 0))
            if lock is None:
                lock = _own(path, stream)
            self._owned[stream] = (lock, count + 1)
        try:
            yield
        finally:
            with self._guard:
                lock, count = self._owned.pop(stream)
                if count > 1:
                    self._owned[stream] = (lock, count - 1)
                else:
                    lock.release()

    def owned(self, stream: str) -> bool:
        """True while a living process, this one included, owns the stream."""
        path = self.path(stream).with_name(_OWNER_LOCK)
        with self._guard:
            if stream in self._owned:
                return True
        if not path.exists():
            return False
        # Looking takes the lock for an instant, so another one who looks may be in the way: ask again.
        for _ in range(4):
            lock = FileLock(path, thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                time.sleep(_POLL_SECONDS)
            except OSError:
                return False
            else:
                lock.release()
                return False
        return True

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        with self._guard:
            mutex = self._writing.setdefault(path.parent.name, threading.Lock())
        lock = FileLock(path.with_name(_WRITE_LOCK), thread_local=False)
        with mutex:
            try:
                lock.acquire(timeout=_LOCK_SECONDS, poll_interval=_POLL_SECONDS)
            except Timeout as fault:
                raise LabError(
                    f"{path} has been locked by another program for {_LOCK_SECONDS:.0f} s.",
                    "Close the other lab that uses this workspace, then try again.",
                ) from fault
            try:
                yield
            finally:
                lock.release()


def _unreadable(path: Path, fault: OSError) -> LabError:
    return LabError(f"{path} cannot be read: {fault.strerror or fault}.", "Make it readable for yourself.")


def _own(path: Path, stream: str) -> FileLock:
    lock = FileLock(path, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0.5, poll_interval=0.01)
    except Timeout as fault:
        raise LabError(f"{stream} is in use by another lab.", "Close it there, or start a new session here.") from fault
    except OSError as fault:
        raise LabError(
            f"{path} could not be written: {fault.strerror or fault}.", "Make the folder writable, then try again."
        ) from fault
    return lock


def _line(raw: bytes, start: int, number: int) -> Line:
    end = start + len(raw)
    try:
        entry = decode(raw)
    except ValueError as fault:
        return Line(start, end, number, None, str(fault))
    return Line(start, end, number, entry, None if entry else _NEWER)


def _append(path: Path, lines: bytes) -> None:
    """All of `lines` at the end of the file and on the disk, or the file as it was and OSError."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    try:
        size = os.fstat(file).st_size
        if size:
            os.lseek(file, size - 1, os.SEEK_SET)
            if os.read(file, 1) != b"\n":  # The line of a writer that was killed: end it, so that it harms no other.
                lines = b"\n" + lines
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        except OSError:
            with suppress(OSError):  # Then the rest stays as a line that readers set apart.
                os.ftruncate(file, size)
            raise
    finally:
        os.close(file)
    if not size:
        sync_folder(path.parent)
        sync_folder(path.parent.parent)


def _rewrite(path: Path, change: Callable[[bytes], bytes], more: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    try:
        with path.open("rb") as old, new.open("wb") as file:
            line = b"\n"
            for line in old:
                file.write(change(line))
            if more and not line.endswith(b"\n"):
                file.write(b"\n")
            file.write(more)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, new)
        new.replace(path)
        sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the operating system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
