"""What a base answers to general prompts is written once for all sleeps, and never wrong for that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.sleep.base_answers import BaseAnswers
from lab.sleep.general import PROMPTS
from lab.sleep.lora import load_for_training
from tests.sleep.test_training import plan_for
from tests.tiny import make_checkpoint

ASKED = [[1, 2], [3]]


class Writer:
    """Answers each prompt with its sum, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[Sequence[int]], int]] = []

    def __call__(self, prompts: Sequence[Sequence[int]], tokens: int) -> list[list[int]]:
        self.asked.append((list(prompts), tokens))
        return [[sum(prompt)] for prompt in prompts]


def test_only_what_is_not_known_is_written(tmp_path: Path) -> None:
    path, writer = tmp_path / "answers.json", Writer()
    assert BaseAnswers(path, 9).of(ASKED, 4, writer, bool) == [[3], [3]]
    again = BaseAnswers(path, 9)
    assert again.of([[3], [5], [1, 2]], 4, writer, bool) == [[3], [5], [3]]
    # Of other lengths they are others.
    assert again.of([[3]], 5, writer, bool) == [[3]]
    assert BaseAnswers(path, 9).of([*ASKED, [5]], 4, writer, bool) == [[3], [3], [5]]
    assert writer.asked == [(ASKED, 4), ([[5]], 4), ([[3]], 5)]
    assert [file.name for file in tmp_path.iterdir()] == ["answers.json"]


def test_what_a_stop_cut_short_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    assert BaseAnswers(path, 9).of(ASKED, 4, lambda prompts, tokens: [[] for _ in prompts], lambda: True) == [[], []]
    assert BaseAnswers(path, 9).of(ASKED, 4, Writer(), bool) == [[3], [3]]


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b'{"4:3": 5}', b'{"4:3": ["3"]}', b'{"4:3": [true]}', b'{"4:3": [-1]}', b'{"4:3": [9]}']
)
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "answers.json"
    path.write_bytes(damage)
    assert BaseAnswers(path, 9).of([[3]], 4, Writer(), bool) == [[3]]
    assert path.read_bytes() == b'{"4:3":[3]}'


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    assert BaseAnswers(tmp_path / "none" / "answers.json", 9).of([[3]], 4, Writer(), bool) == [[3]]
    # A folder stands where the file would be.
    (tmp_path / "answers.json").mkdir()
    assert BaseAnswers(tmp_path / "answers.json", 9).of([[3]], 4, Writer(), bool) == [[3]]
    assert [file.name for file in tmp_path.iterdir()] == ["answers.json"]


def test_the_next_sleep_has_the_same_anchors_without_writing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_for(make_checkpoint(tmp_path / "checkpoint"))
    first = load_for_training(plan, tmp_path)
    first.keep_answers(tmp_path)
    before = first.anchors(PROMPTS[:9], (), (), bool)
    assert before is not None
    again = load_for_training(plan, tmp_path)
    again.keep_answers(tmp_path)
    monkeypatch.setattr(again, "replies", lambda prompts, *rest: [[] for _ in prompts] if prompts == [] else None)
    after = again.anchors(PROMPTS[:9], (), (), bool)
    assert after is not None
    assert [held.example for held in after.general] == [held.example for held in before.general]
    # Other weights are another base.
    other = load_for_training(plan, tmp_path)
    other._fingerprint = "another"
    other.keep_answers(tmp_path)
    monkeypatch.setattr(other, "replies", lambda prompts, *rest: [[0] for _ in prompts])
    others = other.anchors(PROMPTS[:9], (), (), bool)
    assert others is not None and others.general[0].example.answer == (0,)


def test_of_the_prompts_as_many_are_held_as_are_read(tmp_path: Path) -> None:
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    rows = learner._settings.anchor_rows
    few = learner.anchors(PROMPTS, (), (), bool, 2)
    assert few is not None and len(few.general) == 2 * rows
    every = learner.anchors(PROMPTS[:60], (), (), bool, 10_000)
    assert every is not None and len(every.general) == 60
