"""Plots as values, and as PNG or SVG files with matplotlib, which is an extra."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from lab.errors import LabError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS: Final = ("png", "svg")
# Inches at 100 dots each: what fits a page or a slide.
WIDTH: Final = 9.6
HEIGHT: Final = 5.4
_PANEL_COLUMNS: Final = 3


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one kind. `tint` names its colour: a dimension, "total", "quiet", or any theme variable."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    tint: str
    form: Literal["line", "bars"] = "line"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line through the whole plot: at `x` a vertical one, at `y` a level one."""

    label: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One plot. `ticks` name places of x instead of its numbers."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    rules: tuple[Rule, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()

    @property
    def empty(self) -> bool:
        """True when there is nothing to draw."""
        return not any(series.x for series in self.series)

    @property
    def limits(self) -> tuple[float, float]:
        """Where the y axis begins and ends: it holds 0, all values and rules, with a little room."""
        heights = [0.0, *(y for series in self.series for y in series.y)]
        heights += [rule.y for rule in self.rules if rule.y is not None]
        low, high = 1.05 * min(heights), 1.05 * max(heights)
        return (low, high) if low < high else (0.0, 1.0)


def require_matplotlib() -> None:
    """Raises LabError with the command that installs it."""
    if importlib.util.find_spec("matplotlib") is None:
        raise LabError(
            "Files of plots need matplotlib, which is not installed.",
            "Install it into the lab's environment with: pip install -c constraints.txt -e '.[plot]'",
        )


def format_of(path: Path) -> str:
    """The format that the name of a file asks for. Raises LabError for any but PNG and SVG."""
    suffix = path.suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise LabError(f"{path} ends neither with .png nor with .svg.", "Give the file one of these two endings.")
    return suffix


def save(
    figures: tuple[Figure, ...],
    file: BinaryIO,
    form: str,
    colours: Mapping[str, str],
    width: float = WIDTH,
    height: float = HEIGHT,
) -> None:
    """Write a plot, or several side by side, in inches; `colours` has one for each tint, the text and the rules.

    The same figures give the same bytes. Raises LabError without matplotlib.
    """
    require_matplotlib()
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    columns = min(len(figures), _PANEL_COLUMNS)
    style = {
        "svg.hashsalt": "snarc-lab",
        "svg.fonttype": "none",
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.parse_math": False,
    }
    with matplotlib.rc_context(style):
        canvas = Canvas(figsize=(width, height), dpi=100, layout="constrained", facecolor=colours["background"])
        FigureCanvasAgg(canvas)
        panels = canvas.subplots(-(-len(figures) // columns), columns, squeeze=False)
        for number, axes in enumerate(panels.flat):
            if number < len(figures):
                _draw(axes, figures[number], colours)
            else:
                axes.set_axis_off()
        if len(figures) == 1:
            canvas.legend(frameon=False, ncols=8, loc="outside lower left")
        canvas.savefig(file, format=form, metadata={"Date": None} if form == "svg" else {"Software": None})


def _draw(axes: Axes, figure: Figure, colours: Mapping[str, str]) -> None:
    for series in figure.series:
        colour = colours.get(series.tint, series.tint)
        if series.form == "bars":
            axes.bar(series.x, series.y, width=_bar_width(figure), color=colour, label=series.name)
        else:
            # A single value has no line.
            marker = "o" if len(series.x) < 60 else ""
            wide, solid = (1.8, 1.0) if series.name == "total" else (0.9, 0.75)
            axes.plot(
                series.x, series.y, color=colour, label=series.name, linewidth=wide, alpha=solid, marker=marker,
                markersize=3,
            )  # fmt: skip
    for rule in figure.rules:
        if rule.y is not None:
            axes.axhline(rule.y, color=colours["quiet"], linewidth=0.8, linestyle="--", label=rule.label)
        elif rule.x is not None:
            axes.axvline(rule.x, color=colours["quiet"], linewidth=0.8)
            axes.annotate(
                rule.label, (rule.x, 1), xycoords=("data", "axes fraction"), xytext=(2, -2), va="top", rotation=90,
                textcoords="offset points", fontsize=7, color=colours["quiet"],
            )  # fmt: skip
    if figure.ticks:
        axes.set_xticks([at for at, _ in figure.ticks], [label for _, label in figure.ticks])
        if sum(len(label) for _, label in figure.ticks) > 80:
            axes.tick_params("x", rotation=40)
    axes.set_title(figure.title, loc="left", color=colours["foreground"])
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    axes.set_facecolor(colours["background"])
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(*figure.limits)


def _bar_width(figure: Figure) -> float:
    """Nearly the distance of two neighbours."""
    places = sorted({x for series in figure.series if series.form == "bars" for x in series.x})
    gaps = [right - left for left, right in itertools.pairwise(places)]
    return 0.9 * min(gaps) if gaps else 0.8
