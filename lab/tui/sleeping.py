"""The sleep as the screen knows it: starting, following and stopping one, and finding one of another lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.sleep.watch import SleepProgress
from lab.tui import workers
from lab.tui.messages import SleepProgressed
from lab.tui.widgets.progress import sleep_line

if TYPE_CHECKING:
    from lab.tui.app import LabApp


class SleepFollower:
    """Follows at most one sleep for an app. Its methods run in the app's thread; what blocks goes to a worker."""

    def __init__(self, app: LabApp) -> None:
        self._app = app
        # The sleep that is followed, and those whose end was told already.
        self.cycle: str | None = None
        self._over: set[str] = set()
        self.starting = False
        self._stopping = False
        self._share = 0.0

    @property
    def going_on(self) -> bool:
        """True while a sleep runs or is about to."""
        return self.cycle is not None or self.starting

    @property
    def words(self) -> str:
        """The state for the status line."""
        return f"asleep {self._share:.0%}" if self.cycle else "falling asleep" if self.starting else "awake"

    def begin(self) -> None:
        """Start a sleep, or say clearly why not."""
        if self.going_on:
            self._app.main.hint(f"{self.cycle or 'A sleep'} is still running. F8 stops it.")
        elif self._app.opening:
            self._app.main.hint("The record is not open yet.")
        else:
            self.starting = True
            self._app.show_status()
            self._app.work("sleep", workers.start_sleep, self._app.lab)

    def stop(self) -> None:
        """Ask the followed sleep to stop."""
        if self.cycle is None:
            self._app.main.hint("No sleep is running.")
        elif not self._stopping:
            self._stopping = True
            self._app.work("stop-sleep", workers.stop_sleep, self._app.lab, self.cycle)

    def look(self) -> None:
        """Look for a sleep that another lab started."""
        if not self.going_on:
            self._app.work("find-sleep", workers.find_sleep, self._app.lab)

    def follow(self, cycle_id: str) -> None:
        """Follow a sleep that was started, or found running."""
        self.starting = False
        if self.cycle is not None or cycle_id in self._over:
            return
        self.cycle, self._stopping = cycle_id, False
        self._app.post_message(SleepProgressed(SleepProgress(cycle_id)))
        self._app.work("follow-sleep", workers.follow_sleep, self._app.lab, cycle_id, self._app.leaving.is_set)

    async def refused(self, error: LabError) -> None:
        """A sleep was not started, or not stopped, and why."""
        self.starting = self._stopping = False
        await self._app.main.say(str(error))
        self._app.show_status()

    def lost(self, cycle_id: str) -> None:
        """Nobody follows it now; when it still runs, it is found again."""
        if cycle_id == self.cycle:
            self._done()

    async def progressed(self, progress: SleepProgress) -> None:
        """Show how far the followed sleep is, or how it ended."""
        if progress.cycle_id != self.cycle:
            return
        if progress.ended is None:
            self._app.main.progress("sleep", sleep_line(progress, self._stopping, self._app.size.width))
            self._share = progress.step / progress.total_steps if progress.total_steps else 0.0
            self._app.show_status()
            return
        self._over.add(progress.cycle_id)
        self._done()
        ended = progress.ended
        if ended.status == "complete" and ended.adapter:
            self._app.engine.slept(progress)
        elif ended.status == "cancelled":
            await self._app.main.say(f"{progress.cycle_id} was stopped. Nothing changed; F6 sleeps again.")
        else:
            reason = f" {ended.reason}" if ended.reason else ""
            await self._app.main.say(f"{progress.cycle_id} {ended.status}.{reason} F6 sleeps again.", trouble=True)

    def _done(self) -> None:
        self.cycle = None
        self._app.main.progress("sleep", None)
        self._app.show_status()
