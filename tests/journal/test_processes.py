"""Several processes and one record: nothing acknowledged is lost, and each event is applied once."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from lab.errors import LabError
from lab.journal.database import DatabaseBusy
from lab.journal.record import Record
from tests.helpers import wait_until
from tests.journal.samples import SESSION, opened, reading, readings, said, start_child

APPENDING = """
from pathlib import Path
from lab.journal.events import (MemoryRead)
from lab.journal.record import Record
from lab.settings import Workspace
root, streams, name, count = ARGUMENTS
with Record(Workspace(Path(root))) as record:
    for number in range(count):
        record.append(streams[number % len(streams)], MemoryRead("lab", 1, None, f"{name}-{number}"))
        print(f"{name}-{number}", flush=True)
"""
HOLDING = """
import sys
import duckdb
path, read_only = ARGUMENTS
with duckdb.connect(path, read_only=read_only) as connection:
    connection.execute("SELECT count(*) FROM resources").fetchall()
    print("held", flush=True)
    sys.stdin.read()
"""


def release(child: subprocess.Popen[str]) -> None:
    assert child.stdin
    child.stdin.close()
    child.wait()


def test_labs_killed_at_any_moment_lose_no_acknowledged_event(record: Record) -> None:
    moments = random.Random(20261122)
    acknowledged: list[str] = []
    for attempt in range(3):
        children = [
            start_child(APPENDING, record.workspace.root, [f"own-{name}", "common"], f"{attempt}{name}", 10_000)
            for name in "ab"
        ]
        for child in children:
            acknowledged.append(said(child))
        for child in children:
            time.sleep(moments.uniform(0.0, 0.25))
            child.kill()
            out, _ = child.communicate()
            # What the reader had already of a line is lost, so that the rest of it may come first.
            acknowledged += out.split("\n")[1:-1]
    assert len(acknowledged) > 20
    in_journal = [
        line.entry.event.moment  # type: ignore[union-attr]
        for stream in record.journal.streams()
        for line in record.journal.read(stream)
        if line.entry
    ]
    assert set(acknowledged) <= set(in_journal)
    assert record.sync()
    assert sorted(readings(record)) == sorted(in_journal)
    assert len(set(in_journal)) == len(in_journal)


def test_two_labs_may_write_one_stream_at_once(record: Record) -> None:
    children = [start_child(APPENDING, record.workspace.root, ["common"], name, 40) for name in "ab"]
    record.start()
    record.append("common", reading("here"))
    for child in children:
        with child:
            child.communicate()
        assert child.returncode == 0
    expected = sorted([*(f"{name}-{number}" for name in "ab" for number in range(40)), "here"])
    wait_until(lambda: sorted(readings(record)) == expected)
    assert record.faults() == []


@pytest.mark.parametrize("read_only", [True, False])
def test_events_wait_while_another_program_holds_the_database(
    record: Record, read_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.journal.record._READ_SECONDS", 1.5)
    record.append(SESSION, opened(), reading("0"))
    assert record.sync()
    with start_child(HOLDING, record.workspace.database, read_only) as holder:
        assert said(holder) == "held"
        record.start()
        for number in range(1, 6):
            record.append(SESSION, reading(str(number)))
        assert not record.sync(timeout=0.1)
        if read_only:
            assert readings(record) == ["0"]
        else:
            with pytest.raises(DatabaseBusy, match=f"PID {holder.pid}"):
                record.query("SELECT 1")
        release(holder)
    monkeypatch.undo()
    wait_until(lambda: readings(record) == ["0", "1", "2", "3", "4", "5"])


def test_events_of_another_process_arrive_by_themselves(record: Record) -> None:
    record.start()
    with start_child(APPENDING, record.workspace.root, ["theirs"], "x", 3) as child:
        child.communicate()
    wait_until(lambda: readings(record) == ["x-0", "x-1", "x-2"])


def test_the_database_is_free_for_other_programs_while_the_lab_runs(record: Record) -> None:
    record.start()
    for number in range(10):
        record.append(SESSION, reading(str(number)))
    wait_until(lambda: len(readings(record)) == 10)
    code = """
import duckdb
with duckdb.connect(ARGUMENTS[0], read_only=True) as connection:
    print(connection.execute("SELECT count(*) FROM resources").fetchall()[0][0])
"""
    with start_child(code, record.workspace.database) as reader:
        assert said(reader) == "10"


def test_several_processes_read_at_once(record: Record) -> None:
    record.append(SESSION, reading("0"))
    record.sync()
    code = """
import sys
from pathlib import Path
from lab.journal.record import Record
from lab.settings import Workspace
record = Record(Workspace(Path(ARGUMENTS[0])))
with record._reading(None) as connection:
    print(connection.execute("SELECT event FROM resources").fetchall()[0][0], flush=True)
    sys.stdin.read()
"""
    children = [start_child(code, record.workspace.root) for _ in range(2)]
    assert [said(child) for child in children] == ["0", "0"]
    assert readings(record) == ["0"]
    for child in children:
        release(child)


def test_closing_applies_what_is_left(record: Record) -> None:
    record.start()
    record.append(SESSION, reading("last"))
    record.close()
    with duckdb.connect(str(record.workspace.database), read_only=True) as connection:
        assert connection.execute("SELECT event FROM resources").fetchall() == [("last",)]


def test_closing_does_not_wait_for_a_program_that_holds_the_database(record: Record) -> None:
    record.append(SESSION, reading("0"))
    record.sync()
    with start_child(HOLDING, record.workspace.database, False) as holder:
        assert said(holder) == "held"
        record.start()
        record.append(SESSION, reading("1"))
        record.close()
        release(holder)
    assert Record(record.workspace).sync()
    assert readings(record) == ["0", "1"]


def test_a_rebuild_does_not_take_the_database_from_under_another_program(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.journal.record._REBUILD_SECONDS", 0.2)
    record.append(SESSION, reading("0"))
    record.sync()
    with start_child(HOLDING, record.workspace.database, False) as holder:
        assert said(holder) == "held"
        with pytest.raises(LabError, match="is held by"):
            record.rebuild()
        release(holder)
    assert readings(record) == ["0"]
    assert [path.name for path in Path(record.workspace.sessions).glob("*.new*")] == []
