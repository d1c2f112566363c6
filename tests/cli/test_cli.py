"""The command line: exit codes, formats, and one clear sentence for what goes wrong."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.cli import build_parser, main
from lab.console import ProgressLine
from lab.domain import DIMENSIONS, Progress
from lab.journal.events import ExchangeFinished, SessionOpened, TurnStarted
from lab.journal.record import Record
from lab.settings import Workspace
from tests.reference import RECORDINGS, recorded_exchanges
from tests.tiny import make_checkpoint


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


def fill(root: Path, text: str = "Hello,\n\x1b[31mworld") -> None:
    workspace = Workspace(root)
    workspace.create()
    Record(workspace).append(
        "a",
        SessionOpened("a", "tiny", None, "measured", 0.15),
        TurnStarted("a-0001", "a", 1, text, "tiny", None),
        ExchangeFinished("a-0001", "complete", 'He said "no".'),
    )


def commands() -> list[str]:
    group = build_parser()._subparsers
    assert group is not None
    return list(group._group_actions[0].choices)  # type: ignore[arg-type]


def test_help_names_every_command_and_each_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in [["--help"], *([name, "--help"] for name in commands())]:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        shown = capsys.readouterr().out
        assert "example" in shown
        assert "--workspace DIR" in shown
        if arguments == ["--help"]:
            assert all(name in shown for name in commands())


@pytest.mark.parametrize("arguments", [["nonsense"], ["ask"], ["ask", "x", "--iterations", "0"], ["sql", "1", "--to"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    program = (
        "import sys, contextlib\nfrom lab.cli import main\nwith contextlib.suppress(SystemExit): main(['--help'])\n"
        "print([n for n in ('torch', 'duckdb', 'textual', 'pydantic', 'orjson') if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_score_reproduces_every_recorded_number(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recordings = recorded_exchanges()
    assert main(["score", "--profile", "lexical", str(RECORDINGS)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == len(recordings)
    for line, recording in zip(lines, recordings):
        for name in (*DIMENSIONS, "total"):
            assert line["salience"][name] == pytest.approx(recording["salience"][name], abs=1e-9)
        assert {**line, "salience": None} == {**recording, "salience": None}


def test_score_reads_what_an_editor_of_windows_saved(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "transcript.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + b'{"user_input": "a", "model_response": "b"}\n')
    assert main(["score", str(file)]) == 0
    assert json.loads(capsys.readouterr().out)["user_input"] == "a"


def test_score_names_every_broken_line_and_scores_the_rest(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = '{"user_input": "a", "model_response": "b"}'
    file = tmp_path / "transcript.jsonl"
    file.write_bytes(f'{good}\n{{"user_input": \n\n[1]\n{{"user_input": 3}}\n'.encode() + b"\xff\n" + good.encode())
    deep = f'\n{good[:-1]}, "deep": {"[" * 300}{"]" * 300}}}\n{good}'
    with file.open("a") as more:
        more.write(deep)
    assert main(["score", str(file)]) == 1
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 3
    for part in (str(file), "line 2", "line 4: not a JSON object", "line 5: no text under user_input and", "line 6"):
        assert part in shown.err
    assert "line 8: nested too deep" in shown.err
    assert main(["score", str(tmp_path / "missing.jsonl")]) == 1
    assert "missing.jsonl cannot be read" in capsys.readouterr().err


def test_sql_gives_the_same_rows_as_table_json_and_csv(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(root)
    query = "SELECT exchange_id, user_input, response, turn FROM exchanges"
    values = ["a-0001", "Hello,\n\x1b[31mworld", 'He said "no".', 1]
    assert main(["sql", query, "--format", "json"]) == 0
    assert [list(row.values()) for row in json.loads(capsys.readouterr().out)] == [values]
    assert main(["sql", query, "--format", "csv"]) == 0
    assert list(csv.reader(io.StringIO(capsys.readouterr().out)))[1] == [str(value) for value in values]
    assert main(["sql", query]) == 0
    table = capsys.readouterr().out
    assert "a-0001" in table
    assert "\x1b" not in table
    assert len(table.splitlines()) == 3


def test_sql_only_reads_unless_unlocked(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(root)
    outside = tmp_path / "outside.csv"
    for statement in ("DELETE FROM exchanges", f"COPY exchanges TO '{outside}'", "CREATE TABLE x (a INTEGER)"):
        assert main(["sql", statement]) == 1
        assert capsys.readouterr().err.startswith("lab: ")
    assert not outside.exists()
    assert main(["sql", "CREATE VIEW mine AS SELECT 1 AS one", "--write"]) == 0
    capsys.readouterr()
    assert main(["sql", "SELECT one FROM mine", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"one": 1}]


def test_bad_sql_is_one_sentence_with_a_remedy(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root.mkdir()
    assert main(["sql", "SELEC 1"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "SELEC" in shown.err
    assert "Traceback" not in shown.err


def test_a_long_table_says_that_it_was_cut(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root.mkdir()
    (root / "lab.toml").write_text("[screen]\nrows = 3\n")
    assert main(["sql", "SELECT * FROM range(10)"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 5
    assert "first 3 rows" in shown.err
    assert main(["sql", "SELECT * FROM range(10)", "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 11


def test_rebuild_says_what_it_did(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(root)
    assert main(["rebuild"]) == 0
    assert "3 events of 1 journal " in capsys.readouterr().out
    assert main(["sql", "SELECT count(*) AS n FROM exchanges", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 1}]


def published_session(folder: Path) -> None:
    session = folder / "session_1761844013"
    session.mkdir(parents=True)
    metadata = {
        "session_id": "1761844013",
        "start_time": 1761844013.5,
        "end_time": 1761844099.0,
        "model_path": "models/qwen",
        "total_exchanges": 5,
        "salient_exchanges": 1,
        "avg_salience": 0.2,
    }
    (session / "metadata.json").write_text(json.dumps(metadata))
    scores = dict.fromkeys((*DIMENSIONS, "total"), 0.25)
    exchange = {
        "user_input": "What is truth?",
        "model_response": "A new belief.",
        "timestamp": 1761844020.0,
        "salience_scores": scores,
        "irp_info": None,
    }
    (session / "exchanges.jsonl").write_text(json.dumps(exchange) + "\n{broken\n")


def test_import_keeps_their_scores_beside_ours_and_twice_adds_nothing(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published_session(tmp_path / "published")
    assert main(["import", str(tmp_path / "published")]) == 0
    shown = capsys.readouterr().out
    assert "Imported 1 exchange of 1 session" in shown
    assert "exchanges.jsonl:2" in shown
    query = "SELECT profile, total FROM salience_history ORDER BY profile"
    assert main(["sql", query, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["profile"] for row in rows] == ["measured", "recorded"]
    assert rows[1]["total"] == 0.25
    assert rows[0]["total"] != 0.25
    assert main(["import", str(tmp_path / "published")]) == 0
    assert "Imported 0 exchanges" in capsys.readouterr().out
    assert main(["sql", query, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == rows


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["ask", "hello", "--checkpoint", "nope"], 'There is no checkpoint "nope"'),
        (["ask", "hello", "--adapter", "nope"], 'There is no adapter "nope"'),
        (["ask", "hello", "--session", "nope"], 'There is no session "nope"'),
        (["ask", "   "], "The message is empty"),
        (["sleep"], "Nothing to sleep on"),
        (["sleep", "--session", "nope"], 'There is no session "nope"'),
        (["import", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_bad_input_is_one_clear_sentence(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    if arguments[0] == "sleep":
        from tests.tiny import make_checkpoint

        arguments = [*arguments, "--checkpoint", str(make_checkpoint(root / "tiny"))]
    assert main(arguments) == 1
    shown = capsys.readouterr().err
    assert part in shown
    assert "Traceback" not in shown


def test_a_broken_lab_toml_stops_every_command_with_all_its_faults(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root.mkdir()
    (root / "lab.toml").write_text("[refinement]\niterations = 0\nseed = -1\n")
    for arguments in (["ask", "x"], ["sleep"], ["sql", "SELECT 1"], ["checkpoints"]):
        assert main(arguments) == 1
        shown = capsys.readouterr().err
        assert "refinement.iterations" in shown
        assert "refinement.seed" in shown


def test_without_a_terminal_the_lab_is_a_plain_transcript(root: Path) -> None:
    command = [sys.executable, "-m", "lab"]
    ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == ["a new session", "/help lists the commands."]
    asked = subprocess.run(command, capture_output=True, text=True, input="/sql SELECT 42 AS n\n/nope\n/quit\n")
    assert asked.returncode == 1
    assert "42" in asked.stdout
    assert "There is no command /nope" in asked.stderr


def test_a_reader_that_goes_away_is_no_error(root: Path, tmp_path: Path) -> None:
    root.mkdir()
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text('{"user_input": "a", "model_response": "b"}\n' * 5000)
    for command in ("sql 'SELECT * FROM range(100000)' --format csv", f"score {transcript}"):
        line = f"{sys.executable} -m lab {command} | head -1"
        result = subprocess.run(line, shell=True, capture_output=True, text=True)
        assert len(result.stdout.splitlines()) == 1
        assert result.stderr == ""


def test_bytes_that_are_no_text_are_named_by_their_line(root: Path) -> None:
    lines = b'{"user_input": "a", "model_response": "b"}\n\xff\n'
    result = subprocess.run([sys.executable, "-m", "lab", "score", "-"], input=lines, capture_output=True)
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 1
    assert b"line 2" in result.stderr
    assert b"Traceback" not in result.stderr


def test_a_session_named_before_the_command_is_the_session_of_the_command() -> None:
    parser = build_parser()
    assert parser.parse_args(["--session", "a", "sleep"]).session == "a"
    assert parser.parse_args(["sleep", "--session", "b"]).session == "b"
    assert parser.parse_args(["ask", "x"]).session is None


def test_the_doctor_says_what_is_wrong_and_what_to_do(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "empty"))
    fill(root)
    (root / "lab.toml").write_text("[engine]\ncheckpoint = 3\n")
    (root / "adapters" / "broken").mkdir()
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    for part in ("torch", "duckdb", "engine.checkpoint", "lab prepare", "broken", "1 exchange"):
        assert part in shown, part


def test_ask_continues_a_dialogue_with_another_checkpoint(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root.mkdir()
    for number, name in enumerate(("one", "two")):
        make_checkpoint(root / name, seed=number)
    (root / "lab.toml").write_text('[engine]\ndevice = "cpu"\n[refinement]\nmax_tokens = 8\n', encoding="ascii")
    asking = ["ask", "Who are you?", "--iterations", "1", "--seed", "1", "--json", "--adapter", "none"]
    answers: list[dict[str, Any]] = []
    for arguments in (["--checkpoint", "one"], ["--checkpoint", "two"]):
        session = ["--session", answers[0]["session_id"]] if answers else []
        assert main([*asking, *arguments, *session]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    first, second = answers
    assert second["session_id"] == first["session_id"]
    assert [(answer["turn"], answer["checkpoint"], answer["adapter"]) for answer in answers] == [
        (1, "one", None),
        (2, "two", None),
    ]
    # The second was asked with the first exchange before it.
    assert second["prompt_tokens"] > first["prompt_tokens"]


def test_no_name_of_a_file_reaches_the_terminal_as_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "work\x1b[31m\x9b2J"
    monkeypatch.setenv("LAB_WORKSPACE", str(root))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache\x1b[31m"))
    (root / "adapters" / "one\x1b[31m").mkdir(parents=True)
    missing = str(tmp_path / "missing\x1b[31m")
    (tmp_path / "old" / "session_\x1b[31m").mkdir(parents=True)
    seen = []
    for arguments in (
        ["adapters"],
        ["rebuild"],
        ["doctor"],
        ["score", missing],
        ["ask", "Hello", "--checkpoint", missing],
        ["import", str(tmp_path / "old")],
        ["sql", 'SELECT 1 AS "a\x1b[31m"'],
        ["sql", "SELECT \x1b[31m"],
    ):
        main(arguments)
        shown = capsys.readouterr()
        assert not {"\x1b", "\x9b"} & set(shown.out + shown.err), arguments
        seen.append("\u241b" in shown.out + shown.err)
    assert all(seen)
    # The settings are quoted in what is wrong with them.
    (root / "lab.toml").write_text('[engine]\n"a\\u001b[31m" = 1\n')
    assert main(["sql", "SELECT 1"]) == 1
    told = capsys.readouterr().err
    assert "\u241b[31m" in told and "\x1b" not in told


def test_progress_is_one_harmless_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for live in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda live=live: live)
        line = ProgressLine()
        line(Progress("Reading one\x1b[31m\ntwo"))
        assert capsys.readouterr().err.strip() == "Reading one\u241b[31m two"
        line.end()


def test_a_fault_is_told_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    ProgressLine()(Progress("Reading"))
    assert main(["sessions", "--workspace", str(tmp_path / "typo")]) == 1
    assert "Reading\r       \rlab: There is no folder" in capsys.readouterr().err
