"""`lab checkpoints`: what can be loaded, what it takes, and whether it fits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.cli import main
from tests.tiny import make_checkpoint


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def rows(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert main(["checkpoints"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("checkpoint", "family", "parameters", "prompt", "context", "licence", "memory", "sleep", "fits", "state")
    ]
    assert "GiB" in lines[-1]
    return {line.split()[1 if line.startswith("*") else 0]: line for line in lines[2:-1]}


def test_every_checkpoint_has_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys)
    assert next(iter(found)) == "smollm2-135m-instruct"
    assert found["smollm2-135m-instruct"].startswith("*")
    for part in ("qwen3", "1,721 M", "chat, thinking", "40960", "Apache-2.0", "GiB", "to be fetched"):
        assert part in found["qwen3-1.7b"]
    for part in ("phi ", "2,780 M", "plain", "2048", "MIT"):
        assert part in found["phi-2"]


def test_the_checkpoint_of_the_settings_is_marked_and_ready(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_checkpoint(root / "mine")
    (root / "lab.toml").write_text('[engine]\ncheckpoint = "mine"\n')
    found = rows(capsys)
    assert found["mine"].startswith("*")
    assert found["mine"].endswith("ready")
    assert "yes" in found["mine"]
    assert not found["smollm2-135m-instruct"].startswith("*")


def test_what_is_too_large_is_told_from_what_fits_in_a_smaller_dtype(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The lab reads the free memory of the machine; here it is a machine with 8 GiB and no GPU.
    monkeypatch.setattr(sys.modules["lab.engine.offers"], "free_bytes", lambda: 8 * 2**30)
    monkeypatch.setattr(sys.modules["lab.engine.offers"], "free_gpu_bytes", lambda: None)
    (root / "lab.toml").write_text('[engine]\ndtype = "float32"\n')
    found = rows(capsys)
    assert " no " in found["qwen2.5-7b"]
    assert "GiB bfloat16" in found["phi-2"]
    assert "in bfloat16" in found["phi-2"]
    assert " yes " in found["qwen2.5-0.5b"]


def test_a_damaged_checkpoint_is_told_beside_the_list(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub = root / "hub" / "models--microsoft--phi-2" / "snapshots" / "abc"
    make_checkpoint(hub)
    (hub / "config.json").write_text("{")
    assert main(["checkpoints"]) == 0
    shown = capsys.readouterr()
    assert "config.json is damaged" in shown.err
    assert "qwen3-4b" in shown.out
