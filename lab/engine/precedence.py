"""Who goes first: a lock of the operating system that an engine's lab holds while an answer is written.

A sleep waits for it, also one of another workspace, because two processes that both compute on every core slow each
other many times. The lock ends with the process that holds it, however that ends. No torch.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

# A sleeper that looks has the lock for an instant; one that is interrupted just then is not waited for.
_ATTEMPTS: Final = 5
_AGAIN_SECONDS: Final = 0.001


def answering_lock() -> Path:
    """The lock of all labs of this user: whatever their workspaces, they share the cores."""
    import platformdirs

    return Path(platformdirs.user_state_dir("snarc-lab", appauthor=False)) / "answering"


@contextmanager
def answering(path: Path | None) -> Iterator[None]:
    """Say that an answer is written, to whoever asks `answered`; None says it to nobody.

    Costs a few microseconds and no write. Where the file or the lock is refused, the answer is written all the same.
    """
    if path is None or sys.platform == "win32":
        yield
        return
    handle = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        # Shared, so that several labs can write at the same time.
        for _ in range(_ATTEMPTS):
            if _taken(handle, fcntl.LOCK_SH):
                break
            time.sleep(_AGAIN_SECONDS)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def answered(path: Path) -> bool:
    """True while a living process writes an answer."""
    if sys.platform == "win32":
        return False
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # Nobody wrote an answer yet.
        return False
    try:
        return not _taken(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    finally:
        os.close(handle)


if sys.platform != "win32":

    def _taken(handle: int, kind: int) -> bool:
        """Take the lock at once; False when others have it. Raises OSError where files have no locks."""
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
