"""The receipt of a sleep as it is read from the record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lab.errors import LabError
from lab.journal import lineages
from lab.journal.events import MemoryRead
from lab.journal.find import find_cycle
from lab.journal.receipts import KINDS, MEASURES, newest_cycle, receipt
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepMeasured, SleepStarted, SleepStepped
from tests.journal.sleeps import AT, SAID, judged_sleep, tell


def test_a_receipt_has_everything_that_the_sleep_told(record: Record) -> None:
    tell(record, 1)
    record.sync()
    found = receipt(record, "sleep-0001")
    assert found is not None
    told = judged_sleep(1)
    cycle = found.cycle
    assert (cycle.verdict, cycle.strength, cycle.lessons, cycle.earlier) == ("kept", 1.0, 3, 4)
    assert (cycle.started_at, cycle.seconds) == (AT + timedelta(hours=1), 64.0)
    for kept in (found.lessons, found.set_aside, found.measures, found.probes, found.examples):
        assert kept and all(each in told for each in kept)
    assert [each.key for each in found.lessons] == ["Rex", "Ghent", "organs"]
    assert [each.reason for each in found.set_aside] == ["the answer does not follow"]
    assert found.lessons[0].unseen == ("Do you know my dog's name?",)
    assert found.tokens_per_second == pytest.approx(300.0)


def test_measures_and_probes_have_one_order_whatever_the_sleeper_s_was(record: Record) -> None:
    tell(record, 1)
    record.append("sleep-0001", SleepMeasured("sleep-0001", "a_newer_one", 0.5, 0.4, 0.6, 3))
    record.sync()
    found = receipt(record, "sleep-0001")
    assert found is not None
    assert [each.measure for each in found.measures] == [*MEASURES, "a_newer_one"]
    assert [each.number for each in found.probes] == [1, 2, 3, 6, 4, 5]
    kinds = [each.kind for each in found.probes]
    assert kinds == sorted(kinds, key=KINDS.index)


def test_the_examples_stand_lesson_by_lesson_the_original_first(record: Record) -> None:
    tell(record, 1)
    record.append("sleep-0001", SleepExampleUsed("sleep-0001", SAID, "emotion", "Why?", "So.", f"{SAID}/1"))
    record.sync()
    found = receipt(record, "sleep-0001")
    assert found is not None
    assert [(each.lesson_id, each.kind) for each in found.examples] == [
        (f"{SAID}/{at}", kind)
        for at in (1, 2, 3)
        for kind in ("original", "emotion", "paraphrase")
        if at == 1 or kind != "emotion"
    ]


def test_the_memory_is_the_sleeper_s_highest_within_its_time(record: Record) -> None:
    for number in (1, 2):
        tell(record, number)
    for hours, process, size, moment in (
        (1, "sleeper", 2_000_000_000, "peak"),
        (1, "engine", 9_000_000_000, "peak"),
        (1, "sleeper", 8_000_000_000, "loaded"),
        (2, "sleeper", 3_000_000_000, "peak"),
        (3, "sleeper", 7_000_000_000, "peak"),
    ):
        at = AT + timedelta(hours=hours, seconds=30)
        record.append("sleep-0001", MemoryRead(process, size, size // 2, moment), at=at)
    record.sync()
    first, second = receipt(record, "sleep-0001"), receipt(record, "sleep-0002")
    assert first is not None and (first.rss_bytes, first.vram_bytes) == (2_000_000_000, 1_000_000_000)
    assert second is not None and second.rss_bytes == 3_000_000_000


def test_a_rolled_back_sleep_has_a_receipt_and_no_adapter(record: Record) -> None:
    tell(record, 1)
    tell(record, 2, "rolled_back", parent="sleep-0001", reason="it drifted")
    record.sync()
    found = receipt(record, "sleep-0002")
    assert found is not None
    assert (found.cycle.adapter, found.cycle.parent_adapter, found.cycle.strength) == (None, "sleep-0001", None)
    assert [each.measure for each in found.measures if each.passed is False] == ["neighbours", "drift"]


def test_a_sleep_of_an_older_release_has_a_receipt_without_measures(record: Record) -> None:
    record.append(
        "sleep-0001",
        SleepStarted("sleep-0001", "tiny", None, 1, 1, 5, 1, 8, 1e-3, "published"),
        SleepExampleUsed("sleep-0001", SAID, "original", "Who are you?", "A model."),
        SleepStepped("sleep-0001", 1, 1, 3.0, 1e-3, 40, 0.0),
        SleepEnded("sleep-0001", "complete", "sleep-0001", 1, 3.0, 0.3, 60.0),
    )
    record.sync()
    found = receipt(record, "sleep-0001")
    assert found is not None
    assert (found.lessons, found.set_aside, found.measures, found.probes) == ((), (), (), ())
    assert [each.prompt for each in found.examples] == ["Who are you?"]
    assert (found.cycle.verdict, found.rss_bytes) == (None, None)
    # Steps that took no time have no speed.
    assert found.tokens_per_second is None


def test_a_missing_sleep_names_those_that_exist(record: Record) -> None:
    assert receipt(record, "sleep-0001") is None and newest_cycle(record) is None
    with pytest.raises(LabError, match="no sleep in this workspace yet"):
        find_cycle(record, "sleep-0001")
    for number in range(1, 12):
        tell(record, number)
    record.sync()
    assert newest_cycle(record) == "sleep-0011"
    assert find_cycle(record, "sleep-0007") == find_cycle(record, "sleep-0007"[:10]) == "sleep-0007"
    with pytest.raises(LabError, match='Several sleeps begin with "sleep-001"'):
        find_cycle(record, "sleep-001")
    with pytest.raises(LabError) as told:
        find_cycle(record, "nap")
    assert (
        told.value.remedy
        == "There are sleep-0011, sleep-0010, "
        + ", ".join(f"sleep-{number:04d}" for number in range(9, 3, -1))
        + ", and older ones."
    )


def test_the_adapters_of_the_tree_know_what_came_of_their_sleeps(record: Record) -> None:
    tell(record, 1)
    tell(record, 2, "weakened", parent="sleep-0001", strength=0.6)
    tell(record, 3, "rolled_back", parent="sleep-0002")
    record.sync()
    found = lineages.lineages(record)
    assert [(each.adapter, each.verdict, each.strength) for each in found] == [
        ("sleep-0001", "kept", 1.0),
        ("sleep-0002", "weakened", 0.6),
        (None, "rolled_back", None),
    ]
    assert [each.measure for each in found[2].measures] == list(MEASURES)
    assert {each.cycle_id for each in found[1].measures} == {"sleep-0002"}
