"""The list of drafts: a line an iteration, the growing ones with the tail of their text."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from lab.text import tail
from lab.tui.drafts import DraftView, at_first, folded
from lab.tui.widgets.fixed import FixedText
from lab.tui.widgets.salience import heading

# Below this many columns the spaces between the columns go.
_WIDE = 34
_WORDS = {"chosen": "chosen", "kept": "kept", "stopped": "stopped", "limit": "limit", "lost": "lost", "done": ""}


class DraftsPanel(Vertical):
    """Drafts of the shown turn. Enter or a click on a line posts `Chosen`."""

    DEFAULT_CSS = """
    DraftsPanel { height: 1fr; min-height: 3; }
    DraftsPanel > FixedText { height: 2; }
    DraftsPanel > OptionList {
        height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option { padding: 0; }
        & > .option-list--option-highlighted { background: transparent; color: $foreground; text-style: none; }
        &:focus > .option-list--option-highlighted {
            background: $primary 30%; color: $foreground; text-style: bold;
        }
        & > .option-list--option-hover { background: $track; }
    }
    """

    class Chosen(Message):
        """The person wants to read this draft."""

        def __init__(self, iteration: int) -> None:
            super().__init__()
            self.iteration = iteration

    def __init__(self) -> None:
        super().__init__()
        self._drafts: list[DraftView] = []
        self._note = ""
        self._drawn = 0

    def compose(self) -> ComposeResult:
        yield FixedText(id="drafts-head")
        yield OptionList(id="drafts-list", markup=False)

    def show(self, drafts: Sequence[DraftView], note: str) -> None:
        """Draw these drafts; `note` stands beside the heading."""
        self._drafts, self._note = list(drafts), note
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def focus_list(self) -> None:
        """Give the keys to the list, at the chosen draft, else at the first growing one."""
        options = self.query_one(OptionList)
        there = self.screen.focused is options
        # At once: the next key may be there already.
        self.screen.set_focus(options)
        if self._drafts and not there:
            first = at_first(self._drafts)
            options.highlighted = next((n for n, draft in enumerate(self._drafts) if draft.iteration == first), 0)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self._drafts):
            self.post_message(self.Chosen(self._drafts[event.option_index].iteration))

    def _draw(self) -> None:
        if not self.is_mounted or not self.size.width:
            return
        width = self.size.width
        wide = width >= _WIDE
        columns = "#  temp  energy  tokens" if wide else "# temp energy  tok"
        head = Content("\n").join([heading("Drafts", self._note, width), Content.assemble(" ", (columns, "$quiet"))])
        self.query_one("#drafts-head", FixedText).draw(head if self._drafts else heading("Drafts", self._note, width))
        options = self.query_one(OptionList)
        # The scroll bar takes the last column when there are many.
        lines = [_line(draft, width - 1, wide) for draft in self._drafts]
        if len(lines) == options.option_count:
            for index, line in enumerate(lines):
                if options.get_option_at_index(index).prompt != line:
                    options.replace_option_prompt_at_index(index, line)
        else:
            options.set_options(Option(line) for line in lines)


def _line(draft: DraftView, width: int, wide: bool) -> Content:
    gap = "  " if wide else " "
    number = f"{draft.iteration + 1:>2}"
    temperature = "    " if draft.temperature is None else f"{draft.temperature:.2f}"
    start = f"{number}{gap}{temperature}{gap}"
    pad = " " * (len(start) - len(start.lstrip()))
    start = start.lstrip()
    if draft.state == "waiting":
        return Content.assemble(pad, (f"{start}waiting", "$quiet"))
    if draft.state == "growing" and draft.thinking and not draft.text:
        return Content.assemble(pad, (start, "bold $foreground"), (folded(draft), "$quiet"))
    if draft.state in ("growing", "lost"):
        end = tail(draft.text, width - len(pad + start)) if draft.state == "growing" else "lost with the engine"
        return Content.assemble(pad, (start, "bold $foreground"), (end, "$foreground"))
    energy = f"{draft.energy:.2f}" if draft.energy is not None else "\u2013"
    tokens = str(draft.tokens) if draft.tokens is not None else "\u2013"
    numbers = f"{energy:>6}{gap}{tokens:>{6 if wide else 4}}{gap}"
    word = _WORDS.get(draft.state, "")
    style = "bold $foreground" if draft.state in ("chosen", "kept") else "$quiet"
    return Content.assemble(pad, (f"{start}{numbers}{word}", style))
