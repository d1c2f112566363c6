"""Every family through the whole path, on three levels: tiny random ones, twins of the embedded model, real ones."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from lab.dialogue.conversation import Conversation
from lab.dialogue.events import TurnFinished
from lab.domain import Exchange, LoadOptions
from lab.engine.catalogue import checkpoints
from lab.lab import Lab
from lab.settings import EMBEDDED_CHECKPOINT, Workspace
from tests.helpers import wait_until
from tests.tiny import make_checkpoint
from tests.twins import TWINS, embedded, make_twin

SETTINGS = """
[engine]
device = "cpu"

[refinement]
iterations = 2
max_tokens = 24
seed = 7

[salience]
threshold = 0.0

[sleep]
recipe = "answers"
epochs = 4
"""
QUESTION = "What is the truth about knowledge and belief?"


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    (tmp_path / "lab.toml").write_text(SETTINGS)
    lab = Lab(Workspace(tmp_path))
    lab.open()
    yield lab
    lab.close()


def load(lab: Lab, name: str) -> None:
    lab.change(name, "newest", lambda progress: None, threading.Event())


def ask(conversation: Conversation, text: str = QUESTION) -> Exchange:
    last = list(conversation.take_turn(text, threading.Event()))[-1]
    assert isinstance(last, TurnFinished), last
    return last.exchange


def sleep(lab: Lab) -> tuple[str, float, float]:
    """Sleep on the last exchange; returns the adapter, the first loss and the last."""
    cycle = lab.sleep.start()
    wait_until(lambda: lab.sleep.running() is None, 300)
    lab.record.sync()
    row = lab.record.query(
        "SELECT status, adapter, first_loss, last_loss, reason FROM sleep_cycles WHERE cycle_id = ?", [cycle]
    ).rows[0]
    assert row[0] == "complete", row
    return row[1], row[2], row[3]


def answered(lab: Lab) -> list[tuple[str, str | None]]:
    """Checkpoint and adapter of every exchange, in order."""
    lab.record.sync()
    rows = lab.record.query("SELECT checkpoint, adapter FROM exchanges ORDER BY created_at, turn").rows
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "phi", "phi3"])
def test_a_tiny_checkpoint_of_the_family_is_loaded_refined_scored_slept_on_and_activated(
    family: str, lab: Lab, tmp_path: Path
) -> None:
    folder = make_checkpoint(tmp_path / family, family=family, context=2048)
    load(lab, str(folder))
    loaded = lab.engine.loaded
    assert loaded is not None
    assert loaded.family == family
    assert "own decoder" in loaded.kernels
    conversation = lab.converse(new=True)
    exchange = ask(conversation)
    assert len(exchange.drafts) == 2
    assert [score.profile for score in exchange.salience] == ["measured", "lexical"]
    adapter, _, _ = sleep(lab)
    load(lab, str(folder))
    assert lab.engine.adapter == adapter
    ask(conversation)
    assert answered(lab) == [(str(folder), None), (str(folder), adapter)]


@pytest.mark.model
@pytest.mark.parametrize("family", TWINS)
def test_a_twin_computes_what_the_embedded_model_computes(family: str, tmp_path: Path) -> None:
    import torch
    import transformers

    from lab.domain import Checkpoint
    from lab.engine.worker_load import load_model

    twin = make_twin(embedded(), tmp_path / family, family)

    def logits(folder: Path, kernels: str) -> torch.Tensor:
        checkpoint = Checkpoint("twin", "folder", str(folder), True)
        model = load_model(checkpoint, LoadOptions("cpu", "float32", kernels), lambda progress: None)
        with torch.inference_mode():
            return model.runner.logits(
                model.tokenizer("Question: Who is the teacher, and who the student?")["input_ids"]
            )

    assert transformers.AutoConfig.from_pretrained(twin).model_type == family
    expected = logits(embedded(), "library")
    assert torch.allclose(logits(twin, "library"), expected, atol=1e-4)
    own = logits(twin, "auto")
    assert torch.allclose(own, expected, atol=1e-2)
    assert torch.equal(own.argmax(-1), expected.argmax(-1))


@pytest.mark.model
def test_a_dialogue_goes_on_over_the_twins_and_each_learns_what_it_slept_on(lab: Lab, tmp_path: Path) -> None:
    twins = [str(make_twin(embedded(), tmp_path / f"{family}-twin", family)) for family in TWINS]
    lab.start_engine(lambda progress: None, threading.Event())
    conversation = lab.converse(new=True)
    first = ask(conversation)
    assert first.response
    expected: list[tuple[str, str | None]] = [(EMBEDDED_CHECKPOINT, None)]
    for twin in twins:
        load(lab, twin)
        # The dialogue so far is its context, and the same weights read the same tokens.
        assert ask(conversation, "And what do you make of it?").prompt_tokens > first.prompt_tokens  # type: ignore[operator]
        adapter, first_loss, last_loss = sleep(lab)
        assert last_loss < first_loss / 2
        load(lab, twin)
        assert lab.engine.adapter == adapter
        ask(conversation, "Say it once more.")
        expected += [(twin, None), (twin, adapter)]
    assert answered(lab) == expected
    assert [resident.name for resident in lab.engine.adapters()] == [expected[-1][1]]


def _real() -> list[Any]:
    """Those of the catalogue; one that is not on this machine is skipped, visibly."""
    found = []
    for checkpoint in checkpoints(Workspace(Path(__file__).parent / "nowhere")):
        if checkpoint.source != "embedded":
            missing = pytest.mark.skipif(
                not checkpoint.ready, reason=f"the weights of {checkpoint.name} are not on this machine"
            )
            found.append(pytest.param(checkpoint.name, marks=missing, id=checkpoint.name))
    return found


@pytest.mark.model
@pytest.mark.parametrize("name", _real())
def test_a_real_checkpoint_is_loaded_refined_scored_slept_on_and_activated(name: str, lab: Lab) -> None:
    load(lab, name)
    conversation = lab.converse(new=True)
    exchange = ask(conversation)
    assert exchange.response
    adapter, first_loss, last_loss = sleep(lab)
    assert last_loss < first_loss
    load(lab, name)
    assert lab.engine.adapter == adapter
    assert ask(conversation).adapter == adapter
