"""What starts a sleep by itself: enough exchanges to sleep on, or nobody at the keys at set hours; off by default."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Final

from lab.tui import workers

if TYPE_CHECKING:
    from lab.sleep.planning import Waiting
    from lab.tui.app import LabApp

_MINUTE: Final = 60.0


class SleepTriggers:
    """Counts what there is to sleep on, for an app, and sleeps when the settings say so. Runs in the app's thread.

    Unless they have it sleep by itself, nothing is counted.
    """

    def __init__(self, app: LabApp) -> None:
        self._app = app
        self._settings = app.lab.settings.sleep
        self._number = 0
        self._newest: str | None = None
        # The newest exchange when the screen was opened, and when a sleep was begun, refused or stopped: it starts no
        # other.
        self._opened: str | None = None
        self._tried: str | None = None
        self._first = True
        self._unlearnt = False
        # A count is under way, and another one is wanted after it.
        self._counting = self._again = False
        # The last count did not see everything: the database was held.
        self._behind = False
        self._touched = time.monotonic()

    def touched(self) -> None:
        """Somebody is at the keys, or an answer came."""
        self._touched = time.monotonic()

    def count(self) -> None:
        """Count anew: the record changed."""
        if self._counting:
            self._again = True
        elif (self._settings.after or self._settings.idle_minutes) and not self._app.leaving.is_set():
            self._counting = True
            self._app.work("count", workers.count_sleepable, self._app.lab)

    def counted(self, waiting: Waiting | None) -> None:
        """So many are waiting; None when that cannot be told just now."""
        self._counting = False
        self._behind = waiting is None or waiting.behind
        if waiting is not None:
            self._number, self._newest = waiting.number, waiting.newest
            if self._first and not self._behind:
                self._opened, self._first = self._newest, False
            if self._unlearnt:
                self._tried, self._unlearnt = self._newest, False
            self.show()
        if self._again:
            self._again = False
            self.count()
        elif not self._behind:
            self.look()

    def tried(self) -> None:
        """A sleep is begun on what there is."""
        self._tried = self._newest

    def over(self, *, learnt: bool) -> None:
        """A sleep has ended, or was refused: only when it has `learnt` may what was said meanwhile start the next."""
        self._unlearnt = not learnt
        self.touched()
        self.count()

    def show(self) -> None:
        """Say at the key of the sleep how many exchanges wait."""
        if self._app.sleeping.cycle is None:
            self._app.main.sleep_key(f"Sleep ({self._number})" if self._number else None)

    def look(self) -> None:
        """Begin a sleep when it is due and nothing else goes on; count again what could not all be seen."""
        if self._behind:
            self.count()
            return
        why = self._why()
        if why is not None and self._free():
            self._app.call_later(self._app.main.say, why)
            self._app.sleeping.begin()

    def _why(self) -> str | None:
        """Why a sleep is due, in a sentence; None when it is not."""
        after, minutes = self._settings.after, self._settings.idle_minutes
        if not self._number or self._newest == self._tried or self._unlearnt:
            return None
        there = f"There {'is 1 exchange' if self._number == 1 else f'are {self._number:,} exchanges'} worth a sleep"
        if 0 < after <= self._number and self._newest != self._opened:
            return f"{there}: sleep.after is {after}."
        idle = time.monotonic() - self._touched >= minutes * _MINUTE
        if minutes and idle and self._settings.in_hours(datetime.now().hour):
            return f"{there}, and nobody typed for {minutes:g} minute{'' if minutes == 1 else 's'}."
        return None

    def _free(self) -> bool:
        """True when no turn runs or waits, and nothing is loaded, changed, left or slept on."""
        app = self._app
        busy = app.main.answering or app.main.waiting or app.sessions.changing or app.sleeping.going_on
        return app.engine.settled and not busy and not self._counting and not app.leaving.is_set()
