"""A transaction of the database: all of what is done in it, or nothing, and the failure that was first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block did, or take it back when it, or the commit, fails."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # A commit that failed has ended the transaction.
            connection.rollback()
        raise
