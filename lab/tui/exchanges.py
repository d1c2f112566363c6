"""An exchange of the record as a screen reads it, and what is said of it in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from textual.message import Message

from lab.domain import Evidence, Exchange, Session
from lab.errors import LabError
from lab.journal import queries
from lab.journal.evidence import evidence_of
from lab.journal.neighbours import Neighbours, neighbours
from lab.journal.record import Record
from lab.text import DOT, duration, model_name, one_line
from lab.tui.drafts import answered, folded, views

# How long what was said just now may take into the database before it is read.
_SYNC_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Page:
    """An exchange with its session, its neighbours there, and what is known of it for a score."""

    exchange: Exchange
    session: Session | None
    neighbours: Neighbours
    evidence: Evidence | None


class PageRead(Message):
    """The exchange was read, or could not be; `number` is that of the reading."""

    def __init__(self, number: int, page: Page | None, error: LabError | None) -> None:
        super().__init__()
        self.number = number
        self.page = page
        self.error = error


def read_page(record: Record, exchange_id: str, number: int, post: Callable[[Message], object]) -> None:
    """Read an exchange and post it as `PageRead`, with the caller's number of this reading; for a thread."""
    try:
        # A turn that has just ended may not be in the database yet.
        record.sync(_SYNC_SECONDS)
        exchange = queries.exchange(record, exchange_id)
        if exchange is None:
            raise LabError(f'There is no exchange "{exchange_id}" in the record.', "Ctrl+O lists what there is.")
        session = queries.session(record, exchange.session_id)
        page = Page(exchange, session, neighbours(record, exchange), evidence_of(record, exchange))
    except LabError as error:
        post(PageRead(number, None, error))
        return
    post(PageRead(number, page, None))


def facts(exchange: Exchange) -> str:
    """What is known of an exchange beside what was said in it: when and by what, and what it took."""
    who = [f"{exchange.created_at:%Y-%m-%d %H:%M:%S} UTC"]
    if exchange.checkpoint:
        who.append(model_name(exchange.checkpoint))
        who.append(one_line(exchange.adapter) if exchange.adapter else "no adapter")
    found = [exchange.exchange_id]
    if exchange.status not in ("complete", "failed"):
        found.append(exchange.status)
    if exchange.prompt_tokens is not None:
        found.append(f"{exchange.prompt_tokens:,} tokens read")
    if exchange.response_tokens:
        found.append(f"{exchange.response_tokens:,} written")
    if exchange.seconds is not None:
        found.append(duration(exchange.seconds))
    thought = next((folded(draft) for draft in views(exchange) if draft.iteration == answered(exchange)), "")
    if thought:
        found.append(thought)
    return f"{DOT.join(who)}\n{DOT.join(found)}"


def source(exchange: Exchange) -> str:
    """Where the answer comes from that stands in place of the recorded one."""
    return "in your words" if exchange.kept_iteration is None else f"draft {exchange.kept_iteration + 1}"


def mark_words(exchange: Exchange) -> str:
    """What the person said of it; nothing where they said nothing."""
    if exchange.mark == "kept":
        return "kept: a sleep learns it, salient or not"
    if exchange.mark == "edited":
        return "edited: a sleep learns it in your words"
    return "excluded: no sleep learns it" if exchange.mark == "excluded" else ""


def trouble(exchange: Exchange) -> str:
    """Why there is no answer."""
    if exchange.status == "running":
        return "The answer is still being written."
    if exchange.status == "failed":
        return f"failed: {exchange.reason or 'the answer was not completed.'}"
    return f"no answer: {exchange.reason or 'every draft is empty.'}" if not exchange.response else ""
