"""The drafts of one turn as the screen knows them, while they grow and afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lab.dialogue.events import TurnEvent
from lab.domain import Draft, Exchange, Finish
from lab.refinement.irp import DraftGrew, DraftScored, DraftStarted, DraftThought
from lab.text import DOT, count

State = Literal["waiting", "growing", "done", "chosen", "kept", "stopped", "limit", "lost"]


@dataclass(frozen=True, slots=True)
class DraftView:
    """One iteration, counted from 0. Energy, tokens, seconds and `finish` are None until it is whole.

    `thinking` came before the text and took `thinking_tokens` so far. Of an imported draft, seed, tokens and seconds
    are not known.
    """

    iteration: int
    state: State = "waiting"
    temperature: float | None = None
    seed: int | None = None
    text: str = ""
    energy: float | None = None
    tokens: int | None = None
    seconds: float | None = None
    thinking: str = ""
    thinking_tokens: int = 0
    finish: Finish | None = None


def views(exchange: Exchange) -> list[DraftView]:
    """The drafts of a finished exchange."""
    return [_whole(draft, _role(draft, exchange)) for draft in exchange.drafts]


def answered(exchange: Exchange) -> int | None:
    """The iteration whose text is the answer now; None where there is none, or a person wrote the answer."""
    if exchange.target is None:
        return exchange.chosen
    return exchange.kept_iteration if exchange.mark != "edited" else None


def chosen_words(exchange: Exchange) -> str:
    """Which draft is the answer, in a few words."""
    if exchange.target is not None and answered(exchange) is None:
        return "answer edited"
    draft = answered(exchange)
    if draft is None:
        return "none chosen" if exchange.drafts else ""
    return f"draft {draft + 1} of {len(exchange.drafts)}"


def at_first(drafts: Sequence[DraftView]) -> int:
    """The iteration to begin at: the chosen draft, else the first growing one, else the first."""
    return next((draft.iteration for draft in drafts if draft.state in ("growing", "chosen", "kept")), 0)


def waiting(iterations: int) -> list[DraftView]:
    """So many drafts that are not begun."""
    return [DraftView(iteration) for iteration in range(iterations)]


def apply(drafts: Sequence[DraftView], event: TurnEvent) -> list[DraftView]:
    """The drafts after an event of the turn."""
    if isinstance(event, DraftStarted):
        changed = DraftView(event.iteration, "growing", event.temperature, event.seed)
    elif isinstance(event, DraftThought):
        before = drafts[event.iteration]
        changed = replace(before, thinking=before.thinking + event.text, thinking_tokens=event.tokens)
    elif isinstance(event, DraftGrew):
        before = drafts[event.iteration]
        changed = replace(before, text=before.text + event.text)
    elif isinstance(event, DraftScored):
        changed = _whole(event.draft)
    else:
        return list(drafts)
    return [changed if draft.iteration == changed.iteration else draft for draft in drafts]


def watched(drafts: Sequence[DraftView]) -> DraftView:
    """The draft that the dialogue shows while the turn runs.

    The first one as long as it is written: what is being read is not taken away. After that the best whole one,
    so that the answer at the end is what was there already. One that says nothing is nothing to read.
    """
    first = drafts[0]
    whole = [draft for draft in drafts if draft.energy is not None and draft.text.strip()]
    if first.energy is None or not whole:
        return next((draft for draft in drafts if draft.energy is None), first)
    return min(whole, key=lambda draft: (draft.energy, draft.iteration))


def about(draft: DraftView, drafts: int) -> str:
    """The quiet line over a draft that is watched; `drafts` is how many there are."""
    if draft.temperature is None:
        return "reading"
    if draft.energy is not None:
        return f"best so far: draft {draft.iteration + 1} of {drafts}, energy {draft.energy:.2f}"
    line = f"draft {draft.iteration + 1} of {drafts}"
    # Not both: on a small screen there is room for one.
    return line + DOT + folded(draft) if draft.thinking else f"{line}, temperature {draft.temperature:.2f}"


def folded(draft: DraftView) -> str:
    """The thinking of a draft in a few words; nothing for a draft that did not think."""
    if not draft.thinking:
        return ""
    tokens = count(draft.thinking_tokens, "token")
    return f"thought for {tokens}" if draft.text or draft.energy is not None else f"thinking, {tokens}"


def ended(drafts: Sequence[DraftView], exchange: Exchange) -> list[DraftView]:
    """The drafts once the turn is over: the unfinished ones are lost with the engine, one not begun is left out."""
    whole = {view.iteration: view for view in views(exchange)}
    lost = {view.iteration: replace(view, state="lost") for view in drafts if view.state == "growing"}
    return sorted({**lost, **whole}.values(), key=lambda view: view.iteration)


def _role(draft: Draft, exchange: Exchange) -> State:
    if draft.iteration == exchange.kept_iteration:
        return "kept"
    return "chosen" if draft.iteration == exchange.chosen else "done"


def _whole(draft: Draft, state: State = "done") -> DraftView:
    if draft.finish == "cancelled" and state != "kept":
        state = "stopped"
    elif draft.finish == "length" and state == "done":
        state = "limit"
    # Every engine counts; an imported draft brings none of the three.
    measured = draft.tokens > 0 or draft.seconds > 0
    return DraftView(
        iteration=draft.iteration,
        state=state,
        temperature=draft.temperature,
        seed=draft.seed if measured else None,
        text=draft.text,
        energy=draft.energy,
        tokens=draft.tokens if measured else None,
        seconds=draft.seconds if measured else None,
        thinking=draft.thinking,
        thinking_tokens=draft.thinking_tokens,
        finish=draft.finish if measured else None,
    )
