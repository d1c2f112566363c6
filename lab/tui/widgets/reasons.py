"""What moved each bar of a score, in words."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lab.domain import DIMENSIONS, Reason
from lab.text import harmless, padded, wrapped
from lab.tui import theme
from lab.tui.widgets.salience import heading

_NUMBER = 7


class ReasonsPanel(VerticalScroll):
    """A heading, and under each dimension its reasons with their shares."""

    DEFAULT_CSS = """
    ReasonsPanel { height: 1fr; scrollbar-size-vertical: 1; }
    ReasonsPanel > Static { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._reasons: Sequence[Reason] | None = None
        self._note = ""

    def compose(self) -> list[Static]:
        return [Static("")]

    def show(self, reasons: Sequence[Reason] | None, note: str = "") -> None:
        """Draw these reasons; None says that the record tells none. `note` stands beside the heading."""
        self._reasons, self._note = reasons, note
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        # The last column is the scroll bar's.
        width = max(self.size.width - 1, 12)
        lines = [heading("What moved it", self._note, width)]
        if self._reasons is None:
            lines.append(Content.styled("Nothing was recorded for that.", "$quiet"))
        for name in DIMENSIONS:
            own = [reason for reason in self._reasons or () if reason.dimension == name]
            if own:
                lines += [Content(""), Content.styled(name.capitalize(), theme.colour(name))]
            for reason in own:
                first, *rest = wrapped(harmless(reason.words), width - _NUMBER) or [""]
                number = f"{reason.share:.3f}".rjust(_NUMBER)
                lines.append(Content.assemble((padded(first, width - _NUMBER), "$quiet"), number))
                lines += [Content.styled(line, "$quiet") for line in rest]
        self.query_one(Static).update(Content("\n").join(lines))
