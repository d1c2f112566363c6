"""Made-up sleeps with all that a receipt has, for the tests of several rooms."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from lab.domain import Verdict
from lab.journal.events import AdapterSaved, Event, MemoryRead
from lab.journal.record import Record
from lab.journal.sleep_events import (
    SleepEnded,
    SleepExampleUsed,
    SleepLessonFound,
    SleepMeasured,
    SleepPlanned,
    SleepProbed,
    SleepStarted,
    SleepStepped,
)

AT = datetime(2026, 1, 2, 3, 0, tzinfo=timezone.utc)
SAID = "20260102-030405-abcd-0001"
FACTS = (
    ("What is my dog called?", "Your dog is called Rex.", "Rex", "Do you know my dog's name?"),
    ("Where do I live?", "You live in Ghent.", "Ghent", "In which town is my home?"),
    ("What do I do for a living?", "You repair church organs.", "organs", "What is my job?"),
)


def judged_sleep(
    number: int,
    verdict: Verdict = "kept",
    *,
    parent: str | None = None,
    reason: str | None = None,
    strength: float = 1.0,
    checkpoint: str = "smollm2-135m",
    said: str = SAID,
    answer: str | None = None,
) -> list[Event]:
    """All events of one sleep on three facts; `answer` takes the place of what was answered afterwards."""
    cycle = f"sleep-{number:04d}"
    kept = verdict != "rolled_back"
    made = cycle if kept else None
    events: list[Event] = [SleepStarted(cycle, checkpoint, parent, 3, 3, 5, 40, 8, 1e-3, "answers")]
    for at, (question, target, key, unseen) in enumerate(FACTS, 1):
        lesson = f"{said}/{at}"
        statement = f"I say that {target[0].lower()}{target[1:]}"
        events.append(
            SleepLessonFound(
                cycle, lesson, said, "statement", statement, question, target, key, 12.5 + at, unseen=(unseen,)
            )
        )
        events.append(SleepExampleUsed(cycle, said, "original", question, target, lesson, "person"))
        events.append(
            SleepExampleUsed(cycle, said, "paraphrase", f"Tell me: {question}", target, lesson, "model", 0.91)
        )
    vague = "That is how it always was."
    events.append(
        SleepLessonFound(cycle, f"{said}/4", said, "statement", vague, "", "", "", 0.2, "the answer does not follow")
    )
    events.append(SleepPlanned(cycle, 3, 4, 10, 40))
    events += [SleepStepped(cycle, step, 1, 3.0 / step, 1e-3, 120, 0.4) for step in range(1, 11)]
    for at, (_, target, _, unseen) in enumerate(FACTS, 1):
        right = at < 3
        after = answer or (target if right else "I do not know what you do, but I would like to hear about it.")
        before = "As an AI I have no access to personal details, so I cannot tell."
        events.append(
            SleepProbed(cycle, at, "unseen", f"{said}/{at}", unseen, target, before, after, False, right, 4.1, 0.2)
        )
    unsure = "I do not know your cat."
    cat = unsure if kept else "Your cat is called Rex."
    steady = "The capital of France is Paris."
    events += [
        SleepProbed(
            cycle, 4, "neighbour", f"{said}/1", "What is my cat called?", unsure, unsure, cat, True, kept, 0.4, 0.9,
        ),
        SleepProbed(
            cycle, 5, "anchor", None, "What is the capital of France?", steady, steady, steady, True, True, 0.1, 0.1
        ),
        SleepProbed(
            cycle, 6, "earlier", None, "What is my name?", "Your name is Ada.", "Ada.", "Ada.", True, True, 0.3, 0.3
        ),
    ]  # fmt: skip
    events += [
        SleepMeasured(cycle, "drift", 0.031 if kept else 0.42, 0.01, 0.05 if kept else 0.6, 12, 0.1, kept),
        SleepMeasured(cycle, "learned", 2 / 3, 0.21, 0.94, 3, 0.5, True),
        SleepMeasured(cycle, "learned_before", 0.0, 0.0, 0.56, 3),
        SleepMeasured(cycle, "final", 2 / 3, 0.21, 0.94, 3),
        SleepMeasured(cycle, "trained", 1.0, 0.44, 1.0, 3),
        SleepMeasured(cycle, "gain", 3.12, 2.4, 3.9, 3, 0.5, True),
        SleepMeasured(cycle, "kept", 1.0, 0.76, 1.0, 12, 0.9, True),
        SleepMeasured(cycle, "forgotten", 0.0, 0.0, 2.9, 12, 1, True),
        SleepMeasured(
            cycle, "neighbours", 1.0 if kept else 0.5, 0.61 if kept else 0.19, 1.0 if kept else 0.81, 6, 0.8, kept
        ),
        SleepMeasured(cycle, "length", 1.04, 0.9, 1.2, 12, 2.0, True),
        SleepMeasured(cycle, "repetition", 0.01, -0.02, 0.03, 12, 0.1, True),
        SleepMeasured(cycle, "ending", 1.0, 0.76, 1.0, 12, 0.8, True),
        MemoryRead("sleeper", 1_250_000_000, None, "peak"),
    ]
    if made:
        events.append(AdapterSaved(made, checkpoint, "0" * 64, parent, cycle, f"adapters/{made}", "0" * 64, 9_800_000))
    share = strength if kept else None
    events.append(SleepEnded(cycle, "complete", made, 10, 3.0, 0.3, 64.0, reason, verdict=verdict, strength=share))
    return events


def tell(record: Record, number: int, verdict: Verdict = "kept", **more: Any) -> str:
    """Put such a sleep into the record; it began `number` hours after AT and took a minute."""
    events = judged_sleep(number, verdict, **more)
    cycle = f"sleep-{number:04d}"
    began = AT + timedelta(hours=number)
    record.append(cycle, *events[:-15], at=began)
    record.append(cycle, *events[-15:], at=began + timedelta(minutes=1))
    return cycle
