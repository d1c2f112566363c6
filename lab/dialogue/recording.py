"""The events that a turn leaves in the record, made from its values."""

from __future__ import annotations

from collections.abc import Iterable

from lab.domain import Draft, Exchange, Memory, Salience, Session
from lab.journal.events import (
    DraftFinished,
    Event,
    ExchangeFinished,
    MemoryRead,
    SalienceScored,
    SessionOpened,
    TurnStarted,
)


def opened(session: Session) -> SessionOpened:
    """A session as it begins."""
    return SessionOpened(
        session_id=session.session_id,
        checkpoint=session.checkpoint,
        adapter=session.adapter,
        profile=session.profile,
        threshold=session.threshold,
        title=session.title,
        parent_session_id=session.parent_session_id,
        revision=session.revision,
        parent_exchange_id=session.parent_exchange_id,
    )


def started(exchange: Exchange) -> TurnStarted:
    """The user's turn, before anything is generated."""
    return TurnStarted(
        exchange_id=exchange.exchange_id,
        session_id=exchange.session_id,
        turn=exchange.turn,
        user_input=exchange.user_input,
        checkpoint=exchange.checkpoint,
        adapter=exchange.adapter,
    )


def drafted(exchange_id: str, draft: Draft) -> DraftFinished:
    """A whole draft."""
    return DraftFinished(
        exchange_id=exchange_id,
        iteration=draft.iteration,
        temperature=draft.temperature,
        seed=draft.seed,
        energy=draft.energy,
        tokens=draft.tokens,
        seconds=draft.seconds,
        text=draft.text,
        thinking=draft.thinking,
        thinking_tokens=draft.thinking_tokens,
        finish=draft.finish,
    )


def finished(exchange: Exchange, converged: bool | None) -> ExchangeFinished:
    """How a turn ended."""
    return ExchangeFinished(
        exchange_id=exchange.exchange_id,
        status=exchange.status,
        response=exchange.response,
        chosen=exchange.chosen,
        converged=converged,
        prompt_tokens=exchange.prompt_tokens,
        response_tokens=exchange.response_tokens,
        seconds=exchange.seconds,
        reason=exchange.reason,
    )


def scored(exchange_id: str, score: Salience) -> SalienceScored:
    """One profile's score."""
    return SalienceScored(
        exchange_id=exchange_id,
        profile=score.profile,
        total=score.total,
        threshold=score.threshold,
        salient=score.salient,
        **score.dimensions(),
    )


def measured(readings: Iterable[Memory]) -> list[Event]:
    """Memory readings as events."""
    return [MemoryRead(reading.process, reading.rss_bytes, reading.vram_bytes, reading.event) for reading in readings]
