"""Correlations, intervals and fitted weights, against what is known of the data."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.study.statistics import correlate, fit, mean

values = st.lists(st.floats(-100, 100), min_size=4, max_size=40)


def drawn(n: int, seed: int) -> list[float]:
    stream = random.Random(seed)
    return [stream.gauss(0.0, 1.0) for _ in range(n)]


def test_ranks_count_and_not_distances() -> None:
    worth = drawn(50, 1)
    assert correlate([value**3 for value in worth], worth).value == pytest.approx(1.0)
    assert correlate([-value for value in worth], worth).value == pytest.approx(-1.0)


def test_ties_have_their_mean_rank() -> None:
    # By hand: ranks 1.5 1.5 3 4 against 1 2 3 4.
    assert correlate([1, 1, 2, 3], [10, 20, 30, 40]).value == pytest.approx(4.5 / (4.5 * 5.0) ** 0.5)


def test_a_signal_that_never_changes_tells_nothing() -> None:
    found = correlate([0.5] * 20, drawn(20, 2))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_the_interval_holds_what_is_true_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(100):
        one, other = drawn(60, seed), drawn(60, 1000 + seed)
        found = correlate(one, other)
        held += found.low <= 0.0 <= found.high
    assert 88 <= held <= 100


@given(values)
def test_an_interval_holds_its_figure_and_the_same_seed_gives_the_same(sample: list[float]) -> None:
    found = mean(sample, 3)
    assert found == mean(sample, 3)
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9
    assert found.n == len(sample)


def test_of_one_case_nothing_more_is_known() -> None:
    found = mean([0.25])
    assert (found.value, found.low, found.high, found.n) == (0.25, 0.25, 0.25, 1)


def test_weights_go_to_what_helps_and_none_is_below_0() -> None:
    worth = drawn(200, 4)
    noise, opposite = drawn(200, 5), [-value for value in worth]
    helps, idle, against = fit([worth, noise, opposite], worth)
    assert helps > 0.9 > idle
    assert against == pytest.approx(0.0)
    assert helps + idle + against == pytest.approx(1.0)
    assert fit([[1.0] * 5, [2.0] * 5], [3, 1, 2, 5, 4]) == [0.5, 0.5]
