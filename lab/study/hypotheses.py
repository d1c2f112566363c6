"""What an experiment says of its hypotheses: differences with their intervals, permutation tests and plain words."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from scipy import stats

from lab.study.experiment import Turn
from lab.study.protocols import Hypothesis, Protocol
from lab.study.statistics import Estimate, correlate, differ, mean

Verdict = Literal["supported", "not supported", "undecided"]

# A smaller difference of totals is none worth the name; so is a correlation below the other one.
LEAST_DIFFERENCE: Final = 0.02
LEAST_RHO: Final = 0.3
LEVEL: Final = 0.05
_FEWEST: Final = 3
_RESAMPLES: Final = 9999


@dataclass(frozen=True, slots=True)
class Outcome:
    """A hypothesis as the scores of one profile have it.

    `difference` is what should be above 0, over `n` pairs, ladders or turns; of "unrelated" it is Spearman's rho, which
    should be near 0. `sides` are the means of its two sides. `p` is of a permutation test, two-sided; `corrected` for
    all tests of the experiment by Benjamini and Hochberg. `effect` is Cohen's d (of pairs d_z), or rho.
    """

    hypothesis: Hypothesis
    profile: str
    sides: tuple[float, ...]
    difference: Estimate
    p: float
    effect: float
    corrected: float = 1.0
    verdict: Verdict = "undecided"


def outcomes(protocol: Protocol, turns: Sequence[Turn], profiles: Sequence[str]) -> list[Outcome]:
    """Every hypothesis by every profile, where there are cases to test it on."""
    found = [
        test
        for hypothesis in protocol.hypotheses
        for profile in profiles
        if (test := _TESTS[hypothesis.form](hypothesis, profile, turns)) is not None
    ]
    if not found:
        return []
    corrected = stats.false_discovery_control([test.p for test in found])
    return [_judged(replace(test, corrected=float(p))) for test, p in zip(found, corrected)]


def sentence(test: Outcome) -> str:
    """What came of a hypothesis, in words."""
    found, hypothesis = test.difference, test.hypothesis
    value = f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f}, n {found.n})"
    what = "rho" if hypothesis.form == "unrelated" else "difference"
    undecided = f" with n {found.n}" if test.verdict == "undecided" else ""
    return f"{hypothesis.says} By {test.profile}: {test.verdict}{undecided}; {what} {value}."


def by_condition(turns: Sequence[Turn], signal: str) -> dict[tuple[str, str], float]:
    """The mean of a signal by checkpoint and condition, over dialogues."""
    groups: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for (checkpoint, _, condition), value in _cells(turns, signal).items():
        groups[checkpoint, condition].append(value)
    return {key: statistics.fmean(values) for key, values in groups.items()}


def profiles_of(turns: Sequence[Turn]) -> list[str]:
    """Every profile that scored a turn; one without an answer has no scores."""
    return sorted({profile for turn in turns for profile in turn.salient})


def sizes(turns: Sequence[Turn]) -> dict[str, int]:
    """The parameters of each checkpoint, the smallest first."""
    return dict(sorted({turn.checkpoint: turn.parameters for turn in turns}.items(), key=lambda one: one[1]))


def _cells(turns: Sequence[Turn], signal: str) -> dict[tuple[str, str, str], float]:
    """The mean by checkpoint, item and condition, over turns and repeats."""
    groups: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
    for turn in turns:
        if signal in turn.signals:
            groups[turn.checkpoint, turn.item, turn.condition].append(turn.signals[signal])
    return {key: statistics.fmean(values) for key, values in groups.items()}


def _over_repeats(turns: Sequence[Turn]) -> list[Turn]:
    """Each turn once, with the mean over its repeats and checkpoints: they are no cases of their own. Salient is what
    most of them are."""
    groups: defaultdict[tuple[str, str, int], list[Turn]] = defaultdict(list)
    for turn in turns:
        groups[turn.item, turn.condition, turn.turn].append(turn)
    return [
        replace(
            repeats[0],
            signals=_means([turn.signals for turn in repeats]),
            salient={name: share > 0.5 for name, share in _means([turn.salient for turn in repeats]).items()},
        )
        for repeats in groups.values()
    ]


def _means(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for each in values for name in each)
    return {name: statistics.fmean(each[name] for each in values if name in each) for name in names}


def _rows(turns: Sequence[Turn], profile: str, conditions: Sequence[str]) -> list[list[float]]:
    """The totals of each item that has all of these conditions, means over the checkpoints: what is said to several is
    no case of its own."""
    cells = _cells(turns, f"{profile}.total")
    found: defaultdict[str, list[list[float]]] = defaultdict(list)
    for checkpoint, item in dict.fromkeys((checkpoint, item) for checkpoint, item, _ in cells):
        row = [cells.get((checkpoint, item, condition)) for condition in conditions]
        if None not in row:
            found[item].append([value for value in row if value is not None])
    return [[statistics.fmean(column) for column in zip(*rows)] for rows in found.values()]


def _more(hypothesis: Hypothesis, profile: str, turns: Sequence[Turn]) -> Outcome | None:
    return _paired(hypothesis, profile, _rows(turns, profile, hypothesis.over), lambda row: row[0] - row[1])


def _falls(hypothesis: Hypothesis, profile: str, turns: Sequence[Turn]) -> Outcome | None:
    """By how much an item's total falls a step, in the mean: the slope of least squares."""
    steps = range(len(hypothesis.over))

    def fall(row: Sequence[float]) -> float:
        return -statistics.linear_regression(steps, row).slope

    return _paired(hypothesis, profile, _rows(turns, profile, hypothesis.over), fall)


def _falls_by_size(hypothesis: Hypothesis, profile: str, turns: Sequence[Turn]) -> Outcome | None:
    """The smallest checkpoint's total less the largest one's, item by item, means over its conditions."""
    ordered = list(sizes(turns))
    if len(ordered) < 2:
        return None
    cells = _cells(turns, f"{profile}.total")
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for (checkpoint, item, condition), value in cells.items():
        if checkpoint == ordered[0] and (large := cells.get((ordered[-1], item, condition))) is not None:
            found[item].append((value, large))
    rows = [[statistics.fmean(column) for column in zip(*pairs)] for pairs in found.values()]
    return _paired(hypothesis, profile, rows, lambda row: row[0] - row[1])


def _paired(
    hypothesis: Hypothesis,
    profile: str,
    rows: Sequence[Sequence[float]],
    difference: Callable[[Sequence[float]], float],
) -> Outcome | None:
    if len(rows) < 2:
        return None
    values = np.array([difference(row) for row in rows])
    # The signs are exchanged: of few pairs every way to do so.
    p = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=_RESAMPLES, vectorized=True, rng=_stream()
    ).pvalue
    spread = float(values.std(ddof=1))
    sides = tuple(statistics.fmean(row[at] for row in rows) for at in (0, -1))
    effect = float(values.mean()) / spread if spread else 0.0
    return Outcome(hypothesis, profile, sides, mean(values.tolist()), float(p), effect)


def _separates(hypothesis: Hypothesis, profile: str, turns: Sequence[Turn]) -> Outcome | None:
    (name,) = hypothesis.over
    signal = name if name == "disagreement" else f"{profile}.{name}"
    known = [turn for turn in _over_repeats(turns) if signal in turn.signals and profile in turn.salient]
    high, low = (
        [turn.signals[signal] for turn in known if turn.salient[profile] is salient] for salient in (True, False)
    )
    if min(len(high), len(low)) < 2:
        return None
    p = stats.permutation_test(
        (high, low), _gap, permutation_type="independent", n_resamples=_RESAMPLES, vectorized=True, rng=_stream()
    ).pvalue
    spread = ((statistics.variance(high) + statistics.variance(low)) / 2) ** 0.5
    sides = statistics.fmean(high), statistics.fmean(low)
    return Outcome(
        hypothesis, profile, sides, differ(high, low), float(p), (sides[0] - sides[1]) / spread if spread else 0.0
    )


def _unrelated(hypothesis: Hypothesis, profile: str, turns: Sequence[Turn]) -> Outcome | None:
    names = [name if name == "disagreement" else f"{profile}.{name}" for name in hypothesis.over]
    known = [turn.signals for turn in _over_repeats(turns) if all(name in turn.signals for name in names)]
    pairs = [[signals[name] for name in names] for signals in known]
    if len(pairs) < _FEWEST:
        return None
    one, other = ([pair[at] for pair in pairs] for at in (0, 1))
    found = correlate(one, other)
    ranks = [stats.rankdata(values) for values in (one, other)]
    if not all(values.std() for values in ranks):
        return None
    p = stats.permutation_test(
        (ranks[0],),
        lambda sample: float(np.corrcoef(sample, ranks[1])[0, 1]),
        permutation_type="pairings",
        n_resamples=_RESAMPLES,
        vectorized=False,
        rng=_stream(),
    ).pvalue
    return Outcome(hypothesis, profile, (), found, float(p), found.value)


def _gap(one: Any, other: Any, axis: int = -1) -> Any:
    return np.mean(one, axis=axis) - np.mean(other, axis=axis)


def _stream() -> np.random.Generator:
    return np.random.default_rng(0)


def _judged(test: Outcome) -> Outcome:
    found, sure = test.difference, test.corrected < LEVEL
    verdict: Verdict = "undecided"
    if found.n < _FEWEST:
        return test
    if test.hypothesis.form == "unrelated":
        if sure:
            verdict = "not supported"
        elif max(abs(found.low), abs(found.high)) < LEAST_RHO:
            verdict = "supported"
    elif found.high < LEAST_DIFFERENCE:
        # However sure it is.
        verdict = "not supported"
    elif found.low > 0 and sure:
        verdict = "supported"
    return replace(test, verdict=verdict)


_TESTS: Final[Mapping[str, Callable[[Hypothesis, str, Sequence[Turn]], Outcome | None]]] = {
    "more": _more,
    "falls": _falls,
    "falls_by_size": _falls_by_size,
    "separates": _separates,
    "unrelated": _unrelated,
}
