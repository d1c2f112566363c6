"""What a sleep learns of exchanges: which lessons, in which wordings, and what is set aside for which reason."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.domain import Lesson, Material
from lab.sleep.general import PROMPTS
from lab.sleep.lessons import (
    LEAST_SUPPORT,
    Found,
    bare,
    find_lessons,
    holds,
    latest,
    learnt_anew,
    plain,
    still_true,
    strangers,
)
from lab.sleep.neighbours import choose_general
from lab.sleep.probes import choose_probes
from lab.sleep.recipes import LESSONS
from tests.sleep.lessons import lesson, material

DOG, CITY, TEA = "My dog is called Rex.", "I live in Tromso.", "I drink peppermint tea."
MANY = [DOG, CITY, TEA, "I am allergic to walnuts.", "My sister is called Ida.", "I collect old stamps.", "I'm 34."]
MEGABYTE = 1_000_000
TURNS = st.tuples(st.one_of(st.sampled_from(MANY), st.text(max_size=60)), st.text(), st.booleans())
CJK_LIVE_IN_BEIJING = "\u4f60\u4f4f\u5728\u5317\u4eac\u3002"
CJK_BEIJING = "\u5317\u4eac"


def always(claims: Sequence[tuple[str, str, str]]) -> list[float]:
    return [9.0] * len(claims)


def never(claims: Sequence[tuple[str, str, str]]) -> list[float]:
    return [1.25] * len(claims)


def find(*exchanges: Material, memory: Sequence[Lesson] = (), unmarked: str = "answers") -> list[Found]:
    recipe = replace(LESSONS, unmarked="statements" if unmarked == "statements" else "answers")
    return find_lessons(exchanges, memory, recipe, always)


def learnt(found: Sequence[Found]) -> list[Lesson]:
    return [each.lesson for each in found if each.reason is None]


def trained(each: Lesson) -> set[str]:
    return {bare(example.prompt) for example in each.examples}


# What is learnt.


def test_a_statement_is_learnt_as_questions_with_its_answer() -> None:
    (found,) = learnt(find(material(DOG, salience=0.4)))
    assert (found.lesson_id, found.exchange_id, found.origin) == ("s-0001/1", "s-0001", "statement")
    assert (found.statement, found.key) == ("My dog is called Rex", "Rex")
    assert (found.question, found.answer) == ("What is my dog called?", "Your dog is called Rex.")
    assert (found.support, found.salience) == (9.0, 0.4)
    assert found.examples[0].prompt == found.question and found.examples[0].kind == "original"
    assert len(found.unseen) == 2 and len(found.final) == 1 and found.neighbours
    assert all("Rex" in example.target and example.lesson_id == "s-0001/1" for example in found.examples)
    assert len({example.target for example in found.examples}) > 1
    assert [example.kind for example in found.examples].count("emotion") == 1


def test_the_model_is_asked_about_every_statement_with_its_question_and_answer() -> None:
    asked: list[tuple[str, str, str]] = []

    def support(claims: Sequence[tuple[str, str, str]]) -> list[float]:
        asked.extend(claims)
        return [9.0] * len(claims)

    find_lessons([material(f"{DOG} {CITY}")], (), LESSONS, support)
    assert asked == [
        ("My dog is called Rex", "What is my dog called?", "Your dog is called Rex."),
        ("I live in Tromso", "Where do I live?", "You live in Tromso."),
    ]


@pytest.mark.parametrize("said", MANY)
def test_evaluation_wordings_are_never_among_the_trained_ones(said: str) -> None:
    (found,) = find_lessons([material(said)], (), LESSONS, always)
    apart = [bare(text) for text in (*found.lesson.unseen, *found.lesson.final)]
    assert len(apart) == len(set(apart)) == 3
    assert trained(found.lesson).isdisjoint(apart)
    assert len(found.lesson.examples) > LESSONS.wordings


def test_the_same_statement_is_tested_in_the_same_wordings_whatever_stands_around_it() -> None:
    (alone,) = learnt(find(material(DOG)))
    others = learnt(find(material(f"Hi! {TEA} {CITY}"), material(f"As you know, {DOG} Nice.", number=2)))
    again = next(each for each in others if each.key == "Rex")
    assert (alone.unseen, alone.final) == (again.unseen, again.final)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("I live in Oslo.", "I live in Bergen."),
        ("I live in Oslo.", "I live in the old harbour."),
        (DOG, "My dog is called Max."),
    ],
)
def test_what_is_said_otherwise_later_is_not_tested_in_wordings_that_the_old_answer_was_trained_in(
    before: str, now: str
) -> None:
    (old,), (new,) = learnt(find(material(before))), learnt(find(material(now)))
    apart = {*old.unseen, *old.final}
    # A name is asked for in wordings that fit no other value.
    theirs = apart - {*(each.prompt for each in new.examples), *new.unseen, *new.final}
    assert old.question == new.question
    assert len({*new.unseen, *new.final} - apart) <= len(theirs)


def test_different_statements_are_tested_in_different_places() -> None:
    others = [learnt(find(material(said.replace("dog", pet))))[0] for said in (DOG,) for pet in ("dog", "cat", "mule")]
    assert len({tuple(each.unseen[0].replace(p, "") for p in ("dog", "cat", "mule")) for each in others}) > 1


def test_a_marked_exchange_teaches_its_answer_beside_its_statements() -> None:
    said = f"{DOG} {CITY}"
    found = learnt(find(material(said, "A fine dog in a fine town.", marked=True)))
    assert [each.origin for each in found] == ["statement", "statement", "marked"]
    answer = found[-1]
    assert (answer.lesson_id, answer.question, answer.answer) == ("s-0001/0", said, "A fine dog in a fine town.")
    assert answer.support is None
    assert trained(answer).isdisjoint(map(bare, (*answer.unseen, *answer.final)))
    assert len(answer.unseen) == 2 and len(answer.final) == 1 and answer.neighbours == ()
    assert all(said in text for text in (*answer.unseen, *answer.final))


def test_beside_a_marked_answer_the_gate_asks_the_general_prompt_that_begins_alike_and_no_anchor_has_it() -> None:
    (found,) = learnt(find(material("What is the capital of Freedonia?", "Fredville.", marked=True)))
    assert found.neighbours == ("What is the capital of France?",)
    probes = choose_probes([found], [], 0)
    assert [probe.question for probe in probes if probe.kind == "neighbour"] == ["What is the capital of France?"]
    for new, memory in (([found], []), ([], [found])):
        assert set(PROMPTS) - set(choose_general(new, memory)) == {"What is the capital of France?"}
    (other,) = learnt(find(material("What is a comet?", "Ice.", marked=True)))
    assert other.neighbours and other.neighbours != ("What is a comet?",)


def test_a_neighbour_of_several_marked_answers_is_asked_once() -> None:
    turns = [material(f"What is the {thing}?", "Blue.", number=at, marked=True) for at, thing in enumerate(MANY, 1)]
    lessons = learnt(find(*turns))
    assert len(lessons) == len(MANY) and len({each.neighbours for each in lessons}) == 1
    assert [probe.kind for probe in choose_probes(lessons, [], 0)].count("neighbour") == 1


def test_a_question_that_begins_like_no_general_prompt_has_no_neighbour() -> None:
    (found,) = learnt(find(material("Wie heisst mein Hund?", "Rex.", marked=True)))
    assert found.neighbours == ()


def test_an_exchange_with_a_statement_and_no_mark_does_not_teach_the_answer() -> None:
    assert [each.origin for each in learnt(find(material(DOG, "Nice dog.")))] == ["statement"]


@pytest.mark.parametrize("unmarked", ["answers", "statements"])
def test_what_states_nothing_teaches_its_answer_as_the_settings_have_it(unmarked: str) -> None:
    (found,) = find(material("What is rain?", "Water that falls."), unmarked=unmarked)
    assert found.lesson.origin == "answer" and found.lesson.answer == "Water that falls."
    told = 'Nothing is stated in it, and sleep.unmarked is "statements".'
    assert found.reason == (told if unmarked == "statements" else None)


def test_a_mark_teaches_its_answer_whatever_the_settings_say_of_what_is_unmarked() -> None:
    (found,) = find(material("What is rain?", "Water.", marked=True), unmarked="statements")
    assert found.reason is None and found.lesson.origin == "marked"


@pytest.mark.parametrize("unmarked", ["answers", "statements"])
def test_an_unsupported_statement_is_set_aside_with_its_nats_and_the_answer_counts(unmarked: str) -> None:
    recipe = replace(LESSONS, unmarked="statements" if unmarked == "statements" else "answers")
    said, answer = find_lessons([material(DOG, "Good.")], (), recipe, never)
    assert said.lesson.origin == "statement" and said.lesson.support == 1.25
    assert said.reason is not None and "1.25 nats" in said.reason and "3.00 are needed" in said.reason
    assert answer.lesson.origin == "answer" and (answer.reason is None) == (unmarked == "answers")


def test_the_support_that_is_needed_is_twenty_to_one() -> None:
    for nats, kept in ((math.log(20), True), (math.log(20) - 1e-9, False), (math.nan, False), (-math.inf, False)):
        found = find_lessons([material(DOG)], (), LESSONS, lambda claims, nats=nats: [nats])  # type: ignore[misc]
        assert (found[0].reason is None) == kept
    assert math.log(20) == LEAST_SUPPORT


def test_each_statement_of_a_turn_is_judged_by_itself() -> None:
    found = find_lessons([material(f"{DOG} {CITY}")], (), LESSONS, lambda claims: [9.0, 0.5])
    assert [(each.lesson.key, each.reason is None) for each in found] == [("Rex", True), ("Tromso", False)]


# What is set aside.


def test_of_two_lessons_with_one_question_the_later_is_learnt() -> None:
    found = find(material(DOG), material("my dog is called Max", number=2), material(CITY, number=3))
    assert [each.lesson.key for each in found if each.reason is None] == ["Max", "Tromso"]
    assert found[0].reason == "Later it was: Your dog is called Max."


def test_what_is_said_twice_is_learnt_once() -> None:
    found = find(material(DOG), material(f"{DOG} {DOG}", number=2))
    assert [each.reason for each in found] == ["It was said again later."] * 2 + [None]


def test_a_later_statement_without_support_replaces_nothing() -> None:
    found = find_lessons([material(DOG), material("My dog is called Max.", number=2)], (), LESSONS, lambda _: [9, 0])
    assert [each.key for each in learnt(found)][:1] == ["Rex"]


def test_what_an_earlier_sleep_has_learnt_is_set_aside_and_stays_in_memory() -> None:
    memory = learnt(find(material(DOG)))
    found = find(material(DOG, number=7), memory=memory)
    assert [each.reason for each in found] == [
        "An earlier sleep has learnt it; it is learnt again with the other memories."
    ]
    assert still_true(memory, learnt(found)) == memory


def test_what_contradicts_memory_is_learnt_and_replaces_it() -> None:
    memory = learnt(find(material(f"{DOG} {CITY}")))
    new = learnt(find(material("My dog is called Max.", number=7), memory=memory))
    assert [each.key for each in new] == ["Max"]
    assert [each.key for each in still_true(memory, new)] == ["Tromso"]


def test_what_was_said_before_what_memory_has_replaces_nothing() -> None:
    memory = learnt(find(replace(material("I live in Bergen.", number=7), said_at=200.0)))
    old = replace(material("I live in Oslo."), said_at=100.0)
    found = find(old, memory=memory)
    assert [each.reason for each in found] == ["Later it was: You live in Bergen."]
    assert still_true(memory, learnt(found)) == memory
    new = learnt(find(replace(old, said_at=300.0), memory=memory))
    assert [each.key for each in new] == ["Oslo"] and still_true(memory, new) == []


def test_a_deep_sleep_reads_a_memory_in_all_of_its_words_again() -> None:
    (whole,) = learnt(find(material(DOG)))
    few = replace(whole, examples=whole.examples[:5])
    known, new = learnt_anew([few], find(material(DOG), material(CITY, number=2), memory=[few]))
    assert known == Found(whole) and new.lesson.key == "Tromso" and new.reason is None
    # What tests it now was trained then.
    other = replace(few, unseen=few.unseen[:1])
    assert learnt_anew([other], find(material(DOG), memory=[other])) == [Found(other)]
    # It is not among what was looked at, or said otherwise since.
    assert learnt_anew([few], []) == [Found(few)]
    later = learnt_anew([few], find(material("My dog is called Max.", number=7), memory=[few]))
    assert [each.lesson.key for each in later] == ["Max"]


@pytest.mark.parametrize(
    "forms", [("I am a nurse.", "My job is teaching."), ("I am allergic to nuts.", "My allergy is pollen.")]
)
@pytest.mark.parametrize("turned", [False, True])
def test_two_forms_of_one_fact_are_not_learnt_with_two_answers(forms: tuple[str, str], turned: bool) -> None:
    earlier, later = reversed(forms) if turned else forms
    one, other = material(earlier), material(later, number=2)
    (last,) = learnt(find(one, other))
    assert last.exchange_id == other.exchange_id
    memory = learnt(find(one))
    new = learnt(find(other, memory=memory))
    assert still_true(memory, new) == []
    # Nor in the nights after that, and not in a deep one.
    assert latest([*memory, *learnt(find(material(DOG, number=3))), *new])[-1:] == new
    remembered = latest([*memory, *new])
    assert remembered == new
    found = find(one, other, memory=remembered)
    assert [each.lesson.exchange_id for each in learnt_anew(remembered, found) if each.reason is None] == [
        other.exchange_id
    ]


def test_said_and_taken_back_the_memory_stays() -> None:
    memory = learnt(find(material(DOG)))
    found = find(material("My dog is called Max.", number=7), material(DOG, number=8), memory=memory)
    assert learnt(found) == [] and still_true(memory, []) == memory


@pytest.mark.parametrize("question", ["What is my dog called?", "what is my dog called ?", "My dog's name is what?"])
def test_what_the_model_answered_never_replaces_what_the_person_said(question: str) -> None:
    said, guess = material(DOG), material(question, "I do not know that.", number=2)
    found = find(said, guess)
    assert [each.origin for each in learnt(found)] == ["statement"]
    assert found[1].reason == "What you said yourself is learnt: Your dog is called Rex."
    memory = learnt(find(said))
    assert learnt(find(guess, memory=memory)) == []
    # A mark is the person's word.
    marked = learnt(find(replace(guess, marked=True), memory=memory))
    assert [each.origin for each in marked] == ["marked"]


def test_an_answer_that_was_marked_is_learnt_beside_a_statement_that_is_asked_for_in_its_words() -> None:
    marked = material("Do you know what my dog is called?", "Yes, Rex!", marked=True)
    assert [each.origin for each in learnt(find(marked, material(DOG, number=2)))] == ["marked", "statement"]
    memory = learnt(find(marked))
    assert still_true(memory, learnt(find(material(DOG, number=2), memory=memory))) == memory


def test_a_guess_that_was_learnt_gives_way_to_what_is_said() -> None:
    memory = learnt(find(material("Do you know what my dog is called?", "No, tell me.")))
    new = learnt(find(material(DOG, number=2), memory=memory))
    assert [each.key for each in new] == ["Rex"]
    assert still_true(memory, new) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("What is C++?", "What is C#?"), ("What is 2+2?", "What is 2-2?"), ("\U0001f44d", "\U0001f44e"), ("?", "...")],
)
def test_questions_that_differ_in_signs_alone_are_two(one: str, other: str) -> None:
    assert len(learnt(find(material(one, "This."), material(other, "That.", number=2)))) == 2


def test_questions_that_differ_in_case_spaces_and_stop_alone_are_one() -> None:
    found = learnt(find(material("What is  Rain", "One."), material("what is rain?\n", "Two.", number=2)))
    assert [each.answer for each in found] == ["Two."]


def test_neighbours_that_ask_for_a_known_lesson_are_left_out() -> None:
    known = lesson(unseen=["Which name has my dog?"], final=["My dog is who?"], examples=["Tell me my dog's name."])
    bare_memory = lesson("m/1", "What is my cat called?", examples=0)
    asked = [
        *("what is my DOG called", "Which name has my dog?", "My dog is who?", "Tell me my dog's name.", "Who is it?"),
        *("What is my cat called?", "Who is it?"),
    ]
    assert strangers(asked, [known, bare_memory]) == ["Who is it?"]
    assert strangers(asked, []) == asked[:-1]


# Whether an answer is right.


@pytest.mark.parametrize(
    ("answer", "key", "right"),
    [
        ("Your dog is called Rex.", "Rex", True),
        ("REX!", "Rex", True),
        ("It is rex's", "Rex", True),
        ("Rexford", "Rex", False),
        ("T-Rex", "Rex", True),
        ("", "Rex", False),
        ("Re x", "Rex", False),
        ("You live near the North\n Sea.", "north sea", True),
        ("The sea in the north.", "north sea", False),
        ("Forty three", "forty-three", True),
        ("O\u2019Brien", "O'Brien", True),
        ("stra\u00dfe", "STRASSE", True),
        ("Cafe\u0301 Nero", "Caf\u00e9 Nero", True),
        ("\u041c\u043e\u044f \u041c\u041e\u0421\u041a\u0412\u0410.", "\u041c\u043e\u0441\u043a\u0432\u0430", True),
        ("\u041c\u043e\u0441\u043a\u0432\u0430\u0447", "\u041c\u043e\u0441\u043a\u0432\u0430", False),
        (CJK_LIVE_IN_BEIJING, CJK_BEIJING, True),
        (CJK_LIVE_IN_BEIJING, "\u5357\u4eac", False),
        ("\uc11c\uc6b8\uc5d0 \uc0b4\uc544\uc694", "\uc11c\uc6b8", True),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940", True),
        ("\u0915\u093e", "\u0915\u0940", False),
        ("\x00Rex\x1b[31m", "Rex", True),
        ("\ud800 Rex \udfff", "Rex", True),
        ("", "_", False),
        ("Anything", "", False),
        ("", "", False),
        ("Yes \U0001f44d", "\U0001f44d", True),
        ("Yes", "\U0001f44d", False),
    ],
)
def test_a_statement_is_held_by_its_key_as_it_stands(answer: str, key: str, right: bool) -> None:
    assert holds(answer, lesson(key=key)) == right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Rain is water falling from clouds", True),
        ("clouds, water", True),
        ("WATER and Clouds", True),
        ("water", False),
        ("underwater clouds", False),
        ("", False),
    ],
)
def test_an_answer_is_held_by_half_of_its_terms(answer: str, right: bool) -> None:
    (taught,) = learnt(find(material("What is rain?", "Water that falls from the clouds. It is wet and cold.")))
    assert taught.key == "water that falls from clouds"
    assert holds("water falls, clouds", taught) and not holds("water, clouds", taught)
    assert holds(answer, replace(taught, key="water falls clouds heaven")) == right


@pytest.mark.parametrize(
    "answer",
    [
        "No.",
        "Yes. It is.",
        "42",
        "\U0001f44d",
        "Hm!",
        CJK_LIVE_IN_BEIJING,
        "\u041d\u0435\u0442.",
        "\u0939\u093f\u0928\u094d\u0926\u0940",
        "a\x00b",
        "\ud800yes",
        "_",
        "...",
    ],
)
def test_an_answer_however_short_holds_itself_and_nothing_does_not(answer: str) -> None:
    (taught,) = learnt(find(material("What then?", answer, marked=True)))
    assert taught.key and len(taught.key.split()) <= 6
    assert holds(answer, taught)
    assert holds(f"Well: {answer}", taught)
    assert not holds("", taught) and not holds("Something quite different", taught)


def test_a_chinese_sentence_is_held_by_half_of_its_characters() -> None:
    (taught,) = learnt(find(material("Where?", CJK_LIVE_IN_BEIJING, marked=True)))
    assert holds("\u5728\u5317\u4eac", taught) and not holds("\u4f60\u597d", taught)


@given(st.text(), st.text())
def test_any_text_can_be_compared(one: str, other: str) -> None:
    assert plain(plain(one)) == plain(one)
    assert bare(f"  {one}  ") == bare(one)
    assert not holds("", lesson(key=other))
    if plain(one):
        assert holds(f"{other} {one} {other}", lesson(key=one))


@settings(deadline=None)
@given(st.lists(TURNS, max_size=6))
def test_any_exchanges_give_lessons_that_keep_training_and_tests_apart(turns: list[tuple[str, str, bool]]) -> None:
    exchanges = [material(said, a, number=n, marked=marked) for n, (said, a, marked) in enumerate(turns)]
    found = find(*exchanges)
    assert len({each.lesson.lesson_id for each in found}) == len(found)
    assert found == find(*exchanges)
    for each in learnt(found):
        apart = [bare(text) for text in (*each.unseen, *each.final)]
        assert trained(each).isdisjoint(apart)
        assert each.question == each.examples[0].prompt and each.answer == each.examples[0].target
    questions = [bare(each.question) for each in learnt(found)]
    assert len(questions) == len(set(questions))
    memory = learnt(found)
    assert still_true(memory, learnt(find(*exchanges, memory=memory))) == memory


@pytest.mark.parametrize(
    "text",
    [
        "word " * (MEGABYTE // 5),
        "a" * MEGABYTE,
        "\u4e2d" * (MEGABYTE // 3),
        "\x00" * MEGABYTE,
        "\ud800" * MEGABYTE,
        "?" * MEGABYTE,
        "I live in Oslo. " * (MEGABYTE // 16),
    ],
    ids=["words", "letters", "Chinese", "control", "surrogates", "signs", "statements"],
)
def test_a_megabyte_is_read_in_a_moment(text: str) -> None:
    # Several times what it takes, in time of this process.
    began = time.process_time()
    holds(text, lesson())
    # What grows with its square would take minutes.
    assert time.process_time() - began < 10.0
    began = time.process_time()
    find(material(text, text))
    assert time.process_time() - began < 10.0


def test_a_pasted_document_is_not_learnt_without_end() -> None:
    said = " ".join(f"My dog is called Rex{chr(97 + n % 26)}{chr(97 + n // 26)}." for n in range(500))
    found = find(material(said))
    assert len(found) == 64
