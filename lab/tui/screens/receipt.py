"""The receipt of a sleep: its measures, and below them answers before and after, lessons, dreams."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lab.errors import LabError
from lab.journal.receipts import Receipt, newest_cycle, receipt
from lab.receipt import heading, unmeasured
from lab.text import harmless
from lab.tui.actions import Where, bindings
from lab.tui.receipts import MAIN, Row, dream_rows, figures, lesson_rows, measure_rows, probe_rows
from lab.tui.widgets.keys import KeyBar

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.tui.app import LabApp

# A lower screen shows the main measures alone.
_TALL: Final = 34
_SYNC_SECONDS: Final = 2.0

_LISTS: Final[tuple[tuple[str, Callable[[Receipt, int], list[Row]]], ...]] = (
    ("Answers", probe_rows),
    ("Lessons", lesson_rows),
    ("Dreams", dream_rows),
    ("Measures", measure_rows),
)


class ReceiptRead(Message):
    """The receipt, or why there is none."""

    def __init__(self, found: Receipt | None, error: LabError | None = None) -> None:
        super().__init__()
        self.found = found
        self.error = error


class ReceiptScreen(Screen[None]):
    """The receipt of one sleep; without a name of the newest one that has ended."""

    PLACE: ClassVar[Where] = "receipt"
    BINDINGS: ClassVar[list[BindingType]] = bindings("receipt")
    AUTO_FOCUS = "#rows"
    DEFAULT_CSS = """
    ReceiptScreen { layout: vertical; }
    ReceiptScreen #head { height: auto; max-height: 6; padding: 0 2; color: $quiet; }
    ReceiptScreen #figures { height: auto; padding: 0 2; border-top: solid $rule; text-wrap: nowrap; }
    ReceiptScreen #lists { height: 2; padding: 0 2; border-top: solid $rule; text-wrap: nowrap; }
    ReceiptScreen #rows {
        height: 1fr; border: none; margin: 0 2; padding: 0; background: transparent;
        scrollbar-size-vertical: 1; text-wrap: nowrap;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option-highlighted { background: $primary 15%; text-style: none; }
        &:focus > .option-list--option-highlighted { background: $primary 20%; color: $foreground; text-style: none; }
    }
    """

    def __init__(self, lab: Lab, cycle_id: str | None) -> None:
        super().__init__()
        self._lab = lab
        self._cycle_id = cycle_id
        self._receipt: Receipt | None = None
        self._list = 0
        self._rows: list[Row] = []

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def compose(self) -> ComposeResult:
        yield Static("Reading the record.", id="head", markup=False)
        yield Static("", id="figures", markup=False)
        yield Static("", id="lists", markup=False)
        yield OptionList(id="rows", markup=False)
        yield KeyBar()

    def on_screen_resume(self) -> None:
        # A sleep may have ended meanwhile.
        self._look_up()

    def on_sleep_over(self) -> None:
        """Of the sleep that was running: another one that is read stays."""
        if self._receipt is None or self._receipt.cycle.status == "running":
            self._look_up()

    def _look_up(self) -> None:
        work = partial(_read, self._lab, self._cycle_id, self.post_message)
        self.run_worker(work, group="receipt", name="receipt", thread=True)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def on_receipt_read(self, message: ReceiptRead) -> None:
        if message.found is None:
            said = "There is no sleep yet. F6 in the dialogue begins one."
            self.query_one("#head", Static).update(harmless(str(message.error)) if message.error else said)
            return
        before, self._receipt = self._receipt, message.found
        if before is None or before.cycle.cycle_id != message.found.cycle.cycle_id:
            # Of an older sleep nothing was asked: it begins with what there is.
            self._list = next((at for at, (_, rows) in enumerate(_LISTS) if rows(message.found, 80)), 0)
        self._draw()

    def _draw(self) -> None:
        if self._receipt is None:
            return
        first, *rest = heading(self._receipt)
        head = [Content.styled(harmless(first), "bold $foreground"), *(Content(harmless(line)) for line in rest)]
        self.query_one("#head", Static).update(Content("\n").join(head))
        measures = self._receipt.measures
        if self.size.height < _TALL:
            measures = tuple(each for each in measures if each.measure in MAIN) or measures[: len(MAIN)]
        table = (
            figures(measures, self.size.width - 4)
            if measures
            else Content.styled(unmeasured(self._receipt.cycle), "$warning")
        )
        self.query_one("#figures", Static).update(table)
        self._draw_list()

    def _draw_list(self) -> None:
        assert self._receipt is not None
        listed = self.query_one("#rows", OptionList)
        width = max(self.size.width - 5, 20)
        names: list[Content] = []
        for at, (name, make) in enumerate(_LISTS):
            rows = make(self._receipt, width)
            shown = at == self._list
            names.append(Content.styled(f"{name} {len(rows):,}", "bold $primary" if shown else "$quiet"))
            if shown:
                self._rows = rows
        self.query_one("#lists", Static).update(Content("   ").join(names))
        before = listed.highlighted
        listed.set_options(Option(row.content) for row in self._rows)
        if self._rows:
            listed.highlighted = before if before is not None and before < len(self._rows) else 0

    def _switch(self, by: int) -> None:
        if self._receipt is not None:
            self._list = (self._list + by) % len(_LISTS)
            self.query_one("#rows", OptionList).highlighted = None
            self._draw_list()

    def action_next_list(self) -> None:
        self._switch(1)

    def action_previous_list(self) -> None:
        self._switch(-1)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Open the exchange that the row comes from."""
        at = self.query_one("#rows", OptionList).highlighted
        if at is None:
            return
        exchange_id = self._rows[at].exchange_id
        if exchange_id is None:
            self.notify("This row belongs to no exchange that this sleep was trained on.", markup=False)
        else:
            self.lab_app.sessions.open_exchange(exchange_id)

    def action_back(self) -> None:
        self.dismiss()


def _read(lab: Lab, cycle_id: str | None, post: Callable[[Message], object]) -> None:
    try:
        # The sleeper is a process of its own: what it told last may not be in the database yet.
        lab.record.sync(_SYNC_SECONDS)
        name = newest_cycle(lab.record) if cycle_id is None else cycle_id
        post(ReceiptRead(receipt(lab.record, name) if name is not None else None))
    except LabError as error:
        post(ReceiptRead(None, error))
