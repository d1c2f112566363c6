"""Small lessons, probes and looks, for tests that need no model."""

from __future__ import annotations

from collections.abc import Sequence

from lab.domain import Lesson, Material, Origin, ProbeKind, SleepExample
from lab.sleep.probes import Examined, Look, Probe


def material(
    said: str, answer: str = "I see.", *, number: int = 1, marked: bool = False, salience: float = 0.2
) -> Material:
    """An exchange as a sleep sees it."""
    return Material(f"s-{number:04d}", said, answer, marked, salience)


def lesson(
    name: str = "s-0001/1",
    question: str = "What is my dog called?",
    answer: str = "Your dog is called Rex.",
    key: str = "Rex",
    *,
    origin: Origin = "statement",
    examples: Sequence[str] | int = 3,
    unseen: Sequence[str] = ("Do you know my dog's name?", "Which name does my dog have?"),
    final: Sequence[str] = ("My dog's name is what?",),
    neighbours: Sequence[str] = ("What is my cat called?", "What is my boss called?"),
    salience: float = 0.2,
) -> Lesson:
    """A lesson; `examples` are further trained wordings, or so many trained wordings in all."""
    exchange = name.partition("/")[0]
    more = [f"{question} ({number})" for number in range(1, examples)] if isinstance(examples, int) else examples
    prompts = [question, *more] if examples else []
    worded = tuple(SleepExample(exchange, "paraphrase", prompt, answer, name, "pattern") for prompt in prompts)
    return Lesson(
        lesson_id=name,
        exchange_id=exchange,
        origin=origin,
        statement=answer,
        question=question,
        answer=answer,
        key=key,
        support=9.0,
        examples=worded,
        unseen=tuple(unseen),
        final=tuple(final),
        neighbours=tuple(neighbours),
        salience=salience,
    )


def numbered(count: int, *, examples: int = 3, salience: float = 0.2) -> list[Lesson]:
    """So many lessons with nothing in common."""
    return [
        lesson(
            f"m-{number:04d}/1",
            f"What is the name of hill {number}?",
            f"Hill {number} is called Peak{number}.",
            f"Peak{number}",
            examples=examples,
            unseen=(f"Do you know hill {number}?",),
            final=(),
            neighbours=(),
            salience=salience,
        )
        for number in range(1, count + 1)
    ]


def look(answer: str = "Fine.", *, tokens: int = 8, ended: bool = True, nats: float = 1.0) -> Look:
    """What was answered."""
    return Look(answer, tokens, ended, nats)


def examined(
    kind: ProbeKind,
    about: Lesson | None = None,
    *,
    before: Look | None = None,
    after: Look | None = None,
    right: tuple[bool, bool] = (True, True),
) -> Examined:
    """A probe that was judged."""
    return Examined(Probe(kind, "A question?", about), "Expected.", before or look(), after or look(), *right)
