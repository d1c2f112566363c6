"""The app: opens the lab after the first paint, hands what the workers say to who keeps it, draws the status line."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from lab.domain import Draft
from lab.errors import LabError
from lab.tui import theme, workers
from lab.tui.actions import LabCommands, Where, key_name, keymap
from lab.tui.clipboard import say
from lab.tui.engine import WORDS, EngineKeeper
from lab.tui.experimenting import ExperimentFollower
from lab.tui.going import SessionKeeper
from lab.tui.hangup import watched_terminal
from lab.tui.leaving import leave
from lab.tui.marking import Marker
from lab.tui.messages import (
    AdapterActivated,
    EngineFailed,
    EngineProgressed,
    EngineReady,
    ExperimentRefused,
    ExperimentSeen,
    MemoryMeasured,
    Opened,
    OpeningFailed,
    RolledBack,
    SleepBegan,
    SleepCounted,
    SleepLost,
    SleepNeedsRoom,
    SleepProgressed,
    SleepRefused,
)
from lab.tui.screens.edit import EditScreen
from lab.tui.screens.help import HelpScreen
from lab.tui.screens.main import MainScreen
from lab.tui.screens.quit import Choice, QuitScreen
from lab.tui.sleeping import SleepFollower
from lab.tui.triggers import SleepTriggers
from lab.tui.visiting import Visitor
from lab.tui.widgets.status import Status

if TYPE_CHECKING:
    from lab.lab import Lab

# How often the screen looks whether the engine lives, and for a sleep of another lab.
_LOOK_SECONDS: Final = 1.0
_LOOK_FOR_SLEEP_SECONDS: Final = 5.0
_LOOK_FOR_EXPERIMENT_SECONDS: Final = 2.0


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
        """Raises LabError for keys of lab.toml that mean nothing."""
        super().__init__()
        self.keys = keymap(lab.settings.keys)
        self.set_keymap(self.keys)
        for own in theme.THEMES:
            self.register_theme(own)
        self.lab = lab
        self.fault: LabError | None = None
        self.main = MainScreen()
        self.engine = EngineKeeper(self)
        self.sleeping = SleepFollower(self)
        self.triggers = SleepTriggers(self)
        self.experimenting = ExperimentFollower(self)
        self.sessions = SessionKeeper(self)
        self.visitor = Visitor(self)
        self.marker = Marker(self)
        self.leaving = threading.Event()
        self._session_id = session_id
        self._new = new
        self._status = Status()
        self._told = 0

    @property
    def opening(self) -> bool:
        """True until the record is open."""
        return self.engine.state == "opening"

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent):
            self.triggers.touched()
        await super().on_event(event)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme.variables(self.current_theme.dark)

    def get_key_display(self, binding: Binding) -> str:
        return key_name(binding.key)

    def get_default_screen(self) -> Screen[None]:
        return self.main

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own commands that are of use here; the rest is in the registry."""
        kept = {"Theme", "Screenshot"}
        return (command for command in super().get_system_commands(screen) if command.title in kept)

    def on_mount(self) -> None:
        wanted = self.lab.settings.screen.theme
        if wanted in self.available_themes:
            self.theme = wanted
        else:
            self.main.hint(
                f'lab.toml: screen.theme "{wanted}" is not a theme. Ctrl+P, Theme lists them; {self.theme} is used.'
            )
        # Opening reads the record: the first paint does not wait for it.
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        self.show_status()
        self.work("open", workers.open_lab, self.lab, self._session_id, self._new)

    def work(self, group: str, body: Callable[..., None], *arguments: object) -> None:
        """Run a body of `workers` in a thread; what it says comes to this app."""
        self.run_worker(partial(body, *arguments, self.post_message), group=group, name=group, thread=True)

    # The record and the session

    async def on_opened(self, message: Opened) -> None:
        await self.main.show_conversation(message.conversation, message.show)
        # Another may answer now than did then.
        await self.main.show_answerer()
        self.sessions.over()
        self.main.outbox.send()
        # The offer says the same as the notice of this start, and more.
        await self.tell_notices(apart_from=message.offer)
        if message.offer:
            await self.main.say(f"{message.offer} did not end by itself. F6 sleeps on its exchanges again.")
        if message.sleeping:
            self.post_message(SleepBegan(message.sleeping))
        if self.opening:
            self.engine.start()
            self.set_interval(_LOOK_SECONDS, self.engine.look)
            self.set_interval(_LOOK_FOR_SLEEP_SECONDS, self.sleeping.look)
            self.set_interval(_LOOK_SECONDS, self.triggers.look)
            self.set_interval(_LOOK_FOR_EXPERIMENT_SECONDS, self.experimenting.look)
            self.triggers.count()

    async def on_opening_failed(self, message: OpeningFailed) -> None:
        if self.opening:
            self.fault = message.error
            self.exit(return_code=1)
        else:
            self.sessions.over()
            await self.main.say(str(message.error), trouble=True)
            self.main.outbox.send()

    def not_ready(self) -> tuple[str, bool] | None:
        """Why no turn can begin now, and whether that is trouble; None when one can."""
        why = self.engine.not_ready()
        if self.sessions.changing and not (why and why[1]):
            return "waits for the session", False
        return why

    async def tell_notices(self, apart_from: str | None = None) -> None:
        """Say in the dialogue what the lab noticed since the last time."""
        fresh = self.lab.notices[self._told :]
        self._told += len(fresh)
        for notice in fresh:
            if apart_from and notice.startswith(f"{apart_from} "):
                continue
            await self.main.say(notice)

    # What the workers say

    def on_engine_progressed(self, message: EngineProgressed) -> None:
        self.engine.progressed(message.progress)

    async def on_engine_ready(self, message: EngineReady) -> None:
        await self.engine.ready()

    async def on_engine_failed(self, message: EngineFailed) -> None:
        await self.engine.failed(message.error)

    def on_rolled_back(self, message: RolledBack) -> None:
        from lab.tui.screens.adapters import AdaptersScreen

        words = self.engine.rolled_back(message)
        # The screen that asked for it may be closed.
        if isinstance(self.screen, AdaptersScreen):
            self.screen.rolled_back(words)
        else:
            say(self, words, trouble=message.error is not None)

    async def on_adapter_activated(self, message: AdapterActivated) -> None:
        await self.engine.activated(message.progress, message.error, message.waits_for)

    def on_memory_measured(self, message: MemoryMeasured) -> None:
        self._status = replace(self._status, memory=message.memory)
        self.show_status()

    def on_sleep_began(self, message: SleepBegan) -> None:
        follow = self.sleeping.began if message.here else self.sleeping.follow
        follow(message.cycle_id)

    async def on_sleep_refused(self, message: SleepRefused) -> None:
        await self.sleeping.refused(message.error)

    def on_sleep_needs_room(self, message: SleepNeedsRoom) -> None:
        self.sleeping.needs_room(message.error)

    async def on_experiment_seen(self, message: ExperimentSeen) -> None:
        await self.experimenting.seen(message.running, message.ended)

    async def on_experiment_refused(self, message: ExperimentRefused) -> None:
        await self.experimenting.refused(message.error)

    def on_sleep_counted(self, message: SleepCounted) -> None:
        self.triggers.counted(message.waiting)

    def on_sleep_lost(self, message: SleepLost) -> None:
        self.sleeping.lost(message.cycle_id)

    async def on_sleep_progressed(self, message: SleepProgressed) -> None:
        await self.sleeping.progressed(message.progress)

    # The status line

    def measured_rate(self, drafts: Sequence[Draft]) -> None:
        """A turn is done: how fast its drafts were written, all together."""
        seconds = [draft.seconds for draft in drafts if draft.seconds > 0]
        if not seconds:
            return
        whole = max(seconds) if self.lab.settings.refinement.drafts == "batch" else sum(seconds)
        rate = sum(draft.tokens for draft in drafts) / whole
        self._status = replace(self._status, tokens_per_second=rate)
        self.show_status()

    def show_status(self) -> None:
        """Draw the status line anew."""
        loaded = self.lab.engine.loaded
        self._status = replace(
            self._status,
            # Put away or stopped, it answers again with what it had, and takes no memory.
            checkpoint=loaded.name if loaded else self._status.checkpoint,
            adapter=self.lab.engine.adapter if loaded else self._status.adapter,
            memory=self._status.memory if loaded else None,
            sleep=self.sleeping.words,
            experiment=self.experimenting.words,
            engine="answering" if self.main.answering else WORDS[self.engine.state],
            trouble=self.engine.state == "stopped",
        )
        self.main.status(self._status)

    # Leaving

    def on_unmount(self) -> None:
        """However the app ends, even by a fault: no worker may keep its process."""
        self.leaving.set()
        self.main.outbox.stop()
        self.engine.cancel()

    def action_help(self) -> None:
        place: Where = getattr(self.screen, "PLACE", "everywhere")
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(place, self.keys))

    async def action_quit(self) -> None:
        """Leave; during a sleep ask first. What waits to be sent is on no disk yet: it comes back before one leaves."""
        if isinstance(self.screen, QuitScreen):
            return
        if isinstance(self.screen, EditScreen) and self.screen.unsaved:
            self.screen.action_leave()
            return
        if self.main.outbox.take_back():
            # A second one is behind the first.
            self.main.outbox.take_back()
            self.main.hint("What was not sent is in the input again. F10 once more leaves without it.")
        elif self.sleeping.going_on:
            quitting = QuitScreen(begun=self.sleeping.cycle is not None, paused=self.sleeping.paused)
            self.push_screen(quitting, self._leave_as)
        else:
            self._leave_as("leave")

    def _leave_as(self, choice: Choice | None) -> None:
        if choice in ("leave", "stop", "without"):
            # One that has begun behind the question is not to go on either; one of another lab is.
            stop = choice == "stop" or (choice == "without" and self.sleeping.own)
            self.run_worker(leave(self, stop_sleep=stop), group="leave", exclusive=True)


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
