"""What is held still beside the lessons: general prompts, questions in like words about something else, and mistakes.

No torch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import zip_longest
from typing import Final

from lab.domain import Lesson
from lab.sleep.general import PROMPTS
from lab.sleep.lessons import strangers
from lab.sleep.statements import statements

# Beside the general prompts.
MOST_NEIGHBOURS: Final = 64
# Of all lessons.
MOST_MISTAKES: Final = 400


def choose_general(lessons: Sequence[Lesson], memory: Sequence[Lesson]) -> list[str]:
    """The general prompts that ask for none of the lessons, for the base's answer would be held against them, and that
    the gate does not ask beside one."""
    everything = (*lessons, *memory)
    beside = {question for lesson in everything for question in lesson.neighbours[-1:]}
    return [prompt for prompt in strangers(PROMPTS, everything) if prompt not in beside]


def choose_neighbours(lessons: Sequence[Lesson], memory: Sequence[Lesson], asked: Collection[str]) -> list[str]:
    """Questions whose answers are held, of each lesson in turn: none about a lesson, and none that is `asked` before
    and after, for what the gate asks is never trained, not even as an anchor."""
    everything = (*lessons, *memory)
    # One of each lesson at a time: there may be more than are held.
    turns = zip_longest(*(lesson.neighbours[:-1] for lesson in (*lessons, *reversed(memory))))
    questions = [question for turn in turns for question in turn if question is not None]
    return [each for each in strangers(questions, everything) if each not in asked][:MOST_NEIGHBOURS]


def choose_mistakes(
    lessons: Sequence[Lesson], memory: Sequence[Lesson], asked: Collection[str]
) -> list[tuple[str, str]]:
    """Questions with what must not be said to them, of each lesson in turn; none is `asked` before and after."""
    everything = (*lessons, *reversed(memory))
    said = (found for each in everything for found in statements(each.statement))
    turns = zip_longest(*(zip(found.neighbours, found.mistakes) for found in said))
    pairs = list(dict.fromkeys(pair for turn in turns for pair in turn if pair is not None))
    free = set(strangers([question for question, _ in pairs], everything)).difference(asked)
    return [pair for pair in pairs if pair[0] in free][:MOST_MISTAKES]
