"""Bringing a backup back into an empty workspace: all of it is checked before any of it is put in place."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from filelock import FileLock, Timeout

from lab.domain import Progress
from lab.errors import LabError
from lab.journal.backup import KIND, MANIFEST, PLACES, VERSION
from lab.journal.journal import EVENTS_FILE, Journal
from lab.settings import Workspace
from lab.text import amount

_PIECE: Final = 1 << 20
_LARGEST_MANIFEST: Final = 256 << 20
# So many faults are named; a file that is no backup has thousands.
_NAMED: Final = 10
# Where files wait in the workspace until all are checked.
_UNPACKED: Final = ".restore-"


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was put in place; files that were there already, with the same content, count too."""

    streams: int
    adapters: int
    bytes: int


def restore(
    file: Path, workspace: Workspace, progress: Callable[[Progress], None], cancel: threading.Event
) -> RestoreReport:
    """Put the files of a backup into a workspace that has no sessions of its own. The database is not made here.

    Nothing is put in place before every name, size and checksum is found right; then a file that is there already is
    left when it is the same. Progress is in bytes. Raises LabError with all faults together, for a cancel, and while
    another restore into the workspace runs.
    """
    try:
        remove_left(workspace)
        with zipfile.ZipFile(file) as archive:
            files = _files(archive, file)
            _refuse(file, [*_faults(archive, files), *_conflicts(workspace, files)])
            workspace.root.mkdir(parents=True, exist_ok=True)
            with _alone(workspace):
                return _put(archive, file, files, workspace, progress, cancel)
    except Timeout as fault:
        raise LabError(
            f"Another restore into {workspace.root} runs.", "Wait until it has ended, or name another --workspace DIR."
        ) from fault
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as fault:
        raise LabError(f"{file} is not a backup, or is damaged: {fault}.", "Take another copy of it.") from fault
    except OSError as fault:
        raise LabError(
            f"{fault.filename or file} cannot be read or written: {fault.strerror or fault}.",
            "Name a readable backup, and a workspace that can be written and has room.",
        ) from fault


def remove_left(workspace: Workspace) -> None:
    """Remove what a restore that was killed had unpacked; what one that runs unpacks stays. Raises OSError."""
    left = f"{_UNPACKED}*"
    if any(workspace.root.glob(left)):
        with contextlib.suppress(Timeout), _alone(workspace):
            for folder in workspace.root.glob(left):
                shutil.rmtree(folder)


@contextlib.contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Keep others from restoring into the workspace. Raises Timeout when one does, and OSError."""
    lock = FileLock(workspace.root / ".restore.lock", thread_local=False)
    lock.acquire(timeout=0)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


def _files(archive: zipfile.ZipFile, file: Path) -> dict[str, dict[str, Any]]:
    """The files of the manifest with their bytes and sha256. Raises LabError when it is none."""
    entry = archive.NameToInfo.get(MANIFEST)
    body: Any = None
    if entry is not None and entry.file_size <= _LARGEST_MANIFEST:
        try:
            body = orjson.loads(archive.read(entry))
        except orjson.JSONDecodeError as fault:
            raise LabError(f"{file}: {MANIFEST} is not JSON ({fault}).", "Take another copy of it.") from fault
    if not isinstance(body, dict) or body.get("kind") != KIND or not isinstance(body.get("files"), dict):
        raise LabError(f"{file} is not a backup of the lab.", "Name a file that lab backup wrote.")
    if body.get("version") != VERSION:
        raise LabError(f"{file} was made by a newer release of the lab.", "Upgrade the lab.")
    files: dict[str, dict[str, Any]] = body["files"]
    return files


def _faults(archive: zipfile.ZipFile, files: dict[str, Any]) -> list[str]:
    """What is wrong with names, kinds and sizes, before anything is read."""
    entries = {entry.filename: entry for entry in archive.infolist() if entry.filename != MANIFEST}
    counted = Counter(entry.filename for entry in archive.infolist())
    faults = [f"{name!r} is in it {times} times" for name, times in counted.items() if times > 1]
    faults += [f"{name!r} is not in its {MANIFEST}" for name in entries if name not in files]
    for name, said in files.items():
        entry = entries.get(name)
        kind = entry.external_attr >> 16 if entry else 0
        if not PLACES.fullmatch(name):
            faults.append(f"{name!r} is no place in a workspace")
        elif entry is None:
            faults.append(f"{name!r} is missing")
        elif stat.S_IFMT(kind) not in (0, stat.S_IFREG) or entry.is_dir():
            faults.append(f"{name!r} is a link or no file")
        elif not isinstance(said, dict) or not isinstance(said.get("sha256"), str):
            faults.append(f"{name!r} has no checksum")
        elif entry.file_size != said.get("bytes"):
            faults.append(f"{name!r} has {entry.file_size:,} bytes instead of {said.get('bytes')}")
    return faults


def _conflicts(workspace: Workspace, files: dict[str, Any]) -> list[str]:
    own = [
        stream for stream in Journal(workspace.sessions).streams() if f"sessions/{stream}/{EVENTS_FILE}" not in files
    ]
    if own:
        return [f"{workspace.sessions} has sessions of its own ({', '.join(own[:3])}{' ...' if own[3:] else ''})"]
    return [
        f"{workspace.root / name} is there already and is another"
        for name, said in files.items()
        if PLACES.fullmatch(name) and (workspace.root / name).exists() and not _same(workspace.root / name, said)
    ]


def _same(path: Path, said: Any) -> bool:
    if not path.is_file() or not isinstance(said, dict) or path.stat().st_size != said.get("bytes"):
        return False
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest() == said.get("sha256")


def _put(
    archive: zipfile.ZipFile,
    file: Path,
    files: dict[str, Any],
    workspace: Workspace,
    progress: Callable[[Progress], None],
    cancel: threading.Event,
) -> RestoreReport:
    total = sum(said["bytes"] for said in files.values())
    free = shutil.disk_usage(workspace.root).free
    if total > free:
        raise LabError(f"{file} needs {amount(total)}, and {amount(free)} are free.", "Free some space.")
    done = 0
    faults: list[str] = []
    # Within the workspace, so that putting a file in place is one step of the file system.
    with tempfile.TemporaryDirectory(prefix=_UNPACKED, dir=workspace.root) as folder:
        for name, said in files.items():
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with archive.open(name) as source, target.open("wb") as written:
                while piece := source.read(_PIECE):
                    if cancel.is_set():
                        raise LabError("The restoring was cancelled.", "Nothing was put in place.")
                    written.write(piece)
                    digest.update(piece)
                    done += len(piece)
                    progress(Progress("Restoring", done, total, "bytes"))
            if digest.hexdigest() != said["sha256"]:
                faults.append(f"{name!r} has another checksum than its {MANIFEST} says")
        _refuse(file, faults)
        if hasattr(os, "sync"):
            os.sync()
        for name in files:
            target = workspace.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            # A lab that is open may go on with what is there already, and is the same.
            if not target.exists():
                (Path(folder) / name).replace(target)
    streams = sum(name.startswith("sessions/") for name in files)
    adapters = {name.split("/")[1] for name in files if name.startswith("adapters/")}
    return RestoreReport(streams, len(adapters), total)


def _refuse(file: Path, faults: list[str]) -> None:
    if faults:
        more = f"; and {len(faults) - _NAMED:,} more" if len(faults) > _NAMED else ""
        raise LabError(
            f"{file} is not restored: {'; '.join(faults[:_NAMED])}{more}.",
            "Nothing was put in place. Take another copy of it, or name an empty folder with --workspace DIR.",
        )
