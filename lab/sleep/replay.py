"""What each epoch reads: some wordings of each new lesson, and of earlier ones as many examples as the recipe asks."""

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
# So many are kept by as many examples as the recipe asks for; forty take twice as many, and so on up to `_EACH_ONCE`.
_KEPT: Final = 20
# But not more than so many of each memory on average, where it is a night of much that is new.
_OFTEN: Final = 4
# Characters of an answer that is read again before others.
_LONGEST_TURN: Final = 200
# So many examples are read with nothing before them.
_ALONE: Final = 0.75
# A memory that is not salient and has not become shaky is read all the same.
_LEAST_WEIGHT: Final = 0.25


def plan_epochs(
    lessons: Sequence[Lesson], memory: Sequence[Lesson], shakiness: Mapping[str, float], settings: SleepSettings
) -> list[list[SleepExample]]:
    """The examples of each epoch. `shakiness` is the loss of a memory's answer in nats a token, by lesson.

    Of a new lesson `settings.wordings` examples are read, other ones in each epoch: what is read in few words is
    recalled in few. Memories are drawn by salience and by how shaky they have become, `settings.replay` examples for
    each one of a new lesson; of more than twenty memories in proportion more, up to four of each on average. All draws
    are by the seed.
    """
    new = [min(len(lesson.examples), settings.wordings) for lesson in lessons]
    memory = [lesson for lesson in memory if lesson.examples]
    each_once = 0 < len(memory) <= _EACH_ONCE
    known = min(len(memory), _EACH_ONCE)
    asked = settings.replay * sum(new)
    budget = round(min(asked * max(known / _KEPT, 1.0), max(asked, _OFTEN * known)))
    budget = max(budget, known) if settings.replay else 0
    usual = statistics.fmean(shakiness.values()) if shakiness else 0.0
    weights = [_LEAST_WEIGHT + lesson.salience + shakiness.get(lesson.lesson_id, usual) for lesson in memory]
    rooms = [len(lesson.examples) for lesson in memory]
    epochs: list[list[SleepExample]] = []
    steps = 0
    while len(epochs) < settings.epochs or 0 < steps < settings.least_steps:
        epoch = len(epochs)
        draw = random.Random(f"{settings.seed}/{epoch}")
        chosen: list[SleepExample] = []
        for lesson, wordings in zip(lessons, new):
            # The plainest wording each time, and others beside it.
            chosen += [*lesson.examples[:1], *draw.sample(lesson.examples[1:], wordings - 1)] if wordings else []
        for lesson, times in zip(memory, _times(weights, rooms, budget, each_once, draw)):
            chosen += [replace(example, kind="replay") for example in draw.sample(lesson.examples, times)]
        epochs.append(chosen)
        steps += settings.steps(len(chosen))
    return epochs


def earlier_turns(epoch: Sequence[SleepExample], number: int, settings: SleepSettings) -> list[list[SleepExample]]:
    """What is said before each example of this epoch: nothing, or up to `settings.turns` others, about something else.

    What is learnt without a word before it is hardly recalled in the middle of a dialogue. The question itself is read
    alone each time: an earlier sleep may have held the base's answer to it, when it was no lesson yet. All draws are by
    the seed.
    """
    draw = random.Random(f"{settings.seed}/{number}/turns")
    found = []
    for example in epoch:
        alone = example.kind == "original" or draw.random() < _ALONE or not settings.turns
        others = [] if alone else [draw.choice(epoch) for _ in range(draw.randint(1, settings.turns))]
        found.append(
            [each for each in others if each.lesson_id != example.lesson_id and len(each.target) <= _LONGEST_TURN]
        )
    return found


def _times(
    weights: Sequence[float], rooms: Sequence[int], budget: int, each_once: bool, draw: random.Random
) -> list[int]:
    """How often each is drawn, at most as often as it has room: `budget` times in all, in proportion to the weights."""
    counts = [int(each_once and budget > 0) for _ in rooms]
    left = min(budget, sum(rooms)) - sum(counts)
    while left > 0:
        # What one has no room for is drawn of the others.
        free = [at for at, room in enumerate(rooms) if counts[at] < room]
        for at, more in zip(free, _shares([weights[at] for at in free], left, draw)):
            taken = min(more, rooms[at] - counts[at])
            counts[at] += taken
            left -= taken
    return counts


def _shares(weights: Sequence[float], budget: int, draw: random.Random) -> list[int]:
    """`budget` in proportion to the weights, as evenly as can be."""
    ends = list(accumulate(weights))
    counts = [0] * len(weights)
    at = 0
    for mark in ((number + draw.random()) * ends[-1] / budget for number in range(budget)):
        while mark > ends[at] and at < len(ends) - 1:
            at += 1
        counts[at] += 1
    return counts
