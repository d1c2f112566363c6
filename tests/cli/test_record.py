"""The commands that look into the record and carry it away, also while another program holds the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.journal.events import ExchangeMarked, SessionTitled
from lab.journal.record import Record
from tests.cli.conftest import Lab
from tests.journal.samples import opened, said, start_child, whole_turn

HELD = """
import duckdb
connection = duckdb.connect(ARGUMENTS[0])
print("held", flush=True)
input()
"""


@contextmanager
def held(record: Record) -> Iterator[None]:
    """Another process has the database open for writing."""
    child = start_child(HELD, record.workspace.database)
    try:
        assert said(child) == "held"
        yield
    finally:
        child.kill()
        child.wait()


def fill(record: Record) -> None:
    for name, title in (("20261101-aa", "On owning"), ("20261102-bb", "On \x1b[31mtruth"), ("20261102-bc", "On sleep")):
        record.append(name, opened(name, title=title))
        for turn in (1, 2):
            record.append(name, *whole_turn(turn, name, total=0.2 if turn == 1 and "aa" in name else 0.1))
    record.append("20261102-bb", ExchangeMarked("20261102-bb-0002", "edited", "What it should have said."))
    record.append("20261102-bb", ExchangeMarked("20261102-bb-0001", "excluded"))
    assert record.sync()


def test_sessions_are_listed_latest_first_and_searched_as_on_the_screen(record: Record, lab: Lab) -> None:
    assert lab("sessions").out == "No sessions yet.\n"
    fill(record)
    lines = lab("sessions").out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["20261102-bc", "20261102-bb", "20261101-aa"]
    assert "50%" in lines[-1] and "0.150" in lines[-1] and "On owning" in lines[-1]
    assert "\x1b" not in "".join(lines)
    assert len(lab("sessions", "--salient").out.splitlines()) == 3
    assert "20261102-bb" in lab("sessions", "--search", "should have said marked:edited").out
    assert lab("sessions", "--search", "nobody said this").out == "No session meets this.\n"
    assert json.loads(lab("sessions", "--json", "--search", "nobody said this").out) == []
    wrong = lab("sessions", "--search", "since:x conflict>y")
    assert wrong.code == 1 and "since:x" in wrong.err and "conflict>y" in wrong.err
    few = lab("sessions", "--limit", "2", "--json")
    assert [each["session_id"] for each in json.loads(few.out)] == ["20261102-bc", "20261102-bb"]
    assert "--limit" in few.err


def test_a_session_is_a_transcript_and_an_exchange_has_its_drafts(record: Record, lab: Lab) -> None:
    fill(record)
    shown = lab("show", "20261102-bb").out
    assert "1. you: Who are you?" in shown and "2. you: Who are you?" in shown
    assert "mark: edited" in shown and "mark: excluded" in shown and "What it should have said." in shown
    assert "salience: total 0.100 not salient; surprise 0.100, novelty 0.200" in shown
    assert "\x1b" not in shown
    assert "draft 1" not in shown
    assert "draft 3 of 3" in lab("show", "20261102-bb", "--drafts").out
    one = lab("show", "20261102-bb-0002").out
    for part in ("What it should have said.", "recorded answer:", "A model.", "energy 0.30", "12 tokens", "chosen"):
        assert part in one, part
    body = json.loads(lab("show", "20261102-bb-0002", "--json").out)
    assert (body["target"], len(body["drafts"])) == ("What it should have said.", 3)
    assert len(json.loads(lab("show", "20261102-bb", "--json").out)["exchanges"]) == 2


def test_the_beginning_of_an_id_is_enough_when_it_is_the_only_one(record: Record, lab: Lab) -> None:
    fill(record)
    assert "On owning" in lab("show", "20261101").out
    assert "recorded answer:" in lab("show", "20261102-bb-0002"[:-1] + "2").out
    several = lab("show", "20261102")
    assert several.code == 1
    assert "20261102-bb, 20261102-bc" in several.err
    assert "20261102-bc-0001, 20261102-bc-0002" in lab("show", "20261102-bc-").err
    for missing in ("nope", "%", "_"):
        assert f'no session and no exchange "{missing}"' in lab("show", missing).err


def test_an_id_that_begins_another_is_meant_itself(record: Record, lab: Lab) -> None:
    record.append("a", opened("a", title="Short"), *whole_turn(1, "a"))
    record.append("ab", opened("ab", title="Long"), *whole_turn(1, "ab"))
    assert "Short" in lab("show", "a").out
    assert "draft 1 of 3" in lab("show", "a-0001").out


def test_a_mark_is_set_and_taken_back(record: Record, lab: Lab) -> None:
    fill(record)
    target = "SELECT mark, target FROM exchanges WHERE exchange_id = '20261101-aa-0002'"
    for arguments, row in (
        (["keep"], ("kept", None)),
        (["edit", "A better answer."], ("edited", "A better answer.")),
        # The answer stays as the person put it.
        (["exclude"], ("excluded", "A better answer.")),
        (["none"], (None, None)),
    ):
        assert lab("mark", "20261101-aa-0002", *arguments).code == 0
        assert record.query(target).rows == [row]
    assert "needs it" in lab("mark", "20261101-aa-0002", "edit").err
    assert "Only edit" in lab("mark", "20261101-aa-0002", "keep", "text").err
    assert "Several exchanges begin" in lab("mark", "20261101", "keep").err
    assert "There is no exchange" in lab("mark", "nope", "keep").err


def test_a_session_gets_another_title(record: Record, lab: Lab) -> None:
    fill(record)
    assert lab("rename", "20261101", "  A new\n one ").code == 0
    assert "A new one" in lab("sessions").out
    assert "The title is empty" in lab("rename", "20261101", " ").err
    assert any(isinstance(line.entry.event, SessionTitled) for line in record.journal.read("20261101-aa") if line.entry)


def test_an_export_is_a_new_file_that_replaces_none_unless_forced(record: Record, lab: Lab, tmp_path: Path) -> None:
    fill(record)
    file = tmp_path / "out" / "a.jsonl"
    assert "cannot be written" in lab("export", "20261101", "--to", "jsonl", "--out", str(file)).err
    file.parent.mkdir()
    assert "2 exchanges" in lab("export", "20261101", "--to", "jsonl", "--out", str(file)).out
    assert len(file.read_text().splitlines()) == 2
    refused = lab("export", "20261102-bb", "--to", "jsonl", "--out", str(file))
    assert refused.code == 1 and "exists already" in refused.err
    assert "20261101-aa" in file.read_text()
    assert lab("export", "20261102-bb", "--to", "jsonl", "--out", str(file), "--force").code == 0
    assert "20261102-bb" in file.read_text()
    # What cannot be exported leaves no half of a file.
    assert lab("export", "nope", "--to", "html", "--out", str(tmp_path / "out" / "b.html")).code == 1
    assert [path.name for path in file.parent.iterdir()] == ["a.jsonl"]
    assert "<!doctype html>" in lab("export", "20261101", "--to", "html").out
    assert "No session is named" in lab("export", "--to", "html").err


def test_training_data_has_the_answers_as_marked_and_nothing_excluded(record: Record, lab: Lab) -> None:
    fill(record)
    lines = [json.loads(line) for line in lab("export", "--training").out.splitlines()]
    assert [line["id"] for line in lines] == ["20261101-aa-0001", "20261102-bb-0002"]
    assert lines[1]["messages"] == [
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "What it should have said."},
    ]
    metadata = lines[1]["metadata"]
    assert (metadata["session_id"], metadata["turn"], metadata["mark"]) == ("20261102-bb", 2, "edited")
    assert metadata["salience"]["total"] == 0.1 and metadata["salience"]["salient"] is False
    everything = [json.loads(line) for line in lab("export", "--training", "--all").out.splitlines()]
    assert len(everything) == 5 and "20261102-bb-0001" not in {line["id"] for line in everything}
    assert len(lab("export", "--training", "--all", "--session", "20261102-bc").out.splitlines()) == 2
    (record.workspace.config).write_text('[sleep]\nexchanges = "all"\n')
    assert len(lab("export", "--training").out.splitlines()) == 5
    assert len(lab("export", "--training", "--salient").out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["sessions"], "On owning"),
        (["show", "20261101"], "1. you: Who are you?"),
        (["show", "20261101-aa-0002"], "draft 3 of 3"),
        (["export", "20261101", "--to", "markdown"], "# On owning"),
        (["export", "--training"], "20261101-aa-0001"),
        (["rename", "20261101", "Another"], 'is called "Another"'),
    ],
)
def test_what_another_program_holds_is_read_from_the_journal(
    record: Record, lab: Lab, arguments: list[str], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.journal.record._READ_SECONDS", 0.3)
    fill(record)
    with held(record):
        found = lab(*arguments)
    assert (found.code, part in found.out) == (0, True)
    assert "is held by" in found.err and "read from the journal" in found.err
