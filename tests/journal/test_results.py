"""Results of any size: computed beside the lab, read by pages, sorted, saved; hostile statements reach nothing."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from lab.errors import LabError
from lab.journal import alias
from lab.journal.asking import Asker, QueryError
from lab.journal.record import Record
from lab.journal.results import FORMS, Form, Result
from lab.journal.scratch import Scratch
from lab.settings import Workspace
from tests.helpers import go_among_impostors, small_files, wait_until
from tests.journal.samples import SESSION, dump, opened, said, start_child, whole_turn
from tests.journal.test_query import HOSTILE, aimed, everything_below

ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range = -1"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "results"


@pytest.fixture
def filled(record: Record) -> Record:
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2, total=0.1))
    assert record.sync()
    return record


@pytest.fixture
def asker(filled: Record) -> Iterator[Asker]:
    asker = Asker(filled)
    yield asker
    asker.close()


@pytest.fixture
def million(asker: Asker) -> Iterator[Result]:
    result = asker.ask("SELECT range AS n, (range * 7919) % 1000003 AS mixed, 'row ' || range AS t FROM range(1000000)")
    yield result
    result.close()


def rows(result: Result) -> list[tuple[object, ...]]:
    found = result.page(0, 1000)
    result.close()
    return found


def test_a_query_is_asked_from_any_folder_and_no_file_of_it_is_taken_for_a_library(
    filled: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_among_impostors(tmp_path, monkeypatch)
    monkeypatch.setenv("LAB_CACHE", "cache")
    asker = Asker(Record(Workspace(Path())))
    assert rows(asker.ask("SELECT count(*) FROM exchanges")) == [(2,)]
    asker.close()


@pytest.mark.parametrize("sql", HOSTILE)
def test_a_statement_that_reaches_out_is_refused_and_changes_nothing(asker: Asker, filled: Record, sql: str) -> None:
    before = everything_below(filled.workspace.sessions)
    with pytest.raises(LabError) as told:
        asker.ask(aimed(sql, filled))
    assert told.value.remedy
    assert everything_below(filled.workspace.sessions) == before
    assert not (filled.workspace.root / "outside").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE lab_result.result SET x = 2",
        "SELECT 1 AS x; COPY (SELECT 1) TO '/tmp/out.csv'",
        "SELECT * FROM read_text('lab.toml')",
        "SELECT * FROM glob('**')",
        "FROM 'SESSIONS/*/events.jsonl'",
        "WITH x AS (COPY (SELECT 1) TO 'SESSIONS/new' (USE_TMP_FILE false)) FROM x",
    ],
)
def test_no_file_of_the_workspace_can_be_read_or_made(asker: Asker, filled: Record, sql: str) -> None:
    (filled.workspace.root / "lab.toml").touch()
    with pytest.raises(LabError):
        asker.ask(sql.replace("SESSIONS", str(filled.workspace.sessions)))


def test_even_what_got_past_the_check_reaches_no_file_of_the_record(filled: Record) -> None:
    database = filled.workspace.database
    connection = duckdb.connect()
    alias.attach(connection, database, database.parent / alias.FOLDER / "a", "lab")
    connection.execute("USE lab; SET enable_external_access = false; SET lock_configuration = true")
    assert connection.execute("SELECT count(*) FROM exchanges").fetchall() == [(2,)]
    before = everything_below(filled.workspace.sessions)
    ((known,),) = connection.execute("SELECT path FROM duckdb_databases() WHERE database_name = 'lab'").fetchall()
    for path in (database, f"{database}.wal", known, f"{known}.wal"):
        with pytest.raises(duckdb.Error):
            connection.execute(f"COPY (SELECT 1) TO '{path}' (USE_TMP_FILE false)")
        with contextlib.suppress(duckdb.PermissionException):
            assert connection.execute(f"SELECT count(*) FROM read_blob('{path}')").fetchall() == [(0,)]
    assert everything_below(filled.workspace.sessions) == before
    connection.close()


def test_a_query_sees_what_a_killed_writer_left_in_the_log(asker: Asker, filled: Record) -> None:
    code = """
import os, duckdb
connection = duckdb.connect(ARGUMENTS[0])
connection.execute("UPDATE sessions SET title = 'in the log'")
print("written", flush=True)
os._exit(1)
"""
    with start_child(code, filled.workspace.database) as child:
        assert said(child) == "written"
        child.wait()
    assert Path(f"{filled.workspace.database}.wal").exists()
    assert rows(asker.ask("SELECT title FROM sessions")) == [("in the log",)]


def test_links_that_a_killed_process_left_are_removed_at_the_next_query(asker: Asker, filled: Record) -> None:
    folder = filled.workspace.sessions / alias.FOLDER
    (folder / "left").mkdir(parents=True)
    (folder / "young").mkdir()
    os.utime(folder / "left", (1, 1))
    assert rows(asker.ask("SELECT 1")) == [(1,)]
    assert [path.name for path in folder.iterdir()] == ["young"]
    (folder / "young").rmdir()
    assert rows(asker.ask("SELECT 1")) == [(1,)]
    assert not folder.exists()


def test_where_there_are_no_links_the_record_is_read_by_its_own_name(
    filled: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    connection = duckdb.connect()
    alias.attach(connection, filled.workspace.database, filled.workspace.sessions / alias.FOLDER / "a", "lab")
    assert connection.execute("SELECT count(*) FROM lab.exchanges").fetchall() == [(2,)]
    connection.close()


def test_no_memory_is_enough_for_some_and_they_end_with_a_sentence(asker: Asker) -> None:
    for sql in ("SELECT list(range) FROM range(3000000000)", "SELECT repeat(repeat('x', 1000000), 100000)"):
        with pytest.raises(LabError, match=r"memory|room|failed"):
            asker.ask(sql)
    assert rows(asker.ask("SELECT 1")) == [(1,)]


def test_several_statements_run_in_order_and_the_last_that_gives_rows_answers(asker: Asker) -> None:
    script = (
        "SET VARIABLE a = 3; CREATE TEMP TABLE k AS SELECT getvariable('a') AS a; -- c;\nFROM k;\nSET VARIABLE a = 4;"
    )
    assert rows(asker.ask(script)) == [(3,)]
    assert rows(asker.ask("SET VARIABLE a = 3")) == []


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
        ("WITH x AS (SELECT 1 AS one) SELECT * FROM x -- the end", "one"),
        ("PIVOT salience ON profile USING max(total)", "exchange_id"),
        ("VALUES (1), (2)", "col0"),
    ],
)
def test_what_shows_and_explains_gives_rows(asker: Asker, sql: str, column: str) -> None:
    result = asker.ask(sql)
    assert column in [each.name for each in result.columns]
    assert result.row_count == len(rows(result)) > 0


def test_parameters_go_in_order_or_by_name(asker: Asker) -> None:
    assert rows(asker.ask("SELECT ?, ?", [1, "a"])) == [(1, "a")]
    assert rows(asker.ask("SELECT $one::INT + 1", {"one": "1"})) == [(2,)]


@pytest.mark.parametrize(
    ("sql", "position"),
    [
        ("selec 1", 0),
        ("SELECT 1;\n-- \u00e4\nSELECT '\u00e4', nope FROM exchanges", 27),
        ("CREATE TEMP TABLE k AS SELECT nope FROM exchanges", 30),
        ("EXPLAIN ANALYZE SELECT nope FROM exchanges", 23),
    ],
)
def test_an_error_knows_its_place(asker: Asker, sql: str, position: int) -> None:
    with pytest.raises(QueryError) as told:
        asker.ask(sql)
    assert told.value.position == position
    assert asker.ask("SELECT 1").row_count == 1


def test_a_million_rows_are_read_by_pages_and_sorted(million: Result) -> None:
    assert million.row_count == 1_000_000
    assert million.page(999_998, 10) == [(n, n * 7919 % 1000003, f"row {n}") for n in (999_998, 999_999)]
    order = million.sorted("mixed", descending=False)
    first = million.page(0, 3, order)
    assert [row[1] for row in first] == sorted(n * 7919 % 1000003 for n in range(1_000_000))[:3]
    assert million.value(1, 2, order) == first[1][2]
    started = time.monotonic()
    for at in range(0, 1_000_000, 100_000):
        assert len(million.page(at, 100)) == 100
    assert time.monotonic() - started < 10


def test_the_record_is_not_held_while_a_result_is_open(million: Result, filled: Record) -> None:
    with duckdb.connect(str(filled.workspace.database)) as writer:
        writer.execute("UPDATE sessions SET title = 'x'")
    assert million.page(5, 1) == [(5, 5 * 7919, "row 5")]


@pytest.mark.parametrize("ending", FORMS)
def test_a_result_is_saved_whole_in_each_form(asker: Asker, tmp_path: Path, ending: str) -> None:
    sql = "SELECT range AS n, 'a\"b,\n' AS t, TIMESTAMP '2026-01-02 03:04:05' AS w, 'nan'::DOUBLE AS d FROM range(3)"
    result = asker.ask(sql)
    path = tmp_path / f"it's{ending}"
    result.save(path, FORMS[ending], result.sorted("n", descending=True))
    if ending == ".csv":
        numbers = [row[0] for row in list(csv.reader(path.open(newline="")))[1:]]
    elif ending == ".parquet":
        numbers = [row[0] for row in duckdb.execute("SELECT n, t FROM read_parquet(?)", [str(path)]).fetchall()]
    else:
        text = path.read_text()
        found = json.loads(text) if ending == ".json" else [json.loads(line) for line in text.splitlines()]
        assert found[0] == {"n": 2, "t": 'a"b,\n', "w": "2026-01-02T03:04:05.000000", "d": None}
        numbers = [row["n"] for row in found]
    assert [int(number) for number in numbers] == [2, 1, 0]
    with pytest.raises(LabError, match="exists already"):
        result.save(path, FORMS[ending])
    with pytest.raises(LabError, match="cannot be written"):
        result.save(tmp_path / "nowhere" / f"x{ending}", FORMS[ending])
    result.close()
    assert [each for each in tmp_path.iterdir() if "it's" in each.name] == [path]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_number_that_is_none_is_null_in_json_also_within_other_values(
    asker: Asker, tmp_path: Path, form: Form
) -> None:
    result = asker.ask(
        r"""SELECT n, ['nan'::DOUBLE, 'inf', '-inf', 1.5] AS l, {'x': 'nan'::FLOAT, 'y': ['inf'::DOUBLE]} AS s,
        map {'NaN': 'nan'::DOUBLE} AS m, ['inf'::DOUBLE]::DOUBLE[1] AS a, 'nan'::DOUBLE::UNION(d DOUBLE, t TEXT) AS u,
        '{"j": [NaN, "NaN \" -Infinity"]}'::JSON AS j, ['Infinity'] AS t FROM range(2) each(n)"""
    )
    path = tmp_path / "a"
    result.save(path, form)
    lines = json.loads(path.read_text()) if form == "json" else map(json.loads, path.read_text().splitlines())
    rest = {"l": [None, None, None, 1.5], "s": {"x": None, "y": [None]}, "m": {"NaN": None}, "a": [None]}
    rest |= {"u": {"d": None}, "j": {"j": [None, 'NaN " -Infinity']}, "t": ["Infinity"]}
    assert list(lines) == [{"n": n} | rest for n in range(2)]
    assert "NaN" in (result.value(0, 1) or "").replace("nan", "NaN")
    result.close()


def test_long_values_are_cut_in_pages_and_whole_by_themselves(asker: Asker) -> None:
    result = asker.ask("SELECT repeat('ab', 5000) AS t, [1, 2] AS l, NULL AS n, now() AS w")
    ((text, numbers, nothing, when),) = result.page(0, 1)
    assert (len(text), numbers, nothing, len(when)) == (400, "[1, 2]", None, 19)
    assert len(result.value(0, 0) or "") == 10_000
    assert result.value(0, 2) is None
    result.close()


def test_cancelling_ends_a_query_at_once(asker: Asker) -> None:
    cancel = threading.Event()
    told: list[float] = []

    def run() -> None:
        with pytest.raises(LabError, match="cancelled"):
            asker.ask(ENDLESS, cancel=cancel)
        told.append(time.monotonic())

    worker = threading.Thread(target=run)
    worker.start()
    time.sleep(1)
    asked = time.monotonic()
    cancel.set()
    worker.join(10)
    assert told[0] - asked < 5


def test_a_full_disk_is_one_sentence_and_leaves_nothing(asker: Asker, cache: Path) -> None:
    with small_files(3_000_000), pytest.raises(LabError, match="room on the disk"):
        asker.ask("SELECT range, hash(range), hash(range + 1) FROM range(3000000)")
    assert list(cache.iterdir()) == []


def test_what_a_killed_lab_left_is_removed_and_its_query_ends(filled: Record, cache: Path) -> None:
    code = f"""
import threading, time
from pathlib import Path
from lab.journal import alias
from lab.journal.asking import Asker
from lab.journal.record import Record
from lab.settings import Workspace
threading.Thread(target=Asker(Record(Workspace(Path(ARGUMENTS[0])))).ask, args=[{ENDLESS!r}], daemon=True).start()
print("asked", flush=True)
time.sleep(60)
"""
    with start_child(code, filled.workspace.root) as child:
        assert said(child) == "asked"
        wait_until(lambda: list(cache.glob("*/result.duckdb")))
        (left,) = (path.parent for path in cache.glob("*/result.duckdb"))
        child.kill()
    lock = left.with_name(f"{left.name}.lock")
    os.utime(lock, (1, 1))
    Scratch().close()
    assert list(cache.iterdir()) == []
    # The query's own process is gone: the record is free.
    wait_until(lambda: free(filled))


def free(record: Record) -> bool:
    try:
        duckdb.connect(str(record.workspace.database)).close()
    except duckdb.Error:
        return False
    return True


def test_the_folder_of_a_result_is_private_and_goes_with_it(asker: Asker, cache: Path) -> None:
    result = asker.ask("SELECT 1")
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    assert folder.stat().st_mode & 0o777 == 0o700
    # What is in use is nobody's to remove.
    os.utime(folder.with_name(f"{folder.name}.lock"), (1, 1))
    Scratch().close()
    assert rows(result) == [(1,)]
    assert list(cache.iterdir()) == []


def test_writing_on_purpose_lasts_until_a_rebuild(asker: Asker, filled: Record) -> None:
    before = dump(filled)
    assert rows(asker.change("UPDATE sessions SET title = 'mine'; SELECT title FROM sessions")) == [("mine",)]
    assert filled.query("SELECT title FROM sessions").rows == [("mine",)]
    with pytest.raises(QueryError, match="syntax error"):
        asker.change("selec")
    filled.rebuild()
    assert dump(filled) == before


def test_an_asker_that_is_closed_leaves_no_result_behind(asker: Asker, cache: Path) -> None:
    asker.ask("SELECT 1")
    with contextlib.closing(asker.ask("SELECT 2")):
        assert len(list(cache.glob("*/result.duckdb"))) == 2
    asker.close()
    assert list(cache.iterdir()) == []
    # One that ends after whoever asked has gone.
    with pytest.raises(LabError, match="cancelled"):
        asker.ask("SELECT 3")
    assert list(cache.iterdir()) == []
