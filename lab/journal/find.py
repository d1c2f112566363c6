"""Sessions, exchanges and sleeps by the beginning of their ids."""

from __future__ import annotations

from typing import Final, Literal

from lab.errors import LabError
from lab.journal.record import Record

# So many candidates are named.
_NAMED: Final = 8


def find_session(record: Record, text: str) -> str:
    """The session of this id, or the only one whose id begins so. Raises LabError, which names the candidates."""
    found = _beginning(record, "sessions", "session_id", text)
    if not found:
        raise LabError(f'There is no session "{text}".', "lab sessions lists them.")
    return _only(found, text, "sessions")


def find_exchange(record: Record, text: str) -> str:
    """The exchange of this id, or the only one whose id begins so. Raises LabError, which names the candidates."""
    found = _beginning(record, "exchanges", "exchange_id", text)
    if not found:
        raise LabError(f'There is no exchange "{text}".', "lab sessions and lab show SESSION list what there is.")
    return _only(found, text, "exchanges")


def find_cycle(record: Record, text: str) -> str:
    """The sleep of this id, or the only one whose id begins so. Raises LabError, which names the candidates."""
    found = _beginning(record, "sleep_cycles", "cycle_id", text) if text else []
    if found:
        return _only(found, text, "sleeps")
    rows = record.query(
        f"SELECT cycle_id FROM sleep_cycles ORDER BY started_at DESC, cycle_id DESC LIMIT {_NAMED + 1}"
    ).rows
    names = [name for (name,) in rows]
    if not names:
        raise LabError("There is no sleep in this workspace yet.", "Talk, then lab sleep.")
    older = ", and older ones" if len(names) > _NAMED else ""
    raise LabError(f'There is no sleep "{text}".', f"There are {', '.join(names[:_NAMED])}{older}.")


def find(record: Record, text: str) -> tuple[Literal["session", "exchange"], str]:
    """The session, else the exchange, that this is the id of or the beginning of. Raises LabError."""
    sessions = _beginning(record, "sessions", "session_id", text)
    if text not in sessions and text in _beginning(record, "exchanges", "exchange_id", text):
        return "exchange", text
    if sessions:
        return "session", _only(sessions, text, "sessions")
    if not _beginning(record, "exchanges", "exchange_id", text):
        raise LabError(f'There is no session and no exchange "{text}".', "lab sessions lists the sessions.")
    return "exchange", find_exchange(record, text)


def _beginning(record: Record, table: str, column: str, text: str) -> list[str]:
    """The id itself first, then those that begin with it; one more than are named."""
    if not text:
        raise LabError("The id is empty.", "lab sessions lists the sessions.")
    rows = record.query(
        f"SELECT {column} FROM {table} WHERE starts_with({column}, $text) ORDER BY {column} LIMIT {_NAMED + 1}",
        {"text": text},
    ).rows
    return [name for (name,) in rows]


def _only(found: list[str], text: str, kind: str) -> str:
    # In order of the alphabet the id itself comes before all that begin with it.
    if found[0] == text or len(found) == 1:
        return found[0]
    more = " and more" if len(found) > _NAMED else ""
    raise LabError(f'Several {kind} begin with "{text}": {", ".join(found[:_NAMED])}{more}.', "Give more of the id.")
