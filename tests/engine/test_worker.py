"""The real worker on a tiny checkpoint: prompts, sampling, adapters, and weights that cannot be used."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.domain import Checkpoint, Message, Prompt, RowFinished, Sampling
from lab.engine.client import ProcessEngine
from lab.errors import LabError
from tests.tiny import make_adapter, make_checkpoint

QUESTION = Prompt((Message("user", "Who are you?"),), "chat")


def folder_checkpoint(folder: Path) -> Checkpoint:
    return Checkpoint(folder.name, "folder", str(folder), True)


def draft(engine: ProcessEngine, seed: int = 1, temperature: float = 0.7) -> str:
    events = engine.generate(QUESTION, [Sampling(temperature, seed)], 20)
    return next(event.text for event in events if isinstance(event, RowFinished))


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    from lab.engine.fingerprint import fingerprint

    folder = tmp_path_factory.mktemp("adapters") / "sleep-0001"
    return make_adapter(folder, tiny_checkpoint, fingerprint(tiny_checkpoint))


def copied(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


def test_what_is_loaded_is_described(worker: ProcessEngine, tiny_checkpoint: Path) -> None:
    loaded = worker.loaded
    assert loaded is not None
    assert (loaded.family, loaded.form, loaded.context) == ("llama", "chat", 512)
    assert (loaded.dtype, loaded.device, loaded.path) == ("float32", "cpu", str(tiny_checkpoint))
    assert loaded.parameters > 1000


@pytest.mark.parametrize("form", ["chat", "plain"])
def test_a_control_token_that_a_user_typed_stays_text(worker: ProcessEngine, form: str) -> None:
    def count(text: str) -> int:
        return worker.count(Prompt((Message("user", text),), "plain" if form == "plain" else "chat"))

    # One token a byte: as text the word costs its length, as a control token it would cost one.
    assert count("a<|im_end|>b") - count("ab") == len("<|im_end|>")
    assert count("<|im_start|>system") - count("system") == len("<|im_start|>")


def test_a_dialogue_goes_through_the_chat_template(worker: ProcessEngine) -> None:
    dialogue = Prompt((Message("user", "ab"), Message("assistant", "cd"), Message("user", "ef")), "chat")
    rendered = "<user\nab>\n<assistant\ncd>\n<user\nef>\n<assistant\n"
    assert worker.count(dialogue) == len(rendered)


def test_the_plain_form_is_the_published_one_turn_by_turn(worker: ProcessEngine) -> None:
    one = Prompt((Message("user", "ab"),), "plain")
    assert worker.count(one) == len("Question: ab\n\nAnswer:")
    dialogue = Prompt((Message("user", "ab"), Message("assistant", "cd"), Message("user", "ef")), "plain")
    assert worker.count(dialogue) == len("Question: ab\n\nAnswer: cd\n\nQuestion: ef\n\nAnswer:")


def test_suggestions_of_the_checkpoint_do_not_change_sampling(worker: ProcessEngine) -> None:
    # Its generation_config says top_k 1, under which every seed would write the same.
    assert len({draft(worker, seed) for seed in range(4)}) == 4


def test_a_repetition_penalty_of_the_checkpoint_is_not_applied(
    worker: ProcessEngine, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    with_penalty = draft(worker, temperature=0.0)
    without = copied(tiny_checkpoint, tmp_path / "without")
    (without / "generation_config.json").write_text('{"eos_token_id": 2}')
    worker.load(folder_checkpoint(without))
    assert draft(worker, temperature=0.0) == with_penalty


def test_a_checkpoint_without_a_template_is_plain(worker: ProcessEngine, tmp_path: Path) -> None:
    base = make_checkpoint(tmp_path / "base", chat=False)
    assert worker.load(folder_checkpoint(base)).form == "plain"


def test_an_adapter_moves_the_logits_and_none_takes_it_off(worker: ProcessEngine, adapter: Path) -> None:
    plain = draft(worker, temperature=0.0)
    assert worker.activate(adapter) > 0.0
    assert worker.adapter == "sleep-0001"
    moved = draft(worker, temperature=0.0)
    assert moved != plain
    assert worker.activate(None) == 0.0
    assert worker.adapter is None
    assert draft(worker, temperature=0.0) == plain


def test_adapters_are_swapped_without_a_trace_of_the_one_before(
    worker: ProcessEngine, adapter: Path, tmp_path: Path
) -> None:
    assert worker.loaded is not None
    other = make_adapter(tmp_path / "sleep-0002", Path(worker.loaded.path), worker.loaded.fingerprint, seed=2)
    worker.activate(adapter)
    first = draft(worker)
    worker.activate(other)
    assert draft(worker) != first
    worker.activate(adapter)
    assert draft(worker) == first


def test_an_adapter_of_another_checkpoint_is_refused(worker: ProcessEngine, tmp_path: Path) -> None:
    assert worker.loaded is not None
    foreign = make_adapter(tmp_path / "foreign", Path(worker.loaded.path), "0" * 64)
    with pytest.raises(LabError, match="foreign was trained on tiny and does not fit"):
        worker.activate(foreign)


def test_a_refused_adapter_leaves_the_one_before_active(worker: ProcessEngine, adapter: Path, tmp_path: Path) -> None:
    assert worker.loaded is not None
    worker.activate(adapter)
    before = draft(worker)
    silent = make_adapter(tmp_path / "silent", Path(worker.loaded.path), worker.loaded.fingerprint, silent=True)
    with pytest.raises(LabError, match="changes nothing"):
        worker.activate(silent)
    assert worker.adapter == "sleep-0001"
    assert draft(worker) == before


def test_an_adapter_that_moves_nothing_is_refused(worker: ProcessEngine, tmp_path: Path) -> None:
    assert worker.loaded is not None
    silent = make_adapter(tmp_path / "silent", Path(worker.loaded.path), worker.loaded.fingerprint, silent=True)
    plain = draft(worker)
    with pytest.raises(LabError, match="silent changes nothing"):
        worker.activate(silent)
    assert worker.adapter is None
    assert draft(worker) == plain


def test_an_adapter_of_other_shapes_or_modules_is_refused(worker: ProcessEngine, adapter: Path, tmp_path: Path) -> None:
    assert worker.loaded is not None
    wide = make_adapter(tmp_path / "wide", Path(worker.loaded.path), worker.loaded.fingerprint, width=64)
    with pytest.raises(LabError, match="wide does not fit"):
        worker.activate(wide)
    for modules in (["no_such_module"], ["k_proj"]):
        other = copied(adapter, tmp_path / f"other-{modules[0]}")
        config = json.loads((other / "adapter_config.json").read_text())
        config["target_modules"] = modules
        (other / "adapter_config.json").write_text(json.dumps(config))
        with pytest.raises(LabError, match="does not fit"):
            worker.activate(other)
    assert draft(worker)


def test_a_damaged_adapter_is_named(worker: ProcessEngine, adapter: Path, tmp_path: Path) -> None:
    short = copied(adapter, tmp_path / "short")
    weights = short / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(LabError, match="short does not fit"):
        worker.activate(short)
    sealed = copied(adapter, tmp_path / "sealed")
    manifest = json.loads((sealed / "manifest.json").read_text())
    (sealed / "manifest.json").write_text(json.dumps({**manifest, "sha256": "0" * 64}))
    with pytest.raises(LabError, match="SHA-256"):
        worker.activate(sealed)


def test_an_adapter_without_safetensors_or_configuration_is_refused(
    worker: ProcessEngine, adapter: Path, tmp_path: Path
) -> None:
    for missing in ("adapter_model.safetensors", "adapter_config.json"):
        part = copied(adapter, tmp_path / f"without-{missing}")
        (part / missing).unlink()
        (part / "adapter_model.bin").write_bytes(b"pickled")
        with pytest.raises(LabError, match=f"has no {missing}"):
            worker.activate(part)
    with pytest.raises(LabError, match="There is no adapter folder"):
        worker.activate(tmp_path / "nowhere")


def test_truncated_weights_are_named_and_the_worker_lives_on(
    worker: ProcessEngine, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    cut = copied(tiny_checkpoint, tmp_path / "cut")
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(LabError, match=r"model\.safetensors is cut short"):
        worker.load(folder_checkpoint(cut))
    assert worker.loaded is None
    assert worker.load(folder_checkpoint(tiny_checkpoint)).name == tiny_checkpoint.name


def test_weights_that_compute_no_numbers_are_refused(worker: ProcessEngine, tmp_path: Path) -> None:
    broken = make_checkpoint(tmp_path / "broken", nan=True)
    with pytest.raises(LabError, match="broken computes no numbers"):
        worker.load(folder_checkpoint(broken))
    assert worker.alive()


def test_pickled_weights_and_foreign_code_are_refused(
    worker: ProcessEngine, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    pickled = copied(tiny_checkpoint, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(LabError, match="only pickled weights"):
        worker.load(folder_checkpoint(pickled))
    trap = tmp_path / "trap-was-run"
    foreign = copied(tiny_checkpoint, tmp_path / "foreign")
    (foreign / "modeling.py").write_text(f"open({str(trap)!r}, 'w')\n")
    config = json.loads((foreign / "config.json").read_text())
    config |= {"model_type": "foreign", "auto_map": {"AutoConfig": "modeling.C", "AutoModelForCausalLM": "modeling.M"}}
    (foreign / "config.json").write_text(json.dumps(config))
    with pytest.raises(LabError, match="program code of its authors"):
        worker.load(folder_checkpoint(foreign))
    assert not trap.exists()


def test_a_checkpoint_that_needs_more_memory_than_there_is_is_refused_before_loading(
    worker: ProcessEngine, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    huge = copied(tiny_checkpoint, tmp_path / "huge")
    header = json.dumps({"w": {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 2**40]}}).encode()
    with (huge / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        # A sparse file: it has the size and takes no room.
        file.truncate(8 + len(header) + 2**40)
    with pytest.raises(LabError, match=r"huge needs 1024\.0 GiB in float32"):
        worker.load(folder_checkpoint(huge))


def test_a_device_that_is_not_there_is_named(tmp_path: Path, tiny_checkpoint: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    from lab.engine.client import transformers_engine
    from lab.settings import EngineSettings

    engine = transformers_engine(tmp_path / "log", EngineSettings(device="cuda"))
    engine.start()
    with pytest.raises(LabError, match="no GPU"):
        engine.load(folder_checkpoint(tiny_checkpoint))
    engine.close()


def test_the_device_is_told_to_the_doctor() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "lab.engine.devices", "cpu", "auto"], capture_output=True, check=True, timeout=120
    )
    body = json.loads(told.stdout)
    assert body["device"] == "cpu"
    assert body["dtype"] in ("bfloat16", "float32")
    assert body["threads"] >= 1
    assert body["name"]


def test_the_worker_keeps_its_standard_output_for_replies(worker: ProcessEngine) -> None:
    # Everything above went over one process: had a library printed, the client would have ended it.
    assert worker.alive()


@pytest.mark.model
def test_the_embedded_model_speaks_and_ends_by_itself(embedded_engine: ProcessEngine) -> None:
    prompt = Prompt((Message("user", "Say only the word: yes"),), "chat")
    events = list(embedded_engine.generate(prompt, [Sampling(0.0, 0)], 40))
    last = events[-1]
    assert isinstance(last, RowFinished)
    assert last.finish == "stop"
    assert "<|" not in last.text
    assert last.text.isascii()


@pytest.mark.model
def test_the_embedded_template_adds_its_published_system_prompt(embedded_engine: ProcessEngine) -> None:
    # 20 tokens of the system turn with its line end, 4 of the user turn around the text, 4 of the answer's head.
    alone = embedded_engine.count(Prompt((Message("user", "Hello"),), "chat"))
    own = embedded_engine.count(Prompt((Message("system", "Hello"), Message("user", "Hello")), "chat"))
    assert alone > own


@pytest.mark.model
def test_the_embedded_tokenizer_keeps_padding_apart_from_the_end(embedded_engine: ProcessEngine) -> None:
    assert embedded_engine.loaded is not None
    config = json.loads((Path(embedded_engine.loaded.path) / "tokenizer_config.json").read_text())
    assert config["eos_token"] == "<|im_end|>"
    assert config["pad_token"] != config["eos_token"]
