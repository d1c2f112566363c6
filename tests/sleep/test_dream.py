"""Augmentation keeps the content and changes only wording or tone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.domain import Material
from lab.settings import SleepSection
from lab.sleep.dream import FRAMINGS, dream, emotions, rewrites
from lab.sleep.recipes import ANSWERS, PUBLISHED, resolve


def exchange(question: str, answer: str = "An answer.", number: int = 1) -> Material:
    return Material(f"s-{number:04d}", question, answer, marked=False, salience=0.2)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is rain?", ["Can you explain what is rain?", "Tell me what is rain?"]),
        ("Can you learn?", ["Are you able to learn?"]),
        ("How do you learn?", ["In what way do you learn?"]),
        ("Whatever it is, name it.", []),
        ("what is rain?", []),
        ("Why?", []),
        ("", []),
    ],
)
def test_the_published_rewrites_are_made_and_no_others(question: str, expected: list[str]) -> None:
    assert rewrites(question) == expected


@given(st.text(min_size=1))
def test_a_framing_leaves_the_question_untouched(question: str) -> None:
    framed = emotions(question)
    assert len(set(framed)) == 2
    for text in framed:
        assert text.removesuffix(question).strip() in FRAMINGS


def test_every_dream_has_the_answer_as_recorded() -> None:
    examples = dream([exchange("What is rain?", "Water."), exchange("Tell me more.", "No.", 2)])
    assert [(e.exchange_id, e.kind, e.target) for e in examples] == [
        ("s-0001", "original", "Water."),
        ("s-0001", "rewrite", "Water."),
        ("s-0001", "rewrite", "Water."),
        ("s-0001", "emotion", "Water."),
        ("s-0001", "emotion", "Water."),
        ("s-0002", "original", "No."),
        ("s-0002", "emotion", "No."),
        ("s-0002", "emotion", "No."),
    ]


def test_a_repeated_exchange_is_dreamt_once() -> None:
    once = dream([exchange("What is rain?")])
    assert dream([exchange("What is rain?"), exchange("What is rain?", number=2)]) == once


def test_the_published_recipe_is_the_published_one() -> None:
    settings = resolve(SleepSection(recipe="published"))
    assert settings == PUBLISHED
    assert (settings.rank, settings.alpha, settings.dropout, settings.learning_rate) == (8, 16, 0.05, 2e-4)
    assert (settings.epochs, settings.batch_size, settings.accumulation) == (5, 1, 4)
    assert (settings.loss, settings.modules, settings.form, settings.continues) == ("text", "attention", "plain", False)


def test_keys_of_the_settings_change_the_recipe() -> None:
    settings = resolve(SleepSection(rank=4, epochs=2, learning_rate=5e-4, batch_size=2, max_tokens=64, seed=3))
    assert (settings.rank, settings.alpha, settings.epochs, settings.learning_rate) == (4, 8, 2, 5e-4)
    assert settings.anew() == settings.careful() == settings
    assert (settings.batch_size, settings.max_tokens, settings.seed) == (2, 64, 3)


@pytest.mark.parametrize(("examples", "answers", "published"), [(1, 1, 1), (4, 1, 1), (5, 2, 2), (8, 2, 2), (9, 3, 3)])
def test_the_steps_of_an_epoch_count_the_last_small_batch(examples: int, answers: int, published: int) -> None:
    assert ANSWERS.steps(examples) == answers
    assert PUBLISHED.steps(examples) == published
