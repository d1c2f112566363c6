"""The append-only files: what is acknowledged stays, and nothing else harms it."""

from __future__ import annotations

import os
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import LabError
from lab.journal.events import DraftFinished, Entry, MemoryRead, SessionOpened, SessionTitled, decode, encode, now
from lab.journal.journal import Journal
from tests.helpers import wait_until
from tests.journal.samples import SESSION, draft, opened, reading, said, start_child, turn_started


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "sessions")


def notes(journal: Journal, stream: str = SESSION) -> list[str]:
    found = [line.entry.event for line in journal.read(stream) if line.entry]
    return [event.moment for event in found if isinstance(event, MemoryRead)]


@given(st.text(), st.floats(), st.integers(0, 2**64 - 1))
def test_any_text_and_number_comes_back_as_it_was_written(text: str, number: float, seed: int) -> None:
    event = draft(1, 0)
    event = type(event)(event.exchange_id, 0, number, seed, 0.5, None, None, text)
    entry = decode(encode(event, now()))
    assert entry and isinstance(entry.event, type(event))
    assert entry.event.text == text.encode("utf-8", "replace").decode()
    assert entry.event.temperature == (number if abs(number) < float("inf") else None)
    assert entry.event.seed == seed


@given(st.binary())
def test_no_line_breaks_the_reader(line: bytes) -> None:
    try:
        assert isinstance(decode(line), (Entry, type(None)))
    except ValueError as fault:
        assert str(fault)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"event": "turn_started"}', "at"),
        (b'{"at": "2026-11-22T04:41:00", "event": "session_ended", "session_id": "x"}', "no time zone"),
        (b'{"at": "0001-01-01T00:00:00+14:00", "event": "session_ended", "session_id": "x"}', "date value"),
        (b'{"at": "2026-11-22T04:41:00+00:00", "event": "session_ended", "session_id": 7}', "session_id is int"),
        (b'{"at": "2026-11-22T04:41:00+00:00", "event": "session_ended"}', "session_id"),
        (b'{"at": "2026-11-22T04:41:00+00:00", "event": "sleep_ended", "cycle_id": "c", "status": null}', "status"),
        (
            b'{"at": "2026-11-22T04:41:00+00:00", "event": "sleep_ended", "cycle_id": "c", "status": "x",'
            b' "steps": 9223372036854775808}',
            "out of range",
        ),
        (b"[1, 2]", "no event name"),
    ],
)
def test_a_line_that_is_no_event_says_why(line: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode(line)


def test_a_line_of_the_first_release_is_read_with_what_was_added_since_left_empty() -> None:
    at = b'{"at": "2026-11-22T04:41:00+00:00", "event": '
    drafted = decode(
        at + b'"draft_finished", "exchange_id": "s-0001", "iteration": 1, "temperature": 0.7, "seed": 8,'
        b' "energy": 0.5, "tokens": 12, "seconds": 0.5, "text": "draft 1 of turn 1"}'
    )
    assert drafted is not None
    assert drafted.event == DraftFinished("s-0001", 1, 0.7, 8, 0.5, 12, 0.5, "draft 1 of turn 1", "", 0, None)
    began = decode(
        at + b'"session_opened", "session_id": "s", "checkpoint": "tiny", "adapter": null, "profile": "lexical",'
        b' "threshold": 0.15, "title": null, "parent_session_id": null}'
    )
    assert began is not None
    assert began.event == SessionOpened("s", "tiny", None, "lexical", 0.15, None, None, None)


def test_events_of_one_append_share_its_time_and_come_back_in_order(journal: Journal) -> None:
    at = datetime(2026, 11, 22, 6, 41, tzinfo=timezone(timedelta(hours=2)))
    journal.append(SESSION, opened(), turn_started(1), at=at)
    entries = [line.entry for line in journal.read(SESSION)]
    assert entries == [Entry(at, opened()), Entry(at, turn_started(1))]
    assert journal.streams() == [SESSION]


def test_reading_goes_on_where_it_ended(journal: Journal) -> None:
    journal.append(SESSION, reading("a"), reading("b"))
    last = list(journal.read(SESSION))[-1]
    journal.append(SESSION, reading("c"))
    (line,) = journal.read(SESSION, last.end, last.number)
    assert (line.start, line.number) == (last.end, 3)
    assert line.entry and line.entry.event == reading("c")


def test_reading_ends_where_the_file_ended_when_it_began(journal: Journal) -> None:
    journal.append(SESSION, reading("a"), reading("b"))
    lines = journal.read(SESSION)
    first = next(lines)
    journal.append(SESSION, *[reading("x" * 1000) for _ in range(100)])
    assert [line.number for line in (first, *lines)] == [1, 2]


def test_a_torn_line_is_set_apart_and_harms_no_other(journal: Journal) -> None:
    journal.append(SESSION, reading("a"))
    with journal.path(SESSION).open("ab") as file:
        file.write(b'{"at": "2026-11-2')
    assert notes(journal) == ["a"]
    journal.append(SESSION, reading("b"))
    lines = list(journal.read(SESSION))
    assert [line.entry is None for line in lines] == [False, True, False]
    assert lines[1].fault and "not JSON" in lines[1].fault
    assert notes(journal) == ["a", "b"]


def test_an_event_of_a_newer_release_is_passed_over(journal: Journal) -> None:
    journal.append(SESSION, reading("a"))
    with journal.path(SESSION).open("ab") as file:
        file.write(b'{"at": "2026-11-22T04:41:00+00:00", "event": "dreamt", "of": "sheep"}\n')
    (_, line) = journal.read(SESSION)
    assert (
        line.entry is None
        and line.fault == "an event of a newer release of the lab; with that one, lab rebuild reads it"
    )


def test_a_file_cut_short_is_told_and_not_read_from_its_middle(journal: Journal) -> None:
    journal.append(SESSION, reading("a"), reading("b"))
    end = journal.size(SESSION)
    os.truncate(journal.path(SESSION), end - 10)
    with pytest.raises(LabError, match="changed by hand"):
        list(journal.read(SESSION, end))


@pytest.mark.parametrize("name", ["../elsewhere", "", ".hidden", "a/b", "a\nb", "x" * 300])
def test_a_name_that_leads_elsewhere_is_refused(journal: Journal, name: str) -> None:
    with pytest.raises(LabError, match="is not the name"):
        journal.append(name, reading("a"))


def test_other_folders_and_files_are_no_streams(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "sessions" / "logs").mkdir(parents=True)
    (tmp_path / "sessions" / "lab.duckdb").write_bytes(b"")
    (tmp_path / "sessions" / ".hidden").mkdir()
    (tmp_path / "sessions" / ".hidden" / "events.jsonl").write_bytes(b"")
    assert journal.streams() == []


def test_threads_append_whole_lines(journal: Journal) -> None:
    def work(name: int) -> None:
        for number in range(20):
            journal.append(SESSION, reading(f"{name}-{number}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = notes(journal)
    assert sorted(found) == sorted(f"{name}-{number}" for name in range(4) for number in range(20))
    for name in range(4):
        assert [n for n in found if n.startswith(f"{name}-")] == [f"{name}-{number}" for number in range(20)]


def test_following_sees_what_arrives_until_told_to_stop(journal: Journal) -> None:
    journal.append(SESSION, reading("a"))
    stop = threading.Event()
    seen: list[str] = []

    def follow() -> None:
        for entry in journal.follow(SESSION, stop.is_set, poll=0.01):
            assert isinstance(entry.event, MemoryRead)
            seen.append(entry.event.moment)

    follower = threading.Thread(target=follow)
    follower.start()
    wait_until(lambda: seen == ["a"])
    journal.append(SESSION, reading("b"))
    wait_until(lambda: seen == ["a", "b"])
    stop.set()
    follower.join()
    assert seen == ["a", "b"]


def test_following_reads_to_the_end_even_when_told_to_stop_at_once(journal: Journal) -> None:
    journal.append(SESSION, reading("a"), SessionTitled(SESSION, "t"))
    assert [entry.event for entry in journal.follow(SESSION, lambda: True)] == [
        reading("a"),
        SessionTitled(SESSION, "t"),
    ]
    assert list(journal.follow("nothing-here", lambda: True)) == []


def test_readers_wait_for_a_writer_whose_lines_may_be_taken_back(journal: Journal, tmp_path: Path) -> None:
    journal.append(SESSION, reading("a"))
    path, size = journal.path(SESSION), journal.size(SESSION)
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.extend(notes(Journal(tmp_path / "sessions"))))
    with journal._locked(path):
        with path.open("ab") as file:
            file.write(encode(reading("taken back"), now()))
        reader.start()
        reader.join(0.2)
        os.truncate(path, size)
    reader.join()
    assert seen == ["a"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_sentence(journal: Journal) -> None:
    path = journal.path(SESSION)
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/full")
    with pytest.raises(LabError, match="No space left on device") as told:
        journal.append(SESSION, reading("a"))
    assert "Free some space" in told.value.remedy


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_write_that_stops_half_way_is_taken_back(journal: Journal, tmp_path: Path) -> None:
    journal.append(SESSION, reading("a"))
    before = journal.path(SESSION).read_bytes()
    code = """
import resource
from pathlib import Path
from lab.errors import LabError
from lab.journal.journal import Journal
from lab.journal.events import (MemoryRead)
sessions, stream, size = ARGUMENTS
journal = Journal(Path(sessions))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 250, hard))
try:
    journal.append(stream, *[MemoryRead("lab", 1, None, f"lost {n}") for n in range(5)])
except LabError as error:
    print(error, flush=True)
print(journal.size(stream), flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.append(stream, MemoryRead("lab", 1, None, "b"))
"""
    with start_child(code, tmp_path / "sessions", SESSION, len(before)) as child:
        assert "could not be written" in said(child)
        assert said(child) == str(len(before))
    assert child.returncode == 0
    assert journal.path(SESSION).read_bytes().startswith(before)
    assert notes(journal) == ["a", "b"]


def test_a_place_that_cannot_be_written_is_one_clear_sentence(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file where the folder should be")
    with pytest.raises(LabError, match="could not be written"):
        journal.append(SESSION, reading("a"))


def test_a_stream_is_owned_until_its_process_is_killed(journal: Journal, tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from lab.journal.journal import Journal
sessions, stream = ARGUMENTS
with Journal(Path(sessions)).own(stream):
    print("mine", flush=True)
    sys.stdin.read()
"""
    assert not journal.owned(SESSION)
    with start_child(code, tmp_path / "sessions", SESSION) as child:
        assert said(child) == "mine"
        assert journal.owned(SESSION)
        with pytest.raises(LabError, match="in use by another lab"), journal.own(SESSION):
            pass
        child.kill()
        child.wait()
    assert not journal.owned(SESSION)
    with journal.own(SESSION):
        assert journal.owned(SESSION)
        with journal.own(SESSION):
            pass
        assert journal.owned(SESSION)
    assert not journal.owned(SESSION)
