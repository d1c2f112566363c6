"""The engine that makes room for a sleep in the session without a screen."""

from __future__ import annotations

import io
import sys

import pytest

from lab import plain
from tests.tui.conftest import MakeLab
from tests.tui.test_room import scarce
from tests.tui.test_sleep import ALL

__all__ = ["scarce"]


@pytest.mark.usefixtures("scarce")
def test_the_plain_session_says_that_the_model_makes_room_and_loads_it_again(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Who?\n/sleep\nAnd now?\n"))
    lab = make_lab("--words", "20", sleep=("--steps", "4"), settings=ALL)
    assert plain.run(lab) == 0
    shown = capsys.readouterr().out
    before, note, after = shown.partition("note: There is not room for both: the model is put away while it sleeps;")
    assert before.count("answers: smollm2-135m, adapter none") == 1
    assert note
    assert "slept: sleep-0001" in after
    assert "answers: smollm2-135m, adapter sleep-0001" in after
    assert "And now?" in after
