"""Which questions are asked before and after a sleep, and whether their answers are right."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from benchmarks import learning
from lab.domain import Lesson, ProbeKind
from lab.sleep.dream import rewrites
from lab.sleep.general import PROMPTS
from lab.sleep.lessons import bare, find_lessons
from lab.sleep.probes import GENERAL, MOST_LESSONS, NEIGHBOUR_NATS, Examined, Probe, choose_probes, examine
from lab.sleep.recipes import LESSONS
from tests.sleep.lessons import lesson, look, material, numbered


def found(*said: str) -> list[Lesson]:
    exchanges = [material(text, number=number) for number, text in enumerate(said, 1)]
    return [each.lesson for each in find_lessons(exchanges, (), LESSONS, lambda claims: [9.0] * len(claims))]


def asked(probes: list[Probe], kind: ProbeKind) -> list[str]:
    return [probe.question for probe in probes if probe.kind == kind]


def judged(kind: ProbeKind, about: Lesson, was: str, now: str, nats: float = 0.0, *others: Lesson) -> Examined:
    """A probe about a lesson beside those about others, with its answers before and after."""
    probes = [Probe(kind, "Q?", about), *(Probe("trained", each.question, each) for each in others)]
    before, after = [look(was), *map(look, ["x"] * len(others))], [look(now, nats=1 + nats), *map(look, "x" * 9)]
    return examine(probes, ["E"] * len(probes), before, after)[0]


def test_a_lesson_is_asked_for_as_trained_as_unseen_and_in_a_wording_for_nobody() -> None:
    new = lesson()
    probes = choose_probes([new], [], seed=0)
    assert asked(probes, "trained") == [new.question]
    assert asked(probes, "unseen") == list(new.unseen)
    assert asked(probes, "final") == list(new.final)
    # The others may be anchors.
    assert asked(probes, "neighbour") == ["What is my boss called?"]
    assert asked(probes, "anchor") == list(GENERAL)
    assert all((probe.lesson is None) == (probe.kind == "anchor") for probe in probes)


def test_a_memory_is_asked_for_once_in_a_wording_that_was_never_trained() -> None:
    probes = choose_probes([], [lesson(), lesson("m/2", "Where do I live?", unseen=())], seed=0)
    assert asked(probes, "earlier") == ["Do you know my dog's name?", "Where do I live?"]
    assert {probe.kind for probe in probes} == {"earlier", "anchor"}


def test_no_unseen_question_is_one_that_anything_trains() -> None:
    marked = lesson("s-0009/0", "do you know my dog's  name", origin="marked", unseen=(), final=(), neighbours=())
    other = lesson("s-0009/1", "Who?", examples=["My dog's name is what?"], unseen=(), final=(), neighbours=())
    for new, memory in (([lesson(), marked, other], []), ([lesson()], [marked, other])):
        probes = choose_probes(new, memory, seed=0)
        assert asked(probes, "unseen") == ["Which name does my dog have?"]
        assert asked(probes, "final") == []
    assert asked(choose_probes([marked], [lesson()], seed=0), "earlier") == ["Which name does my dog have?"]


def test_a_neighbour_that_asks_for_another_lesson_is_not_asked() -> None:
    boss = lesson("s-0002/1", "What is my boss called?", unseen=(), final=(), neighbours=())
    assert asked(choose_probes([lesson(), boss], [], seed=0), "neighbour") == []
    assert asked(choose_probes([lesson()], [boss], seed=0), "neighbour") == []


def test_what_a_person_had_answered_otherwise_is_no_general_question() -> None:
    marked = lesson("s-0002/1", GENERAL[3], origin="marked", unseen=(), final=(), neighbours=())
    assert asked(choose_probes([lesson()], [], seed=0), "anchor") == list(GENERAL)
    for new, memory in (([marked], []), ([lesson()], [marked])):
        assert asked(choose_probes(new, memory, seed=0), "anchor") == [each for each in GENERAL if each != GENERAL[3]]


def test_of_many_lessons_so_many_are_asked_about_as_the_seed_draws() -> None:
    new, memory = numbered(MOST_LESSONS + 20), [replace(each, lesson_id=f"x{each.lesson_id}") for each in numbered(100)]
    probes = choose_probes(new, memory, seed=1)
    assert len(asked(probes, "trained")) == len(asked(probes, "unseen")) == MOST_LESSONS
    assert len(asked(probes, "earlier")) == MOST_LESSONS
    assert probes == choose_probes(new, memory, seed=1)
    assert asked(probes, "trained") != asked(choose_probes(new, memory, seed=2), "trained")
    order = [each.question for each in new]
    assert asked(probes, "trained") == sorted(asked(probes, "trained"), key=order.index)
    assert len(asked(choose_probes(new[:MOST_LESSONS], [], seed=1), "trained")) == MOST_LESSONS


def test_the_general_questions_are_no_anchors_and_no_example_words_them() -> None:
    anchors = {bare(text) for text in PROMPTS}
    assert len(anchors) == len(PROMPTS)
    assert anchors.isdisjoint(map(bare, (*learning.GENERAL, *learning.OTHER_FORMS)))
    assert anchors.isdisjoint(map(bare, GENERAL))
    assert anchors.isdisjoint(bare(text) for each in GENERAL for text in rewrites(each))
    assert len(set(map(bare, GENERAL))) == len(GENERAL)


def test_no_question_of_real_lessons_is_asked_twice() -> None:
    new = found("My dog is called Rex.", "My sister is called Ida.", "I live in Oslo.", "What is rain?")
    questions = [bare(probe.question) for probe in choose_probes(new, found("I drink tea."), seed=0)]
    assert len(questions) == len(set(questions))


@pytest.mark.parametrize("kind", ["trained", "unseen", "final", "earlier"])
def test_an_answer_is_right_where_it_holds_the_lesson(kind: ProbeKind) -> None:
    each = judged(kind, lesson(), "I do not know.", "It is rex.")
    assert (each.right_before, each.right_after) == (False, True)
    assert (each.probe.kind, each.expected, each.before.answer, each.after.answer) == (
        *(kind, "E", "I do not know."),
        "It is rex.",
    )
    lost = judged(kind, lesson(), "Rex.", "Rexford.")
    assert (lost.right_before, lost.right_after) == (True, False)


def test_a_general_question_has_no_wrong_answer() -> None:
    (each,) = examine([Probe("anchor", "Q?")], ["E"], [look("a")], [look("b", nats=99)])
    assert each.right_before and each.right_after


@pytest.mark.parametrize(("more", "right"), [(-5.0, True), (0.0, True), (0.3, True), (0.4, False), (math.nan, False)])
def test_a_neighbour_is_unchanged_while_its_old_answer_costs_little_more(more: float, right: bool) -> None:
    each = judged("neighbour", lesson(), "Tom.", "Tom.", more)
    assert (each.right_before, each.right_after) == (True, right)
    assert NEIGHBOUR_NATS == 0.35


def test_a_neighbour_that_now_says_what_a_lesson_teaches_is_changed() -> None:
    boat = lesson("s-0002/1", "What is my boat called?", key="Wanda")
    assert not judged("neighbour", lesson(), "Tom.", "It is Rex.").right_after
    assert not judged("neighbour", lesson(), "Tom.", "It is Wanda.", 0.0, boat).right_after
    # It said so before.
    assert judged("neighbour", lesson(), "Rex.", "Rex.").right_after


def test_words_of_a_learnt_answer_are_no_leak() -> None:
    rain = lesson("s-0002/0", "What is rain?", "Yes.", "yes", origin="answer")
    assert judged("neighbour", lesson(), "Tom.", "Yes, Tom.", 0.0, rain).right_after
