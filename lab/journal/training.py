"""Exchanges as training data: JSON lines of id, messages and metadata, as other trainers read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, Final

from lab.domain import DIMENSIONS
from lab.journal.record import Record

# Examples that are read at a time: with answers of 200 tokens about 10 MB.
_PAGE: Final = 5000
_FROM: Final = """
    FROM exchanges e LEFT JOIN salience v ON v.exchange_id = e.exchange_id AND v.profile = $profile
    WHERE (e.status = 'complete' OR e.mark IN ('kept', 'edited')) AND coalesce(e.mark, '') <> 'excluded'
        AND regexp_matches(coalesce(e.target, e.response), '\\S')
        AND ($session IS NULL OR e.session_id = $session)
        AND (NOT $salient OR coalesce(v.salient, false) OR e.mark IN ('kept', 'edited'))
"""


def training_examples(
    record: Record, *, profile: str, session_id: str | None, salient_only: bool
) -> Iterator[dict[str, Any]]:
    """What a model could learn, oldest first, a page at a time: the answer as marked, nothing that was excluded.

    With `salient_only` what is salient in `profile`, and what a person kept or edited. Raises LabError as
    `Record.query` does.
    """
    chosen = {"profile": profile, "session": session_id, "salient": salient_only}
    # Where each page ends, in one look: finding the next page behind the last would sort all that is left each time.
    ends = record.query(
        f"""SELECT created_at, exchange_id FROM (
            SELECT e.created_at, e.exchange_id, row_number() OVER (ORDER BY e.created_at, e.exchange_id) AS number
            {_FROM}
        ) WHERE number % {_PAGE} = 0 ORDER BY ALL""",
        chosen,
    ).rows
    begin: tuple[Any, ...] = (datetime.min, "")
    for end in [*ends, (datetime.max, "")]:
        table = record.query(
            f"""SELECT e.exchange_id, e.session_id, e.turn, e.created_at, e.user_input,
                coalesce(e.target, e.response) AS answer, e.checkpoint, e.adapter, e.mark,
                {", ".join(f"v.{name}" for name in DIMENSIONS)}, v.total, v.salient
            {_FROM} AND e.created_at BETWEEN $begun AND $ended
                AND (e.created_at > $begun OR e.exchange_id > $after)
                AND (e.created_at < $ended OR e.exchange_id <= $last)
            ORDER BY e.created_at, e.exchange_id""",
            {**chosen, "begun": begin[0], "after": begin[1], "ended": end[0], "last": end[1]},
        )
        for row in table.rows:
            yield _example(dict(zip(table.columns, row)))
        begin = end


def count_examples(record: Record, *, profile: str, session_id: str | None, salient_only: bool) -> int:
    """How many examples `training_examples` gives."""
    chosen = {"profile": profile, "session": session_id, "salient": salient_only}
    return int(record.query(f"SELECT count(*) {_FROM}", chosen).rows[0][0])


def _example(row: dict[str, Any]) -> dict[str, Any]:
    score = {name: row[name] for name in (*DIMENSIONS, "total", "salient")}
    return {
        "id": row["exchange_id"],
        "messages": [
            {"role": "user", "content": row["user_input"]},
            {"role": "assistant", "content": row["answer"]},
        ],
        "metadata": {
            **{name: row[name] for name in ("session_id", "turn", "checkpoint", "adapter", "mark")},
            "created_at": row["created_at"].replace(tzinfo=timezone.utc),
            "salience": score if row["total"] is not None else None,
        },
    }
