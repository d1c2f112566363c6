"""The question picker."""

from __future__ import annotations

from collections.abc import Sequence

from lab.questions import Question
from lab.tui.screens.picker import Entry, Picker


class QuestionsScreen(Picker[Question]):
    """Gives the question that was picked, or None; `kind` says what else it is, `keys` what picking does."""

    def __init__(self, questions: Sequence[Question], kind: str, keys: str) -> None:
        entries = [Entry(each.group, each.title, "", each.text, each) for each in questions]
        super().__init__(entries, kind, f"{kind}s", keys)
