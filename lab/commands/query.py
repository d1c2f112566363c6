"""SQL on the record from the command line."""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, cast

from lab import console
from lab.commands.shared import make_lab, require_workspace
from lab.console import interruptible
from lab.errors import LabError
from lab.files import typed_path
from lab.journal.asking import Asker
from lab.journal.results import FORMS, Form, Result
from lab.journal.saved import saved, saved_query
from lab.journal.statements import Parameters, Table
from lab.settings import Workspace
from lab.text import count, harmless

_NAMED: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def sql(workspace: Workspace, arguments: argparse.Namespace) -> int:
    if arguments.list:
        rows = [(query.name, query.title, query.description) for query in saved(workspace)]
        print(console.table(("name", "title", "description"), rows))
        return 0
    out = typed_path(arguments.out) if arguments.out else None
    form = _form(arguments.format, out)
    if out is not None:
        # Before the record is asked for nothing.
        console.require_new(out, arguments.force)
    query, parameters = _query(workspace, arguments), _parameters(arguments.param)
    lab = make_lab(workspace, arguments)
    require_workspace(workspace)
    if not lab.record.sync():
        print("lab: another program holds the database: the newest events are not in it yet.", file=sys.stderr)
    limit = lab.settings.screen.rows
    with interruptible() as cancel:
        if form == "table" and not arguments.write:
            _print(lab.record.query(query, parameters, limit, cancel))
        else:
            asker = Asker(lab.record)
            ask = asker.change if arguments.write else asker.ask
            with contextlib.closing(ask(query, parameters, cancel)) as result:
                _give(result, form, out, arguments.force, limit, cancel)
    for fault in lab.record.faults():
        print(f"lab: {harmless(str(fault))}", file=sys.stderr)
    return 0


def _give(
    result: Result, form: Form | Literal["table"], out: Path | None, force: bool, limit: int, cancel: threading.Event
) -> None:
    """The rows into a file, as a table, or through standard output as they are read from the disk."""
    if form == "table":
        rows = result.page(0, limit)
        columns = tuple(column.name for column in result.columns)
        _print(Table(columns, rows, result.row_count > limit, result.seconds))
    elif out is not None:
        result.save(out, form, replace=force, cancel=cancel)
        print(harmless(f"lab: {count(result.row_count, 'row')} in {out}."), file=sys.stderr)
    elif result.columns:
        sys.stdout.flush()
        with result.opened(form, cancel) as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.flush()


def _print(table: Table) -> None:
    if table.columns:
        print(console.table(table.columns, table.rows))
    if table.truncated:
        print(f"lab: the first {len(table.rows):,} rows; --format csv or json gives all.", file=sys.stderr)


def _form(wanted: str | None, out: Path | None) -> Form | Literal["table"]:
    """The form of `--format`, else of the file's ending. Raises LabError where the two do not go together."""
    endings = ", ".join(FORMS)
    if out is None and wanted == "parquet":
        raise LabError("Parquet is not for a terminal.", "Name a file with --out FILE.parquet.")
    if out is not None and wanted == "table":
        raise LabError("A table is for reading here, not for a file.", f"Name a file with the ending {endings}.")
    form = wanted or (FORMS.get(out.suffix.lower()) if out else "table")
    if form is None:
        raise LabError(f"{out} has no ending that says its form.", f"End it with {endings}, or add --format.")
    return cast("Form | Literal['table']", form)


def _query(workspace: Workspace, arguments: argparse.Namespace) -> str:
    if arguments.saved:
        return saved_query(workspace, arguments.saved).sql
    if arguments.file:
        try:
            return typed_path(arguments.file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise LabError(f"{arguments.file} cannot be read: {fault}.", "Name a file of SQL in UTF-8.") from fault
    return sys.stdin.read() if arguments.query == "-" else str(arguments.query)


def _parameters(given: Sequence[str]) -> Parameters:
    """The values of `--param`: by name when they have one, else in order. Raises LabError for a mixture."""
    pairs = [_NAMED.match(text) for text in given]
    if all(pairs):
        return {pair[1]: _value(pair[2]) for pair in pairs if pair}
    if any(pairs):
        raise LabError("Some of --param have a name and some have none.", "Give all of them a name, or none.")
    return [_value(text) for text in given]


def _value(text: str) -> Any:
    """A number where it is written as one, else text."""
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d+\.\d+", text) else text
