"""Dialogues with a scripted engine in a process of its own and a real record."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from lab.dialogue.conversation import Conversation
from lab.dialogue.events import TurnEvent, TurnFinished
from lab.domain import Exchange
from lab.lab import Lab
from lab.settings import Workspace

SCRIPTED = [sys.executable, "-m", "lab.engine.scripted"]


class Opened:
    """Labs of one workspace, closed at the end."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.labs: list[Lab] = []

    def lab(self, *options: str, settings: str = "", start: bool = True) -> Lab:
        self.workspace.config.write_text(settings)
        lab = Lab(self.workspace, engine_command=[*SCRIPTED, *options])
        lab.open()
        self.labs.append(lab)
        if start:
            lab.start_engine(lambda progress: None, threading.Event())
        return lab


def turn(conversation: Conversation, text: str, seed: int | None = None) -> list[TurnEvent]:
    return list(conversation.take_turn(text, threading.Event(), seed))


def answer(conversation: Conversation, text: str, seed: int | None = None) -> Exchange:
    last = turn(conversation, text, seed)[-1]
    assert isinstance(last, TurnFinished)
    return last.exchange
