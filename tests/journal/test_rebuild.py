"""Schema steps, databases that cannot be used, and making one anew."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from lab.domain import Progress
from lab.errors import LabError
from lab.journal import migrations, projection
from lab.journal.record import Record
from tests.helpers import wait_until
from tests.journal.samples import SESSION, cycle, dump, opened, reading, readings, whole_turn


@pytest.fixture
def filled(record: Record) -> Record:
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2))
    record.append("sleep-0001", *cycle())
    assert record.sync()
    return record


def test_a_rebuild_gives_the_identical_database_and_says_what_it_read(filled: Record) -> None:
    before = dump(filled)
    seen: list[Progress] = []
    report = filled.rebuild(seen.append)
    assert dump(filled) == before
    assert (report.streams, report.events, report.sessions, report.exchanges, report.cycles) == (2, 25, 1, 2, 1)
    assert report.faults == ()
    assert seen[-1].done == seen[-1].total == sum(filled.journal.size(stream) for stream in (SESSION, "sleep-0001"))


def test_events_go_on_into_the_rebuilt_database_each_once(filled: Record) -> None:
    filled.start()
    filled.append(SESSION, reading("before"))
    filled.rebuild()
    filled.append(SESSION, reading("after"))
    wait_until(lambda: readings(filled) == ["before", "after"])


@pytest.mark.parametrize("damaged", [False, True])
def test_a_write_ahead_log_of_the_old_database_does_not_reach_the_new_one(
    filled: Record, tmp_path: Path, damaged: bool
) -> None:
    before = dump(filled)
    database = filled.workspace.database
    # A lab killed while it wrote leaves a log beside the file: make one and put it there.
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(database.read_bytes())
    connection = duckdb.connect(str(copy))
    connection.execute("UPDATE sessions SET title = 'from the log'")
    log = copy.with_name("copy.duckdb.wal").read_bytes()
    connection.close()
    assert log
    database.with_name("lab.duckdb.wal").write_bytes(log)
    if damaged:
        database.write_bytes(b"not a database")
    filled.rebuild()
    assert dump(filled) == before
    assert not database.with_name("lab.duckdb.wal").exists()


@pytest.mark.parametrize("damage", [b"", b"not a database", b"\0" * 20_000], ids=["empty", "text", "zeros"])
def test_a_damaged_database_names_the_command_that_mends_it(filled: Record, damage: bytes) -> None:
    before = dump(filled)
    filled.workspace.database.write_bytes(damage)
    filled.append(SESSION, reading("recorded all the same"))
    for use in (lambda: filled.query("SELECT 1"), filled.sync):
        with pytest.raises(LabError, match="lab rebuild"):
            use()
    assert any("lab rebuild" in fault for fault in filled.faults())
    filled.rebuild()
    assert readings(filled) == ["recorded all the same"]
    assert dump(filled)["exchanges"] == before["exchanges"]


def test_a_database_damaged_in_its_middle_is_told_by_the_query_that_meets_it(filled: Record) -> None:
    database = filled.workspace.database
    body = bytearray(database.read_bytes())
    body[12288:] = b"\xab" * (len(body) - 12288)
    database.write_bytes(body)
    with pytest.raises(LabError, match=r"is damaged.*lab rebuild"):
        filled.query("SELECT * FROM salience_history")


def test_the_background_thread_survives_a_damaged_database(filled: Record) -> None:
    filled.workspace.database.write_bytes(b"not a database")
    filled.start()
    filled.append(SESSION, reading("waits"))
    wait_until(lambda: any("lab rebuild" in fault for fault in filled._projector.troubles))
    filled.rebuild()
    filled.append(SESSION, reading("goes on"))
    wait_until(lambda: readings(filled) == ["waits", "goes on"])
    wait_until(lambda: filled.faults() == [])


def test_a_database_of_a_newer_release_is_refused_and_left_alone(filled: Record) -> None:
    steps = len(migrations.STEPS)
    with filled.unlocked() as connection:
        connection.execute(f"INSERT INTO schema_steps VALUES ({steps + 1}, 'from the future')")
    filled.append(SESSION, reading("waits"))
    for use in (lambda: filled.query("SELECT 1"), filled.sync):
        with pytest.raises(LabError, match="newer release of the lab") as told:
            use()
        assert "lab rebuild" in told.value.remedy
    with duckdb.connect(str(filled.workspace.database), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM schema_steps").fetchall() == [(steps + 1,)]
        assert connection.execute("SELECT count(*) FROM resources").fetchall() == [(0,)]
    filled.rebuild()
    assert readings(filled) == ["waits"]


def test_a_database_of_the_first_release_becomes_what_a_rebuild_makes(record: Record) -> None:
    record.append(SESSION, opened(), *whole_turn(1))
    with duckdb.connect(str(record.workspace.database)) as connection:
        migrations.upgrade(connection, migrations.STEPS[:1])
        connection.execute("INSERT INTO sessions (session_id, checkpoint, profile) VALUES ('old', 'tiny', 'lexical')")
        connection.execute(
            "INSERT INTO drafts (exchange_id, iteration, text, chosen) VALUES ('old-0001', 0, 'x', true)"
        )
    assert record.sync()
    thinking = "SELECT DISTINCT thinking, thinking_tokens, finish FROM drafts"
    assert record.query(thinking).rows == [("", 0, None)]
    assert record.query("SELECT DISTINCT revision FROM sessions").rows == [(None,)]
    assert [iteration for (iteration,) in record.query("SELECT iteration FROM drafts ORDER BY ALL").rows] == [
        0,
        0,
        1,
        2,
    ]
    record.rebuild()
    assert record.query(thinking).rows == [("", 0, None)]


def test_a_database_of_any_release_becomes_the_one_of_this_release_with_all_its_rows(record: Record) -> None:
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2))
    record.append("sleep-0001", *cycle())
    assert record.sync()
    now = dump(record)
    tables = "SELECT sql FROM duckdb_tables() WHERE sql LIKE '%PRIMARY KEY%' AND table_name <> 'schema_steps'"
    assert record.query(tables).rows == []
    for steps in range(1, len(migrations.STEPS)):
        old = record.workspace.database.with_name("old.duckdb")
        with duckdb.connect(str(old)) as connection:
            migrations.upgrade(connection, migrations.STEPS[:steps])
            connection.execute(f"ATTACH '{record.workspace.database}' AS present (READ_ONLY)")
            kept = []
            for table in projection.TABLES:
                found = connection.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE database_name = 'old' AND table_name = ?", [table]
                ).fetchall()
                if not found:
                    continue
                kept.append(table)
                names = ", ".join(f'"{name}"' for (name,) in found)
                connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM present.{table}")
        old.replace(record.workspace.database)
        upgraded = Record(record.workspace)
        assert upgraded.sync()
        found_now = dump(upgraded)
        # What the older release had no table or column for is there again after a rebuild.
        assert {table: len(found_now[table]) for table in kept} == {table: len(now[table]) for table in kept}
        assert found_now["salience"] == now["salience"]
        assert upgraded.query(tables).rows == []
        upgraded.rebuild()
        assert dump(upgraded) == now


def test_steps_are_applied_in_order_and_only_once() -> None:
    first = ("first", "CREATE TABLE a (x INTEGER)")
    second = ("second", "ALTER TABLE a ADD COLUMN y INTEGER; INSERT INTO a VALUES (1, 2)")
    with duckdb.connect() as connection:
        migrations.upgrade(connection, [first])
        assert migrations.pending(connection, [first, second]) == [second]
        migrations.upgrade(connection, [first, second])
        migrations.upgrade(connection, [first, second])
        assert connection.execute("FROM a").fetchall() == [(1, 2)]
        assert connection.execute("FROM schema_steps").fetchall() == [(1, "first"), (2, "second")]
        with pytest.raises(LabError, match="newer release"):
            migrations.pending(connection, [first])


def test_a_step_that_fails_leaves_the_database_as_it_was() -> None:
    first = ("first", "CREATE TABLE a (x INTEGER)")
    with duckdb.connect() as connection:
        migrations.upgrade(connection, [first])
        with pytest.raises(duckdb.Error):
            steps = [first, ("second", "CREATE TABLE b (x INTEGER)"), ("bad", "CREATE nonsense")]
            migrations.upgrade(connection, steps)
        assert connection.execute("SELECT name FROM schema_steps").fetchall() == [("first",)]
        assert "b" not in [name for (name,) in connection.execute("SHOW TABLES").fetchall()]


def test_a_rebuild_that_fails_keeps_the_old_database(filled: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump(filled)

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.rebuild(stop)
    assert dump(filled) == before
    assert sorted(path.name for path in filled.workspace.sessions.glob("lab.duckdb*")) == [
        "lab.duckdb",
        "lab.duckdb.lock",
    ]


def test_a_place_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    from lab.settings import Workspace

    (tmp_path / "sessions").write_text("a file where the folder should be")
    with pytest.raises(LabError, match="cannot be written"):
        Record(Workspace(tmp_path)).query("SELECT 1")
