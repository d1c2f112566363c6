"""The main screen: the dialogue, what is known about the shown turn, and the input."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen

from lab.dialogue.events import TurnBegan, TurnFailed, TurnFinished, TurnWeighed
from lab.domain import Exchange, Salience
from lab.text import one_line
from lab.tui.actions import Where, bindings
from lab.tui.drafts import DraftView, about, apply, at_first, chosen_words, ended, views, waiting, watched
from lab.tui.messages import TurnEnded, TurnHappened
from lab.tui.outbox import Outbox
from lab.tui.screens.draft import DraftScreen
from lab.tui.widgets.answerers import now_answered
from lab.tui.widgets.aside import Aside, Seen
from lab.tui.widgets.composer import Composer
from lab.tui.widgets.drafts import DraftsPanel
from lab.tui.widgets.keys import KeyBar
from lab.tui.widgets.progress import ProgressLine
from lab.tui.widgets.status import Status, StatusLine
from lab.tui.widgets.transcript import Transcript
from lab.tui.widgets.turn import Turn

if TYPE_CHECKING:
    from lab.dialogue.conversation import Conversation
    from lab.tui.app import LabApp

_QUIT_COMMAND: Final = "/quit"


class MainScreen(Screen[None]):
    """Shows one conversation, and at the right what is known of one turn of it; `outbox` has what is being sent."""

    PLACE: ClassVar[Where] = "dialogue"
    BINDINGS: ClassVar[list[BindingType]] = bindings("dialogue")
    AUTO_FOCUS = "Composer"
    # Textual declares these two without ClassVar.
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (70, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (20, "-low"), (30, "-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    MainScreen { layout: vertical; }
    MainScreen #body { height: 1fr; }
    MainScreen #side { width: 44; padding: 1 2 0 2; border-left: solid $rule; }
    MainScreen #entry { height: auto; padding: 0 2; border-top: solid $rule; }
    MainScreen.-low #side { padding: 0 2; }
    MainScreen.-low #turns { padding: 0 2; }
    MainScreen.-narrow #side { width: 32; padding: 0 1; }
    MainScreen.-narrow #turns, MainScreen.-slim #turns { padding: 0 1; }
    MainScreen.-slim #side, MainScreen.-flat #side { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.conversation: Conversation | None = None
        self.outbox = Outbox(self)
        # The turn that began last, with its drafts.
        self._begun: Turn | None = None
        self._live: list[DraftView] = []
        self._number = 0
        # What the turn that runs would score as it stands.
        self._so_far: tuple[Salience, ...] = ()
        self._left_out = 0
        self._shown: Turn | None = None
        self._stepping = asyncio.Lock()

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    @property
    def answering(self) -> bool:
        """True while a turn runs."""
        return self.outbox.running

    @property
    def waiting(self) -> bool:
        """True while a message waits to be sent."""
        return self.outbox.waiting

    @property
    def session_id(self) -> str | None:
        """The open session."""
        return self.conversation.session.session_id if self.conversation else None

    def compose(self) -> ComposeResult:
        with Horizontal(id="body"):
            yield Transcript()
            yield Aside()
        with Vertical(id="entry"):
            yield self.outbox.next
            yield Composer(self._submitted)
        yield ProgressLine(id="engine-progress")
        yield ProgressLine(id="sleep-progress")
        yield StatusLine()
        yield KeyBar()

    def on_mount(self) -> None:
        self.lab_app.marker.marked.subscribe(self, self._marked)
        self._show(None)

    def on_resize(self) -> None:
        self.query_one(Aside).shorten(self.size.height < 30)
        self.lab_app.sleeping.show()

    async def show_conversation(self, conversation: Conversation, show: str | None = None) -> None:
        """Put this conversation on the screen, at the exchange `show` or at its end."""
        self.conversation = conversation
        await self.query_one(Transcript).load(conversation.history, _origin(conversation))
        self._show_last()
        if show is not None:
            self.show_exchange(show)

    def show_exchange(self, exchange_id: str) -> bool:
        """Go to this exchange of the open dialogue; False when it is none of it."""
        at = self.query_one(Transcript).place(exchange_id)
        if at is not None:
            self.run_worker(self._reach(at), group="reach", exclusive=True)
        return at is not None

    async def say(self, text: str, trouble: bool = False) -> None:
        """A line from the lab in the dialogue."""
        for transcript in self._standing():
            await transcript.note(text, trouble)

    async def show_answerer(self) -> None:
        """Say in the dialogue what answers from here on, where that is not what answered before."""
        engine = self.lab_app.lab.engine
        for transcript in self._standing():
            if self.conversation is not None and engine.loaded is not None:
                history = self.conversation.history
                line = now_answered(history[-1], engine.loaded.name, engine.adapter) if history else None
                await transcript.answers_now(line)

    def _standing(self) -> list[Transcript]:
        """The transcript, or nothing: the last messages of workers may come while the screen is taken down."""
        return [transcript for transcript in self.query(Transcript) if transcript.is_attached]

    def progress(self, name: Literal["engine", "sleep"], content: Content | None) -> None:
        """Show how far something is; None takes the line away."""
        for line in self.query(f"#{name}-progress").results(ProgressLine):
            line.say(content)

    def sleep_key(self, label: str | None) -> None:
        """What the key of the sleep does now, in the footer; None is what the table of actions says."""
        for bar in self.query(KeyBar):
            bar.relabel("sleep", label)

    def status(self, status: Status) -> None:
        """Draw the status line."""
        for line in self.query(StatusLine):
            line.show(status)

    def put(self, text: str) -> None:
        """Put a text into the input, behind what is there."""
        self.query_one(Composer).put(text)

    def hint(self, text: str) -> None:
        """A short word that goes by itself."""
        self.notify(text, severity="warning", timeout=6, markup=False)

    # Sending

    def _submitted(self, text: str) -> bool:
        """Whether this was taken from the input."""
        if text.strip() == _QUIT_COMMAND:
            self.app.call_later(self.lab_app.action_quit)
            return True
        if not text.strip():
            self.hint("The message is empty. Write something first.")
            return False
        return self.outbox.submit(text)

    async def on_turn_happened(self, message: TurnHappened) -> None:
        turn = self.outbox.turn
        if turn is None:
            return
        for event in message.events:
            if isinstance(event, TurnBegan):
                self._live, self._number, self._left_out = waiting(event.iterations), event.turn, event.left_out
                self._begun, self._so_far = turn, ()
                self._show(turn)
                for exchange in (*event.marked, *([event.rescored] if event.rescored is not None else [])):
                    self.lab_app.marker.marked.publish(exchange)
            elif isinstance(event, (TurnFinished, TurnFailed)):
                self._live = ended(self._live, event.exchange)
                await self.query_one(Transcript).finish(turn, event.exchange, self._left_out)
                self.lab_app.measured_rate(event.exchange.drafts)
            elif isinstance(event, TurnWeighed):
                self._so_far = event.salience
            else:
                self._live = apply(self._live, event)
        if turn.exchange is None:
            draft = watched(self._live)
            turn.grow("cancelling" if self.outbox.stopping else about(draft, len(self._live)), draft.text)
        self._refresh_shown()

    async def on_turn_ended(self, message: TurnEnded) -> None:
        await self.outbox.ended(message.error)

    # What is shown at the right

    def on_turn_picked(self, message: Turn.Picked) -> None:
        self._show(message.turn)

    def _show(self, turn: Turn | None) -> None:
        self._shown = turn
        self.query_one(Transcript).select(turn)
        self._refresh_shown()

    def _show_last(self) -> None:
        history = self.conversation.history if self.conversation is not None else ()
        self._show(self.query_one(Transcript).turn(history[-1].exchange_id) if history else None)

    def dropped(self, turn: Turn) -> None:
        """This turn is none after all: where it was shown the last exchange is."""
        if self._shown is turn:
            self._show_last()

    def _refresh_shown(self) -> None:
        turn, exchange = self._shown, self._shown.exchange if self._shown is not None else None
        seen: Seen | None = None
        if exchange is not None:
            words = chosen_words(exchange)
            seen = Seen(exchange.turn, exchange.salience, "", "no score", self._shown_drafts(), words)
        elif turn is not None and turn is self._begun:
            seen = Seen(self._number, self._so_far, "so far", "unscored", self._live, "lowest energy wins")
        elif turn is not None:
            seen = Seen(None, (), "", "not sent yet", [], "")
        self.query_one(Aside).show(seen)

    def _shown_drafts(self) -> list[DraftView]:
        turn = self._shown
        if turn is None or (turn.exchange is None and turn is not self._begun):
            return []
        return self._live if turn.exchange is None or turn is self.outbox.turn else views(turn.exchange)

    async def _marked(self, exchange: Exchange) -> None:
        """An exchange, perhaps one of this dialogue, was marked on some screen."""
        if self.conversation is not None:
            self.conversation.marked(exchange)
        await self.query_one(Transcript).mark(exchange)
        self.lab_app.triggers.count()
        shown = self._shown
        if shown is not None and shown.exchange and shown.exchange.exchange_id == exchange.exchange_id:
            # It may have left the transcript meanwhile.
            shown.exchange = exchange
            self._refresh_shown()

    async def _step(self, by: int) -> None:
        transcript = self.query_one(Transcript)
        # One after another: the second of two keys in a row goes on from the first.
        async with self._stepping:
            shown = self._shown
            at = transcript.place(shown.exchange.exchange_id) if shown is not None and shown.exchange else None
            await self._reach((transcript.length if at is None else at) + by)

    async def _reach(self, at: int) -> None:
        """Show the turn at this place of the dialogue; the one that waits or runs comes after the last."""
        turn = await self.query_one(Transcript).reach(at)
        if turn is not None:
            self._show(turn)

    def action_earlier(self) -> None:
        self.run_worker(self._step(-1), group="step")

    def action_later(self) -> None:
        self.run_worker(self._step(1), group="step")

    def action_page_up(self) -> None:
        self.query_one(Transcript).scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        self.query_one(Transcript).scroll_page_down(animate=False)

    def action_profile(self) -> None:
        self.query_one(Aside).next_profile(self.lab_app.lab.settings.salience.profile)

    def action_drafts(self) -> None:
        drafts = self._shown_drafts()
        if not drafts:
            # An empty list would take the keys where nobody sees it.
            self.hint("There are no drafts of this turn yet.")
        elif self.query_one(Aside).display:
            self.query_one(DraftsPanel).focus_list()
        else:
            # On a small screen the list is hidden.
            self._open_draft(at_first(drafts))

    def on_drafts_panel_chosen(self, message: DraftsPanel.Chosen) -> None:
        self._open_draft(message.iteration)

    def _open_draft(self, iteration: int) -> None:
        turn = self._shown
        if turn is not None:
            exchange = turn.exchange if turn is not self.outbox.turn else None
            self.app.push_screen(DraftScreen(self._shown_drafts(), iteration, exchange))

    # Other actions

    def action_cancel(self) -> None:
        """Take a waiting message back; or stop the answer; or return to the input; or stop the loading."""
        if self.outbox.take_back():
            return
        if self.outbox.running:
            self.outbox.stop()
        elif self.focused is not self.query_one(Composer):
            self.set_focus(self.query_one(Composer))
        else:
            self.lab_app.engine.cancel()

    # Other screens

    def action_sql(self) -> None:
        self.lab_app.visitor.sql()

    def action_history(self) -> None:
        self.lab_app.visitor.history()

    def action_timeline(self) -> None:
        self.lab_app.visitor.timeline()

    def action_adapters(self) -> None:
        self.lab_app.visitor.adapters()

    def action_receipt(self) -> None:
        self.lab_app.visitor.receipt()

    def action_questions(self) -> None:
        self.lab_app.visitor.questions()

    def action_experiments(self) -> None:
        self.lab_app.visitor.experiments()

    def action_checkpoints(self) -> None:
        self.lab_app.visitor.checkpoints()

    def action_exchange(self) -> None:
        turn = self._shown
        if turn is None or turn.exchange is None:
            self.hint("There is no whole turn yet.")
        else:
            self.lab_app.sessions.open_exchange(turn.exchange.exchange_id)

    # Sleep and the rest

    def action_new_session(self) -> None:
        self.lab_app.sessions.begin()

    def action_sleep(self) -> None:
        self.lab_app.sleeping.begin()

    def action_deep_sleep(self) -> None:
        self.lab_app.sleeping.begin_deep()

    def action_stop_sleep(self) -> None:
        self.lab_app.sleeping.stop()

    def action_restart_engine(self) -> None:
        self.lab_app.engine.restart()


def _origin(conversation: Conversation) -> tuple[int, str] | None:
    """The line of a fork about where it comes from, and behind how many exchanges it stands."""
    inherited = conversation.inherited
    if not inherited:
        return None
    title = one_line(conversation.parent_title or "", 60)
    return inherited, f'forked from "{title}", turn {conversation.history[inherited - 1].turn}'
