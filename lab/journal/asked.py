"""What was asked in the SQL pane, in all sessions: a file of the workspace that several labs may write."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

import orjson

# Read from the end of the file; what is older is kept and not offered.
_BYTES: Final = 1_000_000
_MOST: Final = 500


class Asked:
    """The queries of one workspace, oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def queries(self) -> list[str]:
        """The last ones, each once, where it was asked last. Lines that are none are passed over."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - _BYTES, 0))
                lines = file.read().splitlines()
        except OSError:
            return []
        found: dict[str, None] = {}
        for line in lines:
            try:
                sql = orjson.loads(line)["sql"]
            except (orjson.JSONDecodeError, TypeError, KeyError):
                continue
            if isinstance(sql, str):
                found.pop(sql, None)
                found[sql] = None
        return list(found)[-_MOST:]

    def add(self, sql: str) -> None:
        """Remember a query. A workspace that cannot be written remembers none."""
        line = orjson.dumps({"at": datetime.now(timezone.utc), "sql": sql}) + b"\n"
        try:
            # One write at the end of the file: lines of several labs do not mix.
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError:
            return
        try:
            os.write(file, line)
        except OSError:
            return
        finally:
            os.close(file)
