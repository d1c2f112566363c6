"""Asks before anything is fetched: what, how much, from where, under which licence."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lab.engine.offers import Offer
from lab.text import amount, one_line
from lab.tui.screens.modal import Modal


class FetchScreen(Modal[bool]):
    """True when it is to be fetched; Escape does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "choose(False)", "Not now"),
        ("f", "choose(True)", "Fetch"),
    ]
    DEFAULT_CSS = """
    FetchScreen { align: center middle; background: $background 60%; }
    FetchScreen > Vertical { width: 70; max-width: 94%; height: auto; padding: 1 3; background: $surface; }
    FetchScreen .title { text-style: bold; height: auto; margin: 0 0 1 0; }
    FetchScreen .about { height: auto; color: $quiet; margin: 0 0 1 0; }
    FetchScreen OptionList {
        height: auto; border: none; padding: 0; background: transparent;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
    }
    """

    def __init__(self, offer: Offer) -> None:
        super().__init__()
        self._offer = offer

    def compose(self) -> ComposeResult:
        with Vertical():
            title = f"{one_line(self._offer.checkpoint.name, 60)} is not on this machine. Fetch it?"
            yield Static(title, classes="title", markup=False)
            yield Static(_about(self._offer), classes="about", markup=False)
            yield OptionList(
                Option("Fetch and load it (F)", id="fetch"), Option("Not now (Esc)", id="not now"), markup=False
            )

    def on_mount(self) -> None:
        # An Enter more than was meant fetches nothing.
        self.query_one(OptionList).highlighted = 1

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id == "fetch")

    def action_choose(self, fetch: bool) -> None:
        self.dismiss(fetch)


def _about(offer: Offer) -> str:
    checkpoint = offer.checkpoint
    size = "of a size not known yet" if offer.download_bytes is None else f"about {amount(offer.download_bytes)}"
    if checkpoint.source == "embedded":
        where = "It comes through pip from your package index"
    else:
        where = f"{one_line(checkpoint.location, 80)} comes from the model hub"
    licence = f"Its licence is {one_line(checkpoint.licence, 40)}." if checkpoint.licence else "Read its licence there."
    return f"{where}, {size}. {licence} Nothing that you wrote is sent. Esc cancels it while it runs."
