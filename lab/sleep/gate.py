"""Keep or roll back: the figures of a sleep from its probes, and whether they are good enough. No torch."""

from __future__ import annotations

import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from lab.domain import ProbeKind, SleepSettings
from lab.sleep.lessons import plain
from lab.sleep.probes import Examined, Look

_RESAMPLES: Final = 2000
_Z: Final = 1.959964
# Answers may become twice as long, or half; repeat themselves, or run on, so much more often.
_LENGTH: Final = 2.0
_REPETITION: Final = 0.15
_ENDING: Final = 0.25
_ROUNDING: Final = 1e-9


Fit = Literal["passes", "strong", "weak"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its 95 % interval, of `n` cases; `passed` None where the gate asks nothing of it."""

    name: str
    value: float
    low: float
    high: float
    n: int
    limit: float | None = None
    passed: bool | None = None


def measures(examined: Sequence[Examined], settings: SleepSettings) -> list[Measure]:
    """The figures of a sleep, in the order of a receipt; those without a case are left out."""
    lessons = _by_lesson(examined, "unseen")
    known = [each for each in examined if each.probe.kind == "earlier" and each.right_before]
    anchors = [each for each in examined if each.probe.kind == "anchor"]
    seed = settings.seed
    found = []
    if lessons:
        found += [
            _share("learned", [_mean(each.right_after for each in group) for group in lessons]),
            _share("learned_before", [_mean(each.right_before for each in group) for group in lessons]),
        ]
        for name in ("trained", "final"):
            groups = _by_lesson(examined, "trained" if name == "trained" else "final")
            found.append(_share(name, [_mean(each.right_after for each in group) for group in groups]))
        gains = [_mean(each.before.nats - each.after.nats for each in group) for group in lessons]
        low, high = bootstrap(gains, seed)
        found.append(Measure("gain", statistics.fmean(gains), low, high, len(gains), 0.0, low > 0.0))
    if known:
        lost = sum(not each.right_after for each in known)
        # 0.57 * 100 is a little less than 57.
        allowed = math.floor(settings.max_forgotten * len(known) + _ROUNDING)
        share = _share("kept", [float(each.right_after) for each in known])
        found.append(share)
        n = len(known)
        found.append(Measure("forgotten", lost, n * (1 - share.high), n * (1 - share.low), n, allowed, lost <= allowed))
    neighbours = [float(each.right_after) for each in examined if each.probe.kind == "neighbour"]
    if neighbours:
        found.append(_share("neighbours", neighbours))
    if anchors:
        found += _steadiness(anchors, settings)
    return [each for each in found if each.n]


def faults(found: Iterable[Measure]) -> list[str]:
    """What the gate refuses, one phrase each."""
    return [_fault(each) for each in found if each.passed is False]


def fit(found: Iterable[Measure], deep: bool) -> Fit:
    """How an adapter stands to what the gate asks: a weaker one drifts less, and has learnt less.

    One that has not learnt enough is too weak, whatever else is wrong with it. A sleep beside earlier memories forgets
    the less of them the weaker it is; a `deep` one has learnt them itself, and forgets the more.
    """
    refused = {each.name for each in found if each.passed is False}
    if refused & ({"gain", "forgotten"} if deep else {"gain"}):
        return "weak"
    return "strong" if refused else "passes"


def strongest(stands: Callable[[float], Fit], tries: int) -> float:
    """The greatest strength in 0..1 that passes among `tries` of a bisection below 1; 0 when none does."""
    best, low, high = 0.0, 0.0, 1.0
    for _ in range(tries):
        middle = (low + high) / 2
        found = stands(middle)
        if found == "strong":
            high = middle
        else:
            low = middle
            best = middle if found == "passes" else best
    return best


def bootstrap(values: Sequence[float], seed: int) -> tuple[float, float]:
    """The 95 % interval of the mean by resampling; of a single value it has no width, and NaN where a value is."""
    if any(map(math.isnan, values)):
        return math.nan, math.nan
    draw = random.Random(seed)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return means[int(0.025 * _RESAMPLES)], means[int(0.975 * _RESAMPLES) - 1]


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of `n` cases, in 0..1.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    if not n:
        return 0.0, 1.0
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _steadiness(anchors: Sequence[Examined], settings: SleepSettings) -> list[Measure]:
    drifts = [(each.after.nats - each.before.nats) / math.log(2) for each in anchors]
    drift = statistics.fmean(drifts)
    low, high = bootstrap(drifts, settings.seed)
    # Of logarithms: an answer of two tokens that has twenty counts no more than one of twenty that has two.
    lengths = [math.log(max(each.after.tokens, 1) / max(each.before.tokens, 1)) for each in anchors]
    length = math.exp(statistics.fmean(lengths))
    shorter, longer = map(math.exp, bootstrap(lengths, settings.seed))
    repeats = [_repetition(each.after) - _repetition(each.before) for each in anchors]
    repetition = statistics.fmean(repeats)
    ended = _mean(each.after.ended for each in anchors)
    n = len(anchors)
    ended_low, ended_high = wilson(ended, n)
    least = max(_mean(each.before.ended for each in anchors) - _ENDING, 0.0)
    return [
        Measure("drift", drift, low, high, n, settings.max_drift, drift <= settings.max_drift),
        Measure("length", length, shorter, longer, n, _LENGTH, 1 / _LENGTH <= length <= _LENGTH),
        Measure(
            "repetition",
            repetition,
            *bootstrap(repeats, settings.seed),
            n,
            _REPETITION,
            repetition <= _REPETITION,
        ),
        Measure("ending", ended, ended_low, ended_high, n, least, ended >= least - _ROUNDING),
    ]


def _fault(each: Measure) -> str:
    limit = each.limit or 0.0
    return {
        "gain": f"it gained {each.value:.2f} nats a token in unseen wordings, {each.low:.2f} at the least",
        "forgotten": f"it lost {each.value:.0f} of {each.n} memories, and {limit:.0f} may be",
        "drift": f"it drifted by {each.value:.2f} bits a token, and {limit:.2f} are allowed",
        "length": f"its answers are {each.value:.1f} times as long as before",
        "repetition": f"its answers repeat themselves, {each.value:.0%} more than before",
        "ending": f"only {each.value:.0%} of its answers come to an end",
    }[each.name]


def _share(name: str, shares: Sequence[float]) -> Measure:
    share = statistics.fmean(shares) if shares else 0.0
    return Measure(name, share, *wilson(share, len(shares)), len(shares))


def _by_lesson(examined: Sequence[Examined], kind: ProbeKind) -> list[list[Examined]]:
    groups: defaultdict[str, list[Examined]] = defaultdict(list)
    for each in examined:
        if each.probe.kind == kind and each.probe.lesson is not None:
            groups[each.probe.lesson.lesson_id].append(each)
    return list(groups.values())


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(map(float, values))


def _repetition(look: Look) -> float:
    """The share of pairs of words that were there already, in 0..1."""
    words = plain(look.answer).split()
    pairs = list(pairwise(words))
    return 1 - len(set(pairs)) / len(pairs) if pairs else 0.0
