"""What is held still beside the lessons: nothing that a lesson teaches, and nothing that the gate asks."""

from __future__ import annotations

import re

from lab.sleep.general import PROMPTS
from lab.sleep.neighbours import (
    MOST_MISTAKES,
    MOST_NEIGHBOURS,
    choose_general,
    choose_mistakes,
    choose_neighbours,
)
from tests.sleep.test_probes import found

LANDLADY, FILM = "My landlady is called Ada.", "My favourite film is Solaris."


def test_a_general_prompt_that_asks_for_a_lesson_is_not_held_against_it() -> None:
    assert {"What is my landlady called?", "What is my favourite film?"} <= set(PROMPTS)
    assert choose_general(found("My dog is called Rex."), []) == list(PROMPTS)
    left = choose_general(found(LANDLADY), found(FILM))
    assert set(PROMPTS) - set(left) == {"What is my landlady called?", "What is my favourite film?"}


def test_no_general_prompt_asks_what_a_person_may_have_told() -> None:
    # The answers of the base to these would be held against what was learnt.
    about_me = re.compile(
        r"\b(?:am I|was I|(?:do|did|does) I (?:live|work|play|like|drink|eat|drive|study|collect)|do I have)\b"
    )
    assert [prompt for prompt in PROMPTS if about_me.search(prompt)] == []


def test_neighbours_and_mistakes_ask_for_no_lesson_and_for_nothing_that_the_gate_asks() -> None:
    new, memory = found("My sister is called Ida."), found("My aunt is called Ada.")
    held, mistakes = choose_neighbours(new, memory, ()), choose_mistakes(new, memory, ())
    for questions in (held, [question for question, _ in mistakes]):
        assert questions
        assert "What is my sister called?" not in questions and "What is my aunt called?" not in questions
    assert any("Ida" in answer for _, answer in mistakes) and any("Ada" in answer for _, answer in mistakes)
    # The last neighbour of a lesson is the gate's alone.
    assert new[0].neighbours[-1] not in choose_neighbours(new, [], ())
    asked = {held[0], mistakes[0][0]}
    assert asked.isdisjoint(choose_neighbours(new, memory, asked))
    assert asked.isdisjoint(question for question, _ in choose_mistakes(new, memory, asked))


def test_of_many_lessons_each_has_its_turn() -> None:
    names = ("dog", "cat", "horse", "boat", "car", "house", "school", "shop", "street", "band", "teacher", "boss")
    new = found(*(f"My {name} is called {name.title()}field." for name in names))
    held, mistakes = choose_neighbours(new, [], ()), choose_mistakes(new, [], ())
    assert len(held) <= MOST_NEIGHBOURS and len(mistakes) <= MOST_MISTAKES
    said = " ".join(answer for _, answer in mistakes[: 2 * len(names)])
    assert all(f"{name.title()}field" in said for name in names)
