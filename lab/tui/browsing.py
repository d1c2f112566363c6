"""The history read in threads: each body queries the record and posts one message with what it found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from lab.errors import LabError
from lab.files import new_file
from lab.journal import history
from lab.journal.events import SessionTitled
from lab.journal.history import Brief, Counts, HistoryFilter, Hit, SessionSummary
from lab.journal.record import Record

Post = Callable[[Message], object]

PAGE = 50
# Of a very long session those around the selected exchange are listed.
_TURNS = 400


@dataclass
class Listed(Message):
    """A page of sessions or of hits; `whole` says that nothing comes after it."""

    number: int
    rows: list[SessionSummary] | list[Hit]
    whole: bool
    first: bool


@dataclass
class Counted(Message):
    """How much the filter finds."""

    number: int
    counts: Counts


@dataclass
class Looked(Message):
    """The exchanges of a session."""

    session_id: str
    exchanges: list[Brief]


@dataclass
class Told(Message):
    """Something is done, or cannot be. `free` is a session that can be opened; `renamed` one with its new title;
    `unread` one whose exchanges could not be read."""

    text: str = ""
    trouble: bool = False
    number: int | None = None
    free: tuple[str, str | None] | None = None
    renamed: tuple[str, str] | None = None
    unread: str | None = None


def read(
    record: Record,
    wanted: HistoryFilter,
    profile: str,
    number: int,
    after: int | Hit | None,
    cancel: threading.Event,
    post: Post,
) -> None:
    """The page behind `after`: so many sessions, or a hit; None for the first one, with the count of all."""
    rows: list[SessionSummary] | list[Hit]
    try:
        if wanted.text:
            before = after if isinstance(after, Hit) else None
            rows = history.search(record, wanted, profile, PAGE, before, cancel)
        else:
            offset = after if isinstance(after, int) else 0
            rows = history.page(record, wanted, profile, PAGE, offset, cancel)
        post(Listed(number, rows, len(rows) < PAGE, after is None))
        if after is None:
            post(Counted(number, history.count(record, wanted, profile, cancel)))
    except LabError as error:
        if not cancel.is_set():
            post(Told(str(error), True, number))


def look(record: Record, session_id: str, profile: str, turn: int | None, cancel: threading.Event, post: Post) -> None:
    """The exchanges of a session, around a turn of it."""
    try:
        post(Looked(session_id, history.brief(record, session_id, profile, _TURNS, turn, cancel)))
    except LabError as error:
        if not cancel.is_set():
            post(Told(str(error), True, unread=session_id))


def rename(record: Record, session_id: str, title: str, post: Post) -> None:
    """Give a session another title."""
    try:
        record.append(session_id, SessionTitled(session_id, title))
    except LabError as error:
        post(Told(str(error), True))
    else:
        post(Told("Renamed.", renamed=(session_id, title)))


def export(record: Record, session_id: str, path: Path, post: Post) -> None:
    """Write a session as Markdown into a new file."""
    from lab.journal.export import export_session

    try:
        with new_file(path, replace=False) as file:
            written = export_session(record, session_id, "markdown", lambda text: file.write(text.encode()))
    except LabError as error:
        post(Told(str(error), True))
    else:
        post(Told(f"{written:,} exchanges are in {path}."))


def may_open(record: Record, session_id: str, exchange_id: str | None, post: Post) -> None:
    """Say whether a session can be gone on with here."""
    if record.journal.owned(session_id):
        post(Told("Another lab has this session open. It can be read and forked here, and gone on with there.", True))
    else:
        post(Told(free=(session_id, exchange_id)))
