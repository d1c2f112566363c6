"""Questions that a model thinks of about what a person said: only those that what was said answers are learnt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from lab.domain import Material
from lab.sleep.invention import Invented, invent, read
from lab.sleep.lessons import Found, find_lessons, holds
from lab.sleep.recipes import LESSONS
from tests.sleep.lessons import material

COIN = "My daughter swallowed a coin"
ASKED = "What did my daughter swallow?"


def asking(asked: list[str]) -> Callable[[Sequence[str]], list[str]]:
    """A model that has no question, and what it was asked is in the list."""

    def write(texts: Sequence[str]) -> list[str]:
        asked.extend(texts)
        return ["?"] * len(texts)

    return write


@pytest.mark.parametrize(
    ("sentence", "question", "answer", "key"),
    [
        (COIN, ASKED, "Your daughter swallowed a coin.", "coin"),
        ("I failed my driving test", "What did I fail?", "You failed your driving test.", "driving test"),
        ("The best trip of my life was to Iceland", "What was the best trip of my life?", *(
            "The best trip of your life was to Iceland.", "Iceland")),
        ("On Thursdays I volunteer at the animal shelter", "Where do I volunteer on Thursdays?", *(
            "On Thursdays you volunteer at the animal shelter.", "animal shelter")),
        ("I painted the kitchen with my cousin", "Who painted the kitchen with me?", *(
            "You painted the kitchen with your cousin.", "cousin")),
        ("I quit smoking in 2019", "When did I quit smoking?", "You quit smoking in 2019.", "2019"),
        ("My lease ends in August", "When will my lease end?", "Your lease ends in August.", "August"),
        ("We married on a beach in Portugal", "Where did we marry?", *(
            "You married on a beach in Portugal.", "beach in Portugal")),
    ],
)  # fmt: skip
def test_the_answer_is_what_was_said_and_the_key_what_the_question_leaves_open(
    sentence: str, question: str, answer: str, key: str
) -> None:
    # A model writes on after its question.
    assert read(sentence, f" {question}\n\nStatement: I was born") == Invented(question, answer, key)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "?",
        "My daughter swallowed a coin.",
        "Is it true that my daughter swallowed a coin?",
        # About nobody who spoke.
        "What is the name of the coin?",
        "What did your daughter swallow?",
        # Words that were not said.
        "What did my daughter swallow at the hospital?",
        "What is the name of my daughter?",
        # Nothing is left to answer, and nothing is asked.
        "What did my daughter swallow a coin?",
        "What did I do?",
        "What did my daughter swallow? What did she do?",
        # It asks for a place, a time, a person.
        "Where did my daughter swallow?",
        "When did my daughter swallow?",
        "Who swallowed my daughter?",
        "Why did my daughter swallow?",
        f"What did my daughter swallow {'so ' * 50}?",
    ],
)
def test_a_question_that_what_was_said_does_not_answer_is_none(written: str) -> None:
    assert read(COIN, written) is None


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("I quit smoking in 2019", "Where did I quit smoking?"),
        ("We married on a beach", "When did we marry?"),
        ("I failed my driving test", "Who failed my driving?"),
    ],
)
def test_a_place_is_no_answer_to_when_nor_a_time_to_where(sentence: str, question: str) -> None:
    assert read(sentence, question) is None


def test_what_is_long_or_of_today_alone_is_not_asked_about() -> None:
    prompts: list[str] = []

    def write(texts: Sequence[str]) -> list[str]:
        prompts.extend(texts)
        return [" did my daughter swallow?" for _ in texts]

    said = [f"{COIN} yesterday", COIN, f"{COIN} {'again ' * 30}", "I have just swallowed a coin"]
    assert [each is not None for each in invent(said, write)] == [False, True, False, False]
    assert [text.rpartition(f"Statement: {COIN}.\n")[2] for text in prompts] == [
        f"Question: {start}" for start in ("Where", "When", "Who", "What")
    ]
    assert invent([], write) == [] and len(prompts) == 4


@pytest.mark.parametrize(
    "said",
    [
        "I visited my uncle in the US in 2019",
        "My grandfather fought in World War I in France",
        "My uncle collects stamps of World War I",
        "My cousin opened a bakery in Frankfurt am Main",
    ],
)
def test_a_name_that_would_be_taken_for_the_speaker_is_not_asked_about(said: str) -> None:
    asked: list[str] = []
    assert invent([said], asking(asked)) == [None] and asked == []


def test_somebody_who_writes_of_themselves_in_small_letters_is_asked_about() -> None:
    asked: list[str] = []
    invent(["i am teaching my cousin chess"], asking(asked))
    assert len(asked) == 4


def find(*given: Material, nats: float = 9.0) -> list[Found]:
    def write(texts: Sequence[str]) -> list[str]:
        return [ASKED[len("What") :] if COIN in text.splitlines()[-2] else "?" for text in texts]

    def invented(sentences: Sequence[str]) -> list[Invented | None]:
        return invent(sentences, write)

    return find_lessons(given, [], LESSONS, lambda claims: [nats for _ in claims], invented)


def test_where_no_pattern_knows_what_was_said_the_question_of_the_model_is_learnt() -> None:
    (found,) = find(material(f"{COIN}. What a day!"))
    lesson = found.lesson
    assert (found.reason, lesson.origin, lesson.statement, lesson.question) == (None, "statement", COIN, ASKED)
    assert (lesson.answer, lesson.key, lesson.support) == ("Your daughter swallowed a coin.", "coin", 9.0)
    assert [example.source for example in lesson.examples] == ["model", *["published"] * (len(lesson.examples) - 1)]
    assert len(lesson.examples) > 2
    prompts = {example.prompt for example in lesson.examples}
    assert len(lesson.unseen) == 2 and len(lesson.final) == 1
    assert prompts.isdisjoint(lesson.unseen) and prompts.isdisjoint(lesson.final)
    assert holds("It was a coin!", lesson) and not holds("I do not know.", lesson)


def test_what_patterns_know_is_asked_of_no_model_and_what_is_unsupported_teaches_the_answer_instead() -> None:
    known, invented = find(material(f"My dog is called Rex. {COIN}."))
    assert [each.lesson.question for each in (known, invented)] == ["What is my dog called?", ASKED]
    assert known.lesson.lesson_id != invented.lesson.lesson_id
    unsupported, answer = find(material(f"{COIN}."), nats=0.0)
    assert unsupported.reason is not None and "0.00 nats" in unsupported.reason
    assert (answer.reason, answer.lesson.origin) == (None, "answer")
    (other,) = find(material("I won a baking contest."))
    assert other.lesson.origin == "answer"
