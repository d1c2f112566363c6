"""What the documents tell a stranger to type is true: their SQL runs in DuckDB's own client, read-only."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from lab.domain import ProbeKind
from lab.journal.events import ExchangeFinished, ExchangeMarked, SalienceScored, SessionOpened, TurnStarted
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepProbed, SleepStarted
from lab.settings import Settings, Workspace, load_settings

_HOME = Path(__file__).parents[1]
README = _HOME / "README.md"
PAGES = [README, *sorted((_HOME / "docs").glob("*.md"))]
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
# Another process with nothing of the lab in it.
CLIENT = """
import json, sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps([connection.execute(sql).fetchall() for sql in json.load(sys.stdin)], default=str))
"""


def blocks(language: str, *pages: Path) -> list[str]:
    """What these pages have to copy in this language."""
    return [block for page in pages for block in re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.S)]


def statements() -> dict[str, str]:
    """The queries of the documents by their first comment."""
    found = [part.strip() for block in blocks("sql", *PAGES) for part in block.split(";\n") if part.strip()]
    return {re.sub(r"^-- ", "", sql.partition("\n")[0]): sql for sql in found}


def probed(cycle: str, number: int) -> list[SleepProbed]:
    """The second sleep learns Rex, in one of two unseen wordings, and forgets Ada."""

    def probe(at: int, kind: ProbeKind, expected: str, before: bool, after: bool) -> SleepProbed:
        was, now = (expected if right else "I do not know." for right in (before, after))
        return SleepProbed(cycle, at, kind, None, f"question {at}", expected, was, now, before, after, 2.0, 1.0)

    if number == 1:
        return [probe(1, "unseen", "Ada", False, True)]
    return [
        probe(1, "unseen", "Rex", False, True),
        probe(2, "unseen", "Rex", False, False),
        probe(3, "trained", "Rex", False, True),
        probe(4, "earlier", "Ada", True, False),
        probe(5, "earlier", "Ghent", True, True),
    ]


@pytest.fixture
def answers(tmp_path: Path) -> dict[str, list[list[Any]]]:
    """What each query gives on six exchanges with a sleep after the third and one after the fifth."""
    workspace = Workspace(tmp_path)
    workspace.create()
    record = Record(workspace)
    record.append("talk", SessionOpened("talk", "tiny", None, "measured", 0.15), at=NOON)
    for turn in range(1, 7):
        name, adapter = f"talk-{turn:04d}", {1: None, 2: None, 3: None, 4: "sleep-0001", 5: "sleep-0001"}.get(turn)
        adapter = "sleep-0002" if turn == 6 else adapter
        record.append(
            "talk",
            TurnStarted(name, "talk", turn, f"question {turn}", "tiny", adapter),
            SalienceScored(name, "measured", 0.1, 0.1, 0.1, 0.1, turn / 10, turn / 10, 0.15, turn > 1),
            ExchangeFinished(name, "complete", f"answer {turn}"),
            at=NOON + timedelta(minutes=turn),
        )
    for number, minutes in ((1, 3.5), (2, 5.5)):
        cycle = f"sleep-{number:04d}"
        record.append(
            cycle,
            SleepStarted(cycle, "tiny", None, 1, 1, 1, 1, 8, 1e-3, "answers"),
            SleepExampleUsed(cycle, f"talk-{number:04d}", "original", f"question {number}", f"answer {number}"),
            *probed(cycle, number),
            SleepEnded(cycle, "complete", cycle, 1, 2.0, 0.5, 9.0, verdict="kept", strength=1.0),
            at=NOON + timedelta(minutes=minutes),
        )
    record.append("talk", ExchangeMarked("talk-0002", "edited", "a better answer"), at=NOON + timedelta(minutes=9))
    assert record.sync()
    queries = statements()
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, str(workspace.database)],
        input=json.dumps(list(queries.values())),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(queries, json.loads(done.stdout)))


def test_a_stranger_finds_the_highest_conflict_what_each_sleep_changed_and_who_answered(
    answers: dict[str, list[list[Any]]],
) -> None:
    conflict = answers["Which five exchanges had the highest conflict?"]
    assert [row[0] for row in conflict] == [f"talk-{turn:04d}" for turn in (6, 5, 4, 3, 2)]
    change = next(rows for title, rows in answers.items() if title.startswith("How did mean salience change"))
    assert change == [[None, 3, 0.2, None], ["sleep-0001", 2, 0.45, 0.25], ["sleep-0002", 1, 0.6, 0.15]]
    who = next(rows for title, rows in answers.items() if title.startswith("Which adapter answered what"))
    assert [(row[0], row[3]) for row in who] == [
        (None, "question 1"),
        (None, "question 2"),
        (None, "question 3"),
        ("sleep-0001", "question 4"),
        ("sleep-0001", "question 5"),
        ("sleep-0002", "question 6"),
    ]


def test_a_stranger_finds_what_each_sleep_learned_and_what_it_forgot(answers: dict[str, list[list[Any]]]) -> None:
    learned = next(rows for title, rows in answers.items() if title.startswith("Which memories did each sleep learn"))
    assert learned == [["sleep-0001", "Ada", 0.0, 1.0], ["sleep-0002", "Rex", 0.0, 0.5]]
    forgotten = answers["What was forgotten after which sleep?"]
    assert forgotten == [["sleep-0002", "kept", "question 4", "Ada", "I do not know."]]


def test_every_query_of_the_documents_has_an_answer(answers: dict[str, list[list[Any]]]) -> None:
    assert [title for title, rows in answers.items() if not rows] == []


def test_the_settings_of_the_readme_are_settings(tmp_path: Path) -> None:
    (block,) = blocks("toml", README)
    path = tmp_path / "lab.toml"
    path.write_text(block)
    assert load_settings(path) != Settings()


def test_every_page_and_picture_that_a_document_names_is_there() -> None:
    named = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]
    assert len({page for page, _ in named}) > 3
    assert [(page.name, link) for page, link in named if not (page.parent / unquote(link)).exists()] == []
