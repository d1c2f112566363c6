"""The SQL pane: an editor, a result table, the row limit, errors in place."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Static

from lab.errors import LabError
from lab.text import count, harmless, one_line
from lab.tui import theme
from lab.tui.actions import Where, bindings
from lab.tui.screens.draft import ValueScreen
from lab.tui.widgets.composer import SafeTextArea
from lab.tui.widgets.keys import KeyBar

if TYPE_CHECKING:
    from lab.journal.record import Table

FIRST_QUERY: Final = "SELECT * FROM salience_history"
# A cell shows the beginning of its value; Enter on it shows all.
_CELL_WIDTH: Final = 40
# Rows are added in slices, so that keys and repaints come between them.
_SLICE: Final = 100

Query = Callable[..., "Table"]


class QueryAnswered(Message):
    """The result of the query, or why there is none."""

    def __init__(self, number: int, table: Table | None, error: LabError | None) -> None:
        super().__init__()
        self.number = number
        self.table = table
        self.error = error


class SqlScreen(Screen[None]):
    """Reads the record; `query` is `Record.query`, `limit` the most rows that are fetched."""

    PLACE: ClassVar[Where] = "sql"
    BINDINGS: ClassVar[list[BindingType]] = bindings("sql")
    AUTO_FOCUS = "#editor"
    DEFAULT_CSS = """
    SqlScreen { layout: vertical; }
    SqlScreen #editor {
        height: auto; min-height: 3; max-height: 40%; border: none; padding: 1 2 0 2; background: transparent;
        &:focus { border: none; }
        & .text-area--cursor-line { background: transparent; }
    }
    SqlScreen #said { height: auto; max-height: 30%; padding: 0 2 1 2; color: $quiet; border-top: solid $rule; }
    SqlScreen #said.-trouble { color: $error; }
    SqlScreen #results { height: 1fr; padding: 0 1; }
    SqlScreen DataTable { height: 1fr; background: transparent; scrollbar-size-vertical: 1; }
    SqlScreen DataTable > .datatable--header { background: transparent; color: $quiet; text-style: bold; }
    SqlScreen DataTable > .datatable--cursor { background: $primary 30%; color: $foreground; text-style: none; }
    """

    def __init__(self, query: Query, limit: int) -> None:
        super().__init__()
        self._query = query
        self._limit = limit
        self._number = 0
        self._cancel: threading.Event | None = None
        self._table: Table | None = None

    def compose(self) -> ComposeResult:
        yield SafeTextArea.code_editor(
            FIRST_QUERY, language="sql", id="editor", show_line_numbers=False, tab_behavior="focus"
        )
        yield Static("", id="said", markup=False)
        with Vertical(id="results"):
            yield DataTable(zebra_stripes=False, cursor_type="cell")
        yield KeyBar()

    def on_mount(self) -> None:
        self._theme()
        self.watch(self.app, "theme", self._theme, init=False)
        editor = self.query_one("#editor", SafeTextArea)
        editor.move_cursor(editor.document.end)
        self._say(f"F5 runs the query. At most {count(self._limit, 'row')} are fetched.")

    def _theme(self) -> None:
        editor = self.query_one("#editor", SafeTextArea)
        editor.register_theme(theme.editor_theme(self.app.current_theme.dark))
        editor.theme = theme.EDITOR_THEME

    def _say(self, text: str, trouble: bool = False) -> None:
        said = self.query_one("#said", Static)
        said.update(Content(harmless(text)))
        said.set_class(trouble, "-trouble")

    def action_run_query(self) -> None:
        """Run what the editor holds; a query that still runs is cancelled first."""
        sql = self.query_one("#editor", SafeTextArea).text
        if not sql.strip():
            self._say("The query is empty. Write one, such as " + FIRST_QUERY + ".", trouble=True)
            return
        if self._cancel is not None:
            self._cancel.set()
        self._number += 1
        self._cancel = threading.Event()
        self._say("Running. Esc cancels.")
        work = partial(_run, self._query, sql, self._limit, self._cancel, self._number, self.post_message)
        self.run_worker(work, group="query", name="query", thread=True)

    def action_back(self) -> None:
        """Cancel the running query; else go back to the dialogue."""
        if self._cancel is not None:
            self._cancel.set()
        else:
            self.dismiss()

    def on_unmount(self) -> None:
        if self._cancel is not None:
            self._cancel.set()

    async def on_query_answered(self, message: QueryAnswered) -> None:
        if message.number != self._number:
            return
        self._cancel = None
        if message.error is not None:
            self._say(str(message.error), trouble=True)
            return
        assert message.table is not None
        table = self._table = message.table
        rows = count(len(table.rows), "row")
        found = f"first {rows}; more exist" if table.truncated else rows
        self._say(f"{found}, {table.seconds * 1000:,.0f} ms. Tab goes to the rows, Enter shows a value in full.")
        self.run_worker(self._fill(table), group="fill", name="fill", exclusive=True)

    async def _fill(self, table: Table) -> None:
        shown: DataTable[Text] = self.query_one(DataTable)
        shown.clear(columns=True)
        numeric = _numeric(table)
        for name, right in zip(table.columns, numeric):
            shown.add_column(Text(one_line(name, _CELL_WIDTH), justify="right" if right else "left"))
        for start in range(0, len(table.rows), _SLICE):
            for row in table.rows[start : start + _SLICE]:
                shown.add_row(*(_cell(value, right) for value, right in zip(row, numeric)))
            await asyncio.sleep(0)

    def on_data_table_cell_selected(self, event: DataTable.CellSelected) -> None:
        if self._table is not None and self._table.rows:
            row, column = event.coordinate
            self.app.push_screen(ValueScreen(self._table.columns[column], _text(self._table.rows[row][column])))


def _run(
    query: Query, sql: str, limit: int, cancel: threading.Event, number: int, post: Callable[[Message], object]
) -> None:
    try:
        table = query(sql, limit=limit, cancel=cancel)
    except LabError as error:
        post(QueryAnswered(number, None, error))
        return
    post(QueryAnswered(number, table, None))


def _text(value: Any) -> str:
    return "NULL" if value is None else str(value)


def _cell(value: Any, right: bool) -> Text:
    if isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, datetime):
        text = f"{value:%Y-%m-%d %H:%M:%S}"
    else:
        text = one_line(_text(value), _CELL_WIDTH)
    return Text(text, style="dim" if value is None else "", justify="right" if right else "left", no_wrap=True)


def _numeric(table: Table) -> list[bool]:
    """Which columns hold numbers in their first rows."""
    sample = table.rows[:20]
    return [
        any(isinstance(row[column], (int, float)) and not isinstance(row[column], bool) for row in sample)
        for column in range(len(table.columns))
    ]
