"""Marking exchanges from any screen: one mark after another, and word of each to whoever shows the exchange."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.signal import Signal

from lab.domain import Exchange, Mark
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.tui.app import LabApp


class Marker:
    """Marks for an app; a screen may close before its mark is recorded.

    `marked` publishes the exchange with its new mark, `refused` why there is none; screens subscribe to them.
    """

    def __init__(self, app: LabApp) -> None:
        self._app = app
        self._turn = asyncio.Lock()
        self.marked: Signal[Exchange] = Signal(app, "marked")
        self.refused: Signal[LabError] = Signal(app, "refused")

    def mark(
        self, exchange_id: str, said: Mark | None, target: str | None = None, iteration: int | None = None
    ) -> None:
        """Mark an exchange as `lab.dialogue.marks.mark` does, without blocking the screen."""
        self._app.run_worker(self._mark(exchange_id, said, target, iteration), group="mark", name="mark")

    async def _mark(self, exchange_id: str, said: Mark | None, target: str | None, iteration: int | None) -> None:
        # Not before the first paint: it brings the database along.
        from lab.dialogue.marks import mark

        # Two keys in a row are recorded in that order.
        async with self._turn:
            try:
                exchange = await asyncio.to_thread(mark, self._app.lab.record, exchange_id, said, target, iteration)
            except LabError as error:
                self._app.notify(str(error), severity="error", timeout=8, markup=False)
                self.refused.publish(error)
                return
        self.marked.publish(exchange)
