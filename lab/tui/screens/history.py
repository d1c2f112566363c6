"""All dialogues of the record: search, filter, look into, go on with, fork, rename, export."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from lab.errors import LabError
from lab.files import typed_path
from lab.journal.history import Brief, HistoryFilter, Hit, SessionSummary, parse
from lab.text import DOT, count, harmless, model_name, one_line
from lab.tui import browsing
from lab.tui.actions import Where, bindings
from lab.tui.browsing import Counted, Listed, Looked, Told
from lab.tui.widgets.composer import SafeInput
from lab.tui.widgets.keys import KeyBar
from lab.tui.widgets.listing import Listing
from lab.tui.widgets.sessions import Heading, columns, exchange_line, line

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.tui.app import LabApp

# What is typed is looked for when the keys rest, and the selected session is read when the cursor does.
_REST_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 0.08
_PLACEHOLDER: Final = "/ searches   salient  model:qwen  adapter:none  since:2026-11-01  conflict>0.3  marked:kept"


class HistoryScreen(Screen[None]):
    """A list of sessions, or of what a text was found in, and below it the exchanges of the selected session."""

    PLACE: ClassVar[Where] = "history"
    BINDINGS: ClassVar[list[BindingType]] = bindings("history")
    AUTO_FOCUS = "#list"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    HistoryScreen { layout: vertical; }
    HistoryScreen Input { border: none; height: 1; padding: 0; margin: 1 2 0 2; background: transparent; }
    HistoryScreen Input:focus { border: none; }
    HistoryScreen.-low Input { margin: 0 2; }
    HistoryScreen #ask { display: none; margin: 0 2; }
    HistoryScreen #said { height: auto; max-height: 3; margin: 0 2; color: $quiet; }
    HistoryScreen #said.-trouble { color: $error; }
    HistoryScreen #columns { height: 1; margin: 1 2 0 2; }
    HistoryScreen.-low #columns { margin: 0 2; }
    HistoryScreen Listing { margin: 0 1 0 2; }
    HistoryScreen #about { height: auto; max-height: 2; margin: 0 0; padding: 0 2; border-top: solid $rule; }
    HistoryScreen #turns { height: 2fr; }
    HistoryScreen #list { height: 3fr; }
    HistoryScreen.-low #turns { display: none; }
    HistoryScreen.-low.-inside #turns { display: block; height: 1fr; }
    HistoryScreen.-low.-inside #list, HistoryScreen.-low.-inside #columns { display: none; }
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self._record = lab.record
        self._profile = lab.settings.salience.profile
        self._filter = HistoryFilter()
        self._number = 0
        self._cancel = threading.Event()
        self._looking = threading.Event()
        self._reading = False
        self._whole = False
        self._rest: Timer | None = None
        self._look: Timer | None = None
        self._looked: tuple[str, int | None] | None = None
        # The session whose exchanges are listed, and the one whose exchanges could not be read.
        self._shown: str | None = None
        self._unread: str | None = None
        self._answer: Callable[[str], None] | None = None
        # Summaries of the sessions that were listed, for what is said of the selected one.
        self._known: dict[str, SessionSummary] = {}

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def compose(self) -> ComposeResult:
        yield SafeInput(placeholder=_PLACEHOLDER, id="filter")
        yield Static("", id="said", markup=False)
        yield SafeInput(id="ask")
        yield Static("", id="columns", markup=False)
        yield Listing(line, lambda row: not isinstance(row, Heading), id="list")
        yield Static("", id="about", markup=False)
        yield Listing(exchange_line, id="turns")
        yield KeyBar()

    def on_mount(self) -> None:
        self._begin(HistoryFilter())

    def on_screen_resume(self) -> None:
        # Marks and answers may have come meanwhile.
        self._looked = None
        self._look_soon()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_columns)

    def on_unmount(self) -> None:
        self._cancel.set()
        self._looking.set()

    # What is listed

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter":
            if self._rest is not None:
                self._rest.stop()
            self._cancel.set()
            self._rest = self.set_timer(_REST_SECONDS, self._typed)

    def _typed(self) -> None:
        try:
            wanted = parse(self.query_one("#filter", Input).value)
        except LabError as error:
            self._say(str(error), trouble=True)
            return
        self._begin(wanted)

    def _begin(self, wanted: HistoryFilter) -> None:
        self._filter, self._whole = wanted, False
        self._number += 1
        self._say("Searching." if wanted.text else "Reading.")
        self._read(None)

    def _read(self, after: int | Hit | None) -> None:
        if after is None:
            # All of another search; the count of this one goes on while its next pages are read.
            self._cancel.set()
            self._cancel = threading.Event()
        self._reading = True
        self._work("history", browsing.read, self._filter, self._profile, self._number, after, self._cancel)

    def on_listed(self, message: Listed) -> None:
        if message.number != self._number:
            return
        self._reading, self._whole = False, message.whole
        listing = self.query_one("#list", Listing)
        self._known |= {row.session_id: row for row in message.rows if isinstance(row, SessionSummary)}
        if message.first:
            listing.show(_grouped(message.rows, None))
            self._show_columns()
        else:
            seen = {row.session_id for row in listing.rows if isinstance(row, SessionSummary)}
            # An activity meanwhile moves sessions down into the next page.
            fresh = [row for row in message.rows if not isinstance(row, SessionSummary) or row.session_id not in seen]
            listing.extend(_grouped(fresh, listing.rows[-1] if listing.rows else None))
        if message.first and not message.rows:
            empty = (
                "Nothing is found." if self._filter != HistoryFilter() else "No sessions yet. Esc, and say something."
            )
            self._say(empty)

    def on_counted(self, message: Counted) -> None:
        if message.number == self._number and message.counts.sessions:
            exchanges, sessions = count(message.counts.exchanges, "exchange"), count(message.counts.sessions, "session")
            what = f"{exchanges} in {sessions}"
            self._say(what if self._filter == HistoryFilter() else f"Found {what}.")

    def on_listing_near_end(self, message: Listing.NearEnd) -> None:
        rows = message.listing.rows
        if message.listing.id == "list" and not self._reading and not self._whole:
            self._read(rows[-1] if isinstance(rows[-1], Hit) else len(rows))

    def _show_columns(self) -> None:
        listing = self.query_one("#list", Listing)
        head = self.query_one("#columns", Static)
        width = listing.scrollable_content_region.width
        head.display = not self._filter.text
        head.update(columns(width))

    # The exchanges of the selected session

    def on_listing_moved(self, message: Listing.Moved) -> None:
        if message.listing.id == "list":
            self._look_soon()
        self._tell_about()

    def _look_soon(self) -> None:
        if self._look is not None:
            self._look.stop()
        self._look = self.set_timer(_LOOK_SECONDS, self._look_now)

    def _look_now(self) -> None:
        row = self.query_one("#list", Listing).row
        wanted = (row.session_id, row.turn if isinstance(row, Hit) else None) if row is not None else None
        if wanted == self._looked:
            return
        self._looked = wanted
        self._looking.set()
        self._looking = threading.Event()
        if wanted is None:
            self.query_one("#turns", Listing).show([])
            self._shown = None
        else:
            session_id, turn = wanted
            self._work("look", browsing.look, session_id, self._profile, turn, self._looking)

    def on_looked(self, message: Looked) -> None:
        if self._looked is None or message.session_id != self._looked[0]:
            return
        turn = self._looked[1]
        places = [at for at, one in enumerate(message.exchanges) if turn is not None and one.turn == turn]
        at = places[0] if places else max(len(message.exchanges) - 1, 0)
        self.query_one("#turns", Listing).show(message.exchanges, at)
        self._shown, self._unread = message.session_id, None
        self._tell_about()

    def _tell_about(self) -> None:
        """What the columns leave out of the selected session."""
        row = self.query_one("#list", Listing).row
        summary = row if isinstance(row, SessionSummary) else self._known.get(row.session_id) if row else None
        parts = [one_line(row.title, 60), row.session_id] if row is not None else []
        if summary is not None:
            parts = [summary.session_id, model_name(summary.checkpoint or "no model")]
            parts += [", ".join(one_line(name) for name in summary.adapters[-3:]) or "no adapter"]
            if summary.parent_session_id:
                title = one_line(summary.parent_title or summary.parent_session_id, 40)
                parts.append(
                    f'forked from "{title}"' + (f", turn {summary.parent_turn}" if summary.parent_turn else "")
                )
        self.query_one("#about", Static).update(Content.styled(DOT.join(parts), "$quiet"))

    # What can be done

    def action_search(self) -> None:
        self.set_focus(self.query_one("#filter", Input))

    def action_inside(self) -> None:
        """From the list to the exchanges and back."""
        turns = self.query_one("#turns", Listing)
        inside = self.focused is not turns and bool(turns.rows)
        self.set_class(inside, "-inside")
        self.set_focus(turns if inside else self.query_one("#list", Listing))

    def action_back(self) -> None:
        if self._answer is not None:
            self._stop_asking()
        elif self.focused is self.query_one("#turns", Listing):
            self.action_inside()
        elif self.focused is self.query_one("#filter", Input):
            self.set_focus(self.query_one("#list", Listing))
        else:
            self.dismiss()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "filter":
            self.set_focus(self.query_one("#list", Listing))
        elif self._answer is not None:
            self._answer(event.value)

    def on_key(self, event: events.Key) -> None:
        """The arrow down leaves the filter for the list."""
        if event.key == "down" and self.focused is self.query_one("#filter", Input):
            event.stop()
            event.prevent_default()
            self.set_focus(self.query_one("#list", Listing))

    def on_listing_picked(self) -> None:
        self.action_resume()

    def action_resume(self) -> None:
        """Go on with the selected session, at the selected exchange."""
        row = self.query_one("#list", Listing).row
        if row is None:
            return
        exchange_id = self._exchange_id() if isinstance(row, Hit) or self._is_inside() else None
        if row.session_id == self.lab_app.main.session_id:
            self.lab_app.sessions.resume(row.session_id, exchange_id)
        else:
            self._work("open", browsing.may_open, row.session_id, exchange_id)

    def action_exchange(self) -> None:
        exchange_id = self._exchange_id()
        if exchange_id is not None:
            self.lab_app.sessions.open_exchange(exchange_id)

    def action_fork(self) -> None:
        exchange_id = self._exchange_id()
        if exchange_id is not None:
            self.lab_app.sessions.fork(exchange_id)

    def action_rename(self) -> None:
        row = self.query_one("#list", Listing).row
        if row is not None:
            self._ask(
                "The title of this session. Enter takes it.", one_line(row.title), partial(self._rename, row.session_id)
            )

    def action_export(self) -> None:
        row = self.query_one("#list", Listing).row
        if row is not None:
            answer = partial(self._export, row.session_id)
            self._ask("The file that gets it as Markdown. Enter writes it.", f"{row.session_id}.md", answer)

    def _is_inside(self) -> bool:
        return self.focused is self.query_one("#turns", Listing)

    def _exchange_id(self) -> str | None:
        """The selected exchange: the hit, the one selected inside, else the last one of the selected session."""
        row = self.query_one("#list", Listing).row
        if isinstance(row, Hit) and not self._is_inside():
            return row.exchange_id
        brief = self.query_one("#turns", Listing).row
        if isinstance(brief, Brief) and row is not None and brief.session_id == row.session_id:
            return brief.exchange_id
        if row is not None and self._unread == row.session_id:
            self._say("Its exchanges could not be read. Go to another row and back to try again.", trouble=True)
            return None
        if row is not None and self._shown != row.session_id:
            self._say("Its exchanges are still being read. Try it again when they are.")
            return None
        self._say("This session has no exchange that could be opened.", trouble=True)
        return None

    def _ask(self, words: str, value: str, answer: Callable[[str], None]) -> None:
        self._say(words)
        ask = self.query_one("#ask", Input)
        ask.value, ask.display, self._answer = value, True, answer
        self.set_focus(ask)

    def _stop_asking(self) -> None:
        self._answer = None
        self.query_one("#ask", Input).display = False
        self._say("")
        self.set_focus(self.query_one("#list", Listing))

    def _rename(self, session_id: str, title: str) -> None:
        title = " ".join(title.split())
        if not title:
            self._say("A title has at least one word. Esc keeps the one there is.", trouble=True)
            return
        self._stop_asking()
        self._work("rename", browsing.rename, session_id, title)

    def _export(self, session_id: str, name: str) -> None:
        if not name.strip():
            self._say("A file has a name. Esc writes none.", trouble=True)
            return
        try:
            path = typed_path(name.strip()).absolute()
        except LabError as error:
            self._say(str(error), trouble=True)
            return
        self._stop_asking()
        self._say("Writing.")
        self._work("export", browsing.export, session_id, path)

    def on_told(self, message: Told) -> None:
        if message.number not in (None, self._number):
            return
        if message.number is not None:
            self._reading = False
        if message.free is not None:
            self.lab_app.sessions.resume(*message.free)
            return
        if message.unread is not None:
            self._unread = message.unread
        if message.renamed is not None:
            self._renamed(*message.renamed)
        self._say(message.text, message.trouble)

    def _renamed(self, session_id: str, title: str) -> None:
        listing = self.query_one("#list", Listing)
        for at, row in enumerate(listing.rows):
            if row.session_id == session_id:
                listing.replace(at, replace(row, title=title))

    def _say(self, text: str, trouble: bool = False) -> None:
        said = self.query_one("#said", Static)
        said.update(Content(harmless(text)))
        said.set_class(trouble, "-trouble")

    def _work(self, group: str, body: Callable[..., None], *arguments: object) -> None:
        work = partial(body, self._record, *arguments, self.post_message)
        self.run_worker(work, group=group, name=group, thread=True)


def _grouped(rows: Sequence[SessionSummary | Hit], last: object) -> list[SessionSummary | Hit | Heading]:
    """Hits below the heading of their session; `last` is the row before them."""
    found: list[SessionSummary | Hit | Heading] = []
    session_id = last.session_id if isinstance(last, Hit) else None
    for row in rows:
        if isinstance(row, Hit) and row.session_id != session_id:
            session_id = row.session_id
            found.append(Heading(row.session_id, row.title, row.created_at))
        found.append(row)
    return found
