"""A receipt in words: what came of a sleep as a sentence, its figures, and what each part of it is called.

"Learned" is said of recall in unseen wordings, of nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from lab.domain import Verdict
from lab.journal.receipts import Cycle, Receipt
from lab.journal.sleep_events import SleepExampleUsed, SleepLessonFound, SleepMeasured, SleepProbed
from lab.text import amount, count, duration, model_name, one_line, wrapped

NOT_MEASURED: Final = "Nothing was measured: nobody asked before and after this sleep."
STILL_RUNNING: Final = "It is still running: it is measured at its end."
LEARNED: Final = "Learned is what was recalled in wordings that were never trained."

_NOT_A_NUMBER: Final = "not a number"

# Of each measure its name in a table, what it says, and how it is written.
_SHARE, _COUNT, _NUMBER = "share", "count", "number"


class _Words(NamedTuple):
    name: str
    meaning: str
    unit: str
    at_least: bool


_MEASURES: Final[dict[str, _Words]] = {
    "learned": _Words("learned", "answered rightly after the sleep, in wordings it never saw", _SHARE, True),
    "learned_before": _Words("before the sleep", "the same wordings, answered rightly before it", _SHARE, True),
    "final": _Words("final wordings", "answered rightly in wordings that the gate never sees", _SHARE, True),
    "trained": _Words("trained wordings", "answered rightly in a wording that was trained", _SHARE, True),
    "gain": _Words("gain, nats/token", "how much likelier the right answers became, in unseen wordings", _NUMBER, True),
    "kept": _Words("kept", "earlier memories known before, and known still", _SHARE, True),
    "forgotten": _Words("forgotten", "earlier memories known before, and lost", _COUNT, False),
    "neighbours": _Words("neighbours", "questions about something else, answered as before", _SHARE, True),
    "drift": _Words("drift, bits/token", "how far answers to general prompts moved from the base's", _NUMBER, False),
    "length": _Words("length, times", "length of the answers, times that of before", _NUMBER, False),
    "repetition": _Words("more repetition", "share of repeated words, above that of before", _SHARE, False),
    "ending": _Words("ends by itself", "answers that end by themselves", _SHARE, True),
}
_PROBES: Final = {
    "unseen": "unseen wording",
    "final": "final wording",
    "trained": "trained wording",
    "earlier": "earlier memory",
    "neighbour": "neighbour",
    "anchor": "general prompt",
}
_ORIGINS: Final = {"statement": "you said so", "marked": "as you marked it", "answer": "the model's own answer"}
_VERDICTS: Final[dict[Verdict, str]] = {
    "kept": "kept",
    "weakened": "weakened",
    "rolled_back": "rolled back",
    "ungated": "not judged",
}
# Of a text so many characters are shown; --json has all.
LONGEST: Final = 600


# Figures


def figure(measure: SleepMeasured) -> tuple[str, str, str, str, str, str]:
    """Name, value, 95 % interval, n, limit and whether it was met, as they stand in a table."""
    known = _words(measure.measure)
    interval = _NOT_A_NUMBER
    if measure.low is not None and measure.high is not None:
        low, high = _written(measure.low, known), _written(measure.high, known)
        interval = f"{low.removesuffix(' %') if known.unit == _SHARE else low} to {high}"
    limit = ""
    if measure.measure == "length" and measure.limit:
        # Neither so much longer nor so much shorter.
        limit = f"{1 / measure.limit:g} to {measure.limit:g}"
    elif measure.limit is not None:
        limit = f"{'at least' if known.at_least else 'at most'} {_written(measure.limit, known)}"
    met = {True: "met", False: "missed", None: ""}[measure.passed]
    return known.name, _written(measure.value, known), interval, f"{measure.n:,}", limit, met


def unmeasured(cycle: Cycle) -> str:
    """Why a sleep has no measures."""
    return STILL_RUNNING if cycle.status == "running" else NOT_MEASURED


def meaning(measure: SleepMeasured) -> str:
    """What a measure says, for a person."""
    return _words(measure.measure).meaning


def share(measure: SleepMeasured) -> float | None:
    """The value of a measure that is a share of n, for a bar; None for others."""
    return measure.value if _words(measure.measure).unit == _SHARE and measure.measure != "repetition" else None


def _words(measure: str) -> _Words:
    return _MEASURES.get(measure, _Words(one_line(measure, 20), "a measure of another release", _NUMBER, True))


def _written(value: float | None, known: _Words) -> str:
    if value is None:
        return _NOT_A_NUMBER
    if known.unit == _SHARE:
        return f"{value:.0%}".replace("%", " %")
    return f"{value:.0f}" if known.unit == _COUNT else f"{value:.3f}"


# Sentences


def verdict_words(verdict: Verdict | None, strength: float | None) -> str:
    """ "kept", "weakened to 60 %", "rolled back"; "" where there is none."""
    if verdict is None:
        return ""
    to = f" to {strength:.0%}".replace("%", " %") if verdict == "weakened" and strength is not None else ""
    return f"{_VERDICTS.get(verdict, one_line(verdict))}{to}"


def achieved(measures: Sequence[SleepMeasured], intervals: bool = False) -> str:
    """The figures of a sleep in one line: "learned 5 of 6, kept 12 of 12, neighbours 6 of 6, drift 0.03". What was
    known before is said beside it: "learned 12 of 12 (9 before)"."""
    found = {each.measure: each for each in measures}
    parts = []
    for name in ("learned", "kept", "neighbours"):
        if name in found and found[name].n:
            parts.append(_ratio(found[name], intervals))
        if name == "learned" and parts and (before := found.get("learned_before")) and before.value:
            parts[-1] += f" ({_number(before.value * before.n)} before)"
    if "drift" in found:
        drift = found["drift"].value
        moved = _NOT_A_NUMBER if drift is None else f"{drift:.2f}{' bits/token' if intervals else ''}"
        parts.append(f"drift {moved}")
    return ", ".join(parts)


def _ratio(measure: SleepMeasured, intervals: bool) -> str:
    """ "learned 5 of 6"; with intervals "learned 5 of 6 (3 to 6) in unseen wordings", "6 of 6 neighbours unchanged"."""
    name, n = measure.measure, measure.n
    if measure.value is None:
        return f"{name} {_NOT_A_NUMBER}"
    ratio = f"{_number(measure.value * n)} of {n:,}"
    if intervals and name == "neighbours":
        return f"{ratio} neighbours unchanged"
    if intervals and name == "learned":
        if measure.low is not None and measure.high is not None:
            ratio += f" ({measure.low * n:.0f} to {measure.high * n:.0f})"
        return f"{name} {ratio} in unseen wordings"
    return f"{name} {ratio}"


def _number(lessons: float) -> str:
    """Of lessons: one of which one wording of two was known counts half."""
    return f"{lessons:.1f}".removesuffix(".0")


def outcome(
    cycle_id: str,
    verdict: Verdict | None,
    strength: float | None,
    reason: str | None,
    measures: Mapping[str, SleepMeasured],
) -> str | None:
    """What came of a judged sleep, in one sentence or two; None for one that nobody judged or measured."""
    if verdict is None or verdict == "ungated":
        return None
    said = f"{cycle_id} was {verdict_words(verdict, strength)}"
    why = f" {sentence(reason)}" if reason else ""
    numbers = achieved(list(measures.values()), intervals=True)
    if verdict == "rolled_back":
        return f"{said}; what answered before goes on.{why}{f' Measured: {numbers}.' if numbers else ''}"
    it = "it " if numbers.startswith(("learned", "kept")) else ""
    return f"{said}{f': {it}{numbers}' if numbers else ''}.{why}"


def sentence(text: str) -> str:
    """A reason as a sentence of its own; a purge may have left nothing of it."""
    clean = one_line(text).rstrip(".")
    return f"{clean[:1].upper()}{clean[1:]}." if clean else "The reason was purged."


def heading(receipt: Receipt) -> list[str]:
    """What a sleep was and what it took, a line each."""
    cycle = receipt.cycle
    made = (
        [f"made adapter {cycle.adapter}" if cycle.adapter else "made no adapter"] if cycle.status != "running" else []
    )
    whence = f"from {cycle.parent_adapter or model_name(cycle.checkpoint or 'an unknown checkpoint')}"
    deep = ["deep"] if cycle.deep else []
    verdict = verdict_words(cycle.verdict, cycle.strength)
    first = [cycle.cycle_id, cycle.status, *deep, *([verdict] if verdict else []), *made, whence]
    lines = [", ".join(one_line(part) for part in first)]
    took = [f"{cycle.started_at:%Y-%m-%d %H:%M} UTC"] if cycle.started_at else []
    took += [duration(cycle.seconds)] if cycle.seconds is not None else []
    took += [f"{receipt.tokens_per_second:,.0f} tokens/s"] if receipt.tokens_per_second is not None else []
    took += [f"{amount(receipt.rss_bytes)} of memory"] if receipt.rss_bytes is not None else []
    took += [f"{amount(receipt.vram_bytes)} of GPU memory"] if receipt.vram_bytes is not None else []
    took += [f"in {cycle.dtype}"] if cycle.dtype is not None else []
    took += ["gradient checkpointing"] if cycle.checkpointing else []
    lines.append(", ".join(took))
    lines.append(", ".join(_trained(cycle)))
    if cycle.reason:
        lines.append(f"Why: {one_line(cycle.reason, LONGEST)}")
    return [line for line in lines if line]


def _trained(cycle: Cycle) -> list[str]:
    parts = []
    if cycle.exchanges is not None:
        parts.append(count(cycle.exchanges, "exchange"))
    if cycle.lessons is not None:
        parts.append(count(cycle.lessons, "lesson"))
    if cycle.earlier:
        parts.append(f"{cycle.earlier:,} earlier ones again")
    if cycle.examples is not None:
        parts.append(count(cycle.examples, "example"))
    if cycle.steps is not None:
        parts.append(count(cycle.steps, "step"))
    if cycle.first_loss is not None and cycle.last_loss is not None:
        parts.append(f"loss {cycle.first_loss:.2f} -> {cycle.last_loss:.2f} nats/token")
    return parts


# What was asked, trained and dreamt


def lesson_text(lesson: SleepLessonFound, arrow: str) -> str:
    """A question and its answer; of what was set aside before it became one, what was said."""
    asked = lesson.question or lesson.statement
    return f"{asked} {arrow} {lesson.answer}" if lesson.answer else asked


def probe_kind(probe: SleepProbed) -> str:
    """What sort of question it was."""
    return _PROBES.get(probe.kind, one_line(probe.kind))


def judged(probe: SleepProbed) -> tuple[str, str]:
    """How the answers before and after are called: a neighbour is not right or wrong, it has changed or not; a general
    prompt is neither."""
    if probe.kind == "anchor":
        return "before", "after"
    if probe.kind == "neighbour":
        return "before", f"after: {'unchanged' if probe.right_after else 'changed'}"
    before, after = ("right" if right else "wrong" for right in (probe.right_before, probe.right_after))
    return f"before: {before}", f"after: {after}"


def lesson_facts(lesson: SleepLessonFound) -> str:
    """What an answer must hold, and how sure it is that the person said so."""
    parts = [_ORIGINS.get(lesson.origin, one_line(lesson.origin)), f'key "{one_line(lesson.key, 80)}"']
    if lesson.support is not None:
        parts.append(f"{lesson.support:.1f} nats of support")
    return ", ".join(parts)


def dreamt(example: SleepExampleUsed) -> str:
    """How an example came about: its kind, who worded it, how near it is to the original wording."""
    near = f", similarity {example.similarity:.2f}" if example.similarity is not None else ""
    by = f" by {one_line(example.source)}" if example.source else ""
    return f"{one_line(example.kind)}{by}{near}"


def cut_lines(text: str, width: int, most: int, first: str = "") -> list[str]:
    """A text wrapped, behind `first` on its first line; what does not fit into `most` lines ends in an ellipsis."""
    found = wrapped(one_line(text, LONGEST), max(width, 8), first) or [first]
    if len(found) > most:
        # The line with more than fits behind it is what the cut puts an ellipsis to.
        found = [*found[: most - 1], one_line(f"{found[most - 1]} {found[most]}", width)]
    return found
