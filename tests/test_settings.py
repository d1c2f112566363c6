"""lab.toml: defaults are the published values, and every fault is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.engine.hub import hub_cache
from lab.errors import LabError
from lab.settings import (
    EMBEDDED_CHECKPOINT,
    Settings,
    Workspace,
    cache_folder,
    find_workspace,
    load_settings,
    settle_folders,
)


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "lab.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_no_file_gives_the_published_values(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "lab.toml")
    assert settings == Settings()
    refinement = settings.refinement
    assert (refinement.iterations, refinement.temperature, refinement.cooling, refinement.floor) == (5, 0.7, 0.04, 0.5)
    assert (refinement.max_tokens, refinement.seed, settings.salience.threshold) == (200, None, None)
    assert settings.engine.checkpoint == EMBEDDED_CHECKPOINT


def test_every_fault_is_told_with_file_and_key(tmp_path: Path) -> None:
    text = '[refinement]\niterations = 0\nwarmth = 1\n[engine]\ndevice = "tpu"\n[sleeping]\nepochs = 1\n'
    path = write(tmp_path, text)
    with pytest.raises(LabError) as caught:
        load_settings(path)
    title = caught.value.title
    for part in (str(path), "refinement.iterations", "refinement.warmth is not a setting", "engine.device", "sleeping"):
        assert part in title
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["[engine\n", b"\xff\xfe", "iterations = 5"])
def test_a_file_that_is_no_settings_names_itself(tmp_path: Path, text: str | bytes) -> None:
    path = write(tmp_path, text)
    with pytest.raises(LabError, match=str(path)):
        load_settings(path)


def test_whole_numbers_may_stand_for_fractions(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "[refinement]\ntemperature = 1\n")).refinement.temperature == 1.0


def test_the_workspace_is_the_option_then_the_environment_then_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAB_WORKSPACE", raising=False)
    assert find_workspace(None).root == tmp_path
    monkeypatch.setenv("LAB_WORKSPACE", str(tmp_path / "b"))
    assert find_workspace(None).root == tmp_path / "b"
    assert find_workspace(str(tmp_path / "a")).root == tmp_path / "a"


@pytest.mark.parametrize("name", ["why?/lab", "back\\slash"])
def test_a_path_that_the_database_cannot_open_is_refused_where_the_workspace_is_found(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / name
    folder.mkdir(parents=True)
    with pytest.raises(LabError, match=r"there is a \? or a backslash in its path") as caught:
        find_workspace(str(folder))
    assert "--workspace DIR" in caught.value.remedy
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LAB_WORKSPACE", raising=False)
    with pytest.raises(LabError, match="DuckDB cannot open files"):
        find_workspace(None)


def test_a_place_that_cannot_hold_a_workspace_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be made") as caught:
        Workspace(tmp_path / "file").create()
    assert "--workspace" in caught.value.remedy


def test_a_cache_that_is_named_from_here_is_the_same_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAB_CACHE", "models/cache")
    monkeypatch.setenv("HF_HOME", "~/hub")
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    settle_folders()
    monkeypatch.chdir("/")
    assert cache_folder() == tmp_path / "models" / "cache"
    assert hub_cache() == tmp_path / "home" / "hub" / "hub"
    monkeypatch.setenv("LAB_CACHE", "~nobody-of-that-name")
    with pytest.raises(LabError, match="LAB_CACHE=~nobody-of-that-name means nothing"):
        settle_folders()
