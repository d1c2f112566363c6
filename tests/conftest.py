"""Tests that run side by side share the cores, and what takes longest begins first."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from lab.engine.embedded import EMBEDDING_MODEL, embedded_folder, prepare
from lab.engine.machine import free_bytes

_STATE = tempfile.TemporaryDirectory(prefix="lab-state-")
# A disk in memory, where it is one that programs may be run from and that leaves enough for everything else.
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 8 * 2**30


# A busy machine may stand still for a second or two, in the middle of any example.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure() -> None:
    """Give each of several processes its part of the cores, and so the children that it starts, before torch loads; and
    keep what tests write in memory where that can be: each event is flushed, and a disk takes its time."""
    if "PYTEST_XDIST_WORKER" not in os.environ and _fit_for_tests(_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        cores = psutil.cpu_count(logical=False) or 1
        os.environ.setdefault("OMP_NUM_THREADS", str(max(cores // workers, 1)))
    # A sleep waits while any lab of this user writes an answer: not for those of the other processes.
    os.environ["XDG_STATE_HOME"] = _STATE.name


def pytest_unconfigure() -> None:
    _STATE.cleanup()


def _fit_for_tests(folder: Path) -> bool:
    if not folder.is_dir() or not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 8):
        return False
    return min(shutil.disk_usage(folder).free, free_bytes()) > _ROOM_BYTES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing that takes minutes is left for one process at the end."""
    items.sort(key=lambda item: item.get_closest_marker("model") is None)


@pytest.fixture(autouse=True)
def read_to_its_end() -> Iterator[None]:
    """An engine within a test's own process reads its sentence model beside; no other test's model is made meanwhile,
    for the reason in lab/engine/reading.py."""
    yield
    for thread in threading.enumerate():
        if thread.name == "sentences":
            thread.join(60)


@pytest.fixture(scope="session")
def sentence_model() -> Path:
    """The folder of the embedded sentence model, prepared when it is not there."""
    prepare(lambda progress: None, threading.Event(), [EMBEDDING_MODEL])
    return embedded_folder(EMBEDDING_MODEL.name)
