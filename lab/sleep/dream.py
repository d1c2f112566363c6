"""Augmentation: each exchange becomes several prompts with the same answer."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from lab.domain import Exchange, SleepExample

# Framing sentences change the tone of a question and say nothing about its content.
FRAMINGS: Final = (
    "I am curious about this.",
    "This matters a lot to me.",
    "I feel a little unsure here.",
    "I have been looking forward to asking this.",
    "Please take your time with this one.",
    "I find this strangely moving.",
    "I am a bit impatient to know.",
    "This has been on my mind all day.",
)
_FRAMINGS_EACH: Final = 2


def rewrites(question: str) -> list[str]:
    """The published question rewrites; none for a question that no rule fits.

    Source: the published augmentation. The rules look at the start of the question only and keep the rest.
    """
    if question.startswith("What "):
        rest = question[len("What ") :]
        return [f"Can you explain what {rest}", f"Tell me what {rest}"]
    if question.startswith("Can you "):
        return [f"Are you able to {question[len('Can you ') :]}"]
    if question.startswith("How "):
        return [f"In what way {question[len('How ') :]}"]
    return []


def emotions(question: str) -> list[str]:
    """The question under two framing sentences; which two depends on its text alone, so a dream repeats."""
    start = zlib.crc32(question.encode())
    return [f"{FRAMINGS[(start + i) % len(FRAMINGS)]} {question}" for i in range(_FRAMINGS_EACH)]


def dream(exchanges: Iterable[Exchange]) -> list[SleepExample]:
    """What a sleep trains on: every exchange as it was, rewritten, and with another tone.

    The target is always the answer as recorded, or what the person put in its place. Two exchanges that give the
    same prompt and target count once.
    """
    examples: dict[tuple[str, str], SleepExample] = {}
    for exchange in exchanges:
        question = exchange.user_input
        prompts = [("original", question)]
        prompts += [("rewrite", text) for text in rewrites(question)]
        prompts += [("emotion", text) for text in emotions(question)]
        for kind, prompt in prompts:
            example = SleepExample(exchange.exchange_id, kind, prompt, exchange.answer)
            examples.setdefault((prompt, exchange.answer), example)
    return list(examples.values())
