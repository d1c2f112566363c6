"""Places that cannot be read or written, and what is no text: one sentence with its remedy, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli import main
from lab.console import new_file
from lab.errors import LabError
from lab.journal.events import TurnStarted
from lab.journal.record import Record
from tests.cli.conftest import Lab
from tests.cli.test_record import fill
from tests.journal.samples import opened, whole_turn

EXPORT = ("export", "20261101", "--to", "jsonl", "--out")
SQL = ("sql", "SELECT 'Who are you?' AS asked", "--format", "jsonl", "--out")


def test_a_device_or_a_folder_is_never_replaced(record: Record, lab: Lab, tmp_path: Path) -> None:
    fill(record)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place, part in ((pipe, "is no file that can be replaced"), (tmp_path, "is a folder")):
        for arguments in ((*EXPORT, str(place)), (*SQL, str(place)), ("backup", str(place))):
            said = lab(*arguments, "--force")
            assert (said.code, part in said.err) == (1, True)
    assert pipe.is_fifo()


@pytest.mark.parametrize("command", [EXPORT, SQL])
def test_a_link_leads_to_the_file_that_is_replaced(
    record: Record, lab: Lab, tmp_path: Path, command: tuple[str, ...]
) -> None:
    fill(record)
    file, link = tmp_path / "a.jsonl", tmp_path / "link.jsonl"
    file.write_text("before")
    link.symlink_to(file)
    assert "--force to replace it" in lab(*command, str(link)).err
    assert lab(*command, str(link), "--force").code == 0
    assert link.is_symlink() and "Who are you?" in file.read_text()


def test_a_place_that_cannot_be_looked_at_is_one_sentence(
    record: Record, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(record)
    long = str(tmp_path / ("x" * 300))
    for arguments in (
        (*EXPORT, long),
        (*SQL, long),
        ("backup", long),
        ("plot", "timeline", "--out", f"{long}.png"),
        ("import", long),
        ("restore", long),
        ("score", long),
    ):
        said = lab(*arguments)
        assert (said.code, "File name too long" in said.err, len(said.err.splitlines())) == (1, True, 2), arguments
    stat = Path.stat

    def refused(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.name == "shut.jsonl":
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", refused)
    for arguments in ((*EXPORT, "shut.jsonl"), (*SQL, "shut.jsonl"), ("import", "shut.jsonl")):
        said = lab(*arguments)
        assert (said.code, "Permission denied" in said.err) == (1, True), arguments


def test_a_home_of_nobody_is_one_sentence(record: Record, lab: Lab) -> None:
    fill(record)
    path = "~nobody-of-that-name/a.csv"
    for arguments in (
        (*EXPORT, path),
        (*SQL, path),
        ("sql", "--file", path),
        ("backup", path),
        ("restore", path),
        ("import", path),
        ("score", path),
        ("study", "salience", "--exchanges", path),
        ("plot", "timeline", "--out", "~nobody-of-that-name/a.png"),
    ):
        said = lab(*arguments)
        assert (said.code, "is no path: nobody" in said.err, len(said.err.splitlines())) == (1, True, 2), arguments


def test_children_mean_the_same_cache_folder(
    record: Record, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(record)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_CACHE", "cache")
    assert lab("sessions").code == 0
    # They start in another folder.
    assert os.environ["LAB_CACHE"] == str(tmp_path / "cache")


def test_rows_for_a_folder_whose_name_is_not_utf_8_are_one_sentence(record: Record, lab: Lab, tmp_path: Path) -> None:
    fill(record)
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    said = lab(*SQL, str(folder / "a.jsonl"))
    assert (said.code, "the name of its folder is not UTF-8" in said.err) == (1, True)
    assert list(folder.iterdir()) == []


def test_a_fault_leaves_neither_a_file_nor_a_part_of_one(tmp_path: Path) -> None:
    with (
        pytest.raises(LabError, match=r"a\.txt cannot be written: No space left"),
        new_file(tmp_path / "a.txt", False) as file,
    ):
        file.write(b"half")
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize(
    "arguments", [["sessions"], ["show", "20261101"], ["export", "--training", "--all"], ["sql", "SELECT 1"]]
)
def test_an_output_that_is_full_is_one_sentence(record: Record, arguments: list[str]) -> None:
    fill(record)
    with Path("/dev/full").open("wb") as full:
        end = subprocess.run(
            [sys.executable, "-m", "lab", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert end.returncode == 1
    assert end.stderr.splitlines()[0] == "lab: The output cannot be written: No space left on device."
    assert "Traceback" not in end.stderr and "Exception ignored" not in end.stderr


def test_a_terminal_that_is_not_utf_8_shows_the_rest_of_a_text(record: Record) -> None:
    record.append("20261103-cc", opened("20261103-cc", title="caf\u00e9 \u2603"), *whole_turn(1, "20261103-cc"))
    end = subprocess.run(
        [sys.executable, "-m", "lab", "sessions"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        timeout=60,
    )
    assert (end.returncode, end.stderr) == (0, b"")
    assert rb"caf\xe9 \u2603" in end.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "\udcff"],
        ["sessions", "--search", "\udcff"],
        ["rename", "20261101", "\udcff"],
        ["mark", "20261101-aa-0001", "edit", "\udcff"],
        ["sql", "SELECT ?", "--param", "\udcff"],
    ],
)
def test_an_argument_that_is_no_text_is_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "\ufffd is not UTF-8" in capsys.readouterr().err


def test_a_workspace_that_is_not_there_is_not_made_to_be_read(lab: Lab, tmp_path: Path) -> None:
    for arguments in (("sessions",), ("show", "x"), ("backup", str(tmp_path / "a.zip")), ("mark", "x", "keep")):
        said = lab(*arguments, "--workspace", str(tmp_path / "typo"))
        assert said.code == 1 and f"There is no folder {tmp_path / 'typo'}." in said.err
    assert "means nothing" in lab("sessions", "--workspace", "\udcff").err
    assert list(tmp_path.iterdir()) == [tmp_path / "workspace"]


@pytest.mark.parametrize("number", ["0", "51", "x", "", "1.5"])
def test_a_number_out_of_its_range_is_told_with_the_range(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["ask", "Hello", "--iterations", number])
    assert end.value.code == 2
    assert f"{number!r} is not a whole number from 1 to 50" in capsys.readouterr().err


def test_choices_that_do_not_go_together_are_refused(record: Record, lab: Lab) -> None:
    fill(record)
    assert "choose training data" in lab("export", "20261101", "--to", "json", "--salient").err
    assert "Two sessions are named" in lab("export", "20261101", "--session", "20261102", "--to", "json").err
    assert "Two sessions are named" in lab("export", "20261101", "--session", "20261102", "--training").err


def test_json_is_utf_8_whatever_the_terminal_is(record: Record) -> None:
    start, *rest = whole_turn(1, "20261103-cc")
    assert isinstance(start, TurnStarted)
    title = "caf\u00e9 \U0001f600"
    record.append("20261103-cc", opened("20261103-cc", title=title), replace(start, user_input=title), *rest)
    commands = (
        ["score", "-"],
        ["export", "20261103-cc", "--to", "jsonl"],
        ["show", "20261103-cc-0001", "--json"],
        ["show", "20261103-cc", "--json"],
        ["sessions", "--json", "--search", "20261103-cc"],
    )
    for arguments in commands:
        end = subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            input='{"user_input": "caf\u00e9 \U0001f600", "model_response": "Yes."}\n'.encode(),
            capture_output=True,
            env=os.environ | {"PYTHONIOENCODING": "latin-1"},
            timeout=60,
        )
        assert (end.returncode, end.stderr) == (0, b""), arguments
        # One value a line, or one in all.
        lines = end.stdout.splitlines() if arguments[0] in ("score", "export") else [end.stdout]
        for line in lines:
            assert title in str(json.loads(line)), arguments


@pytest.mark.parametrize(("closed", "arguments", "code"), [(0, "score -", 0), (1, "adapters", 0), (2, "show x", 1)])
def test_a_closed_stream_reads_nothing_and_writes_nowhere(
    closed: int, arguments: str, code: int, tmp_path: Path
) -> None:
    (tmp_path / "lab.toml").touch()
    # Python itself opens no stream where there is none.
    command = [sys.executable, "-m", "lab", *arguments.split()]
    script = f"import os, sys; os.close({closed}); os.execv(sys.executable, {command})"
    end = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=tmp_path, timeout=60)
    assert (end.returncode, end.stderr) == (code, b"")
    # Where there is no standard error, Python would print its words to the standard output.
    assert end.stdout == b""


def test_a_current_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = (
        f"import os, sys; os.rmdir({str(gone)!r}); os.execv(sys.executable, [sys.executable, '-m', 'lab', 'adapters'])"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    end = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=gone, env=environment, timeout=60)
    assert (end.returncode, len(end.stderr.splitlines())) == (1, 2)
    assert end.stderr.startswith(b"lab: The workspace . means nothing: [Errno 2] No such file or directory")


def test_a_fault_of_the_system_is_not_taken_for_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("lab.commands.run", refused)
    assert main(["adapters"]) == 1
    assert capsys.readouterr().err.startswith("lab: The system refuses something: Too many open files.\n")
