"""What the record knows of the meaning of turns: the nearest one ever said, and how unexpected turns usually were."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from lab.domain import Usual
from lab.journal.record import Record

# A vector of length 1 is kept as whole numbers of so many parts: they are short, and a cosine differs by a thousandth.
_PARTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Nearest:
    """The turn whose meaning is nearest: its cosine in -1..1, what was said, and what was answered."""

    exchange_id: str
    cosine: float
    said: str
    answer: str


def written(vector: Sequence[float]) -> str:
    """A vector of length 1 as it stands in the journal."""
    return orjson.dumps([round(_PARTS * value) for value in vector]).decode()


def nearest(
    record: Record,
    vector: Sequence[float],
    but: str = "",
    cancel: threading.Event | None = None,
    session_id: str | None = None,
) -> Nearest | None:
    """The turn nearest to this vector among all that have one, or those of one session, without the exchange `but`;
    None where there is none.

    Every vector is looked at; what that costs is in docs/salience.md. Raises LabError as `Record.query` does.
    """
    size = len(vector)
    within = "AND exchange_id IN (SELECT exchange_id FROM exchanges WHERE session_id = $session)" if session_id else ""
    given: dict[str, object] = {"vector": [value / _PARTS for value in vector], "but": but}
    table = record.query(
        f"""
        SELECT n.exchange_id, n.cosine, e.user_input, coalesce(e.target, e.response)
        FROM (
            SELECT exchange_id, list_inner_product(vector, $vector::FLOAT[]) AS cosine
            FROM embeddings WHERE len(vector) = {size} AND exchange_id <> $but {within}
            ORDER BY cosine DESC, exchange_id LIMIT 1
        ) n JOIN exchanges e USING (exchange_id)
        """,
        given | ({"session": session_id} if session_id else {}),
        cancel=cancel,
    )
    for exchange_id, cosine, said, answer in table.rows:
        return Nearest(exchange_id, min(float(cosine), 1.0), said, answer)
    return None


def usual_bits(
    record: Record,
    checkpoint: str,
    before: str | None = None,
    cancel: threading.Event | None = None,
    session_id: str | None = None,
) -> Usual | None:
    """How unexpected turns were to this checkpoint; those before an exchange, or all, of all sessions or of one. None
    where none was measured.

    Raises LabError as `Record.query` does.
    """
    table = record.query(
        """
        SELECT avg(v.bits), stddev_pop(v.bits), count(v.bits)
        FROM evidence v JOIN exchanges e USING (exchange_id)
        WHERE e.checkpoint = $checkpoint AND ($session IS NULL OR e.session_id = $session)
            AND ($before IS NULL OR (e.created_at, e.exchange_id) < (
            SELECT (created_at, exchange_id) FROM exchanges WHERE exchange_id = $before))
        """,
        {"checkpoint": checkpoint, "before": before, "session": session_id},
        cancel=cancel,
    )
    ((mean, deviation, n),) = table.rows
    return Usual(mean, deviation, n) if n and math.isfinite(mean) else None
