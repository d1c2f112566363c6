"""The evidence of recorded exchanges: what was said before each of a long session."""

from __future__ import annotations

from lab.journal import queries
from lab.journal.events import Event
from lab.journal.evidence import MOST_BEFORE, all_evidence, evidence_of
from lab.journal.record import Record
from tests.journal.samples import SESSION, exchange_id, finished, opened, turn_started


def test_of_a_long_session_the_last_turns_are_looked_back_on(record: Record) -> None:
    last = MOST_BEFORE + 5
    turns: list[Event] = []
    for turn in range(1, last + 1):
        answered = finished(turn, response=f"Answer {turn}.", chosen=None)
        turns += [turn_started(turn, text=f"Question {turn}?"), answered]
    record.append(SESSION, opened(), *turns)
    assert record.sync()
    said = [text for turn in range(1, last + 1) for text in (f"Question {turn}?", f"Answer {turn}.")]
    found = {name: each for name, _, each in all_evidence(record)}
    assert found[exchange_id(1)].before == ()
    assert found[exchange_id(3)].before == tuple(said[:4])
    assert found[exchange_id(last)].before == tuple(said[2 * 4 : 2 * (last - 1)])
    assert [found[exchange_id(turn)].following for turn in (1, last)] == ["Question 2?", None]
    for exchange in queries.exchanges(record, SESSION)[:: last - 1]:
        assert evidence_of(record, exchange) == found[exchange.exchange_id]
