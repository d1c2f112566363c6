"""Carrying a session away: streamed as Markdown, one JSON document, JSON lines or an HTML page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import orjson

from lab.domain import Draft, Exchange, Salience, Session
from lab.errors import LabError
from lab.journal import queries
from lab.journal.html_form import html_form
from lab.journal.markdown_form import markdown_form
from lab.journal.record import Record

Form = Literal["markdown", "json", "jsonl", "html"]

# Turns that are read at a time: with five drafts of 200 tokens each about a megabyte.
_PAGE: Final = 200


def export_session(record: Record, session_id: str, form: Form, write: Callable[[str], object]) -> int:
    """Write a session piece by piece and return the number of its exchanges.

    Drafts, salience and marks are in it; of a fork its own turns, with a note of what came before. The text of JSON and
    JSON lines is exact; in the others control characters are shown as pictures. Raises LabError for an unknown session
    and as `Record.query` does, and whatever `write` raises.
    """
    session = queries.session(record, session_id)
    if session is None:
        raise LabError(f'There is no session "{session_id}".', "lab sessions lists them.")
    count = 0

    def counted() -> Iterator[Exchange]:
        nonlocal count
        for exchange in exchanges(record, session_id):
            count += 1
            yield exchange

    for piece in _FORMS[form](session, counted()):
        write(piece)
    return count


def exchanges(record: Record, session_id: str) -> Iterator[Exchange]:
    """All turns of a session, oldest first, with drafts and scores, a page at a time. Raises LabError."""
    last: Exchange | None = None
    while page := queries.exchanges_after(record, session_id, last, _PAGE):
        yield from page
        last = page[-1]


def session_body(session: Session) -> dict[str, Any]:
    """A session under its SQL names."""
    return {
        "session_id": session.session_id,
        "title": session.title,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "checkpoint": session.checkpoint,
        "revision": session.revision,
        "adapter": session.adapter,
        "profile": session.profile,
        "threshold": session.threshold,
        "parent_session_id": session.parent_session_id,
        "parent_exchange_id": session.parent_exchange_id,
    }


def exchange_body(exchange: Exchange) -> dict[str, Any]:
    """An exchange under its SQL names, with a list of its drafts and one of its scores."""
    return {
        "exchange_id": exchange.exchange_id,
        "session_id": exchange.session_id,
        "turn": exchange.turn,
        "created_at": exchange.created_at,
        "user_input": exchange.user_input,
        "response": exchange.response,
        "status": exchange.status,
        "checkpoint": exchange.checkpoint,
        "adapter": exchange.adapter,
        "prompt_tokens": exchange.prompt_tokens,
        "response_tokens": exchange.response_tokens,
        "seconds": exchange.seconds,
        "mark": exchange.mark,
        "target": exchange.target,
        "kept_iteration": exchange.kept_iteration,
        "reason": exchange.reason,
        "drafts": [_draft_body(draft, draft.iteration == exchange.chosen) for draft in exchange.drafts],
        "salience": [salience_body(score) for score in exchange.salience],
    }


def _draft_body(draft: Draft, chosen: bool) -> dict[str, Any]:
    return {
        "iteration": draft.iteration,
        "temperature": draft.temperature,
        "seed": draft.seed,
        "energy": draft.energy,
        "tokens": draft.tokens,
        "seconds": draft.seconds,
        "finish": draft.finish,
        "text": draft.text,
        "thinking": draft.thinking,
        "thinking_tokens": draft.thinking_tokens,
        "chosen": chosen,
    }


def salience_body(score: Salience) -> dict[str, Any]:
    """A score under its SQL names."""
    return {
        "profile": score.profile,
        **score.dimensions(),
        "total": score.total,
        "threshold": score.threshold,
        "salient": score.salient,
    }


def _dumps(value: object) -> str:
    # Python's own microseconds and offset, which orjson writes too: "2026-11-22T04:41:00+00:00".
    return orjson.dumps(value).decode()


def _json_form(session: Session, turns: Iterator[Exchange]) -> Iterator[str]:
    yield f'{{"session":{_dumps(session_body(session))},\n"exchanges":['
    comma = "\n"
    for exchange in turns:
        yield f"{comma}{_dumps(exchange_body(exchange))}"
        comma = ",\n"
    yield "\n]}\n"


def _jsonl_form(session: Session, turns: Iterator[Exchange]) -> Iterator[str]:
    for exchange in turns:
        yield f"{_dumps(exchange_body(exchange))}\n"


_FORMS: Final[dict[Form, Callable[[Session, Iterator[Exchange]], Iterator[str]]]] = {
    "markdown": markdown_form,
    "json": _json_form,
    "jsonl": _jsonl_form,
    "html": html_form,
}
