"""Chooses the next token of each row, each row from a random stream of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lab.domain import Sampling


class Sampler:
    """Temperature alone shapes the choice, as published. A row's choices depend on its own seed and logits only."""

    def __init__(self, samplings: Sequence[Sampling]) -> None:
        self._temperatures = [sampling.temperature for sampling in samplings]
        # On the CPU whatever computes, so that a seed means the same stream everywhere.
        self._streams = [torch.Generator().manual_seed(sampling.seed) for sampling in samplings]

    def choose(self, logits: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        """The next token of these rows: logits [rows, vocabulary] to tokens [rows].

        One number in 0..1 is drawn a row and looked up in the cumulated probabilities. Temperature 0 is greedy.
        """
        greedy = logits.argmax(-1)
        warm = [self._temperatures[row] for row in rows]
        if not any(warm):
            return greedy
        drawn = torch.stack([torch.rand((), generator=self._streams[row], dtype=torch.float64) for row in rows])
        scale = torch.tensor([temperature or 1.0 for temperature in warm], device=logits.device)
        # Cumulated in float64: the rounding of many small float32 summands would favour some tokens.
        mass = torch.softmax(logits.float() / scale[:, None], -1).cumsum(-1, dtype=torch.float64)
        mark = drawn.to(logits.device)[:, None] * mass[:, -1:]
        sampled = torch.searchsorted(mass, mark, right=True)[:, 0].clamp_(max=logits.shape[-1] - 1)
        cold = torch.tensor([not temperature for temperature in warm], device=logits.device)
        return torch.where(cold, greedy, sampled)
