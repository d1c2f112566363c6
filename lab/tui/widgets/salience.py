"""The salience of one exchange: five labelled bars, the total, and where the threshold lies."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from lab.domain import DIMENSIONS, Salience
from lab.tui import theme

_LABEL = 9
_VALUE = 7


class SaliencePanel(Widget):
    """Nine lines: heading, blank, five dimensions, total, threshold. Empty tracks before the first answer."""

    DEFAULT_CSS = """
    SaliencePanel { height: 10; margin: 0 0 1 0; }
    SaliencePanel.-short { height: 9; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._salience: Salience | None = None
        self._heading = ""

    def show(self, salience: Salience | None, heading: str) -> None:
        """Draw this score, or empty bars for None. `heading` says whose it is."""
        if (salience, heading) != (self._salience, self._heading):
            self._salience, self._heading = salience, heading
            self.refresh()

    def render(self) -> Content:
        width = self.size.width
        score = self._salience
        lines = [heading("Salience", self._heading, width), Content("")]
        values = score.dimensions() if score else {}
        for name in DIMENSIONS:
            lines.append(self._row(name.capitalize(), values.get(name), name, width))
        if not self.has_class("-short"):
            lines.append(Content(""))
        threshold = score.threshold if score else None
        lines.append(self._row("Total", score.total if score else None, "total", width, threshold))
        lines.append(self._verdict(score, width))
        return Content("\n").join(lines)

    def _row(self, label: str, value: float | None, name: str, width: int, tick: float | None = None) -> Content:
        number = "\u2013" if value is None else f"{value:.3f}"
        return Content.assemble(
            (label.ljust(_LABEL), "$quiet" if value is None else theme.colour(name)),
            theme.bar(value or 0.0, self._bar_width(width), theme.colour(name), tick),
            " " * (_VALUE - len(number)),
            (number, "$quiet" if value is None else "$foreground"),
        )

    def _verdict(self, score: Salience | None, width: int) -> Content:
        """The threshold's number under its mark, and the verdict in words."""
        if score is None:
            return Content("")
        word = "salient" if score.salient else "not salient"
        number = f"{score.threshold:g}"
        bar = self._bar_width(width)
        at = _LABEL + min(int(score.threshold * bar), bar - 1)
        # Beside the word where both would meet: the mark itself still shows the place.
        at = max(0, min(at, width - len(word) - len(number) - 1))
        gap = max(width - at - len(number) - len(word), 1)
        return Content.assemble(
            " " * at, (number, "$quiet"), " " * gap, (word, "bold $foreground" if score.salient else "$quiet")
        )

    @staticmethod
    def _bar_width(width: int) -> int:
        return max(width - _LABEL - _VALUE, 1)


def heading(title: str, detail: str, width: int) -> Content:
    """A quiet section heading with a detail at its right."""
    gap = max(width - len(title) - len(detail), 1)
    return Content.assemble((title, "bold $quiet"), " " * gap, (detail, "$quiet"))
