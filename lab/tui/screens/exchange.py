"""One exchange of the record in full, and what can be done with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Markdown, Static

from lab.domain import Exchange
from lab.journal.neighbours import Neighbours
from lab.salience import PROFILES
from lab.text import DOT, harmless, one_line
from lab.tui.actions import Where, bindings
from lab.tui.clipboard import copy
from lab.tui.drafts import answered, chosen_words, views
from lab.tui.exchanges import Page, PageRead, facts, mark_words, read_page, source, trouble
from lab.tui.screens.draft import DraftScreen
from lab.tui.screens.edit import EditScreen
from lab.tui.widgets.drafts import DraftsPanel
from lab.tui.widgets.keys import KeyBar
from lab.tui.widgets.reasons import ReasonsPanel
from lab.tui.widgets.salience import SaliencePanel
from lab.tui.widgets.turn import parser

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.tui.app import LabApp

# How often an exchange that still runs is looked at again.
_LOOK_SECONDS: Final = 1.0


class Reading(VerticalScroll, inherit_bindings=False):
    """Scrolls up and down; Left and Right are the screen's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "scroll_up", "Up"),
        ("down", "scroll_down", "Down"),
        ("pageup", "page_up", "Page up"),
        ("pagedown", "page_down", "Page down"),
        ("home", "scroll_home", "Home"),
        ("end", "scroll_end", "End"),
    ]


class ExchangeScreen(Screen[None]):
    """Reads the exchange from the record; every mark is shown as soon as it is recorded."""

    PLACE: ClassVar[Where] = "exchange"
    BINDINGS: ClassVar[list[BindingType]] = bindings("exchange")
    AUTO_FOCUS = "#reading"
    # Textual declares these two without ClassVar.
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (70, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (20, "-low"), (30, "-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    ExchangeScreen { layout: vertical; }
    ExchangeScreen #head { height: auto; padding: 1 2 0 2; border-bottom: solid $rule; }
    ExchangeScreen.-low #head, ExchangeScreen.-flat #head { padding: 0 2; }
    ExchangeScreen #head > Static { height: auto; color: $quiet; }
    ExchangeScreen #head > #title { height: 1; text-style: bold; color: $foreground; }
    ExchangeScreen #head > #mark { color: $accent; text-style: bold; }
    ExchangeScreen #head > #trouble { color: $error; }
    ExchangeScreen #body { height: 1fr; }
    ExchangeScreen #reading { height: 1fr; padding: 1 2 0 2; scrollbar-size-vertical: 1; }
    ExchangeScreen #reading > Static { height: auto; }
    ExchangeScreen #question { padding: 0 1; border-left: outer $primary; }
    ExchangeScreen .heading { color: $quiet; text-style: bold; margin: 1 0 0 0; padding: 0 0 0 2; }
    ExchangeScreen Markdown { height: auto; margin: 0; padding: 0 0 0 2; background: transparent; }
    ExchangeScreen MarkdownH1, ExchangeScreen MarkdownH2 { content-align: left middle; color: $foreground; }
    ExchangeScreen MarkdownBlock:last-child { margin-bottom: 0; }
    ExchangeScreen #recorded { color: $quiet; }
    ExchangeScreen #side { width: 44; padding: 1 2 0 2; border-left: solid $rule; }
    ExchangeScreen.-low #side { padding: 0 2; }
    ExchangeScreen.-low #reading { padding: 0 2; }
    ExchangeScreen.-narrow #side { width: 32; padding: 0 1; }
    ExchangeScreen.-slim #side, ExchangeScreen.-flat #side { display: none; }
    """

    def __init__(self, lab: Lab, exchange_id: str) -> None:
        super().__init__()
        self._lab = lab
        self._exchange_id = exchange_id
        self._page: Page | None = None
        self._number = 0
        self._reading = False
        # Where the keys that were pressed while a page is read want to go from it.
        self._steps: deque[Callable[[], None]] = deque()
        self._profile = 0

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def compose(self) -> ComposeResult:
        with Vertical(id="head"):
            for name in ("title", "about", "mark", "trouble"):
                yield Static("", id=name, markup=False)
        with Horizontal(id="body"):
            with Reading(id="reading"):
                yield Static("", id="question", markup=False)
                yield Static("", id="answer-head", classes="heading", markup=False)
                yield Markdown(id="answer", parser_factory=parser, open_links=False)
                yield Static("", id="recorded-head", classes="heading", markup=False)
                yield Markdown(id="recorded", parser_factory=parser, open_links=False)
            with Vertical(id="side"):
                yield SaliencePanel()
                yield DraftsPanel()
                yield ReasonsPanel()
        yield KeyBar()

    def on_mount(self) -> None:
        self.lab_app.marker.marked.subscribe(self, self._marked)
        self.query_one("#body").visible = False
        self.query_one(ReasonsPanel).display = False
        self._read(self._exchange_id)

    def on_resize(self) -> None:
        self.query_one(SaliencePanel).set_class(self.size.height < 30, "-short")

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Show where a link leads; the lab opens nothing that a model wrote."""
        event.stop()
        self.notify(harmless(event.href), title="The link leads to", markup=False)

    # Reading

    def _read(self, exchange_id: str) -> None:
        self._exchange_id = exchange_id
        self._number += 1
        self._reading = True
        if self._page is None:
            self._say("about", f"Reading {exchange_id} from the record.")
        work = partial(read_page, self._lab.record, exchange_id, self._number, self.post_message)
        self.run_worker(work, group="read", name="read", thread=True)

    async def on_page_read(self, message: PageRead) -> None:
        if message.number != self._number:
            return
        self._reading = False
        self._say("trouble", str(message.error) if message.error else "")
        if message.page is None:
            self._steps.clear()
            if self._page is None:
                self._say("about", "")
            return
        fresh = self._page is None or self._page.exchange.exchange_id != message.page.exchange.exchange_id
        self._page = message.page
        if fresh:
            self._profile = 0
            self.query_one("#reading").scroll_home(animate=False)
        await self._draw()
        while self._steps and not self._reading:
            self._steps.popleft()()
        if message.page.exchange.status == "running":
            self.set_timer(_LOOK_SECONDS, lambda: self._look(message.number))

    def _look(self, number: int) -> None:
        if number == self._number:
            self._read(self._exchange_id)

    async def _marked(self, exchange: Exchange) -> None:
        if self._page is not None and self._page.exchange.exchange_id == exchange.exchange_id:
            evidence = self._page.evidence
            evidence = replace(evidence, mark=exchange.mark) if evidence is not None else None
            self._page = replace(self._page, exchange=exchange, evidence=evidence)
            await self._draw()

    # Drawing

    def _say(self, name: str, text: str) -> None:
        line = self.query_one(f"#{name}", Static)
        line.update(harmless(text))
        line.display = bool(text)

    async def _draw(self) -> None:
        assert self._page is not None
        exchange, session = self._page.exchange, self._page.session
        title = one_line(session.title) if session and session.title else exchange.session_id
        self._say("title", f"Turn {exchange.turn} of {self._page.neighbours.last_turn}{DOT}{title}")
        self._say("about", facts(exchange))
        self._say("mark", mark_words(exchange))
        self._say("trouble", trouble(exchange))
        self._say("question", exchange.user_input)
        other = exchange.target is not None
        self._say("answer-head", f"Answer, {source(exchange)}" if other else "Answer" if exchange.answer else "")
        await self._show("answer", exchange.answer)
        self._say("recorded-head", "Recorded answer" if other and exchange.response else "")
        await self._show("recorded", exchange.response if other else "")
        self.query_one(DraftsPanel).show(views(exchange), chosen_words(exchange))
        self._draw_salience()
        self.query_one("#body").visible = True

    async def _show(self, name: str, text: str) -> None:
        markdown = self.query_one(f"#{name}", Markdown)
        if markdown.source != harmless(text):
            await markdown.update(harmless(text))
        markdown.display = bool(text)

    def _draw_salience(self) -> None:
        assert self._page is not None
        scores = self._page.exchange.salience
        panel, why = self.query_one(SaliencePanel), self.query_one(ReasonsPanel)
        if not scores:
            panel.show(None, "no score")
            why.show(None)
            return
        at = self._profile % len(scores)
        which = f", {at + 1} of {len(scores)}" if len(scores) > 1 else ""
        panel.show(scores[at], f"{one_line(scores[at].profile, 14)}{which}")
        judge, evidence = PROFILES.get(scores[at].profile), self._page.evidence
        if judge is None or evidence is None:
            why.show(None)
            return
        now = judge.score(evidence, scores[at].threshold)
        moved = abs(now.total - scores[at].total) >= 0.0005
        # A mark, or what was said later, tells more than what the score was made of.
        why.show(judge.explain(evidence), f"anew: {now.total:.3f}" if moved else "")

    # What can be done

    def _ready(self) -> Exchange | None:
        """The exchange, if it is read and whole; else a word about it."""
        if self._page is None:
            self.notify("The exchange is not read yet.", markup=False)
            return None
        if self._page.exchange.status == "running":
            self.notify("The answer is still being written.", severity="warning", markup=False)
            return None
        return self._page.exchange

    def action_keep(self) -> None:
        if (exchange := self._ready()) is not None:
            self.lab_app.marker.mark(exchange.exchange_id, "kept")

    def action_exclude(self) -> None:
        if (exchange := self._ready()) is not None:
            self.lab_app.marker.mark(exchange.exchange_id, "excluded")

    def action_edit(self) -> None:
        if (exchange := self._ready()) is not None:
            self.app.push_screen(EditScreen(exchange))

    def action_unmark(self) -> None:
        if (exchange := self._ready()) is None:
            return
        if exchange.mark is None:
            self.notify("There is no mark to take back.", markup=False)
            return
        if exchange.target is not None and exchange.kept_iteration is None:
            self.notify("The recorded answer is the answer again. Your words stay in the journal.", markup=False)
        self.lab_app.marker.mark(exchange.exchange_id, None)

    def action_copy(self) -> None:
        if self._page is not None and self._page.exchange.answer:
            copy(self.lab_app, self._page.exchange.answer, "the answer")

    def action_copy_both(self) -> None:
        if self._page is not None:
            exchange = self._page.exchange
            copy(self.lab_app, f"{exchange.user_input}\n\n{exchange.answer}", "question and answer")

    def action_drafts(self) -> None:
        if self._page is not None:
            exchange = self._page.exchange
            shown = answered(exchange)
            self._open_drafts(exchange.chosen or 0 if shown is None else shown)

    def on_drafts_panel_chosen(self, message: DraftsPanel.Chosen) -> None:
        self._open_drafts(message.iteration)

    def _open_drafts(self, iteration: int) -> None:
        assert self._page is not None
        exchange = self._page.exchange
        if exchange.drafts:
            whole = None if exchange.status == "running" else exchange
            self.app.push_screen(DraftScreen(views(exchange), iteration, whole))
        else:
            self.notify("No draft of this answer is in the record.", markup=False)

    def action_profile(self) -> None:
        if self._page is not None:
            self._profile += 1
            self._draw_salience()

    def action_why(self) -> None:
        why = self.query_one(ReasonsPanel)
        why.display = not why.display
        self.query_one(DraftsPanel).display = not why.display

    def action_fork(self) -> None:
        if (exchange := self._ready()) is not None:
            self.lab_app.sessions.fork(exchange.exchange_id)

    def action_go(self) -> None:
        if self._page is not None:
            exchange = self._page.exchange
            self.lab_app.sessions.resume(exchange.session_id, exchange.exchange_id)

    def action_before(self) -> None:
        self._step(lambda near: near.before, "This is the first exchange of its session.")

    def action_after(self) -> None:
        self._step(lambda near: near.after, "This is the last exchange of its session.")

    def _step(self, which: Callable[[Neighbours], str | None], why: str) -> None:
        if self._reading:
            self._steps.append(partial(self._step, which, why))
            return
        if self._page is None:
            return
        exchange_id = which(self._page.neighbours)
        if exchange_id is not None:
            self._read(exchange_id)
        else:
            self.notify(why, markup=False)

    def action_back(self) -> None:
        self.dismiss()
