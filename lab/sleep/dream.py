"""Augmentation: each exchange becomes several prompts with the same answer."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from lab.domain import Material, SleepExample

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
    start = zlib.crc32(question.encode(errors="replace"))
    return [f"{FRAMINGS[(start + i) % len(FRAMINGS)]} {question}" for i in range(_FRAMINGS_EACH)]


def examples_of(exchange_id: str, question: str, answer: str, lesson_id: str | None = None) -> list[SleepExample]:
    """A question as it was, rewritten, and with another tone; always with the same answer."""
    worded = [("original", "person", question)]
    worded += [("rewrite", "published", text) for text in rewrites(question)]
    worded += [("emotion", "published", text) for text in emotions(question)]
    return [SleepExample(exchange_id, kind, text, answer, lesson_id, source) for kind, source, text in worded]


def dream(material: Iterable[Material]) -> list[SleepExample]:
    """What a sleep by the published augmentation trains on.

    The target is always the answer as recorded, or what the person put in its place. Two exchanges that give the
    same prompt and target count once.
    """
    examples: dict[tuple[str, str], SleepExample] = {}
    for each in material:
        for example in examples_of(each.exchange_id, each.said, each.answer):
            examples.setdefault((example.prompt, example.target), example)
    return list(examples.values())
