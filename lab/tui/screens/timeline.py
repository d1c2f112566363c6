"""Salience over time, one lane a dimension, with the sleeps on the same axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from lab.tui.actions import Where, bindings
from lab.tui.widgets.keys import KeyBar

if TYPE_CHECKING:
    from lab.lab import Lab


class TimelineScreen(Screen[None]):
    """Salience over time, one lane a dimension, with the sleeps on the same axis."""

    PLACE: ClassVar[Where] = "timeline"
    BINDINGS: ClassVar[list[BindingType]] = bindings("timeline")

    def __init__(self, lab: Lab, session_id: str | None) -> None:
        super().__init__()
        self._lab = lab

    def compose(self) -> ComposeResult:
        yield KeyBar()

    def action_back(self) -> None:
        self.dismiss()
