"""The quiet lines of the dialogue that say where another checkpoint or adapter began to answer."""

from __future__ import annotations

from lab.domain import Exchange
from lab.text import model_name
from lab.tui.widgets.turn import Note


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
