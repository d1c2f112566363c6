"""The timeline: points that lose nothing, jumps, sleeps on the axis, the figures behind the plots, the adapter tree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest

from lab.journal import lineages, queries, series, timeline
from lab.journal.events import AdapterSaved, Event, SalienceScored, SessionOpened
from lab.journal.filters import MEASURES
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepStarted, SleepStepped
from tests.journal.samples import SESSION, cycle, exchange_id, opened, scored, turn_started, whole_turn

_AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
_OTHER = "20261123-044100-cd34"


def append(record: Record, session: str, totals: Sequence[float | None], at: datetime = _AT) -> None:
    """A session with one exchange a minute; None is one without a score."""
    record.append(session, opened(session), at=at)
    for turn, total in enumerate(totals, 1):
        events: list[Event] = [each for each in whole_turn(turn, session) if not isinstance(each, SalienceScored)]
        if total is not None:
            events.append(scored(turn, total, session))
        record.append(session, *events, at=at + timedelta(minutes=turn))
    assert record.sync()


def test_few_exchanges_are_points_of_their_own(record: Record) -> None:
    append(record, SESSION, [0.1, None, 0.3])
    stretch = timeline.points(record, SESSION, "measured", buckets=10)
    assert [(point.start, point.n, point.exchange_id) for point in stretch.points] == [
        (0, 1, exchange_id(1)),
        (1, 1, exchange_id(2)),
        (2, 1, exchange_id(3)),
    ]
    assert [point.mean[-1] for point in stretch.points] == [0.1, None, 0.3]
    assert (stretch.size, stretch.total) == (3, 3)
    assert stretch.points[0].first_at == _AT + timedelta(minutes=1)


def test_many_exchanges_are_points_that_keep_the_mean_the_highest_and_every_exchange(record: Record) -> None:
    totals = [0.01 * turn for turn in range(1, 24)]
    append(record, SESSION, totals)
    points = timeline.points(record, SESSION, "measured", buckets=5).points
    assert len(points) == 5
    assert sum(point.n for point in points) == 23
    for point in points:
        part = totals[point.start : point.start + point.n]
        assert point.mean[-1] == pytest.approx(sum(part) / len(part))
        assert point.peak[-1] == pytest.approx(max(part))
        assert point.salient == pytest.approx(sum(total >= 0.15 for total in part) / len(part))
        assert point.place == point.start + point.n - 1
        assert point.exchange_id == exchange_id(point.place + 1)


def test_a_part_of_the_axis_has_the_same_places(record: Record) -> None:
    append(record, SESSION, [0.01 * turn for turn in range(1, 24)])
    part = timeline.points(record, SESSION, "measured", buckets=4, start=10, size=4)
    assert [point.start for point in part.points] == [10, 11, 12, 13]
    assert (part.start, part.size, part.total) == (10, 4, 23)
    beyond = timeline.points(record, SESSION, "measured", buckets=4, start=20, size=10)
    assert (beyond.size, sum(point.n for point in beyond.points)) == (3, 3)


def test_the_record_is_in_the_order_of_time_and_a_session_in_that_of_its_turns(record: Record) -> None:
    append(record, SESSION, [0.1, 0.2], at=_AT + timedelta(days=1))
    append(record, _OTHER, [0.3, 0.4])
    everything = timeline.points(record, None, "measured", buckets=10).points
    assert [point.mean[-1] for point in everything] == [0.3, 0.4, 0.1, 0.2]
    assert timeline.place_of(record, None, exchange_id(1)) == 2
    assert timeline.place_of(record, SESSION, exchange_id(1)) == 0
    assert timeline.place_of(record, _OTHER, exchange_id(1)) is None
    # The clock went back between the turns.
    record.append(SESSION, turn_started(3), at=_AT - timedelta(days=9))
    assert record.sync()
    assert timeline.points(record, SESSION, "measured", buckets=10).points[-1].exchange_id == exchange_id(3)


def test_nothing_recorded_is_no_point(record: Record) -> None:
    assert timeline.points(record, None, "measured", buckets=10) == timeline.Stretch((), 0, 0, 0)
    assert timeline.points(record, "nobody", "measured", buckets=10).points == ()


def test_the_next_exchange_over_a_value_is_found_in_both_directions(record: Record) -> None:
    append(record, SESSION, [0.5, 0.1, None, 0.2, 0.5])

    def found(place: int, value: float, forward: bool = True, measure: str = "total") -> tuple[int, str] | None:
        return timeline.next_over(record, SESSION, "measured", measure, value, place, forward=forward)

    assert found(0, 0.15) == (3, exchange_id(4))
    assert found(0, 0.5) == (4, exchange_id(5))
    assert found(4, 0.15) is None
    assert found(4, 0.15, forward=False) == (3, exchange_id(4))
    assert found(0, 0.15, forward=False) is None
    assert found(0, 0.5, measure="conflict") == (1, exchange_id(2))
    assert found(0, 0.51, measure="conflict") is None


def test_the_moment_tells_the_exchange_with_the_beginning_of_its_texts(record: Record) -> None:
    record.append(SESSION, opened(title="Owning"), turn_started(1, text="y" * 1000), scored(1, 0.2), at=_AT)
    assert record.sync()
    moment = timeline.moment(record, exchange_id(1), "measured")
    assert moment is not None
    assert (moment.title, moment.turn, moment.created_at, moment.threshold) == ("Owning", 1, _AT, 0.15)
    assert 100 < len(moment.user_input) < 1000
    assert moment.values == (0.1, 0.2, 0.3, 0.4, 0.5, 0.2)
    other = timeline.moment(record, exchange_id(1), "unknown")
    assert other is not None and set(other.values) == {None}
    assert timeline.moment(record, "nothing", "measured") is None


def test_profiles_are_those_that_scored_something(record: Record) -> None:
    append(record, SESSION, [0.1])
    append(record, _OTHER, [0.1])
    record.append(_OTHER, scored(1, 0.2, _OTHER, profile="recorded"))
    assert record.sync()
    assert timeline.profiles(record, None) == ["measured", "recorded"]
    assert timeline.profiles(record, SESSION) == ["measured"]


def test_sleeps_stand_before_the_first_point_after_them(record: Record) -> None:
    append(record, SESSION, [0.1, 0.2, 0.3])
    for name, minutes in (("sleep-0001", 0.5), ("sleep-0002", 1.5), ("sleep-0003", 1.6), ("sleep-0004", 9.0)):
        record.append(name, *cycle(name), at=_AT + timedelta(minutes=minutes))
    assert record.sync()

    def placed(start: int = 0, size: int | None = None) -> dict[int, list[str]]:
        stretch = timeline.points(record, SESSION, "measured", buckets=10, start=start, size=size)
        found = timeline.placed(queries.cycles(record), stretch)
        return {index: [each.cycle_id for each in cycles] for index, cycles in found.items()}

    assert placed() == {1: ["sleep-0002", "sleep-0003"], 3: ["sleep-0004"]}
    # What comes after the part that is seen has no place in it.
    assert placed(0, 2) == {1: ["sleep-0002", "sleep-0003"]}
    assert placed(0, 1) == {}
    assert placed(1, 2) == {2: ["sleep-0004"]}
    assert timeline.placed(queries.cycles(record), timeline.Stretch((), 0, 0, 0)) == {}


def test_groups_and_the_times_between_sleeps_have_their_own_means(record: Record) -> None:
    append(record, SESSION, [0.1, 0.3, 0.5])
    record.append("sleep-0001", *cycle(), at=_AT + timedelta(minutes=1.5))
    record.append("sleep-0002", *cycle("sleep-0002", status="failed"), at=_AT + timedelta(minutes=2.5))
    assert record.sync()
    (tiny,) = series.groups(record, "checkpoint", None, "measured")
    assert (tiny.name, tiny.n, tiny.means[-1]) == ("tiny", 3, pytest.approx(0.3))
    assert [group.name for group in series.groups(record, "adapter", SESSION, "measured")] == [None]
    before, after = series.between_sleeps(record, None, "measured")
    assert (before.name, before.n, before.salient) == (None, 1, 0.0)
    # A failed sleep changed nothing.
    assert (after.name, after.n, after.means[-1]) == ("sleep-0001", 2, pytest.approx(0.4))
    assert series.between_sleeps(record, "nobody", "measured") == []


def test_a_histogram_counts_every_score_once(record: Record) -> None:
    append(record, SESSION, [0.0, 0.049, 0.05, 0.99, 1.0, None])
    counted = series.histograms(record, SESSION, "measured")
    assert counted["total"] == (2, 1, *[0] * 16, 0, 2)
    assert {name: sum(counts) for name, counts in counted.items()} == dict.fromkeys(MEASURES, 5)


def test_losses_are_those_of_the_sleeps_that_are_asked_for(record: Record) -> None:
    append(record, SESSION, [0.2])
    record.append("sleep-0001", *cycle(), at=_AT)
    record.append("sleep-0002", *cycle("sleep-0002", used="elsewhere"), at=_AT + timedelta(days=1))
    assert record.sync()
    steps = ((1, 3.5), (2, 1.5))
    assert series.losses(record) == {"sleep-0001": steps, "sleep-0002": steps}
    assert list(series.losses(record, cycles=1)) == ["sleep-0002"]
    assert list(series.losses(record, SESSION)) == ["sleep-0001"]
    assert list(series.losses(record, cycle_id="sleep-0002")) == ["sleep-0002"]


def test_many_losses_are_means_of_equally_many_steps(record: Record) -> None:
    start = SleepStarted("sleep-0001", "tiny", None, 1, 1, 1, 800, 8, 1e-3, "lessons")
    steps = [SleepStepped("sleep-0001", step, 1, float(step), 1e-3, 40, 0.4) for step in range(1, 801)]
    record.append("sleep-0001", start, *steps, at=_AT)
    assert record.sync()
    found = series.losses(record)["sleep-0001"]
    assert found == tuple((2 * at, 2 * at - 0.5) for at in range(1, 401))


def test_the_tree_knows_adapters_and_the_sleeps_that_made_none(record: Record) -> None:
    saved = AdapterSaved("sleep-0001", "tiny", "0" * 64, None, "sleep-0001", "adapters/sleep-0001", "0" * 64, 900)
    record.append("sleep-0001", *cycle(), saved, at=_AT)
    failed = [each for each in cycle("sleep-0002") if not isinstance(each, SleepEnded)]
    record.append("sleep-0002", *failed, at=_AT + timedelta(days=1))
    record.append("sleep-0002", SleepEnded("sleep-0002", "failed", reason="no memory"), at=_AT + timedelta(days=1))
    assert record.sync()
    made, unmade = lineages.lineages(record)
    assert (made.adapter, made.cycle_id, made.status, made.bytes, made.last_loss) == (
        "sleep-0001",
        "sleep-0001",
        "complete",
        900,
        1.5,
    )
    assert (unmade.adapter, unmade.cycle_id, unmade.status, unmade.reason) == (
        None,
        "sleep-0002",
        "failed",
        "no memory",
    )


def test_what_an_adapter_learnt_and_answered_is_read_in_pages(record: Record) -> None:
    append(record, SESSION, [0.1, 0.2, 0.3])
    record.append("sleep-0001", *cycle(), at=_AT)
    record.append(_OTHER, SessionOpened(_OTHER, "tiny", "sleep-0001", "measured", 0.15), at=_AT)
    assert record.sync()
    assert [each.kind for each in lineages.learnt(record, "sleep-0001", 10)] == ["original"]
    assert lineages.learnt(record, "sleep-0001", 10, offset=1) == []
    newest, *_ = lineages.answered(record, "tiny", None, "measured", 2)
    assert (newest.exchange_id, newest.total, newest.salient) == (exchange_id(3), 0.3, True)
    assert [each.exchange_id for each in lineages.answered(record, "tiny", None, "measured", 2, 2)] == [exchange_id(1)]
    assert lineages.answered(record, "tiny", "sleep-0001", "measured", 2) == []
    (use,) = lineages.uses(record, "measured")
    assert (use.checkpoint, use.adapter, use.n, use.mean) == ("tiny", None, 3, pytest.approx(0.2))
