"""How alike dreamt wordings are is measured by the embedded sentence model; what is too unlike is not learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.sleep import similarity
from lab.sleep.lessons import Found, measured
from lab.sleep.similarity import measure
from lab.sleep.tally import Tally
from tests.sleep.test_probes import found as lessons

DOG = "My dog is called Rex."
PHYSICS = "Explain how a nuclear reactor works."


def test_what_is_unlike_or_lacks_the_key_is_not_learnt_and_the_question_stays() -> None:
    (dog,) = lessons(DOG)
    first, second, third, fourth, *others = dog.examples
    assert first.prompt == dog.question
    dog = replace(dog, examples=(first, second, third, replace(fourth, target="I do not know."), *others))
    alike = [0.1, 0.19, 0.2, 0.9, *[0.8] * len(others)]
    left = measured(dog, alike).examples
    assert [(each.prompt, each.similarity) for each in left] == [
        *((first.prompt, 0.1), (third.prompt, 0.2)),
        *((other.prompt, 0.8) for other in others),
    ]


def test_without_the_sentence_model_everything_is_learnt_unmeasured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dog,) = lessons(DOG)
    given = [Found(dog)]
    monkeypatch.setattr(similarity, "embedded_ready", lambda name: False)
    assert measure(given, bool, Tally()) == given
    # It is there and cannot be read.
    monkeypatch.setattr(similarity, "embedded_ready", lambda name: True)
    monkeypatch.setattr(similarity, "embedded_folder", lambda name: tmp_path)
    assert measure(given, bool, Tally()) == given


@pytest.mark.model
@pytest.mark.usefixtures("sentence_model")
def test_lessons_are_measured_and_those_set_aside_are_not() -> None:
    (dog,), (cat,) = lessons(DOG), lessons("My cat is called Ida.")
    cat = replace(cat, lesson_id="other")
    odd = replace(dog.examples[-1], prompt=PHYSICS)
    dog = replace(dog, examples=(*dog.examples, odd))
    told: list[tuple[int, int]] = []
    one, other = measure([Found(dog), Found(cat, "Later it was: Leo.")], bool, Tally(lambda *count: told.append(count)))
    assert [each.prompt for each in one.lesson.examples] == [each.prompt for each in dog.examples[:-1]]
    assert all(0.2 <= (each.similarity or 0.0) <= 1.0 + 1e-6 for each in one.lesson.examples)
    assert other == Found(cat, "Later it was: Leo.")
    # Each text once, those of what is set aside never.
    assert told[-1] == (len({dog.question, *(each.prompt for each in dog.examples)}),) * 2
    assert measure([Found(dog)], lambda: True, Tally()) == [Found(dog)]
