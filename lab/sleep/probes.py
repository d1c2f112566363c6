"""Questions before and after a sleep: which ones, and whether an answer is right. No torch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.domain import Lesson, ProbeKind
from lab.sleep.lessons import bare, holds, strangers

# Of many lessons, and of many memories, so many are asked about: drawn by the seed, stated as n.
MOST_LESSONS: Final = 48
# A neighbour's answer of before may cost so many nats a token more: half a bit.
NEIGHBOUR_NATS: Final = 0.35
# General questions that no anchor asks and no example words.
GENERAL: Final = (
    "What is the largest ocean?",
    "How does a bicycle work?",
    "Give me an idea for dinner.",
    "What is democracy?",
    "Why do cats purr?",
    "Write a sentence about winter.",
    "How can I learn to draw?",
    "What is the boiling point of water?",
    "Who was Isaac Newton?",
    "What should I do when I feel tired?",
    "Describe a forest.",
    "What does it mean to be honest?",
    "I have just moved to a new flat.",
    "Give me a word that means very big.",
    "Is it better to walk or to run?",
    "What can I do with leftover rice?",
    "Tell me about the Sahara.",
    "Make this sentence longer: The dog barked.",
    "How is paper made?",
    "What do lions eat?",
    "I do not feel well.",
    "Who discovered penicillin?",
    "Invent a name for a planet.",
    "Which month has the fewest days?",
)


@dataclass(frozen=True, slots=True)
class Probe:
    """A question; `lesson` is what it asks about, None for a general one. See `domain.ProbeKind`."""

    kind: ProbeKind
    question: str
    lesson: Lesson | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What was answered: its text, how many tokens, whether it ended by itself, and the loss of what was expected."""

    answer: str
    tokens: int
    ended: bool
    nats: float


@dataclass(frozen=True, slots=True)
class Examined:
    """A probe with what was expected, before and after. The before of a general question is the base's."""

    probe: Probe
    expected: str
    before: Look
    after: Look
    right_before: bool
    right_after: bool


def choose_probes(lessons: Sequence[Lesson], memory: Sequence[Lesson], seed: int) -> list[Probe]:
    """What is asked before and after a sleep that learns `lessons` beside `memory`."""
    draw = random.Random(seed)
    everything = (*lessons, *memory)
    # A person may have marked an answer to a question in just these words.
    trained = {bare(example.prompt) for each in everything for example in each.examples}
    probes: list[Probe] = []
    for lesson in _some(lessons, draw):
        probes.append(Probe("trained", lesson.question, lesson))
        probes += [Probe("unseen", text, lesson) for text in lesson.unseen if bare(text) not in trained]
        probes += [Probe("final", text, lesson) for text in lesson.final if bare(text) not in trained]
        # The last one is no anchor. One that is that of several lessons is asked once.
        taken = {probe.question for probe in probes}
        neighbours = [each for each in strangers(lesson.neighbours[-1:], everything) if each not in taken]
        probes += [Probe("neighbour", question, lesson) for question in neighbours]
    for lesson in _some(memory, draw):
        unseen = [text for text in lesson.unseen if bare(text) not in trained]
        probes.append(Probe("earlier", (unseen or [lesson.question])[0], lesson))
    # Of what a person had answered otherwise the base's answer is none to keep to.
    return [*probes, *(Probe("anchor", question) for question in strangers(GENERAL, everything))]


def examine(
    probes: Sequence[Probe], expected: Sequence[str], before: Sequence[Look], after: Sequence[Look]
) -> list[Examined]:
    """Judge the answers: whether each holds what its lesson teaches; of a neighbour, whether it is unchanged."""
    # Half of the terms of an answer are in many others by chance; the key of a statement is not.
    lessons = {probe.lesson.lesson_id: probe.lesson for probe in probes if probe.lesson is not None}
    stated = [lesson for lesson in lessons.values() if lesson.origin == "statement"]
    found = []
    for probe, text, was, now in zip(probes, expected, before, after):
        if probe.kind == "neighbour":
            leaked = any(holds(now.answer, each) and not holds(was.answer, each) for each in stated)
            right = (True, not leaked and now.nats - was.nats <= NEIGHBOUR_NATS)
        elif probe.lesson is not None:
            right = (holds(was.answer, probe.lesson), holds(now.answer, probe.lesson))
        else:
            right = (True, True)
        found.append(Examined(probe, text, was, now, *right))
    return found


def _some(lessons: Sequence[Lesson], draw: random.Random) -> Sequence[Lesson]:
    if len(lessons) <= MOST_LESSONS:
        return lessons
    return [lessons[at] for at in sorted(draw.sample(range(len(lessons)), MOST_LESSONS))]
