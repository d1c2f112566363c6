"""Chooses the next token of each row, each row from a random stream of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F

from lab.domain import Sampling

_BLOCK: Final = 64
# So that a share of nearly one, rounded up, does not point behind the last token that has any mass.
_BELOW_ONE: Final = 1 - 2.0**-50


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
        temperatures = [self._temperatures[row] for row in rows]
        if not any(temperatures):
            return logits.argmax(-1)
        drawn = torch.stack([torch.rand((), generator=self._streams[row], dtype=torch.float64) for row in rows])
        scale = torch.tensor([temperature or 1.0 for temperature in temperatures], device=logits.device)
        sampled = _look_up(torch.softmax(logits.float() / scale[:, None], -1), drawn.to(logits.device)[:, None])
        if all(temperatures):
            return sampled
        cold = torch.tensor([not temperature for temperature in temperatures], device=logits.device)
        return torch.where(cold, logits.argmax(-1), sampled)


def _look_up(mass: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Where the cumulated mass [rows, vocabulary] passes the share drawn in 0..1, [rows, 1]: tokens [rows].

    First among blocks, then inside one. Cumulated in float64, because float32 would lose the many small summands.
    """
    rows, vocabulary = mass.shape
    blocks = F.pad(mass, (0, -vocabulary % _BLOCK)).view(rows, -1, _BLOCK)
    ends = blocks.sum(-1, dtype=torch.float64).cumsum(-1)
    mark = drawn * ends[:, -1:] * _BELOW_ONE
    block = torch.searchsorted(ends, mark, right=True)
    inside = blocks.gather(1, block[:, :, None].expand(-1, -1, _BLOCK))[:, 0].cumsum(-1, dtype=torch.float64)
    before = ends.gather(1, block) - inside[:, -1:]
    rest = torch.minimum(mark - before, inside[:, -1:] * _BELOW_ONE)
    return (block * _BLOCK + torch.searchsorted(inside, rest, right=True))[:, 0]
