"""The embedded sentence model: wordings of one thing are near each other, whatever they are computed with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedModel

from lab.domain import Checkpoint, LoadOptions
from lab.engine.reading import READING
from lab.engine.sentences import Sentences
from lab.engine.worker_load import load_model
from tests.tiny import make_checkpoint

PHYSICS = "Explain how a nuclear reactor works."


@pytest.mark.model
def test_wordings_of_one_question_are_more_alike_than_other_questions(sentence_model: Path) -> None:
    sentences = Sentences(sentence_model)
    question, worded = "What is my dog called?", "Tell me the name of my dog."
    vectors = sentences.vectors([question, worded, PHYSICS, question])
    assert vectors is not None
    assert vectors.shape == (4, 384)
    near, far, same = (vectors[1:] @ vectors[0]).tolist()
    assert same == pytest.approx(1.0, abs=1e-5)
    assert 1.0 > near > 0.7 > 0.2 > far
    # The order and the other sentences of a batch change nothing.
    others = sentences.vectors([PHYSICS * 40, worded, question])
    assert others is not None
    assert float(others[1] @ others[2]) == pytest.approx(near, abs=1e-4)
    assert sentences.vectors([question], lambda: True) is None


@pytest.mark.model
def test_of_a_long_text_the_beginning_counts(sentence_model: Path) -> None:
    sentences = Sentences(sentence_model)
    vectors = sentences.vectors([PHYSICS + " word" * 20_000, PHYSICS], most=7)
    assert vectors is not None
    assert float(vectors[0] @ vectors[1]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.model
def test_models_are_made_one_at_a_time(sentence_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of two at once the later leaves transformers unable to tie embeddings: every model after it answers nonsense.
    folder = make_checkpoint(tmp_path / "qwen2", family="qwen2")
    making = PreTrainedModel.post_init
    alone: dict[str, bool] = {}

    def watched(model: Any) -> None:
        alone[type(model).__name__] = READING.locked()
        making(model)

    monkeypatch.setattr(PreTrainedModel, "post_init", watched)
    load_model(Checkpoint("tiny", "folder", str(folder), True), LoadOptions("cpu", "float32", "library"), print)
    Sentences(sentence_model)
    assert {"Qwen2ForCausalLM", "BertModel"} <= alone.keys()
    assert all(alone.values())
    assert not READING.locked()
