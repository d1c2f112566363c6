"""What a query gave: its rows as a table or as a plot, and what is done with them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.containers import Vertical

from lab.errors import LabError
from lab.figures import Figure
from lab.journal.results import FORMS, Order, Result
from lab.text import count, one_line
from lab.tui.clipboard import copy, say
from lab.tui.jobs import Jobs
from lab.tui.result_plot import figure
from lab.tui.screens.draft import ValueScreen
from lab.tui.screens.queries import SaveScreen, Target
from lab.tui.widgets.plot import Plot
from lab.tui.widgets.table import PAGE, Row, VirtualTable

if TYPE_CHECKING:
    from lab.tui.app import LabApp

# Pages that wait to be read; of more, the person has scrolled past the first ones.
_WAITING: Final = 4
_ARROWS: Final = {False: " \u2191", True: " \u2193"}
_HINT: Final = "Tab goes to the rows and back."


class Results(Vertical):
    """Reads pages as they are scrolled to. `say` tells the person what the rows are, or why there are none."""

    DEFAULT_CSS = """
    Results { height: 1fr; }
    Results VirtualTable { height: 1fr; }
    Results Plot { display: none; padding: 0 2; }
    Results.-plot Plot { display: block; }
    Results.-plot VirtualTable { display: none; }
    """

    def __init__(self, jobs: Jobs, say: Callable[[str], None]) -> None:
        super().__init__()
        self._jobs = jobs
        self._say = say
        self._result: Result | None = None
        self._order: Order | None = None
        self._about = ""
        self._wanted: deque[VirtualTable.Wanted] = deque()
        self._reading = False

    @property
    def _lab_app(self) -> LabApp:
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def compose(self) -> ComposeResult:
        yield VirtualTable()
        yield Plot()

    @property
    def _table(self) -> VirtualTable:
        return self.query_one(VirtualTable)

    @property
    def plotted(self) -> bool:
        """True while the plot is shown."""
        return self.has_class("-plot")

    def _tell(self, about: str) -> None:
        """Say what the rows are; it is said again when the plot is left."""
        self._about = about
        self._say(about)

    # Pages

    def show(self, result: Result) -> None:
        """Show a new result in place of the old one."""

        def first(rows: Sequence[Row]) -> None:
            put_away(self._result)
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

        self._jobs.work("first", lambda: result.page(0, PAGE), first)

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
                self._jobs.failed(error)
            self._read_wanted()

        self._jobs.work("page", lambda: result.page(wanted.start, PAGE, order), put, failed)

    # What is done with the rows

    def _rows(self) -> Result | None:
        """The result, when it has rows; else say so."""
        if self._result is None or not self._result.row_count:
            self._say("There are no rows. F5 runs the query.")
            return None
        return self._result

    def sort(self) -> None:
        """By the column of the cursor: up, then down, then as they came."""
        result, table = self._rows(), self._table
        if result is None:
            return
        column = result.columns[table.column].name
        same = self._order is not None and self._order.column == column
        if same and self._order is not None and self._order.descending:
            self._reorder(result, None, f"{count(result.row_count, 'row')} as they came.")
            return

        def sorted_(cancel: threading.Event) -> Order:
            return result.sorted(column, same, cancel)

        said = f"{count(result.row_count, 'row')} by {one_line(column)}, {'falling' if same else 'rising'}."
        self._jobs.job("Sorting", sorted_, lambda order: self._reorder(result, order, said))

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

        self._jobs.work("first", lambda: result.page(0, PAGE, order), show)

    def copy(self) -> None:
        """Copy the value under the cursor, all of it."""
        result, table = self._rows(), self._table
        if result is not None:
            row, column, order = table.row, table.column, self._order
            self._jobs.work(
                "copy",
                lambda: result.value(row, column, order) or "",
                lambda text: copy(self._lab_app, text, f"the {one_line(result.columns[column].name, 40)}"),
            )

    def copy_row(self) -> None:
        """Copy the row under the cursor: names and values, with tabs between."""
        result, table = self._rows(), self._table
        if result is not None:
            row, order = table.row, self._order
            names = [column.name for column in result.columns]

            def read() -> str:
                values = [result.value(row, at, order) or "" for at in range(len(names))]
                return "\n".join("\t".join(" ".join(text.split()) for text in line) for line in (names, values))

            self._jobs.work("copy", read, lambda text: copy(self._lab_app, text, "the row"))

    def save(self) -> None:
        """Ask for the name of a file and write all rows."""
        if self._rows() is not None:
            self.app.push_screen(SaveScreen(), self._save)

    def _save(self, target: Target | None) -> None:
        result, order = self._result, self._order
        if target is None or result is None:
            return
        form = FORMS[target.path.suffix.lower()]

        def save(cancel: threading.Event) -> None:
            result.save(target.path, form, order, target.replace, cancel, self._jobs.progress)

        done = f"{count(result.row_count, 'row')} in {target.path}."

        def lost() -> None:
            say(self._lab_app, f"{target.path.name} was not written: something else was begun.", trouble=True)

        self._jobs.job("Saving", save, lambda _: self._say(done), lambda _: say(self._lab_app, done), lost)

    def open(self) -> None:
        """Open the exchange of the row; else its session, with the cursor on that; else the value in full."""
        result, table = self._rows(), self._table
        values = table.row_at(table.row)
        if result is None or values is None:
            return
        row, column, order = table.row, table.column, self._order
        named = {each.name: values[at] for at, each in enumerate(result.columns)}
        name = result.columns[column].name
        if name == "session_id" and values[column]:
            self._lab_app.sessions.resume(str(values[column]), _text(named.get("exchange_id")))
        elif name == "exchange_id" and values[column]:
            self._lab_app.sessions.open_exchange(str(values[column]))
        elif named.get("exchange_id") and not _long(values[column]):
            self._lab_app.sessions.open_exchange(str(named["exchange_id"]))
        else:
            self._jobs.work(
                "value",
                lambda: result.value(row, column, order),
                lambda text: self.app.push_screen(ValueScreen(name, "NULL" if text is None else text)),
            )

    def plot(self) -> None:
        """The rows as a plot, and back."""
        if self.plotted:
            self.remove_class("-plot")
            self.screen.set_focus(self._table)
            self._say(self._about)
            return
        result, order = self._rows(), self._order
        if result is None:
            return

        def show(drawn: Figure) -> None:
            self.add_class("-plot")
            self.screen.set_focus(None)
            self.query_one(Plot).show(drawn)
            self._say("G goes back to the rows.")

        self._jobs.work("plot", lambda: figure(result, order), show)


def put_away(result: Result | None) -> None:
    """Remove the rows from the disk, without the screen waiting for it."""
    if result is not None:
        threading.Thread(target=result.close, name="result end").start()


def _text(value: object) -> str | None:
    return str(value) if value else None


def _long(value: object) -> bool:
    """True for a value that a cell does not show whole."""
    return isinstance(value, str) and (len(value) > 40 or "\n" in value)
