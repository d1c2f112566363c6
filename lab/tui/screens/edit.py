"""The answer of an exchange as it should have been: a text area that loses nothing silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static, TextArea

from lab.domain import Exchange
from lab.errors import LabError
from lab.text import one_line, visible
from lab.tui.screens.modal import Modal
from lab.tui.widgets.composer import SafeTextArea

if TYPE_CHECKING:
    from lab.tui.app import LabApp

_KEYS: Final = "Ctrl+S saves. Esc leaves."
_UNSAVED: Final = "Not saved. Ctrl+S saves; Esc once more leaves without it."


class EditScreen(Modal[None]):
    """Saves what is written as the mark "edited"; closes when that is recorded."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", priority=True),
        Binding("escape", "leave", "Leave", priority=True),
    ]
    AUTO_FOCUS = "#answer"
    DEFAULT_CSS = """
    EditScreen { align: center middle; background: $background 60%; }
    EditScreen > Vertical { width: 90; max-width: 92%; height: 85%; padding: 1 3; background: $surface; }
    EditScreen .title { text-style: bold; height: 1; }
    EditScreen .question, EditScreen .keys { color: $quiet; height: 1; }
    EditScreen .keys.-unsaved { color: $warning; }
    EditScreen #answer {
        height: 1fr; margin: 1 0; border: none; padding: 0 1; background: $background; scrollbar-size-vertical: 1;
        &:focus { border: none; }
        & .text-area--cursor-line { background: transparent; }
    }
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange
        self._before = visible(exchange.answer)
        # The text that the person was told is not saved.
        self._warned: str | None = None
        self._saving = False
        self._sent = ""

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("The answer as it should have been", classes="title", markup=False)
            yield Static(one_line(self._exchange.user_input, 200), classes="question", markup=False)
            yield SafeTextArea(self._before, id="answer", highlight_cursor_line=False)
            yield Static(_KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        self.lab_app.marker.marked.subscribe(self, self._marked)
        self.lab_app.marker.refused.subscribe(self, self._refused)

    @property
    def _text(self) -> str:
        return self.query_one("#answer", TextArea).text

    @property
    def unsaved(self) -> bool:
        """True while leaving would lose what was written."""
        return self._text != self._before

    def on_text_area_changed(self) -> None:
        self._say_keys()

    def _say_keys(self) -> None:
        # Word of a change may come after the next key: what counts is the text.
        warned = self._warned == self._text
        keys = self.query_one(".keys", Static)
        keys.update(_UNSAVED if warned else _KEYS)
        keys.set_class(warned, "-unsaved")

    def action_save(self) -> None:
        """Make the text the answer of the exchange."""
        if not self._saving:
            self._saving, self._sent = True, self._text
            self.lab_app.marker.mark(self._exchange.exchange_id, "edited", self._sent)

    def action_leave(self) -> None:
        """Leave; a text that is not saved only when that is said twice."""
        if self._saving:
            return
        if not self.unsaved or self._warned == self._text:
            self.dismiss()
        else:
            self._warned = self._text
            self._say_keys()

    def _marked(self, exchange: Exchange) -> None:
        if self._saving and exchange.exchange_id == self._exchange.exchange_id:
            # Where the palette lies over it the person leaves by hand; what was typed since is not saved.
            self._saving, self._before = False, self._sent
            if not self.unsaved:
                self.dismiss()

    def _refused(self, error: LabError) -> None:
        self._saving = False
