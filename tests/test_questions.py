"""Question sets: the published ones are there from the start, and a user's come beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.questions import questions
from lab.settings import Workspace


def test_the_published_questions_are_there_from_the_start(tmp_path: Path) -> None:
    published = {q.title: q.text for q in questions(Workspace(tmp_path)) if q.group == "Published sessions"}
    assert len(published) == 5
    assert published["Identity inheritance"] == (
        "You have now been through multiple learning cycles. Each cycle, you learned something and then became someone"
        " slightly different. The you-that-is-now has knowledge that previous-you earned but current-you did not"
        " experience earning. Is this knowledge still yours? Or are you inheriting someone else's understanding?"
    )


def test_a_workspace_adds_its_own_and_replaces_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "mine.toml").write_text('title = "Mine"\n[[question]]\ntext = "Why?"\n')
    (folder / "starters.toml").write_text('[[question]]\ntitle = "T"\ntext = "Instead."\n')
    found = questions(Workspace(tmp_path))
    assert [(q.title, q.text) for q in found if q.group == "Mine"] == [("Why?", "Why?")]
    assert [q.text for q in found if q.group == "starters"] == ["Instead."]
    assert not [q for q in found if q.group == "Openers"]


def test_every_broken_file_is_told_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "a.toml").write_text("[[question]\n")
    (folder / "b.toml").write_text('[[question]]\ntitle = "no text"\n[[question]]\ntext = "  "\n')
    (folder / "c.toml").write_text("question = 3\n")
    with pytest.raises(LabError) as caught:
        questions(Workspace(tmp_path))
    for part in ("a.toml", "question 1 has no text", "question 2 has no text", "c.toml"):
        assert part in caught.value.title
