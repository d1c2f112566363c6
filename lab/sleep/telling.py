"""What a sleep tells of its probes: every question before and after, and the measures of a receipt. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.domain import SleepSettings
from lab.journal.sleep_events import SleepMeasured, SleepProbed
from lab.sleep import gate
from lab.sleep.probes import Examined


def told(cycle_id: str, examined: Sequence[Examined], settings: SleepSettings) -> Iterator[SleepProbed | SleepMeasured]:
    """The events of an examination, in the order of its probes, then what was measured by them."""
    for number, each in enumerate(examined, 1):
        yield SleepProbed(
            cycle_id,
            number,
            each.probe.kind,
            each.probe.lesson.lesson_id if each.probe.lesson else None,
            each.probe.question,
            each.expected,
            each.before.answer,
            each.after.answer,
            each.right_before,
            each.right_after,
            each.before.nats,
            each.after.nats,
        )
    for m in gate.measures(examined, settings):
        yield SleepMeasured(cycle_id, m.name, m.value, m.low, m.high, m.n, m.limit, m.passed)
