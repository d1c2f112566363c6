"""The picker of what answers: checkpoints that fit and those that do not, and the adapters of the highlighted one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from lab.domain import Checkpoint
from lab.engine.offers import Offer, Offers, Room
from lab.errors import LabError
from lab.text import harmless, one_line
from lab.tui.screens.fetch import FetchScreen
from lab.tui.screens.modal import Modal
from lab.tui.widgets.composer import SafeInput
from lab.tui.widgets.offers import about, adapter_rows, offer_row

_HERE: Final = "On this machine"
_THERE: Final = "To be fetched"
# What is typed is looked up on the disk when no key came for so long.
_REST_SECONDS: Final = 0.15


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to answer: a checkpoint by what names it, and "newest", "none" or an adapter's name."""

    checkpoint: str
    adapter: str


class OffersListed(Message):
    """What there is to choose from, or why that cannot be told."""

    def __init__(self, offers: Offers | None, error: LabError | None = None) -> None:
        super().__init__()
        self.offers = offers
        self.error = error


class OfferNamed(Message):
    """What a typed text names."""

    def __init__(self, text: str, offer: Offer) -> None:
        super().__init__()
        self.text = text
        self.offer = offer


class CheckpointsScreen(Modal[Choice | None]):
    """Gives what was chosen, or None. `listed` and `named`, which knows typed paths and hub ids, run in threads."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss", "Close"),
        ("up", "move(-1)", "Up"),
        ("down", "move(1)", "Down"),
    ]
    # Textual declares it without ClassVar.
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    CheckpointsScreen { align: center middle; background: $background 60%; }
    CheckpointsScreen > Vertical { width: 110; max-width: 94%; height: 90%; padding: 1 3; background: $surface; }
    CheckpointsScreen #top { height: 2; }
    CheckpointsScreen #room { width: auto; color: $quiet; }
    CheckpointsScreen Input { border: none; height: 1; padding: 0; background: transparent; width: 1fr; }
    CheckpointsScreen Input:focus { border: none; }
    CheckpointsScreen OptionList {
        border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
    }
    CheckpointsScreen #checkpoints { height: 1fr; }
    CheckpointsScreen #about { height: 3; margin: 1 0 0 0; color: $quiet; }
    CheckpointsScreen #about.-trouble { color: $error; }
    CheckpointsScreen #adapters {
        height: 5; margin: 0 0 1 0;
        & > .option-list--option-highlighted { background: $primary 15%; }
        &:focus > .option-list--option-highlighted { background: $primary 35%; }
    }
    CheckpointsScreen .heading { height: 2; padding: 0; color: $quiet; text-style: bold; border-top: solid $rule; }
    CheckpointsScreen .keys { color: $quiet; height: 1; }
    CheckpointsScreen.-low > Vertical { height: 100%; max-width: 98%; padding: 0 2; }
    CheckpointsScreen.-low #top { height: 1; }
    CheckpointsScreen.-low #about { height: auto; min-height: 2; max-height: 5; margin: 0; }
    CheckpointsScreen.-low #adapters { height: auto; max-height: 4; margin: 0; }
    """

    def __init__(self, listed: Callable[[], Offers], named: Callable[[str, Room], Offer]) -> None:
        super().__init__()
        self._listed = listed
        self._named = named
        self._offers: Offers | None = None
        # Those in the list, in its order.
        self._shown: list[Offer] = []
        self._adapters: list[str] = []
        # What was typed and is being looked up, else empty; and what the last one was found to name.
        self._asked = ""
        self._typed: Offer | None = None
        self._rest: Timer | None = None
        # Enter came before it was found.
        self._submitted = False

    def compose(self) -> ComposeResult:
        with Vertical():
            with Horizontal(id="top"):
                yield SafeInput(placeholder="Type to filter, or a folder, a GGUF file, a hub id")
                yield Static("", id="room", markup=False)
            listed = OptionList(id="checkpoints", markup=False)
            # Up and Down work from the input; Tab is for the adapters.
            listed.can_focus = False
            yield listed
            yield Static("Looking what there is and what fits.", id="about", markup=False)
            yield Static("Adapter", classes="heading", markup=False)
            yield OptionList(id="adapters", markup=False)
            keys = "Enter lets it answer. Tab goes to the adapters. Esc closes."
            yield Static(keys, classes="keys", markup=False)

    def on_mount(self) -> None:
        self.run_worker(partial(_list, self._listed, self.post_message), group="offers", name="offers", thread=True)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def on_offers_listed(self, message: OffersListed) -> None:
        if message.offers is None:
            self._say(str(message.error), trouble=True)
            return
        self._offers = message.offers
        self.query_one("#room", Static).update(message.offers.room.words)
        self._look_up()
        self._fill()

    def on_input_changed(self) -> None:
        self._look_up()
        self._fill()

    def on_offer_named(self, message: OfferNamed) -> None:
        if message.text != self._asked:
            # Something else was typed since.
            return
        submitted = self._submitted
        self._asked, self._typed, self._submitted = "", message.offer, False
        self._fill()
        if submitted:
            self._choose()

    def on_input_submitted(self) -> None:
        if self._asked:
            self._submitted = True
        else:
            self._choose()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        # Not of a list that has been filtered since.
        if event.option_list.id == "checkpoints" and event.option is event.option_list.highlighted_option:
            self._show(self._shown[int(event.option.id or 0)])

    def action_move(self, by: int) -> None:
        options = self.query_one("#checkpoints", OptionList)
        if by < 0:
            options.action_cursor_up()
        else:
            options.action_cursor_down()

    @property
    def _highlighted(self) -> Offer | None:
        option = self.query_one("#checkpoints", OptionList).highlighted_option
        return None if option is None or option.id is None else self._shown[int(option.id)]

    def _choose(self) -> None:
        if self.app.screen is not self:
            # A second Enter that came with the first: it is being asked already.
            return
        offer = self._highlighted
        at = self.query_one("#adapters", OptionList).highlighted
        if offer is None:
            return
        if offer.refusal:
            self.notify(harmless(offer.refusal), title="It cannot be chosen", severity="warning", markup=False)
            return
        choice = Choice(offer.name, self._adapters[at] if at is not None else "newest")
        if offer.download_bytes == 0:
            self.dismiss(choice)
            return

        def asked(fetch: bool | None) -> None:
            if fetch:
                self.dismiss(choice)

        self.app.push_screen(FetchScreen(offer), asked)

    def _look_up(self) -> None:
        """Find out what the typed text names when the keys rest; what was found or asked before counts no more."""
        if self._rest is not None:
            self._rest.stop()
        self._asked, self._typed, self._submitted = "", None, False
        text = self.query_one(Input).value.strip()
        if self._offers is not None and _names_a_place(text):
            self._asked = text
            work = partial(_name, self._named, text, self._offers.room, self.post_message)
            self._rest = self.set_timer(_REST_SECONDS, partial(self._start, work))

    def _start(self, work: Callable[[], None]) -> None:
        self.run_worker(work, group="named", name="named", thread=True)

    def _fill(self) -> None:
        """List what holds every word that was typed, what is here first, and what the words name themselves."""
        if self._offers is None:
            return
        text = self.query_one(Input).value.strip()
        matching = [each for each in self._offers.offers if _matches(each.checkpoint, text)]
        typed = self._typed
        if typed is not None:
            matching = [typed, *(each for each in matching if each.checkpoint.name != typed.checkpoint.name)]
        before = self._highlighted
        self._shown = matching
        listed = self.query_one("#checkpoints", OptionList)
        width = listed.scrollable_content_region.width
        options: list[Option] = []
        group = None
        for number, each in enumerate(matching):
            heading = _THERE if each.download_bytes != 0 else _HERE
            if each is not typed and heading != group:
                group = heading
                options.append(Option(Content.styled(heading, "bold $quiet"), disabled=True))
            options.append(Option(offer_row(each, width, typed=each is typed), id=str(number)))
        listed.set_options(options)
        self._highlight(text, before)

    def _highlight(self, text: str, before: Offer | None) -> None:
        """Go to what was typed in full, else stay where the person was; begin at what answers now."""
        listed = self.query_one("#checkpoints", OptionList)
        if not self._shown:
            words = "No checkpoint holds these words. A folder, a GGUF file or a hub id can be typed as well."
            self._say("Looking what that is." if self._asked else words)
            self._list_adapters(None)
            return
        names = [each.checkpoint.name for each in self._shown]
        active = [number for number, each in enumerate(self._shown) if each.active]
        wanted = [text, *([before.checkpoint.name] if before else [])]
        found = [names.index(name) for name in wanted if name in names] + active
        number = found[0] if found else 0
        listed.highlighted = listed.get_option_index(str(number))
        # The highlight may be where it was, on another offer.
        self._show(self._shown[number])

    def _show(self, offer: Offer) -> None:
        self._say(about(offer), trouble=bool(offer.refusal))
        self._list_adapters(offer)

    def _list_adapters(self, offer: Offer | None) -> None:
        listed = self.query_one("#adapters", OptionList)
        width = listed.scrollable_content_region.width
        rows = adapter_rows(offer, self._offers, width) if offer is not None and self._offers is not None else []
        self._adapters = [row.value for row in rows]
        listed.set_options(Option(row.content) for row in rows)
        listed.highlighted = next((number for number, row in enumerate(rows) if row.proposed), None)

    def _say(self, text: str, trouble: bool = False) -> None:
        said = self.query_one("#about", Static)
        said.update(harmless(text))
        said.set_class(trouble, "-trouble")


def _list(listed: Callable[[], Offers], post: Callable[[Message], object]) -> None:
    try:
        post(OffersListed(listed()))
    except LabError as error:
        post(OffersListed(None, error))


def _name(named: Callable[[str, Room], Offer], text: str, room: Room, post: Callable[[Message], object]) -> None:
    try:
        offer = named(text, room)
    except LabError as fault:
        offer = Offer(text, Checkpoint(text, "folder", text, ready=False), refusal=str(fault))
    post(OfferNamed(text, offer))


def _matches(checkpoint: Checkpoint, text: str) -> bool:
    form = "base" if checkpoint.form == "plain" else checkpoint.form or ""
    whole = one_line(f"{checkpoint.name} {checkpoint.location} {checkpoint.licence or ''} {form}").lower()
    return all(word in whole for word in text.lower().split())


def _names_a_place(text: str) -> bool:
    """True for what looks like a path or a hub id, and not like words to filter with."""
    return "/" in text or text.startswith(("~", ".")) or text.endswith(".gguf")
