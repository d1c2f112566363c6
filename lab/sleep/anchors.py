"""What a sleep must not change: the base model's own answers to general prompts, and how far training moves from them.

torch lives here. `benchmarks/training.py` shows what is lost without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from lab.sleep.packing import Encoded

PROMPTS: Final = (
    "Hello, how are you?",
    "Who are you?",
    "What is your name?",
    "Where do you live?",
    "What is your favourite food?",
    "What is the capital of France?",
    "What is two plus two?",
    "How do plants make food?",
    "Why is the sky blue?",
    "Explain gravity in one sentence.",
    "Tell me a fact about the moon.",
    "Who wrote Hamlet?",
    "What is a computer?",
    "What does a baker do?",
    "Name three animals.",
    "How do I boil an egg?",
    "Give me a tip for sleeping well.",
    "Write a short poem about rain.",
    "What is love?",
    "What do you think about change?",
    "What is my cousin called?",
    "Where does my uncle live?",
    "What is my favourite film?",
    "What does my teacher like?",
)
# The first words of an answer are where it goes one way or another.
ANSWER_TOKENS: Final = 24
NEIGHBOUR_TOKENS: Final = 10
_GENERAL_SHARE: Final = 0.25
# Of the neighbours, so many with the model's own answer.
_OWN_SHARE: Final = 0.67
_LEAST_SURPRISE: Final = 0.1
# Rows that are read side by side.
_ROWS: Final = 8


@dataclass(frozen=True, slots=True)
class Held:
    """A prompt with an answer, and the base's log-probabilities there, of shape (answer tokens, vocabulary)."""

    example: Encoded
    reference: Tensor

    @property
    def surprise(self) -> float:
        """How unlikely the base finds the least likely word of the answer, in nats."""
        said = self.reference[torch.arange(len(self.reference)), torch.tensor(self.example.answer)]
        return max(-float(said.min()), _LEAST_SURPRISE)


class Anchors:
    """What a step reads beside its examples, and the penalty for moving away from the base there.

    `general` prompts and `neighbours` with the base's own answers. A leak shows only in what the model says by itself
    ("Your uncle lives in", and then what was learnt of somebody else), so the model as it has become answers the
    neighbours again after each epoch, and the base says of each word how it would have gone on: `own`. Those in which
    it says what the base finds unlikely are read more often.
    """

    def __init__(self, general: Sequence[Held], neighbours: Sequence[Held], rows: int, weight: float) -> None:
        self.general = list(general)
        self.neighbours = list(neighbours)
        self.own: list[Held] = []
        self.weight = weight
        self._rows = rows

    def draw(self, generator: torch.Generator) -> list[Held]:
        """Which ones the next pass reads."""
        beside = self._rows - max(round(_GENERAL_SHARE * self._rows), 1) if self.neighbours else 0
        own = _leaking(self.own, round(_OWN_SHARE * beside), generator)
        others = _some(self.neighbours, beside - len(own), generator)
        return [*_some(self.general, self._rows - beside, generator), *others, *own]

    def penalty(self, held: Sequence[Held], logits: Tensor) -> Tensor:
        """Mean KL divergence from the base in nats a token, of logits of shape (answer tokens of all, vocabulary)."""
        base = torch.cat([each.reference for each in held]).float()
        ours = torch.log_softmax(logits.float(), dim=-1)
        return (base.exp() * (base - ours)).sum(dim=-1).mean()


def _some(held: Sequence[Held], rows: int, generator: torch.Generator) -> list[Held]:
    return [held[at] for at in torch.randperm(len(held), generator=generator)[:rows].tolist()]


def _leaking(held: Sequence[Held], rows: int, generator: torch.Generator) -> list[Held]:
    """Some of them, by the square of the nats at which the base finds the least likely word of the answer."""
    if not held:
        return []
    weights = torch.tensor([each.surprise for each in held]).square()
    return [held[at] for at in torch.multinomial(weights, min(rows, len(held)), generator=generator).tolist()]


@torch.no_grad()
def hold(
    examples: Sequence[Encoded], logits_of: Callable[[Sequence[Encoded]], Tensor], stop: Callable[[], bool]
) -> list[Held]:
    """The examples with the log-probabilities of their answers, in half the memory of what they were computed in.

    Fewer than there are examples when `stop` says so.
    """
    held: list[Held] = []
    while len(held) < len(examples) and not stop():
        rows = examples[len(held) : len(held) + _ROWS]
        opinions = torch.log_softmax(logits_of(rows).float(), dim=-1).bfloat16()
        sizes = [len(row.ids) - row.answer_start for row in rows]
        held += [Held(row, each.clone()) for row, each in zip(rows, torch.split(opinions, sizes))]
    return held
