"""Several examples as one sequence, so that what they all begin with is computed once and nothing is padded; torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

# Everything is masked against everything: beyond this the square costs more than the shared beginning saves.
LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example; the loss counts the tokens from `answer_start` on."""

    ids: tuple[int, ...]
    answer_start: int

    @property
    def prompt(self) -> tuple[int, ...]:
        """What comes before the answer."""
        return self.ids[: self.answer_start]

    @property
    def answer(self) -> tuple[int, ...]:
        """What the loss counts."""
        return self.ids[self.answer_start :]


@dataclass(frozen=True, slots=True)
class Packed:
    """One sequence of `length` tokens: the shared beginning, then the rest of each example.

    `ids` and `positions` are of shape (1, length); `mask` of shape (1, 1, length, length) is true where a token (row)
    sees another (column): the beginning and its own example up to itself. The logits at `reads` predict `targets`,
    each of shape (supervised tokens,).
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    reads: Tensor
    targets: Tensor


def sequences(batch: Sequence[Encoded]) -> list[Sequence[Encoded]]:
    """The examples in order, as many together as `pack` makes a sequence of at most `LONGEST` tokens of."""
    found: list[Sequence[Encoded]] = []
    rows: list[Encoded] = []
    for example in batch:
        if rows and packed_length([*rows, example]) > LONGEST:
            found.append(rows)
            rows = []
        rows = [*rows, example]
    return [*found, rows] if rows else found


def packed_length(batch: Sequence[Encoded]) -> int:
    """How many tokens `pack` would make of the examples."""
    shared = _shared(batch)
    return shared + sum(len(example.ids) - shared for example in batch)


def pack(batch: Sequence[Encoded]) -> Packed:
    """The examples as one sequence. A model that respects positions and mask computes of each what it would alone."""
    shared = _shared(batch)
    ids = list(batch[0].ids[:shared])
    positions = list(range(shared))
    reads: list[int] = []
    targets: list[int] = []
    length = packed_length(batch)
    mask = torch.zeros(length, length, dtype=torch.bool)
    mask[:, :shared] = True
    for example in batch:
        begin, size = len(ids), len(example.ids)
        ids += example.ids[shared:]
        positions += range(shared, size)
        mask[begin : len(ids), begin : len(ids)] = True
        for at in range(max(example.answer_start, 1), size):
            reads.append(at - 1 if at - 1 < shared else begin + at - 1 - shared)
            targets.append(example.ids[at])
    mask &= torch.ones(length, length, dtype=torch.bool).tril()
    return Packed(
        torch.tensor([ids]), torch.tensor([positions]), mask[None, None], torch.tensor(reads), torch.tensor(targets)
    )


def shared_length(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all of the rows begin with."""
    first, *others = rows
    shared = len(first)
    for ids in others:
        shared = min(shared, len(ids))
        shared = next((at for at in range(shared) if ids[at] != first[at]), shared)
    return shared


def _shared(batch: Sequence[Encoded]) -> int:
    return shared_length([example.ids for example in batch])
