"""How sessions, hits and exchanges are written in one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from lab.journal.history import Brief, Hit, SessionSummary
from lab.text import DOT, model_name, one_line, padded, when

# From this width on checkpoint, adapter and the time of day have a place.
_WIDE = 100
_LEVELS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_SPARK = 12
# A total at the top of a sparkline: one scale for all, so that sessions can be compared.
_TOP = 0.5


@dataclass(frozen=True, slots=True)
class Heading:
    """The session of the hits below it."""

    session_id: str
    title: str
    created_at: datetime


def columns(width: int) -> Content:
    """The names of the columns of `line` for a session."""
    return _session(
        "Session", "last turn (UTC)", "model", "adapter", "turns", "salient", "mean", "totals", width
    ).stylize("$quiet")


def line(row: SessionSummary | Hit | Heading, width: int) -> Content:
    """A row of the list."""
    if isinstance(row, SessionSummary):
        return _session(
            row.title,
            when(row.last_at),
            model_name(row.checkpoint or "\u2013"),
            row.adapters[-1] if row.adapters else "\u2013",
            f"{row.exchanges:,}",
            "\u2013" if row.salient is None else f"{row.salient:.0%}",
            "\u2013" if row.mean is None else f"{row.mean:.3f}",
            sparkline(row.totals, _SPARK),
            width,
        )
    if isinstance(row, Heading):
        date = when(row.created_at)[:10]
        title = one_line(row.title, width - len(date) - 2)
        return Content.assemble((padded(title, width - len(date)), "bold"), (date, "$quiet"))
    return _hit(row, width)


def exchange_line(row: Brief, width: int) -> Content:
    """An exchange of the selected session: its turn, total, question and the beginning of its answer."""
    start = _numbers(row.turn, row.total, row.salient)
    left = width - len(start)
    room = max(left * 2 // 5, 10)
    question = padded(one_line(row.user_input, room), room)
    about = row.mark or ("" if row.status == "complete" else row.status)
    answer = one_line(DOT.join(part for part in (about, row.answer) if part), max(left - room - 2, 1))
    return Content.assemble(start, question, "  ", (answer, "$quiet"))


def sparkline(totals: Sequence[float], width: int) -> str:
    """Totals in at most `width` cells, all sessions on one scale."""
    size = max(1, -(-len(totals) // width))
    means = [sum(totals[at : at + size]) / len(totals[at : at + size]) for at in range(0, len(totals), size)]
    return "".join(_LEVELS[min(int(max(mean, 0.0) / _TOP * 8), 7)] for mean in means)


def _session(
    title: str, last: str, model: str, adapter: str, turns: str, salient: str, mean: str, totals: str, width: int
) -> Content:
    if width >= _WIDE:
        middle = f"{last:<16}  {padded(one_line(model, 18), 18)}  {padded(one_line(adapter, 10), 10)}"
    else:
        # The date, or of the heading its first words.
        middle = f"{last[:10].removesuffix('('):<10}"
    numbers = f"{turns:>6}  {salient:>7}  {mean:>5}  "
    spark = totals.ljust(_SPARK)
    left = max(width - len(middle) - len(numbers) - _SPARK - 2, 1)
    return Content.assemble(
        padded(one_line(title, left), left), "  ", (middle, "$quiet"), numbers, (spark, "$snarc-total")
    )


def _hit(hit: Hit, width: int) -> Content:
    start = _numbers(hit.turn, hit.total, hit.salient)
    snippet = Content(one_line(hit.snippet) if hit.found == (0, 0) else _clean(hit.snippet))
    if hit.found != (0, 0):
        snippet = snippet.stylize("bold $accent", *hit.found)
    return Content.assemble(start, snippet)[:width]


def _numbers(turn: int, total: float | None, salient: bool) -> Content:
    number = "\u2013" if total is None else f"{total:.3f}"
    return Content.assemble((f"{turn:>6}", "$quiet"), "  ", (f"{number:>5}", "bold" if salient else "$quiet"), "  ")


def _clean(text: str) -> str:
    """Harmless, one character for one, so that what was found stays where it was."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
