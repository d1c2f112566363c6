"""What the projector looks at, and how often: an append costs the same in a record of any size."""

from __future__ import annotations

import time
from collections.abc import Callable

import duckdb
import pytest

from lab.journal import migrations, projection
from lab.journal.journal import Journal
from lab.journal.record import Record
from tests.helpers import wait_until
from tests.journal.samples import SESSION, opened, reading, readings, record_in, turn_started, whole_turn


@pytest.fixture
def looks(record: Record, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When all streams of this record were looked at."""
    seen: list[float] = []
    sizes = Journal.sizes

    def counted(journal: Journal, prefix: str = "") -> dict[str, int]:
        if journal is record.journal:
            seen.append(time.monotonic())
        return sizes(journal, prefix)

    monkeypatch.setattr(Journal, "sizes", counted)
    return seen


def test_what_is_appended_here_is_applied_without_a_look_at_the_other_streams(
    record: Record, looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        record.append(name, reading(name))
    assert record.settle()
    first = len(looks)
    asked: list[str] = []
    size = Journal.size

    def counted(journal: Journal, stream: str) -> int:
        asked.append(stream)
        return size(journal, stream)

    monkeypatch.setattr(Journal, "size", counted)
    for number in range(5):
        record.append("a", reading(str(number)))
        assert record.settle()
    assert len(looks) == first
    assert set(asked) == {"a"}
    assert len(readings(record)) == 8


def test_what_another_process_appends_is_found_by_a_sync_and_not_by_settling(record: Record) -> None:
    record.append("a", reading("a"))
    assert record.settle()
    Record(record.workspace).append("b", reading("b"))
    assert record.settle()
    assert readings(record) == ["a"]
    assert record.sync()
    assert readings(record) == ["a", "b"]


def test_looking_takes_a_fiftieth_of_the_time_at_most(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    record.append(SESSION, opened())
    assert record.sync()
    times: list[float] = []
    sizes: Callable[..., dict[str, int]] = Journal.sizes

    def slow(journal: Journal, prefix: str = "") -> dict[str, int]:
        if journal is record.journal:
            times.append(time.monotonic())
            time.sleep(0.05)
        return sizes(journal, prefix)

    monkeypatch.setattr(Journal, "sizes", slow)
    record.start()
    for number in range(20):
        record.append(SESSION, reading(str(number)))
    wait_until(lambda: len(readings(record)) == 20)
    wait_until(lambda: len(times) > 1, 120)
    assert times[1] - times[0] > 50 * 0.05


def test_what_could_not_be_applied_is_tried_again_without_another_append(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.append(SESSION, reading("a"))
    assert record.sync()
    apply = projection.apply
    failures = [OSError("the disk is away"), OSError("still")]

    def failing(*arguments: object) -> int:
        if failures:
            raise failures.pop()
        return apply(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(projection, "apply", failing)
    record.start()
    record.append(SESSION, reading("b"))
    wait_until(lambda: readings(record) == ["a", "b"])
    wait_until(lambda: record.faults() == [])


def test_the_trouble_of_one_stream_stays_told_while_others_go_on(record: Record) -> None:
    record.append(SESSION, opened(), turn_started(1))
    assert record.sync()
    path = record.journal.path(SESSION)
    path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n")
    assert record.sync()
    for number in range(3):
        record.append("other", reading(str(number)))
        assert record.settle()
        assert any("changed by hand" in fault for fault in record.faults())
    record.rebuild()
    assert record.sync() and record.faults() == []


def test_a_database_put_back_from_an_older_copy_catches_up(record: Record) -> None:
    record.append(SESSION, opened(), *whole_turn(1))
    assert record.sync()
    old = record.workspace.database.read_bytes()
    record.append(SESSION, reading("later"))
    assert record.sync()
    copy = record.workspace.database.with_name("copy")
    copy.write_bytes(old)
    copy.replace(record.workspace.database)
    record.append("other", reading("now"))
    assert record.settle()
    assert sorted(readings(record)) == ["later", "now"]


def test_a_database_of_an_earlier_release_without_a_journal_opens(record: Record) -> None:
    with duckdb.connect(str(record.workspace.database)) as connection:
        migrations.upgrade(connection, migrations.STEPS[:1])
    assert record.query("SELECT count(*) FROM exchanges").rows == [(0,)]
    assert record_in(record.workspace.root).query("SELECT kept_iteration FROM exchanges").rows == []
