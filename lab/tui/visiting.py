"""Opening the screens that lie over the dialogue, or saying why one cannot be opened now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.screen import Screen

from lab.errors import LabError
from lab.questions import Question
from lab.tui.screens.checkpoints import CheckpointsScreen, Choice
from lab.tui.screens.questions import QuestionsScreen

if TYPE_CHECKING:
    from lab.tui.app import LabApp


class Visitor:
    """Opens other screens for an app. Its methods run in the app's thread."""

    def __init__(self, app: LabApp) -> None:
        self._app = app

    # The screens on the record import DuckDB and plots, which the first paint does not wait for.

    def sql(self) -> None:
        """The SQL pane."""
        from lab.tui.screens.sql import SqlScreen

        self._visit(lambda: SqlScreen(self._app.lab))

    def history(self) -> None:
        """All dialogues."""
        from lab.tui.screens.history import HistoryScreen

        self._visit(lambda: HistoryScreen(self._app.lab))

    def timeline(self) -> None:
        """Salience over time, of this dialogue first."""
        from lab.tui.screens.timeline import TimelineScreen

        self._visit(lambda: TimelineScreen(self._app.lab, self._app.main.session_id))

    def adapters(self) -> None:
        """What was learnt so far."""
        from lab.tui.screens.adapters import AdaptersScreen

        self._visit(lambda: AdaptersScreen(self._app.lab))

    def receipt(self) -> None:
        """The receipt of the last sleep."""
        from lab.tui.screens.receipt import ReceiptScreen

        self._visit(lambda: ReceiptScreen(self._app.lab, None))

    def questions(self) -> None:
        """Questions to begin with; the one that is picked comes into the input."""
        from lab.questions import questions

        keys = "Enter puts the question into the input. Esc closes."
        self._offer(lambda: questions(self._app.lab.workspace), self._take_question, "question", keys)

    def experiments(self) -> None:
        """Experiments to begin, or to stop."""
        experimenting = self._app.experimenting
        keys = "Enter begins it, or stops it, beside the dialogue. Esc closes."
        self._offer(experimenting.offered, experimenting.picked, "experiment", keys)

    def checkpoints(self) -> None:
        """The models to answer with."""
        main, engine = self._app.main, self._app.engine
        if main.answering or main.waiting:
            main.hint(
                "The model can be changed when the answer is there. Esc takes back what waits, then stops the answer."
            )
        elif main.session_id is None:
            main.hint("The record is not open yet.")
        elif engine.state == "away":
            main.hint("The model is put away while it sleeps; it can be changed when it is back.")
        elif not engine.settled:
            main.hint("The model is still getting ready; Esc cancels that.")
        else:
            lab = self._app.lab
            self._app.push_screen(CheckpointsScreen(lab.offers, lab.offer), self._take_choice)

    def _visit(self, screen: Callable[[], Screen[None]]) -> None:
        if self._app.main.session_id is None:
            self._app.main.hint("The record is not open yet.")
        else:
            self._app.push_screen(screen())

    def _offer(
        self, offered: Callable[[], list[Question]], picked: Callable[[Question | None], None], kind: str, keys: str
    ) -> None:
        try:
            found = offered()
        except LabError as error:
            self._app.main.hint(str(error))
        else:
            self._app.push_screen(QuestionsScreen(found, kind, keys), picked)

    def _take_question(self, question: Question | None) -> None:
        if question is not None:
            self._app.main.put(question.text)

    def _take_choice(self, choice: Choice | None) -> None:
        if choice is not None:
            self._app.engine.change(choice)
