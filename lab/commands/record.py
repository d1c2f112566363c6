"""Commands on the record: taking over sessions, making the database anew."""

from __future__ import annotations

import argparse
import stat
import sys

from lab.commands.shared import make_lab, opened, rebuilt, require_workspace
from lab.console import ProgressLine
from lab.errors import LabError
from lab.files import typed_path
from lab.journal.record import Record
from lab.settings import Workspace
from lab.text import count, harmless


def import_(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.domain import Evidence, Salience
    from lab.journal.chats import import_chats
    from lab.journal.importer import import_sessions
    from lab.salience import profile, threshold_of

    path = typed_path(arguments.path)
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError as fault:
        raise LabError(
            f"{path} cannot be read: {fault.strerror or fault}.",
            "Name a folder of session_* folders, or a file of JSON lines.",
        ) from fault
    line = ProgressLine()
    with opened(make_lab(workspace, arguments)) as lab:
        settings = lab.settings.salience
        judge, threshold = profile(settings.profile), threshold_of(settings.profile, settings.threshold)
        take_over = import_chats if is_file else import_sessions

        def rescore(said: str, answer: str) -> Salience:
            return judge.score(Evidence(said, answer), threshold)

        report = take_over(lab.record, path, rescore, line)
        line.end()
        if not lab.record.sync():
            print("lab: another program holds the database: it gets the new events when it is free.", file=sys.stderr)
    print(
        f"Imported {count(report.exchanges, 'exchange')} of {count(report.sessions, 'session')};"
        f" {report.already} were there already; {len(report.skipped) + report.more:,} skipped."
    )
    for reason in report.skipped:
        print(f"  skipped {harmless(reason)}")
    if report.more:
        print(f"  and {report.more:,} more")
    for note in report.notes:
        print(f"  {harmless(note)}")
    if report.more_notes:
        print(f"  and {report.more_notes:,} more such")
    return 0


def rebuild(workspace: Workspace, arguments: argparse.Namespace) -> int:
    require_workspace(workspace)
    return rebuilt(Record(workspace))
