"""What the engine asks of a checkpoint in memory, whichever library or kernels compute it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from lab.domain import Loaded

# Reading a long prompt stops within one layer or one piece of it.
Over = Callable[[], bool]


class Runner(Protocol):
    """A network with one prompt in its cache and the rows that continue it."""

    @property
    def kernels(self) -> str:
        """What computes, in words for a person."""
        ...

    def read(self, tokens: Sequence[int], over: Over, judged: range = range(0)) -> torch.Tensor | None:
        """Make `tokens` the prompt; what it shares with the prompt before and its rows is not read again.

        Returns the logits of the next token, shape [vocabulary], or None when `over` became true. At the places
        `judged`, not the first, it is measured on the way how unexpected the token there was.
        """
        ...

    def losses(self, judged: range) -> list[float]:
        """What was measured there by the last `read`: nats."""
        ...

    def start(self, rows: int) -> None:
        """Let `rows` rows continue the prompt; those of the prompt's rows before are gone."""
        ...

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Give each living row its next token, shape [rows]; returns the logits after it, [rows, vocabulary]."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Let the living rows at these places go on, in this order, and end the others."""
        ...

    def forget(self) -> None:
        """Empty the cache."""
        ...

    def logits(self, tokens: Sequence[int]) -> torch.Tensor:
        """The logits after each of `tokens` read afresh, [tokens, vocabulary]; the cache is empty afterwards."""
        ...

    def attach(self, name: str, folder: Path, config: dict[str, Any]) -> int:
        """Hold the adapter of a folder under `name`; returns its bytes. LabError when it does not fit."""
        ...

    def detach(self, name: str) -> None:
        """Let go of an adapter that is not the selected one."""
        ...

    def select(self, name: str | None) -> None:
        """Compute with this adapter, or with none. Forgets the prompt when that changes anything."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint in memory, ready to write. A draft ends at any of the `end_tokens`."""

    runner: Runner
    tokenizer: Any
    end_tokens: frozenset[int]
    loaded: Loaded
