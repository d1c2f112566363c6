"""The most memory that a process has held."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

import psutil

_STATUS: Final = Path("/proc/self/status")


def peak_bytes() -> int:
    """The most memory, in bytes, that this process held at any time; what it holds now where the system keeps none."""
    held = psutil.Process().memory_info()
    try:
        # Not what getrusage tells there: that counts the process that started this one, too.
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration, ValueError, IndexError):
        # In bytes on macOS alone.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if sys.platform == "darwin" else 0
    # The kernel counts both at different moments.
    return max(peak, int(held.rss))
