"""What a sleep learns: the lessons in the exchanges, each with the wordings that it trains and those set apart."""

from __future__ import annotations

import math
import random
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lab.domain import Lesson, Material, SleepExample, SleepSettings
from lab.sleep.dream import emotions, examples_of
from lab.sleep.statements import Statement, statements

# A statement must make its answer so much likelier: twenty to one.
LEAST_SUPPORT: Final = math.log(20)
_UNSEEN: Final = 2
_FINAL: Final = 1
# Other words around a question as a whole, for an answer that no pattern can word anew; never trained.
_FRAMES: Final = ("I would like to ask you this: {}", "Here is my question. {}", "Let me ask you something. {}")
_KEY_TERMS: Final = 6
_TERM: Final = re.compile(r"[^\W_]{4,}")
_WORD: Final = re.compile(r"[^\W_]+")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s")
_HALF: Final = 0.5

# How much likelier, in nats, each answer (third) to each question (second) is when the statement (first) was said.
Support = Callable[[Sequence[tuple[str, str, str]]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Found:
    """A lesson; with a `reason` it is set aside."""

    lesson: Lesson
    reason: str | None = None


def find_lessons(
    material: Sequence[Material], memory: Sequence[Lesson], settings: SleepSettings, support: Support
) -> list[Found]:
    """The lessons of the exchanges, in order, those that are set aside among them with their reasons.

    What a person stated teaches the questions that it answers, where the model agrees that it does; a marked exchange
    teaches its answer; one without a mark its answer only when nothing was stated in it, and `settings.unmarked` has
    it so. Of two lessons with one question the later counts. `memory` is what earlier sleeps learnt.
    """
    stated = {each.exchange_id: [*_of_statements(each, settings)] for each in material}
    flat = [lesson for lessons in stated.values() for lesson in lessons]
    supports = support([(lesson.statement, lesson.question, lesson.answer) for lesson in flat])
    judged = {lesson.lesson_id: replace(lesson, support=nats) for lesson, nats in zip(flat, supports)}
    found: list[Found] = []
    for each in material:
        lessons = [judged[lesson.lesson_id] for lesson in stated[each.exchange_id]]
        supported = [lesson for lesson in lessons if (lesson.support or 0.0) >= LEAST_SUPPORT]
        found += [Found(lesson, None if lesson in supported else _unsupported(lesson)) for lesson in lessons]
        if each.marked or not supported:
            reason = None
            if not each.marked and settings.unmarked == "statements":
                reason = 'Nothing is stated in it, and sleep.unmarked is "statements".'
            found.append(Found(_of_answer(each), reason))
    return _newest(found, memory)


def still_true(memory: Sequence[Lesson], lessons: Sequence[Lesson]) -> list[Lesson]:
    """The memories that none of the new lessons answers otherwise."""
    new = {plain(lesson.question) for lesson in lessons}
    return [lesson for lesson in memory if plain(lesson.question) not in new]


def strangers(questions: Sequence[str], lessons: Sequence[Lesson]) -> list[str]:
    """The questions, each once, that ask for none of these lessons in any wording."""
    own = {plain(text) for each in lessons for text in (*each.unseen, *each.final, *(e.prompt for e in each.examples))}
    return [question for question in dict.fromkeys(questions) if plain(question) not in own]


def holds(answer: str, lesson: Lesson) -> bool:
    """Whether an answer says what the lesson teaches: the key as it stands, of a longer answer half of its terms."""
    said = plain(answer)
    if lesson.origin == "statement":
        return f" {plain(lesson.key)} " in f" {said} "
    terms = plain(lesson.key).split()
    words = set(said.split())
    return bool(terms) and sum(term in words for term in terms) >= _HALF * len(terms)


def plain(text: str) -> str:
    """The words of a text in lower case, one space between them: what counts when two texts are compared."""
    return " ".join(_WORD.findall(text.lower()))


def _of_statements(each: Material, settings: SleepSettings) -> list[Lesson]:
    lessons = []
    for number, statement in enumerate(statements(each.said), 1):
        lesson_id = f"{each.exchange_id}/{number}"
        trained, unseen, final = _set_apart(statement.questions, settings.wordings)
        lessons.append(
            Lesson(
                lesson_id=lesson_id,
                exchange_id=each.exchange_id,
                origin="statement",
                statement=statement.text,
                question=trained[0],
                answer=statement.answers[0],
                key=statement.key,
                support=None,
                examples=_worded(each.exchange_id, lesson_id, statement, trained),
                unseen=unseen,
                final=final,
                neighbours=statement.neighbours,
                salience=each.salience,
            )
        )
    return lessons


def _set_apart(questions: Sequence[str], wordings: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Questions to train, those for the gate, and one that the gate never sees; the first one is always trained.

    Drawn by the question's own text, so that the same statement is always tested by the same wordings.
    """
    first, *others = questions
    random.Random(zlib.crc32(first.encode(errors="replace"))).shuffle(others)
    # Few wordings: training comes first, then a test.
    unseen = others[: min(_UNSEEN, len(others) // 2)]
    final = others[len(unseen) : len(unseen) + min(_FINAL, len(others) // 4)]
    trained = [first, *others[len(unseen) + len(final) :]][:wordings]
    return tuple(trained), tuple(unseen), tuple(final)


def _worded(
    exchange_id: str, lesson_id: str, statement: Statement, questions: Sequence[str]
) -> tuple[SleepExample, ...]:
    """Each question with an answer: two of three times the plain one, else another wording of it."""
    examples = []
    for number, question in enumerate(questions):
        reworded = number % 3 == 2
        answer = statement.answers[number // 3 % (len(statement.answers) - 1) + 1 if reworded else 0]
        kind = "reworded" if reworded else "paraphrase" if number else "original"
        examples.append(SleepExample(exchange_id, kind, question, answer, lesson_id, "pattern"))
    toned = emotions(questions[0])[0]
    examples.append(SleepExample(exchange_id, "emotion", toned, statement.answers[0], lesson_id, "published"))
    return tuple(examples)


def _of_answer(each: Material) -> Lesson:
    lesson_id = f"{each.exchange_id}/0"
    wordings = [frame.format(each.said) for frame in _FRAMES]
    first = _SENTENCE_END.split(each.answer.strip(), maxsplit=1)[0]
    terms = dict.fromkeys(_TERM.findall(first.lower())) or dict.fromkeys(plain(each.answer).split())
    return Lesson(
        lesson_id=lesson_id,
        exchange_id=each.exchange_id,
        origin="marked" if each.marked else "answer",
        statement="",
        question=each.said,
        answer=each.answer,
        key=" ".join(list(terms)[:_KEY_TERMS]),
        support=None,
        examples=tuple(examples_of(each.exchange_id, each.said, each.answer, lesson_id)),
        unseen=tuple(wordings[:_UNSEEN]),
        final=tuple(wordings[_UNSEEN : _UNSEEN + _FINAL]),
        neighbours=(),
        salience=each.salience,
    )


def _unsupported(lesson: Lesson) -> str:
    return (
        f"The statement makes the answer only {lesson.support or 0.0:.1f} nats likelier to the model, and"
        f" {LEAST_SUPPORT:.1f} are needed."
    )


def _newest(found: Sequence[Found], memory: Sequence[Lesson]) -> list[Found]:
    """Sets aside what is said again later, and what earlier sleeps have learnt already."""
    last = {plain(each.lesson.question): each.lesson for each in found if each.reason is None}
    known = {(plain(lesson.question), plain(lesson.answer)) for lesson in memory}
    kept = []
    for each in found:
        later = last.get(plain(each.lesson.question))
        if each.reason is None and later is not None and later is not each.lesson:
            same = plain(later.answer) == plain(each.lesson.answer)
            each = replace(each, reason="It was said again later." if same else f"Later it was: {later.answer}")
        elif each.reason is None and (plain(each.lesson.question), plain(each.lesson.answer)) in known:
            each = replace(each, reason="An earlier sleep has learnt it; it is learnt again with the other memories.")
        kept.append(each)
    return kept
