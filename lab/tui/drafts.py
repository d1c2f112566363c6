"""The drafts of one turn as the screen knows them, while they grow and afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lab.dialogue.events import TurnEvent
from lab.domain import Draft, Exchange
from lab.refinement.irp import DraftGrew, DraftScored, DraftStarted

State = Literal["waiting", "growing", "done", "chosen", "stopped", "limit", "lost"]


@dataclass(frozen=True, slots=True)
class DraftView:
    """One iteration, counted from 0. Energy, tokens and seconds are None until it is whole."""

    iteration: int
    state: State = "waiting"
    temperature: float | None = None
    seed: int | None = None
    text: str = ""
    energy: float | None = None
    tokens: int | None = None
    seconds: float | None = None


def views(exchange: Exchange) -> list[DraftView]:
    """The drafts of a finished exchange."""
    return [_whole(draft, draft.iteration == exchange.chosen) for draft in exchange.drafts]


def waiting(iterations: int) -> list[DraftView]:
    """So many drafts that are not begun."""
    return [DraftView(iteration) for iteration in range(iterations)]


def apply(drafts: Sequence[DraftView], event: TurnEvent) -> list[DraftView]:
    """The drafts after an event of the turn."""
    if isinstance(event, DraftStarted):
        changed = DraftView(event.iteration, "growing", event.temperature, event.seed)
    elif isinstance(event, DraftGrew):
        before = drafts[event.iteration]
        changed = replace(before, text=before.text + event.text)
    elif isinstance(event, DraftScored):
        changed = _whole(event.draft, False)
    else:
        return list(drafts)
    return [changed if draft.iteration == changed.iteration else draft for draft in drafts]


def ended(drafts: Sequence[DraftView], exchange: Exchange) -> list[DraftView]:
    """The drafts once the turn is over: the unfinished one is lost with the engine, one not begun is left out."""
    whole = {view.iteration: view for view in views(exchange)}
    lost = {view.iteration: replace(view, state="lost") for view in drafts if view.state == "growing"}
    return sorted({**lost, **whole}.values(), key=lambda view: view.iteration)


def _whole(draft: Draft, chosen: bool) -> DraftView:
    state: State = "chosen" if chosen else "done"
    if draft.finish == "cancelled":
        state = "stopped"
    elif draft.finish == "length" and not chosen:
        state = "limit"
    return DraftView(
        draft.iteration, state, draft.temperature, draft.seed, draft.text, draft.energy, draft.tokens, draft.seconds
    )
