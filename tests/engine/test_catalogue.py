"""A name leads to one checkpoint or to one sentence that says which exist."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from lab.domain import Checkpoint
from lab.engine import known
from lab.engine.catalogue import checkpoints, resolve, weights_folder
from lab.engine.fingerprint import count_parameters, fingerprint
from lab.engine.provide import provide
from lab.errors import LabError
from lab.settings import EMBEDDED_CHECKPOINT, Workspace


def write_weights(path: Path, fill: int = 0, count: int = 200_000) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes([fill]) * (4 * count))


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this machine has of the hub is none of a test's business."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


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


def test_a_hub_id_is_ready_only_when_a_whole_snapshot_is_cached(workspace: Workspace, hub_cache: Path) -> None:
    assert not resolve("someone/some-model", workspace).ready
    repository = hub_cache / "models--someone--some-model"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    write_weights(snapshot / "model.safetensors")
    assert not resolve("someone/some-model", workspace).ready
    (snapshot / "tokenizer.json").write_text("{}")
    found = resolve("someone/some-model", workspace)
    assert (found.ready, found.revision) == (True, "abc")
    assert weights_folder(found) == snapshot


def test_weights_that_are_not_here_yet_are_no_folder(workspace: Workspace) -> None:
    with pytest.raises(LabError, match="weights of phi-2 are not ready"):
        weights_folder(resolve("phi-2", workspace))


def test_every_number_of_the_catalogue_belongs_to_the_others(workspace: Workspace) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    for entry in known.catalogue():
        shape = entry.shape
        config = AutoConfig.for_model(
            entry.family,
            vocab_size=shape.vocabulary,
            hidden_size=shape.hidden,
            intermediate_size=shape.intermediate,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            head_dim=shape.head_dim,
            max_position_embeddings=entry.context,
            tie_word_embeddings=shape.tied,
            pad_token_id=0,
            bos_token_id=0,
            eos_token_id=0,
        )
        with torch.device("meta"):
            assert AutoModelForCausalLM.from_config(config).num_parameters() == entry.parameters, entry.name
        embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
        assert shape.embedding_parameters == embeddings < entry.parameters


def test_the_catalogue_has_what_the_card_names(workspace: Workspace) -> None:
    found = {checkpoint.name: checkpoint for checkpoint in checkpoints(workspace)}
    sizes = [f"qwen2.5-{size}{form}" for size in ("0.5b", "1.5b", "3b", "7b") for form in ("", "-instruct")]
    smol = [f"smollm2-{size}{form}" for size in ("360m", "1.7b") for form in ("", "-instruct")]
    phi = ["phi-1.5", "phi-2", "phi-3-mini-4k-instruct", "phi-3.5-mini-instruct", "phi-4-mini-instruct"]
    qwen3 = ["qwen3-0.6b", "qwen3-1.7b", "qwen3-4b"]
    assert set(found) == {EMBEDDED_CHECKPOINT, *smol, *sizes, *phi, *qwen3}
    assert [name for name, checkpoint in found.items() if checkpoint.thinking] == qwen3
    assert all(
        checkpoint.form == ("chat" if "instruct" in name or name in qwen3 else "plain")
        for name, checkpoint in found.items()
    )
    assert (found["phi-2"].family, found["phi-2"].context, found["phi-2"].licence) == ("phi", 2048, "MIT")


def test_a_name_is_found_in_any_case_and_under_its_older_spelling(workspace: Workspace) -> None:
    assert resolve("phi-1_5", workspace) == resolve("Phi-1.5", workspace) == resolve("microsoft/phi-1_5", workspace)


def test_the_embedded_checkpoint_by_its_hub_id_is_the_original_of_the_hub(workspace: Workspace) -> None:
    original = resolve("HuggingFaceTB/SmolLM2-135M-Instruct", workspace)
    assert (original.source, original.name) == ("hub", "HuggingFaceTB/SmolLM2-135M-Instruct")
    assert original.parameters == resolve(EMBEDDED_CHECKPOINT, workspace).parameters


def test_family_window_and_thinking_of_a_folder_are_read_from_its_files(workspace: Workspace, folder: Path) -> None:
    config = {"model_type": "qwen3", "max_position_embeddings": 40_960}
    (folder / "config.json").write_text(json.dumps(config))
    plain = resolve("models/mine", workspace)
    assert (plain.family, plain.context, plain.thinking, plain.form) == ("qwen3", 40_960, False, None)
    (folder / "chat_template.jinja").write_text("{% if enable_thinking %}<think>{% endif %}")
    assert resolve("models/mine", workspace).thinking
    (folder / "chat_template.jinja").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ enable_thinking }}"}))
    assert resolve("models/mine", workspace).thinking


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 4096}, 4096),
        ({"rope_scaling": {"type": "su"}, "original_max_position_embeddings": 4096}, 4096),
        ({"rope_parameters": {"rope_type": "longrope", "original_max_position_embeddings": 4096}}, 4096),
        ({"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 200_000}, 131_072),
        ({"rope_scaling": {"type": "longrope"}}, 131_072),
        ({"rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 4096}}, 131_072),
        ({"rope_scaling": None, "original_max_position_embeddings": 4096}, 131_072),
    ],
)
def test_the_window_of_a_longrope_checkpoint_is_its_first_one(
    workspace: Workspace, folder: Path, config: dict[str, object], window: int
) -> None:
    body = {"model_type": "phi3", "max_position_embeddings": 131_072, **config}
    (folder / "config.json").write_text(json.dumps(body))
    assert resolve("models/mine", workspace).context == window


def test_the_catalogue_has_the_window_of_the_engine(workspace: Workspace) -> None:
    for name in ("phi-3.5-mini-instruct", "phi-4-mini-instruct"):
        assert resolve(name, workspace).context == 4096


def test_a_copy_of_a_catalogue_entry_is_known_by_its_name_and_size(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(known.catalogue()[5], parameters=200_000)
    assert entry.hub_id == "Qwen/Qwen2.5-0.5B"
    monkeypatch.setattr(known, "catalogue", lambda: (entry,))
    copy = folder.rename(folder.with_name("Qwen2.5-0.5B"))
    # A base model whose tokenizer ships a template: only the catalogue knows that it was not taught it.
    assert (resolve(str(copy), workspace).form, resolve(str(copy), workspace).licence) == ("plain", "Apache-2.0")
    write_weights(copy / "model.safetensors", count=300_000)
    assert resolve(str(copy), workspace).form is None
    write_weights(copy / "model.safetensors")
    other = copy.rename(folder.with_name("mine"))
    assert resolve(str(other), workspace).form is None


def test_an_output_head_that_is_stored_though_tied_is_not_counted(folder: Path) -> None:
    names = ("model.embed_tokens.weight", "lm_head.weight")
    header = json.dumps(
        {
            name: {"dtype": "F32", "shape": [10, 4], "data_offsets": [160 * i, 160 * i + 160]}
            for i, name in enumerate(names)
        }
    ).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(320))
    assert count_parameters(folder) == 80
    (folder / "config.json").write_text('{"model_type": "qwen3", "tie_word_embeddings": true}')
    assert count_parameters(folder) == 40


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    made = tmp_path / "adapters" / "sleep-1"
    made.mkdir(parents=True)
    (made / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "models/mine"}')
    return made


def test_an_adapter_folder_brings_the_base_that_it_names(workspace: Workspace, folder: Path, adapter: Path) -> None:
    found = resolve("adapters/sleep-1", workspace)
    assert found == replace(resolve("models/mine", workspace), adapter=str(adapter))
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "microsoft/phi-2"}')
    assert resolve(str(adapter), workspace) == replace(resolve("phi-2", workspace), adapter=str(adapter))


def test_an_adapter_finds_the_weights_of_its_fingerprint_wherever_they_are(
    workspace: Workspace, folder: Path, adapter: Path
) -> None:
    mark = fingerprint(folder)
    (adapter / "manifest.json").write_text(json.dumps({"checkpoint": "models/mine", "fingerprint": mark}))
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "phi-2"}')
    assert resolve(str(adapter), workspace).location == str(folder)
    moved = folder.rename(folder.with_name("moved"))
    workspace.config.write_text('[engine]\ncheckpoint = "models/moved"\n')
    assert resolve(str(adapter), workspace).location == str(moved)


def test_an_adapter_whose_base_has_other_weights_or_is_not_here_is_refused(
    workspace: Workspace, folder: Path, adapter: Path
) -> None:
    (adapter / "manifest.json").write_text(json.dumps({"checkpoint": "models/mine", "fingerprint": "0" * 64}))
    with pytest.raises(LabError, match="was trained on models/mine, and those weights are not to be found") as other:
        resolve(str(adapter), workspace)
    assert "base_model_name_or_path" in other.value.remedy
    (adapter / "manifest.json").unlink()
    for named in ("nowhere", str(adapter), ""):
        (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": named}))
        with pytest.raises(LabError, match="weights are not to be found"):
            resolve(str(adapter), workspace)


def test_an_adapter_in_the_settings_is_listed_with_its_base(workspace: Workspace, folder: Path, adapter: Path) -> None:
    workspace.config.write_text('[engine]\ncheckpoint = "adapters/sleep-1"\n')
    (adapter / "manifest.json").write_text(json.dumps({"checkpoint": "x", "fingerprint": fingerprint(folder)}))
    assert checkpoints(workspace)[-1].adapter == str(adapter)


def ready(name: str, workspace: Workspace) -> Checkpoint:
    return provide(resolve(name, workspace), lambda progress: None, threading.Event())


def test_a_full_model_in_a_folder_is_provided_as_it_is(workspace: Workspace, folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    assert ready("models/mine", workspace) == resolve("models/mine", workspace)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"model_type": "gpt-9"}, "architecture gpt-9"),
        ({}, "names no model_type"),
        ({"model_type": "own", "auto_map": {"AutoModelForCausalLM": "own.Model"}}, "program code of its authors"),
        ({"model_type": "llama", "quantization_config": {"quant_method": "gptq"}}, r"quantised \(gptq\)"),
    ],
)
def test_a_folder_that_no_code_can_load_is_refused_before_it_is_loaded(
    workspace: Workspace, folder: Path, config: dict[str, object], sentence: str
) -> None:
    (folder / "tokenizer.json").write_text("{}")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(LabError, match=sentence) as refused:
        ready("models/mine", workspace)
    assert str(folder) in refused.value.title


def test_a_folder_without_a_tokenizer_is_refused(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(LabError, match="has no tokenizer"):
        ready("models/mine", workspace)


def test_a_folder_of_gguf_files_is_told_to_name_one(workspace: Workspace, folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "mine.Q4_0.gguf").write_bytes(b"GGUF")
    with pytest.raises(LabError, match="has GGUF files") as refused:
        resolve("models/mine", workspace)
    assert str(folder / "mine.Q4_0.gguf") in refused.value.remedy


def test_a_home_that_nobody_has_is_no_checkpoint(workspace: Workspace) -> None:
    with pytest.raises(LabError, match="no checkpoint"):
        resolve("~nobody-of-that-name", workspace)


def test_a_path_that_the_system_refuses_is_no_checkpoint(workspace: Workspace, adapter: Path) -> None:
    too_long = "/" + "a" * 300
    with pytest.raises(LabError, match="cannot be looked at: File name too long"):
        resolve(too_long, workspace)
    # Named by an adapter it is passed over, as any base that is not here.
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": too_long}))
    with pytest.raises(LabError, match="not to be found"):
        resolve(str(adapter), workspace)


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


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": ["0", "4"]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [1], "data_offsets": 4},
        [],
        "w",
    ],
    ids=json.dumps,
)
def test_a_header_that_makes_no_sense_is_a_damaged_file(workspace: Workspace, folder: Path, entry: object) -> None:
    header = json.dumps({"w": entry}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(LabError, match=r"model\.safetensors is cut short or damaged"):
        resolve(str(folder), workspace)
    with pytest.raises(LabError, match=r"model\.safetensors is cut short or damaged"):
        fingerprint(folder)


def make_unreadable(path: Path) -> None:
    """A file is there, and reading it fails, also for a user who may read everything."""
    if os.geteuid():
        path.chmod(0)
    else:
        path.unlink()
        path.symlink_to("/proc/self/mem")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that nobody can read")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "model.safetensors.index.json"])
def test_a_file_that_cannot_be_read_is_named(workspace: Workspace, folder: Path, name: str) -> None:
    (folder / name).touch()
    make_unreadable(folder / name)
    for use in (fingerprint, lambda folder: resolve(str(folder), workspace)):
        with pytest.raises(LabError, match=f"{name} cannot be read"):
            use(folder)


def test_an_index_of_names_that_no_file_can_have_is_told_in_a_sentence(workspace: Workspace, folder: Path) -> None:
    index = {"weight_map": {"w": "a" * 300}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(LabError, match="cannot be read: File name too long"):
        resolve(str(folder), workspace)


def test_a_config_deeper_than_any_is_damaged(folder: Path) -> None:
    (folder / "config.json").write_text('{"a": ' + "[" * 500 + "]" * 500 + "}")
    with pytest.raises(LabError, match=r"config\.json is damaged"):
        fingerprint(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user who may not read everything")
def test_a_folder_that_cannot_be_listed_is_named_when_it_is_provided(workspace: Workspace, folder: Path) -> None:
    checkpoint = resolve("models/mine", workspace)
    folder.chmod(0o100)
    try:
        with pytest.raises(LabError, match=f"{re.escape(str(folder))} cannot be read"):
            provide(checkpoint, lambda progress: None, threading.Event())
    finally:
        folder.chmod(0o700)


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
