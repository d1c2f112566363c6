"""The embedded sentence model: wordings of one thing are near each other, whatever they are computed with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.engine.sentences import Sentences

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
