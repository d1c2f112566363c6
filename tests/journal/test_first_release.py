"""A record that the first release made opens in this one, is asked, appended to, and made anew."""

from __future__ import annotations

import tarfile
from pathlib import Path

import duckdb
import pytest

from lab.errors import LabError
from lab.journal import projector, queries
from lab.journal.events import ExchangeMarked
from lab.journal.record import Record
from tests.journal.samples import dump, finished, opened, record_in, turn_started

SESSION = "20261124-030731-9ef2"
ARCHIVE = Path(__file__).parent / "fixtures" / "first_release.tar.gz"


@pytest.fixture
def first(tmp_path: Path) -> Record:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return record_in(tmp_path)


def requires_its_duckdb() -> None:
    if int(duckdb.__version__.partition(".")[0]) < 2:
        pytest.skip("the file was written by DuckDB 2")


def test_it_opens_and_tells_what_happened(first: Record) -> None:
    requires_its_duckdb()
    turns = queries.exchanges(first, SESSION)
    assert [(turn.turn, turn.status, len(turn.drafts)) for turn in turns] == [
        *((number, "complete", 5) for number in range(1, 6)),
        (6, "running", 0),
    ]
    assert turns[1].user_input == 'I am amazed! Why do you remember?\nTell me "all".'
    assert turns[2].user_input == "Is the caf\u00e9 \U0001f600 open?"
    assert [turn.adapter for turn in turns[3:5]] == [None, "sleep-0001"]
    assert all(turn.drafts[turn.chosen or 0].text == turn.response for turn in turns[:5])
    assert all(turn.mark is None and turn.kept_iteration is None for turn in turns)
    assert {draft.thinking for turn in turns for draft in turn.drafts} == {""}
    (cycle,) = queries.cycles(first)
    assert (cycle.status, cycle.adapter) == ("complete", "sleep-0001")
    assert first.query("SELECT count(*) FROM salience_history WHERE salient IS NOT NULL").rows == [(5,)]
    assert first.faults() == []


def test_its_database_becomes_what_a_rebuild_makes(first: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    requires_its_duckdb()
    assert first.sync()
    before = dump(first)
    first.rebuild()
    assert dump(first) == before
    monkeypatch.setattr(projector, "_BULK_BYTES", 0)
    first.rebuild()
    assert dump(first) == before


def test_it_goes_on_here(first: Record) -> None:
    requires_its_duckdb()
    assert first.recover() == [f"{SESSION}-0006"]
    first.append(SESSION, opened(SESSION, revision="abc"), turn_started(7, SESSION), finished(7, SESSION))
    first.append(SESSION, ExchangeMarked(f"{SESSION}-0001", "kept", "Another answer.", 2))
    assert first.sync()
    turns = queries.exchanges(first, SESSION)
    assert [turn.status for turn in turns[5:]] == ["failed", "complete"]
    assert (turns[0].mark, turns[0].target, turns[0].kept_iteration) == ("kept", "Another answer.", 2)
    before = dump(first)
    first.rebuild()
    assert dump(first) == before


def test_its_journal_alone_is_enough(first: Record) -> None:
    first.workspace.database.unlink()
    assert [turn.status for turn in queries.exchanges(first, SESSION)] == ["complete"] * 5 + ["running"]
    assert first.recover() == [f"{SESSION}-0006"]
    assert first.faults() == []


def test_an_older_duckdb_says_what_to_do_with_its_file(first: Record) -> None:
    if int(duckdb.__version__.partition(".")[0]) >= 2:
        pytest.skip("this DuckDB reads the file")
    with pytest.raises(LabError, match="newer DuckDB") as told:
        first.query("SELECT 1")
    assert "lab rebuild" in told.value.remedy
    first.rebuild()
    assert len(queries.exchanges(first, SESSION)) == 6
