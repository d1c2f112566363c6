"""What lies over the SQL pane: the picker of queries, the name of a file to save, the question before unlocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from lab.journal.results import FORMS
from lab.journal.saved import SavedQuery
from lab.text import harmless, one_line

_CSS = """
    NAME { align: center middle; background: $background 60%; }
    NAME > Vertical { width: 96; max-width: 94%; height: HEIGHT; padding: 1 3; background: $surface; }
    NAME Input { border: none; height: 1; padding: 0; background: transparent; margin: 0 0 1 0; }
    NAME Input:focus { border: none; }
    NAME .title { text-style: bold; height: auto; margin: 0 0 1 0; }
    NAME .keys { color: $quiet; height: auto; }
    NAME .keys.-trouble { color: $error; }
    NAME OptionList {
        height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
        text-wrap: nowrap; text-overflow: ellipsis;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
    }
    NAME VerticalScroll {
        height: 12; max-height: 40%; margin: 1 0 0 0; border-top: solid $rule;
        scrollbar-size-vertical: 1;
    }
"""


@dataclass(frozen=True, slots=True)
class _Entry:
    group: str
    title: str
    about: str
    sql: str


class QueriesScreen(ModalScreen[str | None]):
    """Gives the SQL of the picked query, saved or asked before, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss", "Close"),
        ("up", "move(-1)", "Up"),
        ("down", "move(1)", "Down"),
    ]
    DEFAULT_CSS = _CSS.replace("NAME", "QueriesScreen").replace("HEIGHT", "90%")

    def __init__(self, saved: Sequence[SavedQuery], asked: Sequence[str]) -> None:
        """`asked` has the latest one last."""
        super().__init__()
        self._entries = [
            *(_Entry("Saved", query.title, query.description, query.sql) for query in saved),
            *(_Entry("Asked before", sql, "", sql) for sql in reversed(asked)),
        ]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Input(placeholder="Type to filter the queries")
            yield OptionList(markup=False)
            with VerticalScroll(can_focus=False):
                yield Static("", id="preview", markup=False)
            yield Static("Enter puts the query into the editor. Esc closes.", classes="keys", markup=False)

    def on_mount(self) -> None:
        self._fill("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        self.query_one(OptionList).action_select()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#preview", Static).update(harmless(self._entry(event.option).sql))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._entry(event.option).sql)

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if by < 0:
            options.action_cursor_up()
        else:
            options.action_cursor_down()

    def _entry(self, option: Option) -> _Entry:
        return self._entries[int(option.id or 0)]

    def _fill(self, words: str) -> None:
        """List what holds every word that was typed."""
        wanted = words.lower().split()
        options: list[Option] = []
        group = None
        for number, entry in enumerate(self._entries):
            whole = f"{entry.title} {entry.about} {entry.sql}".lower()
            if not all(word in whole for word in wanted):
                continue
            if entry.group != group:
                group = entry.group
                options.append(Option(Content.styled(group, "bold $quiet"), disabled=True))
            about = f"  {one_line(entry.about)}" if entry.about else ""
            title = one_line(entry.title, 200)
            options.append(Option(Content.assemble("  ", title, (about, "$quiet")), id=str(number)))
        listed = self.query_one(OptionList)
        listed.set_options(options)
        if options:
            listed.highlighted = 1
        else:
            self.query_one("#preview", Static).update("No query holds these words.")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to save; `replace` when the person saw that the file exists."""

    path: Path
    replace: bool


class SaveScreen(ModalScreen[Target | None]):
    """Asks for the name of a file, whose ending decides its form."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "Close")]
    DEFAULT_CSS = _CSS.replace("NAME", "SaveScreen").replace("HEIGHT", "auto")

    def __init__(self) -> None:
        super().__init__()
        self._seen: Path | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("Save all rows as", classes="title", markup=False)
            yield Input("result.csv")
            yield Static(self._help(), classes="keys", markup=False)

    def _help(self) -> str:
        return f"Below {harmless(str(Path.cwd()))}. The ending decides: {', '.join(FORMS)}. Enter saves, Esc closes."

    def on_input_submitted(self, event: Input.Submitted) -> None:
        path = Path(event.value.strip()).expanduser().absolute()
        if path.suffix.lower() not in FORMS:
            self._say(f"End the name with one of {', '.join(FORMS)}.")
        elif path.is_dir() or not path.parent.is_dir():
            self._say(f"{path.parent} is no folder." if not path.parent.is_dir() else f"{path} is a folder.")
        elif path.exists() and path != self._seen:
            self._seen = path
            self._say(f"{path.name} exists. Enter once more replaces it.")
        else:
            self.dismiss(Target(path, path == self._seen))

    def _say(self, trouble: str) -> None:
        said = self.query_one(".keys", Static)
        said.update(harmless(trouble))
        said.add_class("-trouble")


class UnlockScreen(ModalScreen[bool]):
    """True when the person wants queries to change the database."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,n", "dismiss(False)", "No"), ("u", "dismiss(True)", "Unlock")]
    DEFAULT_CSS = _CSS.replace("NAME", "UnlockScreen").replace("HEIGHT", "auto")
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
