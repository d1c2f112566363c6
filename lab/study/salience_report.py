"""A study in the record, and as a page with plots."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from lab import __version__
from lab.domain import DIMENSIONS
from lab.figures import Figure, Series
from lab.journal.events import Event
from lab.journal.study_events import StudyEnded, StudyMeasured, StudySignal
from lab.settings import EMBEDDED_CHECKPOINT
from lab.study.items import SEEDS
from lab.study.machine import machine
from lab.study.salience import SEED, SLEPT_ON, Findings
from lab.study.statistics import Estimate
from lab.text import duration

# What `measured` has to be better than.
_RIVALS: Final = ("lexical.total", "length", "random")


def events(study_id: str, found: Findings) -> list[Event]:
    """The study as it is recorded."""
    told: list[Event] = [
        StudyEnded(study_id, "salience", EMBEDDED_CHECKPOINT, SEED, len(found.items), round(found.seconds, 3))
    ]
    told += [
        StudySignal(study_id, item["number"], signal, item["kind"], item["said"], value)
        for item in found.items
        for signal, value in item["signals"].items()
    ]
    for measure, estimates in _measures(found).items():
        told += [
            StudyMeasured(study_id, measure, signal, each.value, each.low, each.high, each.n)
            for signal, each in estimates.items()
        ]
    told += [
        StudyMeasured(study_id, "weight", f"measured.{name}", weight, None, None, len(found.items) // 2)
        for name, weight in found.weights.items()
    ]
    return told


def _measures(found: Findings) -> dict[str, Mapping[str, Estimate]]:
    return {"correlation": found.correlations, "recall": found.recall, "second_half": found.halves}


def body(study_id: str, found: Findings) -> dict[str, Any]:
    """The study as one JSON object."""
    return {
        "study_id": study_id,
        "machine": machine(),
        "seconds": round(found.seconds, 1),
        "correlations": {name: _figures(each, "rho") for name, each in found.correlations.items()},
        "recall": {name: _figures(each, "recall") for name, each in found.recall.items()},
        "second_half": {name: _figures(each, "rho") for name, each in found.halves.items()},
        "fitted_weights": dict(found.weights),
    }


def _figures(each: Estimate, name: str) -> dict[str, float]:
    return {name: each.value, "low": each.low, "high": each.high, "n": each.n}


def page(study_id: str, found: Findings, at: datetime) -> str:
    """The report in Markdown; its plots lie beside it."""
    ordered = sorted(found.correlations.items(), key=lambda one: -one[1].value)
    lines = [
        "# What is worth learning, and what tells it",
        "",
        f"{study_id}, {at:%Y-%m-%d}, snarc-lab {__version__}, {EMBEDDED_CHECKPOINT}, {machine()},"
        f" {duration(found.seconds)}.",
        "",
        "Each of the exchanges was said to the model and scored. Then a few steps of LoRA on two questions with its"
        " answer, from one saved state: its worth is by how many nats a token the loss of the answer to two other"
        " wordings falls, less by how many that of the base's own answers to general prompts rises. Intervals are 95 %,"
        " by bootstrap over exchanges.",
        "",
        "## Rank correlation of each signal with worth",
        "",
        "| signal | rho | 95 % | n |",
        "| --- | --- | --- | --- |",
        *(f"| {name} | {_row(each)} |" for name, each in ordered),
        "",
        "![correlations](correlations.svg)",
        "",
        "## Recall after a sleep on the top quarter",
        "",
        "A quarter of the exchanges is chosen by each signal, and learnt; then everything new is asked for in wordings"
        f" that were not trained, {SEEDS} seeds pooled. `worth` is what each turned out to be worth by itself, also of"
        " exchanges that nothing is asked about: no ceiling.",
        "",
        "| chosen by | recall | 95 % | exchanges asked about |",
        "| --- | --- | --- | --- |",
        *(f"| {name} | {_row(found.recall[name])} |" for name in SLEPT_ON),
        "",
        "![recall](recall.svg)",
        "",
        "## Worth by kind",
        "",
        "| kind | n | worth | gain | harm | total of measured | of lexical |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *_kinds(found),
        "",
        "## Weights",
        "",
        "Fitted on every other exchange of each kind, without a weight below 0, and judged on the others.",
        "",
        "| dimension | fitted weight |",
        "| --- | --- |",
        *(f"| {name} | {found.weights[name]:.2f} |" for name in DIMENSIONS),
        "",
        "| total, second half | rho | 95 % | n |",
        "| --- | --- | --- | --- |",
        *(f"| {name} | {_row(each)} |" for name, each in found.halves.items()),
        "",
        "## What this says",
        "",
        *_sentences(found),
        "",
    ]
    return "\n".join(lines)


def _row(each: Estimate) -> str:
    return f"{each.value:.2f} | {each.low:.2f} to {each.high:.2f} | {each.n}"


def _kinds(found: Findings) -> list[str]:
    kinds: defaultdict[str, list[Mapping[str, float]]] = defaultdict(list)
    for item in found.items:
        kinds[item["kind"]].append(item["signals"])
    names = ("worth", "gain", "harm", "measured.total", "lexical.total")
    rows = []
    for kind, signals in kinds.items():
        means = (f"{statistics.fmean(each[name] for each in signals):.2f}" for name in names)
        rows.append(f"| {kind} | {len(signals)} | {' | '.join(means)} |")
    return rows


def _sentences(found: Findings) -> list[str]:
    measured = found.correlations["measured.total"]
    above = [name for name in _RIVALS if measured.low > found.correlations[name].high]
    correlates = "reaches" if measured.value >= 0.5 else "does not reach"
    told = [
        f"The total of `measured` {correlates} 0.5 ({measured.value:.2f}); of the intervals of {', '.join(_RIVALS)}"
        f" its own lies above {_named(above)}."
    ]
    recalled = found.recall["measured.total"].value
    beats = [name for name in _RIVALS if recalled > found.recall[name].value]
    told.append(f"Of their top quarters its own recalls more than {_named(beats)}.")
    idle = [name for name in DIMENSIONS if found.correlations[f"measured.{name}"].low <= 0]
    told.append(
        f"Dimensions whose interval holds 0, so that nothing shows that they help: {', '.join(idle)}."
        if idle
        else "Every dimension correlates above 0."
    )
    return told


def _named(names: list[str]) -> str:
    """Which of the rivals."""
    return "all of them" if len(names) == len(_RIVALS) else "that of " + " and ".join(names) if names else "none"


def figures(found: Findings) -> dict[str, Figure]:
    """The plots, by the name of their file."""
    ordered = sorted(found.correlations.items(), key=lambda one: -one[1].value)
    recalled = [(name, found.recall[name]) for name in SLEPT_ON]
    return {
        "correlations": _bars("Rank correlation with what learning was worth", "Spearman's rho", ordered),
        "recall": _bars("Recall after a sleep on the top quarter", "recall in unseen wordings", recalled),
    }


def _bars(title: str, y_label: str, estimates: list[tuple[str, Estimate]]) -> Figure:
    places = tuple(map(float, range(len(estimates))))
    values = tuple(each.value for _, each in estimates)
    ends = tuple(Series("", (at, at), (each.low, each.high), "quiet") for at, (_, each) in zip(places, estimates))
    ticks = tuple((at, name) for at, (name, _) in zip(places, estimates))
    return Figure(
        title, "", y_label, (Series("line: 95 % interval", places, values, "total", "bars"), *ends), (), ticks
    )
