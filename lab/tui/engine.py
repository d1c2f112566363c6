"""The engine as the screen knows it: its state in words, starting it, and the adapter that waits between two turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from lab.domain import Progress
from lab.errors import LabError
from lab.sleep.watch import SleepProgress
from lab.text import count
from lab.tui import workers
from lab.tui.widgets.progress import engine_line

if TYPE_CHECKING:
    from lab.tui.app import LabApp

EngineState = Literal["opening", "starting", "ready", "switching", "stopped"]

WORDS: Final[dict[EngineState, str]] = {
    "opening": "opening",
    "starting": "getting ready",
    "ready": "ready",
    "switching": "changing adapter",
    "stopped": "stopped, F7 starts it",
}
_WAITS: Final[dict[EngineState, str]] = {
    "opening": "waits for the record to open",
    "starting": "waits for the model to get ready; it is sent then",
    "switching": "waits for the new adapter; it is sent then",
}


class EngineKeeper:
    """Keeps the engine of an app. Its methods run in the app's thread; what blocks goes to a worker."""

    def __init__(self, app: LabApp) -> None:
        self._app = app
        self.state: EngineState = "opening"
        self._trouble = ""
        # A finished sleep whose adapter waits for the moment between two turns.
        self._pending: SleepProgress | None = None

    def not_ready(self) -> tuple[str, bool] | None:
        """Why no turn can begin now, and whether that is trouble; None when one can."""
        if self.state == "stopped":
            return f"not sent: {self._trouble} F7 starts the engine again, Esc takes the message back.", True
        return (_WAITS[self.state], False) if self.state in _WAITS else None

    def start(self) -> None:
        """Start the engine and load."""
        self._set("starting")
        self._app.work("engine", workers.start_engine, self._app.lab, self._app.leaving)

    def restart(self) -> None:
        """Start the engine again, unless it lives."""
        if self.state == "stopped":
            self.start()
        else:
            self._app.main.hint(f"The engine does not need it: it is {WORDS[self.state]}.")

    def progressed(self, progress: Progress) -> None:
        """Show how far the loading is."""
        if self.state == "starting":
            self._app.main.progress("engine", engine_line(progress))

    async def ready(self) -> None:
        """The engine can be asked."""
        self._set("ready")
        await self._app.tell_notices()
        self.between_turns()

    async def failed(self, error: LabError) -> None:
        """The engine did not get ready."""
        self._set("stopped", str(error))
        await self._app.main.say(f"{error} F7 tries again.", trouble=True)

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
        """Let the adapter of a finished sleep answer, never in the middle of a turn; then send what waits."""
        if self.state == "ready" and not self._app.main.answering:
            if self._pending is not None:
                progress, self._pending = self._pending, None
                self._set("switching")
                self._app.work("activate", workers.activate, self._app.lab, progress)
                return
            self._app.main.send_waiting()

    async def activated(self, progress: SleepProgress, error: LabError | None) -> None:
        """The adapter of this sleep answers, or why it does not."""
        ended = progress.ended
        assert ended is not None
        slept = f"The model slept on {count(progress.exchanges, 'exchange')}: {ended.adapter}"
        if ended.first_loss is not None and ended.last_loss is not None:
            slept += f", loss {ended.first_loss:.2f} -> {ended.last_loss:.2f}"
        if error is None:
            await self._app.main.say(f"{slept}. It answers from now on.")
        else:
            await self._app.main.say(f"{slept}. It does not answer: {error}", trouble=True)
        self._set("ready")
        self.between_turns()

    def _set(self, state: EngineState, trouble: str = "") -> None:
        self.state, self._trouble = state, trouble
        if state != "starting":
            self._app.main.progress("engine", None)
        self._app.show_status()
        self._app.main.send_waiting()
