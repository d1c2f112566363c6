"""A plot in the terminal, in the colours of the lab."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static
from textual_plot import HiResMode, PlotWidget
from textual_plot.axis_formatter import AxisFormatter, NumericAxisFormatter

from lab.figures import Figure
from lab.text import one_line


class Plot(Vertical):
    """Draws one `Figure`: its title, the plot, and below it which colour is what. `legend` False leaves that out."""

    DEFAULT_CSS = """
    Plot { height: 1fr; }
    Plot .title { height: 1; color: $quiet; text-style: bold; }
    Plot .legend { height: auto; max-height: 2; color: $quiet; }
    Plot PlotWidget { height: 1fr; }
    Plot PlotWidget > .plot--axis { color: $rule; }
    Plot PlotWidget > .plot--tick { color: $quiet; text-style: none; }
    Plot PlotWidget > .plot--label { color: $quiet; text-style: none; }
    """

    def __init__(self, figure: Figure | None = None, *, legend: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self._figure = figure
        self._legend = legend

    def compose(self) -> ComposeResult:
        yield Static("", classes="title", markup=False)
        drawn = PlotWidget(allow_pan_and_zoom=False)
        # The keys belong to the screen.
        drawn.can_focus = False
        yield drawn
        if self._legend:
            yield Static("", classes="legend", markup=False)

    def on_mount(self) -> None:
        drawn = self.query_one(PlotWidget)
        drawn.margin_top, drawn.margin_left = 1, 8
        self.watch(self.app, "theme", self._draw, init=False)
        # The plot clears itself when it is mounted.
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def show(self, figure: Figure) -> None:
        """Draw this one instead."""
        self._figure = figure
        if self.is_mounted:
            self._draw()

    def _tint(self, name: str) -> str:
        colours = self.app.theme_variables
        return colours.get(f"snarc-{name}", colours.get(name, "default"))

    def _draw(self) -> None:
        figure = self._figure
        if figure is None or not self.query(".title") or not self.query(PlotWidget):
            # After a resize others may have taken its place before it was to be drawn.
            return
        self.query_one(".title", Static).update(Content(one_line(figure.title)))
        drawn = self.query_one(PlotWidget)
        drawn.clear()
        drawn.margin_bottom = 3 if figure.x_label else 1
        # The library measures its canvases only when it is laid out itself, not when its neighbours are.
        self.call_after_refresh(drawn.refresh, layout=True)
        places = [x for series in figure.series for x in series.x]
        if not places:
            self._say_legend(figure, "Nothing to draw yet.")
            return
        margin = 0.6 if figure.ticks or len(set(places)) == 1 else 0.0
        if any(series.form == "bars" for series in figure.series) and not figure.ticks:
            margin = _step(places) / 2
        low, high = min(places) - margin, max(places) + margin
        if all(rule.x is None or rule.x <= high + 1 for rule in figure.rules):
            high = max([high, *(rule.x for rule in figure.rules if rule.x is not None)])
        width = drawn.size.width
        drawn.set_xlimits(low, high)
        drawn.set_ylimits(*figure.limits)
        drawn.set_x_formatter(_Names(figure, width) if figure.ticks else _Numbers(width))
        drawn.set_y_formatter(_Numbers(3 * drawn.size.height))
        drawn.set_xlabel(escape(one_line(figure.x_label)))
        for rule in figure.rules:
            if rule.y is not None:
                drawn.plot([low, high], [rule.y, rule.y], self._tint("quiet"), HiResMode.BRAILLE)
        # The total comes last, over the others.
        for series in figure.series:
            colour = self._tint(series.tint)
            if series.form == "bars":
                drawn.bar(
                    list(series.x),
                    list(series.y),
                    # Those of a histogram touch; a little more, because edges are rounded to whole cells.
                    width=_step(places) * (0.9 if figure.ticks else 1.2),
                    bar_style=colour,
                    hires_mode=HiResMode.HALFBLOCK,
                )
            elif len(series.x) == 1:
                drawn.scatter(list(series.x), list(series.y), "\u25cf", colour)
            else:
                drawn.plot(list(series.x), list(series.y), colour, HiResMode.BRAILLE)
        for rule in figure.rules:
            if rule.x is not None:
                drawn.add_v_line(rule.x, self._tint("quiet"))
        self._say_legend(figure)

    def _say_legend(self, figure: Figure, instead: str = "") -> None:
        if not self._legend:
            return
        parts: list[Content] = [Content(instead)] if instead else []
        gap = "  " if self.size.width >= 100 else " "
        if not instead:
            for series in figure.series:
                parts.append(Content.assemble(("\u2501 ", self._tint(series.tint)), one_line(series.name), gap))
            level = [rule for rule in figure.rules if rule.y is not None and rule.label]
            parts += [Content(f"\u2504 {one_line(rule.label)} {rule.y:g}{gap}") for rule in level]
            if any(rule.x is not None for rule in figure.rules):
                parts.append(Content("\u2502 sleep"))
        self.query_one(".legend", Static).update(Content.assemble(*parts))


class _Numbers(NumericAxisFormatter):  # type: ignore[misc]
    """Numbers with their thousands apart, as many as fit into so many cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._most = max((width - 8) // 6, 2)

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        ticks: list[float] = super().get_ticks(min_, max_, max_ticks)
        return ticks[:: -(-len(ticks) // self._most)]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        if all(float(tick).is_integer() for tick in ticks):
            return [f"{tick:,.0f}" for tick in ticks]
        labels: list[str] = super().get_labels_for_ticks(ticks)
        return labels


class _Names(AxisFormatter):  # type: ignore[misc]
    """The named places of a figure, as many as fit beside one another."""

    def __init__(self, figure: Figure, width: int) -> None:
        longest = max(len(name) for _, name in figure.ticks)
        fitting = max((width - 8) // (longest + 2), 1)
        step = -(-len(figure.ticks) // fitting)
        self._names = dict(figure.ticks[::step])

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        return list(self._names)

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        return [escape(one_line(self._names[tick])) for tick in ticks]


def _step(places: Sequence[float]) -> float:
    """The smallest distance between two places; 1 where there is only one."""
    distinct = sorted(set(places))
    return min((right - left for left, right in zip(distinct, distinct[1:])), default=1.0)  # noqa: RUF007
