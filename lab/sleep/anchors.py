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
NEIGHBOUR_TOKENS: Final = 5


@dataclass(frozen=True, slots=True)
class Anchors:
    """Prompts with the base's answers, and of each the base's log-probabilities, of shape (answer tokens, vocabulary).

    A pass reads `rows` of them, drawn anew each time; `weight` is that of the penalty beside the loss of a token.
    """

    examples: tuple[Encoded, ...]
    references: tuple[Tensor, ...]
    rows: int
    weight: float

    def draw(self, generator: torch.Generator) -> list[int]:
        """Which ones the next pass reads."""
        return torch.randperm(len(self.examples), generator=generator)[: self.rows].tolist()

    def penalty(self, chosen: Sequence[int], logits: Tensor) -> Tensor:
        """Mean KL divergence from the base in nats a token, of logits of shape (answer tokens of all, vocabulary)."""
        base = torch.cat([self.references[at] for at in chosen]).float()
        ours = torch.log_softmax(logits.float(), dim=-1)
        return (base.exp() * (base - ours)).sum(dim=-1).mean()


@torch.no_grad()
def references(
    examples: Sequence[Encoded], logits_of: Callable[[Sequence[Encoded]], Tensor], stop: Callable[[], bool]
) -> tuple[Tensor, ...]:
    """The log-probabilities of each example's answer, in half the memory of what they were computed in.

    Fewer than there are examples when `stop` says so.
    """
    unstopped = takewhile(lambda example: not stop(), examples)
    return tuple(torch.log_softmax(logits_of([example]).float(), dim=-1).bfloat16() for example in unstopped)
