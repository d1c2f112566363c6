"""A workspace with a record for the commands that read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.cli import main
from lab.journal.record import Record
from lab.settings import Workspace

Lab = Callable[..., "Said"]


class Said:
    """What a command said and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """The record of the workspace that the commands use."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.create()
    monkeypatch.setenv("LAB_WORKSPACE", str(workspace.root))
    return Record(workspace)


@pytest.fixture
def lab(record: Record, capsys: pytest.CaptureFixture[str]) -> Lab:
    """Runs a command in this process."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        code = main(list(arguments))
        shown = capsys.readouterr()
        return Said(code, shown.out, shown.err)

    return run
