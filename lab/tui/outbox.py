"""What the person sends: one message at a time and one more for after it; what cannot be sent is in the input again."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.tui import workers
from lab.tui.widgets.composer import Composer, NextLine
from lab.tui.widgets.transcript import Transcript
from lab.tui.widgets.turn import Turn

if TYPE_CHECKING:
    from lab.tui.screens.main import MainScreen


class Outbox:
    """The turn that waits or runs, and the message for after it; a text leaves them only for the input or the record.

    Whose turn it is changes at once; putting it on the screen or taking it away is left to tasks, because the
    transcript may wait for a layout, which the caller could hold up. Its methods run in the app's thread.
    """

    def __init__(self, main: MainScreen) -> None:
        self._main = main
        self.next = NextLine()
        self.turn: Turn | None = None
        self.running = False
        self._stop = threading.Event()

    @property
    def waiting(self) -> bool:
        """True while a message waits to be sent."""
        return self.next.text is not None or (self.turn is not None and not self.running)

    @property
    def stopping(self) -> bool:
        """True once the turn that runs was asked to stop."""
        return self._stop.is_set()

    def submit(self, text: str) -> bool:
        """Send this now, or after the turn that waits or runs; False where one waits for that already."""
        if self.next.text is not None:
            self._main.hint("A message waits to be sent. Esc takes it back; your text stays here.")
            return False
        if self.turn is not None:
            self.next.keep(text)
        else:
            self._begin(text)
        return True

    def send(self) -> None:
        """Begin the turn that waits, or say at its place why it cannot begin yet."""
        turn, app = self.turn, self._main.lab_app
        if turn is None or self.running or not turn.is_mounted or app.leaving.is_set():
            return
        why = app.not_ready()
        if why is not None:
            turn.wait(*why)
            return
        conversation = self._main.conversation
        assert conversation is not None
        self.running = True
        self._stop = threading.Event()
        turn.wait("reading")
        app.show_status()
        self._main.run_worker(
            partial(workers.take_turn, app.lab, conversation, turn.text, self._stop, self._main.post_message),
            group="turn",
            name="turn",
            thread=True,
        )

    def stop(self) -> None:
        """Ask the running turn, if there is one, to stop; what it produced is kept and recorded."""
        self._stop.set()

    def take_back(self) -> bool:
        """Put the message that was sent last and waits back into the input; False where none waits."""
        text = self.next.take()
        if text is None and self.turn is not None and not self.running:
            turn, self.turn = self.turn, None
            text = self._take_down(turn, None)
        if text is not None:
            self._main.query_one(Composer).give_back(text)
        return text is not None

    async def ended(self, error: LabError | None) -> None:
        """The turn is over; with an error nothing of it was recorded. After a whole or stopped one the next follows."""
        turn, self.turn, self.running = self.turn, None, False
        assert turn is not None
        composer, app = self._main.query_one(Composer), self._main.lab_app
        failed = error is not None or (turn.exchange is not None and turn.exchange.status == "failed")
        if failed and (text := self.next.take()) is not None:
            composer.give_back(text)
            self._main.hint("What was to be sent next is in the input again.")
        if error is not None:
            composer.give_back(self._take_down(turn, error))
        app.triggers.touched()
        app.triggers.count()
        await app.engine.turn_ended()
        if self.turn is None and (text := self.next.take()) is not None:
            self._begin(text)

    def _begin(self, text: str) -> None:
        self.turn = Turn(text)
        self._main.run_worker(self._put_up(self.turn), group="sending")

    async def _put_up(self, turn: Turn) -> None:
        await self._main.query_one(Transcript).add(turn)
        self.send()

    def _take_down(self, turn: Turn, error: LabError | None) -> str:
        self._main.run_worker(self._drop(turn, error), group="sending")
        return turn.text

    async def _drop(self, turn: Turn, error: LabError | None) -> None:
        await self._main.query_one(Transcript).drop(turn)
        self._main.dropped(turn)
        if error is not None:
            # In the place of the turn.
            await self._main.say(str(error), trouble=True)
