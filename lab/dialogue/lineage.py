"""What was said before in a dialogue, forks included."""

from __future__ import annotations

from lab.domain import Exchange, Session
from lab.journal import queries
from lab.journal.record import Record


def history(record: Record, session: Session) -> list[Exchange]:
    """All exchanges that a session goes on from, oldest first: its parents' up to each fork, then its own.

    Raises LabError as `Record.query` does. A parent that is not in the record has nothing to add.
    """
    found = queries.exchanges(record, session.session_id)
    # A journal edited by hand could hold a circle.
    seen = {session.session_id}
    child: Session | None = session
    while child and child.parent_session_id and child.parent_session_id not in seen:
        seen.add(child.parent_session_id)
        before = queries.exchanges(record, child.parent_session_id)
        last = next((n for n, one in enumerate(before) if one.exchange_id == child.parent_exchange_id), -1)
        found = before[: last + 1] + found
        child = queries.session(record, child.parent_session_id)
    return found


def parent_title(record: Record, session: Session) -> str | None:
    """What the session that this one was forked from is called; None for no fork, or of a parent that is not there."""
    parent = queries.session(record, session.parent_session_id) if session.parent_session_id else None
    return (parent.title or parent.session_id) if parent else session.parent_session_id
