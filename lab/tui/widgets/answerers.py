"""The quiet lines of the dialogue that say where another checkpoint or adapter began to answer."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widget import Widget

from lab.domain import Exchange
from lab.text import model_name
from lab.tui.widgets.transcript import Note, Transcript, Turn


class Answerer(Note):
    """What answers from here on."""


def now_answered(before: Exchange, checkpoint: str | None, adapter: str | None) -> str | None:
    """The line between an exchange and what is answered by these, or None when nothing changed."""
    if checkpoint is None or (before.checkpoint, before.adapter) == (checkpoint, adapter):
        return None
    said = f"now answered by {model_name(checkpoint)}"
    if adapter is not None:
        return f"{said}, adapter {adapter}"
    return f"{said}, no adapter" if before.adapter else said


async def mark_changes(transcript: Transcript, history: Sequence[Exchange]) -> None:
    """Put the lines between the turns of a recorded dialogue."""
    before = dict(zip((exchange.exchange_id for exchange in history[1:]), history))
    for turn in transcript.turns():
        earlier = before.get(turn.exchange.exchange_id) if turn.exchange else None
        if turn.exchange is not None and earlier is not None:
            line = now_answered(earlier, turn.exchange.checkpoint, turn.exchange.adapter)
            if line is not None:
                await _turns(transcript).mount(Answerer(line), before=turn)


async def mark_end(
    transcript: Transcript, history: Sequence[Exchange], checkpoint: str | None, adapter: str | None
) -> None:
    """Say behind the last answer what answers now, in place of what was said of it since."""
    children = list(_turns(transcript).children)
    last = max((at for at, child in enumerate(children) if isinstance(child, Turn) and child.exchange), default=-1)
    behind = children[last + 1 :]
    for child in behind:
        if isinstance(child, Answerer):
            await child.remove()
    line = now_answered(history[-1], checkpoint, adapter) if history else None
    if line is not None:
        # A message that waits is answered by it already.
        waiting = next((child for child in behind if isinstance(child, Turn)), None)
        await _turns(transcript).mount(Answerer(line), before=waiting)


def _turns(transcript: Transcript) -> Widget:
    return transcript.query_one("#turns")
