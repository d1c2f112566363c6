"""The plots of the record: what each kind shows, drawn from SQL aggregates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from lab.figures import Figure, Rule, Series
from lab.journal import queries, series
from lab.journal.filters import MEASURES
from lab.journal.record import Record
from lab.journal.series import BINS, Group
from lab.journal.timeline import placed, points
from lab.salience import PROFILES, threshold_of
from lab.settings import SalienceSettings
from lab.text import model_name, one_line

# What is asked of a plot: the record, a session or all of it, the profile, the threshold, and how to stop.
_Kind = Callable[[Record, "str | None", str, float, "threading.Event | None"], "tuple[Figure, ...]"]
# Points of a line: more than any screen has columns.
_BUCKETS: Final = 300
# Bars that can be told apart.
_GROUPS: Final = 12
_NAME: Final = 18
# For what is no dimension: tints that lie far from each other.
_TINTS: Final = ("surprise", "novelty", "arousal", "reward", "conflict", "total", "primary", "quiet")


def plot(
    kind: str,
    record: Record,
    session_id: str | None,
    profile: str,
    threshold: float,
    cancel: threading.Event | None = None,
) -> tuple[Figure, ...]:
    """The plot of this kind, one of KINDS, for a session or the whole record; a histogram is one figure a measure.

    Raises LabError as `Record.query` does.
    """
    return _KINDS[kind](record, session_id, profile, threshold, cancel)


def judged_by(record: Record, salience: SalienceSettings, profile: str, cancel: threading.Event | None = None) -> float:
    """The threshold of a profile's totals: that of the settings is of their own profile only. Raises LabError."""
    own = profile == salience.profile
    if profile in PROFILES and not (own and salience.share):
        return threshold_of(profile, salience.threshold if own else None)
    # That of the most salient share moves, and a profile that is not of this lab brings its own: the latest.
    found = record.query(
        """SELECT threshold FROM salience JOIN exchanges USING (exchange_id)
        WHERE profile = $profile ORDER BY created_at DESC, exchange_id DESC LIMIT 1""",
        {"profile": profile},
        cancel=cancel,
    )
    return float(found.rows[0][0]) if found.rows else threshold_of(salience.profile, salience.threshold)


def _timeline(
    record: Record, session_id: str | None, profile: str, threshold: float, cancel: threading.Event | None
) -> tuple[Figure, ...]:
    stretch = points(record, session_id, profile, buckets=_BUCKETS, cancel=cancel)
    found = stretch.points
    lines = []
    for index, name in enumerate(MEASURES):
        known = [(point.start + 1.0, value) for point in found if (value := point.mean[index]) is not None]
        lines.append(Series(name, tuple(x for x, _ in known), tuple(value for _, value in known), name))
    marks = placed([cycle for cycle in queries.cycles(record) if cycle.status == "complete"], stretch)
    rules = [Rule("threshold", y=threshold)]
    for index, cycles in marks.items():
        # Many names would be a grey wall.
        label = one_line(cycles[0].cycle_id, _NAME) if len(marks) <= _GROUPS else ""
        rules.append(Rule(label, x=found[index].start + 0.5 if index < len(found) else stretch.total + 0.5))
    x_label = f"exchange, {found[0].first_at:%Y-%m-%d} to {found[-1].last_at:%Y-%m-%d}" if found else "exchange"
    title = _title("Salience over time", session_id)
    return (Figure(title, x_label, profile, tuple(lines), tuple(rules)),)


def _by_checkpoint(
    record: Record, session_id: str | None, profile: str, threshold: float, cancel: threading.Event | None
) -> tuple[Figure, ...]:
    found = series.groups(record, "checkpoint", session_id, profile, cancel)
    return (_bars(_title("Salience by checkpoint", session_id), found, "unknown", profile, threshold),)


def _by_adapter(
    record: Record, session_id: str | None, profile: str, threshold: float, cancel: threading.Event | None
) -> tuple[Figure, ...]:
    found = series.groups(record, "adapter", session_id, profile, cancel)
    return (_bars(_title("Salience by adapter", session_id), found, "none", profile, threshold),)


def _sleeps(
    record: Record, session_id: str | None, profile: str, threshold: float, cancel: threading.Event | None
) -> tuple[Figure, ...]:
    found = series.between_sleeps(record, session_id, profile, cancel)
    lines = tuple(
        Series(name, tuple(map(float, range(len(found)))), tuple(group.means[index] for group in found), name)
        for index, name in enumerate(MEASURES)
    )
    step = max(1, -(-len(found) // _GROUPS))
    ticks = tuple(
        (float(number), one_line(group.name, _NAME) if group.name else "before")
        for number, group in enumerate(found)
        if number % step == 0
    )
    title = _title("Mean salience before the first sleep and after each", session_id)
    return (Figure(title, "after", profile, lines, (Rule("threshold", y=threshold),), ticks),)


def _histogram(
    record: Record, session_id: str | None, profile: str, threshold: float, cancel: threading.Event | None
) -> tuple[Figure, ...]:
    counted = series.histograms(record, session_id, profile, cancel)
    centres = tuple((step + 0.5) / BINS for step in range(BINS))
    figures = []
    for name, counts in counted.items():
        rules = (Rule("", x=threshold),) if name == "total" else ()
        title = f"Total, threshold {threshold:g}" if name == "total" else name.capitalize()
        bars = Series(name, centres if any(counts) else (), tuple(map(float, counts)), name, "bars")
        figures.append(Figure(title, profile, "exchanges", (bars,), rules))
    return tuple(figures)


def _losses(
    record: Record, session_id: str | None, profile: str, threshold: float, cancel: threading.Event | None
) -> tuple[Figure, ...]:
    found = series.losses(record, session_id, cycles=len(_TINTS), cancel=cancel)
    return (losses_figure(found, _title("Loss of the latest sleeps", session_id)),)


def losses_figure(found: dict[str, tuple[tuple[int, float], ...]], title: str) -> Figure:
    """Losses by optimiser step, one line a sleep."""
    lines = tuple(
        Series(one_line(name), tuple(float(step) for step, _ in steps), tuple(loss for _, loss in steps), tint)
        for (name, steps), tint in zip(found.items(), _TINTS)
    )
    return Figure(title, "step", "nats a token", lines)


_KINDS: Final[dict[str, _Kind]] = {
    "timeline": _timeline,
    "by-checkpoint": _by_checkpoint,
    "by-adapter": _by_adapter,
    "histogram": _histogram,
    "sleeps": _sleeps,
    "losses": _losses,
}
KINDS: Final = tuple(_KINDS)


def _bars(title: str, found: Sequence[Group], nameless: str, profile: str, threshold: float) -> Figure:
    """Bars side by side, one a measure, for each of the groups that answered most."""
    kept = sorted(found, key=lambda group: -group.n)[:_GROUPS]
    shown = [group for group in found if group in kept]
    if len(shown) < len(found):
        title += f" (the {len(shown)} of {len(found)} that answered most)"
    step = 1 / (len(MEASURES) + 1)
    bars = tuple(
        Series(
            name,
            tuple(number + (index - (len(MEASURES) - 1) / 2) * step for number in range(len(shown))),
            tuple(group.means[index] for group in shown),
            name,
            "bars",
        )
        for index, name in enumerate(MEASURES)
    )
    ticks = tuple(
        (float(number), f"{one_line(model_name(group.name), _NAME) if group.name else nameless} ({group.n:,})")
        for number, group in enumerate(shown)
    )
    return Figure(title, "", profile, bars, (Rule("threshold", y=threshold),), ticks)


def _title(what: str, session_id: str | None) -> str:
    return what if session_id is None else f"{what}, {one_line(session_id)}"
