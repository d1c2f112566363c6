"""The whole record in one file: a zip of journal, adapters, settings and texts, with a manifest of all checksums."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import orjson

from lab import __version__
from lab.domain import Progress
from lab.errors import LabError
from lab.journal.events import now
from lab.journal.journal import EVENTS_FILE, Journal
from lab.settings import Workspace

MANIFEST: Final = "manifest.json"
KIND: Final = "snarc-lab backup"
VERSION: Final = 1
# What a backup may hold and a restore put in place. No part begins with a dot, so none is "..", and none holds what
# separates parts on any system.
_PART: Final = r"[^./\\:\x00-\x1f\x7f][^/\\:\x00-\x1f\x7f]{0,199}"
_STREAM: Final = rf"sessions/[A-Za-z0-9][A-Za-z0-9._-]{{0,199}}/{re.escape(EVENTS_FILE)}"
_TEXT: Final = rf"lab\.toml|prompts/(?:{_PART}/)?{_PART}\.toml|queries/{_PART}\.sql"
PLACES: Final = re.compile(rf"{_STREAM}|adapters/{_PART}(?:/{_PART}){{1,4}}|{_TEXT}")
_PIECE: Final = 1 << 20
# Text shrinks to a third at once; more effort gains little and costs most of the time.
_EFFORT: Final = 2
# A zip knows no earlier time; a clock without a battery does.
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What is in a backup; bytes are those of the files before packing. `left_out` are files it has no place for."""

    streams: int
    adapters: int
    bytes: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """A file and the size up to which it is taken; its name in the backup is its path in the workspace."""

    name: str
    path: Path
    size: int


def back_up(
    workspace: Workspace,
    file: IO[bytes],
    adapters: bool,
    progress: Callable[[Progress], None],
    cancel: threading.Event,
) -> BackupReport:
    """Write a backup into an empty file; a lab may be open and go on recording meanwhile.

    Of each stream the whole lines are taken that are there now. Progress is in bytes. Raises LabError when it is
    cancelled and for a file that cannot be read, and OSError when `file` cannot be written.
    """
    # The adapters after the journal: no sleep is in it whose adapter is missing.
    found = [*_streams(workspace), *(_adapters(workspace) if adapters else ()), *_settings(workspace)]
    # What could not be restored would make all of it unusable: hidden files, say, of a downloaded adapter.
    left_out = tuple(source.name for source in found if not _has_place(source.name))
    sources = [source for source in found if _has_place(source.name)]
    total = sum(source.size for source in sources)
    done = 0
    manifest: dict[str, dict[str, int | str]] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_EFFORT) as archive:
        for source in sources:
            entry = _entry(source.name)
            if source.name.endswith(".safetensors"):
                # Weights are noise to a packer.
                entry.compress_type = zipfile.ZIP_STORED
            digest = hashlib.sha256()
            with archive.open(entry, "w", force_zip64=True) as target:
                for piece in _pieces(source):
                    if cancel.is_set():
                        raise LabError("The backup was cancelled.", "No file was left.")
                    target.write(piece)
                    digest.update(piece)
                    done += len(piece)
                    progress(Progress("Backing up", done, total, "bytes"))
            manifest[source.name] = {"bytes": source.size, "sha256": digest.hexdigest()}
        archive.writestr(_entry(MANIFEST), _manifest(manifest), compresslevel=_EFFORT)
    streams = sum(name.startswith("sessions/") for name in manifest)
    folders = {name.split("/")[1] for name in manifest if name.startswith("adapters/")}
    return BackupReport(streams, len(folders), total, left_out)


def _has_place(name: str) -> bool:
    """Whether a restore would put it back: not a name that is not UTF-8, which no zip can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return PLACES.fullmatch(name) is not None


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, max(now().timetuple()[:6], _FIRST_DAY))
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _manifest(files: dict[str, dict[str, int | str]]) -> bytes:
    head = {"kind": KIND, "version": VERSION, "lab": __version__, "created_at": now()}
    return orjson.dumps({**head, "files": files}, option=orjson.OPT_INDENT_2)


def _streams(workspace: Workspace) -> Iterator[_Source]:
    journal = Journal(workspace.sessions)
    for stream in journal.streams():
        path = journal.path(stream)
        yield _Source(f"sessions/{stream}/{EVENTS_FILE}", path, _whole_lines(path, journal.committed(stream)))


def _whole_lines(path: Path, size: int) -> int:
    """Bytes up to the last end of a line: the line of a writer that was killed is no event."""
    try:
        with path.open("rb") as file:
            while size:
                start = max(size - _PIECE, 0)
                file.seek(start)
                found = file.read(size - start).rfind(b"\n")
                if found >= 0:
                    return start + found + 1
                size = start
        return 0
    except OSError as fault:
        raise _unreadable(path, fault) from fault


def _adapters(workspace: Workspace) -> Iterator[_Source]:
    for folder in sorted(workspace.adapters.iterdir()) if workspace.adapters.is_dir() else []:
        # A hidden one is still being written.
        if folder.is_dir() and not folder.name.startswith("."):
            yield from _files(workspace, _below(folder))


def _below(folder: Path) -> Iterator[Path]:
    """Every file below a folder. Raises LabError for a folder that cannot be read: a glob would leave it out."""

    def fail(fault: OSError) -> None:
        where = Path(fault.filename or folder).relative_to(folder)
        if any(part.startswith(".") for part in where.parts):
            # What a download left there has no place in a backup.
            return
        raise _unreadable(Path(fault.filename or folder), fault) from fault

    for path, _, names in os.walk(folder, onerror=fail):
        yield from (Path(path) / name for name in names)


def _settings(workspace: Workspace) -> Iterator[_Source]:
    yield from _files(workspace, [workspace.config])
    # Protocols lie in a folder of their own there.
    prompts = workspace.root / "prompts"
    yield from _files(workspace, [*prompts.glob("*.toml"), *prompts.glob("*/*.toml")])
    yield from _files(workspace, (workspace.root / "queries").glob("*.sql"))


def _files(workspace: Workspace, paths: Iterator[Path] | list[Path]) -> Iterator[_Source]:
    for path in sorted(paths):
        try:
            # A link is followed: what it leads to is what the lab reads.
            if path.is_file():
                yield _Source(path.relative_to(workspace.root).as_posix(), path, path.stat().st_size)
        except OSError as fault:
            raise _unreadable(path, fault) from fault


def _pieces(source: _Source) -> Iterator[bytes]:
    left = source.size
    try:
        with source.path.open("rb") as file:
            while left:
                piece = file.read(min(_PIECE, left))
                if not piece:
                    raise LabError(f"{source.path} became shorter while it was read.", "Back up again.")
                left -= len(piece)
                yield piece
    except OSError as fault:
        raise _unreadable(source.path, fault) from fault


def _unreadable(path: Path, fault: OSError) -> LabError:
    return LabError(f"{path} cannot be read: {fault.strerror or fault}.", "Make it readable for yourself.")
