"""Exchanges as lines of plain text, with numbers instead of bars: for screen readers, pipes and terminals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lab.domain import Draft, Exchange, Mark, Salience, Session
from lab.refinement.energy import energy
from lab.text import count, duration, harmless, model_name, one_line

# The words that are typed for the marks of the record, and what each means.
MARKS: Final[dict[str, Mark | None]] = {"keep": "kept", "exclude": "excluded", "edit": "edited", "none": None}
LEARNT: Final[dict[Mark | None, str]] = {
    "kept": "kept; a sleep learns it, salient or not.",
    "excluded": "excluded; no sleep learns it.",
    "edited": "edited; the dialogue goes on from the new answer, and a sleep learns that.",
    None: "no mark; a sleep learns it when it is salient.",
}


def session_lines(session: Session, exchanges: int) -> Iterator[str]:
    """What there is to know of a session before its first turn."""
    yield one_line(session.title or "Without a title")
    facts = [session.session_id, f"begun {session.started_at:%Y-%m-%d %H:%M} UTC", count(exchanges, "exchange")]
    facts += [f"checkpoint {model_name(session.checkpoint)}"] if session.checkpoint else []
    facts.append(f"adapter {session.adapter or 'none'}")
    yield one_line(", ".join(facts))
    if session.parent_session_id:
        yield one_line(f"A fork: it goes on from {session.parent_exchange_id} of {session.parent_session_id}.")


def turn_lines(exchange: Exchange) -> Iterator[str]:
    """A turn of a transcript: who said what, what became of it, its salience and its mark."""
    yield f"{exchange.turn}. you: {harmless(exchange.user_input)}"
    yield ""
    yield from answer_lines(exchange)


def answer_lines(exchange: Exchange) -> Iterator[str]:
    """The answer with its salience and its mark."""
    if exchange.answer:
        yield f"answer: {harmless(exchange.answer)}"
    if exchange.status != "complete" or not exchange.answer:
        yield one_line(f"{exchange.status}: {exchange.reason}" if exchange.reason else f"{exchange.status}.")
    yield from (salience_line(score, len(exchange.salience) > 1) for score in exchange.salience)
    if exchange.mark:
        edited = " (the answer above is what it should have been)" if exchange.target is not None else ""
        yield f"mark: {exchange.mark}{edited}"


def salience_line(score: Salience, named: bool = False) -> str:
    """A score in numbers; `named` says of which profile."""
    profile = f" ({one_line(score.profile)})" if named else ""
    verdict = "salient" if score.salient else "not salient"
    values = ", ".join(f"{name} {value:.3f}" for name, value in score.dimensions().items())
    return f"salience{profile}: total {score.total:.3f} {verdict}; {values}"


def exchange_lines(exchange: Exchange) -> Iterator[str]:
    """One exchange with all that is known of it, its drafts included."""
    facts = [
        exchange.exchange_id,
        f"{exchange.created_at:%Y-%m-%d %H:%M:%S} UTC",
        exchange.status,
        f"checkpoint {model_name(exchange.checkpoint) if exchange.checkpoint else 'unknown'}",
        f"adapter {exchange.adapter or 'none'}",
    ]
    facts += [duration(exchange.seconds)] if exchange.seconds is not None else []
    yield one_line(", ".join(facts))
    yield ""
    yield from turn_lines(exchange)
    if exchange.target is not None:
        yield "recorded answer:"
        yield harmless(exchange.response)
    yield from draft_lines(exchange)


def draft_lines(exchange: Exchange) -> Iterator[str]:
    """All drafts of an exchange, each with what it cost and its text."""
    for draft in exchange.drafts:
        yield ""
        facts = [
            f"draft {draft.iteration + 1} of {len(exchange.drafts)}",
            f"temperature {draft.temperature:.2f}",
            f"energy {draft.energy:.2f}{_parts(draft)}",
            count(draft.tokens, "token"),
            duration(draft.seconds),
            f"seed {draft.seed}",
        ]
        facts += ["stopped at the token limit"] if draft.finish == "length" else []
        facts += ["cancelled"] if draft.finish == "cancelled" else []
        facts += ["chosen"] if draft.iteration == exchange.chosen else []
        facts += ["kept as the answer"] if draft.iteration == exchange.kept_iteration else []
        yield ", ".join(facts)
        if draft.thinking:
            yield f"thought: {harmless(draft.thinking)}"
        yield harmless(draft.text)


def _parts(draft: Draft) -> str:
    """What an energy adds up from, where it is ours: imported drafts have only the beginning of their text."""
    found = energy(draft.text)
    if abs(found.total - draft.energy) > 1e-9:
        return ""
    named = {"length": found.length, "ending": found.ending, "repetition": found.repetition, "collapse": found.collapse}
    parts = [f"{name} {value:.1f}" for name, value in named.items() if value]
    return f" ({' + '.join(parts)})" if parts else " (nothing wrong)"
