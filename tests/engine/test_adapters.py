"""Adapters of the real worker: whoever was active before, each answers as itself, and the limit is kept."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.domain import Checkpoint, Message, Prompt, RowFinished, Sampling
from lab.engine.client import ProcessEngine, transformers_engine
from lab.engine.fingerprint import fingerprint
from lab.errors import LabError
from lab.lab import Lab
from lab.settings import EngineSettings, Workspace
from tests.tiny import make_adapter, make_checkpoint

LIMIT = 2


@dataclass
class Bench:
    """An engine that keeps two adapters in memory, a checkpoint, and adapters named by letters."""

    engine: ProcessEngine
    checkpoint: Path
    folder: Path

    def adapter(self, name: str) -> Path:
        target = self.folder / name
        if not target.exists():
            make_adapter(target, self.checkpoint, fingerprint(self.checkpoint), seed=ord(name[0]))
        return target

    def load(self) -> None:
        self.engine.start()
        self.engine.load(Checkpoint("tiny", "folder", str(self.checkpoint), True))

    def answer(self, adapter: Path | None) -> str:
        """What is said with an adapter, or without."""
        self.engine.activate(adapter)
        question = Prompt((Message("user", "Who are you?"),), "chat")
        events = self.engine.generate(question, [Sampling(0.0, 0)], 24)
        return next(event.text for event in events if isinstance(event, RowFinished))

    def fresh(self, adapter: Path | None) -> str:
        """As `answer`, of a checkpoint that has just been loaded."""
        self.load()
        return self.answer(adapter)

    def held(self) -> list[tuple[str, bool]]:
        """Name and whether it is active, the least recently used first."""
        return [(resident.name, resident.active) for resident in self.engine.adapters()]


@pytest.fixture(scope="module", params=["auto", "library"])
def process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessEngine]:
    settings = EngineSettings(device="cpu", dtype="float32", kernels=request.param, resident_adapters=LIMIT)
    engine = transformers_engine(tmp_path_factory.mktemp("adapters") / "engine.log", settings)
    yield engine
    engine.close()


@pytest.fixture
def bench(process: ProcessEngine, tiny_checkpoint: Path, tmp_path: Path) -> Bench:
    bench = Bench(process, tiny_checkpoint, tmp_path)
    bench.load()
    return bench


def test_adapters_in_turn_answer_as_themselves_also_after_a_restart(bench: Bench) -> None:
    turns = [bench.adapter("a"), bench.adapter("b"), bench.adapter("a"), None, bench.adapter("b"), None]
    expected = {adapter: bench.fresh(adapter) for adapter in set(turns)}
    assert len(set(expected.values())) == 3
    bench.load()
    assert [bench.answer(adapter) for adapter in turns] == [expected[adapter] for adapter in turns]
    bench.engine.close()
    bench.load()
    assert [bench.answer(adapter) for adapter in turns] == [expected[adapter] for adapter in turns]


@pytest.mark.parametrize("active", [True, False])
def test_an_adapter_whose_weights_were_replaced_answers_with_the_new_ones(bench: Bench, active: bool) -> None:
    one, two = bench.adapter("a"), bench.adapter("b")
    old, new = bench.fresh(one), bench.fresh(two)
    bench.answer(one)
    if not active:
        bench.answer(None)
    shutil.copyfile(two / "adapter_model.safetensors", one / "new")
    (one / "new").replace(one / "adapter_model.safetensors")
    assert bench.answer(one) == new != old
    assert bench.held() == [("b", False), ("a", True)]


def test_the_least_recently_used_adapter_makes_room_and_comes_back_right(bench: Bench) -> None:
    a, b, c = (bench.adapter(name) for name in "abc")
    expected = {adapter: bench.fresh(adapter) for adapter in (a, b, c)}
    bench.load()
    assert bench.held() == []
    assert [bench.answer(adapter) for adapter in (a, b)] == [expected[a], expected[b]]
    assert bench.held() == [("a", False), ("b", True)]
    assert bench.answer(a) == expected[a]
    assert bench.answer(c) == expected[c]
    assert bench.held() == [("a", False), ("c", True)]
    assert bench.answer(b) == expected[b]
    assert bench.held() == [("c", False), ("b", True)]
    bench.answer(None)
    assert bench.held() == [("c", False), ("b", False)]
    assert bench.answer(a) == expected[a]
    assert bench.held() == [("b", False), ("a", True)]
    assert all(resident.bytes > 0 for resident in bench.engine.adapters())


def test_an_adapter_that_is_refused_leaves_no_trace(bench: Bench) -> None:
    from safetensors.torch import load_file, save_file

    a, b, broken = bench.adapter("a"), bench.adapter("b"), bench.adapter("c")
    before = [bench.answer(a), bench.answer(b)]
    weights = load_file(broken / "adapter_model.safetensors")
    next(iter(weights.values())).fill_(float("nan"))
    save_file(weights, broken / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LabError, match=r"c computes no numbers \(NaN\)"):
        bench.engine.activate(broken)
    assert bench.held() == [("a", False), ("b", True)]
    assert bench.engine.adapter == "b"
    assert [bench.answer(a), bench.answer(b)] == before


def test_an_adapter_from_elsewhere_is_judged_by_its_shapes_and_its_effect(bench: Bench) -> None:
    own = bench.adapter("a")
    expected = bench.answer(own)
    (own / "manifest.json").unlink()
    bench.load()
    assert bench.answer(own) == expected
    weights = fingerprint(bench.checkpoint)
    wide = make_adapter(bench.folder / "wide", bench.checkpoint, weights, width=64)
    silent = make_adapter(bench.folder / "silent", bench.checkpoint, weights, silent=True)
    for other, words in ((wide, "wide does not fit"), (silent, "silent changes nothing")):
        (other / "manifest.json").unlink()
        with pytest.raises(LabError, match=words):
            bench.engine.activate(other)
    assert bench.answer(own) == expected


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    make_checkpoint(tmp_path / "base")
    make_checkpoint(tmp_path / "phi", family="phi")
    (tmp_path / "lab.toml").write_text('[engine]\ndevice = "cpu"\ncheckpoint = "base"\n')
    lab = Lab(Workspace(tmp_path))
    lab.open()
    yield lab
    lab.close()


def saved_elsewhere(folder: Path, trained_on: Path, base: Path, modules: list[str]) -> Path:
    """An adapter as PEFT saves it, with a base of its own naming and nothing of the lab."""
    make_adapter(folder, trained_on, "", modules=modules)
    (folder / "manifest.json").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(base)}))
    return folder


def test_a_peft_adapter_brings_its_base_and_answers(lab: Lab) -> None:
    root = lab.workspace.root
    adapter = saved_elsewhere(root / "elsewhere", root / "base", root / "base", ["q_proj", "down_proj"])
    loaded = lab.start_engine(lambda progress: None, threading.Event())
    assert lab.engine.adapter is None
    lab.change(str(adapter), None, lambda progress: None, threading.Event())
    assert lab.engine.loaded is not None
    assert (lab.engine.loaded.fingerprint, lab.engine.adapter) == (loaded.fingerprint, "elsewhere")
    assert [(resident.name, resident.active) for resident in lab.engine.adapters()] == [("elsewhere", True)]


def test_a_peft_adapter_whose_modules_match_nothing_is_refused_with_their_names(lab: Lab) -> None:
    root = lab.workspace.root
    adapter = saved_elsewhere(root / "elsewhere", root / "phi", root / "base", ["dense", "fc1", "fc2"])
    lab.start_engine(lambda progress: None, threading.Event())
    with pytest.raises(LabError, match=r"elsewhere does not fit: .* dense, fc1, fc2 "):
        lab.change(str(adapter), None, lambda progress: None, threading.Event())
    assert lab.engine.loaded is not None
    assert (lab.engine.loaded.name, lab.engine.adapter) == ("base", None)
