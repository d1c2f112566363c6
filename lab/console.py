"""Plain output: tables, JSON, files of one's own choice, progress on stderr, and a Ctrl-C that keeps things."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, ClassVar
from uuid import UUID

import orjson

from lab import files
from lab.domain import Progress
from lab.text import cells, duration, number, one_line, padded

_WIDEST_CELL = 60
_FORCE = "Choose another name, or --force to replace it."


def dumps(value: Any) -> str:
    """One line of JSON; times as ISO 8601, decimals as numbers."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def write_utf8(text: str) -> None:
    """Write to the standard output what has one encoding, such as JSON, whatever that of the terminal is."""
    # Once: what waits to be written is, at each change.
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(text)


def print_json(value: Any) -> None:
    """One line of JSON on the standard output."""
    write_utf8(f"{dumps(value)}\n")


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date, clock)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    return str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = number(value) if isinstance(value, float) else str(value)
    return one_line(text, _WIDEST_CELL)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Aligned columns under a rule; numbers to the right, long text cut to one line."""
    rows = list(rows)
    columns = [one_line(name) for name in columns]
    shown = [[_cell(value) for value in row] for row in rows]
    widths = [max([cells(name), *(cells(row[i]) for row in shown)]) for i, name in enumerate(columns)]
    numeric = [
        bool(rows) and all(isinstance(row[i], (int, float, type(None))) for row in rows) for i in range(len(columns))
    ]

    def line(values: Sequence[str]) -> str:
        filled = (
            value.rjust(width) if right else padded(value, width)
            for value, width, right in zip(values, widths, numeric)
        )
        return "  ".join(filled).rstrip()

    return "\n".join([line(list(columns)), "  ".join("-" * width for width in widths), *map(line, shown)])


def json_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """An array of objects, one a line."""
    lines = ",\n".join(dumps(dict(zip(columns, row))) for row in rows)
    return f"[\n{lines}\n]" if lines else "[]"


def require_new(path: Path, force: bool) -> None:
    """As `files.require_new`, for a command with --force."""
    files.require_new(path, force, _FORCE)


def new_file(path: Path, force: bool) -> contextlib.AbstractContextManager[BinaryIO]:
    """As `files.new_file`, for a command with --force."""
    return files.new_file(path, force, _FORCE)


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, so that what was produced is kept; a second one interrupts."""
    event = threading.Event()

    def first(signum: int, frame: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


class ProgressLine:
    """Progress on stderr: one line that is rewritten on a terminal, a line a stage elsewhere."""

    # How much of the live line is written; a terminal has one.
    _width: ClassVar[int] = 0

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._stage = ""
        self._began = 0.0
        self._shown = 0.0

    def __call__(self, progress: Progress) -> None:
        new_stage = progress.stage != self._stage
        if new_stage:
            self._stage = progress.stage
            self._began = time.monotonic()
        if not self._live:
            if new_stage:
                print(one_line(progress.stage), file=sys.stderr, flush=True)
            return
        if new_stage or time.monotonic() - self._shown > 0.1:
            self.write(f"{progress.stage}{self._share(progress.fraction)}")

    def _share(self, fraction: float | None) -> str:
        """How much is done, and the time that the rest takes at the same pace once that can be told."""
        if fraction is None:
            return ""
        spent = time.monotonic() - self._began
        left = f", {duration(spent / fraction - spent)} left" if spent > 1.0 and 0.01 < fraction < 1.0 else ""
        return f" {fraction:4.0%}{left}"

    def write(self, text: str) -> None:
        """Put a text on the live line; nothing where stderr is no terminal."""
        if self._live:
            text = one_line(text)
            self._shown = time.monotonic()
            print(f"\r{padded(text, self._width)}", end="", file=sys.stderr, flush=True)
            ProgressLine._width = cells(text)

    @classmethod
    def end(cls) -> None:
        """Clear the live line, whoever wrote it."""
        if cls._width:
            print(f"\r{' ' * cls._width}\r", end="", file=sys.stderr, flush=True)
            ProgressLine._width = 0
