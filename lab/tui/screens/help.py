"""The help screen: what can be done in this place, with its keys, and how to read the screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lab.domain import DIMENSIONS
from lab.tui import theme
from lab.tui.actions import PLACES, Where, actions, key_name, keys_of
from lab.tui.screens.modal import Modal

_INPUT: Final = (
    ("Enter", "Send the message."),
    ("Ctrl+J", "A new line (also Shift+Enter, where the terminal tells it from Enter)."),
    ("/quit", "Leave, typed as a message."),
    ("Tab", "From the input to the drafts and back."),
)
_READING: Final = (
    "Every answer is the best of several drafts: the one of lowest energy, and of equals the earliest."
    " Energy adds up what is wrong with a draft (too short, unfinished, repeating); 0 is best.",
    "Five dimensions say how much an exchange matters. Their weighted total makes it salient from the threshold on,"
    " which the mark on the total's bar shows. A sleep trains an adapter on the salient exchanges;"
    " it answers from the next turn on.",
    "Everything is in the record: F2 asks it with SQL, here, or lab sql in another terminal. Settings are in lab.toml.",
)


class HelpScreen(Modal[None]):
    """Read it, then any of Escape, F1, Enter or q."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,f1,enter,q", "dismiss", "Close")]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: 92; max-width: 96%; height: auto; max-height: 90%; padding: 1 3; background: $surface;
        scrollbar-size-vertical: 1;
    }
    HelpScreen Horizontal { height: auto; }
    HelpScreen Static { height: auto; }
    HelpScreen .heading { color: $quiet; text-style: bold; margin: 1 0 0 0; }
    HelpScreen .heading:first-child { margin: 0; }
    HelpScreen .keys { width: 17; color: $primary; text-style: bold; }
    HelpScreen .words { width: 1fr; }
    HelpScreen .paragraph, HelpScreen .closing { margin: 1 0 0 0; }
    HelpScreen .closing { color: $quiet; }
    """

    def __init__(self, place: Where, keys: Mapping[str, str]) -> None:
        """The keys of `place` come first; `keys` are the person's own by `Action.id`."""
        super().__init__()
        self._places: list[Where] = list(dict.fromkeys([place, "everywhere"]))
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            for place in self._places:
                rows = [
                    (", ".join(map(key_name, keys_of(action, self._keys))), action.help) for action in actions(place)
                ]
                yield from _table(PLACES[place], rows)
                if place == "dialogue":
                    yield from _table("In the input", _INPUT)
            names = Content("  ").join(
                Content.styled(f"\u2588 {name.capitalize()}", theme.colour(name)) for name in DIMENSIONS
            )
            yield Static("How to read the screen", classes="heading", markup=False)
            yield Static(names)
            for paragraph in _READING:
                yield Static(paragraph, classes="paragraph", markup=False)
            yield Static("Esc closes", classes="closing", markup=False)


def _table(title: str, rows: Iterable[tuple[str, str]]) -> ComposeResult:
    """A heading and its rows, keys in one column and words in another."""
    yield Static(title, classes="heading", markup=False)
    for keys, text in rows:
        with Horizontal():
            yield Static(keys, classes="keys", markup=False)
            yield Static(text, classes="words", markup=False)
