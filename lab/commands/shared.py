"""What several commands share: a lab that is opened and closed, and a Ctrl-C that keeps what was produced."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

from lab.lab import Lab
from lab.settings import Settings, Workspace
from lab.text import harmless


def make_lab(workspace: Workspace, arguments: argparse.Namespace, settings: Settings | None = None) -> Lab:
    return Lab(
        workspace,
        settings=settings,
        checkpoint=getattr(arguments, "checkpoint", None),
        adapter=getattr(arguments, "adapter", None),
    )


@contextlib.contextmanager
def opened(lab: Lab) -> Iterator[Lab]:
    lab.open()
    try:
        for notice in lab.notices:
            print(f"lab: {harmless(notice)}", file=sys.stderr)
        lab.notices.clear()
        yield lab
    finally:
        lab.close()


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, so that what was produced is kept; a second one interrupts."""
    event = threading.Event()

    def first(signum: int, frame: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
