"""Picking one of a list: filter by typing, read the preview, Enter takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from lab.text import harmless, one_line
from lab.tui.screens.modal import Modal
from lab.tui.widgets.composer import SafeInput

Picked = TypeVar("Picked")


@dataclass(frozen=True, slots=True)
class Entry(Generic[Picked]):
    """One of the list, under the heading of its `group`: what is read of it, and what is given when it is picked."""

    group: str
    title: str
    about: str
    preview: str
    picked: Picked

    def holds(self, words: Sequence[str]) -> bool:
        """Whether every one of these words, in lower case, is somewhere in it."""
        whole = f"{self.group} {self.title} {self.about} {self.preview}".lower()
        return all(word in whole for word in words)


class Picker(Modal[Picked | None]):
    """Gives what was picked, or None. `kind` and `kinds` name what is picked; `keys` says what picking does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss", "Close"),
        ("up", "move(-1)", "Up"),
        ("down", "move(1)", "Down"),
    ]
    DEFAULT_CSS = """
    Picker { align: center middle; background: $background 60%; }
    Picker > Vertical { width: 96; max-width: 94%; height: 85%; padding: 1 3; background: $surface; }
    Picker Input { border: none; height: 1; padding: 0; background: transparent; margin: 0 0 1 0; }
    Picker Input:focus { border: none; }
    Picker OptionList {
        height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
        text-wrap: nowrap; text-overflow: ellipsis;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
    }
    Picker VerticalScroll {
        height: 8; max-height: 40%; margin: 1 0 0 0; padding: 1 0 0 0; border-top: solid $rule;
        scrollbar-size-vertical: 1;
    }
    Picker .keys { color: $quiet; height: 1; }
    """

    def __init__(self, entries: Sequence[Entry[Picked]], kind: str, kinds: str, keys: str) -> None:
        super().__init__()
        self._entries = list(entries)
        self._kind, self._kinds, self._keys = kind, kinds, keys

    def compose(self) -> ComposeResult:
        with Vertical():
            yield SafeInput(placeholder="Type to filter")
            yield OptionList(markup=False)
            with VerticalScroll(can_focus=False):
                yield Static("", id="preview", markup=False)
            yield Static(self._keys, classes="keys", markup=False)

    def on_mount(self) -> None:
        self._fill("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        self.query_one(OptionList).action_select()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        # Not of a list that has been filtered since.
        if event.option is event.option_list.highlighted_option:
            self.query_one("#preview", Static).update(harmless(self._entry(event.option).preview))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._entry(event.option).picked)

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if by < 0:
            options.action_cursor_up()
        else:
            options.action_cursor_down()

    def _entry(self, option: Option) -> Entry[Picked]:
        return self._entries[int(option.id or 0)]

    def _fill(self, words: str) -> None:
        """List what holds every word that was typed, under the headings of the groups."""
        wanted = words.lower().split()
        options: list[Option] = []
        group = None
        for number, entry in enumerate(self._entries):
            if not entry.holds(wanted):
                continue
            if entry.group != group:
                group = entry.group
                options.append(Option(Content.styled(one_line(group), "bold $quiet"), disabled=True))
            about = f"  {one_line(entry.about)}" if entry.about else ""
            title = one_line(entry.title, 200)
            options.append(Option(Content.assemble("  ", title, (about, "$quiet")), id=str(number)))
        listed = self.query_one(OptionList)
        listed.set_options(options)
        if options:
            listed.highlighted = 1
        else:
            none = f"No {self._kind} holds these words." if wanted else f"No {self._kinds} yet."
            self.query_one("#preview", Static).update(none)
