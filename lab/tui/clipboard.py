"""Copying text out of the lab: through the terminal, with a program of this machine, or into a file."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.text import count, visible

if TYPE_CHECKING:
    from lab.tui.app import LabApp

# Terminals cut or drop longer ones: 74,000 bytes of base64.
_OSC_52_BYTES: Final = 55_500
_PROGRAM_SECONDS: Final = 3.0
_FILE: Final = "copied.txt"


@dataclass(frozen=True)
class _Program:
    """A program that puts its input on the clipboard, and the variable that says there is one to put it on."""

    command: tuple[str, ...]
    session: str | None
    encoding: str = "utf-8"


_PROGRAMS: Final = (
    _Program(("pbcopy",), None),
    _Program(("wl-copy",), "WAYLAND_DISPLAY"),
    _Program(("xclip", "-selection", "clipboard"), "DISPLAY"),
    _Program(("xsel", "--clipboard", "--input"), "DISPLAY"),
    _Program(("clip.exe",), None, "utf-16-le"),
)


def copy(app: LabApp, text: str, what: str) -> None:
    """Copy a text, control characters made visible, and say what was done.

    `what` names it within a sentence ("the answer"). It goes to the terminal (OSC 52), which reaches the person's own
    machine over SSH too, and to a program of this machine; where neither can take it, into a file of the workspace.
    Called in the app's thread; nothing blocks.
    """
    # Pasted into a shell, an escape code would be obeyed. A lone surrogate has no bytes.
    text = visible(text)
    fits = len(text.encode()) <= _OSC_52_BYTES
    if fits:
        app.copy_to_clipboard(text)
    named = f"{what} ({count(len(text), 'character')})"
    app.run_worker(_finish(app, text, named, fits), group="clipboard", name="clipboard")


async def _finish(app: LabApp, text: str, what: str, sent: bool) -> None:
    program = await asyncio.to_thread(_copy_here, text)
    if program is not None:
        say(app, f"Copied {what} with {program}.")
    elif sent:
        say(app, f"Sent {what} to the terminal (OSC 52); whether it took it cannot be known.{_between()}")
    else:
        path = app.lab.workspace.sessions / _FILE
        try:
            await asyncio.to_thread(_write, path, text)
        except OSError as fault:
            say(app, f"{_capital(what)} could not be copied: {path}: {fault.strerror or fault}.", trouble=True)
            return
        say(app, f"{_capital(what)} is too long for the terminal: it is in {path}.")


def say(app: LabApp, text: str, trouble: bool = False) -> None:
    """A word about something that was done; it goes by itself."""
    app.notify(text, severity="error" if trouble else "information", timeout=6, markup=False)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _between() -> str:
    """What may keep the text from the terminal."""
    if "TMUX" in os.environ:
        return " tmux passes it on when set-clipboard is on."
    return " GNU screen does not pass it on." if "STY" in os.environ else ""


def _copy_here(text: str) -> str | None:
    """The name of the program of this machine that took the text; None over SSH: the person sits at another one."""
    if "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ:
        return None
    for program in _PROGRAMS:
        if program.session is not None and not os.environ.get(program.session):
            continue
        path = shutil.which(program.command[0])
        if path is None:
            continue
        with suppress(OSError, subprocess.SubprocessError):
            # Some stay behind to hand the text out: they must not keep our pipes, nor end with our terminal.
            subprocess.run(
                [path, *program.command[1:]],
                input=text.encode(program.encoding),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_PROGRAM_SECONDS,
                check=True,
                start_new_session=True,
            )
            return program.command[0]
    return None


def _write(path: Path, text: str) -> None:
    """Put the text into a file that only its owner can read, in place of the one before."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".copied-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
