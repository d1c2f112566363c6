"""The folder of prepared models, one for all workspaces of a user: whole or not there, one process at a time."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from lab.domain import Progress
from lab.engine.adapters import MANIFEST, file_sha256
from lab.engine.fetch import Cancelled, Report
from lab.errors import LabError
from lab.settings import cache_folder

# A model made by another way of converting is made again.
_FORMAT = 1


def models_folder() -> Path:
    """Where prepared models are kept."""
    return cache_folder() / "models"


@contextmanager
def one_at_a_time(label: str, progress: Report, cancel: threading.Event) -> Iterator[Path]:
    """Holds the models folder, free of what killed runs left; other processes wait. Raises Cancelled and LabError."""
    models = models_folder()
    try:
        models.mkdir(parents=True, exist_ok=True)
        with _locked(models / ".lock", label, progress, cancel):
            for leftover in models.glob(".*.part"):
                shutil.rmtree(leftover, ignore_errors=True)
            yield models
    except OSError as fault:
        raise LabError(
            f"{label[0].upper()}{label[1:]} cannot be kept in {models}: {fault.strerror or fault}.",
            "Free disk space or choose a writable folder with LAB_CACHE, then try again.",
        ) from fault


@contextmanager
def part(models: Path, name: str) -> Iterator[Path]:
    """A folder to make a model in; it is gone afterwards, whatever happened."""
    folder = models / f".{name}.{secrets.token_hex(4)}.part"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def seal(made: Path, about: Mapping[str, Any]) -> None:
    """Flush every file to disk and write the manifest: what the model is, its files with size and SHA-256."""
    files: dict[str, Any] = {}
    for path in sorted(path for path in made.rglob("*") if path.is_file() and path.name != MANIFEST):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        files[path.relative_to(made).as_posix()] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    body = {"format": _FORMAT, **about, "files": files}
    # Renamed into place: another lab may be reading the one before.
    new = made / f".{MANIFEST}"
    new.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2))
    new.replace(made / MANIFEST)


def put_in_place(made: Path, target: Path, old: Path) -> None:
    """Move a sealed folder to where it is looked for; a damaged one that is there goes to `old`."""
    # An engine that has the old one open keeps its files until it ends.
    with contextlib.suppress(FileNotFoundError):
        target.rename(old)
    made.rename(target)


def manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a prepared model, or None when there is none of this release."""
    try:
        body = orjson.loads((folder / MANIFEST).read_bytes())
        usable = body["format"] == _FORMAT and body["sha256"] and body["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return body if usable else None


def is_whole(folder: Path, sha256: str) -> bool:
    """True when the folder was made of the source with this SHA-256 and every file has its size."""
    body = manifest(folder)
    if body is None or body["sha256"] != sha256:
        return False
    try:
        return all((folder / name).stat().st_size == entry["bytes"] for name, entry in body["files"].items())
    except OSError:
        return False


@contextmanager
def _locked(path: Path, label: str, progress: Report, cancel: threading.Event) -> Iterator[None]:
    lock = FileLock(path)
    started = time.monotonic()
    while True:
        try:
            lock.acquire(timeout=0.2)
            break
        except Timeout:
            if cancel.is_set():
                raise Cancelled from None
            waited = time.monotonic() - started
            progress(Progress(f"Waiting for another lab that prepares {label}", waited, None, "seconds"))
    try:
        yield
    finally:
        lock.release()
