"""How far a training has come, in one file, so that a killed sleep goes on where it was; torch lives here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lab.sleep.training import Resume

_KNOWN: Final = ("losses", "distances")


@dataclass(frozen=True, slots=True)
class State:
    """The losses of the steps so far, how far each mistake among the anchors was from the base, the tensors of then."""

    losses: tuple[float, ...]
    distances: tuple[float, ...]
    tensors: Mapping[str, Tensor]

    @property
    def resume(self) -> Resume:
        """Where the training loop goes on."""
        return Resume(self.losses, self.tensors)


def write_state(path: Path, state: State) -> None:
    """Put a state in place of the one before, at once. Raises OSError when the disk is full; the old one stays."""
    part = path.with_suffix(".part")
    known = {name: orjson.dumps(getattr(state, name)).decode() for name in _KNOWN}
    try:
        save_file(dict(state.tensors), str(part), known)
    except SafetensorError as fault:
        part.unlink(missing_ok=True)
        raise OSError(str(fault)) from fault
    # What is renamed before it is on the disk may be an empty file after a power cut.
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def read_state(path: Path) -> State | None:
    """The state of a training that was killed; None where there is none, or none that can be read."""
    try:
        with safe_open(str(path), framework="pt") as file:
            losses, distances = (orjson.loads(file.metadata()[name]) for name in _KNOWN)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return State(tuple(losses), tuple(distances), tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
