"""Backup, restore, rebuild and import as commands."""

from __future__ import annotations

from pathlib import Path

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
