"""The colours of the lab, one a dimension used everywhere, and the bars drawn with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.style import Style as RichStyle
from textual.content import Content
from textual.theme import Theme
from textual.widgets.text_area import TextAreaTheme

# Chosen for hue distance and for contrast with the background of either kind of theme; never used without
# the name and the number beside them.
_DARK: Final = {
    "surprise": "#e2b15b",
    "novelty": "#58b9c4",
    "arousal": "#e0798f",
    "reward": "#86bf6d",
    "conflict": "#a893e6",
}
_LIGHT: Final = {
    "surprise": "#8a5a00",
    "novelty": "#0b6b7a",
    "arousal": "#ab2350",
    "reward": "#37701b",
    "conflict": "#6440b8",
}
_BLOCKS: Final = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588"
_LEVELS: Final = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
EDITOR_THEME: Final = "lab"
_TRACK: Final = "\u2500"
_TICK: Final = "\u2503"

LAB_DARK: Final = Theme(
    name="lab-dark",
    primary="#7aa7d9",
    secondary="#5f83a8",
    accent="#e2b15b",
    warning="#e2b15b",
    error="#e0798f",
    success="#86bf6d",
    foreground="#d6d9de",
    background="#14171b",
    surface="#1b1f24",
    panel="#262b32",
    dark=True,
    variables={"footer-key-foreground": "#7aa7d9"},
)
LAB_LIGHT: Final = Theme(
    name="lab-light",
    primary="#255f99",
    secondary="#4a6f94",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#ab2350",
    success="#37701b",
    foreground="#23272d",
    background="#faf9f6",
    surface="#f1efea",
    panel="#e4e1da",
    dark=False,
    variables={"footer-key-foreground": "#255f99"},
)
THEMES: Final = (LAB_DARK, LAB_LIGHT)


def variables(dark: bool) -> dict[str, str]:
    """CSS variables of the lab: `$snarc-<dimension>`, `$quiet` for secondary text, `$track` under bars."""
    colours = _DARK if dark else _LIGHT
    return {
        **{f"snarc-{name}": colour for name, colour in colours.items()},
        "snarc-total": "#c9ced6" if dark else "#3a4048",
        "quiet": "#8d959f" if dark else "#626a73",
        "track": "#3b424b" if dark else "#c3beb4",
        "rule": "#30363e" if dark else "#d3cfc6",
    }


def on_paper() -> dict[str, str]:
    """The colours of plots in files, by tint: those of the light theme on white."""
    named = {"background": "#ffffff", "foreground": LAB_LIGHT.foreground or "", "primary": LAB_LIGHT.primary}
    return {**named, **{name.removeprefix("snarc-"): colour for name, colour in variables(dark=False).items()}}


def editor_theme(dark: bool) -> TextAreaTheme:
    """Syntax colours for the SQL editor on the app's own background."""
    colours = _DARK if dark else _LIGHT
    styles = {
        "keyword": RichStyle(color=colours["conflict"]),
        "string": RichStyle(color=colours["reward"]),
        "number": RichStyle(color=colours["surprise"]),
        "float": RichStyle(color=colours["surprise"]),
        "boolean": RichStyle(color=colours["surprise"]),
        "comment": RichStyle(italic=True, dim=True),
    }
    return TextAreaTheme(name=EDITOR_THEME, syntax_styles=styles)


def colour(dimension: str) -> str:
    """The style of a dimension (or "total"), for `Content`."""
    return f"$snarc-{dimension}"


def bar(fraction: float, width: int, style: str, tick: float | None = None) -> Content:
    """A horizontal bar of `width` cells in steps of an eighth, with an optional mark at the share `tick`."""
    eighths = round(min(max(fraction, 0.0), 1.0) * width * 8)
    # The smallest share above nothing still shows.
    eighths = max(eighths, 1) if fraction > 0 else 0
    full, part = divmod(eighths, 8)
    filled = _BLOCKS[8] * full + (_BLOCKS[part] if part else "")
    drawn = Content.assemble((filled, style), (_TRACK * (width - len(filled)), "$track"))
    if tick is None or width < 1:
        return drawn
    at = min(int(tick * width), width - 1)
    # Over a filled cell the mark needs the fill behind it.
    mark = Content.styled(_TICK, f"$background on {style}" if at < full else "$foreground")
    return Content.assemble(drawn[:at], mark, drawn[at + 1 :])


def sparkline(values: Sequence[float], width: int) -> str:
    """The last part of a series in `width` cells of block elements, scaled between its own extremes."""
    if not values or width < 1:
        return ""
    size = max(1, -(-len(values) // width))
    chunks = [values[start : start + size] for start in range(0, len(values), size)]
    means = [sum(chunk) / len(chunk) for chunk in chunks]
    low, high = min(means), max(means)
    if high <= low:
        return _LEVELS[0] * len(means)
    return "".join(_LEVELS[round((value - low) / (high - low) * 7)] for value in means)
