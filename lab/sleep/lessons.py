"""What a sleep learns: the lessons in the exchanges, each with the wordings that it trains and those set apart."""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

from lab.domain import Lesson, Material, SleepExample, SleepSettings
from lab.sleep.dream import emotions, examples_of
from lab.sleep.general import PROMPTS
from lab.sleep.statements import sentences, statements
from lab.sleep.wording import Statement

if TYPE_CHECKING:
    from lab.sleep.invention import Invented

# A statement must make its answer so much likelier: twenty to one.
LEAST_SUPPORT: Final = math.log(20)
# Of 4,600 right paraphrases the least alike had 0.23 ("What do I do for a living?", "Do you remember my profession?");
# a question about somebody else has 0.57 in the middle, so that no bar can tell these apart.
LEAST_SIMILARITY: Final = 0.2
_UNSEEN: Final = 2
_FINAL: Final = 1
# Other words around a question as a whole, for an answer that no pattern can word anew; never trained.
_FRAMES: Final = ("I would like to ask you this: {}", "Here is my question. {}", "Let me ask you something. {}")
# A general prompt that begins like such a question, with so many words at least, is its neighbour.
_ALIKE_WORDS: Final = 2
# More than anybody says in a turn; what is longer was pasted.
_MOST_STATEMENTS: Final = 64
# Sentences of a turn that the model is asked about.
_MOST_INVENTED: Final = 4
_KEY_TERMS: Final = 6
_KEY_LENGTH: Final = 400
_TERM_LENGTH: Final = 4
# Thai, Lao, Burmese, Khmer, Japanese, Chinese, and Korean, whose particles are parts of the word.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs of Indian scripts and points of Hebrew and Arabic are no letters to `re`, and yet parts of a word.
_MARKS: Final = "\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_]|[{_MARKS}])+")
_SENTENCE_END: Final = re.compile("(?<=[.!?])\\s|(?<=[\u3002\uff01\uff1f])")
_HALF: Final = 0.5

# Questions of the model's own about sentences that no pattern knows; see `invention.invent`.
Invent = Callable[[Sequence[str]], "Sequence[Invented | None]"]
# How much likelier, in nats, each answer (third) to each question (second) is when the statement (first) was said.
Support = Callable[[Sequence[tuple[str, str, str]]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Found:
    """A lesson; with a `reason` it is set aside."""

    lesson: Lesson
    reason: str | None = None


def find_lessons(
    material: Sequence[Material],
    memory: Sequence[Lesson],
    settings: SleepSettings,
    support: Support,
    invent: Invent = lambda sentences: [None] * len(sentences),
) -> list[Found]:
    """The lessons of the exchanges, in order, those that are set aside among them with their reasons.

    What a person stated teaches the questions that it answers, where the base agrees that it does: those that patterns
    know, and of sentences in which they know none those that the model itself thinks of (`invent`). A marked exchange
    teaches its answer; one without a mark its answer only when nothing was stated in it, and `settings.unmarked` has
    it so. Of two lessons with one question the later counts, and what a person said before what a model answered.
    `memory` is what earlier sleeps learnt.
    """
    stated = {each.exchange_id: _of_statements(each) for each in material}
    _invented(material, stated, invent)
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
    newer = _Newer(lessons)
    return [each for each in memory if not newer.answers(each)]


def latest(memory: Sequence[Lesson]) -> list[Lesson]:
    """The memories, oldest first, that no later one answers otherwise: what was corrected some sleeps ago stays so."""
    newer, kept = _Newer(()), []
    for each in reversed(memory):
        if not newer.answers(each):
            kept.append(each)
            newer.add(each)
    return kept[::-1]


def learnt_anew(memory: Sequence[Lesson], found: Sequence[Found]) -> list[Found]:
    """What a deep sleep learns: the memories that still hold, then what was `found` beside them.

    A memory has the wordings that its sleep happened to read. Where its exchange was looked at again and is asked for
    in the same words, it has all of them again: what is read in few words is recalled in few.
    """
    again = {
        lesson.lesson_id: lesson for lesson in still_true(memory, [each.lesson for each in found if not each.reason])
    }
    for each in found:
        known, now = again.get(each.lesson.lesson_id), each.lesson
        if known is not None and _tested_in(known) == _tested_in(now):
            again[now.lesson_id] = replace(known, examples=now.examples)
    return [*map(Found, again.values()), *(each for each in found if each.lesson.lesson_id not in again)]


def _tested_in(lesson: Lesson) -> tuple[object, ...]:
    return lesson.question, lesson.answer, lesson.unseen, lesson.final


def measured(lesson: Lesson, similarities: Sequence[float]) -> Lesson:
    """The lesson with how alike each example is to its question; without those that are too unlike to ask the same,
    and without answers that do not hold what it teaches. The question itself stays."""
    examples = [
        replace(example, similarity=alike)
        for example, alike in zip(lesson.examples, similarities)
        if example.prompt == lesson.question or (alike >= LEAST_SIMILARITY and holds(example.target, lesson))
    ]
    return replace(lesson, examples=tuple(examples))


def strangers(questions: Sequence[str], lessons: Sequence[Lesson]) -> list[str]:
    """The questions, each once, that ask for none of these lessons in any wording."""
    own = {text for each in lessons for text in _asks(each)}
    return [question for question in dict.fromkeys(questions) if bare(question) not in own]


def holds(answer: str, lesson: Lesson) -> bool:
    """Whether an answer says what the lesson teaches: the key as it stands, of a longer answer half of its terms."""
    said, key = plain(answer), plain(lesson.key)
    if not key:
        # No word at all: an emoji.
        return bool(lesson.key.strip()) and _folded(lesson.key).strip() in _folded(answer)
    if lesson.origin == "statement":
        return f" {key} " in f" {said} "
    terms = key.split()
    words = set(said.split())
    return sum(term in words for term in terms) >= _HALF * len(terms)


def plain(text: str) -> str:
    """The words of a text in lower case, one space between them; in scripts without spaces each character is one."""
    return " ".join(_WORD.findall(_folded(text)))


def bare(text: str) -> str:
    """A question without what makes it no other: case, spaces and its last stop. "C++" and "C#" stay two."""
    words = " ".join(_folded(text).split())
    return words.rstrip("?. ") or words


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()


def _asks(lesson: Lesson) -> set[str]:
    """Every wording in which a lesson is asked for, as `bare` has it."""
    prompts = (example.prompt for example in lesson.examples)
    return {bare(text) for text in (lesson.question, *lesson.unseen, *lesson.final, *prompts)}


def _of_statements(each: Material) -> list[Lesson]:
    lessons = []
    for number, statement in enumerate(islice(statements(each.said), _MOST_STATEMENTS), 1):
        lesson_id = f"{each.exchange_id}/{number}"
        trained, unseen, final = _set_apart(statement.questions)
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
                said_at=each.said_at,
            )
        )
    return lessons


def _invented(material: Sequence[Material], stated: dict[str, list[Lesson]], invent: Invent) -> None:
    """Adds to `stated` what the model asks about the sentences in which no pattern found anything."""
    asked = [(each, sentence) for each in material for sentence in sentences(each.said)[:_MOST_INVENTED]]
    for (each, sentence), found in zip(asked, invent([sentence for _, sentence in asked])):
        if found is None:
            continue
        lessons = stated[each.exchange_id]
        lesson_id = f"{each.exchange_id}/{len(lessons) + 1}"
        lesson = _framed(each, lesson_id, found.question, found.answer, found.key)
        original, *dreamt = lesson.examples
        examples = (replace(original, source="model"), *dreamt)
        lessons.append(replace(lesson, origin="statement", statement=sentence, examples=examples))


def _set_apart(questions: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Questions to train, those for the gate, and one that the gate never sees; the first one is always trained.

    Drawn by the text of each, so that what is said again otherwise is tested in the same wordings, as far as it is
    asked for in them: what tests the new answer was not trained with the old one.
    """
    first, *others = questions
    others.sort(key=lambda question: zlib.crc32(question.encode(errors="replace")))
    # Few wordings: training comes first, then a test.
    unseen = others[: min(_UNSEEN, len(others) // 2)]
    final = others[len(unseen) : len(unseen) + min(_FINAL, len(others) // 4)]
    return (first, *others[len(unseen) + len(final) :]), tuple(unseen), tuple(final)


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
    first = _SENTENCE_END.split(each.answer.strip(), maxsplit=1)[0][:_KEY_LENGTH]
    words = plain(each.answer[:_KEY_LENGTH]).split()
    terms = dict.fromkeys([word for word in plain(first).split() if len(word) >= _TERM_LENGTH] or words or [first])
    return _framed(each, lesson_id, each.said, each.answer, " ".join(list(terms)[:_KEY_TERMS]))


def _framed(each: Material, lesson_id: str, question: str, answer: str, key: str) -> Lesson:
    """A lesson of a question that no pattern can word anew: asked within other words where it is not trained."""
    wordings = [frame.format(question) for frame in _FRAMES]
    return Lesson(
        lesson_id=lesson_id,
        exchange_id=each.exchange_id,
        origin="marked" if each.marked else "answer",
        statement="",
        question=question,
        answer=answer,
        key=key,
        support=None,
        examples=tuple(examples_of(each.exchange_id, question, answer, lesson_id)),
        unseen=tuple(wordings[:_UNSEEN]),
        final=tuple(wordings[_UNSEEN : _UNSEEN + _FINAL]),
        neighbours=_alike(question),
        salience=each.salience,
        said_at=each.said_at,
    )


def _alike(question: str) -> tuple[str, ...]:
    """The general prompt that has most of its first words in common with a question, if they are two at least."""
    asked = plain(question).split()

    def shared(prompt: str) -> int:
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(asked, plain(prompt).split())))

    others = [prompt for prompt in PROMPTS if plain(prompt).split() != asked]
    closest = max(others, key=shared)
    return (closest,) if shared(closest) >= _ALIKE_WORDS else ()


def _unsupported(lesson: Lesson) -> str:
    return (
        f"The statement makes the answer only {lesson.support or 0.0:.2f} nats likelier to the base, and"
        f" {LEAST_SUPPORT:.2f} are needed."
    )


class _Newer:
    """In which words some lessons are asked for, so that an earlier one which they answer is known."""

    def __init__(self, lessons: Iterable[Lesson]) -> None:
        self._asked: set[str] = set()
        self._stated: set[str] = set()
        self._worded: set[str] = set()
        for each in lessons:
            self.add(each)

    def add(self, lesson: Lesson) -> None:
        question = bare(lesson.question)
        self._asked.add(question)
        self._worded |= _asks(lesson)
        if lesson.origin == "statement":
            self._stated.add(question)

    def answers(self, each: Lesson) -> bool:
        if each.origin == "marked":
            return bare(each.question) in self._asked
        # One fact is stated in several forms, and of two forms each may know the other's question or one alone.
        return bare(each.question) in self._worded or not self._stated.isdisjoint(_asks(each))


class _Told:
    """Lessons by their questions."""

    def __init__(self, lessons: Iterable[Lesson] = ()) -> None:
        self._by_wording: dict[str, Lesson] = {}
        self._by_question: dict[str, Lesson] = {}
        for each in lessons:
            self.add(each)

    def add(self, lesson: Lesson) -> None:
        """Tell one that is older than those before."""
        for text in _asks(lesson):
            self._by_wording.setdefault(text, lesson)
        if lesson.origin == "statement":
            self._by_question.setdefault(bare(lesson.question), lesson)

    def of(self, lesson: Lesson) -> Lesson | None:
        """The one that is asked for in the question of this lesson, or of two statements in a wording of it."""
        found = self._by_wording.get(bare(lesson.question))
        if found is None and lesson.origin == "statement":
            others = [self._by_question[text] for text in _asks(lesson) if text in self._by_question]
            found = max(others, key=lambda other: (other.said_at, other.lesson_id), default=None)
        return found


def _newest(found: Sequence[Found], memory: Sequence[Lesson]) -> list[Found]:
    """Sets aside what is said again later, and what earlier sleeps have learnt already."""
    known = {(bare(lesson.question), bare(lesson.answer)) for lesson in memory}
    said = _Told(lesson for lesson in reversed(memory) if lesson.origin != "answer")
    taken = _Told()
    judged = list(found)
    # What the person said comes before what a model answered to the same, and the later before the earlier.
    for at in sorted(range(len(found)), key=lambda at: (found[at].lesson.origin == "answer", -at)):
        lesson = found[at].lesson
        if found[at].reason is not None:
            continue
        question = bare(lesson.question)
        other = taken.of(lesson)
        if other is None and (earlier := said.of(lesson)) is not None:
            # Sleeps need not come in the order in which things were said: an old chat may be imported.
            later = lesson.origin == "statement" and earlier.said_at > lesson.said_at
            other = earlier if lesson.origin == "answer" or later else None
        if lesson.origin == "marked" and other is not None and bare(other.question) != question:
            # Whoever marks an answer wants it, even where something else is asked for in these words.
            other = None
        if other is not None:
            judged[at] = replace(found[at], reason=_instead(lesson, other))
            continue
        if (question, bare(lesson.answer)) in known:
            reason = "An earlier sleep has learnt it; it is learnt again with the other memories."
            judged[at] = replace(found[at], reason=reason)
        taken.add(lesson)
    return judged


def _instead(lesson: Lesson, other: Lesson) -> str:
    if lesson.origin == "answer" and other.origin != "answer":
        return f"What you said yourself is learnt: {other.answer}"
    same = bare(other.answer) == bare(lesson.answer)
    return "It was said again later." if same else f"Later it was: {other.answer}"
