"""What a checkpoint takes is told before it is loaded: proposed smaller, or refused with the sizes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lab.domain import Checkpoint
from lab.engine import machine
from lab.engine.catalogue import resolve
from lab.engine.estimate import PROMPT_TOKENS, ROWS, advise, default_dtype, estimate
from lab.engine.families import TARGETS
from lab.engine.known import catalogue
from lab.engine.machine import free_gpu_bytes
from lab.errors import LabError
from lab.settings import EngineSettings, Workspace
from tests.engine.gguf_files import write_gguf
from tests.tiny import make_checkpoint

GIB = 2**30


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def phi_2(tmp_path: Path) -> Checkpoint:
    return resolve("phi-2", Workspace(tmp_path))


@pytest.fixture
def no_bitsandbytes() -> None:
    """Where the package is installed, there is nothing to see of its absence."""
    if importlib.util.find_spec("bitsandbytes") is not None:
        pytest.skip("bitsandbytes is installed")


@pytest.fixture
def bitsandbytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of this name is installed."""
    write(tmp_path / "packages/bitsandbytes/__init__.py", "")
    monkeypatch.syspath_prepend(tmp_path / "packages")


@pytest.fixture
def torch_for_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed torch is no build for the CPU alone."""
    write(tmp_path / "builds/torch-2.9.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\n")
    monkeypatch.syspath_prepend(tmp_path / "builds")
    monkeypatch.setattr(sys, "platform", "linux")


def total(checkpoint: Checkpoint, dtype: str, *, gpu: bool = False) -> int:
    found = estimate(checkpoint, dtype, PROMPT_TOKENS, ROWS, library=gpu)
    assert found is not None
    return found.total_bytes


def test_the_weights_are_the_bytes_of_the_dtype(phi_2: Checkpoint) -> None:
    parameters = 2_779_683_840
    embeddings = 2 * 51_200 * 2_560
    expected = {
        "float32": 4 * parameters,
        "bfloat16": 2 * parameters,
        "float16": 2 * parameters,
        "int8": 2 * embeddings + (parameters - embeddings),
        "nf4": 2 * embeddings + (parameters - embeddings) * 9 // 16,
    }
    for dtype, size in expected.items():
        found = estimate(phi_2, dtype, 100, 1)
        assert found is not None
        assert (found.dtype, found.weights_bytes) == (dtype, size)


def test_the_cache_holds_one_prompt_and_an_answer_for_each_row(phi_2: Checkpoint) -> None:
    found = estimate(phi_2, "bfloat16", 1000, 5)
    assert found is not None
    # 32 layers, keys and values, 32 heads of 80 numbers in two bytes.
    assert found.cache_bytes == (1000 + 5 * 200) * 32 * 2 * 32 * 80 * 2
    in_full = estimate(phi_2, "float32", 1000, 5)
    assert in_full is not None
    assert in_full.cache_bytes == 2 * found.cache_bytes


def test_the_library_copies_the_prompt_for_each_row(phi_2: Checkpoint) -> None:
    each = 32 * 2 * 32 * 80 * 2
    by_library = estimate(phi_2, "bfloat16", 1000, 5, library=True)
    of_another_family = estimate(replace(phi_2, family="mistral"), "bfloat16", 1000, 5)
    in_another_dtype = estimate(phi_2, "float16", 1000, 5)
    for found in (by_library, of_another_family, in_another_dtype):
        assert found is not None
        assert found.cache_bytes == (1000 * 6 + 5 * 200) * each


def test_the_families_that_share_a_prompt_are_those_of_the_decoder() -> None:
    from lab.engine.compute import architecture

    assert set(TARGETS) == set(architecture._ROPE_CLASSES)


def test_the_settings_and_the_gpu_say_whether_the_library_computes(phi_2: Checkpoint) -> None:
    by_library = estimate(phi_2, "bfloat16", PROMPT_TOKENS, ROWS, library=True)
    by_decoder = estimate(phi_2, "bfloat16", PROMPT_TOKENS, ROWS)
    in_bfloat16 = EngineSettings(dtype="bfloat16")
    assert advise(phi_2, in_bfloat16, 64 * GIB).estimate == by_decoder
    assert advise(phi_2, in_bfloat16, 64 * GIB, 64 * GIB).estimate == by_library
    assert advise(phi_2, EngineSettings(dtype="bfloat16", kernels="library"), 64 * GIB).estimate == by_library


def test_a_prompt_is_never_reckoned_longer_than_the_window(phi_2: Checkpoint) -> None:
    assert phi_2.context == 2048
    assert estimate(phi_2, "bfloat16", 100_000, 5) == estimate(phi_2, "bfloat16", 1848, 5)


def test_training_takes_more_than_answering_and_less_than_full_training(tmp_path: Path) -> None:
    for known in catalogue():
        found = estimate(resolve(known.name, Workspace(tmp_path)), "bfloat16", PROMPT_TOKENS, ROWS)
        assert found is not None
        assert found.weights_bytes < found.training_bytes
    embedded = estimate(resolve("smollm2-135m-instruct", Workspace(tmp_path)), "bfloat16", PROMPT_TOKENS, ROWS)
    assert embedded is not None
    # Measured: a backward pass over 4 x 512 tokens took 3.7e9 bytes over the loaded model, without the optimiser.
    activations = embedded.training_bytes - embedded.weights_bytes - 400 * 2**20 - 16 * 2_442_240
    assert activations == pytest.approx(3_687 * 2**20, rel=0.1)


def test_files_on_this_machine_count_before_the_catalogue(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "phi-2")
    found = estimate(resolve(str(folder), Workspace(tmp_path)), "float32", 10, 1)
    assert found is not None
    assert found.weights_bytes == (folder / "model.safetensors").stat().st_size - header_bytes(folder)
    assert found.cache_bytes == (10 + 200) * 2 * 2 * 1 * 16 * 4


def header_bytes(folder: Path) -> int:
    return 8 + int.from_bytes((folder / "model.safetensors").read_bytes()[:8], "little")


def test_a_gguf_file_is_estimated_before_it_is_converted(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "tiny")
    file = write_gguf(tmp_path / "tiny.gguf", folder)
    of_file, of_folder = (resolve(str(path), Workspace(tmp_path)) for path in (file, folder))
    assert not of_file.ready
    assert estimate(of_file, "bfloat16", 300, 5) == estimate(of_folder, "bfloat16", 300, 5)


def test_of_a_hub_id_that_nobody_knows_nothing_is_said(tmp_path: Path) -> None:
    unknown = resolve("someone/some-model", Workspace(tmp_path))
    assert estimate(unknown, "bfloat16", 10, 1) is None
    advice = advise(unknown, EngineSettings(), GIB)
    assert (advice.fits, advice.estimate, advice.sentence) == (True, None, "")


def test_auto_is_what_the_processor_does_best(phi_2: Checkpoint) -> None:
    assert estimate(phi_2, "auto", 10, 1) == estimate(phi_2, default_dtype(), 10, 1)
    assert default_dtype() == ("bfloat16" if machine.native_bfloat16() else "float32")
    assert default_dtype(gpu=True) == "bfloat16"


def test_what_fits_is_taken_as_it_is_asked_for(phi_2: Checkpoint) -> None:
    free = total(phi_2, "float32")
    advice = advise(phi_2, EngineSettings(dtype="float32"), free)
    assert (advice.fits, advice.dtype, advice.sentence) == (True, "float32", "")


def test_over_it_half_the_size_is_proposed(phi_2: Checkpoint) -> None:
    advice = advise(phi_2, EngineSettings(dtype="float32"), 8 * GIB)
    assert (advice.fits, advice.dtype) == (False, "bfloat16")
    assert "phi-2 needs 12.9 GiB in float32 and 8.0 GiB of memory are free" in advice.sentence
    assert "in bfloat16 it needs 6.6 GiB" in advice.sentence


@pytest.mark.usefixtures("bitsandbytes")
def test_on_a_gpu_8_and_4_bits_are_proposed_in_turn(phi_2: Checkpoint) -> None:
    settings = EngineSettings()
    for dtype, smaller in (("bfloat16", "int8"), ("int8", "nf4")):
        advice = advise(phi_2, settings, 64 * GIB, total(phi_2, dtype, gpu=True) - 1)
        assert (advice.fits, advice.dtype) == (False, smaller)
        assert "GPU memory" in advice.sentence
    assert advise(phi_2, settings, GIB, total(phi_2, "bfloat16", gpu=True)).fits
    explicit = advise(phi_2, EngineSettings(dtype="int8"), 64 * GIB, total(phi_2, "int8", gpu=True) - 1)
    assert (explicit.fits, explicit.dtype) == (False, "nf4")


@pytest.mark.usefixtures("no_bitsandbytes")
def test_what_fits_the_gpu_in_no_dtype_is_split_and_slow(phi_2: Checkpoint) -> None:
    advice = advise(phi_2, EngineSettings(), 64 * GIB, 4 * GIB)
    assert (advice.fits, advice.dtype, advice.free_bytes) == (True, "bfloat16", 4 * GIB)
    assert "4.0 GiB of GPU memory are free: a part of it stays in memory, which is slow." in advice.sentence
    assert "pip install bitsandbytes" in advice.sentence
    # Only half of the size fits both together.
    both = total(phi_2, "bfloat16", gpu=True)
    advice = advise(phi_2, EngineSettings(dtype="float32"), both - GIB, GIB)
    assert (advice.fits, advice.dtype) == (False, "bfloat16")
    assert "a part of it stays in memory" in advice.sentence


@pytest.mark.usefixtures("bitsandbytes")
def test_4_bits_are_never_split(phi_2: Checkpoint) -> None:
    assert "install" not in advise(phi_2, EngineSettings(), 64 * GIB, GIB).sentence
    with pytest.raises(LabError, match=r"in nf4 .* 1\.0 GiB of GPU memory are free"):
        advise(phi_2, EngineSettings(dtype="nf4"), 64 * GIB, GIB)


@pytest.mark.usefixtures("no_bitsandbytes")
def test_what_fits_in_no_form_is_refused_with_the_sizes(phi_2: Checkpoint) -> None:
    with pytest.raises(LabError, match=r"phi-2 needs 6\.\d GiB in bfloat16 .* 2\.0 GiB of memory are free") as refused:
        advise(phi_2, EngineSettings(dtype="float32"), 2 * GIB)
    assert "smaller checkpoint" in refused.value.remedy
    assert "bitsandbytes" not in refused.value.remedy
    with pytest.raises(LabError, match=r"in bfloat16 .* 1\.0 GiB of GPU memory are free") as refused:
        advise(phi_2, EngineSettings(), GIB, GIB)
    assert "pip install bitsandbytes" in refused.value.remedy


def test_a_quantised_dtype_that_no_gpu_computes_is_refused(phi_2: Checkpoint, torch_for_gpus: None) -> None:
    for dtype in ("int8", "nf4"):
        with pytest.raises(LabError, match=f'engine.dtype is "{dtype}", which needs a GPU'):
            advise(phi_2, EngineSettings(dtype=dtype, device="cpu"), 64 * GIB)


def test_a_quantised_dtype_with_a_torch_for_the_cpu_is_refused(
    phi_2: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path / "cpu/torch-2.9.0+cpu.dist-info/METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0+cpu\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "cpu")
    with pytest.raises(LabError, match='"nf4", which needs a GPU'):
        advise(phi_2, EngineSettings(dtype="nf4"), 64 * GIB)


@pytest.mark.usefixtures("bitsandbytes", "torch_for_gpus")
def test_of_a_gpu_that_no_tool_tells_of_the_engine_knows(phi_2: Checkpoint) -> None:
    for dtype in ("int8", "nf4"):
        advice = advise(phi_2, EngineSettings(dtype=dtype), GIB)
        assert (advice.fits, advice.dtype) == (True, dtype)


@pytest.mark.usefixtures("no_bitsandbytes")
def test_a_quantised_dtype_without_its_package_is_refused(phi_2: Checkpoint, torch_for_gpus: None) -> None:
    for gpu_free in (None, 64 * GIB):
        with pytest.raises(LabError, match="needs the package bitsandbytes"):
            advise(phi_2, EngineSettings(dtype="int8"), 64 * GIB, gpu_free)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "mine")
    checkpoint = resolve(str(folder), Workspace(tmp_path))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(LabError, match=r"model\.safetensors is cut short"):
        estimate(replace(checkpoint), "bfloat16", 10, 1)


def test_a_control_group_counts_when_it_leaves_less_than_the_system(tmp_path: Path) -> None:
    group = tmp_path / "sys/fs/cgroup/lab/inner"
    write(tmp_path / "proc/self/cgroup", "0::/lab/inner\n")
    assert machine.free_bytes(tmp_path) <= psutil.virtual_memory().total
    for folder, limit in ((group, "max"), (group.parent, str(300 * 2**20))):
        write(folder / "memory.max", f"{limit}\n")
        write(folder / "memory.current", f"{200 * 2**20}\n")
        write(folder / "memory.stat", f"anon 1\ninactive_file {50 * 2**20}\n")
    # Cached pages of files are given back; the limit of the outer group holds for the inner one.
    assert machine.free_bytes(tmp_path) == 150 * 2**20
    assert machine.whole_bytes(tmp_path) == 300 * 2**20


def test_a_control_group_of_version_1_counts_too(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "5:devices:/\n4:cpu,memory:/outside/name\n0::/\n")
    base = tmp_path / "sys/fs/cgroup/memory"
    # In a container the group is mounted at the base, under whatever name it has outside.
    write(base / "memory.limit_in_bytes", str(400 * 2**20))
    write(base / "memory.usage_in_bytes", str(390 * 2**20))
    write(base / "memory.stat", f"total_inactive_file {40 * 2**20}\n")
    assert machine.free_bytes(tmp_path) == 50 * 2**20
    write(base / "memory.limit_in_bytes", "9223372036854771712")
    assert machine.free_bytes(tmp_path) > 400 * 2**20


def test_a_group_that_is_over_its_limit_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    write(tmp_path / "sys/fs/cgroup/memory.max", "100")
    write(tmp_path / "sys/fs/cgroup/memory.current", "120")
    assert machine.free_bytes(tmp_path) == 0


def test_the_system_is_asked_once_what_the_processor_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def answer(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "1\n", "")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", answer)
    machine.native_bfloat16.cache_clear()
    try:
        assert all(machine.native_bfloat16() for _ in range(3))
    finally:
        machine.native_bfloat16.cache_clear()
    assert len(asked) == 1


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_estimates_are_made_without_torch() -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom lab.settings import Workspace\n"
        "from lab.engine import catalogue, estimate, provide\n"
        "[estimate.estimate(c, 'auto', 100, 5) for c in catalogue.checkpoints(Workspace(Path('nowhere')))]\n"
        "print([n for n in ('torch', 'transformers', 'gguf', 'safetensors', 'huggingface_hub') if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(("shown", "free"), [(None, 1000), ("1", 70000), ("1,0", 70000), ("", None), ("-1", None)])
def test_the_gpu_that_is_asked_is_the_one_that_torch_sees(
    shown: str | None, free: int | None, tmp_path: Path, torch_for_gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\ncase "$*" in *--id=1*) echo 70000;; *) printf "1000\\n70000\\n";; esac\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if shown is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    assert free_gpu_bytes() == (None if free is None else free * 2**20)
