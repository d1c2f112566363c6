"""The app around the dialogue: opening, themes, colours, leaving, and what it must not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.lab import Lab
from lab.settings import Workspace
from lab.tui import theme
from lab.tui.app import LabApp
from lab.tui.screens.main import MainScreen
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab

_HEADLESS = """
import asyncio, sys
from pathlib import Path
from lab.lab import Lab
from lab.settings import Workspace
from lab.tui.app import LabApp

app = LabApp(Lab(Workspace(Path(sys.argv[1])), checkpoint="smollm2-135m", engine_command=sys.argv[2:]))

async def main():
    async with app.run_test() as pilot:
        while not app.lab.engine.loaded:
            await pilot.pause(0.02)

asyncio.run(main())
app.lab.close()
print(*sorted({"torch", "transformers", "peft"} & set(sys.modules)), "end")
"""


def test_the_screen_never_imports_torch(make_lab: MakeLab, tmp_path: Path) -> None:
    make_lab()
    engine = [sys.executable, "-m", "lab.engine.scripted"]
    done = subprocess.run(
        [sys.executable, "-c", _HEADLESS, str(tmp_path), *engine], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["end"], done.stderr


def test_the_first_paint_needs_no_database(tmp_path: Path) -> None:
    code = "import lab.tui.app, sys; print('duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


async def test_the_empty_screen_says_what_this_is_and_what_to_do(make_lab: MakeLab) -> None:
    for size in (TALL, SMALL):
        app = LabApp(make_lab())
        async with app.run_test(size=size) as pilot:
            await Hand(pilot).sees("This is a lab", "press Enter", "F3 offers questions", "Write to the model")
            assert app.focused is app.main.query_one("Composer")


@pytest.mark.parametrize("size", [(69, 24), (80, 19), (40, 12)])
async def test_a_small_terminal_keeps_dialogue_and_input(make_lab: MakeLab, size: tuple[int, int]) -> None:
    app = LabApp(make_lab("--words", "20"))
    async with app.run_test(size=size) as pilot:
        hand = Hand(pilot)
        assert not hand.main.query_one("#side").display
        await hand.until(lambda: app.lab.engine.loaded)
        await hand.ask("Whose is it?")
        assert hand.composer.region.bottom <= size[1]


async def test_an_unknown_theme_is_told(make_lab: MakeLab) -> None:
    app = LabApp(make_lab(settings='[screen]\ntheme = "midnight"\n'))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        await Hand(pilot).sees('screen.theme "midnight"')


@pytest.mark.parametrize("name", ["textual-dark", "textual-light", "lab-dark", "lab-light", "nord", "ansi-dark"])
async def test_a_theme_of_the_settings_is_used(make_lab: MakeLab, name: str) -> None:
    app = LabApp(make_lab("--words", "20", settings=f'[screen]\ntheme = "{name}"\n'))
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        assert app.theme == name
        await hand.ask("Whose is it?")
        await hand.sees("chosen")


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("dark", "background"), [(True, "#121212"), (True, "#14171b"), (False, "#faf9f6")])
def test_colours_and_quiet_text_are_legible_on_their_background(dark: bool, background: str) -> None:
    for name, colour in theme.variables(dark).items():
        if name not in ("track", "rule"):
            assert _contrast(colour, background) >= 4.5, name


async def test_without_colour_everything_is_still_said(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = LabApp(make_lab("--words", "20"))
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        assert app.no_color
        await hand.sees("Surprise", "Conflict", "salient", "chosen")


async def test_a_lab_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("not a folder")
    app = LabApp(Lab(Workspace(tmp_path), engine_command=["false"]))
    async with app.run_test(size=TALL) as pilot:
        await Hand(pilot).until(lambda: app.fault is not None)
    assert isinstance(app.fault, LabError)
    assert "sessions" in app.fault.title
    assert app.return_code == 1


@pytest.mark.parametrize("way", ["ctrl+q", "f10", "/quit"])
async def test_there_are_ways_to_leave(make_lab: MakeLab, way: str) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        if way == "/quit":
            await hand.send(way)
        else:
            await hand.press(way)
        await hand.until(lambda: app.return_code is not None)


async def test_leaving_in_the_middle_of_an_answer_keeps_it(make_lab: MakeLab) -> None:
    lab = make_lab("--pace", "30", "--words", "200")
    app = LabApp(lab)
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        await hand.sees("draft 1 of 5")
        await hand.press("ctrl+q")
        await hand.until(lambda: app.return_code is not None)
    assert lab.record.sync()
    ((status, response),) = lab.record.query("SELECT status, response FROM exchanges").rows
    assert status == "cancelled"
    assert isinstance(response, str)


async def test_a_screen_without_an_engine_still_opens_the_record(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--die-loading"))
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.sees("F7 tries again", "stopped")
        await hand.press("f2", "f5")
        await hand.sees("0 rows")
        assert not isinstance(app.screen, MainScreen)
