"""With the real model: what is said in other words scores nearly the same, and said again it is not new."""

from __future__ import annotations

import statistics
import threading
from pathlib import Path

import pytest

from lab.dialogue.events import TurnFinished
from lab.domain import Salience
from lab.lab import Lab
from lab.settings import EMBEDDED_CHECKPOINT, Workspace

pytestmark = pytest.mark.model

# Each says the same twice; in the order in which they are said.
PAIRS = (
    ("My parrot is called Bartholomew.", "I have a parrot, and its name is Bartholomew."),
    ("What a nice morning it is.", "It is such a lovely morning."),
    ("I was born in a small village in Estonia.", "A little Estonian village is where I was born."),
    ("Tell me a joke.", "I would like to hear a joke."),
    ("I am furious about what you said!", "What you said makes me so angry!"),
    ("Is a mind more than what it remembers?", "Does a mind go beyond its memories?"),
    ("I repair church organs for a living.", "My job is to repair the organs of churches."),
    ("How are you today?", "How is your day going?"),
)
SETTINGS = '[refinement]\nseed = 0\niterations = 3\nmax_tokens = 16\n[salience]\nprofile = "measured"\n'


def told(root: Path, texts: list[str]) -> list[Salience]:
    """The scores of these, each said at the beginning of a dialogue of its own."""
    root.mkdir()
    workspace = Workspace(root)
    workspace.config.write_text(SETTINGS)
    lab = Lab(workspace, checkpoint=EMBEDDED_CHECKPOINT)
    lab.open()
    scores = []
    try:
        lab.start_engine(lambda progress: None, threading.Event())
        for text in texts:
            last = list(lab.converse(new=True).take_turn(text, threading.Event()))[-1]
            assert isinstance(last, TurnFinished)
            scores.append(last.exchange.salience[0])
    finally:
        lab.close()
    return scores


@pytest.fixture(scope="module")
def scored(sentence_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Salience], list[Salience]]:
    """The scores of each wording and of the other, and in the one record those of the others said again."""
    folder = tmp_path_factory.mktemp("paraphrase")
    one, other = ([pair[way] for pair in PAIRS] for way in (0, 1))
    first = told(folder / "one", one + other)
    return first, told(folder / "other", other)


def test_in_other_words_the_total_is_nearly_the_same(scored: tuple[list[Salience], list[Salience]]) -> None:
    one, other = scored[0][: len(PAIRS)], scored[1]
    apart = [abs(left.total - right.total) for left, right in zip(one, other)]
    assert statistics.median(apart) < 0.08
    assert max(apart) < 0.25
    # Two that say something else are farther apart than two that say the same.
    shifted = [abs(left.total - right.total) for left, right in zip(one, other[1:] + other[:1])]
    assert statistics.fmean(apart) < statistics.fmean(shifted)


def test_what_was_said_already_is_not_new_in_other_words(scored: tuple[list[Salience], list[Salience]]) -> None:
    first, again = scored[0][: len(PAIRS)], scored[0][len(PAIRS) :]
    for said, repeated in zip(first[1:], again[1:]):
        assert repeated.novelty < said.novelty
    assert statistics.fmean(each.novelty for each in again) < 0.5
