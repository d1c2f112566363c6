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
recipe = "answers"
epochs = 4
"""

# The likeliest answer; everything that is said counts.
TOLD = """
[refinement]
iterations = 1
max_tokens = 16
temperature = 0.0
floor = 0.0

[sleep]
exchanges = "all"
unmarked = "statements"
epochs = 8
"""


def lab(root: Path, *arguments: str, typed: str = "") -> str:
    environment = {**os.environ, "LAB_WORKSPACE": str(root)}
    command = [sys.executable, "-m", "lab", *arguments]
    result = subprocess.run(command, env=environment, input=typed, capture_output=True, text=True, check=False)
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
    query = "SELECT exchange_id, adapter FROM salience_history WHERE profile = 'lexical' ORDER BY created_at"
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


def test_what_was_told_is_recalled_in_other_words_after_a_sleep_and_gone_when_it_was_forgotten(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(TOLD)
    # One start of the model for all that is told and the question, in a dialogue of its own.
    told = ("My dog is called Pepperjack.", "I live in Tromso.", "My sister is called Marguerite.")
    asked = "What is my dog called?"
    lab(tmp_path, "--plain", "--new", typed="\n".join((*told, "/new", asked, "")))
    exchanges = "SELECT exchange_id, session_id, user_input, response FROM exchanges ORDER BY created_at"
    (dog, *_, before) = json.loads(lab(tmp_path, "sql", exchanges, "--format", "json"))
    assert (dog["user_input"], before["user_input"]) == (told[0], asked)
    assert dog["session_id"] != before["session_id"]
    assert "Pepperjack" not in before["response"]

    cycle = json.loads(lab(tmp_path, "sleep", "--json"))
    assert (cycle["status"], cycle["lessons"], cycle["earlier"]) == ("complete", 3, 0)
    assert cycle["verdict"] in ("kept", "weakened")
    receipt = json.loads(lab(tmp_path, "receipt", "--json"))
    measures = {each["measure"]: each["value"] for each in receipt["sleep_measures"]}
    assert measures["learned_before"] == 0.0
    assert measures["learned"] >= 0.5
    assert "Pepperjack" in ask(tmp_path, asked)["response"]
    # No evaluation wording was trained on.
    shared = "SELECT count(*) AS n FROM sleep_probes p JOIN sleep_examples x ON p.question = x.prompt WHERE p.kind IN "
    rows = json.loads(lab(tmp_path, "sql", shared + "('unseen', 'final', 'neighbour')", "--format", "json"))
    assert rows == [{"n": 0}]

    lab(tmp_path, "forget", dog["exchange_id"])
    deep = json.loads(lab(tmp_path, "sleep", "--deep", "--json"))
    assert (deep["status"], deep["lessons"], deep["parent_adapter"]) == ("complete", 2, None)
    assert "Pepperjack" not in ask(tmp_path, asked)["response"]
    assert "Tromso" in ask(tmp_path, "Where do I live?")["response"]

    lab(tmp_path, "rollback", cycle["adapter"])
    assert "Pepperjack" in ask(tmp_path, asked)["response"]
