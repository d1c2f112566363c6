"""A result as a plot: its first time column, else its first text, along x; its scores, else its numbers, as y."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any, Final

from lab.domain import DIMENSIONS
from lab.errors import LabError
from lab.figures import Figure, Series
from lab.journal.results import Column, Order, Result
from lab.text import count, one_line

_SCORES: Final = (*DIMENSIONS, "total")
# More points than a terminal has dots.
_POINTS: Final = 2000
_BARS: Final = 40
_SERIES: Final = 6
_TICKS: Final = 5


def figure(result: Result, order: Order | None = None) -> Figure:
    """A figure of a result, of every n-th row where there are many. Raises LabError when it has no numbers."""
    columns = result.columns
    numbers = [at for at, column in enumerate(columns) if column.number]
    others = [at for at, column in enumerate(columns) if not column.number and column.type != "BOOLEAN"]
    along = next((at for at in others if columns[at].time), others[0] if others else None)
    if along is None and len(numbers) > 1:
        along = numbers.pop(0)
    # Beside scores between 0 and 1, a count would flatten them.
    numbers = [at for at in numbers if columns[at].name in _SCORES] or numbers
    if not numbers or not result.row_count:
        raise LabError("There is nothing to plot: the result has no column of numbers.", "Select one, such as total.")
    rows = result.sample(_POINTS, order)
    numbers = numbers[:_SERIES]
    x, ticks = _places(rows, along, columns[along] if along is not None else None)
    bars = bool(ticks) and len(rows) <= _BARS and len(numbers) == 1 and not columns[along or 0].time
    series = tuple(
        _series(columns[at].name, x, [row[at] for row in rows], number, bars) for number, at in enumerate(numbers)
    )
    named = one_line(columns[along].name) if along is not None else "row"
    title = f"{', '.join(one_line(columns[at].name) for at in numbers)} by {named}"
    if len(rows) < result.row_count:
        title += f", {len(rows):,} of {count(result.row_count, 'row')}"
    return Figure(title, named, "", series, ticks=ticks)


def _places(
    rows: list[tuple[Any, ...]], along: int | None, column: Column | None
) -> tuple[list[float | None], tuple[tuple[float, str], ...]]:
    """Where each row is on x, and the names of some places."""
    if along is None or column is None:
        return [float(at) for at in range(len(rows))], ()
    values = [row[along] for row in rows]
    if column.number:
        return [_real(value) for value in values], ()
    if not column.time:
        step = max(-(-len(rows) // _BARS), 1)
        names = tuple((float(at), one_line(_name(values[at]), 16)) for at in range(0, len(rows), step))
        return [float(at) for at in range(len(rows))], names
    places = [_seconds(value) for value in values]
    known = [place for place in places if place is not None]
    if not known:
        return places, ()
    first, last = min(known), max(known)
    day = last - first > 2 * 86400
    ticks = []
    for at in range(_TICKS):
        place = first + (last - first) * at / (_TICKS - 1)
        moment = datetime.fromtimestamp(place, timezone.utc)
        ticks.append((place, f"{moment:%Y-%m-%d}" if day else f"{moment:%H:%M:%S}"))
    return places, tuple(dict(ticks).items())


def _series(name: str, x: list[float | None], y: list[Any], number: int, bars: bool) -> Series:
    points = [(at, real) for at, value in zip(x, y) if at is not None and (real := _real(value)) is not None]
    points.sort()
    tint = name if name in _SCORES else DIMENSIONS[number % len(DIMENSIONS)]
    return Series(
        one_line(name),
        tuple(at for at, _ in points),
        tuple(value for _, value in points),
        tint,
        "bars" if bars else "line",
    )


def _real(value: Any) -> float | None:
    try:
        real = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return real if math.isfinite(real) else None


def _seconds(value: Any) -> float | None:
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def _name(value: Any) -> str:
    return "NULL" if value is None else str(value)
