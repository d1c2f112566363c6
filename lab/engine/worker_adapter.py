"""The adapters of a loaded checkpoint: which are in memory, which one answers, and which makes room."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lab.domain import Loaded, Resident
from lab.engine.adapters import CONFIG, WEIGHTS, check_adapter
from lab.engine.compute.runner import Runner
from lab.errors import LabError

_PROBE = "The lab remembers what mattered in this conversation, and forgets the rest. What matters to you?"


# Size, time and inode of weights and configuration: where one was replaced it is another adapter.
_Mark = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """An adapter in memory, under the name that the runner knows it by."""

    inner: str
    bytes: int
    shift: float
    files: _Mark


class Adapters:
    """Up to `limit` adapters of one checkpoint stay in memory; at most one is active."""

    def __init__(self, runner: Runner, tokenizer: Any, loaded: Loaded, limit: int) -> None:
        self._runner = runner
        self._probe: list[int] = tokenizer(_PROBE)["input_ids"]
        self._loaded = loaded
        self._limit = limit
        # The least recently used one first.
        self._held: dict[Path, _Held] = {}
        self._active: Path | None = None
        # Names of one width: one that begins like another can clash inside PEFT.
        self._names = (f"adapter{number:06d}" for number in itertools.count())
        self._plain: torch.Tensor | None = None

    def activate(self, folder: Path | None) -> float:
        """Make a folder's adapter the active one; returns the largest change of a probe's logits.

        One in memory is switched to at once. Raises LabError when it does not fit or changes nothing; the one
        before then stays active.
        """
        if folder is None:
            self._runner.select(None)
            self._active = None
            return 0.0
        held = self._held.get(folder)
        if held is None or held.files != _mark(folder):
            held = self._take_in(folder)
        self._held.pop(folder, None)
        self._held[folder] = held
        self._runner.select(held.inner)
        self._active = folder
        self._make_room()
        return held.shift

    def residents(self) -> list[Resident]:
        """The adapters in memory, the least recently used one first."""
        return [Resident(folder.name, held.bytes, folder == self._active) for folder, held in self._held.items()]

    def _take_in(self, folder: Path) -> _Held:
        config = check_adapter(folder, self._loaded.fingerprint, self._loaded.name)
        files = _mark(folder)
        inner = next(self._names)
        before = self._held[self._active].inner if self._active is not None else None
        size = self._runner.attach(inner, folder, config)
        try:
            shift = self._shift(inner)
            if math.isnan(shift):
                raise LabError(
                    f"The adapter {folder.name} computes no numbers (NaN): its weights are damaged.",
                    "Restore the folder, or sleep again.",
                )
            if shift == 0.0:
                raise LabError(
                    f"The adapter {folder.name} changes nothing: the logits of a probe stay as they are.",
                    "Its modules do not match this checkpoint, or nothing was learned; sleep again.",
                )
        except BaseException:
            self._runner.select(before)
            self._runner.detach(inner)
            raise
        if (stale := self._held.pop(folder, None)) is not None:
            # The runner computes with the new one already.
            self._runner.detach(stale.inner)
        return _Held(inner, size, shift, files)

    def _shift(self, inner: str) -> float:
        with torch.inference_mode():
            if self._plain is None:
                self._runner.select(None)
                self._plain = self._runner.logits(self._probe)
            self._runner.select(inner)
            return float((self._runner.logits(self._probe) - self._plain).abs().max())

    def _make_room(self) -> None:
        for folder in [folder for folder in self._held if folder != self._active]:
            if len(self._held) <= self._limit:
                return
            self._runner.detach(self._held.pop(folder).inner)


def _mark(folder: Path) -> _Mark:
    try:
        found = [(folder / name).stat() for name in (WEIGHTS, CONFIG)]
    except OSError as fault:
        raise LabError(
            f"The adapter {folder.name} is gone: {fault.strerror} ({fault.filename}).",
            "Restore the folder, or choose another with --adapter NAME or --adapter none.",
        ) from fault
    return tuple((file.st_size, file.st_mtime_ns, file.st_ino) for file in found)
