"""Makes a folder of safetensors of a GGUF file: starts the converting child, tells its progress, keeps the result."""

from __future__ import annotations

import hashlib
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lab.domain import Progress
from lab.engine import store
from lab.engine.fetch import Cancelled, ChildFailed, Report, disk_fault, run
from lab.engine.gguf_header import Header, read_header
from lab.engine.machine import free_bytes
from lab.errors import LabError
from lab.files import CHILD_FOLDER

# The stages of lab.engine.convert with their seconds for the embedded model on two cores. Other models take
# others; the seconds only shape the progress bar.
_STAGES: Final = (
    ("starting", 1.5),
    ("reading the tokenizer", 4.5),
    ("reading the weights", 13.0),
    ("writing the weights", 0.5),
    ("checking", 1.5),
)
_MIB: Final = 2**20
_GIB: Final = 2**30
# Measured on the embedded model: the weights twice, once unpacked and once in place, and the libraries.
_COPIES: Final = 2.25
_LIBRARIES: Final = 400 * _MIB
_PREFIX: Final = "gguf-"


def run_conversion(
    source: Path, made: Path, label: str, progress: Report, cancel: threading.Event, *, embedded: bool = False
) -> None:
    """Convert a GGUF file into the new folder `made`, in a child. Raises Cancelled, LabError, and OSError (disk)."""
    made.mkdir(parents=True)
    stage, entered = _STAGES[0][0], time.monotonic()

    def report() -> None:
        passed = 0.0
        for name, seconds in _STAGES:
            if name == stage:
                # A slower machine stays in its stage, and the bar short of the next one.
                passed += min(time.monotonic() - entered, 0.95 * seconds)
                break
            passed += seconds
        progress(Progress(f"Converting {label}: {stage}", passed, sum(seconds for _, seconds in _STAGES)))

    def on_line(line: str) -> None:
        nonlocal stage, entered
        if line.startswith("stage: "):
            stage, entered = line.removeprefix("stage: "), time.monotonic()
            report()

    command = [sys.executable, "-m", "lab.engine.convert", str(source), str(made)]
    if embedded:
        command.append("embedded")
    try:
        run(command, CHILD_FOLDER, cancel, on_line=on_line, on_wait=report)
    except ChildFailed as fault:
        if (full := disk_fault(fault)) is not None:
            raise full from fault
        if "is not supported" in str(fault):
            raise LabError(
                f"{label} cannot be converted: the installed transformers does not read its architecture from GGUF.",
                "Use the checkpoint as safetensors.",
            ) from fault
        raise LabError(
            f"{label} cannot be converted: {fault}",
            "Copy or download the file again, and run `lab doctor`; the conversion needs the tested library versions.",
        ) from fault


def converted_folder(source: Path) -> Path | None:
    """Where the conversion of this very file is kept (same path, size and time), or None; hashes nothing."""
    try:
        mark = _mark(source)
    except OSError:
        return None
    for folder in store.models_folder().glob(f"{_PREFIX}*"):
        body = store.manifest(folder)
        if body is not None and body.get("file") == mark and store.is_whole(folder, body["sha256"]):
            return folder
    return None


def convert_gguf(source: Path, progress: Report, cancel: threading.Event) -> Path:
    """The folder of a GGUF file's weights as safetensors, converted when it was not before.

    The same content under another path or time is not converted again. Raises Cancelled, and LabError when the
    file cannot be used or there is too little memory or disk; nothing half-made is left.
    """
    ready = converted_folder(source)
    if ready is not None:
        return ready
    header = read_header(source)
    _check(source, header)
    label = source.name
    with store.one_at_a_time(label, progress, cancel) as models:
        sha256 = _sha256(source, progress, cancel)
        target = models / f"{_PREFIX}{sha256[:16]}"
        about = {"name": label, "source": str(source), "sha256": sha256, "file": _mark(source)}
        if store.is_whole(target, sha256):
            # Known content under another path or time: only the manifest changes.
            store.seal(target, about)
            return target
        room = _size(header)
        free = shutil.disk_usage(models).free
        if free < room:
            raise LabError(
                f"{label} takes {room // _MIB} MiB when it is converted; in {models} {free // _MIB} MiB are free.",
                "Free disk space, or put the cache elsewhere with LAB_CACHE.",
            )
        with store.part(models, target.name) as part:
            run_conversion(source, part / "made", label, progress, cancel)
            progress(Progress(f"Keeping {label}"))
            store.seal(part / "made", about)
            store.put_in_place(part / "made", target, part / "old")
    progress(Progress(f"{label} is ready", 1.0, 1.0))
    return target


def _check(source: Path, header: Header) -> None:
    if header.parts > 1:
        raise LabError(
            f"{source} is one of {header.parts} parts of a split model.",
            "Merge the parts first (llama-gguf-split --merge), or use the checkpoint as safetensors.",
        )
    needed, free = _COPIES * _size(header) + _LIBRARIES, free_bytes()
    if needed > free:
        raise LabError(
            f"Converting {source.name} needs {needed / _GIB:.1f} GiB of memory; {free / _GIB:.1f} GiB are free.",
            "Close other programs, or use the checkpoint as safetensors, which needs no conversion.",
        )


def _size(header: Header) -> int:
    """Bytes of the converted weights: 16 bits a number, but those of a float32 file keep their precision."""
    return header.parameters * (4 if header.file_type == 0 else 2)


def _mark(source: Path) -> dict[str, Any]:
    status = source.stat()
    return {"path": str(source.resolve()), "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _sha256(source: Path, progress: Report, cancel: threading.Event) -> str:
    digest, done, total = hashlib.sha256(), 0, source.stat().st_size
    for chunk in _chunks(source):
        if cancel.is_set():
            raise Cancelled
        digest.update(chunk)
        done += len(chunk)
        progress(Progress(f"Reading {source.name}", float(done), float(total), "bytes"))
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(4 * _MIB):
            yield chunk
