"""One turn of the dialogue: the message, its answer as Markdown, a quiet line about it; and lines of the lab."""

from __future__ import annotations

from markdown_it import MarkdownIt
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Markdown, Static

from lab.domain import Exchange
from lab.text import DOT, count, duration, harmless
from lab.tui.drafts import answered, folded, views
from lab.tui.widgets.fixed import FixedText

# Of a very long draft the end is enough to watch.
_LIVE_CHARACTERS = 4000
_GROWTH_LINES = 4


def parser() -> MarkdownIt:
    """Markdown as models write it: HTML is text, bare addresses stay text, images are links."""
    return MarkdownIt("gfm-like", {"html": False, "linkify": False}).disable(["image", "linkify"])


class Note(Static):
    """A line from the lab itself, between the turns."""

    DEFAULT_CSS = """
    Note { height: auto; margin: 0 0 1 0; padding: 0 0 0 2; color: $quiet; }
    Note.-trouble { color: $error; }
    """

    def __init__(self, text: str, trouble: bool = False) -> None:
        super().__init__(harmless(text), markup=False, classes="-trouble" if trouble else "")


class Turn(Vertical):
    """One exchange: what the person wrote, the draft that grows or the answer, and a line about it."""

    DEFAULT_CSS = """
    Turn { height: auto; margin: 0 0 1 0; }
    Turn > .user {
        height: auto; margin: 0 0 1 0; padding: 0 1 0 1; border-left: outer $primary; color: $foreground;
    }
    Turn > .slot { height: auto; padding: 0 0 0 2; }
    Turn .live-head, Turn .thought { height: 1; color: $quiet; }
    Turn .live { height: 0; color: $quiet; }
    Turn Markdown { height: auto; padding: 0; margin: 0; display: none; background: transparent; }
    Turn > .meta { height: auto; padding: 0 0 0 2; margin: 1 0 0 0; color: $quiet; }
    Turn > .meta.-trouble { color: $error; }
    Turn MarkdownH1, Turn MarkdownH2 { content-align: left middle; color: $foreground; text-style: bold; }
    Turn MarkdownBlock:last-child { margin-bottom: 0; }
    """

    class Picked(Message):
        """The person clicked this turn."""

        def __init__(self, turn: Turn) -> None:
            super().__init__()
            self.turn = turn

    def __init__(self, text: str, exchange: Exchange | None = None) -> None:
        super().__init__()
        self.text = text
        self.exchange = exchange
        self._live_text = ""
        self._reached = 0
        self._selected = False
        self._meta = ("", False)

    def compose(self) -> ComposeResult:
        yield Static(harmless(self.text), classes="user", markup=False)
        with Vertical(classes="slot"):
            if self.exchange is None:
                yield FixedText(classes="live-head")
                yield FixedText(classes="live")
            yield FixedText(classes="thought")
            answer = Markdown(
                harmless(self.exchange.answer) if self.exchange else None, parser_factory=parser, open_links=False
            )
            answer.display = self.exchange is not None and bool(self.exchange.answer)
            yield answer
        yield Static("", classes="meta", markup=False)

    def on_mount(self) -> None:
        self._say_thought()
        if self.exchange is not None:
            self._say_meta(*meta(self.exchange))

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Picked(self))

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Show where a link leads; the lab opens nothing that a model wrote."""
        event.stop()
        self.notify(harmless(event.href), title="The link leads to", markup=False)

    async def mark(self, exchange: Exchange) -> None:
        """The person said something of this exchange, or purged it: show its texts as they are now."""
        before, self.exchange = self.exchange, exchange
        if self.text != exchange.user_input:
            self.text = exchange.user_input
            self.query_one(".user", Static).update(harmless(self.text))
        if before is None or before.answer != exchange.answer:
            answer = self.query_one(Markdown)
            await answer.update(harmless(exchange.answer))
            answer.display = bool(exchange.answer)
        if exchange.answer:
            self._hide_live()
        self._say_meta(*meta(exchange))

    def select(self, selected: bool) -> None:
        """Mark the turn whose salience and drafts are shown, when it is not the last."""
        self._selected = selected
        self._say_meta(*self._meta)

    def wait(self, why: str, trouble: bool = False) -> None:
        """The message is not sent yet."""
        self._say_meta(why, trouble)

    def grow(self, head: str, text: str) -> None:
        """Show the draft that grows. The place it takes never shrinks while the turn runs."""
        if self._meta != ("", False):
            self._say_meta("", False)
        self.query_one(".live-head", FixedText).draw(head)
        if not text or text == self._live_text:
            return
        self._live_text = text
        live = self.query_one(".live", FixedText)
        lines = Content(harmless(text[-_LIVE_CHARACTERS:])).wrap(max(live.size.width, 20))
        # A draft longer than the view shows its end, so that head and growing line stay in sight.
        room = max((self.app.size.height * 3) // 5, 4)
        # In steps: every growth lays out the whole screen, and a key typed meanwhile waits for it.
        self._reached = max(self._reached, min(-(-len(lines) // _GROWTH_LINES) * _GROWTH_LINES, room))
        live.styles.height = self._reached
        live.draw(Content("\n").join(lines[-room:]))

    async def finish(self, exchange: Exchange, left_out: int = 0) -> None:
        """Put the answer in place of the drafts. `left_out` earlier turns did not fit the model's window."""
        self.exchange = exchange
        answer = self.query_one(Markdown)
        live = self.query_one(".live", Static)
        if exchange.response:
            answer.display = True
            stream = Markdown.get_stream(answer)
            for number, piece in enumerate(_pieces(harmless(exchange.response))):
                await stream.write(piece)
                if number == 0:
                    self._hide_live()
            await stream.stop()
        elif not self._live_text:
            self._hide_live()
        else:
            # A failed turn has no answer: what was seen of it stays on the screen.
            self.query_one(".live-head", Static).display = False
            live.styles.height = "auto"
            live.update(harmless(self._live_text))
        line, trouble = meta(exchange)
        if left_out:
            line += DOT + f"{count(left_out, 'earlier turn')} did not fit"
        self._say_meta(line, trouble)

    def _hide_live(self) -> None:
        for part in self.query(".live-head, .live"):
            part.display = False
        self._say_thought()

    def _say_thought(self) -> None:
        """The thinking before the answer, folded; it takes the line where the growing draft had its head."""
        exchange = self.exchange
        drafts = views(exchange) if exchange is not None else []
        thought = next((folded(draft) for draft in drafts if exchange and draft.iteration == answered(exchange)), "")
        # None while the screen is taken down.
        for line in self.query(".thought").results(FixedText):
            line.draw(thought)
            line.display = bool(thought)

    def _say_meta(self, text: str, trouble: bool) -> None:
        self._meta = (text, trouble)
        mark = "\u25b8 " if self._selected and text else ""
        # None before it is composed; what is said then is said on mounting.
        for line in self.query(".meta").results(Static):
            line.update(mark + harmless(text))
            line.set_class(trouble, "-trouble")
            line.display = bool(text)


def meta(exchange: Exchange) -> tuple[str, bool]:
    """The quiet line under an answer, and whether it tells of trouble."""
    parts: list[str] = [exchange.mark] if exchange.mark else []
    if exchange.mark not in ("kept", "edited"):
        if exchange.status == "failed":
            return DOT.join([f"failed: {exchange.reason or 'the answer was not completed.'}", *parts]), True
        if exchange.status == "complete" and not exchange.answer:
            return DOT.join([f"no answer: {exchange.reason or 'every draft is empty.'}", *parts]), True
    if exchange.status != "complete":
        parts.append(exchange.status)
    if exchange.salience:
        score = exchange.salience[0]
        parts.append(f"{'salient' if score.salient else 'not salient'} {score.total:.3f}")
    draft = answered(exchange)
    if draft is not None and exchange.drafts:
        parts.append(f"draft {draft + 1} of {len(exchange.drafts)}")
    if exchange.seconds is not None:
        parts.append(duration(exchange.seconds))
    if exchange.adapter:
        parts.append(exchange.adapter)
    return DOT.join(parts), False


def _pieces(text: str) -> list[str]:
    """A text in a few pieces that end at line ends."""
    lines = text.splitlines(keepends=True)
    size = max(1, -(-len(lines) // 4))
    return ["".join(lines[start : start + size]) for start in range(0, len(lines), size)]
