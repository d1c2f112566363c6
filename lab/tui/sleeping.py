"""The sleep as the screen knows it: starting, following and stopping one, and finding one of another lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.sleep.watch import SleepProgress, deep_words
from lab.tui import workers
from lab.tui.clipboard import say
from lab.tui.messages import SleepOver, SleepProgressed
from lab.tui.widgets.progress import sleep_line

if TYPE_CHECKING:
    from lab.sleep.room import NoRoom
    from lab.tui.app import LabApp

RECEIPT: Final = "Ctrl+G shows the receipt."


def told(progress: SleepProgress) -> str | None:
    """What came of a sleep that was judged; None of any other."""
    # Not before the first paint: it brings the database along.
    from lab.receipt import outcome

    ended = progress.ended
    assert ended is not None
    return outcome(progress.cycle_id, ended.verdict, ended.strength, ended.reason, progress.measures)


class SleepFollower:
    """Follows at most one sleep for an app. Its methods run in the app's thread; what blocks goes to a worker."""

    def __init__(self, app: LabApp) -> None:
        self._app = app
        # The sleep that is followed, and those that ended for good and were told already.
        self.cycle: str | None = None
        self._over: set[str] = set()
        # The last one that was started here.
        self._own: str | None = None
        self.starting = False
        # Whether the one that is about to begin is a deep one; and whether it was called off meanwhile.
        self.deep = False
        self._called_off = False
        self._stopping = False
        # Whether the person, here or in another lab, wants it to wait; and whether it does.
        self._pause_wanted = self._paused = False
        self._progress: SleepProgress | None = None

    @property
    def going_on(self) -> bool:
        """True while a sleep runs or is about to."""
        return self.cycle is not None or self.starting

    @property
    def own(self) -> bool:
        """True while a sleep that was started here runs or is about to."""
        return self.starting or (self.cycle is not None and self.cycle == self._own)

    @property
    def paused(self) -> bool:
        """True while the sleep that is followed waits, or is asked to, until somebody lets it go on."""
        return self._pause_wanted

    @property
    def words(self) -> str:
        """The state for the status line."""
        if self.cycle:
            progress = self._progress
            share = progress.step / progress.total_steps if progress is not None and progress.total_steps else 0.0
            return f"{'paused' if self._paused else 'asleep'} {share:.0%}"
        if self.starting:
            return "calling it off" if self._called_off else "falling asleep"
        return "awake"

    def begin(self) -> None:
        """Start a sleep, or say clearly why not; let a running one wait, and a paused one go on."""
        if self.cycle is not None:
            self._pause_or_go_on(self.cycle)
        else:
            self._start(deep=False)

    def begin_deep(self) -> None:
        """Start a sleep that learns the whole memory anew, or say clearly why not."""
        if self.cycle is not None:
            self._app.main.hint(f"{self.cycle} is running. A deep sleep can begin when it is over.")
        else:
            self._start(deep=True)

    def _start(self, deep: bool) -> None:
        if self.starting:
            called_off = "The sleep before is being called off; F6 again when it is."
            self._app.main.hint(called_off if self._called_off else "The model is falling asleep already.")
        elif self._app.opening:
            self._app.main.hint("The record is not open yet.")
        elif not self._app.engine.settled:
            # A sleep that is planned without the engine would take no account of its memory.
            self._app.main.hint("The model is still getting ready; F6 again when it is.")
        else:
            self.starting, self.deep = True, deep
            self._app.show_status()
            self._app.triggers.tried()
            self._app.work("sleep", workers.start_sleep, self._app.lab, False, deep)

    def _pause_or_go_on(self, cycle_id: str) -> None:
        if self._stopping:
            self._app.main.hint(f"{cycle_id} is being stopped.")
            return
        self._pause_wanted = not self._pause_wanted
        body = workers.pause_sleep if self._pause_wanted else workers.go_on_sleeping
        self._app.work("pause-sleep", body, self._app.lab, cycle_id)
        self.show()

    def stop(self) -> None:
        """Ask the followed sleep to stop; call off one that is about to begin."""
        if self.cycle is None:
            self._call_off()
        elif not self._stopping:
            self._stopping = True
            self._app.work("stop-sleep", workers.stop_sleep, self._app.lab, self.cycle)
            self.show()

    def _call_off(self) -> None:
        if not self.starting:
            self._app.main.hint("No sleep is running.")
        elif self._app.engine.keep():
            self._dropped()
        else:
            # A worker is at it: what it begins is stopped at once.
            self._called_off = True
            self._app.main.hint("The sleep is called off: it is stopped as soon as it has begun.")
            self._app.show_status()

    def _dropped(self) -> None:
        """A sleep that was about to begin does not."""
        self.starting = self._called_off = self.deep = False
        self._app.main.hint("The sleep is called off before it began. F6 sleeps.")
        self._app.triggers.over(learnt=False)
        self._app.show_status()

    def needs_room(self, error: NoRoom) -> None:
        """The sleep that is about to begin can do so when the engine is put away."""
        if self._called_off:
            self._dropped()
        else:
            self._app.engine.put_away(error)

    def look(self) -> None:
        """Look for a sleep that another lab started."""
        if not self.going_on:
            self._app.work("find-sleep", workers.find_sleep, self._app.lab)

    def began(self, cycle_id: str) -> None:
        """Follow the sleep that was to be started here, or stop it where it was called off meanwhile."""
        self._own = cycle_id
        self.follow(cycle_id)
        called_off, self._called_off = self._called_off, False
        if called_off and cycle_id == self.cycle:
            self.stop()

    def follow(self, cycle_id: str) -> None:
        """Follow a sleep that was started, or found running."""
        self.starting = False
        if self.cycle is not None or cycle_id in self._over:
            return
        self.cycle, self._stopping = cycle_id, False
        self._pause_wanted = self._paused = False
        self._progress = None
        self._app.triggers.tried()
        self._app.post_message(SleepProgressed(SleepProgress(cycle_id)))
        self._app.work("follow-sleep", workers.follow_sleep, self._app.lab, cycle_id, self._app.leaving.is_set)

    async def refused(self, error: LabError) -> None:
        """A sleep was not started, stopped or paused, and why."""
        self.starting = self._stopping = self._called_off = False
        self._pause_wanted = self._paused
        await self._app.main.say(str(error))
        self.show()
        if self.cycle is None:
            self.deep = False
            self._app.engine.bring_back()
            self._app.triggers.over(learnt=False)

    def lost(self, cycle_id: str) -> None:
        """Nobody follows it now; when it still runs, it is found again."""
        if cycle_id == self.cycle:
            self._done()

    async def progressed(self, progress: SleepProgress) -> None:
        """Show how far the followed sleep is, or how it ended."""
        if progress.cycle_id != self.cycle:
            return
        if progress.ended is None:
            paused = progress.stage == "paused"
            if paused != self._paused:
                # Another lab may have asked for it.
                self._paused = self._pause_wanted = paused
            seen, self._progress = self._progress, progress
            self.show()
            if progress.deep and not self.deep and not (seen is not None and seen.deep):
                await self._app.main.say(deep_words(progress.cycle_id))
            return
        ended = progress.ended
        if ended.status != "interrupted":
            # One that was killed may go on, under the same name.
            self._over.add(progress.cycle_id)
        self._done()
        if self._app.screen is not self._app.main:
            say(self._app, f"{progress.cycle_id} has ended; the dialogue will say what came of it.")
            # It may show what there is of it.
            self._app.screen.post_message(SleepOver())
        # A deep one that was refused leaves what was new, which is no reason to sleep again at once.
        refused = progress.deep and ended.adapter is None
        self._app.triggers.over(learnt=ended.status == "complete" and not refused)
        if ended.status == "complete" and ended.adapter:
            self._app.engine.slept(progress)
        elif ended.status == "complete" and (said := told(progress)):
            await self._app.main.say(f"{said} {RECEIPT}")
        elif ended.status == "cancelled":
            await self._app.main.say(f"{progress.cycle_id} was stopped. Nothing changed; F6 sleeps again.")
        else:
            reason = f" {ended.reason}" if ended.reason else ""
            await self._app.main.say(f"{progress.cycle_id} {ended.status}.{reason} F6 sleeps again.", trouble=True)

    def show(self) -> None:
        """Draw how far the followed sleep is, in the width that there is."""
        if self._progress is not None:
            self._app.main.progress("sleep", sleep_line(self._progress, self._asked(), self._app.size.width))
            self._app.main.sleep_key("Go on" if self._pause_wanted else "Pause")
        self._app.show_status()

    def _asked(self) -> str:
        if self._stopping:
            return "stopping after this step"
        return "pausing after this step" if self._pause_wanted and not self._paused else ""

    def _done(self) -> None:
        self.cycle = self._progress = None
        self.deep = False
        self._app.main.progress("sleep", None)
        self._app.triggers.show()
        self._app.show_status()
        self._app.engine.bring_back()
