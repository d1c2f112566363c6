"""Commands about this machine: models, adapters, what is wrong."""

from __future__ import annotations

import argparse
import sys

from lab import console
from lab.console import ProgressLine, interruptible
from lab.settings import Workspace
from lab.text import amount, harmless, one_line, when


def prepare(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.engine import embedded
    from lab.settings import cache_folder

    line = ProgressLine()
    with interruptible() as cancel:
        embedded.prepare(line, cancel)
    line.end()
    print(harmless(f"The embedded models are ready in {cache_folder()}."))
    return 0


def checkpoints(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.listing import checkpoints

    text, faults = checkpoints(workspace)
    print(text)
    for fault in faults:
        print(f"lab: {harmless(str(fault))}", file=sys.stderr)
    return 0


def adapters(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.engine.adapters import list_adapters

    adapters, faults = list_adapters(workspace.adapters)
    if adapters:
        rows = [(a.name, a.checkpoint, a.parent or "", a.rank, amount(a.bytes), when(a.created_at)) for a in adapters]
        print(console.table(("adapter", "checkpoint", "parent", "rank", "size", "made (UTC)"), rows))
    else:
        print("No adapters yet: lab sleep trains one.")
    for fault in faults:
        print(f"lab: {harmless(str(fault))}", file=sys.stderr)
    return 1 if faults else 0


def doctor(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.doctor import examine

    line = ProgressLine()
    findings = examine(workspace, line)
    line.end()
    names = [one_line(finding.what) for finding in findings]
    width = max(map(len, names))
    for name, finding in zip(names, findings):
        print(f"{'ok ' if finding.remedy is None else '!! '} {name.ljust(width)}  {one_line(finding.found)}")
        if finding.remedy:
            print(f"    {' ' * width}  {one_line(finding.remedy)}")
    return 1 if any(finding.remedy for finding in findings) else 0
