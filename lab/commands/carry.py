"""Commands that carry the record away and bring it back: export, import, backup, restore."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import datetime

from lab import console
from lab.commands.shared import reading, rebuilt, require_workspace
from lab.console import ProgressLine, interruptible
from lab.domain import Progress
from lab.errors import LabError
from lab.files import typed_path
from lab.journal.find import find_session
from lab.settings import Workspace
from lab.text import amount, count, harmless


@contextlib.contextmanager
def _out(arguments: argparse.Namespace) -> Iterator[Callable[[str], object]]:
    """What writes text to --out, or to the standard output without it."""
    if arguments.out is None:
        yield console.write_utf8
        return
    with console.new_file(typed_path(arguments.out), arguments.force) as file:
        yield lambda text: file.write(text.encode())


def export(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.journal.export import export_session

    if arguments.training:
        return _export_training(workspace, arguments)
    if arguments.exchanges is not None:
        raise LabError("--salient and --all choose training data.", "Write them with --training.")
    wanted = _session(arguments)
    if wanted is None:
        raise LabError("No session is named.", "Name one of lab sessions, or export all with --training.")
    with reading(workspace, wanted) as record:
        session_id = find_session(record, wanted)
        with _out(arguments) as write:
            exchanges = export_session(record, session_id, arguments.to, write)
    _told(arguments, f"{count(exchanges, 'exchange')} of {session_id}")
    return 0


def _session(arguments: argparse.Namespace) -> str | None:
    """The session that is named, in either way."""
    if arguments.id and arguments.session:
        raise LabError("Two sessions are named.", "Export one at a time.")
    wanted: str | None = arguments.id or arguments.session
    return wanted


def _export_training(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.journal.training import count_examples, training_examples

    settings = workspace.settings()
    wanted = _session(arguments)
    salient_only = settings.sleep.exchanges == "salient" if arguments.exchanges is None else arguments.exchanges
    line = ProgressLine() if arguments.out else None
    with reading(workspace, wanted or "") as record:
        session_id = find_session(record, wanted) if wanted is not None else None
        profile = settings.salience.profile
        total = 0
        if line:
            total = count_examples(record, profile=profile, session_id=session_id, salient_only=salient_only)
        examples = training_examples(record, profile=profile, session_id=session_id, salient_only=salient_only)
        done = 0
        with _out(arguments) as write:
            for done, example in enumerate(examples, 1):
                write(f"{console.dumps(example)}\n")
                if line and done % 1000 == 0:
                    line(Progress("Writing examples", done, total, "examples"))
    if line:
        line.end()
    _told(arguments, count(done, "example"))
    return 0


def _told(arguments: argparse.Namespace, what: str) -> None:
    if arguments.out is not None:
        print(f"Wrote {harmless(arguments.out)}: {what}.")


def backup(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.journal.backup import back_up

    require_workspace(workspace)
    file = typed_path(arguments.file or f"lab-backup-{datetime.now():%Y%m%d-%H%M%S}.zip")
    line = ProgressLine()
    with interruptible() as cancel, console.new_file(file, arguments.force) as target:
        report = back_up(workspace, target, not arguments.no_adapters, line, cancel)
    line.end()
    print(
        harmless(
            f"Wrote {file} ({amount(file.stat().st_size)}): {_carried(report.streams, report.adapters, report.bytes)}."
        )
    )
    for name in report.left_out:
        print(f"lab: {harmless(name)} was left out: a backup has no place for such a name.", file=sys.stderr)
    return 0


def restore(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.journal.record import Record
    from lab.journal.restore import restore as put_back

    line = ProgressLine()
    with interruptible() as cancel:
        report = put_back(typed_path(arguments.file), workspace, line, cancel)
        line.end()
        carried = _carried(report.streams, report.adapters, report.bytes)
        print(harmless(f"Restored into {workspace.root}: {carried}."), flush=True)
    return rebuilt(Record(workspace))


def _carried(streams: int, adapters: int, size: int) -> str:
    return f"{count(streams, 'journal')} and {count(adapters, 'adapter')}, {amount(size)} in files"
