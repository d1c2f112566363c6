"""Chat files come in with every text, in order, once; and what cannot be taken is told by its line."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from lab.domain import Evidence, Progress, Salience
from lab.errors import LabError
from lab.journal import queries
from lab.journal.chats import import_chats
from lab.journal.events import ExchangeFinished, ExchangeMarked, TurnStarted
from lab.journal.record import Record
from lab.journal.training import training_examples
from lab.salience import profile
from tests.journal.samples import SESSION, exchange_id, finished, opened, record_in, turn_started, whole_turn


def rescore(text: str, reply: str) -> Salience:
    return profile("lexical").score(Evidence(text, reply), 0.15)


def lines(path: Path, *values: Any) -> Path:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in values))
    return path


def chat(*said: str, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)], **more}


def turn(asked: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"user_input": asked, "model_response": answer, **more}


def sessions(record: Record) -> dict[str, list[tuple[int, str, str]]]:
    assert record.sync()
    table = record.query("SELECT session_id, turn, user_input, response FROM exchanges ORDER BY session_id, turn")
    found: dict[str, list[tuple[int, str, str]]] = {}
    for session_id, number, asked, answer in table.rows:
        found.setdefault(session_id, []).append((number, asked, answer))
    return found


def test_each_conversation_becomes_a_session_with_its_turns_and_scores(record: Record, tmp_path: Path) -> None:
    long = chat("One?", "First.", "Two?", "Second \u2603 truth.")
    system = {"messages": [{"role": "system", "content": "Be kind."}, *chat("Three?", "Third.")["messages"]]}
    report = import_chats(record, lines(tmp_path / "a.jsonl", long, "", system), rescore)
    assert (report.sessions, report.exchanges, report.already, report.skipped) == (2, 3, 0, [])
    found = sessions(record)
    assert sorted(found.values()) == [
        [(1, "One?", "First."), (2, "Two?", "Second \u2603 truth.")],
        [(1, "Three?", "Third.")],
    ]
    assert all(name.startswith("imported-chat-") for name in found)
    rows = record.query("SELECT profile, total, status FROM salience_history ORDER BY created_at, turn").rows
    assert {row[0] for row in rows} == {"lexical"} and {row[2] for row in rows} == {"complete"}
    assert any(row[1] == pytest.approx(rescore("Two?", "Second \u2603 truth.").total) for row in rows)


def test_lines_of_one_exchange_each_are_one_session(record: Record, tmp_path: Path) -> None:
    values = [turn("Hello", "Hi."), turn("Why?", "Because."), turn("Hello", "Hi."), turn("End", "Bye.", timestamp=1e9)]
    report = import_chats(record, lines(tmp_path / "my chat.jsonl", *values), rescore)
    assert (report.sessions, report.exchanges) == (1, 4)
    ((name, turns),) = sessions(record).items()
    assert name.startswith("imported-my-chat-")
    assert turns == [(1, "Hello", "Hi."), (2, "Why?", "Because."), (3, "Hello", "Hi."), (4, "End", "Bye.")]
    found = queries.session(record, name)
    assert found is not None and found.title == "Hello"
    # A line that gives its time has it, the others have the file's.
    years = [each.created_at.year for each in queries.exchanges(record, name)]
    assert years[-1] == 2001 and 2001 not in years[:-1]


def test_a_second_import_adds_nothing_and_a_grown_file_what_is_new(record: Record, tmp_path: Path) -> None:
    values = [turn("Hello", "Hi."), chat("One?", "First."), turn("Hello", "Hi.")]
    file = lines(tmp_path / "a.jsonl", *values)
    import_chats(record, file, rescore)
    before = {stream: record.journal.path(stream).read_bytes() for stream in record.journal.streams()}
    again = import_chats(record, file, rescore)
    assert (again.sessions, again.exchanges, again.already) == (0, 0, 3)
    assert {stream: record.journal.path(stream).read_bytes() for stream in record.journal.streams()} == before
    more = import_chats(record, lines(file, *values, turn("More", "Yes.")), rescore)
    assert (more.sessions, more.exchanges, more.already) == (1, 1, 3)
    assert sorted(len(turns) for turns in sessions(record).values()) == [1, 3]


def test_conversations_that_say_the_same_are_one_unless_the_file_names_them(record: Record, tmp_path: Path) -> None:
    values = [
        chat("One?", "First."),
        chat("One?", "First."),
        chat("One?", "First.", id="a"),
        chat("One?", "First.", id="b"),
    ]
    report = import_chats(record, lines(tmp_path / "a.jsonl", *values), rescore)
    assert (report.sessions, report.already) == (3, 1)


def test_a_conversation_with_a_name_may_grow_and_one_that_says_something_else_is_another(
    record: Record, tmp_path: Path
) -> None:
    file = tmp_path / "a.jsonl"
    said = ("One?", "First.", "Two?", "Second.")
    import_chats(record, lines(file, chat(*said, id="c1")), rescore)
    report = import_chats(record, lines(file, chat(*said, "Three?", "Third.", id="c1")), rescore)
    assert (report.exchanges, report.already) == (1, 2)
    (turns,) = sessions(record).values()
    assert turns == [(1, "One?", "First."), (2, "Two?", "Second."), (3, "Three?", "Third.")]
    # The one of before adds nothing.
    assert import_chats(record, lines(file, chat(*said, id="c1")), rescore).already == 2
    other = lines(file, chat("One?", "First.", "Two?", "Otherwise.", id="c1"))
    assert import_chats(record, other, rescore).exchanges == 2
    assert import_chats(record, other, rescore).already == 2
    assert sorted(len(turns) for turns in sessions(record).values()) == [2, 3]


def test_a_conversation_that_was_changed_grows_by_itself(record: Record, tmp_path: Path) -> None:
    file, begun, more = tmp_path / "a.jsonl", ("One?", "First."), ("Three?", "Third.")
    import_chats(record, lines(file, chat(*begun, "Two?", "Second.", id="c1")), rescore)
    changed: tuple[str, ...] = (*begun, "Two?", "Otherwise.")
    import_chats(record, lines(file, chat(*changed, id="c1")), rescore)
    for said in (more, ("Four?", "Fourth.")):
        changed = (*changed, *said)
        assert import_chats(record, lines(file, chat(*changed, id="c1")), rescore).exchanges == 1
    assert sorted(len(turns) for turns in sessions(record).values()) == [2, 4]


def test_what_the_person_said_in_an_imported_session_keeps_it_growing(record: Record, tmp_path: Path) -> None:
    chats = lines(tmp_path / "a.jsonl", chat("One?", "First.", id="c1"))
    turns = lines(tmp_path / "b.jsonl", turn("Hello", "Hi."))
    for file in (chats, turns):
        import_chats(record, file, rescore)
    for name in record.journal.streams():
        # As the lab numbers what is said there.
        mine = f"{name}-0002"
        record.append(
            name, TurnStarted(mine, name, 2, "And mine?", "tiny", None), ExchangeFinished(mine, "complete", "Y.")
        )
    lines(chats, chat("One?", "First.", "Two?", "Second.", id="c1"))
    lines(turns, turn("Hello", "Hi."), turn("Why?", "Because."))
    for file in (chats, turns):
        report = import_chats(record, file, rescore)
        assert (report.sessions, report.exchanges, report.already) == (1, 1, 1)
    assert len(record.journal.streams()) == 2


def test_a_line_that_was_mended_since_adds_what_it_says(record: Record, tmp_path: Path) -> None:
    values: list[Any] = [turn(f"Question {n}", f"Answer {n}.") for n in range(4)]
    file = lines(tmp_path / "a.jsonl", values[0], "{broken", *values[1:])
    import_chats(record, file, rescore)
    report = import_chats(record, lines(file, values[0], turn("Mended", "Yes."), *values[1:]), rescore)
    assert (report.exchanges, report.already) == (1, 4)
    assert len(sessions(record)) == 1


def test_a_conversation_that_an_earlier_release_imported_is_there_already(record: Record, tmp_path: Path) -> None:
    content = json.dumps([None, ["One?", "First."]], separators=(",", ":")).encode()
    name = f"imported-chat-{hashlib.sha256(content).hexdigest()[:16]}"
    exchange = f"{name}-0001"
    said = TurnStarted(exchange, name, 1, "One?", None, None)
    record.append(name, opened(name), said, ExchangeFinished(exchange, "complete", "First."))
    report = import_chats(record, lines(tmp_path / "a.jsonl", chat("One?", "First.")), rescore)
    assert (report.exchanges, report.already, len(sessions(record))) == (0, 1, 1)


def test_a_conversation_that_a_kill_cut_off_is_made_whole(record: Record, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", chat("One?", "First.", "Two?", "Second.", "Three?", "Third."))
    import_chats(record, file, rescore)
    ((name, turns),) = sessions(record).items()
    path = record.journal.path(name)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:5]))
    record.workspace.database.unlink()
    report = import_chats(record, file, rescore)
    assert (report.exchanges, report.already) == (2, 1)
    assert sessions(record) == {name: turns}


def test_files_of_one_name_that_begin_alike_stay_apart(record: Record, tmp_path: Path) -> None:
    files = {}
    for day in ("mon", "tue", "wed"):
        (tmp_path / day).mkdir()
        values = [turn("Hello", "Hi."), turn("How are you?", "Fine."), turn(f"Is it {day}?", "Yes.")]
        files[day] = lines(tmp_path / day / "transcript.jsonl", *values)
        import_chats(record, files[day], rescore)
    found = sessions(record)
    assert sorted(asked for turns in found.values() for number, asked, _ in turns if number == 3) == [
        *("Is it mon?", "Is it tue?", "Is it wed?")
    ]
    assert {len(turns) for turns in found.values()} == {3}
    # Each is found again, and may grow.
    for day, file in files.items():
        assert import_chats(record, file, rescore).already == 3
        with file.open("a") as grown:
            grown.write(json.dumps(turn(f"And after {day}?", "Who knows.")) + "\n")
        report = import_chats(record, file, rescore)
        assert (report.exchanges, report.already) == (1, 3)
    assert {len(turns) for turns in sessions(record).values()} == {4}


def test_an_import_that_was_interrupted_goes_on(record: Record, tmp_path: Path) -> None:
    values = [turn(f"Question {n}", f"Answer {n}.") for n in range(500)]
    file = lines(tmp_path / "a.jsonl", *values)
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        if progress.fraction and progress.fraction > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_chats(record, file, rescore, stop)
    ((name, turns),) = sessions(record).items()
    assert 0 < len(turns) < 500
    report = import_chats(record, file, rescore, told.append)
    assert report.exchanges == 500 - len(turns)
    assert [asked for _, asked, _ in sessions(record)[name]] == [value["user_input"] for value in values]
    assert told[-1].done == told[-1].total == file.stat().st_size


def test_what_cannot_be_taken_is_told_together_by_file_and_line(record: Record, tmp_path: Path) -> None:
    file = lines(
        tmp_path / "a.jsonl",
        turn("Hello", "Hi."),
        "{broken",
        [1],
        {"user_input": "alone"},
        {"messages": "none"},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": 3}]},
        chat("One?", "First.", "No answer?"),
        {"messages": [{"role": "assistant", "content": "I begin."}, *chat("Two?", "Second.")["messages"]]},
    )
    report = import_chats(record, file, rescore)
    assert report.exchanges == 3
    told = [reason.removeprefix(f"{file}:").split(": ", 1) for reason in report.skipped]
    assert [number for number, _ in told] == ["2", "3", "4", "5", "6", "7", "8", "9"]
    assert "last message has no answer" in told[6][1] and "answer to nothing" in told[7][1]


def test_a_value_nested_too_deep_or_a_time_before_all_keeps_no_later_line_out(record: Record, tmp_path: Path) -> None:
    deep = "[" * 300 + "]" * 300
    named = json.dumps(chat("Deep?", "Too deep.", id=0)).replace('"id": 0', f'"id": {deep}')
    early = turn("When?", "Early.", created_at="0001-01-01T00:00:00+14:00", timestamp=86400)
    file = lines(tmp_path / "a.jsonl", named, early, turn("Then?", "Later."))
    report = import_chats(record, file, rescore)
    assert (report.exchanges, report.skipped) == (2, [f"{file}:1: nested too deep"])
    assert record.sync()
    at = record.query("SELECT user_input, created_at FROM exchanges ORDER BY turn").rows
    assert [asked for asked, _ in at] == ["When?", "Then?"] and at[0][1] == datetime(1970, 1, 2)


def test_a_file_without_any_exchange_is_an_error_that_names_it(record: Record, tmp_path: Path) -> None:
    for content in ("", "text\n", "{}\n", '{"messages": []}\n'):
        file = tmp_path / "a.jsonl"
        file.write_text(content)
        with pytest.raises(LabError, match=r"a\.jsonl has no exchange"):
            import_chats(record, file, rescore)
    with pytest.raises(LabError, match="cannot be read"):
        import_chats(record, tmp_path / "missing.jsonl", rescore)
    assert record.journal.streams() == []


def test_training_data_comes_back_with_the_same_texts_as_imported_sessions(record: Record, tmp_path: Path) -> None:
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2))
    record.append(SESSION, turn_started(3, text="Unusual \U0001d54f\n# text\t"), finished(3, response="Yes \u2028no."))
    record.append(SESSION, ExchangeMarked(exchange_id(2), "edited", "What it should have been."))
    chosen: dict[str, Any] = {"profile": "lexical", "session_id": None, "salient_only": False}
    assert record.sync()
    examples = list(training_examples(record, **chosen))
    assert len(examples) == 3
    for example in examples:
        example["metadata"]["created_at"] = example["metadata"]["created_at"].isoformat()
    other = record_in(tmp_path / "other")
    report = import_chats(other, lines(tmp_path / "t.jsonl", *examples), rescore)
    assert (report.sessions, report.exchanges) == (3, 3)
    assert other.sync()
    back = list(training_examples(other, **chosen))
    assert [each["messages"] for each in back] == [each["messages"] for each in examples]
    assert all(each["id"].startswith("imported-") for each in back)
    assert [each["metadata"]["checkpoint"] for each in back] == ["tiny"] * 3
    ats = [each["metadata"]["created_at"].astimezone(timezone.utc).isoformat() for each in back]
    assert ats == [each["metadata"]["created_at"] for each in examples]


def test_training_pages_end_anywhere_and_give_each_exchange_once(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 22, tzinfo=timezone.utc)
    for number in range(6):
        # Two at the same time.
        name = f"session-{number}"
        record.append(name, opened(name), *whole_turn(1, name), at=at + timedelta(hours=number // 2))
    record.append("session-4", ExchangeMarked("session-4-0001", "excluded"))
    assert record.sync()
    for page in (1, 2, 3, 5, 6):
        monkeypatch.setattr("lab.journal.training._PAGE", page)
        examples = training_examples(record, profile="lexical", session_id=None, salient_only=False)
        assert [each["id"] for each in examples] == [f"session-{n}-0001" for n in (0, 1, 2, 3, 5)]


def test_two_imports_of_one_file_at_once_do_not_add_it_twice(record: Record, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", turn("a", "b"))
    import_chats(record, file, rescore)
    lines(file, turn("a", "b"), turn("c", "d"))
    (stream,) = record.journal.streams()
    held = FileLock(record.journal.path(stream).with_name("owner.lock"), thread_local=False)
    with held, pytest.raises(LabError, match="is in use by another lab"):
        import_chats(record, file, rescore)
    assert import_chats(record, file, rescore).exchanges == 1


def test_of_a_file_that_is_none_of_ours_the_first_faults_are_told_and_the_rest_counted(
    record: Record, tmp_path: Path
) -> None:
    report = import_chats(record, lines(tmp_path / "a.jsonl", turn("a", "b"), *["x"] * 300, {"messages": []}), rescore)
    assert (len(report.skipped), report.more) == (100, 201)
    few = import_chats(record, lines(tmp_path / "b.jsonl", turn("a", "b"), {"messages": []}), rescore)
    assert few.skipped == [f"{tmp_path / 'b.jsonl'}:2: messages without an answer to a user"]
