"""Copying: by the terminal, by a program of this machine, into a file; and the truth about it."""

from __future__ import annotations

import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lab.tui import clipboard
from lab.tui.app import LabApp
from lab.tui.clipboard import copy
from tests.tui.conftest import TALL, Hand, MakeLab

LONG = "a word " * 12_000


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a display and without programs; returns the folder where programs are found."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY", "TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def program(folder: Path, name: str, body: str = '/bin/cat > "$0.got"') -> Path:
    """A program that keeps what it was given; returns where."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return folder / f"{name}.got"


@pytest.fixture
def copying(make_lab: MakeLab) -> Callable[..., Awaitable[LabApp]]:
    """Copies a text in a lab and waits until it says these words."""

    async def copying(text: str, *words: str) -> LabApp:
        lab = make_lab()
        lab.workspace.create()
        app = LabApp(lab)
        async with app.run_test(size=TALL, notifications=True) as pilot:
            hand = Hand(pilot)
            copy(app, text, "the answer")
            await hand.until(lambda: app._notifications)
            (told,) = app._notifications
            assert all(word in told.message for word in words), told.message
        return app

    return copying


Copying = Callable[..., Awaitable[LabApp]]


async def test_a_local_program_gets_the_text_and_is_named(
    bare: Path, copying: Copying, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = program(bare, "wl-copy")
    program(bare, "xclip")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    app = await copying("Caf\u00e9\tis\nhere", "Copied the answer (12 characters) with wl-copy.")
    assert got.read_text(encoding="utf-8") == app.clipboard == "Caf\u00e9\tis\nhere"


async def test_a_program_without_its_display_is_not_asked(bare: Path, copying: Copying) -> None:
    got = [program(bare, name) for name in ("wl-copy", "xclip", "xsel")]
    app = await copying("Hello", "Sent the answer (5 characters) to the terminal (OSC 52)", "cannot be known")
    assert app.clipboard == "Hello"
    assert not any(path.exists() for path in got)


async def test_over_ssh_only_the_terminal_is_asked(
    bare: Path, copying: Copying, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = program(bare, "pbcopy")
    monkeypatch.setenv("SSH_TTY", "/dev/pts/9")
    await copying("Hello", "OSC 52")
    assert not got.exists()


async def test_a_program_that_fails_or_hangs_is_not_believed(
    bare: Path, copying: Copying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipboard, "_PROGRAM_SECONDS", 2.0)
    monkeypatch.setenv("DISPLAY", ":0")
    program(bare, "pbcopy", "exit 1")
    program(bare, "xclip", "exec /bin/sleep 30")
    got = program(bare, "xsel")
    await copying("Hello", "with xsel")
    assert got.read_text() == "Hello"


async def test_a_text_that_no_terminal_takes_is_put_into_a_file_for_its_owner(bare: Path, copying: Copying) -> None:
    app = await copying(LONG, "The answer (84,000 characters) is too long for the terminal", "copied.txt")
    path = app.lab.workspace.sessions / "copied.txt"
    assert path.read_text() == LONG
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert app.clipboard == ""
    assert list(path.parent.glob("*copied*")) == [path]


async def test_a_long_text_goes_to_a_program_where_there_is_one(bare: Path, copying: Copying) -> None:
    got = program(bare, "pbcopy")
    app = await copying(LONG, "with pbcopy")
    assert got.read_text() == LONG
    assert not (app.lab.workspace.sessions / "copied.txt").exists()


async def test_a_file_that_cannot_be_written_is_said(
    bare: Path, copying: Copying, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(clipboard, "_write", full)
    await copying(LONG, "could not be copied", "No space left on device")


async def test_tmux_is_named_where_it_may_keep_the_text(
    bare: Path, copying: Copying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux")
    await copying("Hello", "set-clipboard")


async def test_an_escape_code_cannot_be_pasted_into_a_shell(
    bare: Path, copying: Copying, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = program(bare, "pbcopy")
    app = await copying("a\x1b[201~rm \ud800\x9b", "Copied")
    assert got.read_text(encoding="utf-8") == app.clipboard == "a\u241b[201~rm \ufffd\ufffd"
