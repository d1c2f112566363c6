"""Labs of one workspace for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dialogue.talking import Opened


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripted drafts are written at once: the record may be asked a little longer than they took."""
    monkeypatch.setattr("lab.dialogue.witness._WAIT_SECONDS", 20.0)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path)
    yield opened
    for lab in opened.labs:
        lab.close()
