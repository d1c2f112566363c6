"""lab study: a study from its beginning, or from where it was stopped, to its report."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final

from lab import console
from lab.commands.shared import require_workspace
from lab.console import ProgressLine, interruptible
from lab.figures import require_matplotlib, save
from lab.journal.events import now
from lab.journal.record import Record
from lab.settings import Workspace
from lab.text import harmless

_NAME: Final = re.compile(r"study-(\d{4,})")
_REPORT: Final = "report.md"


def study(workspace: Workspace, arguments: argparse.Namespace) -> int:
    """Run the study; 1 after a Ctrl-C."""
    from lab.study import report, salience
    from lab.study.exchanges import studied
    from lab.tui.theme import on_paper

    require_matplotlib()
    require_workspace(workspace)
    exchanges = studied()
    folder = _folder(workspace.root / "studies")
    line = ProgressLine()
    with interruptible() as cancel, Record(workspace) as record, record.journal.own(folder.name):
        found = salience.study(folder, exchanges, cancel, line)
        line.end()
        if found is None:
            print(f"Stopped; lab study {arguments.name} goes on from there.")
            return 1
        record.append(folder.name, *report.events(folder.name, found))
        record.sync()
    for name, figure in report.figures(found).items():
        with (folder / f"{name}.svg").open("wb") as file:
            save((figure,), file, "svg", on_paper())
    page = report.page(folder.name, found, now())
    (folder / _REPORT).write_text(page, encoding="utf-8")
    if arguments.json:
        print(console.dumps(report.body(folder.name, found)))
    else:
        print(page)
        print(f"This is {harmless(str(folder / _REPORT))}.")
    return 0


def _folder(studies: Path) -> Path:
    """The newest study if it is not at its end, else a new one."""
    numbers = [int(match[1]) for path in studies.glob("study-*") if (match := _NAME.fullmatch(path.name))]
    newest = max(numbers, default=0)
    unfinished = newest and not (studies / f"study-{newest:04d}" / _REPORT).exists()
    return studies / f"study-{newest if unfinished else newest + 1:04d}"
