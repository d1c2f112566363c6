"""How long a sleep took, by its journal: its work, whoever did it, and no pause."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from lab.journal.events import Event
from lab.journal.journal import Journal
from lab.journal.sleep_events import SleepEnded, SleepResumed, SleepStaged, SleepStarted
from lab.sleep import watch
from lab.sleep.watch import active_seconds

CYCLE = "sleep-0001"
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
FOUND = SleepEnded(CYCLE, "interrupted")
STARTED = SleepStarted(CYCLE, "tiny", None, 1, 0, 5, 0, 8, 1e-3, "lessons")


def staged(stage: str) -> Event:
    return SleepStaged(CYCLE, stage)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ([(0, STARTED), (10, staged("training"))], 100),
        # Paused from 20 to 70.
        ([(0, STARTED), (20, staged("paused")), (70, staged("training"))], 50),
        ([(0, STARTED), (20, staged("paused"))], 20),
        # Killed at 30 at the latest, gone on with at 90.
        ([(0, STARTED), (30, staged("training")), (90, SleepResumed(CYCLE, 3))], 40),
        # A lab that was opened at 80 found it killed.
        ([(0, STARTED), (30, staged("training")), (80, FOUND), (90, SleepResumed(CYCLE, 3))], 40),
        # Killed while it was paused.
        ([(0, STARTED), (30, staged("paused")), (90, SleepResumed(CYCLE, 3)), (95, staged("loading"))], 40),
        # While an answer is written it waits, which is part of its time.
        ([(0, STARTED), (20, staged("waiting")), (25, staged("training"))], 100),
        ([], 0),
    ],
)
def test_the_time_of_a_sleep_is_its_work_without_pauses_and_gaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[tuple[int, Event]], seconds: int
) -> None:
    journal = Journal(tmp_path)
    for after, event in told:
        journal.append(CYCLE, event, at=BEGAN + timedelta(seconds=after))
    monkeypatch.setattr(watch, "now", lambda: BEGAN + timedelta(seconds=100))
    assert active_seconds(journal, CYCLE) == seconds
    if seconds == 100:
        assert active_seconds(journal, CYCLE, until=BEGAN + timedelta(seconds=60)) == 60
