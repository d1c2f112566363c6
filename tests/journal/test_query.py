"""Queries: they read everything and change nothing, stop at their limit and at a cancel."""

from __future__ import annotations

import os
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.journal.record import Record
from tests.helpers import wait_until
from tests.journal.samples import SESSION, opened, start_child, whole_turn

# OUTSIDE stands for a path in the test's own folder.
HOSTILE = [
    "INSERT INTO exchanges (exchange_id) VALUES ('x')",
    "UPDATE sessions SET title = 'x'",
    "DELETE FROM sessions",
    "DROP TABLE sessions",
    "TRUNCATE sessions",
    "CREATE TABLE mine AS SELECT 1",
    "CREATE OR REPLACE VIEW salience_history AS SELECT 1",
    "ALTER TABLE sessions ADD COLUMN x INTEGER",
    "ALTER DATABASE lab SET ALIAS TO other",
    "COPY sessions TO 'OUTSIDE'",
    "COPY (SELECT 1) TO 'OUTSIDE' (FORMAT parquet)",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "COPY sessions FROM '/etc/passwd'",
    "EXPORT DATABASE 'OUTSIDE'",
    "IMPORT DATABASE 'OUTSIDE'",
    "ATTACH 'OUTSIDE' AS other",
    "ATTACH ':memory:' AS other",
    "DETACH lab",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD 'OUTSIDE'",
    "UPDATE EXTENSIONS",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'http://127.0.0.1:1/x.csv'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET GLOBAL temp_directory = '/tmp'",
    "PRAGMA enable_profiling = 'json'",
    "PRAGMA profiling_output = 'OUTSIDE'",
    "SET log_query_path = 'OUTSIDE'",
    "CALL enable_logging(storage = 'file', storage_config = {'path': 'OUTSIDE'})",
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "SELECT * FROM record",
    "SELECT 1; COPY (SELECT 1) TO 'OUTSIDE'; SELECT 2",
    "PREPARE p AS COPY (SELECT 1) TO 'OUTSIDE'; EXECUTE p",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'OUTSIDE'",
    "FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    # DuckDB lets a query reach the files of its own database.
    "COPY (SELECT 1) TO 'DATABASE' (USE_TMP_FILE false)",
    "COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)",
    "WITH x AS (COPY (SELECT 1) TO 'DATABASE' (USE_TMP_FILE false)) FROM x",
    "WITH x AS (COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)) FROM x",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)",
    "EXPLAIN ANALYZE WITH x AS (COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)) FROM x",
    "CREATE TEMP TABLE y AS WITH x AS (COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)) FROM x",
    "SET VARIABLE y = (WITH x AS (COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)) FROM x)",
    "PREPARE p AS COPY (SELECT 1) TO 'DATABASE.wal'; EXECUTE p",
    "/* SELECT */ COPY -- SELECT\n (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false) ;; -- SELECT 1",
    "CREATE /* TEMP TABLE */ TABLE mine AS SELECT 1",
    "ATTACH 'DATABASE' AS other (READ_WRITE)",
    "COPY FROM DATABASE lab TO memory",
    "IMPORT DATABASE 'DATABASE'",
    "SELECT * FROM 'DATABASE.lock'",
    "CREATE TEMP MACRO r(p) AS TABLE FROM read_text(p); FROM r('/etc/passwd')",
    "CREATE TEMP VIEW r AS FROM read_text('/etc/passwd')",
    "CREATE SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "CREATE TABLE memory.mine AS SELECT 1",
    "CREATE SCHEMA mine",
    "WITH x AS (DELETE FROM sessions RETURNING *) FROM x",
    "WITH x AS (INSERT INTO sessions (session_id) VALUES ('x') RETURNING *) FROM x",
    "MERGE INTO sessions USING sessions AS other USING (session_id) WHEN MATCHED THEN DELETE",
    "BEGIN; DELETE FROM sessions; COMMIT",
    "USE memory",
    "CHECKPOINT",
    "FORCE CHECKPOINT lab",
    "SELECT * FROM force_checkpoint('lab')",
    "COMMENT ON TABLE sessions IS 'x'",
    "SELECT getenv('HOME')",
    "SET SESSION search_path = 'temp'",
    "RESET memory_limit",
    "SET memory_limit = '100GB'",
    "SET disabled_filesystems = ''",
    "PRAGMA memory_limit = '100GB'",
    "PRAGMA enable_object_cache",
    # SQL in a text, which nobody has looked at.
    "FROM json_execute_serialized_sql(json_serialize_sql('WITH x AS (COPY (SELECT 1) TO ''DATABASE.wal''"
    " (USE_TMP_FILE false)) FROM x'))",
    "FROM system.main.\"JSON_execute_serialized_sql\"/* */('{}')",
    "FROM query('WITH x AS (COPY (SELECT 1) TO ''DATABASE.wal'' (USE_TMP_FILE false)) FROM x')",
    "FROM query -- (\n ('SELECT 1')",
    "CREATE TEMP MACRO m(p) AS TABLE FROM \"query\"(p); FROM m('SELECT 1')",
    "CREATE TEMP VIEW v AS WITH x AS (COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)) FROM x; FROM v",
    "CREATE TEMP MACRO m() AS TABLE WITH x AS (COPY (SELECT 1) TO 'DATABASE.wal') FROM x; FROM m()",
    "FROM enable_logging(storage := 'file', storage_path := 'OUTSIDE')",
    "FROM enable_logging(storage := 'stdout')",
    "PIVOT (WITH x AS (COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)) FROM x) ON Count USING sum(1)",
    "SELECT 1 /* ) */ ; /* ; */ COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false)",
    "SELECT 1)\n; COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false); SELECT (1",
    "SELECT '''' ; COPY (SELECT 1) TO 'DATABASE.wal' (USE_TMP_FILE false); SELECT $a$ ' $a$",
    # The record's own file, which DuckDB exempts.
    "FROM read_blob('DATABASE')",
    "FROM system.main.\"read_blob\"(['DATABASE'])",
    "FROM read_csv('DATABASE', all_varchar = true, ignore_errors = true, strict_mode = false, sep = '|')",
    "SET VARIABLE f = 'DATABASE'; SELECT count(*) FROM read_blob(getvariable('f'))",
    "SET VARIABLE f = (SELECT size FROM read_blob('DATABASE')); SELECT getvariable('f')",
    "SELECT * FROM sessions, LATERAL (SELECT size FROM read_blob('DATABASE'))",
    "CREATE TEMP MACRO r(p) AS TABLE FROM read_blob(p); FROM r('DATABASE')",
    "CREATE TEMP VIEW r AS FROM read_blob('DATABASE'); FROM r",
    "EXPLAIN ANALYZE FROM read_blob('DATABASE')",
    "SUMMARIZE FROM read_blob('DATABASE')",
    "PIVOT (SELECT size, filename FROM read_blob('DATABASE')) ON filename USING max(size)",
    "FROM query_table('DATABASE')",
    "FROM 'DATABASE'",
    'FROM "file:DATABASE."',
]


@pytest.fixture
def filled(record: Record) -> Record:
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2, total=0.1))
    assert record.sync()
    return record


def everything_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def aimed(sql: str, record: Record) -> str:
    """A hostile statement with its paths."""
    return (
        sql.replace("OUTSIDE", str(record.workspace.root / "outside"))
        .replace("DATABASE.", f"{record.workspace.database}.")
        .replace("'DATABASE'", f"'{record.workspace.database}'")
    )


@pytest.mark.parametrize("sql", HOSTILE)
def test_a_statement_that_reaches_out_is_refused_and_changes_nothing(filled: Record, sql: str) -> None:
    before = everything_below(filled.workspace.root)
    with pytest.raises(LabError) as told:
        filled.query(aimed(sql, filled))
    assert told.value.remedy
    assert everything_below(filled.workspace.root) == before


@pytest.mark.parametrize("sql", ["VACUUM", "ANALYZE", "LOAD json", "INSERT INTO x VALUES (1)", "DROP TABLE x"])
def test_only_statements_that_read_are_for_queries(filled: Record, sql: str) -> None:
    with pytest.raises(LabError, match="is not allowed in a query"):
        filled.query(f"CREATE TEMP TABLE x AS SELECT 1; {sql}")


def test_one_query_leaves_nothing_to_the_next(filled: Record) -> None:
    filled.query("CREATE TEMP TABLE mine AS SELECT 1; SET VARIABLE mine = 1")
    with pytest.raises(LabError, match="mine does not exist"):
        filled.query("SELECT * FROM mine")


def test_several_statements_run_in_order_and_the_last_one_answers(filled: Record) -> None:
    table = filled.query(
        "CREATE TEMP TABLE mine AS SELECT exchange_id FROM salience WHERE salient; SELECT count(*) AS n FROM mine;"
    )
    assert (table.columns, table.rows, table.truncated) == (("n",), [(1,)], False)
    with pytest.raises(LabError, match="nothere"):
        filled.query("SELECT * FROM nothere; SELECT 1")


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("DESCRIBE exchanges", "column_name"),
        ("SHOW TABLES", "name"),
        ("SUMMARIZE salience", "column_name"),
        ("EXPLAIN SELECT * FROM exchanges", "explain_key"),
        ("EXPLAIN ANALYZE SELECT * FROM exchanges", "explain_key"),
        ("PRAGMA table_info('drafts')", "cid"),
        ("FROM sessions", "session_id"),
        ("WITH x AS (SELECT 1 AS one) SELECT * FROM x", "one"),
        ("PIVOT salience ON profile USING max(total)", "exchange_id"),
        ("VALUES (1), (2)", "col0"),
    ],
)
def test_what_shows_and_explains_works_with_a_limit(filled: Record, sql: str, column: str) -> None:
    table = filled.query(sql, limit=1)
    assert column in table.columns
    assert len(table.rows) == 1


def test_parameters_go_in_order_or_by_name(filled: Record) -> None:
    assert filled.query("SELECT ?, ?", [1, "a"]).rows == [(1, "a")]
    assert filled.query("SELECT $one, $two", {"one": 1, "two": None}).rows == [(1, None)]


def test_the_limit_says_whether_there_was_more(filled: Record) -> None:
    assert (len(filled.query("FROM exchanges", limit=1).rows), filled.query("FROM exchanges", limit=1).truncated) == (
        1,
        True,
    )
    assert not filled.query("FROM exchanges", limit=2).truncated
    assert filled.query("FROM exchanges", limit=0).rows == []
    assert filled.query("SELECT turn FROM exchanges ORDER BY turn DESC", limit=1).rows == [(2,)]


@pytest.mark.skipif(sys.platform == "win32", reason="reads memory through resource")
def test_a_billion_rows_with_a_limit_cost_no_memory(tmp_path: Path) -> None:
    code = """
import resource
from pathlib import Path
from lab.journal.record import Record
from lab.settings import Workspace
record = Record(Workspace(Path(ARGUMENTS[0])))
record.query("SELECT 1")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = record.query("SELECT *, now() FROM range(1000000000)", limit=1000)
zoned = record.query("SELECT * FROM range(1000000000)", limit=1000)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(len(table.rows), table.truncated, len(zoned.rows), zoned.truncated, grown < 200_000)
"""
    with start_child(code, tmp_path) as child:
        out, _ = child.communicate(timeout=30)
    assert out.split() == ["1000", "True", "1000", "True", "True"]


def test_a_query_that_wants_all_memory_ends_with_a_sentence(filled: Record) -> None:
    with pytest.raises(LabError, match="more memory than"):
        filled.query("SELECT range FROM range(1000000000) ORDER BY hash(range)", limit=10)


def test_cancelling_ends_a_long_query(filled: Record) -> None:
    cancel = threading.Event()
    outcome: list[Any] = []

    def run() -> None:
        try:
            filled.query("SELECT max(a.range * b.range) FROM range(1000000) a, range(1000000) b", cancel=cancel)
        except LabError as error:
            outcome.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    wait_until(lambda: filled._database._gate._readers == 1)
    cancel.set()
    worker.join(10)
    assert [str(error) for error in outcome] == ["The query was cancelled."]
    assert len(filled.query("FROM exchanges").rows) == 2


def test_a_query_cancelled_before_it_began_does_not_run(filled: Record) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(LabError, match="cancelled"):
        filled.query("SELECT count(*) FROM range(100000000000) WHERE hash(range) = 3", cancel=cancel)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("selec 1", "syntax error"),
        ("SELECT nope FROM exchanges", "nope"),
        ("SELECT 'a", "unterminated"),
        ("SELECT CAST('x' AS INTEGER)", "Could not convert"),
        ("SELECT ?", "parameter"),
        ("", "The query is empty"),
        ("-- nothing\n;", "The query is empty"),
        ("SELECT '\ud83d'", "not text"),
    ],
)
def test_bad_sql_is_told_in_duckdbs_words(filled: Record, sql: str, words: str) -> None:
    with pytest.raises(LabError, match=words) as told:
        filled.query(sql)
    assert told.value.remedy


def test_zoned_times_come_in_utc_and_compare_with_the_record(filled: Record) -> None:
    ((time, same),) = filled.query("SELECT now(), now() - created_at < INTERVAL 1 HOUR FROM exchanges LIMIT 1").rows
    assert abs(datetime.now(timezone.utc) - time.replace(tzinfo=timezone.utc)) < timedelta(minutes=1)
    assert same is True


def test_times_are_utc_wherever_the_machine_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    code = """
from pathlib import Path
from lab.journal.record import Record
from lab.settings import Workspace
record = Record(Workspace(Path(ARGUMENTS[0])))
print(record.query("SELECT current_setting('TimeZone')").rows[0][0])
"""
    with start_child(code, tmp_path) as child:
        assert said(child) == "UTC"


def said(child: Any) -> str:
    return str(child.communicate()[0]).strip()


def test_a_query_works_before_there_is_a_database(record: Record) -> None:
    assert not record.workspace.database.exists()
    assert record.query("SELECT count(*) FROM salience_history").rows == [(0,)]
    record.append(SESSION, opened(), *whole_turn(1))
    record.sync()
    record.workspace.database.unlink()
    assert record.query("SELECT count(*) FROM salience_history").rows == [(1,)]


def test_a_long_query_keeps_short_ones_and_appending_going(filled: Record) -> None:
    cancel = threading.Event()
    ended: list[str] = []

    def run() -> None:
        try:
            filled.query("SELECT max(a.range * b.range) FROM range(1000000) a, range(1000000) b", cancel=cancel)
        except LabError as error:
            ended.append(str(error))

    worker = threading.Thread(target=run)
    worker.start()
    wait_until(lambda: filled._database._gate._readers == 1)
    filled.start()
    filled.append(SESSION, *whole_turn(3))
    assert len(filled.query("FROM exchanges").rows) == 2
    assert not filled.sync(timeout=0.05)
    cancel.set()
    worker.join()
    wait_until(lambda: len(filled.query("FROM exchanges").rows) == 3)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_workspace_that_cannot_be_written_can_be_read(filled: Record) -> None:
    filled.workspace.sessions.chmod(0o500)
    try:
        assert len(Record(filled.workspace).query("FROM exchanges").rows) == 2
    finally:
        filled.workspace.sessions.chmod(0o700)
