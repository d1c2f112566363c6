"""What a query gave, kept on the disk: pages of it, sorted, saved as files, however many rows there are."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import duckdb

from lab.errors import LabError
from lab.files import new_place, unwritable
from lab.journal import statements
from lab.journal.sandbox import literal, quoted
from lab.journal.scratch import Scratch

Form = Literal["csv", "json", "jsonl", "parquet"]
FORMS: Final[dict[str, Form]] = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".parquet": "parquet"}

# As many characters of a value as a page has; `value` gives all of it, up to a million.
_SHOWN: Final = 400
_WHOLE: Final = 1_000_000
_INTEGERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS: Final = {*_INTEGERS, *(f"U{name}" for name in _INTEGERS), "FLOAT", "DOUBLE"}
_ISO: Final = "%Y-%m-%dT%H:%M:%S.%f"
_OPTIONS: Final[dict[Form, str]] = {
    "csv": "FORMAT csv, HEADER true",
    "json": f"FORMAT json, ARRAY true, TIMESTAMPFORMAT '{_ISO}'",
    "jsonl": f"FORMAT json, ARRAY false, TIMESTAMPFORMAT '{_ISO}'",
    "parquet": "FORMAT parquet",
}
# Types within which DuckDB writes NaN and Infinity, and these outside of strings.
_HIDING: Final = re.compile("FLOAT|DOUBLE|JSON|VARIANT")
_NO_NUMBER: Final = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")|-?(?:NaN|Infinity)')
_MEMORY: Final = "256MB"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result and its DuckDB type."""

    name: str
    type: str

    @property
    def number(self) -> bool:
        """True for what is written to the right."""
        return self.type in _NUMBERS or self.type.startswith("DECIMAL")

    @property
    def time(self) -> bool:
        """True for a date and time; all are UTC."""
        return self.type.startswith("TIMESTAMP")


@dataclass(frozen=True, slots=True)
class Order:
    """The rows by a column; made by `Result.sorted`."""

    column: str
    descending: bool
    table: str


class Result:
    """The rows of a query in a scratch database of their own. The record is not held. Close it to remove them.

    Its methods may be called from any thread. All raise LabError when the rows cannot be read, as on a full disk.
    """

    def __init__(self, scratch: Scratch, seconds: float) -> None:
        self.seconds = seconds
        self.columns: tuple[Column, ...] = ()
        self.row_count = 0
        self._scratch = scratch
        self._orders: dict[tuple[str, bool], Order] = {}
        self._sorts = 0
        self._closed = False
        self._guard = threading.Lock()
        self._connection = duckdb.connect(
            str(scratch.database),
            config={
                "autoinstall_known_extensions": "false",
                "python_enable_replacements": "false",
                "memory_limit": _MEMORY,
                "temp_directory": str(scratch.folder / "spill"),
                "max_temp_directory_size": f"{scratch.limit}B",
            },
        )
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'; SET enable_progress_bar = true")
        self._connection.execute("SET enable_progress_bar_print = false")
        described = self._connection.execute("SELECT * FROM duckdb_columns() WHERE table_name = 'result'")
        at = {column[0]: number for number, column in enumerate(described.description or ())}
        self.columns = tuple(
            Column(row[at["column_name"]], row[at["data_type"]]) for row in self._connection.fetchall()
        )
        if self.columns:
            ((self.row_count,),) = self._connection.execute("SELECT count(*) FROM result").fetchall()

    def page(self, offset: int, limit: int, order: Order | None = None) -> list[tuple[Any, ...]]:
        """Rows from `offset` on: numbers and truths as they are, all else as text, of which the beginning."""
        if not self.columns:
            return []
        shown = ", ".join(map(_shown, self.columns))
        if order is None:
            with self._reading(None) as connection:
                return connection.execute(
                    f"SELECT {shown} FROM result WHERE rowid BETWEEN ? AND ? ORDER BY rowid",
                    [offset, offset + limit - 1],
                ).fetchall()
        with self._reading(None) as connection:
            places = f"SELECT place FROM {order.table} WHERE rowid BETWEEN {int(offset)} AND {int(offset + limit - 1)}"
            wanted = [place for (place,) in connection.execute(f"{places} ORDER BY rowid").fetchall()]
            rows = connection.execute(f"SELECT rowid, {shown} FROM result WHERE rowid IN ({places})").fetchall()
        found = {row[0]: row[1:] for row in rows}
        return [found[place] for place in wanted]

    def sample(self, most: int, order: Order | None = None) -> list[tuple[Any, ...]]:
        """At most so many rows, spread evenly over all of them, as `page` gives them."""
        step = max(-(-self.row_count // most), 1)
        shown = ", ".join(map(_shown, self.columns))
        table, place = ("result", "rowid") if order is None else (order.table, "place")
        with self._reading(None) as connection:
            return connection.execute(
                f"SELECT {shown} FROM result JOIN (SELECT {place} AS spread, rowid AS nth FROM {table}"
                f" WHERE rowid % {step} = 0) AS every ON result.rowid = every.spread ORDER BY every.nth"
            ).fetchall()

    def value(self, row: int, column: int, order: Order | None = None) -> str | None:
        """One value in full as text, None for NULL; of more than a million characters the beginning."""
        place = "?" if order is None else f"(SELECT place FROM {order.table} WHERE rowid = ?)"
        name = quoted(self.columns[column].name)
        with self._reading(None) as connection:
            rows = connection.execute(
                f"SELECT left(CAST({name} AS VARCHAR), {_WHOLE}) FROM result WHERE rowid = {place}", [row]
            ).fetchall()
        return rows[0][0] if rows else None

    def sorted(self, column: str, descending: bool, cancel: threading.Event | None = None) -> Order:
        """The rows by a column, NULL last. Sorted once, only the places of the rows. Raises LabError for a cancel."""
        with self._guard:
            if (column, descending) in self._orders:
                return self._orders[column, descending]
            self._sorts += 1
            order = Order(column, descending, f"sorted_{self._sorts}")
            self._orders[column, descending] = order
        try:
            with self._reading(cancel) as connection:
                connection.execute(
                    f"CREATE TABLE {order.table} AS SELECT rowid AS place FROM result ORDER BY {_by(order)}"
                )
        except BaseException:
            with self._guard:
                del self._orders[column, descending]
            raise
        return order

    def save(
        self,
        path: Path,
        form: Form,
        order: Order | None = None,
        replace: bool = False,
        cancel: threading.Event | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Write all rows to a file, whole or not at all; a link stays one. Raises LabError for one that exists, unless
        `replace`, and for what is no file that can be replaced."""
        if not self.columns:
            raise LabError("There are no rows to save.", "Run a query that gives some.")
        values = ", ".join(_saved(column, form) for column in self.columns)
        rows = f"SELECT {values} FROM result" + (f" ORDER BY {_by(order)}" if order else "")
        with new_place(path, replace) as part:
            # As DuckDB writes it, where it is not JSON yet.
            raw = self._scratch.folder / f"{part.name}.raw"
            lax = form in ("json", "jsonl") and any(map(_may_hide_numbers, self.columns))
            try:
                written = literal(str(raw if lax else part))
                # DuckDB takes no file whose name is not UTF-8.
                written.encode()
                with self._reading(cancel, progress) as connection:
                    connection.execute(f"COPY ({rows}) TO {written} ({_OPTIONS[form]}, USE_TMP_FILE false)")
                if lax:
                    _without_no_numbers(raw, part)
            except UnicodeEncodeError as fault:
                raise unwritable(path, "the name of its folder is not UTF-8") from fault
            except LabError as fault:
                if isinstance(fault.__cause__, duckdb.IOException):
                    raise unwritable(path, str(fault.__cause__).partition("\n")[0]) from fault
                raise
            finally:
                raw.unlink(missing_ok=True)

    @contextlib.contextmanager
    def opened(self, form: Form, cancel: threading.Event | None = None) -> Iterator[BinaryIO]:
        """All rows as bytes of this form, to read."""
        path = self._scratch.folder / "opened"
        self.save(path, form, cancel=cancel, replace=True)
        with path.open("rb") as file:
            yield file

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._closed

    def close(self) -> None:
        """Remove the rows; what still reads them ends with an error."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(duckdb.Error):
            self._connection.interrupt()
            self._connection.close()
        self._scratch.close()

    @contextlib.contextmanager
    def _reading(
        self, cancel: threading.Event | None, progress: Callable[[float], None] | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with self._connection.cursor() as connection, statements.watched(connection, cancel, progress):
                yield connection
        except duckdb.InterruptException as fault:
            raise statements.cancelled() from fault
        except duckdb.Error as fault:
            first = str(fault).partition("\n")[0]
            raise LabError(f"The result cannot be read: {first}.", "Run the query again.") from fault


def _by(order: Order) -> str:
    return f"{quoted(order.column)} {'DESC' if order.descending else 'ASC'} NULLS LAST, rowid"


def _shown(column: Column) -> str:
    name = quoted(column.name)
    if column.number or column.type == "BOOLEAN":
        return name
    if column.time:
        return f"left(CAST(CAST({name} AS TIMESTAMP) AS VARCHAR), 19)"
    return f"left(CAST({name} AS VARCHAR), {_SHOWN})"


def _may_hide_numbers(column: Column) -> bool:
    """True for a type that may have a number which is none, such as NaN, within it."""
    return not column.number and _HIDING.search(column.type) is not None


def _without_no_numbers(path: Path, new: Path) -> None:
    """Copy a file of JSON, a row a line, with null for each number that is none."""
    with path.open("rb") as rows, new.open("wb") as file:
        for row in rows:
            some = b"NaN" in row or b"Infinity" in row
            file.write(_NO_NUMBER.sub(lambda found: found[1] or b"null", row) if some else row)


def _saved(column: Column, form: Form) -> str:
    """Times in UTC without a zone, as all of the record; JSON has no number that is none."""
    name = quoted(column.name)
    if column.type == "TIMESTAMP WITH TIME ZONE":
        return f"CAST({name} AS TIMESTAMP) AS {name}"
    if form in ("json", "jsonl") and column.type in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isfinite({name}) THEN {name} END AS {name}"
    return name
