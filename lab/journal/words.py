"""What can be named in a query: tables, their columns, functions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from lab.journal.record import Record

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_LEAST: Final = 2
_MOST: Final = 50

What = Literal["column", "table", "function"]


@dataclass(frozen=True, slots=True)
class Words:
    """The columns by table, and the functions."""

    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    functions: tuple[str, ...] = ()

    def matching(self, begun: str, query: str) -> list[tuple[str, What]]:
        """What a word may become: columns of tables that the query names, tables, other columns, functions."""
        if len(begun) < _LEAST:
            return []
        named = {name.lower() for name in _NAME.findall(query)}
        near = [name for table, columns in self.columns.items() if table in named for name in columns]
        others = [name for columns in self.columns.values() for name in columns]
        ordered: list[tuple[str, What]] = [
            *((name, "column") for name in near),
            *((name, "table") for name in self.columns),
            *((name, "column") for name in others),
            *((name, "function") for name in self.functions),
        ]
        found: dict[str, What] = {}
        for name, what in ordered:
            if name.lower().startswith(begun.lower()):
                found.setdefault(name, what)
        return list(found.items())[:_MOST]


def words(record: Record) -> Words:
    """All of them. Raises LabError as `Record.query` does."""
    columns: dict[str, tuple[str, ...]] = {}
    for table, names in record.query(
        "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()"
        " WHERE NOT internal GROUP BY table_name ORDER BY table_name"
    ).rows:
        columns[table] = tuple(names)
    functions = record.query(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE regexp_matches(function_name, '^[a-z][a-z0-9_]+$')"
        " AND function_type IN ('scalar', 'aggregate', 'macro', 'table')"
        # A query reads no files.
        " AND NOT regexp_matches(function_name, '^(read_|parquet_|glob$|sniff_csv)') ORDER BY ALL"
    )
    return Words(columns, tuple(name for (name,) in functions.rows))
