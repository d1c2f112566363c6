"""The SQL pane: an editor, what a query gave however many rows it has, errors in their place."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import OptionList, Static

from lab.errors import LabError
from lab.figures import Figure
from lab.journal.asked import Asked
from lab.journal.asking import Asker, QueryError
from lab.journal.results import FORMS, Order, Result
from lab.journal.saved import SavedQuery, saved
from lab.journal.words import words
from lab.text import count, harmless, one_line
from lab.tui.actions import Where, bindings
from lab.tui.clipboard import copy
from lab.tui.result_plot import figure
from lab.tui.screens.draft import ValueScreen
from lab.tui.screens.queries import QueriesScreen, SaveScreen, Target, UnlockScreen
from lab.tui.widgets.editor import Completions, SqlEditor
from lab.tui.widgets.keys import KeyBar
from lab.tui.widgets.plot import Plot
from lab.tui.widgets.table import PAGE, Row, VirtualTable

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.tui.app import LabApp

FIRST_QUERY: Final = "SELECT * FROM salience_history"
HISTORY: Final = "sql_history.jsonl"
_DRAW_SECONDS: Final = 0.2
# Pages that wait to be read; of more, the person has scrolled past the first ones.
_WAITING: Final = 4
_ARROWS: Final = {False: " \u2191", True: " \u2193"}
_HINT: Final = "Tab goes to the rows and back."

Given = TypeVar("Given")


class Told(Message):
    """A thread is done; `then` says it on the screen."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self.then = then


class SqlScreen(Screen[None]):
    """Reads the record of a lab; unlocked, it may also change the database."""

    PLACE: ClassVar[Where] = "sql"
    BINDINGS: ClassVar[list[BindingType]] = bindings("sql")
    AUTO_FOCUS = "#editor"
    DEFAULT_CSS = """
    SqlScreen { layout: vertical; layers: base above; }
    SqlScreen #editor {
        height: auto; min-height: 3; max-height: 40%; border: none; padding: 1 2 0 2; background: transparent;
        &:focus { border: none; }
        & .text-area--cursor-line { background: transparent; }
    }
    SqlScreen #lock { display: none; height: 1; padding: 0 2; color: $warning; text-style: bold; }
    SqlScreen #said { height: auto; max-height: 30%; padding: 0 2 1 2; color: $quiet; border-top: solid $rule; }
    SqlScreen #said.-trouble { color: $error; }
    SqlScreen #results { height: 1fr; }
    SqlScreen Plot { display: none; padding: 0 2; }
    SqlScreen.-plot Plot { display: block; }
    SqlScreen.-plot #results { display: none; }
    SqlScreen.-unlocked #lock { display: block; }
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self._asker = Asker(lab.record)
        self._asked = Asked(lab.workspace.sessions / HISTORY)
        self._history: list[str] = []
        self._at = 0
        self._draft = ""
        self._saved: list[SavedQuery] = []
        self._unlocked = False
        # What runs now: its number, what cancels it, since when, what it is, how far it is.
        self._number = 0
        self._cancel: threading.Event | None = None
        self._began = 0.0
        self._doing = ""
        self._share = 0.0
        self._result: Result | None = None
        self._order: Order | None = None
        self._about = ""
        self._wanted: deque[VirtualTable.Wanted] = deque()
        self._reading = False

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def compose(self) -> ComposeResult:
        completions = Completions()
        yield SqlEditor(FIRST_QUERY, completions, id="editor")
        yield Static("Unlocked: queries may change the database and touch files. F8 locks it.", id="lock", markup=False)
        yield Static("", id="said", markup=False)
        yield VirtualTable(id="results")
        yield Plot()
        yield KeyBar()
        yield completions

    @property
    def _editor(self) -> SqlEditor:
        return self.query_one(SqlEditor)

    @property
    def _table(self) -> VirtualTable:
        return self.query_one(VirtualTable)

    def on_mount(self) -> None:
        self._editor.move_cursor(self._editor.document.end)
        self._say("F5 runs the query, F3 has saved ones. Queries only read.")
        self.set_interval(_DRAW_SECONDS, self._draw_running)
        self._work("words", partial(words, self._lab.record), lambda found: setattr(self._editor, "words", found))
        self._work("saved", partial(saved, self._lab.workspace), lambda found: setattr(self, "_saved", found))
        self._work("history", self._asked.queries, self._remember)
        self._work("prepare", self._asker.prepare, lambda _: None)

    def on_unmount(self) -> None:
        """Whatever runs ends, and what the disk holds of results goes, without the screen waiting for it."""
        if self._cancel is not None:
            self._cancel.set()
        threading.Thread(target=partial(_put_away, self._asker, self._result), name="query end").start()

    def _work(
        self,
        group: str,
        body: Callable[[], Given],
        then: Callable[[Given], object],
        failed: Callable[[LabError], None] | None = None,
    ) -> None:
        """Run `body` in a thread, and `then` on the screen with what it gave."""

        def run() -> None:
            try:
                given = body()
            except LabError as error:
                self.post_message(Told(partial(failed or self._failed, error)))
            else:
                self.post_message(Told(partial(then, given)))

        self.run_worker(run, group=group, name=group, thread=True)

    def on_told(self, message: Told) -> None:
        message.then()

    def _say(self, text: str, trouble: bool = False) -> None:
        said = self.query_one("#said", Static)
        said.update(Content(harmless(text)))
        said.set_class(trouble, "-trouble")

    def _tell(self, about: str) -> None:
        """Say what the rows are; it is said again when the plot is left."""
        self._about = about
        self._say(about)

    def _failed(self, error: LabError) -> None:
        self._say(str(error), trouble=True)

    # One thing runs at a time: a query, a sort, a save

    def _begin(self, doing: str) -> threading.Event:
        """What runs is cancelled, and this is said to run."""
        if self._cancel is not None:
            self._cancel.set()
        self._number += 1
        self._cancel = threading.Event()
        self._doing, self._began, self._share = doing, time.monotonic(), 0.0
        self._say(f"{doing}. Esc cancels.")
        return self._cancel

    def _job(self, doing: str, body: Callable[[threading.Event], Given], then: Callable[[Given], None]) -> None:
        cancel = self._begin(doing)
        number = self._number

        def over(given: Given) -> None:
            if number == self._number:
                self._cancel = None
                then(given)
            elif isinstance(given, Result):
                threading.Thread(target=given.close).start()

        def failed(error: LabError) -> None:
            if number == self._number:
                self._cancel = None
                self._show_error(error)

        self._work("query", partial(body, cancel), over, failed)

    def _progress(self, share: float) -> None:
        # From a thread; a number is all that it sets.
        self._share = share

    def _draw_running(self) -> None:
        seconds = time.monotonic() - self._began
        if self._cancel is not None and seconds > 1:
            share = f", {self._share:.0%}" if self._share else ""
            left = f", about {seconds / self._share - seconds:.0f} s left" if self._share > 0.05 else ""
            self._say(f"{self._doing}, {seconds:.0f} s{share}{left}. Esc cancels.")

    def _show_error(self, error: LabError) -> None:
        text = str(error)
        if isinstance(error, QueryError) and error.position is not None:
            self._editor.go_to(error.position)
            line, column = self._editor.cursor_location
            text = f"Line {line + 1}, column {column + 1}: {text}"
        self._say(text, trouble=True)

    # Queries

    def action_run_query(self) -> None:
        """Run what the editor holds; a query that still runs is cancelled first."""
        self._editor.close_list()
        sql = self._editor.text
        if not sql.strip():
            self._say("The query is empty. Write one, such as " + FIRST_QUERY + ".", trouble=True)
            return
        self._remember([*(old for old in self._history if old != sql), sql])
        unlocked = self._unlocked

        def body(cancel: threading.Event) -> Result:
            self._asked.add(sql)
            if unlocked:
                return self._asker.change(sql, cancel=cancel)
            result = self._asker.ask(sql, cancel=cancel, progress=self._progress)
            self._asker.prepare()
            return result

        self._job("Running", body, lambda result: self._read_first(result))

    def _read_first(self, result: Result) -> None:
        """The first page of a new result."""

        def show(rows: Sequence[Row]) -> None:
            if self._result is not None:
                threading.Thread(target=self._result.close).start()
            self._result, self._order = result, None
            self.remove_class("-plot")
            self._table.show(
                [column.name for column in result.columns],
                [column.number for column in result.columns],
                result.row_count,
                rows,
            )
            told = count(result.row_count, "row") if result.columns else "Done"
            self._tell(f"{told}, {result.seconds * 1000:,.0f} ms. {_HINT if result.row_count else ''}")

        self._work("first", lambda: result.page(0, PAGE), show)

    def on_virtual_table_wanted(self, message: VirtualTable.Wanted) -> None:
        self._wanted.append(message)
        while len(self._wanted) > _WAITING:
            self._table.forget(self._wanted.popleft().start)
        self._read_wanted()

    def _read_wanted(self) -> None:
        """Read the page that was wanted last, one at a time."""
        if self._reading or not self._wanted or self._result is None:
            return
        wanted, result, order = self._wanted.pop(), self._result, self._order
        self._reading = True

        def put(rows: Sequence[Row]) -> None:
            self._reading = False
            self._table.put(wanted.start, rows, wanted.number)
            self._read_wanted()

        def failed(error: LabError) -> None:
            self._reading = False
            if result is self._result:
                self._failed(error)
            self._read_wanted()

        self._work("page", lambda: result.page(wanted.start, PAGE, order), put, failed)

    # What is done with the rows

    def _rows(self) -> Result | None:
        """The result, when it has rows; else say so."""
        if self._result is None or not self._result.row_count:
            self._say("There are no rows. F5 runs the query.")
            return None
        return self._result

    def action_sort(self) -> None:
        """By the column of the cursor: up, then down, then as they came."""
        result, table = self._rows(), self._table
        if result is None:
            return
        column = result.columns[table.column].name
        same = self._order is not None and self._order.column == column
        if same and self._order is not None and self._order.descending:
            self._reorder(result, None, f"{count(result.row_count, 'row')} as they came.")
            return

        def sort(cancel: threading.Event) -> Order:
            return result.sorted(column, same, cancel)

        said = f"{count(result.row_count, 'row')} by {one_line(column)}, {'falling' if same else 'rising'}."
        self._job("Sorting", sort, lambda order: self._reorder(result, order, said))

    def _reorder(self, result: Result, order: Order | None, said: str) -> None:
        def show(rows: Sequence[Row]) -> None:
            if result is not self._result:
                return
            self._order = order
            self._wanted.clear()
            by = order.column if order else None
            names = [
                each.name + (_ARROWS[order.descending] if order and each.name == by else "") for each in result.columns
            ]
            self._table.reorder(names, rows)
            self._tell(said)

        self._work("first", lambda: result.page(0, PAGE, order), show)

    def action_copy(self) -> None:
        """Copy the value under the cursor, all of it."""
        result, table = self._rows(), self._table
        if result is not None:
            row, column, order = table.row, table.column, self._order
            self._work(
                "copy",
                lambda: result.value(row, column, order) or "",
                lambda text: copy(self.lab_app, text, f"the {one_line(result.columns[column].name, 40)}"),
            )

    def action_copy_row(self) -> None:
        """Copy the row under the cursor: names and values, with tabs between."""
        result, table = self._rows(), self._table
        if result is not None:
            row, order = table.row, self._order
            names = [column.name for column in result.columns]

            def read() -> str:
                values = [result.value(row, at, order) or "" for at in range(len(names))]
                return "\n".join("\t".join(" ".join(text.split()) for text in line) for line in (names, values))

            self._work("copy", read, lambda text: copy(self.lab_app, text, "the row"))

    def action_save(self) -> None:
        """Ask for the name of a file and write all rows."""
        if self._rows() is not None:
            self.app.push_screen(SaveScreen(), self._save)

    def _save(self, target: Target | None) -> None:
        result, order = self._result, self._order
        if target is None or result is None:
            return
        form = FORMS[target.path.suffix.lower()]

        def save(cancel: threading.Event) -> None:
            result.save(target.path, form, order, target.replace, cancel, self._progress)

        done = f"{count(result.row_count, 'row')} in {target.path}."
        self._job("Saving", save, lambda _: self._say(done))

    def action_open(self) -> None:
        """Open the exchange of the row; else its session, with the cursor on that; else the value in full."""
        result, table = self._rows(), self._table
        values = table.row_at(table.row)
        if result is None or values is None:
            return
        row, column, order = table.row, table.column, self._order
        named = {each.name: values[at] for at, each in enumerate(result.columns)}
        name = result.columns[column].name
        if name == "session_id" and values[column]:
            self.lab_app.sessions.resume(str(values[column]), _text(named.get("exchange_id")))
        elif name == "exchange_id" and values[column]:
            self.lab_app.sessions.open_exchange(str(values[column]))
        elif named.get("exchange_id") and not _long(values[column]):
            self.lab_app.sessions.open_exchange(str(named["exchange_id"]))
        else:
            self._work(
                "value",
                lambda: result.value(row, column, order),
                lambda text: self.app.push_screen(ValueScreen(name, "NULL" if text is None else text)),
            )

    def action_plot(self) -> None:
        """The result as a plot, and back."""
        if self.has_class("-plot"):
            self.remove_class("-plot")
            self.set_focus(self._table)
            self._say(self._about)
            return
        result, order = self._rows(), self._order
        if result is None:
            return

        def show(drawn: Figure) -> None:
            self.add_class("-plot")
            self.set_focus(None)
            self.query_one(Plot).show(drawn)
            self._say("G goes back to the rows.")

        self._work("plot", lambda: figure(result, order), show)

    # Queries of before, and saved ones

    def _remember(self, queries: list[str]) -> None:
        self._history = queries
        self._at = len(queries)

    def action_older(self) -> None:
        """Put the query asked before into the editor."""
        self._step(-1)

    def action_newer(self) -> None:
        """Put the query asked after it into the editor; after the last one, what was written."""
        self._step(1)

    def _step(self, by: int) -> None:
        at = min(max(self._at + by, 0), len(self._history))
        if at == self._at:
            return
        if self._at == len(self._history):
            self._draft = self._editor.text
        self._at = at
        self._put(self._history[at] if at < len(self._history) else self._draft)

    def action_saved(self) -> None:
        """Pick a saved query, or one asked before."""
        self.app.push_screen(QueriesScreen(self._saved, self._history), self._take)

    def _take(self, sql: str | None) -> None:
        if sql is not None:
            self._put(sql)
            self.set_focus(self._editor)

    def _put(self, sql: str) -> None:
        self._editor.load_text(harmless(sql))
        self._editor.move_cursor(self._editor.document.end)

    # The editor and the lock

    def action_complete(self) -> None:
        """Offer what the word before the cursor may become."""
        self._editor.complete()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if isinstance(event.option_list, Completions):
            self._editor.take()

    def action_unlock(self) -> None:
        """Ask, then let queries change the database; or lock it again."""
        if self._unlocked:
            self._lock(False)
        else:
            self.app.push_screen(UnlockScreen(), self._lock)

    def _lock(self, unlocked: bool | None) -> None:
        self._unlocked = bool(unlocked)
        self.set_class(self._unlocked, "-unlocked")

    def action_back(self) -> None:
        """Close the list of words; cancel what runs; leave the plot; else go back to the dialogue."""
        if self._editor.completing:
            self._editor.close_list()
        elif self._cancel is not None:
            self._cancel.set()
        elif self.has_class("-plot"):
            self.action_plot()
        else:
            self.dismiss()


def _put_away(asker: Asker, result: Result | None) -> None:
    asker.close()
    if result is not None:
        result.close()


def _text(value: object) -> str | None:
    return str(value) if value else None


def _long(value: object) -> bool:
    """True for a value that a cell does not show whole."""
    return isinstance(value, str) and (len(value) > 40 or "\n" in value)
