"""SQL on the record from the command line."""

from __future__ import annotations

import argparse
import sys

from lab import console
from lab.commands.shared import make_lab
from lab.settings import Workspace
from lab.text import harmless


def sql(workspace: Workspace, arguments: argparse.Namespace) -> int:
    lab = make_lab(workspace, arguments)
    workspace.create()
    query = sys.stdin.read() if arguments.query == "-" else arguments.query
    limit = lab.settings.screen.rows if arguments.format == "table" else None
    if not lab.record.sync():
        print("lab: another program holds the database: the newest events are not in it yet.", file=sys.stderr)
    result = lab.record.execute_write(query) if arguments.write else lab.record.query(query, limit=limit)
    render = {"table": console.table, "json": console.json_text, "csv": console.csv_text}[arguments.format]
    print(render(result.columns, result.rows), end="" if arguments.format == "csv" else "\n")
    if result.truncated:
        print(f"lab: the first {limit:,} rows; --format csv or json gives all.", file=sys.stderr)
    for fault in lab.record.faults():
        print(f"lab: {harmless(str(fault))}", file=sys.stderr)
    return 0
