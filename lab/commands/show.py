"""Commands that look into the record: the sessions, one session or exchange, its mark, its title."""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import asdict, replace
from typing import Final

from lab import console, transcript
from lab.commands.shared import reading
from lab.errors import LabError
from lab.journal import history, queries
from lab.journal.export import exchange_body, exchanges, export_session
from lab.journal.find import find, find_exchange, find_session
from lab.journal.record import Record
from lab.settings import Workspace
from lab.text import cut, harmless, model_name, one_line, when

# Columns from which on a terminal has room for the checkpoint too.
_WIDE: Final = 110


def sessions(workspace: Workspace, arguments: argparse.Namespace) -> int:
    profile = workspace.settings().salience.profile
    wanted = history.parse(arguments.search)
    if arguments.salient:
        wanted = replace(wanted, salient=True)
    with reading(workspace) as record:
        # One more than is shown says whether there are more.
        found = history.page(record, wanted, profile, arguments.limit + 1)
    shown = found[: arguments.limit]
    if arguments.json:
        columns = tuple(asdict(shown[0])) if shown else ()
        console.write_utf8(f"{console.json_text(columns, (tuple(asdict(each).values()) for each in shown))}\n")
    elif shown:
        print(_table(shown, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))
    else:
        print("No session meets this." if arguments.search or arguments.salient else "No sessions yet.")
    if len(found) > len(shown):
        print(f"lab: the latest {arguments.limit:,}; --limit N gives more.", file=sys.stderr)
    return 0


def _table(shown: list[history.SessionSummary], width: int | None) -> str:
    """A row a session; a terminal of `width` columns loses the checkpoint first, then the end of the titles."""
    narrow = width is not None and width < _WIDE
    names = ("session", "last turn (UTC)", "turns", "salient", "mean", *(() if narrow else ("checkpoint",)), "title")
    rows = []
    for each in shown:
        share = f"{each.salient:.0%}" if each.salient is not None else ""
        mean = f"{each.mean:.3f}" if each.mean is not None else ""
        checkpoint = () if narrow else (model_name(each.checkpoint or ""),)
        rows.append((each.session_id, when(each.last_at), each.exchanges, share, mean, *checkpoint))
    table = console.table(names, [(*row, each.title) for row, each in zip(rows, shown)])
    # What is cut has no ellipsis: the title is the last column.
    return table if width is None else "\n".join(cut(line, width).rstrip() for line in table.split("\n"))


def show(workspace: Workspace, arguments: argparse.Namespace) -> int:
    with reading(workspace, arguments.id) as record:
        kind, name = find(record, arguments.id)
        if kind == "session" and arguments.json:
            export_session(record, name, "json", console.write_utf8)
        elif kind == "session":
            _show_session(record, name, arguments.drafts)
        else:
            exchange = queries.exchange(record, name)
            assert exchange is not None
            if arguments.json:
                console.print_json(exchange_body(exchange))
            else:
                print("\n".join(transcript.exchange_lines(exchange)))
    return 0


def _show_session(record: Record, session_id: str, drafts: bool) -> None:
    session = queries.session(record, session_id)
    assert session is not None
    ((turns,),) = record.query("SELECT count(*) FROM exchanges WHERE session_id = ?", [session_id]).rows
    print("\n".join(transcript.session_lines(session, turns)))
    for exchange in exchanges(record, session_id):
        print("", *transcript.turn_lines(exchange), sep="\n")
        if drafts:
            for line in transcript.draft_lines(exchange):
                print(line)


def mark(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.dialogue.marks import mark as put_mark

    if (arguments.mark == "edit") != (arguments.text is not None):
        raise LabError(
            "Only edit takes the answer as it should have been, and needs it.",
            'Write lab mark EXCHANGE edit "The better answer.", or "-" to read it from standard input.',
        )
    text = sys.stdin.read().strip() if arguments.text == "-" else arguments.text
    record = Record(workspace)
    with reading(workspace, arguments.exchange_id) as found:
        exchange_id = find_exchange(found, arguments.exchange_id)
    exchange = put_mark(record, exchange_id, transcript.MARKS[arguments.mark], text)
    record.sync(1.0)
    print(f"{harmless(exchange_id)}: {transcript.LEARNT[exchange.mark]}")
    return 0


def rename(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.journal.events import SessionTitled

    title = " ".join(arguments.title.split())
    if not title:
        raise LabError("The title is empty.", 'Give one: lab rename SESSION "What it learnt".')
    with reading(workspace, arguments.session_id) as found:
        session_id = find_session(found, arguments.session_id)
    record = Record(workspace)
    record.append(session_id, SessionTitled(session_id, title))
    record.sync(1.0)
    print(f'{harmless(session_id)} is called "{one_line(title)}" now.')
    return 0
