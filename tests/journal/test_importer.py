"""Recorded sessions of the published layout, written here as the published system wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.domain import Progress, Salience
from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import DraftFinished, TurnStarted
from lab.journal.importer import import_sessions
from lab.journal.imports import ImportReport
from lab.journal.record import Record
from tests.journal.samples import dump

SCORES = {"surprise": 0.0, "novelty": 0.159, "arousal": 0.26, "reward": 0.378, "conflict": 0.16, "total": 0.209}
START = 1761844013.25


def rescore(user_input: str, response: str) -> Salience:
    return Salience("lexical", 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.15)


def exchange(number: int = 0, **changes: Any) -> dict[str, Any]:
    energies = [0.7, 0.2, 0.4, 0.2, 0.5]
    answer = f"Knowledge number {number} is mine, because I act on it."
    body = {
        "user_input": f"Is knowledge number {number} still yours?",
        "model_response": answer,
        "timestamp": START + 10 * number,
        "salience_scores": SCORES,
        "irp_info": {
            "iterations": [
                {
                    "iteration": i + 1,
                    "temperature": round(0.7 - 0.04 * i, 2),
                    "energy": energy,
                    "response_preview": answer[:20] + "..." if i == 1 else f"draft {i}",
                }
                for i, energy in enumerate(energies)
            ],
            "best_energy": 0.2,
            "converged": True,
        },
    }
    return body | changes


def write_session(root: Path, lines: list[Any], name: str = "session_1761844013", **metadata: Any) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    about = {
        "session_id": name.removeprefix("session_"),
        "start_time": START,
        "end_time": START + 600,
        "model_path": "models/qwen2.5-0.5b",
        "total_exchanges": len(lines),
        "salient_exchanges": len(lines),
        "avg_salience": 0.209,
    }
    (folder / "metadata.json").write_text(json.dumps(about | metadata), encoding="utf-8")
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "exchanges.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_a_recorded_session_comes_with_its_scores_and_the_new_ones_beside(record: Record, tmp_path: Path) -> None:
    write_session(tmp_path / "raw", [exchange(0), exchange(1, irp_info=None)])
    seen: list[Progress] = []
    report = import_sessions(record, tmp_path / "raw", rescore, seen.append)
    assert report == ImportReport(1, 2, 0, [])
    assert [progress.fraction for progress in seen] == [0.0, 1.0]
    record.sync()
    session = queries.session(record, "imported-1761844013")
    assert session and session.ended_at
    assert (session.started_at.timestamp(), session.ended_at.timestamp()) == (START, START + 600)
    assert (session.checkpoint, session.profile) == ("models/qwen2.5-0.5b", "recorded")
    first, second = queries.exchanges(record, session.session_id)
    assert (first.turn, first.status, first.created_at.timestamp()) == (1, "complete", START)
    assert first.response == exchange(0)["model_response"]
    theirs, ours = first.salience
    assert ours == rescore("", "") and not ours.salient
    assert theirs == Salience("recorded", threshold=0.15, **SCORES) and theirs.salient
    assert [draft.energy for draft in first.drafts] == [0.7, 0.2, 0.4, 0.2, 0.5]
    assert [draft.temperature for draft in first.drafts] == [0.7, 0.66, 0.62, 0.58, 0.54]
    assert (first.chosen, first.drafts[1].text, first.drafts[0].text) == (1, first.response, "draft 0")
    assert (second.drafts, second.chosen, second.turn) == ((), None, 2)
    assert record.query("SELECT converged FROM exchanges ORDER BY turn").rows == [(True,), (None,)]


def test_importing_twice_adds_nothing(record: Record, tmp_path: Path) -> None:
    write_session(tmp_path / "raw", [exchange(0), exchange(1)])
    write_session(tmp_path / "raw", [exchange(0)], name="session_1761846416")
    assert import_sessions(record, tmp_path / "raw", rescore) == ImportReport(2, 3, 0, [])
    sizes = {stream: record.journal.size(stream) for stream in record.journal.streams()}
    record.sync()
    before = dump(record)
    assert import_sessions(record, tmp_path / "raw", rescore) == ImportReport(0, 0, 3, [])
    assert {stream: record.journal.size(stream) for stream in record.journal.streams()} == sizes
    record.sync()
    assert dump(record) == before


def test_a_recording_that_grew_gives_what_is_new(record: Record, tmp_path: Path) -> None:
    folder = write_session(tmp_path / "raw", [exchange(0)])
    import_sessions(record, folder, rescore)
    with (folder / "exchanges.jsonl").open("a") as file:
        file.write(json.dumps(exchange(1)) + "\n")
    assert import_sessions(record, folder, rescore) == ImportReport(1, 1, 1, [])
    record.sync()
    assert record.query("SELECT turn FROM exchanges ORDER BY turn").rows == [(1,), (2,)]
    assert record.query("SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL").rows == [(1,)]


def test_one_session_folder_can_be_imported_by_itself(record: Record, tmp_path: Path) -> None:
    folder = write_session(tmp_path / "raw", [exchange(0)])
    assert import_sessions(record, folder, rescore).exchanges == 1
    assert import_sessions(record, tmp_path / "raw", rescore) == ImportReport(0, 0, 1, [])


@pytest.mark.parametrize("line", range(2, 12))
def test_an_import_that_was_cut_off_goes_on_and_ends_as_if_it_had_not_been(
    record: Record, tmp_path: Path, line: int
) -> None:
    write_session(tmp_path / "raw", [exchange(0), exchange(1)])
    import_sessions(record, tmp_path / "raw", rescore)
    record.sync()
    whole = dump(record)

    (stream,) = record.journal.streams()
    path = record.journal.path(stream)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:line]) + lines[line][:20])
    record.workspace.database.unlink()
    record.recover()
    report = import_sessions(record, tmp_path / "raw", rescore)
    assert report.exchanges + report.already == 2
    record.rebuild()
    again = dump(record)
    internal = ("journal_offsets", "journal_faults")
    assert {name: rows for name, rows in again.items() if name not in internal} == {
        name: rows for name, rows in whole.items() if name not in internal
    }
    assert import_sessions(record, tmp_path / "raw", rescore).exchanges == 0


def test_lines_that_are_no_exchange_are_told_with_file_and_number(record: Record, tmp_path: Path) -> None:
    deep = json.dumps(exchange(2, irp_info=0)).replace('"irp_info": 0', f'"irp_info": {"[" * 300}{"]" * 300}')
    lines = [exchange(0), "{broken", "[1]", {"user_input": "no answer"}, "", exchange(1), exchange(1), deep]
    folder = write_session(tmp_path / "raw", lines, total_exchanges=4)
    report = import_sessions(record, tmp_path / "raw", rescore)
    path = folder / "exchanges.jsonl"
    assert (report.exchanges, report.already) == (2, 0)
    assert [reason.split(": ")[0] for reason in report.skipped] == [f"{path}:{number}" for number in (2, 3, 4, 7, 8)]
    assert "not valid JSON" in report.skipped[0]
    assert "not a JSON object" in report.skipped[1]
    assert "no text under user_input and model_response" in report.skipped[2]
    assert "same exchange" in report.skipped[3]
    assert "nested too deep" in report.skipped[4]


def test_exchanges_that_the_recorder_did_not_store_are_counted(record: Record, tmp_path: Path) -> None:
    folder = write_session(tmp_path / "raw", [exchange(0)], total_exchanges=3)
    report = import_sessions(record, tmp_path / "raw", rescore)
    (reason,) = report.notes
    # Nothing that was there was left out.
    assert report.skipped == []
    assert reason == f"{folder / 'metadata.json'}: 2 of 3 exchanges were not stored by the recorder"


def test_a_session_without_exchanges_is_a_session(record: Record, tmp_path: Path) -> None:
    write_session(tmp_path / "raw", [])
    assert import_sessions(record, tmp_path / "raw", rescore) == ImportReport(1, 0, 0, [])
    record.sync()
    assert queries.session(record, "imported-1761844013")


@pytest.mark.parametrize("text", [None, "", "{broken", "[]"])
def test_missing_or_broken_metadata_is_told_and_the_folder_speaks_for_it(
    record: Record, tmp_path: Path, text: str | None
) -> None:
    folder = write_session(tmp_path / "raw", [exchange(0)])
    if text is None:
        (folder / "metadata.json").unlink()
    else:
        (folder / "metadata.json").write_text(text)
    report = import_sessions(record, tmp_path / "raw", rescore)
    assert report.exchanges == 1
    assert [reason.split(": ")[0] for reason in report.notes] == [str(folder / "metadata.json")]
    assert report.skipped == []
    record.sync()
    session = queries.session(record, "imported-session_1761844013")
    assert session and session.started_at.timestamp() == 1761844013


@pytest.mark.parametrize(
    "changes",
    [
        {"salience_scores": None},
        {"salience_scores": SCORES | {"total": "0.2"}},
        {"irp_info": {"iterations": [{"temperature": 0.7}]}},
        {"irp_info": []},
    ],
)
def test_an_exchange_with_parts_missing_is_taken_without_them_and_told(
    record: Record, tmp_path: Path, changes: dict[str, Any]
) -> None:
    folder = write_session(tmp_path / "raw", [exchange(0, **changes)])
    report = import_sessions(record, tmp_path / "raw", rescore)
    assert report.exchanges == 1
    assert [reason.split(": ")[0] for reason in report.notes] == [f"{folder / 'exchanges.jsonl'}:1"]
    assert report.skipped == []


@pytest.mark.parametrize("timestamp", [None, "yesterday", 1e300, True])
def test_an_exchange_without_a_time_takes_that_of_its_session(
    record: Record, tmp_path: Path, timestamp: object
) -> None:
    write_session(tmp_path / "raw", [exchange(0, timestamp=timestamp)])
    import_sessions(record, tmp_path / "raw", rescore)
    record.sync()
    (found,) = queries.exchanges(record, "imported-1761844013")
    assert found.created_at.timestamp() == START


def test_session_ids_that_are_no_folder_names_stay_apart(record: Record, tmp_path: Path) -> None:
    for number, name in enumerate(["../../escape", "..-..-escape", "..!..!escape", "x" * 300]):
        write_session(tmp_path / "raw", [exchange(0)], name=f"session_{number}", session_id=name)
    report = import_sessions(record, tmp_path / "raw", rescore)
    assert (report.sessions, report.exchanges, report.skipped) == (4, 4, [])
    assert len(record.journal.streams()) == 4
    assert not (tmp_path.parent / "escape").exists()


def test_a_folder_without_recordings_is_refused(record: Record, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(LabError) as told:
            import_sessions(record, place, rescore)
        assert "session_*" in told.value.remedy


def test_a_session_folder_without_its_exchanges_is_told(record: Record, tmp_path: Path) -> None:
    folder = write_session(tmp_path / "raw", [])
    (folder / "exchanges.jsonl").unlink()
    (reason,) = import_sessions(record, tmp_path / "raw", rescore).skipped
    assert reason.startswith(f"{folder / 'exchanges.jsonl'}: cannot be read")


def test_imported_drafts_are_journalled_whole_before_their_end(record: Record, tmp_path: Path) -> None:
    write_session(tmp_path / "raw", [exchange(0)])
    import_sessions(record, tmp_path / "raw", rescore)
    kinds = [type(line.entry.event) for line in record.journal.read("imported-1761844013") if line.entry]
    assert kinds[1:7] == [TurnStarted, *[DraftFinished] * 5]
