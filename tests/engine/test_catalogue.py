"""A name leads to one checkpoint or to one sentence that says which exist."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.engine.catalogue import checkpoints, resolve
from lab.engine.fingerprint import fingerprint
from lab.errors import LabError
from lab.settings import EMBEDDED_CHECKPOINT, Workspace


def write_weights(path: Path, fill: int = 0, count: int = 200_000) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes([fill]) * (4 * count))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "models" / "mine"
    made.mkdir(parents=True)
    (made / "config.json").write_text('{"model_type": "llama", "transformers_version": "5.0"}')
    write_weights(made / "model.safetensors")
    return made


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_the_embedded_checkpoint_comes_first_and_needs_no_network(workspace: Workspace) -> None:
    first = checkpoints(workspace)[0]
    assert (first.name, first.source, first.form) == (EMBEDDED_CHECKPOINT, "embedded", "chat")
    assert resolve(EMBEDDED_CHECKPOINT, workspace) == first


def test_without_its_files_the_embedded_checkpoint_is_not_ready(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "empty"))
    assert not resolve(EMBEDDED_CHECKPOINT, workspace).ready


def test_base_models_are_plain_and_instruct_models_chat(workspace: Workspace) -> None:
    forms = {checkpoint.name: checkpoint.form for checkpoint in checkpoints(workspace)}
    assert forms["qwen2.5-0.5b"] == forms["phi-2"] == "plain"
    assert forms["qwen2.5-0.5b-instruct"] == "chat"


def test_a_hub_id_of_the_catalogue_is_the_catalogue_entry(workspace: Workspace) -> None:
    assert resolve("Qwen/Qwen2.5-0.5B", workspace) == resolve("qwen2.5-0.5b", workspace)


def test_a_hub_id_is_ready_only_when_a_whole_snapshot_is_cached(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert not resolve("someone/some-model", workspace).ready
    repository = tmp_path / "hub" / "models--someone--some-model"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    write_weights(snapshot / "model.safetensors")
    assert not resolve("someone/some-model", workspace).ready
    (snapshot / "tokenizer.json").write_text("{}")
    assert resolve("someone/some-model", workspace).ready


def test_a_folder_is_found_from_the_workspace_and_by_its_whole_path(workspace: Workspace, folder: Path) -> None:
    by_part = resolve("models/mine", workspace)
    by_whole = resolve(str(folder), workspace)
    assert by_part.location == by_whole.location == str(folder)
    assert by_part.parameters == 200_000
    assert by_part.ready


def test_an_unknown_name_is_told_what_exists(workspace: Workspace) -> None:
    with pytest.raises(LabError) as unknown:
        resolve("gpt-9", workspace)
    assert "gpt-9" in unknown.value.title
    assert EMBEDDED_CHECKPOINT in unknown.value.remedy
    assert "phi-2" in unknown.value.remedy


def test_a_folder_with_only_pickled_weights_is_refused_with_the_reason(workspace: Workspace, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(LabError) as refused:
        resolve("models/mine", workspace)
    assert "pickled" in refused.value.title
    assert "safetensors" in refused.value.remedy


def test_a_folder_without_a_config_or_weights_is_refused(workspace: Workspace, folder: Path) -> None:
    (folder / "config.json").rename(folder / "config.txt")
    with pytest.raises(LabError, match=r"no config\.json"):
        resolve(str(folder), workspace)
    (folder / "config.txt").rename(folder / "config.json")
    (folder / "model.safetensors").unlink()
    with pytest.raises(LabError, match=r"no \*\.safetensors"):
        resolve(str(folder), workspace)


def test_a_cut_or_missing_part_is_named(workspace: Workspace, folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for content in (whole[:-1], whole[:50], whole[:4], b"", b"\xff" * 100):
        weights.write_bytes(content)
        with pytest.raises(LabError, match=r"model\.safetensors is (cut short|damaged)"):
            resolve(str(folder), workspace)
    weights.write_bytes(whole)
    index = {"weight_map": {"w": "model.safetensors", "v": "model-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(LabError, match=r"lacks model-00002\.safetensors"):
        resolve(str(folder), workspace)


def test_weights_under_another_name_are_told_from_none(workspace: Workspace, folder: Path) -> None:
    write_weights(folder / "consolidated.safetensors")
    assert resolve(str(folder), workspace).parameters == 200_000
    (folder / "model.safetensors").unlink()
    with pytest.raises(LabError, match=r"has consolidated\.safetensors but no model\.safetensors"):
        resolve(str(folder), workspace)


def test_the_checkpoint_of_the_settings_is_listed(workspace: Workspace, folder: Path) -> None:
    workspace.config.write_text('[engine]\ncheckpoint = "models/mine"\n')
    assert checkpoints(workspace)[-1].name == "models/mine"


def test_other_weights_of_the_same_shapes_have_another_fingerprint(folder: Path) -> None:
    first = fingerprint(folder)
    assert fingerprint(folder) == first
    write_weights(folder / "model.safetensors", fill=1)
    assert fingerprint(folder) != first


def test_the_release_that_saved_a_checkpoint_does_not_change_its_fingerprint(folder: Path) -> None:
    first = fingerprint(folder)
    (folder / "config.json").write_text('{"transformers_version": "6.1", "model_type": "llama"}')
    assert fingerprint(folder) == first
    (folder / "config.json").write_text('{"model_type": "llama", "rope_theta": 5}')
    assert fingerprint(folder) != first
