"""What the tests of this room share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripted drafts are written at once: the record may be asked a little longer than they took."""
    monkeypatch.setattr("lab.dialogue.witness._WAIT_SECONDS", 20.0)
