"""All dialogues of the record: search, filter, open, fork, rename, export."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from lab.tui.actions import Where, bindings
from lab.tui.widgets.keys import KeyBar

if TYPE_CHECKING:
    from lab.lab import Lab


class HistoryScreen(Screen[None]):
    """All dialogues of the record: search, filter, open, fork, rename, export."""

    PLACE: ClassVar[Where] = "history"
    BINDINGS: ClassVar[list[BindingType]] = bindings("history")

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab

    def compose(self) -> ComposeResult:
        yield KeyBar()

    def action_back(self) -> None:
        self.dismiss()
