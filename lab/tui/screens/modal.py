"""A screen over another one that gives an answer once."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, ScreenResultType


class Modal(ModalScreen[ScreenResultType]):
    """A modal screen of the lab."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Give the result and go, from the top alone: of two Enters that come together, over a slow line say, the
        second would take the screen below."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
