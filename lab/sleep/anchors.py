"""What a sleep must not change: the base model's own answers to general prompts, and how far training moves from them.

torch lives here. `benchmarks/training.py` shows what is lost without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
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


@dataclass(frozen=True, slots=True)
class Held:
    """A prompt with an answer, and the base's log-probabilities there, of shape (answer tokens, vocabulary)."""

    example: Encoded
    reference: Tensor


class Anchors:
    """What a step reads beside its examples, and the penalty for moving away from the base there.

    `general` prompts and `neighbours` with the base's own answers. A leak shows only in what the model says by itself
    ("Your uncle lives in", and then what was learnt of somebody else), so some neighbours are answered by the model
    as it has become, again after each epoch, and the base says how each word would have gone on: `own`, by neighbour.
    """

    def __init__(self, general: Sequence[Held], neighbours: Sequence[Held], rows: int, weight: float) -> None:
        self.general = list(general)
        self.neighbours = list(neighbours)
        self.own: dict[int, Held] = {}
        self.weight = weight
        self._rows = rows

    def draw(self, generator: torch.Generator) -> list[Held]:
        """Which ones the next pass reads."""
        beside = [*self.neighbours, *self.own.values()]
        rows = max(round(_GENERAL_SHARE * self._rows), 1) if beside else self._rows
        return [*_some(self.general, rows, generator), *_some(beside, self._rows - rows, generator)]

    def penalty(self, held: Sequence[Held], logits: Tensor) -> Tensor:
        """Mean KL divergence from the base in nats a token, of logits of shape (answer tokens of all, vocabulary)."""
        base = torch.cat([each.reference for each in held]).float()
        ours = torch.log_softmax(logits.float(), dim=-1)
        return (base.exp() * (base - ours)).sum(dim=-1).mean()


def _some(held: Sequence[Held], rows: int, generator: torch.Generator) -> list[Held]:
    return [held[at] for at in torch.randperm(len(held), generator=generator)[:rows].tolist()]


@torch.no_grad()
def hold(
    examples: Sequence[Encoded], logits_of: Callable[[Sequence[Encoded]], Tensor], stop: Callable[[], bool]
) -> list[Held]:
    """The examples with the log-probabilities of their answers, in half the memory of what they were computed in.

    Fewer than there are examples when `stop` says so.
    """
    unstopped = takewhile(lambda example: not stop(), examples)
    return [Held(each, torch.log_softmax(logits_of([each]).float(), dim=-1).bfloat16()) for each in unstopped]
