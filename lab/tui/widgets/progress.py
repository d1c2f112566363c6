"""One line for a long piece of work: a bar and what is known about it, absent while nothing runs."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from lab.domain import Progress
from lab.sleep.watch import SleepProgress
from lab.text import amount, duration, one_line
from lab.tui import theme

_BAR = 16


class ProgressLine(Widget):
    """Shown while it has something to say."""

    DEFAULT_CSS = """
    ProgressLine { height: 1; display: none; padding: 0 2; color: $foreground; background: $surface; }
    ProgressLine.-active { display: block; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._content = Content("")

    def say(self, content: Content | None) -> None:
        """Show this line; None takes it away."""
        self.set_class(content is not None, "-active")
        self._content = content or Content("")
        self.refresh()

    def render(self) -> Content:
        return self._content.truncate(max(self.content_size.width, 1), ellipsis=True)


def engine_line(progress: Progress, *, cancelling: bool = False) -> Content:
    """How far the preparation of the model is. Cancelling, the one before may have to be loaded again."""
    parts = [Content.styled(one_line(progress.stage, 60), "$foreground")]
    if progress.fraction is not None:
        parts.append(Content.assemble(theme.bar(progress.fraction, _BAR, "$primary"), f" {progress.fraction:4.0%}"))
    if progress.unit == "bytes":
        of = f" of {amount(progress.total)}" if progress.total else ""
        parts.append(Content.styled(f"{amount(progress.done)}{of}", "$quiet"))
    elif progress.unit == "seconds":
        parts.append(Content.styled(duration(progress.done), "$quiet"))
    elif progress.unit and progress.total:
        parts.append(Content.styled(f"{progress.done:g} of {progress.total:g} {progress.unit}", "$quiet"))
    parts.append(Content.styled("cancelling" if cancelling else "Esc cancels", "$quiet"))
    return Content("  ").join(parts)


def sleep_line(progress: SleepProgress, asked: str, width: int) -> Content:
    """How far a sleep is: epoch, step, live loss, time left; or what is `asked` of it and not yet done."""
    fraction = progress.step / progress.total_steps if progress.total_steps else 0.0
    wide = width >= 100
    parts: list[Content | str | tuple[str, str]] = [
        ("Deep sleep  " if progress.deep else "Sleep  ", "bold $foreground"),
        # As wide together in either.
        theme.bar(fraction, (_BAR if wide else 10) - (5 if progress.deep else 0), "$primary"),
        " ",
        f"{fraction:.0%}".rjust(4),
        "  ",
    ]
    if asked:
        parts.append((asked, "$quiet"))
    elif progress.loss is None or progress.stage != "training":
        words = {
            "loading": "loading the model",
            "dreaming": "turning what was said into questions",
            "probing": "asking before it learns",
            "anchoring": "asking it what must not change",
            "judging": "asking again: keep it or roll it back",
            "saving": "saving the adapter",
            "paused": "paused, F6 goes on",
            "waiting": "waiting until the answer is written",
        }
        parts.append((words.get(progress.stage, progress.stage), "$quiet"))
        if progress.of:
            parts.append((f"  {progress.done} of {progress.of}", "$quiet"))
    else:
        steps = f"epoch {progress.epoch}/{progress.epochs}  step {progress.step}/{progress.total_steps}  "
        parts.append((steps, "$quiet"))
        parts.append(f"loss {progress.loss:.3f} ")
        parts.append((theme.sparkline(progress.losses, 12 if wide else 6), "$primary"))
        if progress.seconds_left is not None:
            left = duration(progress.seconds_left) if progress.seconds_left >= 60 else f"{progress.seconds_left:.0f} s"
            parts += ["  ", (f"{left} left", "$quiet")]
        if wide and progress.tokens_per_second is not None:
            parts += ["  ", (f"{progress.tokens_per_second:.0f} tokens/s", "$quiet")]
    if wide:
        parts += ["  ", ("F8 stops it", "$quiet")]
    return Content.assemble(*parts)
