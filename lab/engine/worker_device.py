"""What this machine computes on: the device and the precision it is good at."""

from __future__ import annotations

import torch

from lab.engine.machine import native_bfloat16
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
    return "bfloat16" if native_bfloat16() else "float32"


def threads() -> int:
    """How many threads the engine computes with on the CPU."""
    return torch.get_num_threads()


def device_name(place: str) -> str:
    """What the device calls itself."""
    return str(torch.cuda.get_device_name(place)) if place != "cpu" else str(torch.backends.cpu.get_cpu_capability())
