"""Where an exchange stands in its session: what was before it, what came after it."""

from __future__ import annotations

from dataclasses import dataclass

from lab.domain import Exchange
from lab.journal.record import Record


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The ids of the exchanges before and after one in its session, and the number of the last turn there."""

    before: str | None
    after: str | None
    last_turn: int


def neighbours(record: Record, exchange: Exchange) -> Neighbours:
    """The neighbours of a recorded exchange. Raises LabError as `Record.query` does."""
    table = record.query(
        """SELECT before, after, last_turn FROM (
            SELECT exchange_id, lag(exchange_id) OVER turns AS before, lead(exchange_id) OVER turns AS after,
                max(turn) OVER () AS last_turn
            FROM exchanges WHERE session_id = ?
            WINDOW turns AS (ORDER BY turn, exchange_id)
        ) WHERE exchange_id = ?""",
        [exchange.session_id, exchange.exchange_id],
    )
    return next((Neighbours(*row) for row in table.rows), Neighbours(None, None, exchange.turn))
