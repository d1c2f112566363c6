"""What a screen does in threads: their end is told on the screen, and of the long jobs one runs at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from textual.dom import DOMNode
from textual.message import Message

from lab.errors import LabError

# What runs for less than this is not worth a clock.
_SHORT_SECONDS: Final = 1.0
# Of less than this share the rest cannot be told.
_TOLD_SHARE: Final = 0.05

Given = TypeVar("Given")


class Told(Message):
    """A thread is done; `then` says it on the screen, whose handler calls it."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self.then = then


class Jobs:
    """The work of one screen. `say` shows a line of what goes on, `failed` an error."""

    def __init__(self, screen: DOMNode, say: Callable[[str], None], failed: Callable[[LabError], None]) -> None:
        self._screen = screen
        self._say = say
        self.failed = failed
        # The long job: its number, what cancels it, since when, what it is, how far it is.
        self._number = 0
        self._cancel: threading.Event | None = None
        self._began = 0.0
        self._doing = ""
        self._share = 0.0

    def work(
        self,
        group: str,
        body: Callable[[], Given],
        then: Callable[[Given], object],
        failed: Callable[[LabError], None] | None = None,
    ) -> None:
        """Run `body` in a thread, and `then` on the screen with what it gave."""

        def run() -> None:
            try:
                given = body()
            except LabError as error:
                self._screen.post_message(Told(partial(failed or self.failed, error)))
            else:
                self._screen.post_message(Told(partial(then, given)))

        self._screen.run_worker(run, group=group, name=group, thread=True)

    def job(
        self,
        doing: str,
        body: Callable[[threading.Event], Given],
        then: Callable[[Given], object],
        late: Callable[[Given], object] = lambda _: None,
        lost: Callable[[], object] = lambda: None,
    ) -> None:
        """The same for what may take long: it takes the place of the one that runs, which is cancelled.

        `late` has what a body gave although another took its place; `lost` is called for one that gave nothing then.
        """
        self.cancel()
        self._number += 1
        number, self._cancel = self._number, threading.Event()
        self._doing, self._began, self._share = doing, time.monotonic(), 0.0
        self._say(f"{doing}. Esc cancels.")

        def over(given: Given) -> None:
            if number == self._number:
                self._cancel = None
                then(given)
            else:
                late(given)

        def failed(error: LabError) -> None:
            if number == self._number:
                self._cancel = None
                self.failed(error)
            else:
                lost()

        self.work("job", partial(body, self._cancel), over, failed)

    @property
    def running(self) -> bool:
        """True while a job runs."""
        return self._cancel is not None

    def cancel(self) -> None:
        """Tell the job that runs to end, if there is one."""
        if self._cancel is not None:
            self._cancel.set()

    def progress(self, share: float) -> None:
        """How far the job is, from 0 to 1; from any thread."""
        self._share = share

    def draw(self) -> None:
        """Say how long the job has run, and how long it may still."""
        seconds, share = time.monotonic() - self._began, self._share
        if self._cancel is not None and seconds > _SHORT_SECONDS:
            done = f", {share:.0%}" if share else ""
            left = f", about {seconds / share - seconds:.0f} s left" if share > _TOLD_SHARE else ""
            self._say(f"{self._doing}, {seconds:.0f} s{done}{left}. Esc cancels.")
