"""Leaving the screen: the turn is cancelled and recorded, a sleep stopped if that was asked, then the lab closed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.tui import workers

if TYPE_CHECKING:
    from lab.tui.app import LabApp

# A cancelled turn is recorded well within this; after it the record closes and recovery says the rest.
_LEAVE_SECONDS: Final = 3.0
# A sleeper that is starting has to be there before it can be stopped.
_START_SLEEP_SECONDS: Final = 15.0


async def leave(app: LabApp, *, stop_sleep: bool) -> None:
    """Cancel the turn and let it be recorded, then close the lab, which frees every waiting thread; exit."""
    app.leaving.set()
    app.main.outbox.stop()
    app.engine.cancel()
    deadline = time.monotonic() + _START_SLEEP_SECONDS
    if stop_sleep and app.sleeping.starting:
        app.sleeping.stop()
    while stop_sleep and app.sleeping.starting and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    if stop_sleep and app.sleeping.cycle is not None:
        await asyncio.to_thread(workers.stop_sleep, app.lab, app.sleeping.cycle, app.post_message)
    deadline = time.monotonic() + _LEAVE_SECONDS
    while app.main.answering and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    try:
        await asyncio.to_thread(app.lab.close)
    except LabError as error:
        app.fault = error
    app.exit()
