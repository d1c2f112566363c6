"""The dialogue: turns one below another, of a long one those around the reader, and lines of the lab between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.geometry import Size
from textual.layout import DockArrangeResult
from textual.widget import Widget
from textual.widgets import Static

from lab.domain import Exchange
from lab.tui.widgets.answerers import Answerer, now_answered
from lab.tui.widgets.turn import Note, Turn, parser

__all__ = ["SHOWN_TURNS", "Note", "Transcript", "Turn", "parser"]

# Of a long dialogue so many turns are mounted at first: every one costs at each layout.
SHOWN_TURNS = 30
# More come so many at a time, and those at the far end leave when there are too many.
_PAGE = 6
_MOST = 40

WELCOME = (
    "This is a lab for talking with a small language model that runs on this machine.",
    "Write below and press Enter: it drafts several answers, keeps the best, and the bars show how much it mattered.",
    "F3 offers questions to begin with. After a few salient turns, F6 lets the model sleep on them.",
)


class Origin(Note):
    """Where a fork's own turns begin."""


class Transcript(VerticalScroll, can_focus=False):
    """A dialogue of any length. It follows the end while the reader is there.

    Mounted are the turns `first` to `end` of the exchanges, each with the lines before it, and always at the end the
    turn that waits or runs, which is no exchange yet.
    """

    DEFAULT_CSS = """
    Transcript { height: 1fr; scrollbar-size-vertical: 1; background: transparent; }
    /* A short dialogue begins at the top: an anchored container would put it at the bottom and push it up. */
    Transcript > #turns { height: auto; min-height: 100%; padding: 1 2 0 2; }
    Transcript #welcome { height: auto; padding: 0 0 0 2; color: $quiet; }
    """

    def __init__(self) -> None:
        super().__init__()
        # The whole dialogue, also what is not mounted.
        self._exchanges: list[Exchange] = []
        self._first = self._end = 0
        # What the lab said, each with the number of turns before it.
        self._said: list[tuple[int, str, bool]] = []
        self._origin: tuple[int, str] | None = None
        self._answers_now: str | None = None
        self._selected: str | None = None
        self._mounting = asyncio.Lock()
        self._holding = False
        self._height = 0

    def compose(self) -> ComposeResult:
        with Vertical(id="turns"):
            yield Static("\n\n".join(WELCOME), id="welcome", markup=False)

    def on_mount(self) -> None:
        self.anchor()

    @property
    def _turns(self) -> Vertical:
        return self.query_one("#turns", Vertical)

    async def load(self, history: Sequence[Exchange], origin: tuple[int, str] | None = None) -> None:
        """Show these exchanges, the last ones mounted, before the turn that waits. `origin` is a line about where its
        first exchanges come from, with their number."""
        async with self._mounting:
            self._exchanges = list(history)
            self._said, self._origin, self._answers_now, self._selected = [], origin, None, None
            await self._show_end()

    async def add(self, turn: Turn) -> None:
        """A turn that begins. As `drop`, to be awaited in a task of its own: it may wait for layouts."""
        async with self._mounting:
            if self._end < len(self._exchanges):
                await self._show_end()
            self.welcome(False)
            await self._turns.mount(turn)
            self.anchor()

    async def drop(self, turn: Turn) -> None:
        """A turn that was added is none after all."""
        async with self._mounting:
            await turn.remove()
            self.welcome(not self._exchanges and self._pending() is None)

    async def finish(self, turn: Turn, exchange: Exchange, left_out: int) -> None:
        """The turn that ran has become this exchange; `left_out` turns before it did not fit the model's window."""
        whole = self._end == len(self._exchanges)
        self._exchanges.append(exchange)
        self._end += whole
        self._answers_now = None
        await turn.finish(exchange, left_out)
        if not whole:
            # The reader is far above: it comes again with the turns before it.
            await turn.remove()

    async def mark(self, exchange: Exchange) -> None:
        """An exchange was marked, perhaps one of these."""
        at = self.place(exchange.exchange_id)
        if at is not None:
            self._exchanges[at] = exchange
            turn = self.turn(exchange.exchange_id)
            if turn is not None:
                await turn.mark(exchange)

    def welcome(self, shown: bool) -> None:
        """Say what this is and what to do, while there is no turn."""
        self.query_one("#welcome").display = shown

    async def note(self, text: str, trouble: bool = False) -> None:
        """A line from the lab, behind all that is there now."""
        self._said.append((len(self._exchanges) + (self._pending() is not None), text, trouble))
        if self._end == len(self._exchanges):
            await self._turns.mount(Note(text, trouble))

    async def answers_now(self, line: str | None) -> None:
        """Say behind the last answer what answers from now on, in place of what was said of it since."""
        self._answers_now = line
        if self._end < len(self._exchanges):
            return
        children = list(self._turns.children)
        last = max((at for at, child in enumerate(children) if isinstance(child, Turn) and child.exchange), default=-1)
        for child in children[last + 1 :]:
            if isinstance(child, Answerer):
                await child.remove()
        if line is not None:
            # A message that waits is answered by it already.
            await self._turns.mount(Answerer(line), before=self._pending())

    # What is mounted

    def turns(self) -> list[Turn]:
        """The mounted turns, oldest first."""
        return list(self.query(Turn))

    def turn(self, exchange_id: str) -> Turn | None:
        """The turn of this exchange, when it is mounted."""
        found = (turn for turn in self.turns() if turn.exchange and turn.exchange.exchange_id == exchange_id)
        return next(found, None)

    @property
    def length(self) -> int:
        """How many exchanges the dialogue has, mounted or not."""
        return len(self._exchanges)

    def place(self, exchange_id: str) -> int | None:
        """The place of this exchange in the dialogue, mounted or not."""
        # From the end: there is what is asked for most.
        for at in range(len(self._exchanges) - 1, -1, -1):
            if self._exchanges[at].exchange_id == exchange_id:
                return at
        return None

    def select(self, turn: Turn | None) -> None:
        """Mark this turn as the one whose salience is shown, unless it is the last of all."""
        last = turn is not None and turn is self._pending()
        exchange = turn.exchange if turn is not None else None
        if exchange is None or (self._exchanges and exchange.exchange_id == self._exchanges[-1].exchange_id):
            last = True
        before = self.turn(self._selected) if self._selected else None
        if before is not None:
            before.select(False)
        self._selected = None if last or exchange is None else exchange.exchange_id
        if turn is not None and self._selected:
            turn.select(True)

    async def reach(self, at: int) -> Turn | None:
        """Bring the turn of the exchange at this place into sight; the one that waits or runs comes after the last.

        Waits for layouts: to be awaited in a task of its own.
        """
        async with self._mounting:
            at, last = max(at, 0), len(self._exchanges)
            if not self._first <= min(at, last - 1) < self._end:
                await self._show(at - SHOWN_TURNS // 2, at + SHOWN_TURNS // 2)
                self.release_anchor()
                await self._laid_out()
            turn = self.turn(self._exchanges[at].exchange_id) if at < last else self._pending()
            turn = turn or next(reversed(self.turns()), None)
            if turn is not None:
                turn.scroll_visible(animate=False, immediate=True)
        return turn

    def _pending(self) -> Turn | None:
        """The turn that waits or runs."""
        last = next((child for child in reversed(self._turns.children) if isinstance(child, Turn)), None)
        return last if last is not None and last.exchange is None else None

    async def _show_end(self) -> None:
        await self._show(len(self._exchanges) - SHOWN_TURNS, len(self._exchanges))
        self.anchor()

    async def _show(self, first: int, end: int) -> None:
        """Mount these turns in place of those that are."""
        pending = self._pending()
        self.welcome(not self._exchanges and pending is None)
        await self._turns.remove_children([child for child in self._turns.children[1:] if child is not pending])
        self._first, self._end = max(first, 0), min(end, len(self._exchanges))
        await self._turns.mount_all(self._widgets(self._first, self._end), after=0)

    def _widgets(self, first: int, end: int) -> list[Widget]:
        """The turns of these places, each behind the lines before it; behind the last of all also what follows it."""
        found: list[Widget] = []
        for at in range(first, end):
            found += self._lines(at)
            exchange = self._exchanges[at]
            turn = Turn(exchange.user_input, exchange)
            turn.select(exchange.exchange_id == self._selected)
            found.append(turn)
        return found + self._lines(end) if end == len(self._exchanges) else found

    def _lines(self, at: int) -> list[Widget]:
        """What the lab says before the turn of this place."""
        last = len(self._exchanges)
        lines: list[Widget] = [Note(text, trouble) for place, text, trouble in self._said if min(place, last) == at]
        if self._origin is not None and self._origin[0] == at:
            lines.append(Origin(self._origin[1]))
        now = self._answers_now
        if 0 < at < last:
            now = now_answered(self._exchanges[at - 1], self._exchanges[at].checkpoint, self._exchanges[at].adapter)
        if at and now is not None:
            lines.append(Answerer(now))
        return lines

    # Paging

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._mounting.locked():
            return
        # In a task of its own: it waits for layouts, which this widget has a part in.
        if self._first > 0 and new_value < self.size.height:
            self.run_worker(self._page_in_earlier(), group="paging")
        elif self._end < len(self._exchanges) and new_value > self.max_scroll_y - self.size.height:
            self.run_worker(self._page_in_later(), group="paging")

    async def _page_in_earlier(self) -> None:
        async with self._mounting:
            if self._first == 0:
                # Another one of the same scrolling did it.
                return
            first = max(self._first - _PAGE, 0)
            widgets = self._widgets(first, self._first)
            with self._held():
                await self._turns.mount_all(widgets, after=0)
                self._first = first
                await self._laid_out()
            if self._end - first > _MOST:
                self._end = first + _MOST
                pending = self._pending()
                below = self._turns.children[self._index(self._end - 1) + 1 :]
                await self._turns.remove_children([child for child in below if child is not pending])

    async def _page_in_later(self) -> None:
        async with self._mounting:
            if self._end >= len(self._exchanges):
                return
            end = min(self._end + _PAGE, len(self._exchanges))
            first = max(self._first, end - _MOST)
            with self._held():
                if first > self._first:
                    await self._turns.remove_children(self._turns.children[1 : self._index(first - 1) + 1])
                    self._first = first
                await self._laid_out()
            # The reader, who came to the end of what was mounted, is not at the end of the dialogue.
            self.release_anchor()
            await self._turns.mount_all(self._widgets(self._end, end), before=self._pending())
            self._end = end

    def _index(self, at: int) -> int:
        """Where the turn of this place is among the mounted widgets."""
        exchange = self._exchanges[at]
        children = enumerate(self._turns.children)
        return next(n for n, child in children if isinstance(child, Turn) and child.exchange is exchange)

    async def _laid_out(self) -> None:
        done = asyncio.Event()
        self.call_after_refresh(done.set)
        await done.wait()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """What is in sight stays where it is while turns come and go above it."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    def arrange(self, size: Size, optimal: bool = False) -> DockArrangeResult:
        # Within the layout: moving after it would show one picture of another place.
        result = super().arrange(size, optimal)
        grown, self._height = result.total_region.bottom - self._height, result.total_region.bottom
        if self._holding and grown:
            to = max(self.scroll_y + grown, 0)
            self.set_reactive(Widget.scroll_y, to)
            self.set_reactive(Widget.scroll_target_y, to)
            self.vertical_scrollbar.position = to
        return result
