"""What can be chosen to answer: every checkpoint with the memory it takes, what it fetches, and the adapters for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import psutil

from lab.domain import Adapter, Checkpoint, Loaded
from lab.engine import catalogue
from lab.engine.adapters import list_adapters
from lab.engine.estimate import (
    PROMPT_TOKENS,
    ROWS,
    Advice,
    advise,
    estimate,
    free_bytes,
    free_gpu_bytes,
    gib,
    library_computes,
)
from lab.engine.fingerprint import fingerprint
from lab.errors import LabError
from lab.settings import EngineSettings, Workspace

# Checkpoints are published in 16 bits.
_PUBLISHED_BYTES: Final = 2
# The package that ships the embedded one.
_EMBEDDED_BYTES: Final = 93_000_000


@dataclass(frozen=True, slots=True)
class Room:
    """Free bytes for the next checkpoint, that of the engine's own included, which it lets go: memory and GPU memory.

    `gpu_bytes` is None where the engine does not compute on a GPU.
    """

    free_bytes: int
    gpu_bytes: int | None = None

    @property
    def words(self) -> str:
        """As a person reads it: "12.3 GiB free"."""
        if self.gpu_bytes is not None:
            return f"{gib(self.gpu_bytes)} of GPU memory free"
        return f"{gib(self.free_bytes)} free"


@dataclass(frozen=True, slots=True)
class Offer:
    """A checkpoint that can be chosen; `refusal` says why one cannot be (`too_large`, or another fault), else empty.

    `name` is what to choose it by: its own, or the folder of an adapter that brings it along.
    `need_bytes` is the memory it takes in `dtype`, None where that is not known yet; `proposal` says that it fits in a
    smaller dtype only. `download_bytes` is what is fetched first (about; None where nothing is known of it), 0 when it
    is ready. `adapters` fit it, newest first.
    """

    name: str
    checkpoint: Checkpoint
    active: bool = False
    need_bytes: int | None = None
    dtype: str | None = None
    proposal: str = ""
    refusal: str = ""
    too_large: bool = False
    adapters: tuple[Adapter, ...] = ()

    @property
    def download_bytes(self) -> int | None:
        """Bytes that are fetched first."""
        if self.checkpoint.ready or self.checkpoint.source in ("folder", "gguf"):
            return 0
        if self.checkpoint.source == "embedded":
            return _EMBEDDED_BYTES
        parameters = self.checkpoint.parameters
        return None if parameters is None else parameters * _PUBLISHED_BYTES


@dataclass(frozen=True, slots=True)
class Offers:
    """All offers, those that are ready first, and what is known beside them."""

    offers: tuple[Offer, ...]
    room: Room
    active_adapter: str | None
    resident: frozenset[str]


def room(settings: EngineSettings, process_id: int | None = None, vram_bytes: int = 0) -> Room:
    """What is free for a checkpoint that takes the place of the one in this process, which holds `vram_bytes`."""
    held = 0
    if process_id is not None:
        try:
            # Pages that it shares with others (files, libraries) count as free already, or stay.
            held = psutil.Process(process_id).memory_full_info().uss
        except psutil.Error:
            held = 0
    gpu = None if settings.device == "cpu" else free_gpu_bytes()
    return Room(free_bytes() + held, None if gpu is None else gpu + vram_bytes)


def fitting(checkpoint: Checkpoint, settings: EngineSettings, room: Room) -> Advice:
    """Whether a checkpoint fits. Raises LabError when it does in no dtype, or its files are damaged."""
    return advise(checkpoint, settings, room.free_bytes, room.gpu_bytes)


def offer(
    name: str,
    checkpoint: Checkpoint,
    settings: EngineSettings,
    room: Room,
    adapters: Sequence[Adapter],
    loaded: Loaded | None = None,
) -> Offer:
    """One checkpoint as an offer; `adapters` are those of the workspace, oldest first."""
    active = loaded is not None and loaded.name == checkpoint.name
    if loaded is not None and active:
        # Of a folder only its tokenizer knew.
        checkpoint = replace(checkpoint, form=loaded.form)
    try:
        weights = loaded.fingerprint if loaded is not None and active else _weights(checkpoint)
        library = library_computes(settings, gpu=room.gpu_bytes is not None)
        found = estimate(checkpoint, settings.dtype, PROMPT_TOKENS, ROWS, library=library)
    except LabError as fault:
        return Offer(name, checkpoint, active, refusal=str(fault))
    own = tuple(adapter for adapter in reversed(adapters) if adapter.fingerprint == weights)
    need, dtype = (None, None) if found is None else (found.total_bytes, found.dtype)
    if active:
        return Offer(name, checkpoint, active, need, dtype, adapters=own)
    try:
        advice = fitting(checkpoint, settings, room)
    except LabError as fault:
        return Offer(name, checkpoint, active, need, dtype, refusal=str(fault), too_large=True)
    if advice.estimate is not None:
        need = advice.estimate.total_bytes
    return Offer(name, checkpoint, active, need, advice.dtype, advice.sentence, adapters=own)


def offers(
    workspace: Workspace,
    settings: EngineSettings,
    named: Collection[str],
    room: Room,
    loaded: Loaded | None,
    active_adapter: str | None,
    resident: Collection[str],
) -> Offers:
    """Every checkpoint of the catalogue, of `lab.toml` and `named`; those that can be loaded at once come first."""
    known = {checkpoint.name: (checkpoint.name, checkpoint) for checkpoint in catalogue.checkpoints(workspace)}
    for name in named:
        try:
            checkpoint = catalogue.resolve(name, workspace)
        except LabError:
            # It was there when it was chosen.
            continue
        if checkpoint.adapter is not None or checkpoint.name not in known:
            known[checkpoint.name] = (name, checkpoint)
    adapters = list_adapters(workspace.adapters)[0]
    found = [offer(name, checkpoint, settings, room, adapters, loaded) for name, checkpoint in known.values()]
    found.sort(key=lambda each: (each.checkpoint.source != "embedded", not each.checkpoint.ready))
    return Offers(tuple(found), room, active_adapter, frozenset(resident))


def _weights(checkpoint: Checkpoint) -> str | None:
    folder = catalogue.ready_folder(checkpoint)
    return None if folder is None else fingerprint(folder)
