"""When things go wrong in the real worker: one clear sentence, no wrong answer afterwards, and the engine lives on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.domain import Checkpoint, LoadOptions, Message, Prompt, PromptRead, RowFinished, Sampling
from lab.engine.client import ProcessEngine, transformers_engine
from lab.engine.worker import TransformersHost
from lab.errors import EngineDied, LabError
from lab.settings import EngineSettings
from tests.engine.conftest import SETTINGS
from tests.tiny import make_checkpoint

_MIB = 2**20


def checkpoint(folder: Path) -> Checkpoint:
    return Checkpoint(folder.name, "folder", str(folder), True)


def prompt(text: str = "Who are you?") -> Prompt:
    return Prompt((Message("user", text),), "chat")


def greedy(engine: ProcessEngine, text: str = "Who are you?", tokens: int = 20) -> str:
    events = engine.generate(prompt(text), [Sampling(0.0, 0)], tokens)
    return next(event.text for event in events if isinstance(event, RowFinished))


def changed(folder: Path, target: Path, name: str, content: str | bytes) -> Path:
    """A copy of a checkpoint with one file replaced."""
    shutil.copytree(folder, target)
    (target / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return target


@pytest.fixture(scope="module", params=["auto", "library"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessEngine]:
    """A worker with each of the two runners, for tests that load what they need."""
    settings = EngineSettings(device="cpu", dtype="float32", kernels=request.param)
    engine = transformers_engine(tmp_path_factory.mktemp("failures") / "engine.log", settings)
    engine.start()
    yield engine
    engine.close()


@contextmanager
def memory_limit(engine: ProcessEngine, more: int) -> Iterator[None]:
    """Let the engine take only `more` bytes beyond what it has."""
    if not hasattr(psutil.Process, "rlimit"):
        pytest.skip("this system limits no memory of another process")
    process = psutil.Process(engine.process_id)
    before = process.rlimit(psutil.RLIMIT_AS)
    process.rlimit(psutil.RLIMIT_AS, (process.memory_info().vms + more, before[1]))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_AS, before)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", "{not JSON", r"config\.json is damaged"),
        ("config.json", "[1]", r"config\.json is damaged: no JSON object"),
        ("config.json", "{}", "cannot be loaded"),
        ("tokenizer.json", "{not JSON", "cannot be loaded"),
        ("tokenizer_config.json", "{not JSON", "cannot be loaded"),
        ("generation_config.json", "{not JSON", "cannot be loaded"),
        ("model.safetensors", b"", r"model\.safetensors is cut short"),
        ("model.safetensors", b"\x02\0\0\0\0\0\0\0[]", r"model\.safetensors is damaged"),
        ("model.safetensors", b'\x08\0\0\0\0\0\0\0{"a": 1}', r"model\.safetensors is cut short or damaged"),
        ("model.safetensors.index.json", '{"weight_map": []}', r"index\.json is damaged"),
        ("model.safetensors.index.json", '{"weight_map": {"a": "x.safetensors"}}', r"lacks x\.safetensors"),
    ],
)
def test_a_damaged_file_of_a_checkpoint_is_one_sentence_and_the_engine_lives_on(
    worker: ProcessEngine, tiny_checkpoint: Path, tmp_path: Path, name: str, content: str | bytes, words: str
) -> None:
    broken = changed(tiny_checkpoint, tmp_path / "broken", name, content)
    with pytest.raises(LabError, match=words) as fault:
        worker.load(checkpoint(broken))
    assert "Traceback" not in str(fault.value)
    assert worker.loaded is None
    worker.load(checkpoint(tiny_checkpoint))
    assert greedy(worker)


@pytest.mark.parametrize("template", ["{{ raise_exception('only users speak') }}", "{% for %}", "{{ nothing.x.y }}"])
def test_a_template_that_fails_is_told_by_every_request_and_the_engine_lives_on(
    worker: ProcessEngine, tiny_checkpoint: Path, tmp_path: Path, template: str
) -> None:
    worker.load(checkpoint(changed(tiny_checkpoint, tmp_path / "broken", "chat_template.jinja", template)))
    requests: list[Callable[[], object]] = [lambda: worker.count(prompt()), lambda: greedy(worker)]
    for ask in requests:
        with pytest.raises(LabError, match="chat template refuses this prompt"):
            ask()
    worker.load(checkpoint(tiny_checkpoint))
    assert greedy(worker)


def test_numbers_that_are_none_end_one_answer_and_leave_the_next_as_it_was(
    engine: ProcessEngine, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_checkpoint(tmp_path / "half")
    tensors = load_file(folder / "model.safetensors")
    # One letter is broken, which neither loading nor warming up reads. With bytes as tokens, its code is its place.
    tokens = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    tensors["model.embed_tokens.weight"][tokens["z"]] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    engine.load(checkpoint(folder))
    before = greedy(engine, "A question")
    with pytest.raises(LabError, match=r"half computes no numbers \(NaN or infinity\)"):
        greedy(engine, "A question with a z")
    assert greedy(engine, "A question") == before


def test_an_answer_that_takes_more_memory_than_there_is_ends_and_the_next_one_is_right(
    engine: ProcessEngine, tmp_path: Path
) -> None:
    folder = make_checkpoint(tmp_path / "wide", context=100_000, head_dim=4096)
    engine.load(checkpoint(folder))
    before = greedy(engine)
    with memory_limit(engine, 200 * _MIB):
        with pytest.raises(LabError) as fault:
            # Each of its tokens takes 64 KiB of keys and values.
            greedy(engine, "word " * 10_000)
        assert fault.value.title == "The engine ran out of memory."
        assert greedy(engine) == before
    assert greedy(engine) == before


def test_weights_that_take_more_memory_than_there_is_leave_an_engine_that_loads_others(
    engine: ProcessEngine, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    engine.load(checkpoint(tiny_checkpoint))
    before = greedy(engine)
    heavy = make_checkpoint(tmp_path / "heavy", words=1_000_000)
    with memory_limit(engine, 100 * _MIB), pytest.raises(LabError) as fault:
        engine.load(checkpoint(heavy))
    assert fault.value.title == "The engine ran out of memory."
    engine.load(checkpoint(tiny_checkpoint))
    assert greedy(engine) == before


@pytest.mark.parametrize("kernels", ["auto", "library"])
def test_what_a_pass_left_that_broke_off_is_not_gone_on_from(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, kernels: str
) -> None:
    host = TransformersHost()
    host.load(checkpoint(tiny_checkpoint), LoadOptions("cpu", "float32", kernels), lambda progress: None)
    assert host._model is not None
    runner: Any = host._model.runner
    forward, passes = runner._forward, []

    def counting(tokens: Any, *others: Any) -> Any:
        passes.append(tokens.numel())
        if len(passes) == 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
        return forward(tokens, *others)

    def write() -> None:
        host.generate(prompt(), [Sampling(0.0, 0)], 8, threading.Event(), lambda event: None)

    monkeypatch.setattr(runner, "_forward", counting)
    with pytest.raises(LabError, match="ran out of memory"):
        write()
    write()
    # The whole prompt is read again.
    assert passes[4] == passes[0] > 8


def test_memory_can_be_asked_for_while_the_checkpoint_before_goes(tiny_checkpoint: Path) -> None:
    class Leaving(TransformersHost):
        """Lets go of the checkpoint as soon as it was looked at, as a load in another thread may."""

        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name == "_model":
                self._model = None
            return found

    host = Leaving()
    host.load(checkpoint(tiny_checkpoint), LoadOptions("cpu", "float32"), lambda progress: None)
    assert host.vram_bytes() is None
    assert host._model is None


def test_a_worker_that_is_killed_while_it_writes_is_started_again_on_request(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    engine = transformers_engine(tmp_path / "engine.log", SETTINGS)
    engine.start()
    engine.load(checkpoint(tiny_checkpoint))
    readings = {reading.event: reading.rss_bytes for reading in engine.take_readings()}
    # The libraries are no part of what a checkpoint takes.
    assert readings["loaded"] - readings["before_load"] < readings["before_load"]
    before = greedy(engine)
    stream = engine.generate(prompt(), [Sampling(0.7, seed) for seed in range(5)], 400)
    next(stream)
    assert engine.process_id is not None
    os.kill(engine.process_id, signal.SIGKILL)
    with pytest.raises(EngineDied, match="most often because memory ran out"):
        list(stream)
    engine.start()
    engine.load(checkpoint(tiny_checkpoint))
    assert greedy(engine) == before
    engine.close()


def test_a_request_that_is_no_json_ends_the_worker_cleanly() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "lab.engine.worker"], input=b"nonsense\n", capture_output=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"ended by a bad request" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.model
def test_a_cancel_ends_the_reading_of_a_long_prompt(embedded_engine: ProcessEngine) -> None:
    """Told by the order of things: the next answer is there before the prompt could have been read."""
    long = "The keeper of the lighthouse wrote down what the sea had said. " * 200
    greedy(embedded_engine)
    began = time.monotonic()
    whole = embedded_engine.generate(prompt(long), [Sampling(0.0, 0)], 1)
    assert isinstance(next(whole), PromptRead)
    to_read = time.monotonic() - began
    list(whole)
    greedy(embedded_engine)

    cancel = threading.Event()
    timer = threading.Timer(0.2 * to_read, cancel.set)
    began = time.monotonic()
    timer.start()
    assert list(embedded_engine.generate(prompt(f"Again. {long}"), [Sampling(0.0, 0)], 1, cancel)) == []
    assert greedy(embedded_engine, tokens=1)
    assert time.monotonic() - began < to_read
