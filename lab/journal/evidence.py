"""The evidence of recorded exchanges, as the profiles take it: of one, and of all, in order.

What was said before a turn of a fork is what was said in the session that it goes on from, too.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lab.domain import Evidence, Exchange, Mark, Usual
from lab.journal.meaning import usual_bits
from lab.journal.record import Record

# Exchanges of sessions that are read at a time.
_PAGE: Final = 2000
# Turns before an exchange that a profile looks back on.
MOST_BEFORE: Final = 20
# Forks of forks that are followed.
_MOST_FORKS: Final = 100

# Of each turn with an answer, what was usual for its checkpoint until then.
_USUAL: Final = """
    SELECT e.exchange_id, avg(v.bits) OVER earlier, stddev_pop(v.bits) OVER earlier, count(v.bits) OVER earlier
    FROM exchanges e LEFT JOIN evidence v USING (exchange_id)
    WINDOW earlier AS (
        PARTITION BY e.checkpoint ORDER BY e.created_at, e.exchange_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
"""
# Every turn of some sessions, in order.
_EVIDENCE: Final = """
    SELECT e.exchange_id, e.session_id, e.user_input, e.response, coalesce(e.target, e.response), e.mark,
        lead(e.user_input) OVER (PARTITION BY e.session_id ORDER BY e.turn, e.exchange_id), v.bits, v.nearest,
        v.agreement, v.consistency, d.energy, v.byte_bits
    FROM exchanges e
    LEFT JOIN evidence v USING (exchange_id)
    LEFT JOIN drafts d ON d.exchange_id = e.exchange_id AND d.chosen
    WHERE e.session_id IN (SELECT unnest($sessions::VARCHAR[]))
    ORDER BY e.session_id, e.turn, e.exchange_id
"""
_FORKS: Final = """
    SELECT session_id FROM sessions
    WHERE parent_session_id IS NOT NULL AND session_id IN (SELECT unnest($sessions::VARCHAR[]))
"""
# The last turns that forks go on from, of their parents and their parents' parents, the earliest first.
_INHERITED: Final = f"""
    WITH RECURSIVE above(session_id, parent, fork, depth) AS (
        SELECT session_id, parent_session_id, parent_exchange_id, 1 FROM sessions
        WHERE session_id IN (SELECT unnest($sessions::VARCHAR[]))
        UNION ALL
        -- A journal edited by hand could hold a circle.
        SELECT a.session_id, s.parent_session_id, s.parent_exchange_id, a.depth + 1
        FROM above a JOIN sessions s ON s.session_id = a.parent
        WHERE a.depth < {_MOST_FORKS}
    )
    SELECT a.session_id, e.user_input, coalesce(e.target, e.response)
    FROM above a
    JOIN exchanges f ON f.exchange_id = a.fork AND f.session_id = a.parent
    JOIN exchanges e ON e.session_id = a.parent AND (e.turn, e.exchange_id) <= (f.turn, f.exchange_id)
    QUALIFY row_number() OVER (
        PARTITION BY a.session_id ORDER BY a.depth, e.turn DESC, e.exchange_id DESC
    ) <= {MOST_BEFORE}
    ORDER BY a.session_id, a.depth DESC, e.turn, e.exchange_id
"""


def evidence_of(record: Record, exchange: Exchange) -> Evidence | None:
    """What is known of one exchange; None where it has no answer. Raises LabError as `Record.query` does."""
    usual = usual_bits(record, exchange.checkpoint or "", exchange.exchange_id)
    found = _evidences(record, [exchange.session_id], {exchange.exchange_id: usual})
    return next((evidence for name, _, evidence in found if name == exchange.exchange_id), None)


def all_evidence(record: Record) -> Iterator[tuple[str, str, Evidence]]:
    """Every exchange that has an answer, with its session, a page of sessions at a time. Raises LabError as
    `Record.query` does."""
    usual = {row[0]: _usual(row) for row in record.query(_USUAL).rows}
    sessions: list[str] = []
    held = 0
    counts = record.query("SELECT session_id, count(*) FROM exchanges GROUP BY ALL ORDER BY ALL").rows
    for number, (session_id, count) in enumerate(counts, 1):
        sessions.append(session_id)
        held += count
        if held >= _PAGE or number == len(counts):
            yield from _evidences(record, sessions, usual)
            sessions, held = [], 0


def _evidences(
    record: Record, sessions: list[str], usual: Mapping[str, Usual | None]
) -> Iterator[tuple[str, str, Evidence]]:
    """Of these sessions each exchange with an answer, with its session. What was said before is put together here: of
    a long session the database would hold twenty copies."""
    inherited = _inherited(record, sessions)
    session_id: str | None = None
    before: deque[str] = deque(maxlen=2 * MOST_BEFORE)
    for row in record.query(_EVIDENCE, {"sessions": sessions}).rows:
        exchange_id, of, said, answer, kept, *rest = row
        if of != session_id:
            session_id, before = of, deque(inherited.get(of, ()), maxlen=2 * MOST_BEFORE)
        if answer:
            yield exchange_id, of, _evidence(said, answer, tuple(before), usual.get(exchange_id), *rest)
        before += (said, kept)


def _usual(row: tuple[Any, ...]) -> Usual | None:
    _, mean, deviation, n = row
    return Usual(mean, deviation, n) if n else None


def _inherited(record: Record, sessions: list[str]) -> dict[str, list[str]]:
    """By session, what was said and answered in the last turns before its first."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    # Most are none, and then no exchange has to be looked at.
    forks = [session_id for (session_id,) in record.query(_FORKS, {"sessions": sessions}).rows]
    for session_id, said, answer in record.query(_INHERITED, {"sessions": forks}).rows if forks else ():
        found[session_id] += [said, answer]
    return found


def _evidence(
    said: str,
    answer: str,
    before: tuple[str, ...],
    usual: Usual | None,
    mark: Mark | None,
    following: str | None,
    bits: float | None,
    nearest: float | None,
    agreement: float | None,
    consistency: float | None,
    energy: float | None,
    byte_bits: float | None,
) -> Evidence:
    return Evidence(
        said=said,
        answer=answer,
        bits=bits,
        usual=usual,
        byte_bits=byte_bits,
        nearest=nearest,
        agreement=agreement,
        consistency=consistency,
        energy=energy,
        before=before,
        following=following,
        mark=mark,
    )
