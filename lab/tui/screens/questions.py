"""The question picker: filter by typing, read the preview, Enter puts the question into the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from lab.questions import Question
from lab.text import harmless, one_line


class QuestionsScreen(ModalScreen[Question | None]):
    """Gives what was picked, or None; `keys` says what picking does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss", "Close"),
        ("up", "move(-1)", "Up"),
        ("down", "move(1)", "Down"),
    ]
    DEFAULT_CSS = """
    QuestionsScreen { align: center middle; background: $background 60%; }
    QuestionsScreen > Vertical { width: 96; max-width: 94%; height: 85%; padding: 1 3; background: $surface; }
    QuestionsScreen Input { border: none; height: 1; padding: 0; background: transparent; margin: 0 0 1 0; }
    QuestionsScreen Input:focus { border: none; }
    QuestionsScreen OptionList {
        height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
    }
    QuestionsScreen VerticalScroll {
        height: 8; max-height: 40%; margin: 1 0 0 0; padding: 1 0 0 0; border-top: solid $rule;
        scrollbar-size-vertical: 1;
    }
    QuestionsScreen .keys { color: $quiet; height: 1; }
    """

    def __init__(self, questions: Sequence[Question], keys: str) -> None:
        super().__init__()
        self._keys = keys
        self._questions = list(questions)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Input(placeholder="Type to filter")
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
        self.query_one("#preview", Static).update(harmless(self._question(event.option).text))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._question(event.option))

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if by < 0:
            options.action_cursor_up()
        else:
            options.action_cursor_down()

    def _question(self, option: Option) -> Question:
        return self._questions[int(option.id or 0)]

    def _fill(self, words: str) -> None:
        """List what holds every word that was typed, under the headings of the files."""
        wanted = words.lower().split()
        options: list[Option] = []
        group = None
        for number, question in enumerate(self._questions):
            whole = f"{question.group} {question.title} {question.text}".lower()
            if not all(word in whole for word in wanted):
                continue
            if question.group != group:
                group = question.group
                options.append(Option(Content.styled(one_line(group), "bold $quiet"), disabled=True))
            options.append(Option(Content.assemble("  ", one_line(question.title, 80)), id=str(number)))
        listed = self.query_one(OptionList)
        listed.set_options(options)
        if options:
            listed.highlighted = 1
        else:
            none = "No question holds these words." if wanted else "No questions yet."
            self.query_one("#preview", Static).update(none)
