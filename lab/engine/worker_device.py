"""What this machine computes on: the device, the precision it is good at, and how many cores the engine takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import torch

from lab.errors import LabError


def choose_device(wanted: str) -> str:
    """The torch device of the setting "auto", "cpu" or "cuda". LabError when there is no GPU for "cuda"."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise LabError(
            'engine.device is "cuda", but this machine has no GPU that torch can use.',
            'Set engine.device = "auto" in lab.toml, or install a torch build for your GPU.',
        )
    return "cuda:0" if wanted in ("auto", "cuda") and torch.cuda.is_available() else "cpu"


def choose_dtype(place: str) -> str:
    """The precision that a device computes best in: half of float32 where it is native."""
    if place != "cpu":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "bfloat16" if _native_bfloat16() else "float32"


def _native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself; without that it is slower than float32."""
    if sys.platform == "darwin":
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "hw.optional.arm.FEAT_BF16"], capture_output=True, text=True, check=False
        )
        return asked.stdout.strip() == "1"
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    return any({"avx512_bf16", "amx_bf16", "bf16"} & set(line.split()) for line in lines)


def use_cores() -> None:
    """All physical cores that this process may use but one, which is left to the screen and to a sleep.

    With every core taken, two computing processes wait for each other's threads: beside a sleep on two
    cores, two threads wrote 1 token a second where one thread wrote 8 to 12 (and 13 alone). The number
    stays the same for the life of the process, because it changes the rounding and so the drafts.
    """
    if "OMP_NUM_THREADS" in os.environ:
        return
    cores = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    torch.set_num_threads(max(1, min(cores, allowed) - 1))


def threads() -> int:
    """How many threads the engine computes with on the CPU."""
    return torch.get_num_threads()


def device_name(place: str) -> str:
    """What the device calls itself."""
    return str(torch.cuda.get_device_name(place)) if place != "cpu" else str(torch.backends.cpu.get_cpu_capability())
