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

    `location` is a folder for "embedded" and "folder", an id for "hub"; `ready` is False when the
    weights must be fetched first.
    """

    name: str
    source: Literal["embedded", "folder", "hub"]
    location: str
    ready: bool
    form: PromptForm | None = None
    parameters: int | None = None
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint as the engine holds it. `context` is the window in tokens; memory in bytes."""

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


@dataclass(frozen=True, slots=True)
class Adapter:
    """A trained LoRA adapter in `adapters/<name>/`."""

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
