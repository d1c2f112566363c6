"""The rows of a receipt: its measures with bars, questions with the answers of before and after, lessons, dreams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from textual.content import Content

from lab.journal.receipts import Receipt
from lab.journal.sleep_events import SleepExampleUsed, SleepLessonFound, SleepMeasured, SleepProbed
from lab.receipt import (
    cut_lines,
    dreamt,
    figure,
    judged,
    lesson_facts,
    lesson_text,
    meaning,
    probe_kind,
    sentence,
    share,
)
from lab.text import count, one_line
from lab.tui import theme

# What a person wants to know of every sleep; a low screen shows these alone above the lists.
MAIN: Final = ("learned", "kept", "forgotten", "neighbours", "drift")
# From this width on answers stand side by side, and measures have bars.
WIDE: Final = 96
_BAR: Final = 14
_INDENT: Final = "  "
_ARROW: Final = "\u2192"
_MET: Final = {"met": "$success", "missed": "bold $error"}


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a list, and the exchange that it comes from where one is known."""

    content: Content
    exchange_id: str | None = None


def figures(measures: Sequence[SleepMeasured], width: int) -> Content:
    """The measures as a table, one a line: name, bar, value, interval, n, limit, whether it was met."""
    rows = [figure(each) for each in measures]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return Content("\n").join(_figure(each, row, widths, width) for each, row in zip(measures, rows))


def _figure(measure: SleepMeasured, row: tuple[str, ...], widths: Sequence[int], width: int) -> Content:
    name, value, interval, n, limit, met = row
    parts: list[Content | str | tuple[str, str]] = [(name.ljust(widths[0]), "$quiet"), "  "]
    if width >= WIDE:
        part = share(measure)
        parts += [" " * _BAR if part is None else theme.bar(part, _BAR, "$primary", measure.limit), "  "]
    parts += [(value.rjust(widths[1]), "bold"), "  ", (f"95 %: {interval.ljust(widths[2])}", "$quiet")]
    parts += [(f"  n {n.rjust(widths[3])}", "$quiet"), f"  {limit.ljust(widths[4])}  ", (met, _MET.get(met, ""))]
    return Content.assemble(*parts)


def measure_rows(receipt: Receipt, width: int) -> list[Row]:
    """What each measure means."""
    found = []
    for each in receipt.measures:
        name, value, interval, *_ = figure(each)
        head = Content.assemble((name.ljust(19), "bold"), f"{value}  ", (f"95 %: {interval}", "$quiet"))
        found.append(Row(Content("\n").join([head, Content.styled(f"{_INDENT}{meaning(each)}", "$quiet")])))
    return found


def probe_rows(receipt: Receipt, width: int) -> list[Row]:
    """Each question with what was expected and the answers before and after, side by side where there is room."""
    exchanges = {each.lesson_id: each.exchange_id for each in (*receipt.lessons, *receipt.set_aside)}
    return [Row(_probe(each, width), exchanges.get(each.lesson_id or "")) for each in receipt.probes]


def _probe(probe: SleepProbed, width: int) -> Content:
    question = one_line(probe.question, max(width - 17, 8))
    lines = [Content.assemble((f"{probe_kind(probe):<17}", "$quiet"), (question, "bold"))]
    before, after = judged(probe)
    if probe.kind != "neighbour":
        expected = one_line(probe.expected, max(width - 12, 8))
        lines.append(Content.assemble((f"{_INDENT}expected  ", "$quiet"), expected))
    styles = _style(before), _style(after)
    if width < WIDE:
        for label, answer, style in zip((before, after), (probe.answer_before, probe.answer_after), styles):
            lines += _labelled(label, answer, style, width - len(_INDENT), 2, _INDENT)
        return Content("\n").join(lines)
    room = (width - 2 * len(_INDENT)) // 2
    sides = [
        _labelled(label, answer, style, room, 3)
        for label, answer, style in ((before, probe.answer_before, styles[0]), (after, probe.answer_after, styles[1]))
    ]
    for left, right in zip_longest(*sides, fillvalue=Content("")):
        gap = " " * (room - left.cell_length + len(_INDENT))
        lines.append(Content.assemble(_INDENT, left, gap, right))
    return Content("\n").join(lines)


def _labelled(label: str, answer: str, style: str, width: int, most: int, indent: str = "") -> list[Content]:
    """An answer behind the word on it, wrapped."""
    lines = cut_lines(answer or "(empty)", width, most, f"{label}  ")
    rest = lines[0][len(label) :]
    return [Content.assemble(indent, (label, style), rest), *(Content(f"{indent}{line}") for line in lines[1:])]


def _style(label: str) -> str:
    word = label.rpartition(" ")[2]
    return {"right": "bold $success", "unchanged": "bold $success", "before": "$quiet", "after": "$quiet"}.get(
        word, "bold $error"
    )


def lesson_rows(receipt: Receipt, width: int) -> list[Row]:
    """What was to be learned, then what was set aside and why."""
    trained = Counter(each.lesson_id for each in receipt.examples)
    rows = []
    for each in receipt.lessons:
        facts = f"{lesson_facts(each)}, trained in {count(trained[each.lesson_id], 'example')}"
        rows.append(_lesson(each, facts, "", width))
    for each in receipt.set_aside:
        rows.append(_lesson(each, sentence(each.reason or ""), "set aside  ", width))
    return rows


def _lesson(lesson: SleepLessonFound, below: str, mark: str, width: int) -> Row:
    text = one_line(lesson_text(lesson, _ARROW), max(width - len(mark), 8))
    head = Content.assemble((mark, "bold $warning"), text)
    lines = cut_lines(below, width - len(_INDENT), 3)
    return Row(
        Content("\n").join([head, *(Content.styled(_INDENT + line, "$quiet") for line in lines)]), lesson.exchange_id
    )


def dream_rows(receipt: Receipt, width: int) -> list[Row]:
    """What was trained: how each example came about, its prompt and its answer."""
    return [Row(_dream(each, width), each.exchange_id) for each in receipt.examples]


def _dream(example: SleepExampleUsed, width: int) -> Content:
    text = f"{example.prompt} {_ARROW} {example.target}"
    how = dreamt(example)
    if width >= WIDE:
        return Content.assemble((f"{how:<42}", "$quiet"), one_line(text, width - max(len(how), 42)))
    return Content.assemble((how, "$quiet"), "\n", _INDENT, one_line(text, width - len(_INDENT)))
