"""The SQL pane: an editor, what a query gave however many rows it has, errors in their place."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static

from lab.errors import LabError
from lab.journal.asked import Asked
from lab.journal.asking import Asker, QueryError
from lab.journal.results import Result
from lab.journal.saved import SavedQuery, saved
from lab.journal.words import words
from lab.text import harmless
from lab.tui.actions import Where, bindings
from lab.tui.jobs import Jobs, Told
from lab.tui.results import Results, put_away
from lab.tui.screens.queries import QueriesScreen, UnlockScreen
from lab.tui.widgets.editor import Completions, SqlEditor
from lab.tui.widgets.keys import KeyBar

if TYPE_CHECKING:
    from lab.lab import Lab

FIRST_QUERY: Final = "SELECT * FROM salience_history"
HISTORY: Final = "sql_history.jsonl"
_DRAW_SECONDS: Final = 0.2


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
        self._unlocked = False
        self._jobs = Jobs(self, self._say, self._show_error)

    def compose(self) -> ComposeResult:
        completions = Completions()
        yield SqlEditor(FIRST_QUERY, completions, id="editor")
        yield Static("Unlocked: queries may change the database and touch files. F8 locks it.", id="lock", markup=False)
        yield Static("", id="said", markup=False)
        yield Results(self._jobs, self._say)
        yield KeyBar()
        yield completions

    @property
    def _editor(self) -> SqlEditor:
        return self.query_one(SqlEditor)

    @property
    def _results(self) -> Results:
        return self.query_one(Results)

    def on_mount(self) -> None:
        self._editor.move_cursor(self._editor.document.end)
        self._say("F5 runs the query, F3 has saved ones. Queries only read.")
        self.set_interval(_DRAW_SECONDS, self._jobs.draw)
        self._jobs.work("words", partial(words, self._lab.record), lambda found: setattr(self._editor, "words", found))
        self._jobs.work("history", self._asked.queries, self._remember)
        self._jobs.work("prepare", self._asker.prepare, lambda _: None)

    def on_unmount(self) -> None:
        """Whatever runs ends, and what the disk holds of results goes, without the screen waiting for it."""
        self._jobs.cancel()
        threading.Thread(target=self._asker.close, name="query end").start()

    def on_told(self, message: Told) -> None:
        message.then()

    def _say(self, text: str, trouble: bool = False) -> None:
        said = self.query_one("#said", Static)
        said.update(Content(harmless(text)))
        said.set_class(trouble, "-trouble")

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
            result = self._asker.ask(sql, cancel=cancel, progress=self._jobs.progress)
            self._asker.prepare()
            return result

        self._jobs.job("Running", body, self._results.show, put_away)

    # What is done with the rows

    def action_sort(self) -> None:
        """Sort by the column of the cursor."""
        self._results.sort()

    def action_copy(self) -> None:
        """Copy the value under the cursor."""
        self._results.copy()

    def action_copy_row(self) -> None:
        """Copy the row under the cursor."""
        self._results.copy_row()

    def action_save(self) -> None:
        """Save all rows in a file."""
        self._results.save()

    def action_open(self) -> None:
        """Open what the row is about, or the value."""
        self._results.open()

    def action_plot(self) -> None:
        """The rows as a plot, and back."""
        self._results.plot()

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
        found: list[SavedQuery] = []
        try:
            found = saved(self._lab.workspace)
        except LabError as error:
            self._show_error(error)
        self.app.push_screen(QueriesScreen(found, self._history), self._take)

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
        elif self._jobs.running:
            self._jobs.cancel()
        elif self._results.plotted:
            self._results.plot()
        else:
            self.dismiss()
