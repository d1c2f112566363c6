"""Whole streams into an empty database at once: DuckDB reads the journal itself, as far as it is plain.

A stream is plain when every line, read by DuckDB and written again, is the same byte for byte, and nothing in the
stream is said twice, out of order, or of another stream. What its rows are then needs no fold. All other streams are
left to `projection.apply`, which alone knows what everything means; a test holds both to the same rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from itertools import cycle
from typing import Final

import duckdb
import orjson

from lab.journal.events import (
    EVENT_NAMES,
    FIELD_TYPES,
    DraftFinished,
    Event,
    ExchangeFinished,
    ExchangeMarked,
    MemoryRead,
    SalienceScored,
    SessionEnded,
    SessionOpened,
    SessionTitled,
    TurnMeasured,
    TurnStarted,
)
from lab.journal.journal import Journal
from lab.journal.transaction import transaction

_BATCH_BYTES: Final = 64 * 2**20

# What a dialogue and the readings are made of. A sleep is a few hundred lines: the fold reads it.
_KINDS: Final[tuple[type[Event], ...]] = (
    SessionOpened,
    SessionTitled,
    SessionEnded,
    TurnStarted,
    DraftFinished,
    ExchangeFinished,
    ExchangeMarked,
    TurnMeasured,
    SalienceScored,
    MemoryRead,
)

# `events.encode` writes the time first, always as wide as here, then the name: its first letters tell the kinds apart.
_HEAD: Final = '{"at":"2026-11-22T04:41:00.000000+00:00","event":"'
_LETTERS: Final = 10

# The order of the lines is that of their rows.
_STAGE: Final = f"""
    CREATE OR REPLACE TABLE staged AS
    SELECT parse_path(filename)[-2] AS stream, substr(line, {len(_HEAD) + 1}, {_LETTERS}) AS kind, line
    FROM (SELECT filename, unnest(string_split(content, chr(10))) AS line FROM read_text(?))
    WHERE line <> ''
"""


def load(
    connection: duckdb.DuckDBPyConnection,
    journal: Journal,
    streams: Sequence[str],
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Put all rows of the plain ones among these streams, and how far they are applied, into an empty database.

    Returns the streams that are left. `progress` is told the number of bytes after each batch, which is a transaction.
    While one batch is written the next one is read, in a thread; a connection of one thread is the fastest for that.
    """
    left: list[str] = []
    waiting = deque(_batches({stream: journal.committed(stream) for stream in streams}))
    places = cycle(("read_0", "read_1"))
    connection.execute("ATTACH ':memory:' AS bulk")
    reader = connection.cursor()
    with ThreadPoolExecutor(1) as thread:

        def read_next() -> tuple[dict[str, int], str, Future[list[str]]] | None:
            if not waiting:
                return None
            batch, place = waiting.popleft(), next(places)
            return batch, place, thread.submit(_read, reader, journal, batch, place)

        reading = read_next()
        while reading:
            batch, place, result = reading
            try:
                odd = result.result()
            except duckdb.Error:
                # One file that is no text stops the reading of all: it is found by halves.
                if len(batch) == 1:
                    left += batch
                else:
                    waiting.extendleft(reversed(_halves(batch)))
                reading = read_next()
                continue
            reading = read_next()
            _write(connection, place)
            left += odd
            if progress:
                progress(sum(batch.values()) - sum(batch[stream] for stream in odd))
    connection.execute("DETACH bulk")
    return left


def _batches(sizes: dict[str, int]) -> Iterator[dict[str, int]]:
    batch: dict[str, int] = {}
    held = 0
    for stream, size in sizes.items():
        batch[stream] = size
        held += size
        if held >= _BATCH_BYTES:
            yield batch
            batch, held = {}, 0
    if batch:
        yield batch


def _halves(batch: dict[str, int]) -> list[dict[str, int]]:
    streams = list(batch.items())
    return [dict(streams[: len(streams) // 2]), dict(streams[len(streams) // 2 :])]


def _read(connection: duckdb.DuckDBPyConnection, journal: Journal, sizes: dict[str, int], place: str) -> list[str]:
    """Read a batch into one table a kind of event, in the schema `place`; the streams that are not plain.

    Raises duckdb.Error for a file that is no text.
    """
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS bulk.{place}")
    connection.execute(f"USE bulk.{place}")
    connection.execute(_STAGE, [[str(journal.path(stream)) for stream in sizes]])
    for kind in _KINDS:
        connection.execute(_reading(kind))
    connection.execute(_SEEN, [list(sizes), list(sizes.values())])
    connection.execute("DROP TABLE staged")
    odd = [stream for (stream,) in connection.execute(_ODD).fetchall()]
    if odd:
        for table in ("seen", *(EVENT_NAMES[kind] for kind in _KINDS)):
            connection.execute(f"DELETE FROM {table} WHERE stream IN (SELECT unnest(?::VARCHAR[]))", [odd])
    return odd


def _write(connection: duckdb.DuckDBPyConnection, place: str) -> None:
    with transaction(connection):
        for statement in _ROWS:
            connection.execute(statement.replace("read.", f"bulk.{place}."))


def _reading(kind: type[Event]) -> str:
    """The statement that makes the table of a kind: its fields, and whether the line is plain as far as it goes."""
    types = {field.name: _sql_type(field.name, FIELD_TYPES[kind][field.name]) for field in fields(kind)}
    form = {"at": "VARCHAR", "event": "VARCHAR"} | types
    plain = ["to_json(body)::VARCHAR = line", "strftime(\"at\", '%Y-%m-%dT%H:%M:%S.%f+00:00') = body['at']"]
    plain.append("body['at'] >= '0001'")  # Python has no year 0.
    plain += [f"body['{name}'] IS NOT NULL" for name in types if type(None) not in FIELD_TYPES[kind][name]]
    if "session_id" in types:
        plain.append("body['session_id'] = stream")
    if "exchange_id" in types:
        # No other stream can have one like it.
        plain.append("starts_with(body['exchange_id'], stream || '-')")
        plain.append("NOT contains(substr(body['exchange_id'], length(stream) + 2), '-')")
    # The default of TRY is NULL: a line that is no JSON stops no other.
    return f"""
        CREATE OR REPLACE TABLE {EVENT_NAMES[kind]} AS
        SELECT stream, number, "at", coalesce({" AND ".join(plain)}, false) AS plain,
            {", ".join(f"body['{name}'] AS {name}" for name in types)}
        FROM (
            SELECT *, TRY_CAST(substr(body['at'], 1, 26) AS TIMESTAMP) AS "at"
            FROM (
                SELECT stream, rowid AS number, line, TRY(json_transform(line, '{orjson.dumps(form).decode()}')) AS body
                FROM staged WHERE kind = '{(EVENT_NAMES[kind] + '","')[:_LETTERS]}'
            )
        )
    """


def _sql_type(name: str, types: tuple[type, ...]) -> str:
    if name == "seed":
        return "UBIGINT"
    return "DOUBLE" if float in types else "VARCHAR" if str in types else "BOOLEAN" if bool in types else "BIGINT"


# A vector as it is written; what else stands there the fold looks at.
_NUMBER: Final = "(0|-?[1-9][0-9]{0,2})"
_WHOLE: Final = rf"\[{_NUMBER}(,{_NUMBER})*\]"

_SEEN: Final = f"""
    CREATE OR REPLACE TABLE seen AS
    SELECT stream, size, bytes, lines, plain
    FROM (SELECT unnest(?::VARCHAR[]) AS stream, unnest(?::BIGINT[]) AS size)
    LEFT JOIN (SELECT stream, sum(strlen(line) + 1) AS bytes, count(*) AS lines FROM staged GROUP BY stream)
        USING (stream)
    LEFT JOIN (
        SELECT stream, count(*) AS plain
        FROM ({" UNION ALL ".join(f"SELECT stream FROM {EVENT_NAMES[kind]} WHERE plain" for kind in _KINDS)})
        GROUP BY stream
    ) USING (stream)
"""

# Streams with other lines than plain ones, or cut; with something said twice; with an end before its beginning.
_ODD: Final = f"""
    SELECT stream FROM seen WHERE bytes IS DISTINCT FROM size OR plain IS DISTINCT FROM lines
    UNION SELECT stream FROM turn_started GROUP BY stream, exchange_id HAVING count(*) > 1
    UNION SELECT stream FROM exchange_finished GROUP BY stream, exchange_id HAVING count(*) > 1
    UNION SELECT stream FROM draft_finished GROUP BY stream, exchange_id, iteration HAVING count(*) > 1
    UNION SELECT stream FROM turn_measured GROUP BY stream, exchange_id HAVING count(*) > 1
    UNION SELECT stream FROM turn_measured WHERE vector <> '' AND NOT regexp_full_match(vector, '{_WHOLE}')
    UNION
    SELECT later.stream
    FROM (
        SELECT stream, exchange_id, number FROM exchange_finished
        UNION ALL SELECT stream, exchange_id, number FROM exchange_marked
    ) later
    LEFT JOIN turn_started began USING (exchange_id)
    WHERE began.number IS NULL OR began.number > later.number
    UNION
    SELECT later.stream
    FROM (
        SELECT stream, number FROM session_titled
        UNION ALL SELECT stream, number FROM session_ended
    ) later
    LEFT JOIN (SELECT stream, min(number) AS number FROM session_opened GROUP BY stream) began USING (stream)
    WHERE began.number IS NULL OR began.number > later.number
"""

_ROWS: Final = (
    """
    INSERT INTO sessions BY NAME
    SELECT stream AS session_id, first("at" ORDER BY number) AS started_at, any_value(ended_at) AS ended_at,
        any_value(titles.title) AS title, last(checkpoint ORDER BY number) AS checkpoint,
        last(adapter ORDER BY number) AS adapter, last(profile ORDER BY number) AS profile,
        last(threshold ORDER BY number) AS threshold, last(parent_session_id ORDER BY number) AS parent_session_id,
        last(revision ORDER BY number) AS revision, last(parent_exchange_id ORDER BY number) AS parent_exchange_id
    FROM read.session_opened
    LEFT JOIN (
        SELECT stream, last(title ORDER BY number) AS title
        FROM (
            SELECT stream, number, title FROM read.session_opened WHERE title IS NOT NULL
            UNION ALL SELECT stream, number, title FROM read.session_titled
        )
        GROUP BY stream
    ) titles USING (stream)
    LEFT JOIN (
        SELECT stream, last(ended_at ORDER BY number) AS ended_at
        FROM (
            SELECT stream, number, "at" AS ended_at FROM read.session_ended
            UNION ALL SELECT stream, number, NULL FROM read.session_opened
            UNION ALL SELECT stream, max(number), NULL FROM read.turn_started GROUP BY stream
        )
        GROUP BY stream
    ) ends USING (stream)
    GROUP BY stream ORDER BY stream
    """,
    """
    INSERT INTO exchanges BY NAME
    SELECT began.exchange_id, began.session_id, began.turn, began."at" AS created_at, began.user_input,
        coalesce(ended.response, '') AS response, coalesce(ended.status, 'running') AS status, began.checkpoint,
        began.adapter, ended.prompt_tokens, ended.response_tokens, ended.seconds, marked.mark, marked.target,
        ended.reason, ended.converged, marked.iteration AS kept_iteration
    FROM read.turn_started began
    LEFT JOIN read.exchange_finished ended USING (exchange_id)
    LEFT JOIN (
        SELECT exchange_id, last(mark ORDER BY number) AS mark, last(target ORDER BY number) AS target,
            last(iteration ORDER BY number) AS iteration
        FROM read.exchange_marked GROUP BY exchange_id
    ) marked USING (exchange_id)
    """,
    # A draft that came after the end was not there to be chosen.
    """
    INSERT INTO drafts BY NAME
    SELECT draft.* EXCLUDE (stream, number, "at", plain),
        coalesce(draft.number < ended.number AND draft.iteration = ended.chosen, false) AS chosen
    FROM read.draft_finished draft LEFT JOIN read.exchange_finished ended USING (exchange_id)
    """,
    """
    INSERT INTO evidence BY NAME
    SELECT exchange_id, bits, nearest, nearest_id, agreement, consistency, byte_bits FROM read.turn_measured
    """,
    """
    INSERT INTO embeddings BY NAME
    SELECT exchange_id, CASE WHEN vector <> '' THEN vector::FLOAT[] END AS vector FROM read.turn_measured
    """,
    # A turn is scored again when the next one tells how it went.
    """
    INSERT INTO salience BY NAME
    SELECT * EXCLUDE (stream, number, "at", plain) FROM read.salience_scored
    QUALIFY row_number() OVER (PARTITION BY exchange_id, profile ORDER BY number DESC) = 1
    """,
    """
    INSERT INTO resources BY NAME
    SELECT "at", process, rss_bytes, vram_bytes, moment AS event FROM read.memory_read ORDER BY number
    """,
    "INSERT INTO journal_offsets BY NAME SELECT stream, bytes, lines FROM read.seen",
)
