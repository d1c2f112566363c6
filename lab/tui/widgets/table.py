"""A table of any number of rows: it draws what is seen, and asks for the pages it does not have."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from lab.text import number, one_line

PAGE: Final = 200
_PAGES: Final = 24
_WIDEST: Final = 40
_MARGIN: Final = 2
_WAITING: Final = "\u00b7"

Row = Sequence[Any]


class VirtualTable(ScrollView, can_focus=True):
    """Fixed header, a cell cursor, columns as wide as the values seen so far. Its owner answers `Wanted` with `put`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--header", "table--cursor", "table--row", "table--null"}
    DEFAULT_CSS = """
    VirtualTable {
        background: transparent; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
        & > .table--header { color: $quiet; text-style: bold; }
        & > .table--null { color: $quiet; }
        & > .table--row { background: $primary 12%; }
        & > .table--cursor { background: $primary 40%; color: $foreground; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1, 0)", show=False),
        Binding("down", "go(1, 0)", show=False),
        Binding("left", "go(0, -1)", show=False),
        Binding("right", "go(0, 1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(1)", show=False),
        Binding("ctrl+home", "top", show=False),
        Binding("ctrl+end", "bottom", show=False),
    ]

    class Wanted(Message):
        """The rows from `start` on are to be shown; `number` is that of the rows' `show`."""

        def __init__(self, table: VirtualTable, start: int, number: int) -> None:
            super().__init__()
            self.table = table
            self.start = start
            self.number = number

    class Moved(Message):
        """The cursor is at another cell."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns: tuple[str, ...] = ()
        self.row_count = 0
        self.row = 0
        self.column = 0
        self.number = 0
        self._right: tuple[bool, ...] = ()
        self._widths: list[int] = []
        self._pages: OrderedDict[int, Sequence[Row]] = OrderedDict()
        self._asked: set[int] = set()

    def show(self, columns: Sequence[str], right: Sequence[bool], row_count: int, first: Sequence[Row]) -> None:
        """Show other rows, of which `first` is the first page; `right` says which columns hold numbers."""
        self.columns, self._right, self.row_count = tuple(columns), tuple(right), row_count
        self._widths = [max(cell_len(one_line(name, _WIDEST)), 1) for name in columns]
        self.row = self.column = 0
        self._renew(first)
        self.scroll_to(0, 0, animate=False)

    def reorder(self, columns: Sequence[str], first: Sequence[Row]) -> None:
        """The same rows in another order, under these names; the cursor's column stays."""
        self.columns = tuple(columns)
        self._widths = [max(width, cell_len(one_line(name, _WIDEST))) for width, name in zip(self._widths, columns)]
        self.row = 0
        self._renew(first)
        self.scroll_to(y=0, animate=False)

    def put(self, start: int, rows: Sequence[Row], number: int) -> None:
        """A page that was wanted; one of rows that are not shown any more is nothing."""
        if number == self.number:
            self._asked.discard(start)
            self._keep(start, rows)
            self.refresh()

    def forget(self, start: int) -> None:
        """A page that was wanted and will not come, unless it is wanted again."""
        self._asked.discard(start)

    def row_at(self, row: int) -> Row | None:
        """A row, where its page is there."""
        page = self._pages.get(row - row % PAGE)
        return page[row % PAGE] if page is not None and row % PAGE < len(page) else None

    def _renew(self, first: Sequence[Row]) -> None:
        self.number += 1
        self._pages.clear()
        self._asked.clear()
        self._keep(0, first)
        self.refresh()
        self.post_message(self.Moved())

    def _keep(self, start: int, rows: Sequence[Row]) -> None:
        """Hold a page; its columns grow where it has wider values, and never shrink under the person's eyes."""
        self._widths = [
            min(max([width, *(cell_len(text(row[at])) for row in rows)]), _WIDEST)
            for at, width in enumerate(self._widths)
        ]
        self.virtual_size = Size(sum(self._widths) + _MARGIN * (len(self._widths) + 1), self.row_count + 1)
        self._pages[start] = rows
        while len(self._pages) > _PAGES:
            self._pages.popitem(last=False)

    def _want(self, row: int) -> None:
        start = row - row % PAGE
        if start in self._pages:
            self._pages.move_to_end(start)
        elif start not in self._asked:
            self._asked.add(start)
            self.post_message(self.Wanted(self, start, self.number))

    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        width = self.size.width
        if y == 0:
            strip = self._line([one_line(name, _WIDEST) for name in self.columns], None)
        else:
            row = top + y - 1
            if not 0 <= row < self.row_count:
                return Strip.blank(width, self.rich_style)
            self._want(row)
            strip = self._line(self.row_at(row), row)
        return strip.crop_extend(left, left + width, self.rich_style)

    def _line(self, values: Row | None, row: int | None) -> Strip:
        plain = self.rich_style
        header = self.get_component_rich_style("table--header")
        if row is not None and row == self.row:
            plain += self.get_component_rich_style("table--row")
        segments = [Segment(" " * _MARGIN, plain)]
        for at, width in enumerate(self._widths):
            value = _WAITING if values is None else values[at]
            style = plain
            if row is None:
                style = header
            elif row == self.row and at == self.column and self.has_focus:
                style = plain + self.get_component_rich_style("table--cursor")
            elif value is None or values is None:
                style = plain + self.get_component_rich_style("table--null", partial=True)
            shown = str(value) if row is None else text(value)
            if cell_len(shown) > width:
                shown = one_line(shown, width)
            if self._right[at]:
                shown = " " * (width - cell_len(shown)) + shown
            segments += [Segment(set_cell_size(shown, width), style), Segment(" " * _MARGIN, plain)]
        return Strip(segments)

    def action_go(self, rows: int, columns: int) -> None:
        """Move the cursor."""
        self._move(self.row + rows, self.column + columns)

    def action_page(self, by: int) -> None:
        """Move the cursor by what is seen."""
        self._move(self.row + by * max(self.size.height - 2, 1), self.column)

    def action_edge(self, last: int) -> None:
        """Move the cursor to the first or last column."""
        self._move(self.row, last * len(self.columns))

    def action_top(self) -> None:
        """Move the cursor to the first row."""
        self._move(0, self.column)

    def action_bottom(self) -> None:
        """Move the cursor to the last row."""
        self._move(self.row_count, self.column)

    def _move(self, row: int, column: int) -> None:
        self.row = min(max(row, 0), max(self.row_count - 1, 0))
        self.column = min(max(column, 0), max(len(self.columns) - 1, 0))
        self._follow()
        self.refresh()
        self.post_message(self.Moved())

    def _follow(self) -> None:
        """Scroll so that the cursor is seen below the header."""
        if not self.columns:
            return
        x = sum(self._widths[: self.column]) + _MARGIN * (self.column + 1)
        left, top = self.scroll_offset
        height, width = max(self.size.height - 1, 1), self.size.width
        if self.row < top:
            top = self.row
        elif self.row >= top + height:
            top = self.row - height + 1
        end = x + self._widths[self.column] + _MARGIN
        if self.column == 0:
            left = 0
        elif x - _MARGIN < left:
            left = x - _MARGIN
        elif end > left + width:
            left = min(end - width, x - _MARGIN)
        self.scroll_to(left, top, animate=False, immediate=True)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there."""
        x, y = event.x + self.scroll_offset.x, event.y
        edge = _MARGIN
        for at, width in enumerate(self._widths):
            edge += width + _MARGIN
            if x < edge and y > 0:
                self._move(self.scroll_offset.y + y - 1, at)
                return

    def watch_has_focus(self, focus: bool) -> None:
        super().watch_has_focus(focus)
        self.refresh(Region(0, 0, self.size.width, self.size.height))


def text(value: Any) -> str:
    """A value as a cell shows it: harmless, on one line, its beginning."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    return one_line(str(value), _WIDEST)
