"""One exchange of the record in full, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from lab.tui.actions import Where, bindings
from lab.tui.widgets.keys import KeyBar

if TYPE_CHECKING:
    from lab.lab import Lab


class ExchangeScreen(Screen[None]):
    """One exchange of the record in full, and what can be done with it."""

    PLACE: ClassVar[Where] = "exchange"
    BINDINGS: ClassVar[list[BindingType]] = bindings("exchange")

    def __init__(self, lab: Lab, exchange_id: str) -> None:
        super().__init__()
        self._lab = lab

    def compose(self) -> ComposeResult:
        yield KeyBar()

    def action_back(self) -> None:
        self.dismiss()
