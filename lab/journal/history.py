"""The history as it is browsed: pages of sessions, hits of a search, and the exchanges of one session in brief."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from lab.journal.filters import HistoryFilter, conditions, parse
from lab.journal.record import Record

__all__ = ["Brief", "Counts", "HistoryFilter", "Hit", "SessionSummary", "brief", "count", "page", "parse", "search"]

# Values of a sparkline, at most.
_POINTS: Final = 60
# Of a message and an answer so much is read for a list.
_BEGINNING: Final = 300
# Characters of a snippet before and after what was found.
_BEFORE: Final = 30
_AFTER: Final = 120


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session in a list. Times are aware, UTC; `last_at` is that of its latest turn.

    `salient` is the share of its scored exchanges that are salient and `mean` their mean total; None when none is
    scored. `totals` are at most 60 values, oldest first, each the mean of as many turns in a row. A fork went on from
    turn `parent_turn` of the session `parent_session_id`.
    """

    session_id: str
    title: str
    started_at: datetime
    last_at: datetime
    checkpoint: str | None
    adapters: tuple[str, ...]
    exchanges: int
    salient: float | None
    mean: float | None
    totals: tuple[float, ...]
    parent_session_id: str | None
    parent_title: str | None
    parent_turn: int | None


@dataclass(frozen=True, slots=True)
class Hit:
    """An exchange that a search found. `found` is where in `snippet` the text is: start and end, equal for nowhere.

    An exchange that stands for its session, because its title or id was found, has the beginning of its message.
    """

    exchange_id: str
    session_id: str
    title: str
    turn: int
    created_at: datetime
    snippet: str
    found: tuple[int, int]
    total: float | None
    salient: bool
    mark: str | None


@dataclass(frozen=True, slots=True)
class Brief:
    """An exchange in a list: the beginnings of message and answer, as edited, and its total."""

    exchange_id: str
    session_id: str
    turn: int
    created_at: datetime
    user_input: str
    answer: str
    status: str
    mark: str | None
    total: float | None
    salient: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How many exchanges meet a filter, and of how many sessions they are."""

    sessions: int
    exchanges: int


def page(
    record: Record,
    wanted: HistoryFilter,
    profile: str,
    limit: int,
    offset: int = 0,
    cancel: threading.Event | None = None,
) -> list[SessionSummary]:
    """Sessions with an exchange that meets the filter, the latest activity first; the empty filter gives all.

    Numbers are those of the whole session, scores those of `profile`. Raises LabError as `Record.query` does, as all
    of these do.
    """
    matching, parameters = _matching("e.session_id", wanted, profile)
    table = record.query(
        f"""
        WITH active AS (SELECT session_id, max(created_at) AS last_at FROM exchanges GROUP BY ALL),
        page AS (
            SELECT s.*, coalesce(greatest(s.started_at, a.last_at), a.last_at, s.started_at) AS last_at
            FROM sessions s LEFT JOIN active a USING (session_id)
            {"" if wanted == HistoryFilter() else f"WHERE s.session_id IN ({matching})"}
            ORDER BY last_at DESC, session_id DESC
            LIMIT $limit OFFSET $offset
        ),
        turns AS (
            SELECT e.session_id, e.turn, e.exchange_id, e.adapter, v.total, v.salient
            FROM exchanges e
            LEFT JOIN salience v ON v.exchange_id = e.exchange_id AND v.profile = $profile
            WHERE e.session_id IN (SELECT session_id FROM page)
        ),
        facts AS (
            SELECT session_id, count(*) AS exchanges, avg(salient::INTEGER) AS salient, avg(total) AS mean,
                list(DISTINCT adapter ORDER BY adapter) FILTER (adapter IS NOT NULL) AS adapters
            FROM turns GROUP BY ALL
        ),
        points AS (
            SELECT session_id, place * least(n, {_POINTS}) // n AS point, avg(total) AS total
            FROM (
                SELECT session_id, total, count(*) OVER (PARTITION BY session_id) AS n,
                    row_number() OVER (PARTITION BY session_id ORDER BY turn, exchange_id) - 1 AS place
                FROM turns WHERE total IS NOT NULL
            ) GROUP BY ALL
        ),
        lines AS (SELECT session_id, list(total ORDER BY point) AS totals FROM points GROUP BY ALL)
        SELECT p.session_id, p.title, p.started_at, p.last_at, p.checkpoint, f.adapters,
            coalesce(f.exchanges, 0) AS exchanges, f.salient, f.mean, l.totals, p.parent_session_id,
            o.title AS parent_title, t.turn AS parent_turn
        FROM page p
        LEFT JOIN facts f ON f.session_id = p.session_id
        LEFT JOIN lines l ON l.session_id = p.session_id
        LEFT JOIN sessions o ON o.session_id = p.parent_session_id
        LEFT JOIN exchanges t ON t.exchange_id = p.parent_exchange_id
        ORDER BY p.last_at DESC, p.session_id DESC
        """,
        {**parameters, "profile": profile, "limit": limit, "offset": offset},
        cancel=cancel,
    )
    return [_summary(row) for row in table.rows]


def search(
    record: Record,
    wanted: HistoryFilter,
    profile: str,
    limit: int,
    before: Hit | None = None,
    cancel: threading.Event | None = None,
) -> list[Hit]:
    """Exchanges that meet the filter, newest first; with `before`, those that come after this hit in that order.

    A session whose title or id was found comes with its first exchange that meets the other conditions, when no text
    of that one was found either.
    """
    after, place = "", {}
    if before is not None:
        # The first half is for the database, which can pass over all that is newer.
        after = "AND e.created_at <= $at AND (e.created_at < $at OR e.exchange_id < $id)"
        place = {"at": before.created_at.replace(tzinfo=None), "id": before.exchange_id}
    newest = "ORDER BY e.created_at DESC, e.exchange_id DESC LIMIT $limit"
    matching, parameters = _matching("e.exchange_id, e.created_at", wanted, profile, f"{after} {newest}")
    # The ids alone are sorted: sorting the texts with them takes as long as finding them.
    table = record.query(
        f"""
        WITH hits AS (SELECT DISTINCT * FROM ({matching}) e {newest})
        SELECT h.exchange_id, e.session_id, coalesce(nullif(s.title, ''), e.session_id), e.turn, h.created_at,
            e.user_input, e.response, e.target, v.total, coalesce(v.salient, false), e.mark
        FROM hits h
        JOIN exchanges e ON e.exchange_id = h.exchange_id
        LEFT JOIN sessions s ON s.session_id = e.session_id
        LEFT JOIN salience v ON v.exchange_id = h.exchange_id AND v.profile = $profile
        ORDER BY h.created_at DESC, h.exchange_id DESC
        """,
        {**parameters, **place, "profile": profile, "limit": limit},
        cancel=cancel,
    )
    return [_hit(row, wanted.text) for row in table.rows]


def count(record: Record, wanted: HistoryFilter, profile: str, cancel: threading.Event | None = None) -> Counts:
    """How much meets the filter. With a text all of the record is read: about a second for a million exchanges."""
    parameters: dict[str, Any] = {}
    if wanted == HistoryFilter():
        sql = "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM exchanges)"
    else:
        matching, parameters = _matching("e.session_id, e.exchange_id", wanted, profile)
        sql = f"SELECT count(DISTINCT session_id), count(DISTINCT exchange_id) FROM ({matching})"
    ((sessions, exchanges),) = record.query(sql, parameters, cancel=cancel).rows
    return Counts(sessions, exchanges)


def brief(
    record: Record,
    session_id: str,
    profile: str,
    limit: int,
    turn: int | None = None,
    cancel: threading.Event | None = None,
) -> list[Brief]:
    """The last `limit` exchanges of a session, oldest first; with `turn`, those around it."""
    table = record.query(
        f"""
        WITH turns AS (
            SELECT exchange_id, session_id, turn, created_at, left(user_input, {_BEGINNING}) AS user_input,
                left(coalesce(target, response), {_BEGINNING}) AS answer, status, mark
            FROM exchanges WHERE session_id = $session AND ($turn IS NULL OR turn <= $turn + $limit // 2)
            ORDER BY turn DESC, exchange_id DESC LIMIT $limit
        )
        SELECT t.*, v.total, coalesce(v.salient, false)
        FROM turns t LEFT JOIN salience v ON v.exchange_id = t.exchange_id AND v.profile = $profile
        ORDER BY t.turn, t.exchange_id
        """,
        {"session": session_id, "turn": turn, "limit": limit, "profile": profile},
        cancel=cancel,
    )
    return [_brief(row) for row in table.rows]


_TEXT: Final = """(
    contains(lower(e.response), $needle) OR contains(lower(e.user_input), $needle) OR contains(lower(e.target), $needle)
)"""
# The sessions whose title or id was found.
_NAMED: Final = "SELECT session_id FROM sessions WHERE contains(lower(title), $needle) OR session_id = $text"


def _matching(columns: str, wanted: HistoryFilter, profile: str, ending: str = "") -> tuple[str, dict[str, Any]]:
    """A query for these columns of the exchanges `e` that meet the filter, some of them twice, with its parameters.

    `ending` is what follows the conditions. In two parts where there is a text, because a scan that also asks for
    ids reads the texts of everything into memory.
    """
    where, parameters = conditions(wanted, profile)
    where = where or "true"
    if not wanted.text:
        return f"SELECT {columns} FROM exchanges e WHERE {where} {ending}", parameters
    holding = f"SELECT {columns} FROM exchanges e WHERE {where} AND {_TEXT} {ending}"
    # Of a session the first one that meets the conditions; and the exchange of this id.
    first = f"""
        SELECT arg_min(e.exchange_id, e.turn) FROM exchanges e
        WHERE {where} AND e.session_id IN ({_NAMED}) GROUP BY e.session_id
    """
    named = f"""
        SELECT {columns} FROM exchanges e
        WHERE {where} AND e.exchange_id IN ({first} UNION ALL SELECT $text) {ending}
    """
    return (
        f"SELECT * FROM ({holding}) UNION ALL SELECT * FROM ({named})",
        parameters | {"needle": wanted.text.lower(), "text": wanted.text},
    )


def _summary(row: tuple[Any, ...]) -> SessionSummary:
    session_id, title, started_at, last_at, checkpoint, adapters, exchanges, salient, mean, totals, *parent = row
    return SessionSummary(
        session_id,
        title or session_id,
        _aware(started_at),
        _aware(last_at),
        checkpoint,
        tuple(adapters or ()),
        exchanges,
        salient,
        mean,
        tuple(totals or ()),
        *parent,
    )


def _brief(row: tuple[Any, ...]) -> Brief:
    exchange_id, session_id, turn, created_at, *rest = row
    return Brief(exchange_id, session_id, turn, _aware(created_at), *rest)


def _hit(row: tuple[Any, ...], text: str) -> Hit:
    exchange_id, session_id, title, turn, created_at, user_input, response, target, total, salient, mark = row
    snippet, found = _snippet(text, user_input, target, response)
    return Hit(exchange_id, session_id, title, turn, _aware(created_at), snippet, found, total, salient, mark)


def _snippet(text: str, *sources: str | None) -> tuple[str, tuple[int, int]]:
    """What stands around the text in the first source that holds it, on one line; else the first one's beginning."""
    # Not in the text as it is in lower case: a letter may become two.
    needle = re.compile(re.escape(text), re.IGNORECASE)
    for source in sources:
        hit = needle.search(source or "") if text else None
        if source is None or hit is None:
            continue
        at, end = hit.span()
        start = max(at - _BEFORE, 0)
        # At the beginning of a word, not within it.
        space = source.find(" ", start, at)
        start = space + 1 if start and space >= 0 else start
        lead = "\u2026" if start else ""
        before, found, after = (_line(part) for part in (source[start:at], source[at:end], source[end : end + _AFTER]))
        return f"{lead}{before}{found}{after}", (len(lead + before), len(lead + before + found))
    return _line((sources[0] or "")[: _BEFORE + _AFTER]), (0, 0)


def _line(text: str) -> str:
    """Line ends and tabs become single characters, so that places in the text stay."""
    return "".join(" " if character in "\r\n\t" else character for character in text)


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=timezone.utc)
