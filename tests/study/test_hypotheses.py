"""What is said of a hypothesis follows from the turns: differences, tests, corrections and words."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.study.experiment import Turn
from lab.study.hypotheses import Outcome, by_condition, outcomes, sentence, sizes
from lab.study.protocols import Hypothesis, Protocol

PROFILE = "lexical"


def hypothesis(form: str, *over: str) -> Hypothesis:
    return Hypothesis(form, "Something holds.", form, over)


def turn(
    item: int,
    condition: str,
    total: float,
    checkpoint: str = "small",
    repeat: int = 1,
    parameters: int = 10**8,
    conflict: float = 0.0,
    disagreement: float = 0.0,
) -> Turn:
    signals = {f"{PROFILE}.total": total, f"{PROFILE}.conflict": conflict, "disagreement": disagreement}
    name = f"{checkpoint}-{repeat}-{item}-{condition}"
    return Turn(checkpoint, parameters, repeat, f"item {item}", condition, 1, name, signals, {PROFILE: total >= 0.15})


def judged(turns: list[Turn], *hypotheses: Hypothesis) -> list[Outcome]:
    return outcomes(Protocol("p", "P", {}, hypotheses), turns, [PROFILE])


def pairs(difference: Callable[[int], float], items: int = 12) -> list[Turn]:
    return [
        turn(item, condition, 0.1 + (difference(item) if condition == "personal" else 0.0), repeat=repeat)
        for item in range(items)
        for condition in ("personal", "abstract")
        for repeat in (1, 2)
    ]


def test_a_difference_in_every_pair_is_supported() -> None:
    (found,) = judged(pairs(lambda item: 0.05 + 0.001 * item), hypothesis("more", "personal", "abstract"))
    assert found.verdict == "supported"
    assert found.difference.n == 12
    assert found.difference.value == pytest.approx(0.0555)
    assert found.sides == pytest.approx((0.1555, 0.1))
    # All twelve have the same sign: two of 4,096 ways.
    assert found.p == pytest.approx(2 / 4096)
    assert "supported" in sentence(found) and "n 12" in sentence(found)


def test_no_difference_is_not_supported_and_a_doubtful_one_undecided() -> None:
    stream = random.Random(1)
    more = hypothesis("more", "personal", "abstract")
    (none,) = judged(pairs(lambda item: stream.gauss(0.0, 0.005)), more)
    assert none.verdict == "not supported"
    (against,) = judged(pairs(lambda item: -0.1 - 0.001 * item), more)
    assert against.verdict == "not supported"
    (doubtful,) = judged(pairs(lambda item: 0.2 * (-1) ** item + 0.02), more)
    assert doubtful.verdict == "undecided"
    assert "undecided with n 12" in sentence(doubtful)


def test_repeats_of_a_pair_are_one_case() -> None:
    turns = [turn(0, name, total, repeat=repeat) for repeat in range(1, 20) for name, total in (("a", 0.3), ("b", 0.1))]
    assert judged(turns, hypothesis("more", "a", "b")) == []


def test_what_is_said_to_several_checkpoints_is_one_case() -> None:
    more = hypothesis("more", "personal", "abstract")
    one = pairs(lambda item: 0.05 + 0.001 * item)
    three = [replace(each, checkpoint=name) for each in one for name in ("small", "middle", "large")]
    (once,), (thrice,) = judged(one, more), judged(three, more)
    assert (thrice.difference.n, thrice.p, thrice.effect) == (12, once.p, pytest.approx(once.effect))
    # Of an item that one of them did not answer, it is the mean of the others.
    (most,) = judged([each for each in three if (each.checkpoint, each.item) != ("large", "item 3")], more)
    assert most.difference.n == 12


def test_repeats_of_a_turn_are_one_turn() -> None:
    stream = random.Random(4)
    values = [(stream.random(), stream.random()) for _ in range(8)]

    def turns(repeats: int) -> list[Turn]:
        return [
            turn(item, "c", 0.1 * one + 0.1, repeat=repeat, conflict=one, disagreement=other)
            for repeat in range(repeats)
            for item, (one, other) in enumerate(values)
        ]

    for form in (hypothesis("unrelated", "conflict", "disagreement"), hypothesis("separates", "disagreement")):
        (once,), (often,) = judged(turns(1), form), judged(turns(5), form)
        assert (often.difference.n, often.p) == (8, once.p)


def test_a_difference_that_is_too_small_is_not_supported_however_sure() -> None:
    (found,) = judged(pairs(lambda item: 0.01 + 0.0001 * item), hypothesis("more", "personal", "abstract"))
    assert found.difference.low > 0 and found.corrected < 0.05
    assert found.verdict == "not supported"


def test_a_ladder_falls_by_its_slope() -> None:
    turns = [
        turn(item, f"depth_{step}", 0.4 - 0.1 * step - 0.001 * item * step) for item in range(6) for step in (1, 2, 3)
    ]
    (found,) = judged(turns, hypothesis("falls", "depth_1", "depth_2", "depth_3"))
    assert found.difference.value == pytest.approx(0.1025)
    assert found.verdict == "supported"


def test_the_smallest_and_the_largest_checkpoint_are_compared() -> None:
    models = {"small": (10**8, 0.3), "middle": (10**9, 0.9), "large": (10**10, 0.2)}
    turns = [
        turn(item, "control", total + 0.001 * item * (name == "small"), checkpoint=name, parameters=size)
        for item in range(8)
        for name, (size, total) in models.items()
    ]
    (found,) = judged(turns, hypothesis("falls_by_size"))
    assert found.difference.value == pytest.approx(0.1035)
    assert list(sizes(turns)) == ["small", "middle", "large"]
    assert found.difference.n == 8
    # Two conditions of an item are no two cases, whatever they differ in.
    again = [replace(each, condition="other", signals={f"{PROFILE}.total": 0.7}) for each in turns]
    (both,) = judged([*turns, *again], hypothesis("falls_by_size"))
    assert (both.difference.n, both.difference.value) == (8, pytest.approx(0.1035 / 2))
    assert judged([each for each in turns if each.checkpoint == "small"], hypothesis("falls_by_size")) == []


def test_salient_turns_are_separated_by_what_they_have_more_of() -> None:
    turns = [turn(item, "c", 0.2 if item % 2 else 0.1, conflict=0.3 if item % 2 else 0.1) for item in range(20)]
    (found,) = judged(turns, hypothesis("separates", "conflict"))
    assert found.sides == pytest.approx((0.3, 0.1))
    assert (found.verdict, found.difference.n) == ("supported", 20)


def test_two_signals_are_unrelated_only_when_that_is_shown() -> None:
    stream = random.Random(3)
    unrelated = hypothesis("unrelated", "conflict", "disagreement")

    def turns(n: int, related: float) -> list[Turn]:
        made = []
        for item in range(n):
            conflict = stream.random()
            other = related * conflict + (1 - related) * stream.random()
            made.append(turn(item, "c", 0.1, conflict=conflict, disagreement=other))
        return made

    assert judged(turns(300, 0.0), unrelated)[0].verdict == "supported"
    assert judged(turns(300, 0.5), unrelated)[0].verdict == "not supported"
    assert judged(turns(10, 0.0), unrelated)[0].verdict == "undecided"


def test_many_tests_are_corrected() -> None:
    turns = pairs(lambda item: 0.05 + 0.001 * item)
    stream = random.Random(5)
    noisy = [turn(item, f"n{at}", stream.random()) for item in range(12) for at in range(10)]
    found = judged(
        turns + noisy,
        hypothesis("more", "personal", "abstract"),
        *(hypothesis("more", f"n{at}", f"n{at + 1}") for at in range(9)),
    )
    assert len(found) == 10
    assert all(test.corrected >= test.p for test in found)
    assert found[0].corrected == pytest.approx(10 * found[0].p)
    assert found[0].verdict == "supported"


def test_means_are_by_checkpoint_and_condition() -> None:
    turns = [*pairs(lambda item: 0.1, items=2), turn(9, "personal", 0.5, checkpoint="large")]
    means = by_condition(turns, f"{PROFILE}.total")
    assert means["small", "personal"] == pytest.approx(0.2)
    assert means["large", "personal"] == pytest.approx(0.5)
