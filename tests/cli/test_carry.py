"""Backup, restore, rebuild and import as commands."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from lab.console import ProgressLine
from lab.domain import Progress
from lab.journal.record import Record
from tests.cli.conftest import Lab
from tests.cli.test_record import fill
from tests.journal.samples import opened, record_in


def test_a_backup_is_one_file_and_restores_into_an_empty_folder(record: Record, lab: Lab, tmp_path: Path) -> None:
    fill(record)
    file, copy = tmp_path / "a.zip", tmp_path / "copy"
    made = lab("backup", str(file))
    assert made.code == 0 and "3 journals and 0 adapters" in made.out
    assert "exists already" in lab("backup", str(file)).err
    assert lab("backup", str(file), "--force", "--no-adapters").code == 0
    back = lab("restore", str(file), "--workspace", str(copy))
    assert back.code == 0 and "3 journals" in back.out and "Rebuilt" in back.out
    assert lab("sessions").out == lab("sessions", "--workspace", str(copy)).out
    record_in(tmp_path / "own").append("own", opened("own"))
    refused = lab("restore", str(file), "--workspace", str(tmp_path / "own"))
    assert refused.code == 1 and "has sessions of its own (own)" in refused.err
    assert "No such file" in lab("restore", str(tmp_path / "nowhere.zip")).err


def test_a_backup_works_while_another_program_holds_the_database(record: Record, lab: Lab, tmp_path: Path) -> None:
    from tests.cli.test_record import held

    fill(record)
    with held(record):
        assert lab("backup", str(tmp_path / "a.zip")).code == 0
    assert lab("restore", str(tmp_path / "a.zip"), "--workspace", str(tmp_path / "copy")).code == 0


def test_training_data_of_one_workspace_comes_into_another(record: Record, lab: Lab, tmp_path: Path) -> None:
    fill(record)
    file = tmp_path / "t.jsonl"
    assert "5 examples" in lab("export", "--training", "--all", "--out", str(file)).out
    assert not list(tmp_path.glob(".*part"))
    other = str(tmp_path / "other")
    first = lab("import", str(file), "--workspace", other)
    assert "Imported 5 exchanges of 5 sessions; 0 were there already" in first.out
    assert "Imported 0 exchanges" in lab("import", str(file), "--workspace", other).out
    assert "imported-chat-" in lab("sessions", "--search", "should have said", "--workspace", other).out


def test_ctrl_c_leaves_the_database_as_it_was(record: Record, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(record)
    assert lab("rebuild").code == 0
    before = record.workspace.database.read_bytes()
    monkeypatch.setattr(ProgressLine, "__call__", lambda self, progress: os.kill(os.getpid(), signal.SIGINT))
    stopped = lab("rebuild")
    assert stopped.code == 1 and "was cancelled" in stopped.err
    assert record.workspace.database.read_bytes() == before
    assert not list(record.workspace.sessions.glob("*.new"))


def test_ctrl_c_leaves_no_half_of_a_backup_and_none_of_a_restored_one(
    record: Record, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(record)
    assert lab("backup", str(tmp_path / "whole.zip")).code == 0
    monkeypatch.setattr(ProgressLine, "__call__", lambda self, progress: os.kill(os.getpid(), signal.SIGINT))
    stopped = lab("backup", str(tmp_path / "a.zip"))
    assert stopped.code == 1 and "was cancelled" in stopped.err
    assert [path.name for path in tmp_path.iterdir() if "zip" in path.name] == ["whole.zip"]
    stopped = lab("restore", str(tmp_path / "whole.zip"), "--workspace", str(tmp_path / "copy"))
    assert stopped.code == 1 and "was cancelled" in stopped.err
    assert not list((tmp_path / "copy").iterdir())


def test_progress_tells_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> None:
    now = 100.0
    monkeypatch.setattr("lab.console.time.monotonic", lambda: now)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown: list[str] = []
    monkeypatch.setattr(ProgressLine, "write", lambda self, text: shown.append(text))
    line = ProgressLine()
    for done in range(5):
        line(Progress("Packing", done, 8, "bytes"))
        now += 30.0
    assert shown[0] == "Packing   0%"
    assert shown[-1] == "Packing  50%, 2:00 left"
