"""One registry: each action has its keys, and is in the footer, the help screen and the palette."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.command import CommandPalette
from textual.widgets import OptionList, Static

from lab.errors import LabError
from lab.questions import questions
from lab.tui.actions import ACTIONS, PLACES, LabCommands, Where, actions, key_name, keymap, keys_of, plain
from lab.tui.app import LabApp
from lab.tui.screens.adapters import AdaptersScreen
from lab.tui.screens.exchange import ExchangeScreen
from lab.tui.screens.help import HelpScreen
from lab.tui.screens.history import HistoryScreen
from lab.tui.screens.main import MainScreen
from lab.tui.screens.questions import QuestionsScreen
from lab.tui.screens.receipt import ReceiptScreen
from lab.tui.screens.sql import SqlScreen
from lab.tui.screens.timeline import TimelineScreen
from lab.tui.widgets.keys import KeyBar
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab, picture


@pytest.mark.parametrize("place", PLACES)
def test_no_key_has_two_meanings_in_one_place(place: Where) -> None:
    keys = Counter(key for action in actions(place, "everywhere") for key in action.keys)
    assert max(keys.values()) == 1


def test_every_action_is_something_its_screen_can_do() -> None:
    owners: dict[Where, type[object]] = {
        "everywhere": LabApp,
        "dialogue": MainScreen,
        "history": HistoryScreen,
        "timeline": TimelineScreen,
        "exchange": ExchangeScreen,
        "adapters": AdaptersScreen,
        "receipt": ReceiptScreen,
        "sql": SqlScreen,
    }
    assert [action.name for action in ACTIONS if not hasattr(owners[action.where], f"action_{action.name}")] == []


async def test_a_wide_footer_has_every_action_and_a_narrow_one_cuts_none(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=(360, 40)) as pilot:
        hand = Hand(pilot)
        wanted = [action.label for action in actions("dialogue", "everywhere")]

        def labels() -> list[str]:
            return [key.description for key in app.screen.query_one(KeyBar).query("FooterKey")]  # type: ignore[attr-defined]

        await hand.until(lambda: labels() == wanted)
        for width in (120, 80, 60):
            await pilot.resize_terminal(width, 24)
            await hand.until(lambda: labels() != wanted and labels() == wanted[: len(labels())])
            for key in app.screen.query_one(KeyBar).query("FooterKey"):
                await hand.until(lambda key=key, width=width: key.region.right <= width)


@pytest.mark.parametrize(("place", "key"), [("dialogue", None), ("sql", "f2"), ("history", "ctrl+o")])
async def test_the_help_screen_has_every_action_of_the_place_with_its_keys(
    make_lab: MakeLab, place: Where, key: str | None
) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        if key:
            await hand.press(key)
            await hand.until(lambda: getattr(app.screen, "PLACE", "") == place)
        await hand.press("f1")
        await hand.until(lambda: isinstance(app.screen, HelpScreen))
        words = {str(static.visual) for static in app.screen.query(Static)}
        for action in actions(place, "everywhere"):
            assert {", ".join(map(key_name, keys_of(action, {}))), action.help} <= words
        await hand.press("escape")
        await hand.until(lambda: getattr(app.screen, "PLACE", "") == place)


async def test_keys_of_the_settings_take_the_place_of_the_lab_s_own(make_lab: MakeLab) -> None:
    app = LabApp(make_lab(settings='[keys.dialogue]\nsql = "f12,alt+q"\n[keys.everywhere]\nhelp = "f11"\n'))
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.sees("F12 SQL", "F11 Help")
        await hand.press("f11")
        await hand.until(lambda: isinstance(app.screen, HelpScreen))
        await hand.sees("F12, Alt+Q", "F11, ?")
        await hand.press("escape", "alt+q")
        await hand.until(lambda: isinstance(app.screen, SqlScreen))


def test_keys_that_mean_nothing_are_told_together(make_lab: MakeLab) -> None:
    lab = make_lab(settings='[keys.dialogue]\nsleep = "s"\nnap = "f12"\nsql = "f3"\n[keys.bed]\nsleep = "f11"\n')
    with pytest.raises(LabError) as told:
        LabApp(lab)
    for fault in (
        'keys.dialogue.sleep = "s" could not be typed as text any more',
        "keys.dialogue.nap is not an action",
        "keys.bed.sleep is not an action",
        "f3 would be both dialogue.sql and dialogue.questions",
    ):
        assert fault in told.value.title


def test_the_lab_s_own_keys_are_a_keymap_without_faults() -> None:
    own: dict[str, dict[str, str]] = {}
    for place in PLACES:
        own[place] = {action.name: ",".join(action.keys) for action in actions(place)}
    for action in ACTIONS:
        own[action.where][action.name] = ",".join(key for key in action.keys if not plain(key)) or ",".join(action.keys)
    assert set(keymap(own)) == {action.id for action in ACTIONS}


@pytest.mark.parametrize("place", ["dialogue", "sql"])
async def test_the_palette_offers_every_action_of_the_place(make_lab: MakeLab, place: Where) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        if place == "sql":
            await hand.press("f2")
            await hand.until(lambda: isinstance(app.screen, SqlScreen))
        offered = [hit.text or "" async for hit in LabCommands(app.screen).discover()]
        for action in actions(place, "everywhere"):
            if action.name != "command_palette":
                assert any(title.startswith(action.label) for title in offered)


async def test_an_action_of_the_palette_is_done(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("ctrl+p")
        await hand.until(lambda: isinstance(app.screen, CommandPalette))
        await hand.press(*"sql")
        listed = app.screen.query_one(OptionList)
        # Not the list of before the letters.
        await hand.until(lambda: listed.highlighted_option and str(listed.highlighted_option.prompt).startswith("SQL"))
        await hand.press("enter")
        await hand.until(lambda: isinstance(app.screen, SqlScreen))


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_a_picked_question_is_put_into_the_input(make_lab: MakeLab, size: tuple[int, int]) -> None:
    lab = make_lab()
    wanted = next(q for q in questions(lab.workspace) if q.title == "Identity inheritance")
    app = LabApp(lab)
    async with app.run_test(size=size) as pilot:
        hand = Hand(pilot)
        await hand.press("f3")
        await hand.until(lambda: isinstance(app.screen, QuestionsScreen))
        await hand.sees(wanted.group)
        await hand.press(*"identity")
        await hand.until(lambda: app.screen.query_one(OptionList).option_count == 2)
        await hand.sees("earned")
        await hand.press("enter")
        await hand.until(lambda: hand.composer.text == wanted.text)
        assert app.focused is hand.composer


async def test_a_broken_question_file_is_named(make_lab: MakeLab) -> None:
    lab = make_lab()
    (lab.workspace.root / "prompts").mkdir()
    (lab.workspace.root / "prompts" / "mine.toml").write_text("[[question]\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.press("f3")
        await hand.until(lambda: "mine.toml" in picture(app).replace("\n", ""))
