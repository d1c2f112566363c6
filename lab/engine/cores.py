"""How many cores the engine computes with, and how its threads wait for each other. No torch."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

import psutil

# A thread that waits for another one spins about as long as a small matrix product takes, then sleeps. Sleeping at
# once costs a wake-up at each of hundreds of products a token; spinning on takes the core from who is waited for.
_SPINS: Final = "100000"


def use_cores() -> None:
    """Set up the threads of a computing process; to be called before torch is imported.

    All physical cores that it may use. Beside a sleep that is well where the system lets a process run on idle
    cores only, as a sleeper does; elsewhere one core is left to the sleeper and the screen, because two processes that
    both use every core wait for each other's threads.
    """
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    if not sys.platform.startswith("linux"):
        cores -= 1
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores)))
    os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def yield_cores() -> None:
    """Compute only when nobody else wants to: for a process that nobody waits for."""
    if hasattr(os, "SCHED_IDLE"):
        # A sandbox may refuse it.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(19)
