"""The input: a text area that sends on Enter and grows from one to five lines; above it what is sent next."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.content import Content
from textual.widgets import Input, Static, TextArea

from lab.text import harmless, one_line

PLACEHOLDER = "Write to the model. Enter sends, Ctrl+J makes a new line."
# Ctrl+J reaches the program in every terminal, the others where the terminal tells them from Enter.
_NEW_LINE = ("ctrl+j", "shift+enter", "alt+enter")


class SafeTextArea(TextArea):
    """A text area whose pasted text cannot carry terminal escape codes."""

    def on_paste(self, event: events.Paste) -> None:
        # Runs before the inherited handler, which inserts `event.text`.
        event.text = harmless(event.text)


class SafeInput(Input):
    """A line of input whose pasted text cannot carry terminal escape codes."""

    def on_paste(self, event: events.Paste) -> None:
        # As above; of several lines the first is taken.
        event.text = harmless(event.text)


class Composer(SafeTextArea):
    """Hands its text to `submit` on Enter, and is empty when that took it.

    At once and not by a message: the keys of the app come before messages, and what is typed after Enter is no part of
    the text.
    """

    DEFAULT_CSS = """
    Composer {
        height: auto; min-height: 1; max-height: 5; border: none; padding: 0;
        background: transparent; scrollbar-size-vertical: 1;
        &:focus { border: none; }
        & .text-area--cursor-line { background: transparent; }
        & .text-area--placeholder { color: $quiet; }
    }
    """

    def __init__(self, submit: Callable[[str], bool]) -> None:
        super().__init__(placeholder=PLACEHOLDER, highlight_cursor_line=False)
        self._submit = submit

    async def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            if self._submit(self.text):
                self.clear()
        elif event.key in _NEW_LINE:
            event.stop()
            event.prevent_default()
            self.insert("\n")

    def give_back(self, text: str) -> None:
        """Put a text that was sent before what was typed since, on a line of its own, and take the keys."""
        if self.text.strip():
            self.insert(f"{text}\n", (0, 0))
        else:
            self.load_text(text)
            self.move_cursor(self.document.end)
        self.screen.set_focus(self)

    def put(self, text: str) -> None:
        """Add a text after what is there, on a line of its own, and take the keys."""
        before = self.text
        self.load_text(f"{before.rstrip()}\n{text}" if before.strip() else text)
        self.move_cursor(self.document.end)
        self.screen.set_focus(self)


class NextLine(Static):
    """The message that is sent when the answer is there, on one line; absent while there is none."""

    DEFAULT_CSS = """
    NextLine { height: 1; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
    NextLine.-active { display: block; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.text: str | None = None

    def keep(self, text: str) -> None:
        """Keep this message for later."""
        self.text = text
        self.update(Content.assemble(("sent next, Esc takes it back: ", "$quiet"), one_line(text, 300)))
        self.add_class("-active")

    def take(self) -> str | None:
        """The message, which is kept no longer; None when there is none."""
        text, self.text = self.text, None
        self.remove_class("-active")
        return text
