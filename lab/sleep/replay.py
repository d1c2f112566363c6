"""What each epoch reads: the new lessons whole, and of the earlier ones as many examples as the recipe asks."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from lab.domain import Lesson, SleepExample, SleepSettings

# Every memory is read once an epoch while there are no more than so many.
_EACH_ONCE: Final = 64
# A memory that is not salient and has not become shaky is read all the same.
_LEAST_WEIGHT: Final = 0.25


def plan_epochs(
    lessons: Sequence[Lesson], memory: Sequence[Lesson], shakiness: Mapping[str, float], settings: SleepSettings
) -> list[list[SleepExample]]:
    """The examples of each epoch. `shakiness` is the loss of a memory's answer in nats a token, by lesson.

    Memories are drawn by salience and by how shaky they have become, anew for each epoch by the seed.
    """
    new = [example for lesson in lessons for example in lesson.examples]
    budget = max(round(settings.replay * len(new)), min(len(memory), _EACH_ONCE)) if settings.replay else 0
    usual = statistics.fmean(shakiness.values()) if shakiness else 0.0
    weights = [
        _LEAST_WEIGHT + lesson.salience + shakiness.get(lesson.lesson_id, usual) for lesson in memory if lesson.examples
    ]
    epochs = []
    for epoch in range(settings.epochs):
        draw = random.Random(f"{settings.seed}/{epoch}")
        again: list[SleepExample] = []
        for lesson, times in zip((lesson for lesson in memory if lesson.examples), _times(weights, budget, draw)):
            chosen = draw.sample(lesson.examples, min(times, len(lesson.examples)))
            again += [replace(example, kind="replay") for example in chosen]
        epochs.append([*new, *again])
    return epochs


def _times(weights: Sequence[float], budget: int, draw: random.Random) -> list[int]:
    """How often each is drawn: `budget` times in all, in proportion to the weights, as evenly as can be."""
    ends = list(accumulate(weights))
    if not ends:
        return []
    marks = [(at + draw.random()) * ends[-1] / budget for at in range(budget)]
    counts = [0] * len(weights)
    at = 0
    for mark in marks:
        while mark > ends[at] and at < len(ends) - 1:
            at += 1
        counts[at] += 1
    return counts
