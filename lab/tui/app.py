"""The app: opens the lab after the first paint, keeps the engine and the sleep, asks before it quits."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from textual.app import App, SystemCommand
from textual.screen import Screen

from lab.domain import Draft
from lab.errors import LabError
from lab.sleep.watch import SleepProgress
from lab.text import count
from lab.tui import theme, workers
from lab.tui.actions import LabCommands
from lab.tui.hangup import watched_terminal
from lab.tui.messages import (
    AdapterActivated,
    EngineFailed,
    EngineProgressed,
    EngineReady,
    MemoryMeasured,
    Opened,
    OpeningFailed,
    SleepBegan,
    SleepLost,
    SleepProgressed,
    SleepRefused,
)
from lab.tui.screens.help import HelpScreen
from lab.tui.screens.main import MainScreen
from lab.tui.screens.quit import Choice, QuitScreen
from lab.tui.widgets.progress import engine_line, sleep_line
from lab.tui.widgets.status import Status

if TYPE_CHECKING:
    from lab.lab import Lab

EngineState = Literal["opening", "starting", "ready", "switching", "stopped"]

_WORDS: Final[dict[EngineState, str]] = {
    "opening": "opening",
    "starting": "getting ready",
    "ready": "ready",
    "switching": "changing adapter",
    "stopped": "stopped, F7 starts it",
}
# How often the screen looks whether the engine lives, and for a sleep of another lab.
_LOOK_SECONDS: Final = 1.0
_LOOK_FOR_SLEEP_SECONDS: Final = 5.0
# A cancelled turn is recorded well within this; after it the record closes and recovery says the rest.
_LEAVE_SECONDS: Final = 3.0
# A sleeper that is starting has to be there before it can be stopped.
_START_SLEEP_SECONDS = 15.0


class LabApp(App[None]):
    """The screen of a lab that is not open yet; `fault` says why when it could not be opened."""

    TITLE = "SNARC lab"
    CSS = """
    * {
        scrollbar-color: $rule; scrollbar-color-hover: $quiet; scrollbar-color-active: $quiet;
        scrollbar-background: $background; scrollbar-background-hover: $background;
        scrollbar-background-active: $background; scrollbar-corner-color: $background;
    }
    /* Textual draws an emoji there. */
    SearchIcon { display: none; }
    """
    COMMANDS = App.COMMANDS | {LabCommands}

    def __init__(self, lab: Lab, *, session_id: str | None = None, new: bool = False) -> None:
        super().__init__()
        for own in theme.THEMES:
            self.register_theme(own)
        self.lab = lab
        self.fault: LabError | None = None
        self._session_id = session_id
        self._new = new
        self._main = MainScreen()
        self._status = Status()
        self._engine: EngineState = "opening"
        self._trouble = ""
        self._leaving = threading.Event()
        self._told = 0
        # The sleep that is followed, and those whose end was told already.
        self._cycle: str | None = None
        self._starting_sleep = False
        self._stopping_sleep = False
        self._changing_session = False
        self._over: set[str] = set()
        # A finished sleep whose adapter waits for the moment between two turns.
        self._pending: SleepProgress | None = None

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme.variables(self.current_theme.dark)

    def get_default_screen(self) -> Screen[None]:
        return self._main

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own commands that are of use here; the rest is in the registry."""
        kept = {"Theme", "Screenshot"}
        return (command for command in super().get_system_commands(screen) if command.title in kept)

    def on_mount(self) -> None:
        wanted = self.lab.settings.screen.theme
        if wanted in self.available_themes:
            self.theme = wanted
        else:
            self._main.hint(
                f'lab.toml: screen.theme "{wanted}" is not a theme. Ctrl+P, Theme lists them; {self.theme} is used.'
            )
        # Opening reads the record: the first paint does not wait for it.
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        self.show_status()
        self._work("open", workers.open_lab, self.lab, self._session_id, self._new)

    def _work(self, group: str, body: Callable[..., None], *arguments: object) -> None:
        """Run a body of `workers` in a thread; what it says comes to this app."""
        self.run_worker(partial(body, *arguments, self.post_message), group=group, name=group, thread=True)

    # The record and the session

    async def on_opened(self, message: Opened) -> None:
        self._changing_session = False
        await self._main.show_conversation(message.conversation)
        # The offer says the same as the notice of this start, and more.
        await self._tell_notices(apart_from=message.offer)
        if message.offer:
            await self._main.say(f"{message.offer} did not end by itself. F6 sleeps on its exchanges again.")
        if message.sleeping:
            self.post_message(SleepBegan(message.sleeping))
        if self._engine == "opening":
            self._start_engine()
            self.set_interval(_LOOK_SECONDS, self._look_at_engine)
            self.set_interval(_LOOK_FOR_SLEEP_SECONDS, self._look_for_sleep)

    async def on_opening_failed(self, message: OpeningFailed) -> None:
        if self._engine == "opening":
            self.fault = message.error
            self.exit(return_code=1)
        else:
            self._changing_session = False
            await self._main.say(str(message.error), trouble=True)
            self._main.send_waiting()

    def begin_session(self) -> None:
        """A new session in place of this one; a message written meanwhile waits for it."""
        if self._changing_session:
            return
        self._changing_session = True
        self._work("session", workers.new_conversation, self.lab)

    async def _tell_notices(self, apart_from: str | None = None) -> None:
        fresh = self.lab.notices[self._told :]
        self._told += len(fresh)
        for notice in fresh:
            if apart_from and notice.startswith(f"{apart_from} "):
                continue
            await self._main.say(notice)

    # The engine

    def not_ready(self) -> tuple[str, bool] | None:
        """Why no turn can begin now, and whether that is trouble; None when one can."""
        if self._engine == "stopped":
            return f"not sent: {self._trouble} F7 starts the engine again, Esc takes the message back.", True
        if self._changing_session:
            return "waits for the new session", False
        waits = {
            "opening": "waits for the record to open",
            "starting": "waits for the model to get ready; it is sent then",
            "switching": "waits for the new adapter; it is sent then",
        }
        return (waits[self._engine], False) if self._engine in waits else None

    def _set_engine(self, state: EngineState, trouble: str = "") -> None:
        self._engine, self._trouble = state, trouble
        if state != "starting":
            self._main.progress("engine", None)
        self.show_status()
        self._main.send_waiting()

    def _start_engine(self) -> None:
        self._set_engine("starting")
        self._work("engine", workers.start_engine, self.lab, self._leaving)

    async def restart_engine(self) -> None:
        """Start the engine again, unless it lives."""
        if self._engine == "stopped":
            self._start_engine()
        else:
            self._main.hint(f"The engine does not need it: it is {_WORDS[self._engine]}.")

    def on_engine_progressed(self, message: EngineProgressed) -> None:
        if self._engine == "starting":
            self._main.progress("engine", engine_line(message.progress))

    async def on_engine_ready(self, message: EngineReady) -> None:
        self._set_engine("ready")
        await self._tell_notices()
        await self._between_turns()

    async def on_engine_failed(self, message: EngineFailed) -> None:
        self._set_engine("stopped", str(message.error))
        await self._main.say(f"{message.error} F7 tries again.", trouble=True)

    def on_memory_measured(self, message: MemoryMeasured) -> None:
        self._status = replace(self._status, memory=message.memory)
        self.show_status()

    async def _look_at_engine(self) -> None:
        if self._engine == "ready" and not self._main.answering and not self.lab.engine.alive():
            await self._engine_lost()

    async def _engine_lost(self) -> None:
        self._set_engine("stopped", "The engine has stopped.")
        await self._main.say(
            "The engine has stopped. The conversation is kept; press F7 to start it again.", trouble=True
        )

    async def turn_ended(self) -> None:
        """A turn is over, whatever came of it."""
        if self._engine == "ready" and not self.lab.engine.alive() and not self._leaving.is_set():
            await self._engine_lost()
        await self._between_turns()
        self.show_status()

    async def _between_turns(self) -> None:
        """Let the adapter of a finished sleep answer, never in the middle of a turn; then send what waits."""
        if self._engine == "ready" and not self._main.answering:
            if self._pending is not None:
                progress, self._pending = self._pending, None
                self._set_engine("switching")
                self._work("activate", workers.activate, self.lab, progress)
                return
            self._main.send_waiting()

    async def on_adapter_activated(self, message: AdapterActivated) -> None:
        progress, ended = message.progress, message.progress.ended
        assert ended is not None
        slept = f"The model slept on {count(progress.exchanges, 'exchange')}: {ended.adapter}"
        if ended.first_loss is not None and ended.last_loss is not None:
            slept += f", loss {ended.first_loss:.2f} -> {ended.last_loss:.2f}"
        if message.error is None:
            await self._main.say(f"{slept}. It answers from now on.")
        else:
            await self._main.say(f"{slept}. It does not answer: {message.error}", trouble=True)
        self._set_engine("ready")
        await self._between_turns()

    # Sleep

    def begin_sleep(self) -> None:
        """Start a sleep, or say clearly why not."""
        if self._cycle is not None or self._starting_sleep:
            self._main.hint(f"{self._cycle or 'A sleep'} is still running. F8 stops it.")
        elif self._engine == "opening":
            self._main.hint("The record is not open yet.")
        else:
            self._starting_sleep = True
            self.show_status()
            self._work("sleep", workers.start_sleep, self.lab)

    def stop_sleep(self) -> None:
        """Ask the followed sleep to stop."""
        if self._cycle is None:
            self._main.hint("No sleep is running.")
        elif not self._stopping_sleep:
            self._stopping_sleep = True
            self._work("stop-sleep", workers.stop_sleep, self.lab, self._cycle)

    def _look_for_sleep(self) -> None:
        if self._cycle is None and not self._starting_sleep:
            self._work("find-sleep", workers.find_sleep, self.lab)

    def on_sleep_began(self, message: SleepBegan) -> None:
        self._starting_sleep = False
        if self._cycle is not None or message.cycle_id in self._over:
            return
        self._cycle, self._stopping_sleep = message.cycle_id, False
        self.post_message(SleepProgressed(SleepProgress(message.cycle_id)))
        self._work("follow-sleep", workers.follow_sleep, self.lab, message.cycle_id, self._leaving.is_set)

    async def on_sleep_refused(self, message: SleepRefused) -> None:
        self._starting_sleep = self._stopping_sleep = False
        await self._main.say(str(message.error))
        self.show_status()

    def on_sleep_lost(self, message: SleepLost) -> None:
        """Nobody follows it now; when it still runs, it is found again."""
        if message.cycle_id == self._cycle:
            self._cycle = None
            self._main.progress("sleep", None)
            self.show_status()

    async def on_sleep_progressed(self, message: SleepProgressed) -> None:
        progress = message.progress
        if progress.cycle_id != self._cycle:
            return
        if progress.ended is None:
            self._main.progress("sleep", sleep_line(progress, self._stopping_sleep, self.size.width))
            share = progress.step / progress.total_steps if progress.total_steps else 0.0
            self._status = replace(self._status, sleep=f"asleep {share:.0%}")
            self.show_status()
            return
        self._main.progress("sleep", None)
        self._over.add(progress.cycle_id)
        self._cycle = None
        self.show_status()
        ended = progress.ended
        if ended.status == "complete" and ended.adapter:
            self._pending = progress
            await self._between_turns()
        elif ended.status == "cancelled":
            await self._main.say(f"{progress.cycle_id} was stopped. Nothing changed; F6 sleeps again.")
        else:
            reason = f" {ended.reason}" if ended.reason else ""
            await self._main.say(f"{progress.cycle_id} {ended.status}.{reason} F6 sleeps again.", trouble=True)

    # The status line

    def measured_rate(self, draft: Draft) -> None:
        """A draft is done: how fast it was."""
        if draft.seconds > 0 and draft.tokens:
            self._status = replace(self._status, tokens_per_second=draft.tokens / draft.seconds)
            self.show_status()

    def show_status(self) -> None:
        """Draw the status line anew."""
        engine = self.lab.engine
        loaded = engine.loaded
        sleep = self._status.sleep if self._cycle else "falling asleep" if self._starting_sleep else "awake"
        self._status = replace(
            self._status,
            checkpoint=loaded.name if loaded else self._status.checkpoint,
            adapter=engine.adapter,
            sleep=sleep,
            engine="answering" if self._main.answering else _WORDS[self._engine],
            trouble=self._engine == "stopped",
        )
        self._main.status(self._status)

    # Leaving

    def on_unmount(self) -> None:
        """However the app ends, even by a fault: no worker may keep its process."""
        self._leaving.set()
        self._main.cancel_turn()

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    async def action_quit(self) -> None:
        """Leave; during a sleep ask first."""
        if isinstance(self.screen, QuitScreen):
            return
        if self._cycle is not None or self._starting_sleep:
            self.push_screen(QuitScreen(), self._leave_as)
        else:
            self._leave_as("leave")

    def _leave_as(self, choice: Choice | None) -> None:
        if choice in ("leave", "stop"):
            self.run_worker(self._leave(stop_sleep=choice == "stop"), group="leave", exclusive=True)

    async def _leave(self, stop_sleep: bool) -> None:
        """Cancel the turn and let it be recorded, then close the lab, which frees every waiting thread."""
        self._leaving.set()
        self._main.cancel_turn()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SLEEP_SECONDS
        while stop_sleep and self._starting_sleep and loop.time() < deadline:
            await asyncio.sleep(0.05)
        if stop_sleep and self._cycle is not None:
            await asyncio.to_thread(workers.stop_sleep, self.lab, self._cycle, self.post_message)
        deadline = loop.time() + _LEAVE_SECONDS
        while self._main.answering and loop.time() < deadline:
            await asyncio.sleep(0.02)
        try:
            await asyncio.to_thread(self.lab.close)
        except LabError as error:
            self.fault = error
        self.exit()


def run(lab: Lab, *, session_id: str | None = None, new: bool = False) -> None:
    """Show the screen until the person leaves; the lab is closed then.

    Raises LabError when the lab or the session cannot be opened.
    """
    app = LabApp(lab, session_id=session_id, new=new)
    try:
        with watched_terminal(lab.close):
            app.run()
    finally:
        with contextlib.suppress(LabError):
            # Closed already when the person left; after a fault its message comes first.
            lab.close()
    if app.fault is not None:
        raise app.fault
