"""Private folders for what results need on the disk; those of processes that died are removed at the next use."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from lab.errors import LabError
from lab.settings import cache_folder

# A result may take this share of what is free, so that the record can always be written.
_SHARE: Final = 4
_MOST: Final = 16_000_000_000
# Another process may be between making its lock and taking it.
_YOUNG_SECONDS: Final = 60.0


class Scratch:
    """A folder of this process alone, until `close` or the end of the process."""

    def __init__(self, folder: Path | None = None) -> None:
        """Raises LabError when it cannot be made below `folder` (default: the cache folder of this user)."""
        home = folder or cache_folder() / "results"
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(OSError):
                _remove_left(home)
            name = secrets.token_hex(8)
            # The lock is there before the folder: a folder whose lock is free belongs to nobody.
            self._lock = FileLock(home / f"{name}.lock", thread_local=False)
            self._lock.acquire(timeout=0)
            self.folder = home / name
            self.folder.mkdir(mode=0o700)
            free = shutil.disk_usage(home).free
        except OSError as fault:
            raise LabError(
                f"The folder {home} for results cannot be written: {fault.strerror or fault}.",
                "Make it writable or free some space, or name another cache folder with LAB_CACHE.",
            ) from fault
        self.limit = min(free // _SHARE, _MOST)

    @property
    def database(self) -> Path:
        return self.folder / "result.duckdb"

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
        with contextlib.suppress(OSError):
            Path(self._lock.lock_file).unlink()


def _remove_left(home: Path) -> None:
    for lock_file in home.glob("*.lock"):
        lock = FileLock(lock_file)
        with contextlib.suppress(Timeout):
            if time.time() - lock_file.stat().st_mtime < _YOUNG_SECONDS:
                continue
            lock.acquire(timeout=0)
            shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
            lock_file.unlink(missing_ok=True)
            lock.release()
