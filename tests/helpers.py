"""What the tests of several rooms share."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil
import pytest

from lab.engine.adapters import CONFIG, MANIFEST, WEIGHTS, file_sha256
from lab.engine.fingerprint import fingerprint


def wait_until(predicate: Callable[[], object], seconds: float = 10.0) -> None:
    """Poll until the predicate is true; fail with its name when it never is."""
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"{predicate!r} was not true within {seconds} s")
        time.sleep(0.02)


def children(module: str) -> list[psutil.Process]:
    """The processes below this one that run a module."""
    found = []
    for child in psutil.Process().children(recursive=True):
        # One that has just ended has no command line.
        with contextlib.suppress(psutil.Error):
            if module in child.cmdline():
                found.append(child)
    return found


@contextlib.contextmanager
def small_files(size: int) -> Iterator[None]:
    """Like a disk that is full soon: no file that this process and its children write grows beyond `size` bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def bare_checkpoint(folder: Path, context: int = 8192) -> Path:
    """A checkpoint without tensors, for an engine without a model; its name makes its weights different ones."""
    folder.mkdir(exist_ok=True)
    config = {"model_type": "llama", "max_position_embeddings": context, "name": folder.name}
    (folder / "config.json").write_bytes(orjson.dumps(config))
    (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    return folder


def bare_adapter(folder: Path, checkpoint: Path, day: int = 1) -> Path:
    """An adapter without tensors, made on that day for a checkpoint's weights."""
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"weights of nothing")
    (folder / CONFIG).write_bytes(orjson.dumps({"peft_type": "LORA", "r": 8}))
    manifest = {
        "checkpoint": checkpoint.name,
        "fingerprint": fingerprint(checkpoint),
        "created_at": f"2026-01-{day:02}T00:00:00+00:00",
        "sha256": file_sha256(folder / WEIGHTS),
    }
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest))
    return folder


def go_among_impostors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folder the current one, with files in it that have the names of libraries."""
    for name in ("duckdb", "orjson", "psutil"):
        (folder / f"{name}.py").write_text("raise ImportError('this is a file of the person')\n")
    monkeypatch.chdir(folder)


def torch_that_tells(folder: Path) -> Path:
    """A folder for PYTHONPATH: its torch says on standard error whether the hub's client is offline, and fails."""
    program = (
        "import sys, huggingface_hub.constants as said\n"
        "print('offline', said.HF_HUB_OFFLINE, file=sys.stderr, flush=True)\n"
        "raise ImportError('this torch only tells')\n"
    )
    (folder / "torch.py").write_text(program)
    return folder
