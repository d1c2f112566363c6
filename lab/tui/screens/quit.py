"""What becomes of a sleep when the person leaves."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lab.tui.screens.modal import Modal

Choice = Literal["stop", "leave", "without", "stay"]


class QuitScreen(Modal[Choice]):
    """The ways on, for a sleep that has `begun`, may be `paused`, or is only about to; Escape stays."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "choose('stay')", "Stay"),
        ("s", "choose('stop')", "Stop"),
        ("l", "choose('leave')", "Leave"),
    ]
    DEFAULT_CSS = """
    QuitScreen { align: center middle; background: $background 60%; }
    QuitScreen > Vertical { width: 66; max-width: 94%; height: auto; padding: 1 3; background: $surface; }
    QuitScreen .title { text-style: bold; height: auto; margin: 0 0 1 0; }
    QuitScreen OptionList {
        height: auto; border: none; padding: 0; background: transparent;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
    }
    """

    def __init__(self, *, begun: bool, paused: bool = False) -> None:
        super().__init__()
        self._begun, self._paused = begun, paused

    def compose(self) -> ComposeResult:
        running = "A sleep is running. What becomes of it when you leave?"
        wanted = "The sleep has not begun, and will not when you leave."
        ends, waits = (
            "It finishes by itself; its adapter answers next time",
            "It stays paused; F6 lets it go on next time",
        )
        ways = [
            Option(f"{waits if self._paused else ends} (L)", id="leave"),
            Option("It is stopped; nothing of it is kept (S)", id="stop"),
        ]
        with Vertical():
            yield Static(running if self._begun else wanted, classes="title", markup=False)
            yield OptionList(
                *(ways if self._begun else [Option("Leave without it (L)", id="without")]),
                Option("Stay (Esc)", id="stay"),
                markup=False,
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        choices: dict[str | None, Choice] = {"leave": "leave", "stop": "stop", "without": "without"}
        self.dismiss(choices.get(event.option_id, "stay"))

    def action_choose(self, choice: Choice) -> None:
        self.dismiss("without" if choice != "stay" and not self._begun else choice)
