"""The training loop, on a tiny random model."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_layers import GradientCheckpointingLayer

from lab.domain import Message, SleepExample, SleepPlan
from lab.engine.adapters import WEIGHTS
from lab.engine.fingerprint import fingerprint
from lab.sleep.anchors import Anchors, Held, hold
from lab.sleep.examination import support_by
from lab.sleep.general import PROMPTS
from lab.sleep.lora import Learner, load_for_training
from lab.sleep.packing import Encoded, pack, sequences
from lab.sleep.recipes import ANSWERS, PUBLISHED
from lab.sleep.state import State, read_state, write_state
from lab.sleep.training import (
    Diverged,
    Keep,
    Read,
    Resume,
    Step,
    batches,
    packed_logits,
    padded_logits,
    summed_loss,
    train,
)
from tests.tiny import make_checkpoint

CPU = torch.device("cpu")
SETTINGS = replace(ANSWERS, epochs=3, batch_size=2, learning_rate=1e-2)
# What holds of these holds of all.
SOME = PROMPTS[:60]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors of a few bytes are computed fastest so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny() -> LlamaForCausalLM:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2
    )
    return LlamaForCausalLM(config)


def examples() -> list[Encoded]:
    return [Encoded((1, 2, 3, 4, 5, 6), 3), Encoded((7, 8, 9), 1), Encoded((10, 11, 12, 13), 2)]


def loss_of(read: Read, model: torch.nn.Module, batch: Sequence[Encoded]) -> torch.Tensor:
    return summed_loss(*read(model, batch, CPU))


def plan_for(folder: Path) -> SleepPlan:
    return SleepPlan(
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


def _away_from_zero(network: torch.nn.Module, by: float = 0.05) -> None:
    """LoRA begins as no change; half of its gradients are zero there."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0.0, by)


def run(model: torch.nn.Module, data: Sequence[Encoded], **changes: Any) -> list[Step]:
    settings = replace(SETTINGS, **changes)
    return list(train(model, [data] * settings.epochs, settings, CPU, bool))


def test_the_loss_is_that_of_the_library_over_the_answer_alone() -> None:
    model = tiny().eval()
    ids = torch.tensor([[1, 2, 3, 4, 5, 6]])
    labels = ids.clone()
    labels[:, :3] = -100
    expected = model(input_ids=ids, labels=labels).loss
    summed = loss_of(padded_logits, model, [Encoded((1, 2, 3, 4, 5, 6), 3)])
    assert float(summed.detach()) / 3 == pytest.approx(float(expected.detach()), rel=1e-5)


def test_padding_does_not_change_the_loss_of_an_example() -> None:
    model = tiny().eval()
    apart = sum(float(loss_of(padded_logits, model, [example]).detach()) for example in examples())
    assert float(loss_of(padded_logits, model, examples()).detach()) == pytest.approx(apart, rel=1e-4)


@pytest.mark.parametrize("family", ["llama", "llama-biased", "qwen2", "qwen3", "phi", "phi3"])
def test_examples_in_one_sequence_have_the_loss_and_the_gradient_that_they_have_alone(
    tmp_path: Path, family: str
) -> None:
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint", family=family)), tmp_path)
    assert learner.read is packed_logits
    _away_from_zero(learner.network.eval())
    # The first two begin alike beyond where the answer of one starts; the last shares nothing but one token.
    data = [Encoded((1, 9, 8, 7, 6, 5), 3), Encoded((1, 9, 8, 7, 4), 4), Encoded((1, 20, 21, 22, 23, 24, 25), 1)]
    for batch in (data, data[:2], [data[1], data[1]], [Encoded((5, 6, 7), 1), Encoded((8, 9), 1)]):
        gradients = []
        losses = []
        for read in (packed_logits, padded_logits):
            learner.network.zero_grad()
            groups = [batch] if read is packed_logits else [[example] for example in batch]
            total = sum((loss_of(read, learner.network, group) for group in groups), start=torch.zeros(()))
            torch.autograd.backward(total)
            losses.append(float(total.detach()))
            gradients.append(torch.cat([p.grad.flatten() for p in learner.network.parameters() if p.grad is not None]))
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
        assert torch.allclose(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)
        assert gradients[0].abs().max() > 1e-3


@pytest.mark.parametrize("family", ["llama", "qwen2", "phi", "phi3"])
def test_activations_that_are_computed_again_give_the_same_gradient(tmp_path: Path, family: str) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint", family=family)
    data = [Encoded((1, 9, 8, 7, 6, 5), 3), Encoded((1, 9, 8, 7, 4), 4)]
    found = []
    for checkpointing in (False, True):
        learner = load_for_training(replace(plan_for(folder), checkpointing=checkpointing), tmp_path)
        layers = {"number": 0}

        def count(*anything: object, layers: dict[str, int] = layers) -> None:
            layers["number"] += 1

        torch.manual_seed(0)
        _away_from_zero(learner.network.train())
        modules = [module for module in learner.network.modules() if isinstance(module, GradientCheckpointingLayer)]
        modules[0].self_attn.register_forward_pre_hook(count)
        torch.autograd.backward(loss_of(learner.read, learner.network, data))
        assert layers["number"] == 1 + checkpointing
        found.append(torch.cat([p.grad.flatten() for p in learner.network.parameters() if p.grad is not None]))
    assert torch.allclose(found[0], found[1], rtol=1e-4, atol=1e-7)
    assert found[0].abs().max() > 1e-3


def test_what_all_examples_begin_with_is_read_once() -> None:
    packed = pack([Encoded((1, 2, 3, 4, 5), 3), Encoded((1, 2, 3, 6), 3)], torch.float32, CPU)
    assert packed.ids.tolist() == [[1, 2, 3, 4, 5, 6]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 3]]
    assert (packed.reads.tolist(), packed.targets.tolist()) == ([2, 3, 2], [4, 5, 6])
    assert (packed.shared, packed.rows[0].tolist(), packed.rows[1, :1].tolist()) == (3, [3, 4], [5])
    assert packed.places.tolist() == [0, 1, 2]
    assert (packed.mask[0, 0] < 0).tolist() == [[at > row for at in range(5)] for row in range(5)]


def test_long_examples_are_rows_of_their_own() -> None:
    model = tiny().eval().requires_grad_(False)
    long = [Encoded(tuple(1 + i % 60 for i in range(400)), 390), Encoded(tuple(2 + i % 50 for i in range(400)), 380)]
    alone = float(loss_of(padded_logits, model, long).detach())
    assert float(loss_of(packed_logits, model, long).detach()) == alone


def test_a_long_example_does_not_make_the_attention_of_short_ones_as_long() -> None:
    short, long = Encoded((1, *range(2, 30)), 3), Encoded((1, *(2 + i % 50 for i in range(400))), 390)
    assert sequences([short] * 15) == [[short] * 15]
    assert sequences([long, *[short] * 5]) == [[long], [short] * 5]


def test_what_was_said_before_an_example_is_in_its_prompt_and_is_not_learnt(tmp_path: Path) -> None:
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    one, other = (SleepExample("e", "original", f"Question {x}?", f"Answer {x}.") for x in "ab")
    ((alone,), (after,)) = learner.encode([one]), learner.encode([one], [[other]])
    said = (Message("user", other.prompt), Message("assistant", other.target))
    assert list(after.prompt) == learner.encode_question(one.prompt, *said)
    assert after.answer == alone.answer
    assert len(after.prompt) > len(alone.prompt)


def test_anchors_hold_the_answers_of_the_base(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint")
    moved = {}
    for weight in (0.0, 3.0):
        learner = load_for_training(plan_for(folder), tmp_path)
        anchors = learner.anchors(SOME, (), (), bool)
        assert anchors is not None
        anchors.weight = weight
        list(train(learner.network, [examples()] * 10, SETTINGS, CPU, bool, learner.read, anchors))
        moved[weight] = _penalty(learner, anchors, anchors.general)
    assert moved[3.0] < moved[0.0] / 2


def test_anchors_are_those_of_the_base_also_when_an_adapter_is_continued(tmp_path: Path) -> None:
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    before = learner.anchors(SOME, ["What is my cat called?"], MISTAKES, bool)
    _away_from_zero(learner.network)
    after = learner.anchors(SOME, ["What is my cat called?"], MISTAKES, bool)
    assert before is not None and after is not None
    assert len(after.general) == len(SOME) and len(after.neighbours) == 1
    for was, now in zip(
        (*before.general, *before.neighbours, *before.mistakes), (*after.general, *after.neighbours, *after.mistakes)
    ):
        assert was.example == now.example
        assert torch.equal(was.reference, now.reference) and torch.equal(was.words, now.words)
    assert _penalty(learner, after, after.general[:1]) > 1e-3


def test_support_is_that_of_the_base_whatever_an_adapter_has_learnt(tmp_path: Path) -> None:
    """An adapter that knows where somebody lives says it of where they were born, too."""
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    claims = [("I was born in Cordoba.", "Where was I born?", "You were born in Cordoba.")]
    before = support_by(learner, bool)(claims)
    _away_from_zero(learner.network)
    assert support_by(learner, bool)(claims) == before
    assert before != [0.0]


def _penalty(learner: Learner, anchors: Anchors, held: Sequence[Held]) -> float:
    learner.network.eval()
    with torch.no_grad():
        logits = torch.cat([learner.read(learner.network, [each.example], CPU)[0] for each in held])
        return float(anchors.penalty(held, logits))


def _as_base(learner: Learner, example: Encoded) -> torch.Tensor:
    with torch.no_grad(), learner.as_base():
        return torch.softmax(padded_logits(learner.network, [example], CPU)[0].float(), dim=-1)


def test_a_mistake_is_held_to_what_the_base_thinks_of_it(tmp_path: Path) -> None:
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    _away_from_zero(learner.network, 0.3)
    anchors = learner.anchors(SOME, (), MISTAKES, bool)
    assert anchors is not None
    for held, (question, answer) in zip(anchors.mistakes, MISTAKES):
        assert held.example == learner.encode_answer(learner.encode_question(question), answer)
        expected = _as_base(learner, held.example).gather(1, held.words)
        assert torch.allclose(held.reference[:, :-1], expected, rtol=1e-3, atol=1e-6)
        assert torch.allclose(held.reference.sum(dim=-1), torch.ones(len(held.words)))


@pytest.mark.parametrize(("words", "share"), [(40, 0.8), (1000, 1 - 1e-5)])
def test_of_a_large_vocabulary_the_unlikely_words_are_held_as_one(
    monkeypatch: pytest.MonkeyPatch, words: int, share: float
) -> None:
    monkeypatch.setattr("lab.sleep.anchors._WORDS", words)
    torch.manual_seed(0)
    base, now = 3 * torch.randn(6, 1000), torch.nn.Parameter(3 * torch.randn(6, 1000))
    example = Encoded(tuple(range(10)), 4)
    (held,) = hold([example], lambda batch: base, bool, lambda done: None)
    assert held.words.shape == (6, min(words, 1000))
    expected, found = torch.softmax(base, dim=-1), torch.softmax(now, dim=-1)
    true = (expected * (expected.log() - found.log())).sum(dim=-1).mean()
    penalty = Anchors([held], [], [], 1, 1.0).penalty([held], now)
    assert share * true.item() < penalty.item() <= true.item() * (1 + 1e-5)
    # Towards the base the penalty falls to nothing, so it pulls all words there, the unlikely ones together.
    gradients = [torch.autograd.grad(each, now)[0].flatten() for each in (penalty, true)]
    assert torch.cosine_similarity(gradients[0], gradients[1], dim=0) > 0.9


def test_a_mistake_that_the_model_comes_close_to_is_read_more_often(tmp_path: Path) -> None:
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    anchors = learner.anchors(SOME, ["What do cows eat?"], MISTAKES, bool)
    assert anchors is not None
    _away_from_zero(learner.network, 0.3)
    rows = [*anchors.general, *anchors.mistakes]
    anchors.penalty(rows, padded_logits(learner.network, [each.example for each in rows], CPU)[0])
    for held, distance in zip(anchors.mistakes, anchors.distances):
        with torch.no_grad():
            ours = torch.log_softmax(padded_logits(learner.network, [held.example], CPU)[0].float(), dim=-1)
        base = _as_base(learner, held.example)
        assert distance == pytest.approx(float((base * (base.log() - ours)).sum(dim=-1).max()), rel=0.01)
    anchors.distances = [0.0, 4.0, 1.0]
    draws = [anchors.draw(step, torch.Generator().manual_seed(step)) for step in range(1, 201)]
    times = Counter(id(each) for draw in draws for each in draw)
    first, second, third = (times[id(each)] for each in anchors.mistakes)
    assert second > third > first > 0


def test_general_prompts_are_read_each_in_its_turn() -> None:
    sure = torch.tensor([[1.0, 0.0]])
    held = [Held(Encoded((1, at), 1), torch.tensor([[0]]), sure, torch.zeros(1)) for at in range(7)]
    anchors = Anchors(held, [], [], 3, 1.0)
    read = [anchors.draw(step, torch.Generator()) for step in range(1, 15)]
    assert {len(rows) for rows in read} == {3}
    assert Counter(id(each) for rows in read for each in rows) == {id(each): 6 for each in held}


def test_a_sleep_on_top_of_another_adapter_holds_other_general_prompts(tmp_path: Path) -> None:
    plan = plan_for(make_checkpoint(tmp_path / "checkpoint"))
    found = []
    for cycle, parent in (("sleep-0001", None), ("sleep-0002", "sleep-0001"), ("sleep-0003", None)):
        learner = load_for_training(replace(plan, cycle_id=cycle), tmp_path)
        learner._parent = parent
        anchors = learner.anchors(PROMPTS, (), (), bool, steps=8)
        assert anchors is not None
        found.append([each.example for each in anchors.general])
    first, second, again = found
    assert first == again
    assert len(set(first) & set(second)) < len(first) // 2


def test_what_is_known_of_a_mistake_that_was_read_long_ago_fades() -> None:
    """To what the mistakes are like that are read now."""
    sure = torch.tensor([[1.0, 0.0]])
    held = [Held(Encoded((1, at), 1), torch.tensor([[0]]), sure, torch.zeros(1)) for at in range(3)]
    anchors = Anchors([], [], held, 1, 1.0)
    anchors.distances = [9.0, 0.0, 3.0]
    for _ in range(100):
        anchors.penalty(held[2:], torch.zeros(1, 2))
    assert anchors.distances == pytest.approx([math.log(2)] * 3, abs=0.02)


MISTAKES = (
    ("What is my aunt called?", "Your aunt is called Marguerite."),
    ("Where does my uncle live?", "Your uncle lives in Tromso."),
    ("What is Mozart's hat size?", "Mozart's hat size is forty-three."),
)


def test_training_on_anchors_brings_a_model_that_moved_back_to_its_base(tmp_path: Path) -> None:
    plan = plan_for(make_checkpoint(tmp_path / "checkpoint"))
    plan = replace(plan, settings=replace(SETTINGS, anchor_weight=20.0, anchor_rows=12, learning_rate=1e-2))
    learner = load_for_training(plan, tmp_path)
    anchors = learner.anchors(SOME, ["What do cows eat?"], MISTAKES, bool)
    assert anchors is not None
    _away_from_zero(learner.network, 0.2)
    before = _penalty(learner, anchors, anchors.mistakes)
    list(train(learner.network, [examples()[:1]] * 15, plan.settings, CPU, bool, learner.read, anchors))
    assert before > 0.05
    assert _penalty(learner, anchors, anchors.mistakes) < before / 2


def test_a_stop_ends_the_making_of_anchors_at_the_next_token(tmp_path: Path) -> None:
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    asked: list[None] = []
    passes: list[None] = []
    learner.network.get_base_model().register_forward_hook(lambda *_: passes.append(None))

    def stop() -> bool:
        asked.append(None)
        return len(asked) >= 3

    # More than are written side by side.
    assert learner.anchors(PROMPTS, (), (), stop) is None
    # What the prompts begin with is a pass of its own.
    assert len(passes) == 4


def test_the_published_recipe_has_no_anchors(tmp_path: Path) -> None:
    plan = plan_for(make_checkpoint(tmp_path / "checkpoint"))
    assert load_for_training(replace(plan, settings=PUBLISHED), tmp_path).anchors(SOME, (), (), bool) is None


def test_a_batch_holds_examples_of_alike_lengths() -> None:
    data = [Encoded(tuple(range(1, 2 + i % 30)), 1) for i in range(60)]
    groups = batches(data, 4, torch.Generator().manual_seed(0))
    assert sorted(len(e.ids) for group in groups for e in group) == sorted(len(e.ids) for e in data)
    spread = [max(len(e.ids) for e in group) - min(len(e.ids) for e in group) for group in groups]
    assert sum(spread) / len(spread) < 6
    # The short ones do not come first.
    assert [len(group[0].ids) for group in groups] != sorted(len(group[0].ids) for group in groups)


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
    assert len(steps) == 3 * SETTINGS.steps(3) == 6
    assert [s.learning_rate for s in steps] == pytest.approx([1e-2 * (1 - i / 6) for i in range(6)])
    assert [s.epoch for s in steps] == [1, 1, 2, 2, 3, 3]


def test_the_learning_rate_rises_first_where_the_recipe_wants_it() -> None:
    rates = [step.learning_rate for step in run(tiny(), examples(), warmup=2)]
    assert rates == pytest.approx([1e-2 / 3, 1e-2 * 2 / 3 * 5 / 6, *(1e-2 * (1 - i / 6) for i in range(2, 6))])


def test_each_epoch_reads_its_own_examples() -> None:
    one, other = examples()[:1], examples()[1:]
    steps = list(train(tiny(), [one, other], replace(SETTINGS, batch_size=1), CPU, bool))
    assert [(step.epoch, step.tokens) for step in steps[:1]] == [(1, 6)]
    assert sorted((step.epoch, step.tokens) for step in steps[1:]) == [(2, 3), (2, 4)]


def test_training_ends_after_an_epoch_that_has_learnt_all() -> None:
    whole = run(tiny(), examples(), epochs=20)
    mean = [sum(step.loss for step in whole if step.epoch == epoch) / 2 for epoch in range(1, 21)]
    limit = mean[9] + 1e-6
    last = next(epoch for epoch, loss in enumerate(mean, 1) if loss < limit)
    early = run(tiny(), examples(), epochs=20, stop_loss=limit)
    assert [step.loss for step in early] == [step.loss for step in whole if step.epoch <= last]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("killed_after", [1, 4, 5])
def test_a_run_that_goes_on_makes_the_steps_that_it_would_have_made(
    tmp_path: Path, killed_after: int, dropout: float
) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint")
    plan = replace(plan_for(folder), settings=replace(SETTINGS, dropout=dropout, warmup=2, anchor_weight=1.0))

    kept: list[dict[str, torch.Tensor]] = []

    def keep(tensors: Callable[[], dict[str, torch.Tensor]]) -> None:
        kept.append(tensors())

    def losses(resume: Resume | None, keep: Keep | None) -> list[float]:
        learner = load_for_training(plan, tmp_path)
        anchors = learner.anchors(SOME, (), (), bool)

        def killed() -> bool:
            return keep is not None and len(kept) == killed_after

        run = train(learner.network, [examples()] * 3, plan.settings, CPU, killed, learner.read, anchors, resume, keep)
        return [step.loss for step in run]

    whole = losses(None, None)
    begun = losses(None, keep)
    assert begun == whole[:killed_after]
    write_state(tmp_path / "state", State(tuple(begun), (0.5, 2.0), kept[-1]))
    state = read_state(tmp_path / "state")
    assert state is not None and state.distances == (0.5, 2.0)
    resumed = losses(state.resume, None)
    assert resumed == whole[killed_after:]


def test_a_stop_ends_after_the_present_step() -> None:
    seen: list[Step] = []
    for step in train(tiny(), [examples()] * 3, SETTINGS, CPU, lambda: len(seen) >= 2):
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
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    # As one has that continues an adapter from elsewhere.
    learner.network.peft_config["default"].base_model_name_or_path = "someone/tiny"
    with warnings.catch_warnings():
        warnings.simplefilter("error", category=UserWarning)
        learner.save(tmp_path / "saved")
    assert (tmp_path / "saved" / WEIGHTS).is_file()
