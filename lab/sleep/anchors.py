"""What a sleep must not change: the base model's own answers to general prompts, and how far training moves from them.

torch lives here. `benchmarks/training.py` shows what is lost without them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from lab.sleep.packing import Encoded

# The first words of an answer are where it goes one way or another.
ANSWER_TOKENS: Final = 16
NEIGHBOUR_TOKENS: Final = 10
_GENERAL_SHARE: Final = 1 / 3
# Of what is beside them.
_MISTAKES_SHARE: Final = 0.6
# In nats: what the model has not moved at is read now and then, too.
_LEAST_DISTANCE: Final = 0.05
# Of a mistake that was read so many steps ago hardly more is known than of one that never was.
_STALE_STEPS: Final = 15
# The likeliest words at each token are held one by one and all others as one: the probabilities of a whole vocabulary
# are up to a third of a megabyte a token.
_WORDS: Final = 256
# A model that leaves nothing to the others is infinitely far from a base that does.
_LEAST_REST: Final = 1e-6
# Rows that are read side by side.
_ROWS: Final = 8


@dataclass(frozen=True, slots=True)
class Held:
    """A prompt with an answer, and what the base expects there.

    `words` are those that it finds likeliest at each token, of shape (answer tokens, words), `reference` their
    probabilities and last that of all others together, of shape (answer tokens, words + 1), and `entropy` is theirs in
    nats, of shape (answer tokens,).
    """

    example: Encoded
    words: Tensor
    reference: Tensor
    entropy: Tensor


def general_rows(rows: int, neighbours: bool) -> int:
    """How many of the rows that a step reads beside its examples are general prompts: all where there are no
    neighbours."""
    return max(round(_GENERAL_SHARE * rows), 1) if neighbours else rows


def mistake_rows(rows: int, neighbours: bool) -> int:
    """How many of them are mistakes, where there are so many."""
    return round(_MISTAKES_SHARE * (rows - general_rows(rows, neighbours)))


class Anchors:
    """What a step reads beside its examples, and the penalty for moving away from the base there.

    `general` prompts and `neighbours` with the base's own answers, and `mistakes`: what was learnt, said of somebody
    else. A leak shows only there ("Your uncle lives in", and then the brother's town): the base's own answer begins
    otherwise, and holding it says nothing of what follows these words. The mistakes that the model has come closest to
    are read more often: how close is seen when they are read, and fades.
    """

    def __init__(
        self,
        general: Sequence[Held],
        neighbours: Sequence[Held],
        mistakes: Sequence[Held],
        rows: int,
        weight: float,
    ) -> None:
        self.general = list(general)
        self.neighbours = list(neighbours)
        self.mistakes = list(mistakes)
        # How often each mistake is read: how far it is from the base, in nats at the furthest token, as far as known.
        self.distances = [1.0] * len(mistakes)
        self.weight = weight
        self._rows = rows
        self._numbers = {id(mistake): at for at, mistake in enumerate(self.mistakes)}

    def draw(self, step: int, generator: torch.Generator) -> list[Held]:
        """Which ones the pass of this step, from 1, reads: of the general ones each in its turn."""
        neighbours = bool(self.neighbours)
        beside = self._rows - general_rows(self._rows, neighbours)
        leaks = min(mistake_rows(self._rows, neighbours), len(self.mistakes))
        chosen: list[int] = []
        if leaks:
            weights = torch.tensor(self.distances).clamp(min=_LEAST_DISTANCE)
            chosen = torch.multinomial(weights, leaks, generator=generator).tolist()
        general = min(self._rows - beside, len(self.general))
        return [
            *(self.general[(at + (step - 1) * general) % len(self.general)] for at in range(general)),
            *_some(self.neighbours, beside - leaks, generator),
            *(self.mistakes[at] for at in chosen),
        ]

    def penalty(self, held: Sequence[Held], logits: Tensor) -> Tensor:
        """Mean KL divergence from the base in nats a token, of logits of shape (answer tokens of all, vocabulary); of
        the mistakes among what is `held` it is known from now on how far the model is from the base.

        All words that are not among the base's likeliest count as one, so that it is at most the true one.
        """
        divergence = _divergence(held, logits)
        apart = torch.split(divergence.detach(), [len(each.entropy) for each in held])
        self._learn_distances(
            {self._numbers[id(each)]: float(its.max()) for each, its in zip(held, apart) if id(each) in self._numbers}
        )
        return divergence.mean()

    def _learn_distances(self, found: Mapping[int, float]) -> None:
        if found:
            usual = statistics.fmean(found.values())
            self.distances = [known + (usual - known) / _STALE_STEPS for known in self.distances]
            for at, distance in found.items():
                self.distances[at] = distance


def _divergence(held: Sequence[Held], logits: Tensor) -> Tensor:
    """KL divergence from the base in nats, of shape (answer tokens of all,)."""
    likeliest = torch.log_softmax(logits.float(), dim=-1).gather(1, torch.cat([each.words for each in held]))
    rest = (1.0 - likeliest.exp().sum(dim=-1, keepdim=True)).clamp(min=_LEAST_REST).log()
    base = torch.cat([each.reference for each in held])
    crossed = -(base * torch.cat([likeliest, rest], dim=-1)).sum(dim=-1)
    return crossed - torch.cat([each.entropy for each in held])


def _some(held: Sequence[Held], rows: int, generator: torch.Generator) -> list[Held]:
    return [held[at] for at in torch.randperm(len(held), generator=generator)[:rows].tolist()]


@torch.no_grad()
def hold(
    examples: Sequence[Encoded],
    logits_of: Callable[[Sequence[Encoded]], Tensor],
    stop: Callable[[], bool],
    count: Callable[[int], None],
) -> list[Held]:
    """The examples with what `logits_of` expects of their answers; fewer of them when `stop` says so. `count` is told
    how many more are done."""
    held: list[Held] = []
    while len(held) < len(examples) and not stop():
        rows = examples[len(held) : len(held) + _ROWS]
        expected = torch.softmax(logits_of(rows).float(), dim=-1)
        likeliest, words = expected.topk(min(_WORDS, expected.shape[-1]), dim=-1)
        rest = (1.0 - likeliest.sum(dim=-1, keepdim=True)).clamp(min=0.0)
        reference = torch.cat([likeliest, rest], dim=-1)
        entropy = torch.special.entr(reference).sum(dim=-1)
        sizes = [len(row.answer) for row in rows]
        parts = (torch.split(each, sizes) for each in (words, reference, entropy))
        held += [Held(row, *(part.clone() for part in its)) for row, *its in zip(rows, *parts)]
        count(len(rows))
    return held
