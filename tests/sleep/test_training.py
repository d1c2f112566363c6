"""The training loop, on a tiny random model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from lab.domain import SleepPlan
from lab.engine.adapters import WEIGHTS
from lab.engine.fingerprint import fingerprint
from lab.sleep.lora import load_for_training
from lab.sleep.recipes import ANSWERS
from lab.sleep.training import Diverged, Encoded, Step, answer_loss, train
from tests.tiny import make_checkpoint

CPU = torch.device("cpu")
SETTINGS = replace(ANSWERS, epochs=3, batch_size=2, learning_rate=1e-2)


def tiny() -> LlamaForCausalLM:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2
    )
    return LlamaForCausalLM(config)


def examples() -> list[Encoded]:
    return [Encoded((1, 2, 3, 4, 5, 6), 3), Encoded((7, 8, 9), 1), Encoded((10, 11, 12, 13), 2)]


def run(model: torch.nn.Module, data: Sequence[Encoded], **changes: object) -> list[Step]:
    return list(train(model, data, replace(SETTINGS, **changes), CPU, lambda: False))  # type: ignore[arg-type]


def test_the_loss_is_that_of_the_library_over_the_answer_alone() -> None:
    model = tiny().eval()
    ids = torch.tensor([[1, 2, 3, 4, 5, 6]])
    labels = ids.clone()
    labels[:, :3] = -100
    expected = model(input_ids=ids, labels=labels).loss
    summed = answer_loss(model, [Encoded((1, 2, 3, 4, 5, 6), 3)], CPU)
    assert float(summed.detach()) / 3 == pytest.approx(float(expected.detach()), rel=1e-5)


def test_padding_does_not_change_the_loss_of_an_example() -> None:
    model = tiny().eval()
    apart = sum(float(answer_loss(model, [example], CPU).detach()) for example in examples())
    assert float(answer_loss(model, examples(), CPU).detach()) == pytest.approx(apart, rel=1e-4)


def test_training_lowers_the_loss() -> None:
    steps = run(tiny(), examples(), epochs=20)
    assert steps[-1].loss < steps[0].loss / 2


def test_the_same_seed_gives_the_same_losses() -> None:
    assert [s.loss for s in run(tiny(), examples())] == [s.loss for s in run(tiny(), examples())]
    assert [s.loss for s in run(tiny(), examples())] != [s.loss for s in run(tiny(), examples(), seed=5)]


def test_accumulation_equals_one_large_batch() -> None:
    one = run(tiny(), examples(), batch_size=3, accumulation=1)
    several = run(tiny(), examples(), batch_size=1, accumulation=3)
    assert [s.loss for s in several] == pytest.approx([s.loss for s in one], rel=1e-3)
    assert [s.tokens for s in several] == [s.tokens for s in one]


def test_the_learning_rate_falls_to_nothing_over_the_planned_steps() -> None:
    steps = run(tiny(), examples())
    assert len(steps) == SETTINGS.total_steps(3) == 6
    assert [s.learning_rate for s in steps] == pytest.approx([1e-2 * (1 - i / 6) for i in range(6)])
    assert [s.epoch for s in steps] == [1, 1, 2, 2, 3, 3]


def test_a_stop_ends_after_the_present_step() -> None:
    seen: list[Step] = []
    for step in train(tiny(), examples(), SETTINGS, CPU, lambda: len(seen) >= 2):
        seen.append(step)
    assert len(seen) == 2


def test_a_loss_that_is_no_number_is_named() -> None:
    model = tiny()
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="step 1"):
        run(model, examples())


def test_saving_does_not_look_for_the_checkpoint_at_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where it would look, PEFT warns that it may not.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = make_checkpoint(tmp_path / "checkpoint")
    plan = SleepPlan(
        cycle_id="sleep-0001",
        checkpoint="tiny",
        fingerprint=fingerprint(folder),
        model_path=str(folder),
        form=None,
        device="cpu",
        dtype="float32",
        adapter="sleep-0001",
        parent_adapter=None,
        exchange_ids=(),
        settings=ANSWERS,
    )
    learner = load_for_training(plan, tmp_path)
    # As one has that continues an adapter from elsewhere.
    learner.network.peft_config["default"].base_model_name_or_path = "someone/tiny"
    with warnings.catch_warnings():
        warnings.simplefilter("error", category=UserWarning)
        learner.save(tmp_path / "saved")
    assert (tmp_path / "saved" / WEIGHTS).is_file()
