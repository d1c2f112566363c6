"""A text in full, over another screen; and the drafts of one answer, step by step, each beside the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lab.domain import Exchange
from lab.refinement.energy import Energy, energy
from lab.text import DOT, count, duration, harmless
from lab.tui.clipboard import copy
from lab.tui.drafts import DraftView, folded, views
from lab.tui.screens.modal import Modal
from lab.tui.widgets.difference import difference

if TYPE_CHECKING:
    from lab.tui.app import LabApp

_STATES: Final = {
    "growing": "still being written",
    "waiting": "not begun",
    "chosen": "chosen",
    "kept": "kept as the answer",
    "lost": "lost with the engine",
}
_FINISHES: Final = {"stop": "ended by itself", "length": "at the token limit", "cancelled": "cancelled"}


class TextScreen(Modal[None]):
    """A text to read: a title, a quiet line, the text, and how to leave."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter,q", "dismiss", "Close")]
    DEFAULT_CSS = """
    TextScreen { align: center middle; background: $background 60%; }
    TextScreen > Vertical {
        width: 90; max-width: 92%; height: auto; max-height: 85%; padding: 1 3; background: $surface;
    }
    TextScreen .title { text-style: bold; height: auto; }
    TextScreen .about, TextScreen .keys { color: $quiet; height: auto; }
    TextScreen VerticalScroll { height: auto; max-height: 55vh; margin: 1 0; scrollbar-size-vertical: 1; }
    TextScreen .text { height: auto; }
    """
    KEYS = "Esc closes"

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("", classes="title", markup=False)
            yield Static("", classes="about", markup=False)
            with VerticalScroll():
                yield Static("", classes="text", markup=False)
            yield Static(self.KEYS, classes="keys", markup=False)

    def say(self, title: str, about: str | Content, text: str | Content) -> None:
        """Put these on the screen."""
        for name, words in (("title", title), ("about", about), ("text", text)):
            self.query_one(f".{name}", Static).update(words if isinstance(words, Content) else harmless(words))


class ValueScreen(TextScreen):
    """One value of a query result."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__()
        self._column = column
        self._text = text

    def on_mount(self) -> None:
        self.say(self._column, "", self._text)


class DraftScreen(TextScreen):
    """Steps through the drafts of an answer: text or differences to the chosen one, and all that is known of each.

    With the `exchange`, whose turn is over, a draft can be kept as its answer.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("left", "step(-1)", "Before"),
        ("right", "step(1)", "After"),
        ("d", "differences", "Differences"),
        ("k", "keep", "Keep"),
        ("c", "copy", "Copy"),
    ]
    DEFAULT_CSS = """
    DraftScreen > Vertical { height: 85%; }
    DraftScreen VerticalScroll { height: 1fr; max-height: 100%; }
    """
    KEYS = DOT.join(("\u2190 \u2192 drafts", "d differences", "k keep as answer", "c copy", "Esc close"))

    def __init__(self, drafts: Sequence[DraftView], iteration: int, exchange: Exchange | None = None) -> None:
        super().__init__()
        self._drafts = list(drafts)
        self._exchange = exchange
        self._at = next((n for n, draft in enumerate(drafts) if draft.iteration == iteration), 0)
        self._differences = False

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def on_mount(self) -> None:
        self.lab_app.marker.marked.subscribe(self, self._marked)
        self._draw()

    def _marked(self, exchange: Exchange) -> None:
        if self._exchange is not None and exchange.exchange_id == self._exchange.exchange_id:
            self._exchange, self._drafts = exchange, views(exchange)
            self._draw()

    def action_step(self, by: int) -> None:
        self._at = min(max(self._at + by, 0), len(self._drafts) - 1)
        self.query_one(VerticalScroll).scroll_home(animate=False)
        self._draw()

    def action_differences(self) -> None:
        """From the plain text to the differences, and back."""
        self._differences = not self._differences
        self._draw()

    def action_keep(self) -> None:
        """Make this draft the answer of the exchange."""
        if self._exchange is None:
            self.notify("A draft can be kept when the turn is over: open it again then.", markup=False)
        else:
            iteration = self._drafts[self._at].iteration
            self.lab_app.marker.mark(self._exchange.exchange_id, "kept", iteration=iteration)

    def action_copy(self) -> None:
        draft = self._drafts[self._at]
        copy(self.lab_app, draft.text, f"draft {draft.iteration + 1}")

    def _winner(self) -> DraftView | None:
        """The draft that the others are compared with: the one that was chosen, whatever is kept in its place."""
        if self._exchange is not None:
            return next((draft for draft in self._drafts if draft.iteration == self._exchange.chosen), None)
        return next((draft for draft in self._drafts if draft.state == "chosen"), None)

    def _draw(self) -> None:
        draft, winner = self._drafts[self._at], self._winner()
        text = _whole_text(draft)
        lines = [self._strip(), Content(DOT.join(_facts(draft)))]
        if draft.energy is not None:
            lines.append(_energy(draft.energy, energy(draft.text)))
        if self._differences and winner is not None and draft is not winner:
            text, added, gone = difference(winner.text, draft.text)
            words = f"{{+{count(added, 'word')}+}} and [-{count(gone, 'word')}-] other than in draft"
            lines.append(Content(f"{words} {winner.iteration + 1}, which was chosen"))
        elif self._differences:
            why = "This is the chosen draft" if winner else "No draft was chosen"
            lines.append(Content(f"{why}: there is nothing to compare it with"))
        title = f"Draft {draft.iteration + 1} of {len(self._drafts)}"
        state = _STATES.get(draft.state)
        self.say(f"{title}, {state}" if state else title, Content("\n").join(lines), text)

    def _strip(self) -> Content:
        """All drafts with their energies, a mark at the shown one."""
        winner = self._winner()
        parts: list[tuple[str, str]] = []
        for at, draft in enumerate(self._drafts):
            number = f"{draft.iteration + 1}"
            words = number if draft.energy is None else f"{number}: {draft.energy:.2f}"
            if draft.state == "kept" or draft is winner:
                words += " kept" if draft.state == "kept" else " chosen"
            here = at == self._at
            # One word each, so that a line is broken between two of them.
            words = (("\u25b8" if here else " ") + words).replace(" ", "\u00a0")
            parts += [(words, "bold $foreground" if here else ""), ("  ", "")]
        return Content.assemble(*parts).rstrip()


def _facts(draft: DraftView) -> list[str]:
    """What is known of a draft beside its energy."""
    found: list[str] = []
    if draft.temperature is not None:
        found.append(f"temperature {draft.temperature:.2f}")
    if draft.seed is not None:
        found.append(f"seed {draft.seed}")
    if draft.tokens is not None:
        found.append(count(draft.tokens, "token"))
    if draft.seconds is not None:
        found.append(duration(draft.seconds))
    if draft.tokens and draft.seconds:
        found.append(f"{draft.tokens / draft.seconds:.1f} tokens/s")
    if draft.finish is not None:
        found.append(_FINISHES[draft.finish])
    return found


def _energy(recorded: float, parts: Energy) -> Content:
    """The energy with its parts, those that count in full colour; an imported one may not be that of its text."""
    words: list[tuple[str, str]] = [(f"energy {recorded:.2f}", "$foreground")]
    if abs(recorded - parts.total) > 0.005:
        words.append((f" in the record, {parts.total:.2f} by its text", ""))
    for number, name in enumerate(("length", "ending", "repetition", "collapse")):
        value = getattr(parts, name)
        words.append((": " if number == 0 else ", ", ""))
        words.append((f"{name} {value:g}", "bold $foreground" if value else ""))
    return Content.assemble(*words)


def _whole_text(draft: DraftView) -> Content:
    """The answer, and below it what was thought before."""
    answer = harmless(draft.text)
    if not draft.thinking:
        return Content(answer or " ")
    if not answer:
        answer = "no answer yet" if draft.energy is None else "no answer: the thinking came to no end"
    thought = harmless(draft.thinking)
    return Content.assemble(
        (answer, "" if draft.text else "$quiet"), "\n\n", (folded(draft), "bold $quiet"), "\n", (thought, "$quiet")
    )
