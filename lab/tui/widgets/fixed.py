"""Text in a place of a size that its owner knows."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class FixedText(Static):
    """Redraws only what changed and never moves its neighbours: a layout of the whole screen for every token that
    arrives is what makes typing wait."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._drawn: Content | str = ""

    def draw(self, content: Content | str) -> None:
        """Show this; the caller has set the height."""
        if content != self._drawn:
            self._drawn = content
            self.update(content, layout=False)
