"""Engines for the tests of this room: scripted, the real worker on a tiny checkpoint and on the embedded one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.domain import Checkpoint
from lab.engine.client import ProcessEngine, transformers_engine
from lab.engine.embedded import LANGUAGE_MODEL, embedded_folder, prepare
from lab.settings import EMBEDDED_CHECKPOINT, EngineSettings
from tests.tiny import make_checkpoint

SCRIPTED = Checkpoint("scripted", "folder", "/nowhere", True, "chat")

# float32 on every machine, so that a test means the same everywhere.
SETTINGS = EngineSettings(device="cpu", dtype="float32")


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Callable[..., ProcessEngine]]:
    """Starts a scripted engine with the given options and, unless told otherwise, loads it."""
    engines: list[ProcessEngine] = []

    def start(*options: object, load: bool = True) -> ProcessEngine:
        command = [sys.executable, "-m", "lab.engine.scripted", *map(str, options)]
        engine = ProcessEngine(command, tmp_path / f"engine-{len(engines)}.log", SETTINGS)
        engines.append(engine)
        engine.start()
        if load:
            engine.load(SCRIPTED)
        return engine

    yield start
    for engine in engines:
        engine.close()


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture(scope="session")
def worker_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessEngine]:
    """One real worker for all tests that leave it whole: starting one costs seconds."""
    engine = transformers_engine(tmp_path_factory.mktemp("worker") / "engine.log", SETTINGS)
    engine.start()
    yield engine
    engine.close()


@pytest.fixture
def worker(worker_process: ProcessEngine, tiny_checkpoint: Path) -> ProcessEngine:
    """The real worker with the tiny checkpoint and no adapter."""
    loaded = worker_process.loaded
    if loaded is None or loaded.path != str(tiny_checkpoint):
        worker_process.start()
        worker_process.load(Checkpoint("tiny", "folder", str(tiny_checkpoint), True))
    worker_process.activate(None)
    return worker_process


@pytest.fixture(scope="session")
def embedded_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessEngine]:
    """The real worker with the embedded checkpoint, prepared into the user's own cache when it is not there."""
    prepare(lambda progress: None, threading.Event(), [LANGUAGE_MODEL])
    engine = transformers_engine(tmp_path_factory.mktemp("embedded") / "engine.log", EngineSettings())
    engine.start()
    engine.load(
        Checkpoint(EMBEDDED_CHECKPOINT, "embedded", str(embedded_folder(EMBEDDED_CHECKPOINT)), True, form="chat")
    )
    yield engine
    engine.close()
