"""The gate's figures, each from cases made by hand, and what it refuses."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab.sleep.gate import Fit, Measure, bootstrap, faults, fit, measures, strongest, wilson
from lab.sleep.probes import Examined
from lab.sleep.recipes import LESSONS
from tests.sleep.lessons import examined, lesson, look, numbered

SETTINGS = replace(LESSONS, max_drift=0.1, max_forgotten=0.1)


def named(cases: Sequence[Examined], max_forgotten: float = 0.1) -> dict[str, Measure]:
    return {each.name: each for each in measures(cases, replace(SETTINGS, max_forgotten=max_forgotten))}


def unseen(*gains: float, right: Sequence[tuple[bool, bool]] | None = None) -> list[Examined]:
    """One unseen question a lesson, its expected answer so many nats likelier than before."""
    return [
        examined("unseen", about, before=look(nats=2.0), after=look(nats=2.0 - gain), right=right[at] if right else ok)
        for at, (about, gain) in enumerate(zip(numbered(len(gains)), gains))
        for ok in [(False, True)]
    ]


def earlier(kept: int, lost: int, unknown: int = 0) -> list[Examined]:
    judged = [(True, True)] * kept + [(True, False)] * lost + [(False, True)] * unknown
    return [examined("earlier", about, right=right) for about, right in zip(numbered(len(judged)), judged)]


def general(bits: Sequence[float], tokens: tuple[int, int] = (8, 8)) -> list[Examined]:
    return [
        examined(
            "anchor",
            before=look(nats=1.0, tokens=tokens[0]),
            after=look(nats=1.0 + more * math.log(2), tokens=tokens[1]),
        )
        for more in bits
    ]


# Intervals.


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (8, 10, 0.490, 0.943),
        (5, 10, 0.237, 0.763),
        (0, 10, 0.0, 0.278),
        (10, 10, 0.722, 1.0),
        (1, 1, 0.207, 1.0),
        (0, 1, 0.0, 0.793),
        (81, 263, 0.255, 0.366),
        (0, 0, 0.0, 1.0),
    ],
)
def test_the_interval_of_a_share_is_wilsons(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right / n if n else 0.0, n) == pytest.approx((low, high), abs=0.0006)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_wilson_interval_is_within_nought_and_one_and_holds_its_share(case: tuple[int, int]) -> None:
    right, n = case
    low, high = wilson(right / n, n)
    assert 0.0 <= low <= right / n + 1e-12 and right / n - 1e-12 <= high <= 1.0
    assert 0 < high - low < 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(0, 9))
@example([0.0] * 19 + [1.0], 0)
def test_a_bootstrap_interval_holds_the_mean_and_comes_again(values: list[float], seed: int) -> None:
    low, high = bootstrap(values, seed)
    mean = statistics.fmean(values)
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= low <= mean + slack and mean - slack <= high <= max(values) + slack
    assert bootstrap(values, seed) == (low, high)
    if len(set(values)) == 1:
        assert low == high


def test_a_bootstrap_of_one_value_has_no_width_and_of_more_it_depends_on_the_seed() -> None:
    assert bootstrap([0.7], 3) == (0.7, 0.7)
    values = [math.sin(number**2) for number in range(30)]
    assert bootstrap(values, 1) != bootstrap(values, 2)


def test_a_bootstrap_interval_is_as_wide_as_the_normal_one() -> None:
    values = [math.sin(number) for number in range(48)]
    low, high = bootstrap(values, 0)
    half = 1.96 * statistics.pstdev(values) / math.sqrt(len(values))
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def test_a_bootstrap_over_what_is_no_number_is_none() -> None:
    assert all(map(math.isnan, bootstrap([1.0] * 20 + [math.nan], 0)))


# Figures.


def test_nothing_examined_measures_nothing() -> None:
    assert measures([], SETTINGS) == []


def test_learned_is_counted_by_lesson_over_its_unseen_wordings() -> None:
    one, two = numbered(2)
    cases = [
        examined("unseen", one, right=(False, True)),
        examined("unseen", one, right=(True, False)),
        examined("unseen", two, right=(False, True)),
        # These are counted elsewhere.
        examined("trained", one, right=(False, True)),
        examined("trained", two, right=(False, False)),
        examined("final", two, right=(False, True)),
    ]
    found = named(cases)
    assert [found[name].value for name in ("learned", "learned_before", "trained", "final")] == [0.75, 0.25, 0.5, 1.0]
    assert [found[name].n for name in ("learned", "learned_before", "trained", "final")] == [2, 2, 2, 1]
    assert (found["learned"].low, found["learned"].high) == wilson(0.75, 2)
    assert all(found[name].limit is None and found[name].passed is None for name in ("learned", "trained", "final"))


def test_figures_without_a_case_are_left_out_and_the_others_are_in_order() -> None:
    assert list(named(unseen(1.0))) == ["learned", "learned_before", "gain"]
    cases = [
        *(*general([0.0]), examined("neighbour", lesson()), *earlier(1, 0), *unseen(1.0)),
        *(examined("final", lesson()), examined("trained", lesson())),
    ]
    assert list(named(cases)) == [
        *("learned", "learned_before", "trained", "final", "gain", "kept", "forgotten", "neighbours"),
        *("drift", "length", "repetition", "ending"),
    ]


def test_gain_is_the_mean_of_lessons_in_nats_a_token() -> None:
    one, two = numbered(2)
    cases = [
        examined("unseen", one, before=look(nats=3.0), after=look(nats=1.0)),
        examined("unseen", one, before=look(nats=3.0), after=look(nats=3.0)),
        examined("unseen", two, before=look(nats=2.0), after=look(nats=1.5)),
    ]
    gain = named(cases)["gain"]
    assert (gain.value, gain.n, gain.limit, gain.passed) == (0.75, 2, 0.0, True)
    assert (gain.low, gain.high) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("gains", "passed"),
    [
        ([0.01], True),
        ([0.0], False),
        ([-0.5], False),
        ([1.0] * 20, True),
        ([1.0] * 19 + [-0.1], True),
        # Above zero on the average, and not for sure.
        ([3.0, -1.0, -1.0], False),
        ([math.nan], False),
        ([1.0] * 47 + [math.nan], False),
    ],
)
def test_a_gain_that_is_not_surely_above_zero_fails(gains: list[float], passed: bool) -> None:
    cases = unseen(*gains)
    assert named(cases)["gain"].passed is passed
    assert (fit(measures(cases, SETTINGS), deep=False) == "weak") is not passed
    assert bool(faults(measures(cases, SETTINGS))) is not passed


@pytest.mark.parametrize(
    ("kept", "lost", "share", "limit", "passed"),
    [
        (10, 0, 0.1, 1, True),
        (9, 0, 0.1, 0, True),
        (8, 1, 0.1, 0, False),
        (9, 1, 0.1, 1, True),
        (18, 1, 0.1, 1, True),
        (17, 2, 0.1, 1, False),
        (28, 2, 0.1, 3, True),
        (43, 57, 0.57, 57, True),
        (42, 58, 0.57, 57, False),
        (1, 1, 0.0, 0, False),
    ],
)
def test_more_forgotten_than_the_share_of_the_known_rounded_down_fails(
    kept: int, lost: int, share: float, limit: int, passed: bool
) -> None:
    found = named(earlier(kept, lost, unknown=5), share)
    forgotten = found["forgotten"]
    assert (forgotten.value, forgotten.n, forgotten.limit) == (lost, kept + lost, limit)
    assert forgotten.passed is passed
    assert forgotten.low <= lost + 1e-9 and forgotten.high >= lost - 1e-9
    assert (found["kept"].value, found["kept"].n) == (kept / (kept + lost), kept + lost)
    assert fit(found.values(), deep=False) != "weak"


def test_what_was_not_known_before_is_neither_kept_nor_forgotten() -> None:
    assert not {"kept", "forgotten"} & set(named(earlier(0, 0, unknown=5)))


def test_neighbours_are_the_share_that_is_unchanged_and_the_gate_asks_nothing_of_it() -> None:
    cases = [examined("neighbour", lesson(), right=(True, at < 3)) for at in range(4)]
    found = named(cases)["neighbours"]
    assert (found.value, found.n, found.limit, found.passed) == (0.75, 4, None, None)


@pytest.mark.parametrize(
    ("bits", "passed"),
    [
        ([0.0] * 12, True),
        ([0.2, -0.1], True),
        ([0.09] * 3, True),
        ([0.11] * 3, False),
        ([-1.0], True),
        ([math.nan], False),
    ],
)
def test_a_drift_over_the_limit_in_bits_a_token_fails(bits: list[float], passed: bool) -> None:
    drift = named(general(bits))["drift"]
    assert drift.passed is passed and (drift.n, drift.limit) == (len(bits), 0.1)
    assert drift.value == pytest.approx(statistics.fmean(bits), nan_ok=True)


@pytest.mark.parametrize(
    ("before", "after", "value", "passed"),
    [
        (10, 10, 1.0, True),
        (10, 20, 2.0, True),
        (10, 21, 2.1, False),
        (10, 5, 0.5, True),
        (10, 4, 0.4, False),
        (0, 1, 1.0, True),
    ],
)
def test_answers_twice_or_half_as_long_pass_and_others_fail(
    before: int, after: int, value: float, passed: bool
) -> None:
    length = named(general([0.0] * 3, (before, after)))["length"]
    assert length.value == pytest.approx(value)
    assert (length.n, length.limit, length.passed) == (3, 2.0, passed)


@pytest.mark.parametrize(
    ("before", "after", "value", "passed"),
    [
        ("a b c d", "a b c d", 0.0, True),
        ("a b c", "a a a a a", 0.75, False),
        ("a a a a a", "a b c", -0.75, True),
        ("", "", 0.0, True),
        ("one", "one", 0.0, True),
        ("\u4f60\u597d", "\u4f60\u597d" * 4, 5 / 7, False),
    ],
)
def test_answers_that_repeat_themselves_more_than_before_fail(
    before: str, after: str, value: float, passed: bool
) -> None:
    found = named([examined("anchor", before=look(before), after=look(after))])["repetition"]
    assert found.value == pytest.approx(value)
    assert (found.n, found.limit, found.passed) == (1, 0.15, passed)


@pytest.mark.parametrize(
    ("before", "after", "n", "passed"),
    [(12, 12, 12, True), (12, 9, 12, True), (12, 8, 12, False), (7, 4, 12, True), (7, 3, 12, False), (0, 0, 12, True)],
)
def test_answers_that_run_on_more_often_than_a_quarter_fail(before: int, after: int, n: int, passed: bool) -> None:
    cases = [
        examined("anchor", before=look(ended=number < before), after=look(ended=number < after)) for number in range(n)
    ]
    found = named(cases)["ending"]
    assert (found.value, found.n, found.passed) == (after / n, n, passed)
    assert found.limit == pytest.approx(max(before / n - 0.25, 0))
    assert (found.low, found.high) == wilson(after / n, n)


def test_every_refusal_is_said_in_words_and_nothing_else_is() -> None:
    cases = [
        *(*unseen(-1.0), *earlier(1, 2)),
        *(
            examined("anchor", before=look("a b c", tokens=4), after=look("a a a a", tokens=99, ended=False, nats=2.0))
            for _ in range(3)
        ),
    ]
    told = faults(measures(cases, SETTINGS))
    assert told == [
        "it gained -1.00 nats a token in unseen wordings, -1.00 at the least",
        "it lost 2 of 3 memories, and 0 may be",
        "it drifted by 1.44 bits a token, and 0.10 are allowed",
        "its answers are 24.8 times as long as before",
        "its answers repeat themselves, 67% more than before",
        "only 0% of its answers come to an end",
    ]
    assert faults(measures([*unseen(1.0), *earlier(3, 0), *general([0.0])], SETTINGS)) == []


def test_only_a_sleep_that_learnt_nothing_is_beyond_help() -> None:
    assert fit(measures([*unseen(1.0), *earlier(0, 9), *general([9.0])], SETTINGS), deep=False) == "strong"
    assert fit(measures([*unseen(-1.0), *earlier(9, 0)], SETTINGS), deep=False) == "weak"


def test_measures_are_the_same_for_the_same_seed() -> None:
    cases = unseen(*(1 + math.sin(number**2) for number in range(30)))
    assert measures(cases, SETTINGS) == measures(cases, SETTINGS)
    assert measures(cases, replace(SETTINGS, seed=5)) != measures(cases, SETTINGS)


# Strength.


@pytest.mark.parametrize(
    ("limit", "tries", "strength"),
    [
        (0.0, 3, 0.0),
        (0.124, 3, 0.0),
        (0.125, 3, 0.125),
        (0.3, 3, 0.25),
        (0.3, 5, 0.28125),
        (0.5, 3, 0.5),
        (0.9, 3, 0.875),
        (1.0, 3, 0.875),
    ],
)
def test_the_strongest_that_passes_is_found_by_bisection(limit: float, tries: int, strength: float) -> None:
    asked: list[float] = []

    def stands(at: float) -> Fit:
        asked.append(at)
        return "passes" if at <= limit else "strong"

    assert strongest(stands, tries) == strength
    assert len(asked) == tries and asked[0] == 0.5 and all(0 < at < 1 for at in asked)


@pytest.mark.parametrize(
    ("least", "most", "strength"),
    [(0.6, 0.9, 0.875), (0.4, 0.6, 0.5), (0.76, 0.8, 0.0), (0.9, 0.99, 0.0), (0.8, 0.9, 0.875)],
)
def test_what_is_too_weak_is_tried_stronger(least: float, most: float, strength: float) -> None:
    """A deep sleep that drifts a little too far forgets most of what it knows at half of its strength."""
    found = strongest(lambda at: "weak" if at < least else "passes" if at <= most else "strong", 3)
    assert found == strength


@pytest.mark.parametrize(
    ("refused", "ordinary", "deep"),
    [
        ((), "passes", "passes"),
        (("drift",), "strong", "strong"),
        (("repetition", "length", "ending"), "strong", "strong"),
        (("forgotten",), "strong", "weak"),
        (("gain",), "weak", "weak"),
        # Nothing helps.
        (("gain", "drift"), "weak", "weak"),
        (("forgotten", "drift"), "strong", "weak"),
    ],
)
def test_what_is_refused_tells_whether_a_weaker_or_a_stronger_one_would_be_better(
    refused: tuple[str, ...], ordinary: Fit, deep: Fit
) -> None:
    names = ("learned", "gain", "forgotten", "drift", "length", "repetition", "ending")
    found = [Measure(name, 0.5, 0.4, 0.6, 9, 1.0, None if name == "learned" else name not in refused) for name in names]
    assert (fit(found, deep=False), fit(found, deep=True)) == (ordinary, deep)


@given(st.lists(st.sampled_from(["passes", "strong", "weak"]), min_size=1, max_size=6))
def test_a_strength_is_one_that_passed_or_nought(answers: list[Fit]) -> None:
    passed: list[float] = []
    given_out = iter(answers)

    def stands(at: float) -> Fit:
        found = next(given_out)
        if found == "passes":
            passed.append(at)
        return found

    assert strongest(stands, len(answers)) == max(passed, default=0.0)


def test_no_tries_are_no_strength() -> None:
    assert strongest(lambda at: "passes", 0) == 0.0
