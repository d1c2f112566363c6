"""A real lab with the scripted engine in a temporary workspace, and a hand that drives its screen."""

from __future__ import annotations

import asyncio
import difflib
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_textual_snapshot import node_to_report_path, normalize_svg
from textual._context import visible_screen_stack
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from lab.lab import Lab
from lab.settings import Workspace
from lab.tui.app import LabApp
from lab.tui.screens.main import MainScreen
from lab.tui.widgets.composer import Composer
from lab.tui.widgets.transcript import Turn
from tests.helpers import bare_checkpoint
from tests.tui import sleeper

MakeLab = Callable[..., Lab]
Compare = Callable[..., bool]
TALL = (120, 40)
SMALL = (80, 24)


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[MakeLab]:
    """Makes labs on one workspace, with options for the scripted engine and sleeper."""
    made: list[Lab] = []

    def make(*engine: str, sleep: tuple[str, ...] = (), settings: str = "") -> Lab:
        bare_checkpoint(tmp_path / "smollm2-135m")
        (tmp_path / "lab.toml").write_text(settings)
        lab = Lab(
            Workspace(tmp_path),
            checkpoint="smollm2-135m",
            engine_command=[sys.executable, "-m", "lab.engine.scripted", *engine],
            sleeper_command=sleeper.command(*sleep),
        )
        made.append(lab)
        return lab

    yield make
    for lab in made:
        lab.close()


@pytest.fixture
def snap_compare(snap_compare: Compare, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """That of the plugin, of cursors that do not blink; of a picture that differs, what does is printed."""
    # Not by `cursor_blink`: a blink on its way when that changes takes the cursor out, and nothing brings it back.
    monkeypatch.setattr(Input, "_toggle_cursor", lambda field: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda area: None)

    def compare(*args: object, **options: object) -> bool:
        same = snap_compare(*args, **options)
        if not same:
            _, accepted, taken, *_ = pickle.loads(node_to_report_path(request.node).read_bytes())
            old, new = (normalize_svg(each).splitlines() for each in (accepted, taken))
            print(*difflib.unified_diff(old, new, "accepted", "taken", n=0, lineterm=""), sep="\n")
        return same

    return compare


def picture(app: LabApp) -> str:
    """The text of the screen as the terminal shows it."""
    # As when the app paints: a screen that lies over others keeps what was drawn of them.
    visible_screen_stack.set(app._background_screens)
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


class Hand:
    """Presses keys and waits for what the screen shows."""

    def __init__(self, pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, LabApp)
        self.pilot = pilot
        self.app: LabApp = pilot.app

    @property
    def main(self) -> MainScreen:
        """The main screen, also while another lies over it."""
        return next(screen for screen in self.app.screen_stack if isinstance(screen, MainScreen))

    @property
    def composer(self) -> Composer:
        return self.main.query_one(Composer)

    async def until(self, predicate: Callable[..., object], seconds: float = 15.0) -> None:
        """Wait for a condition, which gets no arguments; fail with the picture when it never comes."""
        if predicate():
            return
        began = time.monotonic()
        # Not a pause of the pilot each time, and more and more rarely: to ask slows down what is waited for.
        while not predicate():
            waited = time.monotonic() - began
            if waited > seconds:
                raise AssertionError(f"not within {seconds} s; the screen shows:\n{picture(self.app)}")
            await asyncio.sleep(min(0.01 + waited / 10, 0.1))
        await self.pilot.pause()

    async def sees(self, *texts: str, seconds: float = 15.0) -> None:
        """Wait until all these texts are on the screen at once."""
        await self.until(lambda: all(text in picture(self.app) for text in texts), seconds)

    async def ready(self) -> None:
        """Wait until the status line says that the engine is ready and no turn runs."""
        await self.until(lambda: any(line.rstrip().endswith("  ready") for line in picture(self.app).splitlines()))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def send(self, text: str) -> None:
        """Type a message and press Enter."""
        self.composer.load_text(text)
        await self.press("enter")

    async def ask(self, text: str) -> None:
        """Send a message and wait for the end of the turn."""
        turns = len(self.main.query(Turn))
        await self.send(text)
        await self.until(lambda: len(self.main.query(Turn)) > turns and self.main.query(Turn).last().exchange)
        await self.until(lambda: not self.main.answering)
        await self.ready()

    async def hears(self, text: str) -> None:
        """Wait for a short word of the lab that has this in it, however it is wrapped."""
        await self.until(lambda: any(text in note.message for note in self.app._notifications))

    def shows(self, text: str) -> bool:
        return text in picture(self.app)
