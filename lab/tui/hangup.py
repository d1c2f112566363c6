"""Ends the lab when its terminal is gone: a closed window must leave no process behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_SECONDS = 1.0
_CLOSE_SECONDS = 5.0
# What a shell reports for a program that its terminal hung up on.
_EXIT_CODE = 128 + 1


@contextmanager
def watched_terminal(close: Callable[[], None]) -> Iterator[None]:
    """Look after the terminal from a thread; when it is gone, call `close` and end the process.

    A hangup does not always arrive as a signal (a parent in between may keep it), and the screen's own threads
    then wait for ever on a terminal that takes nothing. Does nothing where there is no terminal to lose.
    """
    gone, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            if gone.is_set() or not _terminal_there():
                # Closing waits for engine and database; without a terminal nobody waits for it.
                limit = threading.Timer(_CLOSE_SECONDS, os._exit, (_EXIT_CODE,))
                limit.daemon = True
                limit.start()
                close()
                os._exit(_EXIT_CODE)

    if sys.platform != "win32" and sys.__stdin__ is not None and sys.__stdin__.isatty():
        signal.signal(signal.SIGHUP, lambda signum, frame: gone.set())
        threading.Thread(target=watch, name="terminal", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _terminal_there() -> bool:
    import termios

    try:
        termios.tcgetattr(0)
    except termios.error:
        return False
    return True
