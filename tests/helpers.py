"""What the tests of several rooms share."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(predicate: Callable[[], object], seconds: float = 10.0) -> None:
    """Poll until the predicate is true; fail with its name when it never is."""
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"{predicate!r} was not true within {seconds} s")
        time.sleep(0.02)
