"""Salience drawn along exchanges: a lane for each dimension, one for the total, sleeps through all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from lab.domain import SleepCycle
from lab.journal.filters import MEASURES
from lab.journal.timeline import Point
from lab.text import count, one_line, when
from lab.tui import theme

_LABEL: Final = 12
# Cells of a single exchange, at most: few exchanges make no wall.
_WIDEST: Final = 4
_LEVELS: Final = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_SCALES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_CURSOR: Final = "on $primary 30%"

# A character and the colour of it, and whether it fills its cell, so that a line over it needs the fill behind it.
_Cell = tuple[str, str, bool]
_EMPTY: Final[_Cell] = (" ", "", False)


class Lanes(Widget):
    """Draws points. Where one stands for many, the solid part is their mean, the pale part reaches to the highest."""

    DEFAULT_CSS = """
    Lanes { height: 1fr; min-height: 14; }
    """

    class Picked(Message):
        """A point was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self._points: Sequence[Point] = ()
        self._marks: Mapping[int, list[SleepCycle]] = {}
        self._cursor = 0
        self._measure = "total"
        self._threshold = 0.0
        self._values: Sequence[float | None] = ()

    @property
    def columns(self) -> int:
        """How many points fit."""
        return max(self.size.width - _LABEL, 1)

    def show(
        self,
        points: Sequence[Point],
        marks: Mapping[int, list[SleepCycle]],
        cursor: int,
        measure: str,
        threshold: float,
        values: Sequence[float | None],
    ) -> None:
        """Draw these points with the sleeps before some of them.

        `cursor` is an index of `points`, `measure` the chosen lane, `values` what is written beside the lanes.
        """
        self._points, self._marks, self._cursor = points[: self.columns], marks, cursor
        self._measure, self._threshold, self._values = measure, threshold, values
        self.refresh()

    def on_click(self, event: Click) -> None:
        index = (event.x - _LABEL) // self._width
        if 0 <= index < len(self._points):
            self.post_message(self.Picked(index))

    @property
    def _width(self) -> int:
        """Cells of a point."""
        return min(max(self.columns // max(len(self._points), 1), 1), _WIDEST)

    def render(self) -> Content:
        rows = self.size.height - 2
        gap = 1 if rows >= 6 * 2 + 5 else 0
        height = min(max((rows - 5 * gap) // 6, 1), 5)
        heights = [*[height] * 5, min(max(rows - 5 * gap - 5 * height, 1), height + 3)]
        highest = max((value for point in self._points for value in point.peak if value is not None), default=0.0)
        scale = next((step for step in _SCALES if step >= max(highest, self._threshold)), 1.0)
        lines = [self._sleep_names()]
        for index, (name, lane) in enumerate(zip(MEASURES, heights)):
            if index and gap:
                lines.append(Content.assemble(" " * _LABEL, self._line([_EMPTY] * self._used)))
            lines += self._lane(index, name, lane, scale)
        lines.append(self._axis(scale))
        return Content("\n").join(lines)

    @property
    def _used(self) -> int:
        """Cells of all points, and one more for a sleep after the last, where there is room."""
        return min(len(self._points) * self._width + 1, self.columns)

    def _lane(self, index: int, name: str, height: int, scale: float) -> list[Content]:
        chosen = name == self._measure
        value = self._values[index] if index < len(self._values) else None
        labels = [
            Content.assemble(
                ("\u25b8 " if chosen else "  ", theme.colour(name)),
                (name.capitalize().ljust(_LABEL - 2), f"bold {theme.colour(name)}" if chosen else theme.colour(name)),
            )
        ]
        number = "\u2013" if value is None else f"{value:.3f}"
        labels.append(Content.styled(f"  {number.ljust(_LABEL - 2)}", "$quiet" if value is None else "$foreground"))
        lines = []
        level = self._threshold / scale * height if name == "total" else -1.0
        for row in range(height - 1, -1, -1):
            cells = [cell for point in self._points for cell in self._point(point, index, row, height, scale)]
            cells = [*cells, _EMPTY][: self._used]
            if int(level) == row and level >= 0:
                part = level - row
                dash = "\u2581" if part < 1 / 3 else "\u2500" if part < 2 / 3 else "\u2594"
                cells = [_over(cell, dash, "$quiet") for cell in cells]
            label = labels[height - 1 - row] if height - 1 - row < len(labels) else Content(" " * _LABEL)
            lines.append(Content.assemble(label, self._line(cells)))
        return lines

    def _point(self, point: Point, index: int, row: int, height: int, scale: float) -> list[_Cell]:
        """The cells of a point in one row of a lane, counted from its bottom."""
        mean, peak = point.mean[index], point.peak[index]
        fill, cap = (_eighths(value, height, scale) - 8 * row for value in (mean, peak))
        salient = MEASURES[index] != "total" or bool(point.salient)
        colour = theme.colour(MEASURES[index]) if salient else "$quiet"
        if fill >= 8:
            cell: _Cell = (_LEVELS[8], colour, True)
        elif fill > 0:
            cell = (_LEVELS[fill], f"{colour} on $track" if cap >= 8 else colour, False)
        elif cap > 0:
            cell = (_LEVELS[min(cap, 8)], "$track", cap >= 8)
        else:
            cell = _EMPTY
        width = self._width
        # A gap shows that these are single exchanges.
        return [cell] * (width - 1) + [_EMPTY] if width > 2 else [cell] * width

    def _line(self, cells: Sequence[_Cell]) -> Content:
        """A row with the cursor and the sleeps in it."""
        drawn = list(cells)
        places = self._sleep_places()
        for at, cycles in places.items() if not self._crowded(len(places)) else ():
            style = "$primary" if any(cycle.status == "complete" for cycle in cycles) else "$track"
            if at < len(drawn):
                drawn[at] = _over(drawn[at], "\u2502", style)
        start = self._cursor * self._width
        end = start + max(self._width - (1 if self._width > 2 else 0), 1)
        styled = [
            (text, f"{style} {_CURSOR}".strip() if start <= at < end and " on " not in style else style)
            for at, (text, style, _) in enumerate(drawn)
        ]
        runs = [("".join(text for text, _ in run), style) for style, run in groupby(styled, key=lambda pair: pair[1])]
        return Content.assemble(*runs)

    def _crowded(self, marks: int) -> bool:
        """True for so many sleeps that their marks would be a fence before the lanes."""
        return marks > 8 and marks * 5 > self._used

    def _sleep_places(self) -> dict[int, list[SleepCycle]]:
        """The sleeps by their cell: the gap before the point that comes after them."""
        before = 1 if self._width > 2 else 0
        found: dict[int, list[SleepCycle]] = {}
        for index, cycles in self._marks.items():
            at = min(max(index * self._width - before, 0), self._used - 1)
            found.setdefault(at, []).extend(cycles)
        return found

    def _sleep_names(self) -> Content:
        """The name of each sleep at its mark, as far as there is room."""
        parts: list[tuple[str, str] | str] = [" " * _LABEL]
        written = reached = 0
        places = sorted(self._sleep_places().items())
        if self._crowded(len(places)):
            sleeps = count(sum(len(cycles) for _, cycles in places), "sleep")
            return Content.assemble(" " * _LABEL, (f"{sleeps}, too many to mark; + goes closer", "$primary"))
        for number, (at, cycles) in enumerate(places):
            best = next((cycle for cycle in cycles if cycle.status == "complete"), cycles[0])
            name = one_line(best.cycle_id, 20)
            if len(cycles) > 1:
                name += f" +{len(cycles) - 1}"
            if best.status != "complete":
                name += f" {best.status}"
            end = places[number + 1][0] if number + 1 < len(places) else self.columns
            # The last one may stand to the left of its mark.
            left = self.columns - len(name) if end == self.columns and at + len(name) > end else at
            if left < reached or left + len(name) >= end + (end == self.columns):
                continue
            parts += [" " * (left - written), (name, "$primary" if best.status == "complete" else "$quiet")]
            written = left + len(name)
            reached = written + 1
        return Content.assemble(*parts)

    def _axis(self, scale: float) -> Content:
        """How high the lanes reach, and a caret at the cursor between the first time and the last one."""
        if not self._points:
            return Content("")
        first, last = when(self._points[0].first_at), f"{when(self._points[-1].last_at)} UTC"
        width = max(self._used, len(first) + len(last) + 5)
        width = min(width, self.columns)
        caret = min(self._cursor * self._width + max((self._width - 1) // 2, 0), width - 1)
        text = [" "] * width
        if caret > len(first):
            text[: len(first)] = first
        if caret < width - len(last) - 1 and width > len(first) + len(last) + 2:
            text[width - len(last) :] = last
        before, after = "".join(text[:caret]), "".join(text[caret + 1 :])
        label = f"  0 to {scale:g}".ljust(_LABEL)
        return Content.assemble((label + before, "$quiet"), ("\u25b2", "$primary"), (after, "$quiet"))


def _eighths(value: float | None, height: int, scale: float) -> int:
    """How many eighths of a cell a value fills; the smallest above nothing still shows."""
    if value is None or value <= 0:
        return 0
    return max(round(min(value / scale, 1.0) * height * 8), 1)


def _over(cell: _Cell, line: str, style: str) -> _Cell:
    """A line through a cell: over a full one it is cut out of it, and a partly filled one keeps its edge."""
    text, colour, full = cell
    if full:
        return line, f"$background on {colour}", False
    return cell if text != " " else (line, style, False)
