"""How many texts a stage of a sleep has read that makes no steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_SECONDS: Final = 1.0


class Tally:
    """Counts the texts of a stage; `tell`, given how many are done and of how many, is called about once a second and
    at the end."""

    def __init__(self, tell: Callable[[int, int], None] = lambda done, of: None) -> None:
        self._tell = tell
        self._done = self._of = 0
        self._told_at = 0.0

    def begin(self, of: int) -> None:
        """A stage reads so many texts from here on."""
        self._done, self._of = 0, of
        self._told_at = time.monotonic()

    def add(self, texts: int) -> None:
        """So many more are done."""
        self._done += texts
        if self._of and (self._done >= self._of or time.monotonic() - self._told_at >= _SECONDS):
            self._told_at = time.monotonic()
            self._tell(min(self._done, self._of), self._of)
