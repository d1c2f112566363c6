"""Tests that run side by side share the cores, and what takes longest begins first."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

from lab.engine.embedded import EMBEDDING_MODEL, embedded_folder, prepare

_STATE = tempfile.TemporaryDirectory(prefix="lab-state-")


def pytest_configure() -> None:
    """Give each of several processes its part of the cores, and so the children that it starts; before torch loads."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        cores = psutil.cpu_count(logical=False) or 1
        os.environ.setdefault("OMP_NUM_THREADS", str(max(cores // workers, 1)))
    # A sleep waits while any lab of this user writes an answer: not for those of the other processes.
    os.environ["XDG_STATE_HOME"] = _STATE.name


def pytest_unconfigure() -> None:
    _STATE.cleanup()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing that takes minutes is left for one process at the end."""
    items.sort(key=lambda item: item.get_closest_marker("model") is None)


@pytest.fixture(scope="session")
def sentence_model() -> Path:
    """The folder of the embedded sentence model, prepared when it is not there."""
    prepare(lambda progress: None, threading.Event(), [EMBEDDING_MODEL])
    return embedded_folder(EMBEDDING_MODEL.name)
