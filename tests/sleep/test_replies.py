"""Many answers side by side are those that the model gives one by one, in every family that is packed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lab.sleep.lora import Learner, load_for_training
from lab.sleep.packing import Encoded
from lab.sleep.replies import nats, replies
from lab.sleep.training import IGNORED, packed_logits, padded_logits
from tests.sleep.test_training import plan_for
from tests.tiny import make_checkpoint

CPU = torch.device("cpu")
FAMILIES = ("llama", "qwen2", "phi", "phi3")
END = 2
TOKENS = 8
# Of different lengths; each list begins alike or has nothing in common.
PROMPTS = {
    "shared": [[7, 8, 9, *range(20, 20 + more), 200 + more] for more in (0, 1, 5, 11, 30)],
    "nothing": [[10 + length, *range(40, 40 + length)] for length in (1, 2, 6, 17)],
    "prefix": [[7, 8, 9], [7, 8, 9, 10], [7, 8, 9, 10, 11, 12, 13]],
    "alike": [[7, 8, 9, 10]] * 3,
    "one token": [[5], [6], [5, 6, 7, 8]],
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors of a few bytes are computed fastest so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=FAMILIES)
def learner(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Learner:
    folder = tmp_path_factory.mktemp("tiny")
    learner = load_for_training(plan_for(make_checkpoint(folder / "checkpoint", family=request.param)), folder)
    torch.manual_seed(3)
    with torch.no_grad():
        for name, parameter in learner.network.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0.0, 0.1)
    learner.network.eval()
    return learner


def by_hand(network: Any, prompt: list[int], tokens: int, end: int = END) -> list[int]:
    """The likeliest answer, a token and a whole pass at a time."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(tokens):
            ids.append(int(network(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
            if ids[-1] == end:
                break
    return ids[len(prompt) :]


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
def test_answers_side_by_side_are_those_given_alone(learner: Learner, prompts: list[list[int]]) -> None:
    together = learner.replies(prompts, TOKENS, bool)
    assert together == [by_hand(learner.network, prompt, TOKENS) for prompt in prompts]


def test_more_answers_than_rows_come_in_the_order_of_their_prompts(learner: Learner) -> None:
    prompts = [[7, 8, *range(20, 20 + (at * 7) % 11), at % 50 + 100] for at in range(35)]
    together = learner.replies(prompts, 3, bool)
    assert together == [by_hand(learner.network, prompt, 3) for prompt in prompts]


def test_an_answer_ends_with_the_first_of_the_end_tokens_and_the_others_go_on(learner: Learner) -> None:
    prompts = PROMPTS["shared"]
    whole = [by_hand(learner.network, prompt, TOKENS, end=-1) for prompt in prompts]
    # Whatever the first one says third, or the second one last, is the end from now on.
    ends = {whole[0][2], whole[1][-1]}
    ended = replies(learner.network, prompts, TOKENS, ends, CPU, bool, lambda done: None)
    places = [[at for at, token in enumerate(row, 1) if token in ends] for row in whole]
    assert ended == [row[: min(at, default=TOKENS)] for row, at in zip(whole, places)]
    assert len(ended[0]) <= 3 and all(row[-1] in ends for row in ended[:2])


def test_a_learnt_answer_ends_as_one_in_the_dialogue_does(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint")
    # As Phi-3 has it: a text ends with one token, a turn of the dialogue with another.
    for name, key, value in (
        ("tokenizer_config.json", "eos_token", "<|endoftext|>"),
        ("generation_config.json", "eos_token_id", [0, END]),
    ):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    learner = load_for_training(plan_for(folder), tmp_path)
    assert learner.end_tokens == {0, END}
    prompt = learner.encode_question("Hm?")
    assert learner.encode_answer(prompt, "Yes.").ids[-1] == END
    # One that is spelled in an answer is its letters.
    spelled = learner.encode_answer(prompt, "It ends with <|im_end|> and <|endoftext|>.").ids[len(prompt) :]
    assert set(spelled[:-1]).isdisjoint({0, 1, END}) and spelled[-1] == END
    assert learner.text(spelled) == "It ends with <|im_end|> and <|endoftext|>."
    assert set(learner.encode_text("<|im_end|>")).isdisjoint({0, END})
    plan = plan_for(folder)
    plain = load_for_training(replace(plan, settings=replace(plan.settings, form="plain")), tmp_path)
    assert plain.encode_answer(prompt, "Yes.").ids[-1] == 0


def test_a_stop_ends_every_answer_at_that_token(learner: Learner) -> None:
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) >= 4

    prompts = PROMPTS["nothing"]
    stopped = replies(learner.network, prompts, TOKENS, {249}, CPU, stop, lambda done: None)
    assert max(map(len, stopped)) == 4
    assert stopped == [row[: len(cut)] for row, cut in zip(learner.replies(prompts, 4, bool), stopped)]


def test_no_question_has_no_answer(learner: Learner) -> None:
    assert learner.replies([], TOKENS, bool) == []
    assert learner.nats([], bool) == []


EXAMPLES = [
    Encoded((7, 8, 9, 30, 31, 32, 2), 4),
    Encoded((7, 8, 40, 2), 2),
    Encoded((7, 8, 9, 50, 51, 52, 53, 54, 55, 56, 2), 5),
    Encoded((99, 98, 2), 1),
    *(Encoded((7, 8, *range(60, 61 + at), 2), 3) for at in range(8)),
]


def test_the_loss_of_an_answer_is_the_librarys(learner: Learner) -> None:
    expected = []
    for example in EXAMPLES:
        labels = torch.tensor([example.ids])
        ids = labels.clone()
        labels[:, : example.answer_start] = IGNORED
        with torch.no_grad():
            expected.append(float(learner.network(input_ids=ids, labels=labels).loss))
    for read in (learner.read, packed_logits, padded_logits):
        found = nats(learner.network, EXAMPLES, read, CPU, bool, lambda done: None)
        assert found == pytest.approx(expected, rel=2e-4)
    assert len({round(each, 3) for each in expected}) == len(EXAMPLES)


def test_what_a_stop_leaves_out_has_no_loss(learner: Learner) -> None:
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) > 1

    found = learner.nats(EXAMPLES, stop)
    # The short ones are read first.
    assert sum(each > 0.0 for each in found) == 8
    assert found[3] > 0.0 and found[2] == 0.0


def test_a_question_that_is_too_long_is_cut_at_its_beginning(tmp_path: Path) -> None:
    plan = plan_for(make_checkpoint(tmp_path / "checkpoint"))
    learner = load_for_training(replace(plan, settings=replace(plan.settings, max_tokens=40)), tmp_path)
    prompt = learner.encode_question("word " * 500)
    assert len(prompt) == 40
    row = learner.encode_answer(prompt, "answer " * 500)
    assert (len(row.ids), row.answer_start) == (40, 20)
    assert row.prompt == tuple(prompt[-20:])
    assert len(learner.replies([prompt], 5, bool)[0]) <= 5
