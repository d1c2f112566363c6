"""What all imports share: the lines of a file, what is in the record already, and the tally of what was done."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson

from lab.domain import Salience
from lab.journal.events import ExchangeFinished, SalienceScored, SessionEnded, SessionOpened
from lab.journal.record import Record

_BOM = b"\xef\xbb\xbf"
# So many faults are told; a file that is none of ours has one a line.
_NAMED = 100
# Why a value that could be read has no bytes: orjson reads deeper than it writes.
TOO_DEEP = "nested too deep"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: sessions and exchanges that are new, exchanges that were `already` there.

    `skipped` says what was left out and why, each "file:line: reason"; `more` counts what is not said. `notes` and
    `more_notes` are of what was taken without something.
    """

    sessions: int
    exchanges: int
    already: int
    skipped: list[str]
    more: int = 0
    notes: list[str] = field(default_factory=list)
    more_notes: int = 0


@dataclass(slots=True)
class Tally:
    """A report in the making."""

    sessions: int = 0
    exchanges: int = 0
    already: int = 0
    skipped: list[str] = field(default_factory=list)
    more: int = 0
    notes: list[str] = field(default_factory=list)
    more_notes: int = 0

    def skip(self, place: object, reason: str) -> None:
        """Something was left out."""
        if len(self.skipped) < _NAMED:
            self.skipped.append(f"{place}: {reason}")
        else:
            self.more += 1

    def note(self, place: object, reason: str) -> None:
        """Something was taken without what is missing."""
        if len(self.notes) < _NAMED:
            self.notes.append(f"{place}: {reason}")
        else:
            self.more_notes += 1

    def report(self) -> ImportReport:
        """What was done."""
        return ImportReport(
            self.sessions, self.exchanges, self.already, self.skipped, self.more, self.notes, self.more_notes
        )


@dataclass(frozen=True, slots=True)
class Body:
    """The object on one line of a file. `end` is the place in the file after it, in bytes."""

    number: int
    end: int
    value: dict[str, Any]


def bodies(path: Path, tally: Tally) -> Iterator[Body]:
    """The objects of a file of JSON lines, one at a time; lines that are none are told. Raises OSError."""
    end = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            end += len(raw)
            line = raw.removeprefix(_BOM) if number == 1 else raw
            if not line.strip():
                continue
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as fault:
                tally.skip(f"{path}:{number}", f"not valid JSON ({fault})")
                continue
            if isinstance(value, dict):
                yield Body(number, end, value)
            else:
                tally.skip(f"{path}:{number}", "not a JSON object")


def present(record: Record, session_id: str) -> tuple[bool, bool, set[str]]:
    """Whether a session was opened and ended in the record, and which exchanges of it are whole."""
    opened = ended = False
    whole: set[str] = set()
    for line in record.journal.read(session_id):
        match line.entry.event if line.entry else None:
            case SessionOpened():
                opened = True
            case SessionEnded():
                ended = True
            # Last of an exchange's events. Recovery may have closed one that was cut off, as failed.
            case ExchangeFinished(exchange_id=exchange_id, status="complete"):
                whole.add(exchange_id)
            case _:
                pass
    return opened, ended, whole


def scored(exchange_id: str, score: Salience) -> SalienceScored:
    """A score as an event."""
    return SalienceScored(
        exchange_id,
        score.profile,
        **score.dimensions(),
        total=score.total,
        threshold=score.threshold,
        salient=score.salient,
    )


def is_number(value: Any) -> bool:
    """True for a finite number; JSON's true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def time_of(seconds: Any) -> datetime | None:
    """Unix seconds as a time, None when they are none."""
    if not is_number(seconds):
        return None
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
