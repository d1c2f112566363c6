"""Whole streams into an empty database at once: DuckDB reads the journal itself, for streams that are plain.

A stream is plain when each line is exactly what `events.encode` writes and nothing in it is said twice or out of its
place. Then its rows follow without a fold. All other streams are left to `projection.apply`, which knows what
everything else means: so this module is fast, that one decides, and a test holds them to the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from lab.journal.events import (
    DraftFinished,
    Event,
    ExchangeFinished,
    ExchangeMarked,
    EVENT_NAMES,
    FIELD_TYPES,
    MemoryRead,
    SalienceScored,
    SessionEnded,
    SessionOpened,
    SessionTitled,
    TurnStarted,
)

# What a session and the memory readings are made of. A sleep is a hundred lines: the fold does it.
_KINDS: Final[tuple[type[Event], ...]] = (
    SessionOpened,
    SessionTitled,
    SessionEnded,
    TurnStarted,
    DraftFinished,
    ExchangeFinished,
    ExchangeMarked,
    SalienceScored,
    MemoryRead,
)
