"""What a study tells with its uncertainty: means and rank correlations with bootstrap intervals, and fitted weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import optimize, stats

_RESAMPLES: Final = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval over `n` cases, by bootstrap (percentiles)."""

    value: float
    low: float
    high: float
    n: int


def correlate(signal: Sequence[float], worth: Sequence[float], seed: int = 0) -> Estimate:
    """Spearman's rho, in -1..1, of a signal with what the cases were worth, case by case; 0 for one that never changes.

    Source: C. Spearman, The Proof and Measurement of Association between Two Things (1904); ties have their mean rank.
    """
    return _bootstrap(_rho, [signal, worth], seed)


def mean(values: Sequence[float], seed: int = 0) -> Estimate:
    """The mean of the cases."""
    return _bootstrap(lambda sample, axis=-1: np.mean(sample, axis=axis), [values], seed)


def differ(one: Sequence[float], other: Sequence[float], seed: int = 0) -> Estimate:
    """The difference of two means of cases that do not belong together."""
    return _bootstrap(
        lambda left, right, axis=-1: np.mean(left, axis=axis) - np.mean(right, axis=axis), [one, other], seed, False
    )


def fit(signals: Sequence[Sequence[float]], worth: Sequence[float]) -> list[float]:
    """Weights of these signals, none below 0, of sum 1, whose mean is nearest to the rank of worth.

    Non-negative least squares on what each signal and the ranks differ from their means. Equal weights where no signal
    helps.
    """
    ranks = stats.rankdata(worth) / len(worth)
    columns = np.array(signals, dtype=float).T
    weights, _ = optimize.nnls(columns - columns.mean(axis=0), ranks - ranks.mean())
    total = float(weights.sum())
    return [float(weight) / total for weight in weights] if total else [1.0 / len(signals)] * len(signals)


def _rho(one: Any, other: Any, axis: int = -1) -> Any:
    left, right = (_centred(stats.rankdata(values, axis=axis), axis) for values in (one, other))
    spread = np.sqrt((left**2).sum(axis=axis) * (right**2).sum(axis=axis))
    # A resample may hold one value alone.
    return np.divide((left * right).sum(axis=axis), spread, out=np.zeros_like(spread), where=spread > 0)


def _centred(values: Any, axis: int) -> Any:
    return values - values.mean(axis=axis, keepdims=True)


def _bootstrap(
    statistic: Callable[..., Any], samples: Sequence[Sequence[float]], seed: int, paired: bool = True
) -> Estimate:
    arrays = [np.array(sample, dtype=float) for sample in samples]
    value = float(statistic(*arrays))
    n = len(arrays[0]) if paired else sum(map(len, arrays))
    if min(map(len, arrays)) < 2:
        return Estimate(value, value, value, n)
    found = stats.bootstrap(
        arrays,
        statistic,
        paired=paired,
        vectorized=True,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = found.confidence_interval
    return Estimate(value, float(low), float(high), n)
