"""Fetching from the hub, through the real client in its own process: whole, resumed, or one sentence."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.domain import Checkpoint, Progress
from lab.engine import hub_child
from lab.engine.catalogue import resolve
from lab.engine.fetch import Cancelled
from lab.engine.hub import fetch, hub_cache, snapshot
from lab.engine.provide import provide
from lab.errors import LabError
from lab.settings import Workspace
from tests.engine.hubs import HUB_ID, REVISION, WEIGHTS, Hub, serve_hub
from tests.helpers import children, small_files, wait_until
from tests.tiny import make_checkpoint

CHECKPOINT = Checkpoint(HUB_ID, "hub", HUB_ID, ready=False)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint whose weights are large enough to be cut in the middle."""
    from safetensors.torch import load_file, save_file
    from torch import arange

    folder = make_checkpoint(tmp_path_factory.mktemp("published") / "tiny")
    weights = load_file(folder / WEIGHTS)
    save_file({**weights, "padding": arange(800_000.0)}, folder / WEIGHTS, metadata={"format": "pt"})
    return folder


@pytest.fixture
def hub(tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The only place that the client may look."""
    with serve_hub() as served:
        for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING", "TRANSFORMERS_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        served.publish(published)
        yield served


def get(
    cancel: threading.Event | None = None, report: Callable[[Progress], None] = lambda progress: None
) -> Checkpoint:
    return fetch(CHECKPOINT, report, cancel or threading.Event())


def parts() -> list[Path]:
    return sorted(hub_cache().glob("models--*/blobs/*.incomplete"))


def test_a_checkpoint_arrives_whole_at_a_pinned_commit_and_loads(hub: Hub, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    seen: list[Progress] = []
    ready = get(report=seen.append)
    assert (ready.ready, ready.revision, Path(ready.location)) == (True, REVISION, snapshot(HUB_ID))
    AutoModelForCausalLM.from_pretrained(ready.location, local_files_only=True)
    AutoTokenizer.from_pretrained(ready.location, local_files_only=True)
    assert (Path(ready.location) / WEIGHTS).read_bytes() == hub.files[WEIGHTS]
    assert all(REVISION in path for _, path, _ in hub.requests if "/resolve/" in path)
    # Weights come last: a snapshot that has them lacks nothing.
    assert [path for verb, path, _ in hub.requests if verb == "GET"][-1].endswith(WEIGHTS)
    assert parts() == []
    bytes_seen = [progress for progress in seen if progress.unit == "bytes"]
    assert bytes_seen[-1].done == bytes_seen[-1].total == sum(map(len, hub.files.values()))
    assert [progress.done for progress in bytes_seen] == sorted(progress.done for progress in bytes_seen)
    assert resolve(HUB_ID, Workspace(tmp_path)).revision == REVISION


def test_what_is_here_is_not_asked_for_again_and_needs_no_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = get()
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert get() == first
    assert hub.requests == []


def test_neither_code_nor_pickled_weights_are_taken(hub: Hub) -> None:
    hub.files |= {"pytorch_model.bin": b"pickled", "modeling.py": b"raise SystemExit", "README.md": b"#"}
    taken = {path.name for path in Path(get().location).iterdir()}
    assert WEIGHTS in taken
    assert taken.isdisjoint({"pytorch_model.bin", "modeling.py", "README.md"})


def test_a_cancel_ends_the_child_and_the_next_run_goes_on_where_it_was(hub: Hub) -> None:
    hub.hold.clear()
    cancel = threading.Event()
    faults: list[LabError] = []

    def run() -> None:
        try:
            get(cancel)
        except LabError as fault:
            faults.append(fault)

    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    wait_until(lambda: any(part.stat().st_size > 1_000_000 for part in parts()), 60)
    cancel.set()
    wait_until(lambda: not runner.is_alive(), 20)
    assert [type(fault) for fault in faults] == [Cancelled]
    assert HUB_ID in faults[0].title
    assert "kept" in faults[0].remedy
    assert children("lab.engine.hub_child") == []
    assert snapshot(HUB_ID) is None
    [part] = parts()
    arrived = part.stat().st_size
    assert 0 < arrived < len(hub.files[WEIGHTS])

    hub.hold.set()
    seen: list[Progress] = []
    ready = get(report=seen.append)
    assert hub.asked(WEIGHTS) == [0, arrived]
    assert (Path(ready.location) / WEIGHTS).read_bytes() == hub.files[WEIGHTS]
    assert seen[-1].fraction == 1.0


def test_a_connection_that_is_cut_for_a_moment_is_taken_up_again(hub: Hub) -> None:
    hub.cuts = [1_000_000]
    assert (Path(get().location) / WEIGHTS).read_bytes() == hub.files[WEIGHTS]
    begun, taken_up = hub.asked(WEIGHTS)
    assert begun == 0 < taken_up <= 1_000_000


def test_a_cut_connection_gives_one_sentence_and_keeps_what_arrived(hub: Hub) -> None:
    hub.cuts = [1_000_000, *[0] * 20]
    with pytest.raises(LabError) as cut:
        get()
    assert f"{HUB_ID} could not be fetched (" in cut.value.title
    assert "\n" not in cut.value.title
    assert "What has arrived is kept" in cut.value.remedy
    [part] = parts()
    arrived = part.stat().st_size
    hub.cuts = []
    assert (Path(get().location) / WEIGHTS).read_bytes() == hub.files[WEIGHTS]
    assert hub.asked(WEIGHTS)[-1] == arrived > 0


def test_weights_that_arrive_damaged_are_not_kept(hub: Hub) -> None:
    hub.damaged = True
    with pytest.raises(LabError, match=r"model\.safetensors of someone/tiny-model arrived damaged"):
        get()
    assert parts() == []
    hub.damaged = False
    assert get().ready


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({WEIGHTS: None, "pytorch_model.bin": b"pickled"}, "has only pickled weights"),
        ({WEIGHTS: None, "model.Q4_0.gguf": b"GGUF"}, "has GGUF files only"),
        ({WEIGHTS: None}, "has no model.safetensors"),
        ({"config.json": None}, "has no config.json"),
        ({"tokenizer.json": None}, "has no tokenizer"),
        ({"config.json": None, "adapter_config.json": b"{}"}, "is an adapter"),
        ({"config.json": b'{"model_type": "own", "auto_map": {"AutoConfig": "own.C"}}'}, "needs program code"),
        ({"config.json": b'{"model_type": "gpt-9"}'}, "architecture gpt-9"),
        ({"config.json": b"{}"}, "names no model_type"),
        ({"config.json": b'{"model_type": "llama", "quantization_config": {"quant_method": "awq"}}'}, "quantised"),
    ],
)
def test_what_cannot_work_is_said_before_the_weights_are_asked_for(
    hub: Hub, change: dict[str, bytes | None], sentence: str
) -> None:
    for name, content in change.items():
        if content is None:
            del hub.files[name]
        else:
            hub.files[name] = content
    with pytest.raises(LabError, match=sentence) as refused:
        get()
    assert HUB_ID in refused.value.title
    assert refused.value.remedy
    assert hub.asked(WEIGHTS) == hub.asked("pytorch_model.bin") == []


def test_code_of_the_authors_is_no_hindrance_where_transformers_has_its_own(hub: Hub) -> None:
    config = json.loads(hub.files["config.json"])
    hub.files["config.json"] = json.dumps({**config, "auto_map": {"AutoConfig": "configuration.C"}}).encode()
    assert provide(CHECKPOINT, lambda progress: None, threading.Event()).family == "llama"


def test_weights_that_no_memory_of_this_machine_holds_are_refused(hub: Hub) -> None:
    hub.sizes[WEIGHTS] = 2**46
    with pytest.raises(LabError, match=r"32768\.0 GiB of weights in 16 bits; this machine has .* GiB of memory"):
        get()
    assert hub.asked(WEIGHTS) == []


def test_weights_that_the_disk_has_no_room_for_are_refused(
    hub: Hub, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(".")._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    weights = [hub_child.Listed(WEIGHTS, 3 * 2**20, "ab")]
    with pytest.raises(LabError, match=r"still needs 3 MiB in .* where 1 MiB are free"):
        hub_child.check_machine(HUB_ID, published / "config.json", weights)
    part = hub_cache() / "models--someone--tiny-model" / "blobs" / "ab.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(2 * 2**20))
    hub_child.check_machine(HUB_ID, published / "config.json", weights)


def test_a_disk_that_is_full_in_the_middle_is_told_and_what_arrived_is_gone_on_from(hub: Hub) -> None:
    with small_files(2**20), pytest.raises(LabError, match=r"someone/tiny-model cannot be kept in ") as full:
        get()
    assert "HF_HUB_CACHE" in full.value.remedy
    assert snapshot(HUB_ID) is None
    assert [part.stat().st_size for part in parts()] == [2**20]
    assert get().ready


def test_offline_mode_is_respected(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(LabError, match="HF_HUB_OFFLINE forbids") as offline:
        get()
    assert "local folder" in offline.value.remedy
    assert hub.requests == []


def test_a_gated_and_an_unknown_repository_are_named(hub: Hub) -> None:
    hub.refusal = (403, "GatedRepo")
    with pytest.raises(LabError, match="someone/tiny-model is gated") as gated:
        get()
    assert "HF_TOKEN" in gated.value.remedy
    hub.refusal = None
    with pytest.raises(LabError, match="no public model someone/else"):
        fetch(replace(CHECKPOINT, name="someone/else", location="someone/else"), print, threading.Event())


def test_a_hub_that_cannot_be_reached_gives_one_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 9 is closed: what a machine without a network does to a request.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(LabError, match=r"someone/tiny-model could not be fetched \(ConnectError") as unreachable:
        get()
    assert "network" in unreachable.value.remedy


def test_a_place_that_cannot_be_written_is_named(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file"))
    with pytest.raises(LabError, match="cannot be kept in") as refused:
        get()
    assert "HF_HUB_CACHE" in refused.value.remedy


def test_what_is_provided_is_a_folder_with_what_its_files_tell(hub: Hub) -> None:
    provided = provide(CHECKPOINT, lambda progress: None, threading.Event())
    assert (provided.source, provided.ready, provided.revision) == ("folder", True, REVISION)
    assert (provided.family, provided.context) == ("llama", 512)
    assert (Path(provided.location) / WEIGHTS).is_file()
