"""What must never happen: an acknowledged event lost or applied twice, whoever is killed, waits or fills the disk."""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from lab.errors import LabError
from lab.journal import projector, queries
from lab.journal.record import Record
from tests.helpers import small_files, wait_until
from tests.journal.samples import (
    SESSION,
    draft,
    dump,
    exchange_id,
    finished,
    opened,
    reading,
    readings,
    said,
    start_child,
    turn_started,
    whole_turn,
)
from tests.journal.test_processes import APPENDING, HOLDING, release

# Appends, applies what it appended, and now and then makes the database anew.
LIVING = """
import random
from pathlib import Path
from lab.errors import LabError
from lab.journal import projector
from lab.journal.events import (MemoryRead)
from lab.journal.record import Record
from lab.settings import Workspace
root, name, rebuilds = ARGUMENTS
projector._BULK_BYTES = 0
moments = random.Random(name)
with Record(Workspace(Path(root))) as record:
    for number in range(100_000):
        record.append(moments.choice([name, "common"]), MemoryRead("lab", 1, None, f"{name}-{number}"))
        print(f"{name}-{number}", flush=True)
        try:
            record.rebuild() if rebuilds and number % 5 == 4 else record.settle(0.2)
        except LabError:
            pass
"""
REBUILDING = """
from pathlib import Path
from lab.journal import projector
from lab.journal.record import Record
from lab.settings import Workspace
projector._BULK_BYTES, projector._BATCH_LINES = ARGUMENTS[1], 5
record = Record(Workspace(Path(ARGUMENTS[0])))
print("begun", flush=True)
while True:
    record.rebuild()
    print("done", flush=True)
"""


def in_journal(record: Record) -> list[str]:
    return [
        line.entry.event.moment  # type: ignore[union-attr]
        for stream in record.journal.streams()
        for line in record.journal.read(stream)
        if line.entry
    ]


def test_ten_labs_in_one_workspace_lose_nothing_and_apply_nothing_twice(record: Record) -> None:
    names = "abcdefghij"
    children = [start_child(APPENDING, record.workspace.root, [f"own-{name}", "common"], name, 12) for name in names]
    for child in children:
        with child:
            child.communicate()
        assert child.returncode == 0
    assert record.sync()
    assert sorted(readings(record)) == sorted(f"{name}-{number}" for name in names for number in range(12))
    assert record.faults() == []


@pytest.mark.parametrize("rebuilds", [False, True], ids=["applying", "rebuilding"])
def test_labs_killed_while_they_apply_and_rebuild_lose_nothing_and_apply_nothing_twice(
    record: Record, rebuilds: bool
) -> None:
    moments = random.Random(4)
    acknowledged: list[str] = []
    for attempt in range(4):
        children = [start_child(LIVING, record.workspace.root, f"{name}{attempt}", rebuilds) for name in "ab"]
        for child in children:
            acknowledged.append(said(child))
        for child in children:
            time.sleep(moments.uniform(0.0, 0.4))
            child.kill()
            out, _ = child.communicate()
            acknowledged += out.split("\n")[:-1] if out else []
        # Whatever was killed at whatever moment, the database that is left opens and goes on.
        assert record.sync(10.0)
        found = in_journal(record)
        assert set(acknowledged) <= set(found)
        assert sorted(readings(record)) == sorted(found)
        assert len(set(found)) == len(found)
    assert len(acknowledged) > 8
    assert record.faults() == []


@pytest.mark.parametrize("bulk_bytes", [0, 2**62], ids=["in bulk", "by the fold"])
def test_a_rebuild_killed_at_any_moment_leaves_the_old_database(record: Record, bulk_bytes: int) -> None:
    for number in range(12):
        name = f"s{number}"
        record.append(name, opened(name), *whole_turn(1, name), *whole_turn(2, name))
    assert record.sync()
    before = dump(record)
    moments = random.Random(bulk_bytes)
    for _ in range(5):
        child = start_child(REBUILDING, record.workspace.root, bulk_bytes)
        with child:
            assert said(child) == "begun"
            time.sleep(moments.uniform(0.0, 0.3))
            child.kill()
        record.append("common", reading("between"))
        assert record.sync(10.0)
        assert {
            table: rows for table, rows in dump(record).items() if table in ("drafts", "exchanges", "salience")
        } == {table: before[table] for table in ("drafts", "exchanges", "salience")}
    assert readings(record) == ["between"] * 5
    record.rebuild()
    assert readings(record) == ["between"] * 5
    assert not list(record.workspace.sessions.glob("*.new*"))


def test_labs_go_on_recording_while_another_program_holds_the_database_for_long(record: Record) -> None:
    record.append(SESSION, opened(), reading("before"))
    assert record.sync()
    with start_child(HOLDING, record.workspace.database, False) as holder:
        assert said(holder) == "held"
        record.start()
        labs = [start_child(APPENDING, record.workspace.root, ["common"], name, 20) for name in "ab"]
        slowest = 0.0
        for number in range(30):
            began = time.monotonic()
            record.append(SESSION, reading(str(number)))
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.1)
        # They end although their events wait.
        for lab in labs:
            with lab:
                lab.communicate()
            assert lab.returncode == 0
        assert slowest < 5.0
        release(holder)
    expected = sorted(["before", *map(str, range(30)), *(f"{name}-{number}" for name in "ab" for number in range(20))])
    wait_until(lambda: sorted(readings(record)) == expected, 20.0)
    assert record.faults() == []


def test_a_clock_that_jumps_back_changes_no_order_and_loses_nothing(record: Record) -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
    record.append(SESSION, opened(title="First"), *whole_turn(1), at=at)
    record.append(SESSION, *whole_turn(2), at=at - timedelta(days=400))
    record.append("later", opened("later"), turn_started(1, "later"), at=at - timedelta(days=800))
    record.append(SESSION, turn_started(3), draft(3, 0), at=at + timedelta(days=9000))
    record.append(SESSION, finished(3), at=at - timedelta(days=9000))
    assert record.sync()
    assert [turn.turn for turn in queries.exchanges(record, SESSION)] == [1, 2, 3]
    assert record.query(
        "SELECT status, started_at FROM exchanges JOIN sessions USING (session_id) WHERE turn = 3"
    ).rows == [("complete", at.replace(tzinfo=None))]
    assert record.recover() == [exchange_id(1, "later")]
    assert record.sync()
    grown = dump(record)
    record.rebuild()
    assert dump(record) == grown
    assert record.faults() == []


def test_a_clock_that_jumps_keeps_no_event_from_the_database(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    record.start()
    record.append(SESSION, reading("a"))
    wait_until(lambda: readings(record) == ["a"])
    for jump in (-86_400.0, 86_400.0):
        real = time.time
        monkeypatch.setattr("time.time", lambda jump=jump, real=real: real() + jump)
        record.append(SESSION, reading("b"))
        with start_child(APPENDING, record.workspace.root, ["theirs"], "x", 1) as child:
            child.communicate()
        monkeypatch.undo()
    wait_until(lambda: sorted(readings(record)) == ["a", "b", "b", "x-0", "x-0"])


@pytest.mark.parametrize("keep", [1, 40, -2])
def test_a_line_cut_in_its_middle_is_set_aside_and_named_and_what_follows_is_kept(record: Record, keep: int) -> None:
    record.append(SESSION, opened(), turn_started(1))
    assert record.sync()
    path = record.journal.path(SESSION)
    whole = path.read_bytes()
    record.append(SESSION, draft(1, 0))
    line = path.read_bytes()[len(whole) :]
    path.write_bytes(whole + line[:keep])
    # Not a line yet: it may still be written. The next one that is recorded ends it.
    assert record.sync() and record.faults() == []
    record.append(SESSION, draft(1, 1), finished(1, chosen=1))
    assert record.sync()
    (fault,) = record.faults()
    assert fault.startswith(f"{path}:3: not JSON")
    assert record.query("SELECT iteration, chosen FROM drafts").rows == [(1, True)]
    assert record.rebuild().faults == (fault,)
    assert record.query("SELECT status FROM exchanges").rows == [("complete",)]


def test_a_disk_that_fills_loses_nothing_acknowledged(record: Record) -> None:
    record.append(SESSION, opened(), reading("0"))
    assert record.sync()
    size = record.workspace.database.stat().st_size
    told: list[str] = []
    kept = ["0"]
    record.start()
    # The journal, the database and its log may all grow by no more than this.
    with small_files(min(size, record.journal.size(SESSION) + 2000)):
        for number in range(1, 40):
            try:
                record.append(SESSION, reading(str(number)))
                kept.append(str(number))
            except LabError as fault:
                told.append(str(fault))
    assert told and "could not be written" in told[0]
    assert 1 < len(kept) < 40
    record.append(SESSION, reading("there is room again"))
    wait_until(lambda: readings(record) == [*kept, "there is room again"])
    wait_until(lambda: record.faults() == [])


def test_a_rebuild_on_a_full_disk_leaves_the_old_database(record: Record) -> None:
    record.append(SESSION, opened(), *(event for turn in range(1, 30) for event in whole_turn(turn)))
    assert record.sync()
    before = dump(record)
    with small_files(20_000), pytest.raises(LabError, match="Free some space"):
        record.rebuild()
    assert dump(record) == before
    assert not list(record.workspace.sessions.glob("*.new*"))
    record.rebuild()
    assert dump(record) == before


@pytest.mark.parametrize("bulk_bytes", [0, 2**62], ids=["in bulk", "by the fold"])
def test_a_rebuild_that_is_cancelled_leaves_the_old_database(
    record: Record, monkeypatch: pytest.MonkeyPatch, bulk_bytes: int
) -> None:
    monkeypatch.setattr(projector, "_BULK_BYTES", bulk_bytes)
    record.append(SESSION, opened(), *whole_turn(1))
    assert record.sync()
    record.append(SESSION, *whole_turn(2))
    before = record.workspace.database.stat().st_ino
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(LabError, match="cancelled"):
        record.rebuild(cancel=cancel)
    assert record.workspace.database.stat().st_ino == before
    assert not list(record.workspace.sessions.glob("*.new*"))
    assert record.sync()
    assert record.query("SELECT count(*) FROM exchanges").rows == [(2,)]


def test_a_database_made_anew_by_another_process_gets_what_is_recorded_here(record: Record) -> None:
    record.start()
    record.append(SESSION, reading("a"))
    wait_until(lambda: readings(record) == ["a"])
    code = """
from pathlib import Path
from lab.journal.record import Record
from lab.settings import Workspace
print(Record(Workspace(Path(ARGUMENTS[0]))).rebuild().events, flush=True)
"""
    with start_child(code, record.workspace.root) as child:
        assert said(child) == "1"
    record.append(SESSION, reading("b"))
    wait_until(lambda: readings(record) == ["a", "b"])
