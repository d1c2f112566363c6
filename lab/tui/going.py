"""Going from one dialogue to another: a new one, a recorded one, a fork; and opening any exchange of the record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.tui import workers
from lab.tui.screens.main import MainScreen

if TYPE_CHECKING:
    from lab.dialogue.conversation import Conversation
    from lab.tui.app import LabApp


class SessionKeeper:
    """Changes the dialogue of an app, one change at a time. Its methods run in the app's thread."""

    def __init__(self, app: LabApp) -> None:
        self._app = app
        self.changing = False

    def begin(self) -> None:
        """A new session in place of this one."""
        self._change(lambda: self._app.lab.converse(new=True))

    def resume(self, session_id: str, exchange_id: str | None = None) -> None:
        """Go on with a recorded session, and show this exchange of it."""
        main = self._app.main
        if main.session_id == session_id and (exchange_id is None or main.show_exchange(exchange_id)):
            self._to_dialogue()
        else:
            self._change(lambda: self._app.lab.converse(session_id), exchange_id)

    def fork(self, exchange_id: str) -> None:
        """A new session that goes on from this exchange."""
        self._change(lambda: self._app.lab.fork(exchange_id))

    def open_exchange(self, exchange_id: str) -> None:
        """Show any exchange of the record, over whatever is on the screen."""
        from lab.tui.screens.exchange import ExchangeScreen

        self._app.push_screen(ExchangeScreen(self._app.lab, exchange_id))

    def over(self) -> None:
        """The change is done, or has failed."""
        self.changing = False

    def _change(self, make: Callable[[], Conversation], show: str | None = None) -> None:
        main = self._app.main
        if self.changing:
            return
        if main.answering or main.waiting:
            main.hint(
                "The session can be changed when the answer is there. Esc takes back what waits, then stops the answer."
            )
        elif self._app.opening:
            main.hint("The record is not open yet.")
        else:
            self.changing = True
            self._to_dialogue()
            self._app.work("session", workers.change_conversation, make, show)

    def _to_dialogue(self) -> None:
        while not isinstance(self._app.screen, MainScreen):
            self._app.pop_screen()
