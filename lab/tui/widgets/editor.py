"""The SQL editor: colours, and a list of what the word before the cursor may become."""

from __future__ import annotations

import re
from typing import Final

from textual import events
from textual.content import Content
from textual.geometry import Offset
from textual.widgets import OptionList, TextArea
from textual.widgets.option_list import Option

from lab.journal.words import Words
from lab.text import one_line, padded
from lab.tui import theme
from lab.tui.widgets.composer import SafeTextArea

_WORD: Final = re.compile(r"[A-Za-z_]\w*$")
_ROWS: Final = 8


class Completions(OptionList, can_focus=False):
    """The list; it lies over the screen and never has the keys."""

    DEFAULT_CSS = """
    Completions {
        display: none; position: absolute; layer: above; width: 44; max-width: 60%; height: auto; max-height: 8;
        border: none; padding: 0; background: $panel; scrollbar-size-vertical: 1;
        &:focus { border: none; }
        & > .option-list--option { padding: 0 1; }
        & > .option-list--option-highlighted { background: $primary 40%; color: $foreground; text-style: none; }
    }
    """


class SqlEditor(SafeTextArea):
    """Tab or Enter takes what is highlighted, Up and Down choose, Escape closes the list; a click takes too."""

    def __init__(self, text: str, completions: Completions, *, id: str) -> None:
        super().__init__(text, language="sql", id=id, show_line_numbers=False, tab_behavior="focus")
        self.words = Words()
        self._list = completions
        # Only what is typed opens the list; what is loaded, pasted or taken from it does not.
        self._typed = False

    def on_mount(self) -> None:
        self._colours()
        self.watch(self.app, "theme", self._colours, init=False)

    def _colours(self) -> None:
        self.register_theme(theme.editor_theme(self.app.current_theme.dark))
        self.theme = theme.EDITOR_THEME

    @property
    def completing(self) -> bool:
        """True while the list is open."""
        return bool(self._list.display)

    async def on_key(self, event: events.Key) -> None:
        if self.completing and event.key in ("tab", "enter", "up", "down"):
            event.stop()
            event.prevent_default()
            if event.key == "up":
                self._list.action_cursor_up()
            elif event.key == "down":
                self._list.action_cursor_down()
            else:
                self.take()
        else:
            self._typed = event.is_printable or (self.completing and event.key == "backspace")

    def on_paste(self, event: events.Paste) -> None:
        self._typed = False

    def load_text(self, text: str) -> None:
        """Put a text in place of what is there."""
        self._typed = False
        super().load_text(text)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        # Several keys may have come before the first of their changes is told.
        if self._typed:
            self.complete()
        else:
            self.close_list()

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        if self.completing and not self._begun():
            self.close_list()

    def on_blur(self) -> None:
        self.close_list()

    def complete(self) -> None:
        """Open the list for the word before the cursor; close it when there is nothing to offer."""
        begun = self._begun()
        found = self.words.matching(begun, self.text)
        if not found or [name for name, _ in found] == [begun]:
            self.close_list()
            return
        width = max(len(name) for name, _ in found)
        self._list.set_options(
            Option(Content.assemble(padded(one_line(name), min(width, 32)), ("  " + what, "$quiet")), id=name)
            for name, what in found
        )
        self._list.highlighted = 0
        rows = min(len(found), _ROWS)
        at = self.cursor_screen_offset - Offset(len(begun) + 1, 0)
        below = at.y + 1 + rows <= self.screen.size.height - 1
        x = max(min(at.x, self.screen.size.width - 46), 0)
        self._list.styles.offset = (x, at.y + 1 if below else max(at.y - rows, 0))
        self._list.display = True

    def close_list(self) -> None:
        """Close the list."""
        self._list.display = False

    def take(self) -> None:
        """Put the highlighted name in place of the word before the cursor."""
        option = self._list.highlighted_option
        begun = self._begun()
        self._typed = False
        self.close_list()
        if option is not None and option.id is not None:
            row, column = self.cursor_location
            self.replace(option.id, (row, column - len(begun)), (row, column))

    def _begun(self) -> str:
        row, column = self.cursor_location
        found = _WORD.search(self.document.get_line(row)[:column])
        return found[0] if found else ""

    def go_to(self, position: int) -> None:
        """Put the cursor at a character of the text."""
        before = self.text[:position].split("\n")
        self.move_cursor((len(before) - 1, len(before[-1])))
