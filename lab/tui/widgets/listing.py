"""A list of one-line rows that draws only what is in sight, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

# The end of the list is near when so few screens of rows are left.
_NEAR = 2


class Listing(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows of any kind. `draw` makes the line of one at a width; rows that `picks` refuses are passed over."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1000000000)", show=False),
        Binding("end", "move(1000000000)", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"listing--cursor"}
    DEFAULT_CSS = """
    Listing { height: 1fr; background: transparent; scrollbar-size-vertical: 1; overflow-x: hidden; }
    Listing > .listing--cursor { background: $primary 15%; }
    Listing:focus > .listing--cursor { background: $primary 30%; }
    """

    class Moved(Message):
        """The cursor is on another row, or on none; `listing.row` is it."""

        def __init__(self, listing: Listing) -> None:
            super().__init__()
            self.listing = listing

        @property
        def control(self) -> Listing:
            return self.listing

    class NearEnd(Moved):
        """The last rows are nearly in sight."""

    class Picked(Moved):
        """The person clicked the row that has the cursor."""

    def __init__(
        self, draw: Callable[[Any, int], Content], picks: Callable[[Any], bool] = lambda row: True, *, id: str
    ) -> None:
        super().__init__(id=id)
        self._draw = draw
        self._picks = picks
        self._rows: list[Any] = []
        self._at: int | None = None

    @property
    def rows(self) -> Sequence[Any]:
        """All rows so far."""
        return self._rows

    @property
    def row(self) -> Any | None:
        """The row with the cursor."""
        return self._rows[self._at] if self._at is not None else None

    def show(self, rows: Sequence[Any], at: int = 0) -> None:
        """Hold these rows in place of the ones before, the cursor on the one at `at` or the next that can have it."""
        self._rows = list(rows)
        self._at = None
        self._resized()
        self.scroll_to(y=0, animate=False)
        self._go(at, 1)
        if self._at is None:
            self.post_message(self.Moved(self))

    def extend(self, rows: Sequence[Any]) -> None:
        """More rows behind the last one."""
        self._rows += rows
        self._resized()

    def replace(self, at: int, row: Any) -> None:
        """Another row in place of one."""
        self._rows[at] = row
        self.refresh()

    def _resized(self) -> None:
        self.virtual_size = Size(max(self.scrollable_content_region.width, 1), len(self._rows))
        self.refresh()

    def on_resize(self) -> None:
        self._resized()
        self._reveal()

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        style = self.visual_style
        if not 0 <= at < len(self._rows):
            return Strip.blank(width, style.rich_style)
        if at == self._at:
            style = self.get_visual_style("listing--cursor")
        line = Visual.to_strips(self, self._draw(self._rows[at], width), width, 1, style)[0]
        return line.adjust_cell_length(width, style.rich_style)

    def action_move(self, by: int) -> None:
        if self._rows:
            to = min(max((self._at or 0) + by, 0), len(self._rows) - 1)
            # A jump to an end that cannot be picked goes back to the nearest row that can.
            self._go(to, 1 if by > 0 else -1)

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(self.scrollable_content_region.height - 1, 1))

    def on_click(self, event: events.Click) -> None:
        at = event.y + self.scroll_offset.y
        if 0 <= at < len(self._rows) and self._picks(self._rows[at]):
            again = at == self._at
            self._set(at)
            if again:
                self.post_message(self.Picked(self))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._near()

    def _go(self, at: int, by: int) -> None:
        """The cursor to the row at `at`, or the next that can have it in this direction, or else in the other."""
        for step in (by, -by):
            to = at
            while 0 <= to < len(self._rows):
                if self._picks(self._rows[to]):
                    self._set(to)
                    return
                to += step

    def _set(self, at: int) -> None:
        moved, self._at = at != self._at, at
        self._reveal()
        self.refresh()
        self._near()
        if moved:
            self.post_message(self.Moved(self))

    def _reveal(self) -> None:
        if self._at is None:
            return
        # With the heading above the first row that can be picked.
        top = self._at - 1 if self._at and not self._picks(self._rows[self._at - 1]) else self._at
        region = Region(0, top, max(self.virtual_size.width, 1), self._at - top + 1)
        self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def _near(self) -> None:
        height = self.scrollable_content_region.height
        seen = max(self.scroll_offset.y + height, (self._at or 0) + 1)
        if self._rows and seen + _NEAR * height >= len(self._rows):
            self.post_message(self.NearEnd(self))
