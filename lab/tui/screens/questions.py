"""The question picker."""

from __future__ import annotations

from collections.abc import Sequence

from lab.questions import Question
from lab.tui.screens.picker import Entry, Picker


class QuestionsScreen(Picker[Question]):
    """Gives the question that was picked, or None; `keys` says what picking does."""

    def __init__(self, questions: Sequence[Question], keys: str) -> None:
        entries = [Entry(each.group, each.title, "", each.text, each) for each in questions]
        super().__init__(entries, "question", "questions", keys)
