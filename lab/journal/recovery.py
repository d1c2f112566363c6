"""Closing what a killed process left open, so that nothing in the record stays "running" for ever."""

from __future__ import annotations

from typing import Protocol

from lab.errors import LabError
from lab.journal.events import DraftFinished, Event, ExchangeFinished, TurnStarted
from lab.journal.journal import Journal
from lab.journal.sleep_events import SleepEnded, SleepResumed, SleepStarted
from lab.journal.statements import Table

_OPEN_STREAMS = """
    SELECT DISTINCT session_id FROM exchanges WHERE status = 'running'
    UNION SELECT cycle_id FROM sleep_cycles WHERE status = 'running'
"""


class _Record(Protocol):
    journal: Journal

    def sync(self, timeout: float = ...) -> bool: ...
    def query(self, sql: str) -> Table: ...
    def append(self, stream: str, *events: Event) -> None: ...


def recover(record: _Record, only: str | None = None) -> list[str]:
    """End every exchange and sleep that runs in a stream no living process owns, or in this one alone; their ids."""
    journal = record.journal
    closed: list[str] = []
    for stream in _candidates(record) if only is None else [only]:
        if journal.owned(stream):
            continue
        try:
            with journal.own(stream):
                for event in _endings(journal, stream):
                    record.append(stream, event)
                    closed.append(event.exchange_id if isinstance(event, ExchangeFinished) else event.cycle_id)
        except LabError:
            if not journal.owned(stream):
                raise
    return closed


def _candidates(record: _Record) -> list[str]:
    """The streams to look at. The database knows them; while it is held elsewhere or broken, they are all."""
    journal = record.journal
    try:
        if not record.sync(1.0):
            return journal.streams()
        running = {row[0] for row in record.query(_OPEN_STREAMS).rows}
    except LabError:
        return journal.streams()
    return [stream for stream in journal.streams() if stream in running] if running else []


def _endings(journal: Journal, stream: str) -> list[ExchangeFinished | SleepEnded]:
    """What is missing at the end of a stream; the journal decides, whatever the database says."""
    drafts: dict[str, list[DraftFinished]] = {}
    cycles: dict[str, None] = {}
    for line in journal.read(stream):
        match line.entry.event if line.entry else None:
            case TurnStarted(exchange_id=exchange_id):
                drafts[exchange_id] = []
            case DraftFinished() as draft if draft.exchange_id in drafts:
                drafts[draft.exchange_id].append(draft)
            case ExchangeFinished(exchange_id=exchange_id):
                drafts.pop(exchange_id, None)
            case SleepStarted(cycle_id=cycle_id) | SleepResumed(cycle_id=cycle_id):
                cycles[cycle_id] = None
            case SleepEnded(cycle_id=cycle_id):
                cycles.pop(cycle_id, None)
            case _:
                pass
    return [_failed(exchange_id, found) for exchange_id, found in drafts.items()] + [
        SleepEnded(cycle_id, "interrupted", reason="The process ended before the sleep was complete.")
        for cycle_id in cycles
    ]


def _failed(exchange_id: str, drafts: list[DraftFinished]) -> ExchangeFinished:
    """The exchange with the best it had, chosen as ever; an energy that was not a number is the worst there is."""

    def worth(draft: DraftFinished) -> tuple[bool, float, int]:
        return not draft.text.strip(), 1.0 if draft.energy is None else draft.energy, draft.iteration

    best = min(drafts, key=worth, default=None)
    return ExchangeFinished(
        exchange_id,
        status="failed",
        response=best.text if best else "",
        chosen=best.iteration if best else None,
        response_tokens=best.tokens if best else None,
        reason="The lab ended before the answer was complete.",
    )
