"""Checkpoints, adapters, and what loading them reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from lab.domain.conversation import PromptForm


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model that can be loaded. `source` says where its weights come from.

    `location` is a folder for "embedded" and "folder", a file for "gguf", an id for "hub"; `ready` is False
    when the weights must be fetched or converted first. `family` is transformers' model type, `context` the
    window in tokens, `thinking` whether its template has a thinking mode. `adapter` is a folder that brought
    this checkpoint along and is to be activated on it; `revision` the commit of a hub snapshot.
    """

    name: str
    source: Literal["embedded", "folder", "gguf", "hub"]
    location: str
    ready: bool
    form: PromptForm | None = None
    parameters: int | None = None
    licence: str | None = None
    family: str | None = None
    context: int | None = None
    thinking: bool = False
    adapter: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a checkpoint is to be held; "auto" takes what the machine does best.

    `dtype` "int8" and "nf4" are bitsandbytes' and need a GPU. `kernels` "library" computes with the plain
    library. `resident_adapters` is how many adapters stay in memory; the least recently used one goes first.
    """

    device: str = "auto"
    dtype: str = "auto"
    kernels: str = "auto"
    resident_adapters: int = 40


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint as the engine holds it. `context` is the window in tokens.

    `kernels` says in words what computes; `thinking` whether the template has a thinking mode,
    `sentences` whether the sentence model is there beside it.
    """

    name: str
    family: str
    form: PromptForm
    context: int
    parameters: int
    dtype: str
    device: str
    fingerprint: str
    path: str
    seconds: float
    kernels: str = ""
    thinking: bool = False
    revision: str | None = None
    sentences: bool = True


@dataclass(frozen=True, slots=True)
class Resident:
    """An adapter that the engine holds in memory, by its folder's name."""

    name: str
    bytes: int
    active: bool


@dataclass(frozen=True, slots=True)
class Adapter:
    """A trained LoRA adapter in `adapters/<name>/`. `modules` says which layers it changes, as in SleepSettings; None
    where its manifest does not say."""

    name: str
    checkpoint: str
    fingerprint: str
    parent: str | None
    cycle_id: str | None
    created_at: datetime
    path: Path
    sha256: str
    bytes: int
    rank: int
    modules: str | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """One reading of a process: resident memory and, on a GPU, memory in use; both in bytes."""

    process: str
    rss_bytes: int
    vram_bytes: int | None
    event: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long piece of work is. `done` and `total` are in `unit`; a total of None is unknown."""

    stage: str
    done: float = 0.0
    total: float | None = None
    unit: str = ""

    @property
    def fraction(self) -> float | None:
        """Share done in 0..1, or None while the total is unknown."""
        if not self.total:
            return None
        return min(self.done / self.total, 1.0)
