"""Events to record and ways to look at what became of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

from lab.journal.events import (
    DraftFinished,
    Event,
    ExchangeFinished,
    MemoryRead,
    SalienceScored,
    SessionOpened,
    TurnMeasured,
    TurnStarted,
)
from lab.journal.projection import TABLES
from lab.journal.record import Record
from lab.journal.sleep_events import (
    SleepEnded,
    SleepExampleUsed,
    SleepLessonFound,
    SleepMeasured,
    SleepPlanned,
    SleepProbed,
    SleepStarted,
    SleepStepped,
)
from lab.settings import Workspace

SESSION = "20261122-044100-ab12"


def opened(session_id: str = SESSION, **changes: Any) -> SessionOpened:
    values: dict[str, Any] = {"checkpoint": "tiny", "adapter": None, "profile": "measured", "threshold": 0.15}
    return SessionOpened(session_id, **values | changes)


def exchange_id(turn: int, session_id: str = SESSION) -> str:
    return f"{session_id}-{turn:04d}"


def turn_started(turn: int, session_id: str = SESSION, text: str = "Who are you?") -> TurnStarted:
    return TurnStarted(exchange_id(turn, session_id), session_id, turn, text, "tiny", None)


def draft(turn: int, iteration: int, energy: float = 0.5, session_id: str = SESSION) -> DraftFinished:
    text = f"draft {iteration} of turn {turn}"
    return DraftFinished(exchange_id(turn, session_id), iteration, 0.7, 7 + iteration, energy, 12, 0.5, text)


def scored(turn: int, total: float = 0.2, session_id: str = SESSION, profile: str = "measured") -> SalienceScored:
    five = (0.1, 0.2, 0.3, 0.4, 0.5)
    return SalienceScored(exchange_id(turn, session_id), profile, *five, total, 0.15, total >= 0.15)


def measured(
    turn: int, session_id: str = SESSION, bits: float | None = 6.5, vector: str = "[1,-2,127]"
) -> TurnMeasured:
    return TurnMeasured(exchange_id(turn, session_id), bits, 0.5, exchange_id(1, session_id), 0.75, None, vector)


def finished(turn: int, session_id: str = SESSION, response: str = "A model.", chosen: int | None = 0) -> Event:
    return ExchangeFinished(exchange_id(turn, session_id), "complete", response, chosen, True, 30, 12, 1.5)


def whole_turn(turn: int, session_id: str = SESSION, total: float = 0.2) -> list[Event]:
    drafts = [draft(turn, i, energy=0.5 - 0.1 * i, session_id=session_id) for i in range(3)]
    start = turn_started(turn, session_id)
    judged: list[Event] = [measured(turn, session_id), scored(turn, total, session_id)]
    return [start, *drafts, *judged, finished(turn, session_id, chosen=2)]


def cycle(cycle_id: str = "sleep-0001", used: str = "", status: Any = "complete") -> list[Event]:
    return [
        SleepStarted(cycle_id, "tiny", None, 1, 2, 5, 10, 8, 2e-3, "answers"),
        SleepLessonFound(
            cycle_id,
            f"{used or exchange_id(1)}/1",
            used or exchange_id(1),
            "statement",
            "My dog is called Rex.",
            "What is my dog called?",
            "Your dog is called Rex.",
            "Rex",
            support=12.5,
            unseen=("Do you know my dog's name?", "Tell me the name of my dog."),
            neighbours=("What is my cat called?",),
            salience=0.2,
        ),
        SleepExampleUsed(cycle_id, used or exchange_id(1), "original", "Who are you?", "A model."),
        SleepPlanned(cycle_id, 1, 0, 1, 10),
        SleepStepped(cycle_id, 1, 1, 3.5, 2e-3, 40, 0.4),
        SleepStepped(cycle_id, 2, 1, 1.5, 2e-3, 40, 0.4),
        SleepProbed(
            cycle_id,
            1,
            "unseen",
            f"{used or exchange_id(1)}/1",
            "Do you know my dog's name?",
            "Your dog is called Rex.",
            "I do not.",
            "Your dog is called Rex.",
            False,
            True,
            4.0,
            0.1,
        ),
        SleepMeasured(cycle_id, "learned", 1.0, 0.2, 1.0, 1),
        SleepMeasured(cycle_id, "drift", 0.03, 0.01, 0.05, 12, 0.1, True),
        SleepEnded(cycle_id, status, cycle_id, 2, 3.5, 1.5, 12.0, verdict="kept", strength=1.0),
    ]


def reading(note: str) -> MemoryRead:
    """An event whose row has no key: applied twice, it would be there twice."""
    return MemoryRead("lab", 1, None, note)


def readings(record: Record) -> list[str]:
    return [row[0] for row in record.query("SELECT event FROM resources").rows]


def dump(record: Record) -> dict[str, list[str]]:
    """All rows of all tables, in an order of their own."""
    record.query("SELECT 1")
    tables = [*TABLES, "schema_steps", "salience_history"]
    with duckdb.connect(str(record.workspace.database), read_only=True) as connection:
        return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}").fetchall())) for name in tables}


def record_in(root: Path) -> Record:
    workspace = Workspace(root)
    workspace.create()
    return Record(workspace)


def start_child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process with the lab on its path; `arguments` reach it as JSON in ARGUMENTS."""
    given = f"import json; ARGUMENTS = json.loads({json.dumps(json.dumps(arguments, default=str))})\n"
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", given + code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


def said(child: subprocess.Popen[str]) -> str:
    """The next line the child prints."""
    assert child.stdout
    return child.stdout.readline().rstrip("\n")
