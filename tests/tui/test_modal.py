"""Screens over others: two keys that come together, as over a slow line, do what one would."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.screen import Screen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from lab.tui.app import LabApp
from lab.tui.screens.checkpoints import CheckpointsScreen
from lab.tui.screens.fetch import FetchScreen
from lab.tui.screens.picker import Picker
from lab.tui.screens.queries import SaveScreen
from lab.tui.screens.sql import SqlScreen
from tests.tui.conftest import TALL, Hand, MakeLab
from tests.tui.test_checkpoints import open_picker, prepare


def together(app: LabApp, *keys: str) -> None:
    """Keys of which none waits for what the one before does."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_a_second_enter_takes_nothing_below_the_picker(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("f3")
        await hand.until(lambda: isinstance(app.screen, Picker))
        together(app, "enter", "enter")
        await hand.until(lambda: app.screen is hand.main)
        await hand.until(lambda: hand.composer.text)


async def test_a_second_enter_in_the_pane_leaves_the_pane(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("f2")
        await hand.until(lambda: isinstance(app.screen, SqlScreen))
        pane = app.screen
        seen: list[object] = []
        app.push_screen(SaveScreen(), seen.append)
        await hand.until(lambda: isinstance(app.screen, SaveScreen))
        await hand.until(lambda: app.screen.query(Input))
        app.screen.query_one(Input).value = "rows.csv"
        together(app, "enter", "enter")
        await hand.until(lambda: seen)
        await hand.pilot.pause()
        assert app.screen is pane and len(seen) == 1


async def test_letters_that_come_together_leave_the_picker_of_models_whole(make_lab: MakeLab) -> None:
    lab = make_lab()
    prepare(lab.workspace.root)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = await open_picker(hand)
        together(app, "q", "z")
        await hand.until(lambda: screen.query_one(Input).value == "qz")
        await hand.sees("No checkpoint holds these words.")
        # The word that a row of the list before was highlighted may come only now.
        listed = screen.query_one("#checkpoints", OptionList)
        listed.post_message(OptionList.OptionHighlighted(listed, Option("qwen-twin", id="0"), 0))
        await hand.pilot.pause()
        assert isinstance(app.screen, CheckpointsScreen) and screen._adapters == []


async def test_what_is_to_be_fetched_is_asked_once(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = await open_picker(hand)
        screen.query_one(Input).value = "smollm2-360m-instruct"
        await hand.sees("To be fetched")
        asked: list[str] = []
        push = app.push_screen

        def pushed(screen: Screen[Any], *given: Any) -> Any:
            asked.append(type(screen).__name__)
            return push(screen, *given)

        monkeypatch.setattr(app, "push_screen", pushed)
        together(app, "enter", "enter")
        await hand.until(lambda: asked)
        await hand.pilot.pause()
        await hand.pilot.pause()
        # Once, and not agreed to: the second Enter may come to the question.
        assert asked == ["FetchScreen"]
        assert isinstance(app.screen, (FetchScreen, CheckpointsScreen)) and app.engine.settled


async def test_pasted_codes_are_letters_in_a_line_of_input(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("f3")
        await hand.until(lambda: isinstance(app.screen, Picker))
        field = app.screen.query_one(Input)
        app.post_message(events.Paste("\x1b[31mred"))
        await hand.until(lambda: "red" in field.value)
        assert "\x1b" not in field.value
