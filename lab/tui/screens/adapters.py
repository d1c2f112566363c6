"""The tree of adapters and the sleeps that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from lab.tui.actions import Where, bindings
from lab.tui.widgets.keys import KeyBar

if TYPE_CHECKING:
    from lab.lab import Lab


class AdaptersScreen(Screen[None]):
    """The tree of adapters and the sleeps that made them."""

    PLACE: ClassVar[Where] = "adapters"
    BINDINGS: ClassVar[list[BindingType]] = bindings("adapters")

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab

    def compose(self) -> ComposeResult:
        yield KeyBar()

    def action_back(self) -> None:
        self.dismiss()
