"""The evidence of recorded exchanges, as the profiles take it: of one, and of all, in order.

What was said before a turn of a fork is what was said in the session that it goes on from, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lab.domain import Evidence, Exchange, Usual
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
_EVIDENCE: Final = f"""
    SELECT s.exchange_id, s.session_id, s.user_input, s.response, s.mark, s.before, s.following, v.bits, v.nearest,
        v.agreement, v.consistency, d.energy, v.byte_bits
    FROM (
        SELECT exchange_id, session_id, turn, user_input, response, mark,
            list([user_input, coalesce(target, response)]) OVER (
                turns ROWS BETWEEN {MOST_BEFORE} PRECEDING AND 1 PRECEDING
            ) AS before,
            lead(user_input) OVER turns AS following
        FROM exchanges WHERE session_id IN (SELECT unnest($sessions::VARCHAR[]))
        WINDOW turns AS (PARTITION BY session_id ORDER BY turn, exchange_id)
    ) s
    LEFT JOIN evidence v USING (exchange_id)
    LEFT JOIN drafts d ON d.exchange_id = s.exchange_id AND d.chosen
    WHERE s.response <> '' AND ($exchange IS NULL OR s.exchange_id = $exchange)
    ORDER BY s.session_id, s.turn, s.exchange_id
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
    given = {"sessions": [exchange.session_id], "exchange": exchange.exchange_id}
    usual = usual_bits(record, exchange.checkpoint or "", exchange.exchange_id)
    inherited = _inherited(record, [exchange.session_id])
    return next((_evidence(row, usual, inherited) for row in record.query(_EVIDENCE, given).rows), None)


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
            inherited = _inherited(record, sessions)
            for row in record.query(_EVIDENCE, {"sessions": sessions, "exchange": None}).rows:
                yield row[0], row[1], _evidence(row, usual.get(row[0]), inherited)
            sessions, held = [], 0


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


def _evidence(row: tuple[Any, ...], usual: Usual | None, inherited: Mapping[str, list[str]]) -> Evidence:
    _, session_id, said, answer, mark, before, following, bits, nearest, agreement, consistency, energy, byte_bits = row
    texts = [*inherited.get(session_id, ()), *(text for turn in before or () for text in turn)]
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
        before=tuple(texts[-2 * MOST_BEFORE :]),
        following=following,
        mark=mark,
    )
