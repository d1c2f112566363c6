"""The whole story on the real embedded model, through the command line alone: ask, sleep, ask, look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lab.lab import Lab
from lab.settings import Workspace

pytestmark = pytest.mark.model

SETTINGS = """
[refinement]
iterations = 2
max_tokens = 24
seed = 7

[salience]
threshold = 0.05

[sleep]
epochs = 4
"""


def lab(root: Path, *arguments: str) -> str:
    environment = {**os.environ, "LAB_WORKSPACE": str(root)}
    result = subprocess.run(
        [sys.executable, "-m", "lab", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def ask(root: Path, text: str, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lab(root, "ask", text, "--json", *arguments))
    return answer


def test_a_sleep_on_salient_exchanges_answers_the_next_question(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(SETTINGS)
    first = ask(tmp_path, "What is the truth about knowledge and belief?")
    assert {"exchange_id", "session_id", "response", "drafts", "salience", "salient", "seconds"} <= set(first)
    assert first["salient"]
    assert len(first["drafts"]) == 2
    assert [draft["temperature"] for draft in first["drafts"]] == [0.7, 0.66]
    # The same seed, checkpoint and adapter give the same drafts.
    again = ask(tmp_path, "What is the truth about knowledge and belief?")
    assert [draft["text"] for draft in again["drafts"]] == [draft["text"] for draft in first["drafts"]]

    cycle = json.loads(lab(tmp_path, "sleep", "--json"))
    assert cycle["status"] == "complete"
    assert cycle["last_loss"] < cycle["first_loss"] / 2

    third = ask(tmp_path, "What is the truth about knowledge and belief?", "--session", first["session_id"])
    assert third["session_id"] == first["session_id"]
    assert third["prompt_tokens"] > first["prompt_tokens"]
    query = "SELECT exchange_id, adapter, total, salient FROM salience_history ORDER BY created_at"
    rows = json.loads(lab(tmp_path, "sql", query, "--format", "json"))
    assert [row["adapter"] for row in rows] == [None, None, cycle["adapter"]]
    assert [row["exchange_id"] for row in rows] == [first["exchange_id"], again["exchange_id"], third["exchange_id"]]
    memory = json.loads(lab(tmp_path, "sql", "SELECT DISTINCT process, event FROM resources", "--format", "json"))
    assert {(row["process"], row["event"]) for row in memory} >= {
        ("engine", "before_load"),
        ("engine", "loaded"),
        ("engine", "generated"),
        ("sleeper", "trained"),
    }

    opened = Lab(Workspace(tmp_path), adapter="none")
    opened.open()
    opened.start_engine(lambda progress: None, threading.Event())
    shift = opened.engine.activate(tmp_path / "adapters" / cycle["adapter"])
    opened.close()
    assert shift > 0.1
