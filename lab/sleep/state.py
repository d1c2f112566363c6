"""How far a training has come, in one file, so that a killed sleep goes on where it was; torch lives here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lab.sleep.training import Resume

_LOSSES: Final = "losses"


def write_state(path: Path, losses: Sequence[float], tensors: Mapping[str, Tensor]) -> None:
    """Put a state in place of the one before, at once. Raises OSError when the disk is full; the old one stays."""
    part = path.with_suffix(".part")
    try:
        save_file(dict(tensors), str(part), {_LOSSES: orjson.dumps(list(losses)).decode()})
    except SafetensorError as fault:
        part.unlink(missing_ok=True)
        raise OSError(str(fault)) from fault
    # What is renamed before it is on the disk may be an empty file after a power cut.
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def read_state(path: Path) -> Resume | None:
    """The state of a training that was killed; None where there is none, or none that can be read."""
    try:
        with safe_open(str(path), framework="pt") as file:
            losses = tuple(orjson.loads(file.metadata()[_LOSSES]))
            return Resume(losses, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, orjson.JSONDecodeError):
        return None
