"""What several commands share: a lab that is opened and closed, and a record to read."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace

from lab.console import ProgressLine, interruptible
from lab.errors import LabError
from lab.journal.beside import from_journal
from lab.journal.database import DatabaseBusy
from lab.journal.record import Record
from lab.lab import Lab
from lab.settings import Settings, Workspace
from lab.text import count, duration, harmless


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


def require_workspace(workspace: Workspace) -> None:
    """Raise LabError when there is no such folder: what only reads makes none where a name was mistyped."""
    if not workspace.root.is_dir():
        raise LabError(f"There is no folder {workspace.root}.", "Name a workspace with --workspace or LAB_WORKSPACE.")
    workspace.create()


@contextlib.contextmanager
def reading(workspace: Workspace, wanted: str = "") -> Iterator[Record]:
    """The record to read from, as new as it can be had.

    While another program holds the database, what it says so far, or else what the journal says: of the streams that
    an id beginning with `wanted` may be in, by default of all. Raises LabError where there is no workspace.
    """
    require_workspace(workspace)
    record = Record(workspace)
    if record.sync(1.0):
        yield record
        return
    try:
        record.query("SELECT 1")
    except DatabaseBusy as busy:
        print(f"lab: {harmless(busy.title)} This is read from the journal instead.", file=sys.stderr)
    else:
        print("lab: another program holds the database: the newest events are not in it yet.", file=sys.stderr)
        yield record
        return
    line = ProgressLine()
    with from_journal(record, wanted, lambda progress: line(replace(progress, stage="Reading the journal"))) as beside:
        line.end()
        yield beside


def rebuilt(record: Record) -> int:
    """Make the database anew, with progress, and say what was done; Ctrl-C leaves the old one."""
    line = ProgressLine()
    with interruptible() as cancel:
        report = record.rebuild(lambda progress: line(replace(progress, stage="Rebuilding the database")), cancel)
    line.end()
    print(
        f"Rebuilt {harmless(str(record.workspace.database))}: {count(report.events, 'event')} of"
        f" {count(report.streams, 'journal')} in {duration(report.seconds)}."
    )
    for fault in report.faults:
        print(f"  {harmless(fault)}")
    return 0
