"""The published recordings, read from the reference folder; tests skip where it is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(os.environ.get("LAB_REFERENCE") or Path(__file__).parents[2] / "shared" / "reference")
RECORDINGS = _FOLDER / "recorded_exchanges.jsonl"


def recorded_exchanges() -> list[dict[str, Any]]:
    """The eight published exchanges; skips the test without the file."""
    if not RECORDINGS.is_file():
        pytest.skip(f"the published recordings are not at {RECORDINGS} (LAB_REFERENCE names another folder)")
    return [json.loads(line) for line in RECORDINGS.read_text(encoding="utf-8").splitlines()]
