"""An experiment in the record, and as a page with plots."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lab import __version__
from lab.domain import DIMENSIONS
from lab.figures import Figure, Series
from lab.journal.events import Event
from lab.journal.study_events import ExperimentEnded, ExperimentSignal, ExperimentTested
from lab.settings import Settings
from lab.study.experiment import Plan, Turn
from lab.study.hypotheses import LEAST_DIFFERENCE, LEAST_RHO, LEVEL, Outcome, by_condition, profiles_of, sentence, sizes
from lab.study.machine import machine
from lab.study.protocols import Protocol
from lab.text import count, duration, model_name

# What a hypothesis that could not be tested lacks.
_MORE = "more checkpoints, items or salient turns, or values that differ"
# Far from each other, for what is no dimension.
_TINTS = ("total", "conflict", "novelty", "surprise", "reward", "arousal", "primary", "quiet")


def events(
    experiment_id: str, plan: Plan, turns: Sequence[Turn], tests: Sequence[Outcome], seconds: float
) -> list[Event]:
    """The experiment as it is recorded."""
    told: list[Event] = [
        ExperimentEnded(experiment_id, plan.protocol, plan.checkpoints, plan.repeats, len(turns), round(seconds, 3))
    ]
    told += [
        ExperimentSignal(
            experiment_id,
            turn.exchange_id,
            signal,
            turn.checkpoint,
            turn.repeat,
            turn.item,
            turn.condition,
            turn.turn,
            value,
        )
        for turn in turns
        for signal, value in turn.signals.items()
    ]
    told += [
        ExperimentTested(experiment_id, test.hypothesis.name, test.profile, *_sides(test), **_figures(test))
        for test in tests
    ]
    return told


def _sides(test: Outcome) -> tuple[float | None, float | None]:
    return (test.sides[0], test.sides[1]) if test.sides else (None, None)


def _figures(test: Outcome) -> dict[str, Any]:
    found = test.difference
    return {
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "p": test.p,
        "corrected": test.corrected,
        "effect": test.effect,
        "verdict": test.verdict,
    }


def body(experiment_id: str, plan: Plan, turns: Sequence[Turn], tests: Sequence[Outcome]) -> dict[str, Any]:
    """The experiment as one JSON object."""
    return {
        "experiment_id": experiment_id,
        "protocol": plan.protocol,
        "checkpoints": sizes(turns),
        "repeats": plan.repeats,
        "settings": plan.settings,
        "turns": len(turns),
        "machine": machine(),
        "hypotheses": [
            {
                "name": test.hypothesis.name,
                "says": test.hypothesis.says,
                "profile": test.profile,
                "published": list(test.hypothesis.published),
                "sides": list(test.sides),
                **_figures(test),
            }
            for test in tests
        ],
    }


def page(
    experiment_id: str,
    protocol: Protocol,
    plan: Plan,
    turns: Sequence[Turn],
    tests: Sequence[Outcome],
    seconds: float,
    at: datetime,
) -> str:
    """The report in Markdown; its plots lie beside it."""
    profiles = profiles_of(turns)
    untested = [each.name for each in protocol.hypotheses if each.name not in {test.hypothesis.name for test in tests}]
    lines = [
        f"# {protocol.title}",
        "",
        f"{experiment_id}, {at:%Y-%m-%d}, snarc-lab {__version__}, {machine()}, {duration(seconds)}.",
        f"{count(plan.items, 'item')}, {count(plan.repeats, 'repeat')}, {count(len(turns), 'turn')};"
        f" {', '.join(f'{model_name(name)} ({size / 1e9:.2f} B)' for name, size in sizes(turns).items())}.",
        f"Settings: {_settings(plan)}.",
        "",
        "## What came of the hypotheses",
        "",
        *(f"- {sentence(test)}" for test in tests),
        *(f"- {name}: not tested; this needs {_MORE}." for name in untested),
        "",
        "A hypothesis is supported when the 95 % interval (bootstrap) lies above 0 and the permutation test, corrected"
        f" for all tests here (Benjamini and Hochberg), is below {LEVEL}; not supported when the interval lies below a"
        f" difference of {LEAST_DIFFERENCE}. A correlation is none when its interval lies within {LEAST_RHO}. All else"
        " is undecided.",
        "",
        "| hypothesis | profile | n | sides | published | difference | 95 % | p | corrected | effect | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *map(_row, tests),
        "",
    ]
    for profile in profiles:
        lines += [f"## Means by {profile}", "", *_means(turns, profile), ""]
    lines += [f"![{name}]({name}.svg)\n" for name in figures(turns)]
    return "\n".join(lines)


def _settings(plan: Plan) -> str:
    """What is not as in a new lab.toml."""
    usual = Settings().model_dump()
    changed = [
        f"{section}.{key} {value}"
        for section, its in plan.settings.items()
        for key, value in its.items()
        if value != usual[section][key]
    ]
    return ", ".join(changed) or "as they come"


def _row(test: Outcome) -> str:
    found, hypothesis = test.difference, test.hypothesis
    cells = (
        hypothesis.name,
        test.profile,
        str(found.n),
        ", ".join(f"{side:.3f}" for side in test.sides),
        ", ".join(f"{value:.3f}" for value in hypothesis.published),
        f"{found.value:+.3f}",
        f"{found.low:+.3f} to {found.high:+.3f}",
        f"{test.p:.4f}",
        f"{test.corrected:.4f}",
        f"{test.effect:+.2f}",
        test.verdict,
    )
    return f"| {' | '.join(cells)} |"


def _means(turns: Sequence[Turn], profile: str) -> list[str]:
    measures = ("total", *DIMENSIONS)
    means = {measure: by_condition(turns, f"{profile}.{measure}") for measure in measures}
    rows = [
        f"| {model_name(checkpoint)} | {condition} | "
        + " | ".join(f"{means[measure][checkpoint, condition]:.3f}" for measure in measures)
        + " |"
        for checkpoint, condition in means["total"]
    ]
    return [f"| checkpoint | condition | {' | '.join(measures)} |", "| --- | --- |" + " --- |" * len(measures), *rows]


def figures(turns: Sequence[Turn]) -> dict[str, Figure]:
    """The plots, by the name of their file."""
    profiles = profiles_of(turns)
    drawn = {}
    ordered = sizes(turns)
    if len(ordered) > 1:
        lines = []
        for profile, tint in zip(profiles, _TINTS):
            totals = by_condition(turns, f"{profile}.total")
            # A checkpoint without any answer has no place.
            answered = [name for name in ordered if any(checkpoint == name for checkpoint, _ in totals)]
            means = [
                statistics.fmean(value for (name, _), value in totals.items() if name == checkpoint)
                for checkpoint in answered
            ]
            lines.append(Series(profile, tuple(ordered[name] / 1e9 for name in answered), tuple(means), tint))
        drawn["sizes"] = Figure("Salience by size", "billion parameters", "mean total", tuple(lines))
    for profile in profiles:
        means_of = {name: by_condition(turns, f"{profile}.{name}") for name in ("total", *DIMENSIONS)}
        places = list(means_of["total"])
        ticks = tuple(
            (float(at), condition if len(ordered) == 1 else f"{model_name(checkpoint)}, {condition}")
            for at, (checkpoint, condition) in enumerate(places)
        )
        series = tuple(
            Series(name, tuple(map(float, range(len(places)))), tuple(values[place] for place in places), name)
            for name, values in means_of.items()
        )
        drawn[f"conditions-{profile}"] = Figure(f"Salience by condition, {profile}", "", "mean", series, (), ticks)
    return drawn
