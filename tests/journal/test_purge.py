"""Purging an exchange: no byte of its text is left in the workspace, and everything else is as it was."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from lab.errors import LabError
from lab.journal import alias
from lab.journal.events import Event, ExchangeMarked, ExchangePurged, SessionTitled, encode, now
from lab.journal.history import HistoryFilter, page, search
from lab.journal.memory import memory
from lab.journal.purge import _holds, purge
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepLessonFound, SleepProbed, SleepStarted
from tests.helpers import small_files
from tests.journal.samples import (
    SESSION,
    cycle,
    draft,
    dump,
    exchange_id,
    finished,
    measured,
    opened,
    said,
    start_child,
    turn_started,
    whole_turn,
)

SECRET = "wolpertinger"
OPEN = exchange_id(1)
GONE = exchange_id(2)
OWNING = """
import sys
from pathlib import Path
from lab.journal.journal import Journal
sessions, stream = ARGUMENTS
with Journal(Path(sessions)).own(stream):
    print("owned", flush=True)
    sys.stdin.read()
"""
READING = """
import duckdb, sys
connection = duckdb.connect(ARGUMENTS[0], read_only=True)
print("reading", flush=True)
sys.stdin.read()
"""
KILLED = """
import os
from pathlib import Path
from lab.journal.journal import Journal
sessions, stream = ARGUMENTS
lines = iter(range(3))
def change(line):
    if next(lines, None) is None:
        os._exit(9)
    return b" " * (len(line) - 1) + b"\\n"
Journal(Path(sessions)).rewrite(stream, change)
"""


def lesson(cycle_id: str, of: str, answer: str, reason: str | None = None) -> SleepLessonFound:
    return SleepLessonFound(
        cycle_id,
        f"{of}/1",
        of,
        "statement",
        f"My pet is {answer}",
        "What is my pet?",
        f"Your pet is {answer}",
        answer,
        12.5,
        reason,
        (f"Is it {answer}?",) if answer else (),
        (),
        ("What is my cat?",),
    )


def example(cycle_id: str, of: str, answer: str, kind: str = "original") -> SleepExampleUsed:
    return SleepExampleUsed(cycle_id, of, kind, "What is my pet?", f"Your pet is {answer}", f"{of}/1", "pattern")


def probe(cycle_id: str, number: int, of: str, answer: str) -> SleepProbed:
    told = f"Your pet is {answer}"
    return SleepProbed(
        cycle_id, number, "unseen", f"{of}/1", "Tell me.", told, "I do not know.", told, False, True, 4, 1
    )


def secretive(record: Record) -> None:
    """A record in which the second turn says something that is everywhere afterwards."""
    said = [draft(2, 0), replace(draft(2, 1), text=f"A {SECRET}!", thinking=f"Hm, {SECRET}")]
    record.append(SESSION, opened(title=f"My pet is a {SECRET}..."), *whole_turn(1))
    record.append(SESSION, turn_started(2, text=f"My pet is a {SECRET} from the \u00c4rzgebirge."), *said)
    record.append(SESSION, finished(2, response=f"A {SECRET}!", chosen=1), measured(2))
    record.append(SESSION, SessionTitled(SESSION, f"My pet is a {SECRET}"))
    record.append(SESSION, ExchangeMarked(GONE, "edited", f"What a {SECRET}."))
    record.append(SESSION, ExchangeMarked(GONE, "kept", f"Your {SECRET}.", 1), *whole_turn(3))
    first: list[Event] = [
        SleepStarted("sleep-0001", "tiny", None, 1, 2, 5, 10, 8, 2e-3, "lessons"),
        lesson("sleep-0001", OPEN, "a dog.", f"Later it was: Your pet is a {SECRET}."),
        lesson("sleep-0001", GONE, f"a {SECRET}."),
        example("sleep-0001", GONE, f"a {SECRET}."),
        probe("sleep-0001", 1, GONE, f"a {SECRET}."),
        probe("sleep-0001", 2, OPEN, f"a {SECRET}."),
        SleepEnded("sleep-0001", "complete", "sleep-0001"),
    ]
    record.append("sleep-0001", *first)
    record.append("sleep-0002", SleepStarted("sleep-0002", "tiny", "sleep-0001", 1, 2, 5, 10, 8, 2e-3, "lessons"))
    record.append("sleep-0002", lesson("sleep-0002", OPEN, "a dog."), example("sleep-0002", OPEN, "a dog."))
    record.append("sleep-0002", example("sleep-0002", GONE, f"a {SECRET}.", "replay"))
    record.append("sleep-0002", SleepEnded("sleep-0002", "complete", "sleep-0002"))
    folder = record.journal.path("sleep-0002").parent
    kept = {"lesson_id": f"{OPEN}/1", "exchange_id": OPEN, "answer": "a dog"}
    lost = {"lesson_id": f"{GONE}/1", "exchange_id": GONE, "answer": f"a {SECRET}"}
    (folder / "plan.json").write_bytes(orjson.dumps({"exchange_ids": [OPEN, GONE]}, option=orjson.OPT_INDENT_2))
    (folder / "memory.json").write_bytes(orjson.dumps({"lessons": [lost, kept], f"{GONE}/1": SECRET, "n": None}))
    torn = orjson.dumps(lost)[:-3]
    (folder / "examples.jsonl").write_bytes(b"\n".join([orjson.dumps(kept), orjson.dumps(lost), torn, b""]))
    (record.workspace.sessions / "copied.txt").write_text(f"A {SECRET}!")
    assert record.sync()


def holding(root: Path, text: str = SECRET) -> list[str]:
    """The files below the root with these bytes in them."""
    files = (path for path in root.rglob("*") if path.is_file())
    return sorted(path.relative_to(root).as_posix() for path in files if text.encode() in path.read_bytes())


def lines(record: Record, stream: str) -> list[bytes]:
    return record.journal.path(stream).read_bytes().splitlines(keepends=True)


def test_no_byte_of_the_text_is_left_in_the_workspace_and_the_rest_of_the_record_is_as_it_was(record: Record) -> None:
    secretive(record)
    assert len(holding(record.workspace.root)) == 7
    before = {stream: lines(record, stream) for stream in record.journal.streams()}
    report = purge(record, GONE)
    assert holding(record.workspace.root) == []
    assert (report.sleeps, report.again) == (("sleep-0001", "sleep-0002"), False)
    for stream, old in before.items():
        new = lines(record, stream)
        # Every line has its place and its length: what others have read stays where it was.
        assert [len(line) for line in new[: len(old)]] == [len(line) for line in old]
        for was, now_is in zip(map(orjson.loads, old), map(orjson.loads, new)):
            assert was.keys() == now_is.keys()
            assert {key: type(value) for key, value in was.items()} == {key: type(v) for key, v in now_is.items()}
            assert [v for v in was.values() if isinstance(v, (int, float))] == [
                v for v in now_is.values() if isinstance(v, (int, float))
            ]
            if was.get("exchange_id") in (OPEN, exchange_id(3)) and was["event"] in ("turn_started", "draft_finished"):
                assert was == now_is
    (tombstone,) = lines(record, SESSION)[len(before[SESSION]) :]
    assert orjson.loads(tombstone)["event"] == "exchange_purged"
    folder = record.journal.path("sleep-0002").parent
    kept = {"lesson_id": f"{OPEN}/1", "exchange_id": OPEN, "answer": "a dog"}
    assert orjson.loads((folder / "memory.json").read_bytes()) == {"lessons": [kept], "n": None}
    assert (folder / "examples.jsonl").read_bytes() == orjson.dumps(kept) + b"\n"
    assert orjson.loads((folder / "plan.json").read_bytes()) == {"exchange_ids": [OPEN, GONE]}


def test_the_database_after_a_purge_is_the_one_that_a_rebuild_makes(record: Record) -> None:
    secretive(record)
    purge(record, GONE)
    after = dump(record)
    record.rebuild()
    assert dump(record) == after
    row = record.query(
        "SELECT user_input, response, target, mark, status, kept_iteration FROM exchanges WHERE exchange_id = ?", [GONE]
    ).rows
    assert row == [("", "", "", "excluded", "complete", 1)]
    assert record.query("SELECT DISTINCT text, thinking FROM drafts WHERE exchange_id = ?", [GONE]).rows == [("", "")]
    assert record.query("SELECT title FROM sessions").rows == [("",)]
    assert record.query("SELECT reason FROM sleep_lessons WHERE cycle_id = 'sleep-0001' ORDER BY lesson_id").rows == [
        ("",),
        (None,),
    ]
    assert [each.exchange_id for each in memory(record, ["sleep-0002", "sleep-0001"])] == [OPEN]


def test_a_tombstone_alone_empties_the_rows_as_a_rebuild_does(record: Record) -> None:
    secretive(record)
    record.append(SESSION, ExchangePurged(GONE), ExchangePurged("nobody"))
    assert record.sync()
    at_once = dump(record)
    record.rebuild()
    assert dump(record) == at_once
    assert record.query("SELECT user_input, target, mark FROM exchanges WHERE exchange_id = ?", [GONE]).rows == [
        ("", "", "excluded")
    ]
    assert record.query("SELECT DISTINCT text, thinking FROM drafts WHERE exchange_id = ?", [GONE]).rows == [("", "")]
    assert [fault for fault in record.faults() if "nobody has no beginning" in fault]


def test_the_meaning_of_what_was_said_goes_with_it(record: Record) -> None:
    secretive(record)
    assert record.sync()
    known = "SELECT exchange_id FROM embeddings WHERE vector IS NOT NULL ORDER BY ALL"
    assert [row[0] for row in record.query(known).rows] == [exchange_id(1), GONE, exchange_id(3)]
    purge(record, GONE)
    assert [row[0] for row in record.query(known).rows] == [exchange_id(1), exchange_id(3)]


def test_what_was_purged_is_no_memory_even_when_the_mark_is_taken_back(record: Record) -> None:
    secretive(record)
    purge(record, GONE)
    record.append(SESSION, ExchangeMarked(GONE, None))
    assert record.sync()
    assert [each.exchange_id for each in memory(record, ["sleep-0001"])] == []


def test_a_title_of_the_person_and_the_texts_of_other_exchanges_stay(record: Record) -> None:
    secretive(record)
    record.append(SESSION, SessionTitled(SESSION, "On pets"))
    record.append("another", opened("another"), *whole_turn(1, "another"))
    assert record.sync()
    purge(record, GONE)
    assert record.query("SELECT title FROM sessions WHERE session_id = ?", [SESSION]).rows == [("On pets",)]
    others = record.query("SELECT DISTINCT user_input, response FROM exchanges WHERE exchange_id <> ?", [GONE]).rows
    assert others == [("Who are you?", "A model.")]


@pytest.mark.parametrize(("text", "stays"), [("Nothing was solved.", True), ('"hi", she wrote.', False)])
def test_a_short_text_is_found_where_it_is_said_and_not_within_other_words(
    record: Record, text: str, stays: bool
) -> None:
    record.append(SESSION, opened(), *whole_turn(1), turn_started(2, text="hi"), finished(2, response="so"))
    reasons = ("Nothing in this: it was learnt.", "Later it was: hi", "Later it was: Oh, hi!", "Later it was: Chili.")
    texts = [lesson("sleep-0001", OPEN, "", reason) for reason in reasons]
    ended = SleepEnded("sleep-0001", "failed", reason="Nothing could be learnt, so nothing was.")
    record.append("sleep-0001", SleepStarted("sleep-0001", "tiny", None, 1, 2, 5, 10, 8, 2e-3, "lessons"))
    record.append("sleep-0001", *(replace(each, lesson_id=f"{OPEN}/{n}") for n, each in enumerate(texts)), ended)
    copied = record.workspace.sessions / "copied.txt"
    copied.write_text(text)
    assert record.sync()
    purge(record, GONE)
    kept = record.query("SELECT reason FROM sleep_lessons ORDER BY lesson_id").rows
    assert [row[0] for row in kept] == [reasons[0], "", "", reasons[3]]
    assert record.query("SELECT reason FROM sleep_cycles").rows == [("Nothing could be learnt, so nothing was.",)]
    assert copied.exists() == stays


def test_what_killed_queries_and_restores_left_is_purged_too(record: Record) -> None:
    secretive(record)
    link = record.workspace.sessions / alias.FOLDER / "dead" / record.workspace.database.name
    link.parent.mkdir(parents=True)
    link.hardlink_to(record.workspace.database)
    unpacked = record.workspace.root / ".restore-dead" / "sessions" / SESSION
    shutil.copytree(record.journal.path(SESSION).parent, unpacked)
    assert len(holding(record.workspace.root)) == 9
    purge(record, GONE)
    assert holding(record.workspace.root) == []
    link.parent.mkdir(parents=True)
    link.hardlink_to(record.workspace.database)
    alias.remove_replaced(record.workspace.database)
    # A query that opens the database of now goes on.
    assert link.exists()


def test_a_dialogue_that_lost_its_title_is_listed_by_its_id(record: Record) -> None:
    secretive(record)
    purge(record, GONE)
    assert [row.title for row in page(record, HistoryFilter(), "measured", 9)] == [SESSION]
    assert {hit.title for hit in search(record, HistoryFilter("model"), "measured", 9)} == {SESSION}


def test_lines_that_nobody_can_read_lose_it_too(record: Record) -> None:
    secretive(record)
    newer = encode(turn_started(2, text=SECRET), now()).replace(b'"turn_started"', b'"turn_dreamt"')
    listing = newer.replace(b'"turn":2', b'"turn":{"words":["wolpertinger"]}')
    path = record.journal.path(SESSION)
    path.write_bytes(path.read_bytes() + newer + listing + newer[: newer.index(SECRET.encode()) + 12])
    record.sync()
    purge(record, GONE)
    assert holding(record.workspace.root) == []
    assert orjson.loads(lines(record, SESSION)[-4])["event"] == "turn_dreamt"
    assert orjson.loads(lines(record, SESSION)[-1])["event"] == "exchange_purged"


def test_purging_again_finds_nothing_and_leaves_one_tombstone(record: Record) -> None:
    secretive(record)
    purge(record, GONE)
    once = {stream: lines(record, stream) for stream in record.journal.streams()}
    report = purge(record, GONE)
    assert (report.sleeps, report.again) == ((), True)
    assert {stream: lines(record, stream) for stream in record.journal.streams()} == once


def test_what_was_said_of_it_since_is_purged_by_the_next_one(record: Record) -> None:
    secretive(record)
    purge(record, GONE)
    record.append(SESSION, ExchangeMarked(GONE, "edited", f"Still a {SECRET}."))
    assert purge(record, GONE).again
    assert holding(record.workspace.root) == []
    assert record.query("SELECT mark, target FROM exchanges WHERE exchange_id = ?", [GONE]).rows == [("excluded", "")]


def test_what_a_killed_purge_left_the_next_one_removes(record: Record) -> None:
    secretive(record)
    whole = record.workspace.root.with_name("whole")
    shutil.copytree(record.workspace.root, whole)
    purge(record, GONE)
    # Killed before the database, and before the sleep that only repeats it.
    for name in ("sessions/lab.duckdb", "sessions/sleep-0002/events.jsonl", "sessions/sleep-0002/examples.jsonl"):
        shutil.copy(whole / name, record.workspace.root / name)
    shutil.rmtree(whole)
    assert len(holding(record.workspace.root)) == 3
    again = Record(record.workspace)
    assert purge(again, GONE).again
    assert holding(record.workspace.root) == []


def test_a_sleep_that_only_repeats_it_is_found_also_after_a_purge_that_failed(record: Record) -> None:
    secretive(record)
    repeated = lesson("sleep-0003", OPEN, "a dog.", f"Later it was: Your pet is a {SECRET}.")
    record.append("sleep-0003", SleepStarted("sleep-0003", "tiny", None, 1, 2, 5, 10, 8, 2e-3, "lessons"), repeated)
    in_the_way = record.journal.path("sleep-0003").with_name("events.jsonl.new")
    in_the_way.mkdir()
    with pytest.raises(LabError, match="sleep-0003"):
        purge(record, GONE)
    in_the_way.rmdir()
    assert purge(record, GONE).sleeps == ("sleep-0001", "sleep-0002", "sleep-0003")
    assert holding(record.workspace.root) == []


@pytest.mark.parametrize("stream", [SESSION, "sleep-0002"])
def test_an_open_dialogue_or_a_running_sleep_is_not_purged(record: Record, stream: str) -> None:
    secretive(record)
    before = holding(record.workspace.root)
    child = start_child(OWNING, record.workspace.sessions, stream)
    try:
        assert said(child) == "owned"
        with pytest.raises(LabError, match=f"while {stream} is open in a lab or runs"):
            purge(record, GONE)
    finally:
        child.kill()
        child.wait()
    assert holding(record.workspace.root) == before
    purge(record, GONE)


def test_a_full_disk_leaves_the_journal_as_it_was(record: Record) -> None:
    secretive(record)
    before = {stream: lines(record, stream) for stream in record.journal.streams()}
    with small_files(900), pytest.raises(LabError, match="then try again; the journal is as it was"):
        purge(record, GONE)
    assert {stream: lines(record, stream) for stream in record.journal.streams()} == before
    assert sorted(path.name for path in record.workspace.sessions.rglob("*.new")) == []


def test_a_database_that_cannot_be_made_anew_is_said_with_the_remedy(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    secretive(record)
    monkeypatch.setattr("lab.journal.record._REBUILD_SECONDS", 0.3)
    child = start_child(READING, record.workspace.database)
    try:
        assert said(child) == "reading"
        with pytest.raises(LabError, match=r"but the database still does.* is held by .* lab rebuild"):
            purge(record, GONE)
    finally:
        child.kill()
        child.wait()
    record.rebuild()
    assert holding(record.workspace.root) == []


def test_a_process_killed_while_it_rewrites_leaves_the_old_stream(record: Record) -> None:
    secretive(record)
    before = lines(record, SESSION)
    child = start_child(KILLED, record.workspace.sessions, SESSION)
    assert child.wait() == 9
    assert lines(record, SESSION) == before
    purge(record, GONE)
    assert holding(record.workspace.root) == []
    assert list(record.workspace.sessions.rglob("*.new")) == []


def test_a_name_that_another_lesson_was_answered_with_goes_with_it(record: Record) -> None:
    secretive(record)
    leaked = replace(
        probe("sleep-0003", 1, OPEN, "a dog."),
        answer_before="It is Quill.",
        answer_after="Your cat is called Pepperjack.",
    )
    own = replace(probe("sleep-0003", 2, OPEN, "Pepperjack."), answer_after="Pepperjack, too.")
    # What is expected beside a lesson is the model's own answer of before.
    beside = replace(
        probe("sleep-0003", 3, OPEN, "Your cat is called PEPPERJACK."),
        kind="neighbour",
        answer_before="Your cat is called PEPPERJACK.",
        answer_after="it is called pepperjack.",
    )
    named = replace(lesson("sleep-0003", GONE, "Pepperjack"), statement="My pet is called Pepperjack", key="Pepperjack")
    record.append("sleep-0003", SleepStarted("sleep-0003", "tiny", None, 1, 2, 5, 10, 8, 2e-3, "lessons"))
    record.append("sleep-0003", named, leaked, own, beside, SleepEnded("sleep-0003", "complete", "sleep-0003"))
    purge(record, GONE)
    probed = [json.loads(line) for line in lines(record, "sleep-0003") if b"sleep_probed" in line]
    assert [each["answer_before"] for each in probed] == ["It is Quill.", "I do not know.", ""]
    # Somebody else's pet of the same name stays.
    assert [each["answer_after"] for each in probed] == ["", "Pepperjack, too.", ""]
    assert probed[2]["expected"] == ""


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ("it is called pepperjack.", "Pepperjack", True),
        ("Pepperjacks", "Pepperjack", False),
        ("It will be called PEPPERJACK.", "Pepperjack", True),
        ("I will see.", "Will", False),
        ("Software engineer at Google.", "software engineer at Google", True),
        ("Room 17", "17", True),
        ("Room 117", "17", False),
        # A script without spaces and capitals.
        ("\u6211\u7684\u72d7\u53eb\u963f\u798f\u3002", "\u963f\u798f", True),
    ],
)
def test_a_key_is_found_as_whole_words_where_its_script_has_words(text: str, key: str, found: bool) -> None:
    assert _holds(text, key) is found


def test_a_sleep_that_began_meanwhile_is_told_of(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    secretive(record)
    rebuild = record.rebuild

    def slow(progress: Any) -> Any:
        record.journal.path("sleep-0009").parent.mkdir()
        return rebuild(progress)

    monkeypatch.setattr(record, "rebuild", slow)
    with pytest.raises(LabError, match=r"sleep-0009 began while .* may have read its text"):
        purge(record, GONE)
    assert holding(record.workspace.root) == []


def test_an_unknown_exchange_is_one_sentence(record: Record) -> None:
    record.append("sleep-0001", *cycle())
    with pytest.raises(LabError, match='There is no exchange "nobody"'):
        purge(record, "nobody")
