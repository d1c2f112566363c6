"""What each command of the command line does: the same services as the screen, plain output."""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Callable
from typing import Final

from lab.settings import Workspace, find_workspace, settle_folders

# Where each command lives; None is the screen. Only the one that is asked for is imported.
_HANDLERS: Final[dict[str | None, tuple[str, str]]] = {
    None: ("dialogue", "screen"),
    "ask": ("dialogue", "ask"),
    "sleep": ("sleep", "sleep"),
    "score": ("dialogue", "score"),
    "sql": ("query", "sql"),
    "sessions": ("show", "sessions"),
    "show": ("show", "show"),
    "receipt": ("receipt", "receipt"),
    "mark": ("show", "mark"),
    "forget": ("memory", "forget"),
    "rollback": ("memory", "rollback"),
    "rename": ("show", "rename"),
    "plot": ("plot", "plot"),
    "study": ("study", "study"),
    "experiment": ("study", "experiment"),
    "export": ("carry", "export"),
    "backup": ("carry", "backup"),
    "restore": ("carry", "restore"),
    "import": ("record", "import_"),
    "rebuild": ("record", "rebuild"),
    "prepare": ("machine", "prepare"),
    "checkpoints": ("machine", "checkpoints"),
    "adapters": ("machine", "adapters"),
    "doctor": ("machine", "doctor"),
}


def run(arguments: argparse.Namespace) -> int:
    """Dispatch a parsed command line; returns the exit code. Raises LabError."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Whatever is piped in is taken; what is not UTF-8 is named where it matters.
        sys.stdin.reconfigure(errors="surrogateescape")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that is not UTF-8 shows the rest of a text all the same.
            stream.reconfigure(errors="backslashreplace")
    settle_folders()
    workspace = find_workspace(getattr(arguments, "workspace", None))
    module, name = _HANDLERS[arguments.command]
    handler: Callable[[Workspace, argparse.Namespace], int] = getattr(
        importlib.import_module(f"lab.commands.{module}"), name
    )
    return handler(workspace, arguments)
