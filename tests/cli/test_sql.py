"""lab sql: where the query comes from, its parameters, and the forms of what it gives."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from lab.cli import main
from lab.journal.record import Record
from lab.journal.saved import saved
from lab.settings import Workspace
from tests.journal.samples import SESSION, cycle, opened, reading, scored, whole_turn


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    workspace = Workspace(tmp_path / "workspace")
    workspace.create()
    record = Record(workspace)
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2, total=0.1), reading("loaded"))
    record.append("sleep-0001", *cycle())
    assert record.sync()
    return workspace.root


def test_saved_queries_are_listed_and_each_gives_rows_or_none(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "--list"]) == 0
    listed = capsys.readouterr().out
    queries = saved(Workspace(root))
    assert len(queries) >= 9
    for query in queries:
        assert query.name in listed and query.title in listed and query.description
        assert main(["sql", "--saved", query.name, "--format", "json"]) == 0
        assert isinstance(json.loads(capsys.readouterr().out), list)
    assert main(["sql", "--saved", "nothing"]) == 1
    assert "conflict" in capsys.readouterr().err


def test_what_two_profiles_scored_is_counted_once_by_each(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = Record(Workspace(root))
    record.append(SESSION, scored(1, 0.5, profile="lexical"))
    assert record.sync()
    assert main(["sql", "--saved", "adapters", "--format", "json"]) == 0
    rows = {row["profile"]: row for row in json.loads(capsys.readouterr().out)}
    assert {name: (row["exchanges"], row["sessions"], row["total"]) for name, row in rows.items()} == {
        "measured": (2, 1, 0.15),
        "lexical": (1, 1, 0.5),
    }


def test_a_query_of_the_workspace_takes_the_place_of_one_of_the_lab(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "queries").mkdir()
    (root / "queries" / "conflict.sql").write_text("SELECT 'mine' AS whose")
    assert main(["sql", "--saved", "conflict", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "whose\nmine\n"


def test_a_file_with_several_statements_and_parameters(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / "mine.sql"
    file.write_text(
        "-- Mine.\nCREATE TEMP TABLE best AS SELECT exchange_id, total FROM salience;\n"
        "SELECT count(*) AS n, $name AS name FROM best WHERE total >= $least; -- the end\n"
    )
    assert main(["sql", "--file", str(file), "--param", "least=0.15", "--param", "name=a=b", "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out) == {"n": 1, "name": "a=b"}
    assert main(["sql", "SELECT ? + 1 AS a, ? AS b", "--param", "41", "--param", "x y", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"a": 42, "b": "x y"}]
    assert main(["sql", "SELECT ?, $a", "--param", "41", "--param", "a=1"]) == 1
    assert "Give all of them a name" in capsys.readouterr().err
    assert main(["sql", "--file", str(root / "none.sql")]) == 1
    assert "none.sql cannot be read" in capsys.readouterr().err


def test_parameters_are_those_of_the_last_statement_whatever_it_is(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql", "UPDATE sessions SET title = $t", "--write", "--param", "t=Mine"]) == 0
    capsys.readouterr()
    assert main(["sql", "SELECT DISTINCT title FROM sessions", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"title": "Mine"}]
    assert main(["sql", "EXPLAIN SELECT $a", "--param", "a=1", "--format", "csv"]) == 0


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_rows_go_into_a_file_whose_ending_says_its_form(
    root: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = root / f"rows.{form}"
    assert main(["sql", "FROM range(5)", "--out", str(out)]) == 0
    assert "5 rows in" in capsys.readouterr().err
    assert main(["sql", "FROM range(6)", "--out", str(out)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["sql", "FROM range(6)", "--out", str(out), "--force"]) == 0
    reader = {"parquet": "read_parquet", "csv": "read_csv"}.get(form, "read_json")
    assert duckdb.execute(f"SELECT count(*) FROM {reader}(?)", [str(out)]).fetchall() == [(6,)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "parquet"], "--out FILE"),
        (["--out", "rows.xls"], "has no ending"),
        (["--out", "rows.csv", "--format", "table"], "A table is for reading"),
    ],
)
def test_forms_that_do_not_go_together_are_refused(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["sql", "SELECT 1", *arguments]) == 1
    assert words in capsys.readouterr().err


def test_there_is_one_query(root: Path) -> None:
    for arguments in (["sql"], ["sql", "SELECT 1", "--saved", "conflict"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 2


def test_standard_input_is_a_query_and_a_million_rows_stream(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab", "sql", "-", "--format", "csv"],
        input="SELECT range AS n, hash(range) AS h FROM range(1000000)",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert (rows[0], rows[-1][0], len(rows)) == (["n", "h"], "999999", 1_000_001)


def test_it_works_while_a_lab_is_open(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Record(Workspace(root)) as record:
        record.append(SESSION, *whole_turn(3))
        assert main(["sql", "SELECT count(*) AS n FROM exchanges", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "n\n3\n"


def test_unlocked_it_may_change_the_database(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "DELETE FROM drafts"]) == 1
    assert "not allowed in a query" in capsys.readouterr().err
    assert main(["sql", "DELETE FROM drafts; SELECT count(*) AS n FROM drafts", "--write", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "n\n0\n"
