"""The schema of the database: ordered named steps, and which of them a database has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb

from lab.errors import LabError
from lab.journal.transaction import transaction

_INDEXED: Final = (
    "journal_offsets",
    "sessions",
    "exchanges",
    "drafts",
    "salience",
    "sleep_cycles",
    "sleep_steps",
    "adapters",
)

# A step that was released is never changed; what comes later is a new step at the end.
STEPS: Final[tuple[tuple[str, str], ...]] = (
    (
        "record",
        """
        CREATE TABLE journal_offsets (stream VARCHAR PRIMARY KEY, bytes BIGINT, lines BIGINT);
        CREATE TABLE journal_faults (stream VARCHAR, line BIGINT, reason VARCHAR);

        CREATE TABLE sessions (
            session_id VARCHAR PRIMARY KEY, started_at TIMESTAMP, ended_at TIMESTAMP, title VARCHAR,
            checkpoint VARCHAR, adapter VARCHAR, profile VARCHAR, threshold DOUBLE, parent_session_id VARCHAR
        );
        CREATE TABLE exchanges (
            exchange_id VARCHAR PRIMARY KEY, session_id VARCHAR, turn BIGINT, created_at TIMESTAMP,
            user_input VARCHAR, response VARCHAR, status VARCHAR, checkpoint VARCHAR, adapter VARCHAR,
            prompt_tokens BIGINT, response_tokens BIGINT, seconds DOUBLE, mark VARCHAR, target VARCHAR,
            reason VARCHAR, converged BOOLEAN
        );
        CREATE TABLE drafts (
            exchange_id VARCHAR, iteration BIGINT, temperature DOUBLE, seed HUGEINT, energy DOUBLE,
            tokens BIGINT, seconds DOUBLE, text VARCHAR, chosen BOOLEAN, PRIMARY KEY (exchange_id, iteration)
        );
        CREATE TABLE salience (
            exchange_id VARCHAR, profile VARCHAR, surprise DOUBLE, novelty DOUBLE, arousal DOUBLE, reward DOUBLE,
            conflict DOUBLE, total DOUBLE, threshold DOUBLE, salient BOOLEAN, PRIMARY KEY (exchange_id, profile)
        );
        CREATE TABLE sleep_cycles (
            cycle_id VARCHAR PRIMARY KEY, started_at TIMESTAMP, ended_at TIMESTAMP, status VARCHAR,
            checkpoint VARCHAR, parent_adapter VARCHAR, adapter VARCHAR, exchanges BIGINT, examples BIGINT,
            epochs BIGINT, steps BIGINT, rank BIGINT, learning_rate DOUBLE, first_loss DOUBLE, last_loss DOUBLE,
            verdict VARCHAR, reason VARCHAR, seconds DOUBLE
        );
        CREATE TABLE sleep_examples (
            cycle_id VARCHAR, exchange_id VARCHAR, kind VARCHAR, prompt VARCHAR, target VARCHAR
        );
        CREATE TABLE sleep_steps (
            cycle_id VARCHAR, step BIGINT, epoch BIGINT, loss DOUBLE, learning_rate DOUBLE, tokens BIGINT,
            seconds DOUBLE, PRIMARY KEY (cycle_id, step)
        );
        CREATE TABLE adapters (
            adapter VARCHAR PRIMARY KEY, checkpoint VARCHAR, parent VARCHAR, cycle_id VARCHAR,
            created_at TIMESTAMP, path VARCHAR, sha256 VARCHAR, bytes BIGINT, state VARCHAR
        );
        CREATE TABLE resources (
            "at" TIMESTAMP, process VARCHAR, rss_bytes BIGINT, vram_bytes BIGINT, event VARCHAR
        );

        CREATE VIEW salience_history AS
        SELECT
            e.exchange_id, e.session_id, s.title, e.turn, e.created_at, e.user_input, e.response, e.status,
            e.checkpoint, e.adapter, v.profile, v.surprise, v.novelty, v.arousal, v.reward, v.conflict,
            v.total, v.threshold, v.salient, e.seconds, e.response_tokens
        FROM exchanges e
        LEFT JOIN sessions s USING (session_id)
        LEFT JOIN salience v USING (exchange_id)
        ORDER BY e.created_at, e.exchange_id, v.profile;
        """,
    ),
    (
        "thinking",
        # With the defaults of the events, so that a row from before equals the one that a rebuild makes.
        """
        ALTER TABLE drafts ADD COLUMN thinking VARCHAR DEFAULT '';
        ALTER TABLE drafts ADD COLUMN thinking_tokens BIGINT DEFAULT 0;
        ALTER TABLE drafts ADD COLUMN finish VARCHAR;
        ALTER TABLE sessions ADD COLUMN revision VARCHAR;
        """,
    ),
    (
        "marks and forks",
        """
        ALTER TABLE sessions ADD COLUMN parent_exchange_id VARCHAR;
        ALTER TABLE exchanges ADD COLUMN kept_iteration BIGINT;

        CREATE OR REPLACE VIEW salience_history AS
        SELECT
            e.exchange_id, e.session_id, s.title, e.turn, e.created_at, e.user_input, e.response, e.status,
            e.checkpoint, e.adapter, v.profile, v.surprise, v.novelty, v.arousal, v.reward, v.conflict,
            v.total, v.threshold, v.salient, e.seconds, e.response_tokens, e.mark, e.target
        FROM exchanges e
        LEFT JOIN sessions s USING (session_id)
        LEFT JOIN salience v USING (exchange_id)
        ORDER BY e.created_at, e.exchange_id, v.profile;
        """,
    ),
    (
        "no indexes",
        # A row is still there once: `projection` takes the old one away. With a million exchanges an append takes
        # two thirds of the time, the file three quarters of the size, and a row is found in 3 ms instead of 1.
        "".join(
            f"CREATE TABLE anew AS FROM {table}; DROP TABLE {table}; ALTER TABLE anew RENAME TO {table};"
            for table in _INDEXED
        ),
    ),
    (
        "receipts",
        """
        ALTER TABLE sleep_cycles ADD COLUMN strength DOUBLE;
        ALTER TABLE sleep_cycles ADD COLUMN lessons BIGINT;
        ALTER TABLE sleep_cycles ADD COLUMN earlier BIGINT;
        ALTER TABLE sleep_cycles ADD COLUMN deep BOOLEAN DEFAULT false;
        ALTER TABLE sleep_examples ADD COLUMN lesson_id VARCHAR;
        ALTER TABLE sleep_examples ADD COLUMN source VARCHAR;
        ALTER TABLE sleep_examples ADD COLUMN similarity DOUBLE;
        CREATE TABLE sleep_lessons (
            cycle_id VARCHAR, lesson_id VARCHAR, exchange_id VARCHAR, origin VARCHAR, statement VARCHAR,
            question VARCHAR, answer VARCHAR, "key" VARCHAR, support DOUBLE, reason VARCHAR, unseen VARCHAR[],
            final VARCHAR[], neighbours VARCHAR[], salience DOUBLE
        );
        CREATE TABLE sleep_probes (
            cycle_id VARCHAR, number BIGINT, kind VARCHAR, lesson_id VARCHAR, question VARCHAR, expected VARCHAR,
            answer_before VARCHAR, answer_after VARCHAR, right_before BOOLEAN, right_after BOOLEAN,
            nats_before DOUBLE, nats_after DOUBLE
        );
        CREATE TABLE sleep_measures (
            cycle_id VARCHAR, measure VARCHAR, value DOUBLE, low DOUBLE, high DOUBLE, n BIGINT, "limit" DOUBLE,
            passed BOOLEAN
        );
        CREATE TABLE adapter_choices ("at" TIMESTAMP, fingerprint VARCHAR, adapter VARCHAR);
        """,
    ),
    (
        "ways to train",
        """
        ALTER TABLE sleep_cycles ADD COLUMN dtype VARCHAR;
        ALTER TABLE sleep_cycles ADD COLUMN checkpointing BOOLEAN;
        """,
    ),
    (
        "evidence",
        # Whole numbers as floats: they compress to a byte each, and DuckDB multiplies floats.
        """
        CREATE TABLE evidence (
            exchange_id VARCHAR, bits DOUBLE, nearest DOUBLE, nearest_id VARCHAR, agreement DOUBLE, consistency DOUBLE
        );
        CREATE TABLE embeddings (exchange_id VARCHAR, vector FLOAT[]);
        """,
    ),
    (
        "studies",
        """
        CREATE TABLE studies (
            study_id VARCHAR, name VARCHAR, ended_at TIMESTAMP, checkpoint VARCHAR, seed BIGINT, exchanges BIGINT,
            seconds DOUBLE
        );
        CREATE TABLE study_signals (
            study_id VARCHAR, item BIGINT, signal VARCHAR, kind VARCHAR, said VARCHAR, value DOUBLE
        );
        CREATE TABLE study_measures (
            study_id VARCHAR, measure VARCHAR, signal VARCHAR, value DOUBLE, low DOUBLE, high DOUBLE, n BIGINT
        );
        CREATE TABLE experiments (
            experiment_id VARCHAR, protocol VARCHAR, ended_at TIMESTAMP, checkpoints VARCHAR[], repeats BIGINT,
            turns BIGINT, seconds DOUBLE
        );
        CREATE TABLE experiment_signals (
            experiment_id VARCHAR, exchange_id VARCHAR, signal VARCHAR, checkpoint VARCHAR, repeat BIGINT,
            item VARCHAR, condition VARCHAR, turn BIGINT, value DOUBLE
        );
        CREATE TABLE experiment_tests (
            experiment_id VARCHAR, hypothesis VARCHAR, profile VARCHAR, more DOUBLE, less DOUBLE, difference DOUBLE,
            low DOUBLE, high DOUBLE, n BIGINT, p DOUBLE, corrected DOUBLE, effect DOUBLE, verdict VARCHAR
        );
        """,
    ),
    ("bits a byte", "ALTER TABLE evidence ADD COLUMN byte_bits DOUBLE"),
)

_APPLIED = "CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT PRIMARY KEY, name VARCHAR)"


def pending(connection: duckdb.DuckDBPyConnection, steps: Sequence[tuple[str, str]] = STEPS) -> list[tuple[str, str]]:
    """The steps that this database does not have yet.

    Raises LabError when it has steps that this release does not know.
    """
    try:
        applied = [name for (name,) in connection.execute("SELECT name FROM schema_steps ORDER BY step").fetchall()]
    except duckdb.CatalogException:
        return list(steps)
    if applied != [name for name, _ in steps[: len(applied)]]:
        raise LabError(
            "sessions/lab.duckdb was made by a newer release of the lab.",
            "Upgrade the lab, or run `lab rebuild` to make the database anew from the journal.",
        )
    return list(steps[len(applied) :])


def upgrade(connection: duckdb.DuckDBPyConnection, steps: Sequence[tuple[str, str]] = STEPS) -> None:
    """Apply the pending steps in order, all or none. Raises LabError as `pending` does."""
    missing = pending(connection, steps)
    if not missing:
        return
    first = len(steps) - len(missing)
    with transaction(connection):
        connection.execute(_APPLIED)
        for number, (name, sql) in enumerate(missing, first + 1):
            connection.execute(sql)
            connection.execute("INSERT INTO schema_steps VALUES (?, ?)", [number, name])
