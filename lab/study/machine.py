"""The machine that a report was made on, in words."""

from __future__ import annotations

import platform
from pathlib import Path

import psutil


def machine() -> str:
    """Processor, cores, memory, system and Python."""
    memory, cores = psutil.virtual_memory().total / 2**30, psutil.cpu_count(logical=False)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {system}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
