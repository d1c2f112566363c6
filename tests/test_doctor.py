"""The doctor measures the real engine on the checkpoint of the settings, and names what keeps it from that."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from lab.doctor import Finding, examine
from lab.domain import Progress
from lab.settings import Workspace
from tests.helpers import children, go_among_impostors
from tests.tiny import make_checkpoint


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    make_checkpoint(tmp_path / "tiny")
    workspace = Workspace(tmp_path / "workspace")
    workspace.create()
    return workspace


def settings(workspace: Workspace, checkpoint: str, more: str = "") -> None:
    text = f'[engine]\ndevice = "cpu"\ndtype = "float32"\ncheckpoint = "{checkpoint}"\n{more}'
    workspace.config.write_text(text, encoding="utf-8")


def found(workspace: Workspace) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(workspace)}


def engines() -> set[int]:
    """The engines that are children of this process; other tests keep theirs for the whole run."""
    return {child.pid for child in children("lab.engine.worker")}


def test_device_dtype_kernels_speed_and_memory_of_the_checkpoint_are_told(workspace: Workspace) -> None:
    settings(workspace, "../tiny")
    before = engines()
    stages: list[Progress] = []
    told = {finding.what: finding for finding in examine(workspace, stages.append)}
    for name in ("device", "checkpoint", "kernels", "speed", "engine"):
        assert told[name].remedy is None, told[name]
    assert re.match(r"cpu in float32, .*\d threads", told["device"].found)
    assert re.match(r"\.\./tiny \(llama, .*\) on cpu in float32, loaded in \d+\.\d s", told["checkpoint"].found)
    assert told["kernels"].found.startswith("own decoder, float32")
    rates = re.findall(r"(\d+) tokens/s", told["speed"].found)
    assert len(rates) == 2
    assert all(int(rate) > 0 for rate in rates)
    assert "of memory" in told["engine"].found
    assert stages
    # No engine is left behind.
    assert engines() == before


def test_a_checkpoint_that_is_not_ready_is_not_fetched_but_named(workspace: Workspace) -> None:
    settings(workspace, "qwen2.5-0.5b")
    told = found(workspace)
    assert told["checkpoint"].found == "qwen2.5-0.5b is not ready on this machine"
    assert "lab ask" in str(told["checkpoint"].remedy)
    assert told["device"].remedy is None
    assert "speed" not in told


def test_a_checkpoint_that_does_not_load_is_a_finding_with_its_remedy(workspace: Workspace) -> None:
    broken = Path(shutil.copytree(workspace.root.parent / "tiny", workspace.root / "broken"))
    (broken / "tokenizer.json").write_text("{not JSON")
    settings(workspace, "broken")
    told = found(workspace)
    assert told["checkpoint"].found.startswith("The checkpoint broken cannot be loaded")
    assert told["checkpoint"].remedy
    assert "speed" not in told


def test_a_torch_that_does_not_work_is_a_finding(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(workspace, "../tiny")
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "torch.py").write_text("raise ImportError('libtorch is missing')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "first"))
    told = found(workspace)
    assert told["device"].found == "torch does not work: ImportError: libtorch is missing"
    assert "make lab" in str(told["device"].remedy)
    assert told["checkpoint"].remedy
    assert "speed" not in told


def test_a_file_of_the_current_folder_is_not_taken_for_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    go_among_impostors(tmp_path, monkeypatch)
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "torch.py").write_text("raise ImportError('no file of the person')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "first"))
    assert found(Workspace(tmp_path))["device"].found == "torch does not work: ImportError: no file of the person"


def test_a_device_that_is_not_there_is_no_broken_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (tmp_path / "lab.toml").write_text('[engine]\ndevice = "cuda"\n')
    told = found(Workspace(tmp_path))["device"]
    assert "torch does not work" not in told.found and "cuda" in told.found
    assert "engine.device" in str(told.remedy)
