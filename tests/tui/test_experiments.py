"""An experiment from the screen: picked, followed in the status line, told when it is over, stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.lab import Lab
from lab.study import background
from lab.tui.app import LabApp
from lab.tui.screens.questions import QuestionsScreen
from lab.tui.widgets.transcript import Note
from tests.study.scripted import COMMAND
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab

PROTOCOL = """
title = "Two ways"
[[hypothesis]]
name = "ways"
says = "The long way engages more."
more = "long"
less = "short"
"""


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background.Experiments.__init__, "__defaults__", (COMMAND,))
    monkeypatch.setattr("lab.tui.app._LOOK_FOR_EXPERIMENT_SECONDS", 0.1)


def with_protocol(lab: Lab, items: int) -> None:
    folder: Path = lab.workspace.root / "prompts" / "protocols"
    folder.mkdir(parents=True)
    each = '[[item]]\nname = "{}"\nlong = ["What is the truth?", "I see."]\nshort = ["What is it?"]\n'
    (folder / "ways.toml").write_text(PROTOCOL + "".join(each.format(number) for number in range(items)))


def notes(hand: Hand) -> str:
    return "\n".join(str(note.visual) for note in hand.main.query(Note))


async def picked(hand: Hand, words: str) -> None:
    await hand.press("shift+f9")
    await hand.until(lambda: isinstance(hand.app.screen, QuestionsScreen))
    await hand.press(*words)
    await hand.press("enter")


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_an_experiment_is_said_beside_the_dialogue_and_its_end_is_told(
    make_lab: MakeLab, size: tuple[int, int]
) -> None:
    lab = make_lab("--words", "20", settings="[refinement]\niterations = 2\n")
    with_protocol(lab, 6)
    app = LabApp(lab)
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await picked(hand, "ways")
        await hand.until(lambda: app.experimenting.words.startswith("experiment ") and "/24" in app.experimenting.words)
        await hand.ask("Whose is it?")
        await hand.until(lambda: "experiment-0001 is done: " in notes(hand), seconds=60)
        assert app.experimenting.words == ""
        assert (lab.workspace.root / "experiments" / "experiment-0001" / "report.md").exists()


async def test_one_that_runs_can_be_stopped(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20")
    with_protocol(lab, 40)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await picked(hand, "ways")
        await hand.until(lambda: "/160" in app.experimenting.words)
        await picked(hand, "Stop")
        await hand.until(
            lambda: "The experiment was stopped. Shift+F9 and the same protocol go on" in notes(hand), seconds=60
        )
        assert app.experimenting.words == ""
