"""The engine as the screen knows it: its state in words, loading, and what waits for the moment between two turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from lab.domain import Progress
from lab.engine.fetch import Cancelled
from lab.errors import LabError
from lab.sleep.watch import SleepProgress
from lab.text import count, model_name
from lab.tui import workers
from lab.tui.messages import RolledBack
from lab.tui.screens.checkpoints import Choice
from lab.tui.sleeping import RECEIPT, told
from lab.tui.widgets.progress import engine_line

if TYPE_CHECKING:
    from lab.sleep.room import NoRoom
    from lab.tui.app import LabApp

EngineState = Literal["opening", "starting", "ready", "switching", "away", "stopped"]

WORDS: Final[dict[EngineState, str]] = {
    "opening": "opening",
    "starting": "getting ready",
    "ready": "ready",
    "switching": "changing adapter",
    "away": "put away",
    "stopped": "stopped, F7 starts it",
}
_WAITS: Final[dict[EngineState, str]] = {
    "opening": "waits for the record to open",
    "starting": "waits for the model to get ready; it is sent then",
    "switching": "waits for the new adapter; it is sent then",
    "away": "waits until the model has slept; it is sent then",
}


class EngineKeeper:
    """Keeps the engine of an app. Its methods run in the app's thread; what blocks goes to a worker."""

    def __init__(self, app: LabApp) -> None:
        self._app = app
        self.state: EngineState = "opening"
        self._trouble = ""
        self._cancel = threading.Event()
        # What waits for the moment between two turns: a sleep that needs the engine's memory, a choice of the person,
        # and the adapter of a finished sleep.
        self._needed: NoRoom | None = None
        self._wanted: Choice | None = None
        self._pending: SleepProgress | None = None

    def not_ready(self) -> tuple[str, bool] | None:
        """Why no turn can begin now, and whether that is trouble; None when one can."""
        if self.state == "stopped":
            return f"not sent: {self._trouble} F7 starts the engine again, Esc takes the message back.", True
        return (_WAITS[self.state], False) if self.state in _WAITS else None

    @property
    def settled(self) -> bool:
        """True unless something is being loaded or changed."""
        return self.state in ("ready", "stopped")

    @property
    def at_rest(self) -> bool:
        """True when nothing waits to be changed either, as while a turn is answered."""
        return self.settled and self._wanted is None and self._pending is None

    def start(self) -> None:
        """Start the engine and load."""
        self._load("starting", workers.start_engine, self._app.lab)

    def restart(self) -> None:
        """Start the engine again, unless it lives."""
        if self.state == "stopped":
            self.start()
        else:
            self._app.main.hint(f"The engine does not need it: it is {WORDS[self.state]}.")

    def change(self, choice: Choice) -> None:
        """Let another checkpoint or adapter answer, as soon as no turn runs and nothing else is changed."""
        self._wanted = choice
        self.between_turns()

    def roll_back(self, adapter: str | None) -> None:
        """Go back to an adapter of the loaded checkpoint, or with None to the checkpoint alone, and let that answer."""
        work = partial(workers.roll_back, self._app.lab, adapter, self._app.post_message)
        self._app.run_worker(work, group="roll-back", name="roll-back", thread=True)

    def rolled_back(self, message: RolledBack) -> str:
        """The record has it, or has not: let it answer, and say so."""
        loaded = self._app.lab.engine.loaded
        if message.error is not None:
            return str(message.error)
        if loaded is not None:
            self.change(Choice(loaded.name, message.adapter or "none"))
        name = message.adapter or (model_name(loaded.name) if loaded is not None else "the checkpoint by itself")
        return f"Rolled back to {name}: it answers from the next turn on, and the next sleep goes on from it."

    def put_away(self, error: NoRoom) -> None:
        """Let a sleep that waits have the engine's memory, as soon as no turn runs and nothing is changed."""
        self._needed = error
        self.between_turns()

    def keep(self) -> bool:
        """Take back that a sleep waits for the engine's memory; False where none does."""
        waited, self._needed = self._needed is not None, None
        return waited

    def bring_back(self) -> None:
        """Load again what was put away for a sleep."""
        if self.state == "away":
            self.start()

    def cancel(self) -> None:
        """Stop the loading, if something is being loaded; what answered before answers again."""
        self._cancel.set()

    def progressed(self, progress: Progress) -> None:
        """Show how far the loading is."""
        if self.state == "starting":
            self._app.main.progress("engine", engine_line(progress, cancelling=self._cancel.is_set()))

    async def ready(self) -> None:
        """The engine can be asked."""
        # Who answers is said before a waiting message is sent.
        await self._app.tell_notices()
        await self._app.main.show_answerer()
        # A message that waits is sent when nothing else waits any more.
        self._enter("ready")
        self.between_turns()

    async def failed(self, error: LabError) -> None:
        """It did not get ready: what was asked for, or after that the choice before too."""
        loaded = self._app.lab.engine.loaded
        trouble = not isinstance(error, Cancelled)
        if loaded is None:
            self._set("stopped", str(error))
            await self._app.main.say(f"{error} F7 tries again, F9 chooses another.", trouble)
        else:
            self._set("ready")
            await self._app.main.say(f"{str(error).strip()} {model_name(loaded.name)} answers as before.", trouble)
        await self._app.tell_notices()
        self.between_turns()

    async def look(self) -> None:
        """Notice that the engine is gone."""
        busy = self._app.main.answering or self._app.leaving.is_set()
        if self.state == "ready" and not busy and not self._app.lab.engine.alive():
            self._set("stopped", "The engine has stopped.")
            await self._app.main.say(
                "The engine has stopped. The conversation is kept; press F7 to start it again.", trouble=True
            )

    async def turn_ended(self) -> None:
        """A turn is over, whatever came of it."""
        await self.look()
        self.between_turns()
        self._app.show_status()

    def slept(self, progress: SleepProgress) -> None:
        """A sleep is complete: its adapter answers from the next turn on."""
        self._pending = progress
        self.between_turns()

    def between_turns(self) -> None:
        """Do what waits for it, never in the middle of a turn; then send the message that waits."""
        if not self.settled or self._app.main.answering:
            return
        if self._needed is not None:
            needed, self._needed = self._needed, None
            self._set("away")
            self._app.call_later(self._app.main.say, needed.sentence)
            self._app.work("sleep", workers.start_sleep, self._app.lab, True, self._app.sleeping.deep)
        elif self._pending is not None and self.state == "ready":
            progress, self._pending = self._pending, None
            self._set("switching")
            self._app.work("activate", workers.activate, self._app.lab, progress)
        elif self._wanted is not None:
            # After the adapter of a sleep that has ended: what the person chose stays.
            choice, self._wanted = self._wanted, None
            loaded = self._app.lab.engine.loaded
            same = loaded is not None and loaded.name == choice.checkpoint
            self._load(
                "switching" if same else "starting",
                workers.change,
                self._app.lab,
                choice.checkpoint,
                choice.adapter,
            )
        elif self.state == "ready":
            self._app.main.outbox.send()

    async def activated(self, progress: SleepProgress, error: LabError | None, waits_for: str | None) -> None:
        """The adapter of this sleep answers, or waits for another checkpoint, or why it does not."""
        ended = progress.ended
        assert ended is not None
        slept = f"The model slept on {count(progress.exchanges, 'exchange')}: {ended.adapter}"
        if ended.first_loss is not None and ended.last_loss is not None:
            slept += f", loss {ended.first_loss:.2f} -> {ended.last_loss:.2f}"
        came = told(progress)
        slept, receipt = (came, f" {RECEIPT}") if came else (f"{slept}.", "")
        if error is not None:
            await self._app.main.say(f"{slept} It does not answer: {error}{receipt}", trouble=True)
        elif waits_for is not None:
            await self._app.main.say(f"{slept} It answers when {model_name(waits_for)} does.{receipt}")
        else:
            await self._app.main.say(f"{slept} It answers from now on.{receipt}")
        self._set("ready")
        self.between_turns()

    def _load(self, state: EngineState, body: Callable[..., None], *arguments: object) -> None:
        self._cancel = threading.Event()
        self._set(state)
        self._app.work("engine", body, *arguments, self._cancel)

    def _set(self, state: EngineState, trouble: str = "") -> None:
        self._enter(state, trouble)
        self._app.main.outbox.send()

    def _enter(self, state: EngineState, trouble: str = "") -> None:
        self.state, self._trouble = state, trouble
        if state != "starting":
            self._app.main.progress("engine", None)
        self._app.show_status()
