"""One draft in full, over the dialogue; the arrow keys go through the drafts of the turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from lab.text import DOT, duration, harmless
from lab.tui.drafts import DraftView, folded


class TextScreen(ModalScreen[None]):
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

    def say(self, title: str, about: str, text: str | Content) -> None:
        """Put these on the screen."""
        self.query_one(".title", Static).update(harmless(title))
        self.query_one(".about", Static).update(harmless(about))
        self.query_one(".text", Static).update(text if isinstance(text, Content) else harmless(text))


class ValueScreen(TextScreen):
    """One value of a query result."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__()
        self._column = column
        self._text = text

    def on_mount(self) -> None:
        self.say(self._column, "", self._text)


class DraftScreen(TextScreen):
    """A draft with everything that is known about it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("left,up,k", "step(-1)", "Before"),
        ("right,down,j", "step(1)", "After"),
    ]
    KEYS = "Left and Right: other drafts. Esc closes."

    def __init__(self, drafts: Sequence[DraftView], iteration: int) -> None:
        super().__init__()
        self._drafts = list(drafts)
        self._at = next((n for n, draft in enumerate(drafts) if draft.iteration == iteration), 0)

    def on_mount(self) -> None:
        self._draw()

    def action_step(self, by: int) -> None:
        self._at = min(max(self._at + by, 0), len(self._drafts) - 1)
        self._draw()

    def _draw(self) -> None:
        draft = self._drafts[self._at]
        about: list[str] = []
        if draft.temperature is not None:
            about.append(f"temperature {draft.temperature:.2f}")
        if draft.seed is not None:
            about.append(f"seed {draft.seed}")
        if draft.energy is not None:
            about.append(f"energy {draft.energy:.2f}")
        if draft.tokens is not None:
            about.append(f"{draft.tokens} tokens")
        if draft.seconds is not None:
            about.append(duration(draft.seconds))
        words = {
            "growing": "still being written",
            "waiting": "not begun",
            "chosen": "chosen",
            "stopped": "cancelled",
            "limit": "ended at the token limit",
            "lost": "lost with the engine",
        }
        if draft.state in words:
            about.append(words[draft.state])
        self.say(f"Draft {draft.iteration + 1} of {len(self._drafts)}", DOT.join(about), _whole_text(draft))


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
