"""The command that shows the receipt of a sleep."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby, zip_longest
from typing import Any, Final

from lab import console
from lab.commands.shared import reading
from lab.errors import LabError
from lab.journal.find import find_cycle
from lab.journal.receipts import Receipt, newest_cycle
from lab.journal.receipts import receipt as read
from lab.journal.sleep_events import SleepLessonFound, SleepProbed
from lab.receipt import (
    LEARNED,
    LONGEST,
    cut_lines,
    dreamt,
    figure,
    heading,
    judged,
    lesson_facts,
    lesson_text,
    probe_kind,
    sentence,
    unmeasured,
)
from lab.settings import Workspace
from lab.text import count, one_line, padded, wrapped

# Longer lines are hard to read; a narrower terminal than the first would break every table anyway.
_NARROWEST: Final = 60
_WIDEST: Final = 118
_PIPED: Final = 100
# Of an answer beside another one so many lines are shown.
_LINES: Final = 8
_INDENT: Final = "  "


def receipt(workspace: Workspace, arguments: argparse.Namespace) -> int:
    # Every sleep, so that those that exist can be named.
    with reading(workspace, "sleep-") as record:
        cycle_id = newest_cycle(record) if arguments.cycle is None else find_cycle(record, arguments.cycle)
        found = read(record, cycle_id) if cycle_id is not None else None
    if found is None:
        raise LabError("There is no sleep in this workspace yet.", "Talk, then lab sleep.")
    if arguments.json:
        console.print_json(_body(found))
    else:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPED
        print("\n".join(_lines(found, min(max(columns, _NARROWEST), _WIDEST))))
    return 0


def _body(receipt: Receipt) -> dict[str, Any]:
    """The row of the sleep, its rows in the other tables under their names, and what it took."""
    return asdict(receipt.cycle) | {
        "tokens_per_second": receipt.tokens_per_second,
        "rss_bytes": receipt.rss_bytes,
        "vram_bytes": receipt.vram_bytes,
        "sleep_measures": [asdict(each) for each in receipt.measures],
        "sleep_lessons": [asdict(each) for each in (*receipt.lessons, *receipt.set_aside)],
        "sleep_probes": [asdict(each) for each in receipt.probes],
        "sleep_examples": [asdict(each) for each in receipt.examples],
    }


def _lines(receipt: Receipt, width: int) -> Iterator[str]:
    """The whole receipt as plain text of `width` columns."""
    for line in heading(receipt):
        yield from _wrapped(line, width)
    yield ""
    if receipt.measures:
        names = ("measure", "value", "95 % interval", "n", "limit", "")
        yield from console.table(names, map(figure, receipt.measures)).split("\n")
        yield LEARNED
    else:
        yield unmeasured(receipt.cycle)
    if receipt.lessons:
        yield from ("", f"{count(len(receipt.lessons), 'lesson')}:")
        for each in receipt.lessons:
            yield from _lesson(each, width)
    if receipt.probes:
        yield from ("", "Answers before and after:")
        for probe in receipt.probes:
            yield from _probe(probe, width)
    if receipt.set_aside:
        yield from ("", "Set aside:")
        for each in receipt.set_aside:
            yield from _wrapped(lesson_text(each, "->"), width, _INDENT)
            yield from _wrapped(sentence(each.reason or ""), width, _INDENT * 2)
    if receipt.examples:
        yield from ("", "What was dreamt and trained:")
        known = {each.lesson_id: each.question for each in receipt.lessons}
        for lesson, group in groupby(receipt.examples, lambda each: each.lesson_id or each.exchange_id):
            yield from _wrapped(known.get(lesson, lesson), width, _INDENT)
            for example in group:
                yield from _wrapped(f"{dreamt(example)}: {example.prompt} -> {example.target}", width, _INDENT * 2)


def _lesson(lesson: SleepLessonFound, width: int) -> Iterator[str]:
    yield from _wrapped(lesson_text(lesson, "->"), width, _INDENT)
    yield from _wrapped(lesson_facts(lesson), width, _INDENT * 2)


def _probe(probe: SleepProbed, width: int) -> Iterator[str]:
    yield from _wrapped(f"{probe_kind(probe)}: {probe.question}", width, _INDENT)
    if probe.kind != "neighbour":
        yield from _wrapped(f"expected: {probe.expected}", width, _INDENT * 2)
    room = (width - 2 * len(_INDENT) - 2) // 2
    answers = (probe.answer_before, probe.answer_after)
    sides = [[label, *cut_lines(answer, room, _LINES)] for label, answer in zip(judged(probe), answers)]
    for left, right in zip_longest(*sides, fillvalue=""):
        yield f"{_INDENT * 2}{padded(left, room)}  {right}".rstrip()


def _wrapped(text: str, width: int, indent: str = "") -> Iterator[str]:
    yield from wrapped(one_line(text, LONGEST), width, indent, indent + _INDENT) or [indent]
