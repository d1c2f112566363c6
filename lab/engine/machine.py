"""What this machine has: free memory, also inside a container, free GPU memory, and how it computes. No torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil

_MIB = 2**20
# A version 1 group without a limit reports one near the largest number of pages.
_NO_LIMIT = 2**60


def free_bytes(root: Path = Path("/")) -> int:
    """Memory that a new process can take now: what the system has, and what the control groups leave of it."""
    return min([psutil.virtual_memory().available, *(max(limit - used, 0) for limit, used in _groups(root))])


def whole_bytes(root: Path = Path("/")) -> int:
    """Memory that a process could take if nothing else ran."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _groups(root))])


def free_gpu_bytes() -> int | None:
    """Free memory of the first GPU that torch can use, as its driver tells; None without one."""
    tool = shutil.which("nvidia-smi")
    # The driver's own tool does not know what is hidden from torch.
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    first = (shown or "").split(",")[0].strip()
    if tool is None or torch_is_for_cpu() or (shown is not None and first in ("", "-1", "NoDevFiles")):
        return None
    try:
        asked = subprocess.run(
            [tool, *([f"--id={first}"] if first else []), "--query-gpu=memory.free", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return int(asked.stdout.split()[0]) * _MIB
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def torch_is_for_cpu() -> bool:
    """Whether the installed torch computes on no GPU of the lab, as far as its version tells."""
    if sys.platform == "darwin":
        return True
    try:
        return "+cpu" in metadata.version("torch")
    except metadata.PackageNotFoundError:
        return True


@cache
def native_bfloat16() -> bool:
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


def _groups(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use, in bytes, of the control groups that hold this process: version 2 and 1, up to the root.

    Pages of files that the kernel would give back at once do not count as used.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "-", "")
        if controllers == "":
            base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Inside a container the path may be the host's, and the group itself is mounted at the base.
        folder = base / path.strip("/")
        for group in [folder, *folder.parents]:
            reading = _reading(group, *names)
            if reading is not None:
                yield reading
            if group == base:
                break


def _reading(group: Path, limit_name: str, used_name: str, cached_name: str) -> tuple[int, int] | None:
    try:
        limit = int((group / limit_name).read_text(encoding="ascii"))
        used = int((group / used_name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        # "max" is no number: a group without a limit.
        return None
    cached = 0
    try:
        for line in (group / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{cached_name} "):
                cached = int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return (limit, max(used - cached, 0)) if limit < _NO_LIMIT else None
