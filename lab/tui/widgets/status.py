"""The status line: which checkpoint and adapter answer, how fast, how much memory, asleep or not."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from lab.text import amount, model_name, one_line


@dataclass(frozen=True, slots=True)
class Status:
    """What the line says. Memory in bytes; None is not known yet."""

    checkpoint: str = ""
    adapter: str | None = None
    tokens_per_second: float | None = None
    memory: int | None = None
    sleep: str = "awake"
    experiment: str = ""
    engine: str = "opening"
    trouble: bool = False


class StatusLine(Widget):
    """Says as much as fits; what matters least goes first."""

    DEFAULT_CSS = """
    StatusLine { height: 1; padding: 0 2; color: $quiet; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.status = Status()

    def show(self, status: Status) -> None:
        """Draw this status."""
        if status != self.status:
            self.status = status
            self.refresh()

    def render(self) -> Content:
        status = self.status
        rate = "" if status.tokens_per_second is None else f"{status.tokens_per_second:.1f} tokens/s"
        memory = "" if status.memory is None else f"engine {amount(status.memory)}"
        segments = [
            (one_line(model_name(status.checkpoint), 36), "$foreground"),
            (one_line(status.adapter or "no adapter", 24), "$quiet"),
            (rate, "$quiet"),
            (memory, "$quiet"),
            (status.sleep, "$quiet"),
            (status.experiment, "$quiet"),
        ]
        # The state of the engine stands at the right end, where it does not move when the rest changes.
        state = (status.engine, "bold $error" if status.trouble else "$foreground")
        left = [Content.styled(text, style) for text, style in segments if text]
        width = self.content_size.width
        for droppable in (3, 2, 4, 5):
            if _length(left) + len(state[0]) + 3 <= width:
                break
            text = segments[droppable][0]
            left = [part for part in left if part.plain != text]
        line = Content.assemble(" ", ("\u00b7", "$quiet"), " ").join(left)
        gap = max(width - line.cell_length - len(state[0]), 1)
        return Content.assemble(line, " " * gap, state).truncate(max(width, 1), ellipsis=True)


def _length(parts: list[Content]) -> int:
    return sum(part.cell_length for part in parts) + 3 * max(len(parts) - 1, 0)
