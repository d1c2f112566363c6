"""Typed reads for the other rooms: sessions, exchanges and sleep cycles as values, one query each."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from lab.domain import Draft, Exchange, Salience, Session, SleepCycle
from lab.journal.record import Record, Table

IMPORTED = "imported-"

_SESSION = """
    SELECT session_id, started_at, checkpoint, adapter, profile, threshold, title, ended_at, parent_session_id,
        revision, parent_exchange_id
    FROM sessions s
"""
# Of fewer scores nobody can say what the most salient ones are.
_ENOUGH_SCORES = 20
_EXCHANGE = """
    SELECT exchange_id, session_id, turn, created_at, user_input, response, status, checkpoint, adapter,
        prompt_tokens, response_tokens, seconds, reason, mark, target, kept_iteration,
        (SELECT list(
                row(
                    iteration, temperature, seed, text, energy, tokens, seconds, finish, thinking, thinking_tokens,
                    chosen
                ) ORDER BY iteration
            ) FROM drafts d WHERE d.exchange_id = e.exchange_id) AS drafts,
        (SELECT list(
                row(v.profile, surprise, novelty, arousal, reward, conflict, total, v.threshold)
                ORDER BY v.profile IS DISTINCT FROM s.profile, v.profile
            ) FROM salience v LEFT JOIN sessions s ON s.session_id = e.session_id
            WHERE v.exchange_id = e.exchange_id) AS salience
    FROM exchanges e
"""
# The cycles that count as having slept on something; for a sleep that begins anew none does. A deep one that was
# refused looked at the whole memory: it says nothing of what was new beside that, which an ordinary one tries still.
_COUNTING = """
    SELECT cycle_id FROM sleep_cycles
    WHERE status = 'complete' AND NOT $anew AND CASE WHEN $lineage::VARCHAR[] IS NULL THEN checkpoint = $checkpoint
        ELSE list_contains($lineage::VARCHAR[], adapter)
            OR (verdict = 'rolled_back' AND NOT coalesce(deep, false) AND checkpoint = $checkpoint) END
"""


# What a sleep could learn from; see `sleepable`.
_SLEEPABLE = f"""
    (status = 'complete' OR mark IN ('kept', 'edited')) AND coalesce(mark, '') <> 'excluded'
        AND regexp_matches(coalesce(target, response), '\\S')
        AND ($session IS NULL OR session_id = $session)
        AND (NOT $salient OR mark IN ('kept', 'edited') OR EXISTS (
            FROM salience v WHERE v.exchange_id = e.exchange_id AND v.profile = $profile AND v.salient
        ))
        AND NOT EXISTS (
            FROM sleep_examples x JOIN ({_COUNTING}) c USING (cycle_id)
            WHERE x.exchange_id = e.exchange_id AND x.target = coalesce(e.target, e.response)
        )
        AND NOT EXISTS (
            FROM sleep_lessons l JOIN ({_COUNTING}) c USING (cycle_id)
            WHERE l.exchange_id = e.exchange_id
                AND (e.mark IS NULL OR (l.origin = 'marked' AND l.answer = coalesce(e.target, e.response)))
        )
"""


def session(record: Record, session_id: str) -> Session | None:
    """The session of this id. Raises LabError as `Record.query` does, as all of these do."""
    table = record.query(f"{_SESSION} WHERE session_id = ?", [session_id])
    return next(map(_session, _rows(table)), None)


def latest_session(record: Record) -> Session | None:
    """The session with the latest activity, its start or its last turn; imported ones do not count."""
    table = record.query(
        f"""{_SESSION}
        WHERE NOT starts_with(session_id, '{IMPORTED}')
        ORDER BY greatest(
            started_at, (SELECT max(created_at) FROM exchanges e WHERE e.session_id = s.session_id)
        ) DESC, session_id DESC
        LIMIT 1"""
    )
    return next(map(_session, _rows(table)), None)


def exchanges(record: Record, session_id: str) -> list[Exchange]:
    """All turns of a session, oldest first, with drafts and scores."""
    table = record.query(f"{_EXCHANGE} WHERE session_id = ? ORDER BY turn, exchange_id", [session_id])
    return [_exchange(row) for row in _rows(table)]


def exchanges_after(record: Record, session_id: str, last: Exchange | None, limit: int) -> list[Exchange]:
    """The next turns of a session after `last`, or its first ones: a page of at most `limit`."""
    turn, exchange_id = (last.turn, last.exchange_id) if last else (-(2**63), "")
    table = record.query(
        f"""{_EXCHANGE}
        WHERE session_id = $session AND (turn > $turn OR (turn = $turn AND exchange_id > $exchange))
        ORDER BY turn, exchange_id LIMIT $limit""",
        {"session": session_id, "turn": turn, "exchange": exchange_id, "limit": limit},
    )
    return [_exchange(row) for row in _rows(table)]


def exchange(record: Record, exchange_id: str) -> Exchange | None:
    """One turn, with drafts and scores."""
    table = record.query(f"{_EXCHANGE} WHERE exchange_id = ?", [exchange_id])
    return next(map(_exchange, _rows(table)), None)


def sleepable(
    record: Record,
    *,
    profile: str,
    checkpoint: str,
    session_id: str | None,
    salient_only: bool,
    lineage: Sequence[str] | None = None,
    anew: bool = False,
) -> list[Exchange]:
    """What a sleep of `checkpoint` could learn from, oldest first.

    Exchanges with an answer, complete or marked to be learnt, that nobody excluded and that no complete cycle has
    slept on; with `salient_only`, those that are salient in `profile` and those that a person kept or edited; with
    `session_id`, those of that session. With a `lineage`, the adapter to continue and its parents, only the cycles
    that made these count, and those of this checkpoint whose adapter the gate refused; without, all of the checkpoint;
    `anew`, none.

    A cycle has slept on an exchange whose present answer it has used, and on one that it looked for lessons in, unless
    the exchange was marked since.
    """
    table = record.query(
        f"{_EXCHANGE} WHERE {_SLEEPABLE} ORDER BY created_at, exchange_id",
        _choice(profile, checkpoint, session_id, salient_only, lineage, anew),
    )
    return [_exchange(row) for row in _rows(table)]


def count_sleepable(
    record: Record, *, profile: str, checkpoint: str, salient_only: bool, lineage: Sequence[str] | None = None
) -> tuple[int, str | None]:
    """How many exchanges `sleepable` gives of all sessions, without reading them, and the newest one's id."""
    table = record.query(
        f"SELECT count(*), max_by(exchange_id, (created_at, exchange_id)) FROM exchanges e WHERE {_SLEEPABLE}",
        _choice(profile, checkpoint, None, salient_only, lineage),
    )
    ((number, newest),) = table.rows
    return number, newest


def _choice(
    profile: str,
    checkpoint: str,
    session_id: str | None,
    salient_only: bool,
    lineage: Sequence[str] | None,
    anew: bool = False,
) -> dict[str, object]:
    return {
        "session": session_id,
        "salient": salient_only,
        "profile": profile,
        "checkpoint": checkpoint,
        "lineage": None if lineage is None else list(lineage),
        "anew": anew,
    }


def adapter_choices(record: Record) -> dict[str, tuple[str | None, datetime]]:
    """The last choice of an adapter for each fingerprint, None for the checkpoint alone, and when it was made."""
    table = record.query(
        """SELECT fingerprint, last(adapter ORDER BY "at", rowid) AS adapter, max("at") AS "at"
        FROM adapter_choices GROUP BY fingerprint"""
    )
    return {row["fingerprint"]: (row["adapter"], row["at"]) for row in _rows(table)}


def cycles(record: Record) -> list[SleepCycle]:
    """All sleeps, oldest first."""
    table = record.query(
        """SELECT cycle_id, status, started_at, ended_at, checkpoint, parent_adapter, adapter, exchanges, examples,
            steps, first_loss, last_loss, seconds, reason
        FROM sleep_cycles ORDER BY started_at, cycle_id"""
    )
    return [SleepCycle(**row) for row in _rows(table)]


def top_total(record: Record, profile: str, share: float, cancel: threading.Event | None = None) -> float | None:
    """The total that this share of all scores of a profile reaches; None where there are too few to tell."""
    table = record.query(
        "SELECT quantile_cont(total, ?), count(*) FROM salience WHERE profile = ?",
        [1.0 - share, profile],
        cancel=cancel,
    )
    ((total, n),) = table.rows
    return float(total) if n >= _ENOUGH_SCORES else None


def _rows(table: Table) -> list[dict[str, Any]]:
    """Rows by column name. The database keeps times in UTC without saying so."""
    return [
        {
            name: value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) else value
            for name, value in zip(table.columns, row)
        }
        for row in table.rows
    ]


def _session(row: dict[str, Any]) -> Session:
    return Session(**row | {"threshold": _real(row["threshold"])})


def _exchange(row: dict[str, Any]) -> Exchange:
    drafts = row["drafts"] or []
    scores = row["salience"] or []
    return Exchange(
        **row
        | {
            "drafts": tuple(_draft(draft) for draft in drafts),
            "chosen": next((draft[0] for draft in drafts if draft[-1]), None),
            "salience": tuple(Salience(score[0], *map(_real, score[1:])) for score in scores),
        }
    )


def _draft(row: tuple[Any, ...]) -> Draft:
    """Imported drafts have no seed, tokens or seconds: 0. How one ended that has no `finish` is not known: "stop"."""
    iteration, temperature, seed, text, energy, tokens, seconds, finish, thinking, thinking_tokens, _ = row
    return Draft(
        iteration=iteration,
        temperature=_real(temperature),
        seed=seed or 0,
        text=text,
        energy=_real(energy),
        tokens=tokens or 0,
        seconds=_real(seconds),
        finish=finish or "stop",
        thinking=thinking or "",
        thinking_tokens=thinking_tokens or 0,
    )


def _real(value: float | None) -> float:
    return value if value is not None else 0.0
