"""What computes: every family against transformers, and one suite for both runners."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import assume, given
from hypothesis import strategies as st
from peft import PeftModel

from lab.domain import (
    Checkpoint,
    GenerationEvent,
    LoadOptions,
    Message,
    Prompt,
    PromptRead,
    RowFinished,
    RowGrew,
    RowStarted,
    Sampling,
)
from lab.engine.compute.architecture import architecture
from lab.engine.compute.decoder import Decoder
from lab.engine.compute.drafting import write_drafts
from lab.engine.compute.runner import Model, Runner
from lab.engine.compute.sampling import Sampler, _look_up
from lab.engine.compute.weights import Weights
from lab.engine.families import target_modules
from lab.engine.worker_load import load_model
from lab.engine.worker_prompt import encode_prompt
from lab.errors import LabError
from tests.tiny import FAMILIES, make_adapter, make_checkpoint

DECODED = sorted(set(FAMILIES) - {"gemma2"})
KERNELS = {"decoder": "auto", "library": "library"}


def load(folder: Path, kernels: str = "auto", dtype: str = "float32") -> Model:
    checkpoint = Checkpoint("tiny", "folder", str(folder), True)
    return load_model(checkpoint, LoadOptions("cpu", dtype, kernels), lambda progress: None)


def reference(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def some_tokens(count: int, seed: int = 0) -> list[int]:
    stream = torch.Generator().manual_seed(seed)
    tokens: list[int] = torch.randint(3, 250, (count,), generator=stream).tolist()
    return tokens


def write(
    model: Model, tokens: Sequence[int], samplings: Sequence[Sampling], length: int = 24
) -> list[GenerationEvent]:
    events: list[GenerationEvent] = []
    write_drafts(model, tokens, samplings, length, threading.Event(), events.append)
    return events


def texts(events: Sequence[GenerationEvent]) -> dict[int, str]:
    return {event.row: event.text for event in events if isinstance(event, RowFinished)}


@pytest.fixture(scope="module", params=sorted(KERNELS))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A tiny Llama under each runner, which never ends a draft by itself."""
    folder = make_checkpoint(tmp_path_factory.mktemp("runners") / "llama")
    return replace(load(folder, KERNELS[request.param]), end_tokens=frozenset())


@pytest.mark.parametrize("family", DECODED)
def test_the_decoder_computes_what_transformers_computes(family: str, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / family, family=family)
    model = load(folder)
    assert isinstance(model.runner, Decoder)
    tokens = some_tokens(300)
    with torch.inference_mode():
        expected = reference(folder)(torch.tensor([tokens])).logits[0]
        assert torch.allclose(model.runner.logits(tokens), expected, atol=1e-4)
        # The same through the cache: a prompt, then rows that continue it one token at a time.
        first = model.runner.read(tokens[:280], lambda: False)
        assert first is not None
        assert torch.allclose(first, expected[279], atol=1e-4)
        model.runner.start(3)
        for place in range(280, 300):
            rows = model.runner.step(torch.tensor([tokens[place]] * 3))
            assert torch.allclose(rows, expected[place].expand(3, -1), atol=1e-4)


@pytest.mark.parametrize("family", DECODED)
def test_the_decoder_in_bfloat16_is_as_near_to_float32_as_transformers_is(family: str, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / family, family=family)
    tokens = some_tokens(100)
    with torch.inference_mode():
        exact = reference(folder)(torch.tensor([tokens])).logits[0]
        theirs = reference(folder, torch.bfloat16)(torch.tensor([tokens])).logits[0].float()
        ours = load(folder, dtype="bfloat16").runner.logits(tokens)
    assert (ours - exact).abs().mean() < 1.3 * (theirs - exact).abs().mean()


def test_a_family_that_the_decoder_does_not_know_is_computed_by_the_library(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "gemma2", family="gemma2")
    model = load(folder)
    assert not isinstance(model.runner, Decoder)
    first = texts(write(model, some_tokens(40), [Sampling(0.7, 1), Sampling(0.0, 0)]))
    again = texts(write(model, some_tokens(40), [Sampling(0.7, 1), Sampling(0.0, 0)]))
    assert first == again


@pytest.mark.parametrize(
    "change", [{"hidden_act": "relu"}, {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}]
)
def test_what_the_decoder_would_compute_wrongly_is_left_to_the_library(change: dict[str, Any]) -> None:
    config = transformers.LlamaConfig(hidden_size=32, num_attention_heads=2, **change)
    assert architecture(config) is None


def test_at_temperature_zero_every_row_equals_the_single_run(model: Model) -> None:
    tokens = some_tokens(40)
    alone = texts(write(model, tokens, [Sampling(0.0, 0)]))[0]
    assert texts(write(model, tokens, [Sampling(0.0, row) for row in range(5)])) == dict.fromkeys(range(5), alone)


def test_a_draft_is_the_same_whichever_others_are_written_beside_it(model: Model) -> None:
    tokens = some_tokens(40)
    rows = [Sampling(1.0 - 0.1 * row, 7 + row) for row in range(5)]
    together = texts(write(model, tokens, rows))
    assert len(set(together.values())) == 5
    for row, sampling in enumerate(rows):
        assert texts(write(model, tokens, [sampling]))[0] == together[row]


def test_a_row_that_ended_leaves_the_batch_and_the_others_go_on(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = some_tokens(40)
    rows = [Sampling(1.0, seed) for seed in range(6)]
    whole = texts(write(model, tokens, rows))
    # A token that some of the drafts wrote becomes the end of a draft.
    mark = next(letter for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789" if 0 < _having(whole, letter) < 6)
    ending = replace(model, end_tokens=frozenset(model.tokenizer(mark)["input_ids"]))
    sizes: list[int] = []
    step = model.runner.step

    def counting(chosen: torch.Tensor) -> torch.Tensor:
        sizes.append(len(chosen))
        return step(chosen)

    monkeypatch.setattr(model.runner, "step", counting)
    ended = texts(write(ending, tokens, rows))
    assert ended == {row: text.split(mark)[0].strip() for row, text in whole.items()}
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1] == 6 - _having(whole, mark)


def _having(found: dict[int, str], letter: str) -> int:
    return sum(letter in text for text in found.values())


def test_rows_are_told_side_by_side(model: Model) -> None:
    events = write(model, some_tokens(40), [Sampling(0.9, 1), Sampling(0.9, 2)])
    assert events[:3] == [PromptRead(40), RowStarted(0), RowStarted(1)]
    grown = [event.row for event in events if isinstance(event, RowGrew)]
    assert grown != sorted(grown)


def test_the_prompt_that_two_turns_share_is_read_once(model: Model) -> None:
    turn = some_tokens(120)
    model.runner.forget()
    read = _count_tokens_read(model.runner)
    fresh = texts(write(model, turn, [Sampling(0.7, 1)]))
    assert sum(read) == 120 + 23
    longer = [*turn, *some_tokens(30, seed=1)]
    read.clear()
    kept = texts(write(model, longer, [Sampling(0.7, 2), Sampling(0.0, 0)]))
    assert sum(read) == 30 + 2 * 23
    model.runner.forget()
    assert texts(write(model, longer, [Sampling(0.7, 2), Sampling(0.0, 0)])) == kept
    model.runner.forget()
    assert texts(write(model, turn, [Sampling(0.7, 1)])) == fresh


@given(st.data())
def test_how_unexpected_tokens_were_is_known_whatever_was_read_before(model: Model, data: st.DataObject) -> None:
    tokens = some_tokens(300)
    with torch.inference_mode():
        expected = torch.log_softmax(model.runner.logits(tokens), dim=-1)
        for _ in range(3):
            length = data.draw(st.integers(2, 300))
            start = data.draw(st.integers(1, length))
            judged = range(start, data.draw(st.integers(start, length)))
            kept = model.runner.read(tokens[:length], lambda: False, judged)
            assert kept is not None
            assert torch.allclose(torch.log_softmax(kept, dim=-1), expected[length - 1], atol=1e-4)
            losses = [-float(expected[place - 1, tokens[place]]) for place in judged]
            assert model.runner.losses(judged) == pytest.approx(losses, abs=1e-3)


def test_a_message_that_was_judged_is_not_read_again_for_the_next_draft(model: Model) -> None:
    tokens, message = some_tokens(100), range(40, 90)
    model.runner.forget()
    first = _read_bits(model, tokens, message)
    read = _count_tokens_read(model.runner)
    assert _read_bits(model, tokens, message) == first
    # The last one: the logits after it are wanted.
    assert sum(read) == 1 + 23


def test_bits_a_byte_are_those_of_all_tokens_over_the_bytes_of_their_text(model: Model) -> None:
    tokens, message = some_tokens(60), range(20, 50)
    read = _read_prompt(model, tokens, message)
    assert read.bits is not None
    said = model.tokenizer.decode(tokens[20:50]).encode()
    assert read.byte_bits == pytest.approx(read.bits * len(message) / len(said))


def _read_bits(model: Model, tokens: Sequence[int], message: range) -> float | None:
    return _read_prompt(model, tokens, message).bits


def _read_prompt(model: Model, tokens: Sequence[int], message: range) -> PromptRead:
    events: list[GenerationEvent] = []
    rows = [Sampling(0.0, 0)]
    write_drafts(model, tokens, rows, 24, threading.Event(), events.append, message=message)
    assert isinstance(events[0], PromptRead)
    return events[0]


def test_another_prompt_after_a_longer_one_is_read_right(model: Model) -> None:
    prompts = [some_tokens(90), some_tokens(60), some_tokens(61, seed=3), some_tokens(90)]
    fresh = []
    for prompt in prompts:
        model.runner.forget()
        fresh.append(texts(write(model, prompt, [Sampling(0.0, 0)])))
    assert [texts(write(model, prompt, [Sampling(0.0, 0)])) for prompt in prompts] == fresh


def test_the_decoder_goes_on_from_the_chosen_draft_without_reading_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(load(make_checkpoint(tmp_path / "llama")), end_tokens=frozenset())
    turn = some_tokens(100)
    rows: list[list[int]] = [[], []]
    step = model.runner.step

    def watching(chosen: torch.Tensor) -> torch.Tensor:
        for row, token in zip(rows, chosen.tolist()):
            row.append(token)
        return step(chosen)

    monkeypatch.setattr(model.runner, "step", watching)
    write(model, turn, [Sampling(0.9, 1), Sampling(0.9, 2)])
    following = [*turn, *rows[1], *some_tokens(20, seed=5)]
    read = _count_tokens_read(model.runner)
    with torch.inference_mode():
        kept = model.runner.read(following, lambda: False)
        assert sum(read) == 20
        model.runner.forget()
        fresh = model.runner.read(following, lambda: False)
    assert kept is not None
    assert fresh is not None
    assert torch.allclose(kept, fresh, atol=1e-4)


def _count_tokens_read(runner: Runner) -> list[int]:
    """Counts the tokens of every forward pass from now on."""
    counts: list[int] = []
    forward: Callable[..., torch.Tensor] = runner._forward  # type: ignore[attr-defined]

    def counting(tokens: torch.Tensor, *others: Any) -> torch.Tensor:
        counts.append(tokens.numel())
        return forward(tokens, *others)

    runner._forward = counting  # type: ignore[attr-defined]
    return counts


def test_a_cancel_is_heard_while_a_prompt_is_read(model: Model) -> None:
    asked: list[int] = []

    def after_a_few() -> bool:
        asked.append(1)
        return len(asked) > 2

    prompt = some_tokens(400)
    model.runner.forget()
    with torch.inference_mode():
        assert model.runner.read(prompt, after_a_few) is None
    # What was read of it is no hindrance.
    after = texts(write(model, prompt, [Sampling(0.0, 0)]))
    model.runner.forget()
    assert texts(write(model, prompt, [Sampling(0.0, 0)])) == after


def test_a_cancel_ends_every_row_with_what_it_said(model: Model) -> None:
    cancelled = threading.Event()
    events: list[GenerationEvent] = []

    def emit(event: GenerationEvent) -> None:
        events.append(event)
        if isinstance(event, RowGrew) and event.tokens == 5:
            cancelled.set()

    write_drafts(model, some_tokens(40), [Sampling(0.9, 1), Sampling(0.9, 2)], 24, cancelled, emit)
    ends = [event for event in events if isinstance(event, RowFinished)]
    assert [end.finish for end in ends] == ["cancelled", "cancelled"]
    assert all(0 < end.tokens < 10 for end in ends)


@pytest.mark.parametrize("family", DECODED)
def test_a_lora_over_the_decoder_is_that_of_peft(family: str, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / family, family=family)
    modules = target_modules(FAMILIES[family][0], "all")
    assert modules is not None
    adapter = make_adapter(tmp_path / "adapter", folder, "any", modules=modules)
    tokens = some_tokens(50)
    model = load(folder)
    with torch.inference_mode():
        plain = model.runner.logits(tokens)
        model.runner.attach("one", adapter, json.loads((adapter / "adapter_config.json").read_text()))
        model.runner.select("one")
        expected = PeftModel.from_pretrained(reference(folder), adapter)(torch.tensor([tokens])).logits[0]
        changed = model.runner.logits(tokens)
        assert torch.allclose(changed, expected, atol=1e-4)
        assert not torch.allclose(changed, plain, atol=1e-2)
        model.runner.select(None)
        assert torch.equal(model.runner.logits(tokens), plain)


def test_a_lora_on_part_of_a_fused_matrix_changes_that_part_only(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "llama")
    adapter = make_adapter(tmp_path / "adapter", folder, "any", modules=["k_proj", "down_proj"])
    model = load(folder)
    tokens = some_tokens(50)
    with torch.inference_mode():
        model.runner.attach("one", adapter, json.loads((adapter / "adapter_config.json").read_text()))
        model.runner.select("one")
        expected = PeftModel.from_pretrained(reference(folder), adapter)(torch.tensor([tokens])).logits[0]
        assert torch.allclose(model.runner.logits(tokens), expected, atol=1e-4)


def test_a_prompt_in_the_cache_is_forgotten_when_the_adapter_changes(model: Model, tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "adapter", Path(model.loaded.path), "any")
    model.runner.attach("two", adapter, json.loads((adapter / "adapter_config.json").read_text()))
    tokens = some_tokens(60)
    try:
        write(model, tokens, [Sampling(0.0, 0)])
        model.runner.select("two")
        with torch.inference_mode():
            kept = model.runner.read(tokens, lambda: False)
            expected = model.runner.logits(tokens)[-1]
        assert kept is not None
        assert torch.allclose(kept, expected, atol=1e-4)
    finally:
        model.runner.select(None)
        model.runner.detach("two")


@pytest.mark.parametrize(("key", "value"), [("use_dora", True), ("bias", "all"), ("modules_to_save", ["lm_head"])])
def test_an_adapter_that_is_more_than_a_lora_says_what_can_use_it(key: str, value: object, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "llama")
    adapter = make_adapter(tmp_path / "adapter", folder, "any")
    config = {**json.loads((adapter / "adapter_config.json").read_text()), key: value}
    with pytest.raises(LabError, match="more than a plain LoRA") as fault:
        load(folder).runner.attach("one", adapter, config)
    assert 'engine.kernels = "library"' in fault.value.remedy


@pytest.mark.parametrize("kernels", ["auto", "library"])
def test_an_adapter_that_nothing_here_computes_is_refused_by_both(kernels: str, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "llama")
    adapter = make_adapter(tmp_path / "adapter", folder, "any")
    for key, value in (("lora_bias", True), ("trainable_token_indices", [1]), ("use_bdlora", {"nblocks": 2})):
        config = {**json.loads((adapter / "adapter_config.json").read_text()), key: value}
        with pytest.raises(LabError, match=f"its {key} cannot be computed here") as fault:
            load(folder, kernels=kernels).runner.attach("one", adapter, config)
        assert "library" not in fault.value.remedy


def test_a_target_module_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "llama")
    adapter = make_adapter(tmp_path / "adapter", folder, "any")
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["target_modules"] = ["q_proj", "v_proj", "dense"]
    with pytest.raises(LabError, match="dense"):
        load(folder).runner.attach("one", adapter, config)


def test_sampling_follows_the_probabilities() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, float("-inf")]])
    temperature = 0.8
    sampler = Sampler([Sampling(temperature, 3)])
    count = 20_000
    found = torch.bincount(torch.cat([sampler.choose(logits, [0]) for _ in range(count)]), minlength=4)
    expected = torch.softmax(logits[0] / temperature, -1) * count
    assert found[3] == 0
    # Chi squared with two degrees of freedom exceeds 13.8 once in a thousand seeds.
    assert float(((found[:3] - expected[:3]) ** 2 / expected[:3]).sum()) < 13.8


@given(
    st.lists(st.sampled_from([float("-inf"), -80.0, -3.0, 0.0, 1.5, 9.0]), min_size=1, max_size=300),
    st.one_of(st.just(0.0), st.just(1 - 2.0**-53), st.floats(0, 1, exclude_max=True)),
)
def test_a_share_of_the_mass_is_the_token_that_a_plain_sum_finds(logits: list[float], drawn: float) -> None:
    assume(max(logits) > -70)
    mass = torch.softmax(torch.tensor([logits]), -1)
    token = int(_look_up(mass, torch.tensor([[drawn]], dtype=torch.float64))[0])
    assert mass[0, token] > 0
    sums = mass[0].double().cumsum(0)
    assert sums[token] >= drawn * sums[-1] - 1e-12
    assert token == 0 or sums[token - 1] <= drawn * sums[-1] + 1e-12


def test_special_tokens_and_templates_reach_the_model_as_transformers_writes_them(tmp_path: Path) -> None:
    model = load(make_checkpoint(tmp_path / "llama"))
    prompt = Prompt((Message("user", "Who are you?"),), "chat")
    expected = model.tokenizer.apply_chat_template(
        [{"role": "user", "content": "Who are you?"}], add_generation_prompt=True, return_dict=True
    )["input_ids"]
    assert encode_prompt(model.tokenizer, prompt) == expected


def test_a_checkpoint_without_one_of_its_tensors_is_refused_under_both_runners(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_checkpoint(tmp_path / "llama")
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert not Weights(folder).has("model.layers.1.mlp.up_proj.weight")
    for kernels in KERNELS.values():
        with pytest.raises(LabError, match=r"model\.layers\.1\.mlp\.up_proj\.weight"):
            load(folder, kernels)


def test_a_window_that_other_frequencies_follow_ends_where_they_begin(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "phi3", family="phi3-longrope")
    assert [load(folder, kernels).loaded.context for kernels in KERNELS.values()] == [384, 384]


def test_windowed_layers_go_back_to_an_earlier_place_under_both_runners(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "phi3", family="phi3-window")
    first, second = some_tokens(150), [*some_tokens(90), *some_tokens(40, seed=4)]
    for kernels in KERNELS.values():
        model = replace(load(folder, kernels), end_tokens=frozenset())
        read = _count_tokens_read(model.runner)
        write(model, first, [Sampling(0.0, 0)], 4)
        read.clear()
        kept = texts(write(model, second, [Sampling(0.0, 0), Sampling(0.7, 1)], 12))
        assert sum(read) == 40 + 2 * 11
        model.runner.forget()
        assert texts(write(model, second, [Sampling(0.0, 0), Sampling(0.7, 1)], 12)) == kept


def test_an_output_head_that_is_missing_is_not_made_of_the_embedding(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_checkpoint(tmp_path / "llama")
    tensors = load_file(folder / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    for kernels in KERNELS.values():
        with pytest.raises(LabError, match=r"lm_head\.weight"):
            load(folder, kernels)


def test_tensors_of_other_names_are_left_to_the_library(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_checkpoint(tmp_path / "qwen2", family="qwen2")
    expected = load(folder).runner.logits(some_tokens(20))
    tensors = load_file(folder / "model.safetensors")
    bare = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    save_file(bare, folder / "model.safetensors", metadata={"format": "pt"})
    model = load(folder)
    assert not isinstance(model.runner, Decoder)
    assert torch.allclose(model.runner.logits(some_tokens(20)), expected, atol=1e-4)


def test_an_adapter_that_does_not_fit_leaves_nothing_behind(model: Model, tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "adapter", Path(model.loaded.path), "any", width=16)
    config = json.loads((adapter / "adapter_config.json").read_text())
    tokens = some_tokens(30)
    with torch.inference_mode():
        before = model.runner.logits(tokens)
        for name in ("three", "four"):
            with pytest.raises(LabError, match="does not fit"):
                model.runner.attach(name, adapter, config)
        assert torch.equal(model.runner.logits(tokens), before)
    network = getattr(model.runner, "_network", None)
    if network is not None:
        assert not any("lora_" in name for name, _ in network.named_parameters())


def test_an_adapter_of_the_vocabulary_says_what_can_use_it(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "llama")
    adapter = make_adapter(tmp_path / "adapter", folder, "any", modules=["q_proj", "lm_head"])
    config = json.loads((adapter / "adapter_config.json").read_text())
    with pytest.raises(LabError, match="lm_head") as fault:
        load(folder).runner.attach("one", adapter, config)
    assert 'engine.kernels = "library"' in fault.value.remedy
    load(folder, "library").runner.attach("one", adapter, config)


def test_infinite_logits_are_refused(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    read = model.runner.read

    def infinite(*arguments: Any) -> torch.Tensor:
        found = read(*arguments)
        assert found is not None
        found = found.clone()
        found[5] = float("inf")
        return found

    monkeypatch.setattr(model.runner, "read", infinite)
    with pytest.raises(LabError, match="computes no numbers"):
        write(model, some_tokens(20), [Sampling(0.7, 1)])
