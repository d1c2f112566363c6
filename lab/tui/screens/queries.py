"""What lies over the SQL pane: the picker of queries, the name of a file to save, the question before unlocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from lab.errors import LabError
from lab.files import require_new, typed_path
from lab.journal.results import FORMS
from lab.journal.saved import SavedQuery
from lab.text import harmless
from lab.tui.screens.modal import Modal
from lab.tui.screens.picker import Entry, Picker
from lab.tui.widgets.composer import SafeInput

_CSS = """
    NAME { align: center middle; background: $background 60%; }
    NAME > Vertical { width: 96; max-width: 94%; height: auto; padding: 1 3; background: $surface; }
    NAME Input { border: none; height: 1; padding: 0; background: transparent; margin: 0 0 1 0; }
    NAME Input:focus { border: none; }
    NAME .title { text-style: bold; height: auto; margin: 0 0 1 0; }
    NAME .keys { color: $quiet; height: auto; }
    NAME .keys.-trouble { color: $error; }
"""


class QueriesScreen(Picker[str]):
    """Gives the SQL of the picked query, saved or asked before, or None."""

    DEFAULT_CSS = """
    QueriesScreen > Vertical { height: 90%; }
    QueriesScreen VerticalScroll { height: 12; padding: 0; }
    """

    def __init__(self, saved: Sequence[SavedQuery], asked: Sequence[str]) -> None:
        """`asked` has the latest one last."""
        entries = [
            *(Entry("Saved", query.title, query.description, query.sql, query.sql) for query in saved),
            *(Entry("Asked before", sql, "", sql, sql) for sql in reversed(asked)),
        ]
        super().__init__(entries, "query", "queries", "Enter puts the query into the editor. Esc closes.")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to save; `replace` when the person saw that the file exists."""

    path: Path
    replace: bool


class SaveScreen(Modal[Target | None]):
    """Asks for the name of a file, whose ending decides its form."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "Close")]
    DEFAULT_CSS = _CSS.replace("NAME", "SaveScreen")

    def __init__(self) -> None:
        super().__init__()
        self._seen: Path | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("Save all rows as", classes="title", markup=False)
            yield SafeInput("result.csv")
            yield Static(self._help(), classes="keys", markup=False)

    def _help(self) -> str:
        return f"Below {harmless(str(Path.cwd()))}. The ending decides: {', '.join(FORMS)}. Enter saves, Esc closes."

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            path = typed_path(event.value.strip()).absolute()
            require_new(path, replace=True)
        except LabError as error:
            self._say(str(error))
            return
        if path.suffix.lower() not in FORMS:
            self._say(f"End the name with one of {', '.join(FORMS)}.")
        elif not path.parent.is_dir():
            self._say(f"{path.parent} is no folder.")
        elif path.exists() and path != self._seen:
            self._seen = path
            self._say(f"{path.name} exists. Enter once more replaces it.")
        else:
            self.dismiss(Target(path, path == self._seen))

    def _say(self, trouble: str) -> None:
        said = self.query_one(".keys", Static)
        said.update(harmless(trouble))
        said.add_class("-trouble")


class UnlockScreen(Modal[bool]):
    """True when the person wants queries to change the database."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,n", "dismiss(False)", "No"), ("u", "dismiss(True)", "Unlock")]
    DEFAULT_CSS = _CSS.replace("NAME", "UnlockScreen")
    _WORDS = (
        "An unlocked query may change and delete what is in lab.duckdb, attach other databases, load extensions, and"
        " read and write any file that you can. The journal does not know of it: a rebuild discards the changes."
        " It is locked again when you leave the pane."
    )

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("Unlock the database?", classes="title", markup=False)
            yield Static(self._WORDS, markup=False)
            yield Static("\nU unlocks. Esc leaves it locked.", classes="keys", markup=False)
