"""What the line below the timeline tells of the exchange at the cursor."""

from __future__ import annotations

from textual.content import Content

from lab.journal.filters import MEASURES
from lab.journal.timeline import Moment, Point
from lab.text import DOT, model_name, one_line, when
from lab.tui import theme


def told(moment: Moment, point: Point, alone: bool, width: int) -> Content:
    """Four lines: where and when it was, the numbers, the question, the answer. `alone`: in one session only."""
    parts = [f"turn {moment.turn}", f"{when(moment.created_at)} UTC"]
    if not alone:
        parts.insert(0, one_line(moment.title or moment.session_id, 24))
    if point.n > 1:
        share = "" if point.salient is None else f", {point.salient:.0%} salient"
        highest = "highest of" if moment.exchange_id == point.exchange_id else "one of"
        parts.append(f"{highest} {point.n:,}{share}")
    if moment.checkpoint:
        parts.append(model_name(moment.checkpoint))
    if moment.adapter:
        parts.append(one_line(moment.adapter))
    parts += [each for each in (moment.mark, moment.status) if each and each != "complete"]
    head = Content.styled(one_line(DOT.join(parts), width), "$quiet")
    return Content("\n").join([head, _numbers(moment, width), *(_text(*pair, width) for pair in _texts(moment))])


def _numbers(moment: Moment, width: int) -> Content:
    if all(value is None for value in moment.values):
        return Content.styled("no score", "$quiet")
    parts: list[Content] = []
    for name, value in zip(MEASURES, moment.values):
        number = "\u2013" if value is None else f"{value:.3f}"
        # The initials of the five are SNARC.
        shown = name if width >= 100 or name == "total" else name[0].upper()
        parts.append(Content.assemble((f"{shown} ", theme.colour(name)), number))
    total, threshold = moment.values[-1], moment.threshold
    if total is not None and threshold is not None:
        parts.append(Content.styled("salient" if total >= threshold else "not salient", "$quiet"))
    return Content("  ").join(parts)


def _texts(moment: Moment) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("You", moment.user_input), ("Answer", moment.answer or "none")


def _text(who: str, text: str, width: int) -> Content:
    return Content.assemble((who.ljust(8), "bold $quiet"), one_line(text, max(width - 8, 1)))
