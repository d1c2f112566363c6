"""What is known about the shown turn, at the right of the dialogue: the bars of one profile, and the drafts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical

from lab.domain import Salience
from lab.salience import PROFILES
from lab.text import one_line
from lab.tui.drafts import DraftView
from lab.tui.widgets.drafts import DraftsPanel
from lab.tui.widgets.salience import SaliencePanel


@dataclass(frozen=True)
class Seen:
    """A turn as the aside shows it: its scores, the one of the settings' profile first, with a `note` or what is said
    `without` any; and its drafts. One that has not begun has no number."""

    number: int | None
    scores: Sequence[Salience]
    note: str
    without: str
    drafts: list[DraftView]
    about_drafts: str


class Aside(Vertical):
    """Shows one turn, or empty bars for None."""

    def __init__(self) -> None:
        super().__init__(id="side")
        self._seen: Seen | None = None
        # The profile whose scores are drawn, where that is not the one that the settings choose.
        self._profile: str | None = None

    def compose(self) -> ComposeResult:
        yield SaliencePanel()
        yield DraftsPanel()

    def shorten(self, short: bool) -> None:
        """Leave out blank lines."""
        self.query_one(SaliencePanel).set_class(short, "-short")

    def show(self, seen: Seen | None) -> None:
        """Show this turn."""
        self._seen = seen
        drafts = self.query_one(DraftsPanel)
        if seen is None:
            self.query_one(SaliencePanel).show(None, "")
            drafts.show([], "")
        else:
            self._draw_bars(seen)
            drafts.show(seen.drafts, seen.about_drafts)

    def next_profile(self, chosen: str) -> None:
        """Draw the scores of the next profile, of every turn from now on; `chosen` is that of the settings."""
        names = [chosen, *(name for name in sorted(PROFILES) if name != chosen)]
        at = names.index(self._profile) if self._profile in names else 0
        self._profile = names[(at + 1) % len(names)]
        if self._seen is not None:
            self._draw_bars(self._seen)

    def _draw_bars(self, seen: Seen) -> None:
        score, note, without = (seen.scores[0] if seen.scores else None), seen.note, seen.without
        if score is not None and self._profile not in (None, score.profile):
            # One that the settings do not choose is named.
            note = one_line(self._profile or "", 14)
            score = next((each for each in seen.scores if each.profile == self._profile), None)
            without = f"no {note}"
        words = ("" if seen.number is None else f"turn {seen.number}", note if score is not None else without)
        self.query_one(SaliencePanel).show(score, ", ".join(filter(None, words)))
