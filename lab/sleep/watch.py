"""Follows a sleep through its journal, whoever started it, and says how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from lab.journal.events import Entry, SleepEnded, SleepStaged, SleepStarted, SleepStepped

# The screen's sparkline shows no more; the record keeps every step.
_LOSSES_SHOWN = 64


@dataclass(frozen=True, slots=True)
class SleepProgress:
    """How far a sleep is. Losses are in nats a token, `losses` the latest ones, oldest first.

    `stage` is loading, anchoring, training, saving or ended; `seconds_left` is None until steps were timed.
    """

    cycle_id: str
    stage: str = "loading"
    step: int = 0
    total_steps: int = 0
    epoch: int = 0
    epochs: int = 0
    exchanges: int = 0
    examples: int = 0
    loss: float | None = None
    losses: tuple[float, ...] = ()
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    ended: SleepEnded | None = None


def progress_of(cycle_id: str, entries: Iterable[Entry]) -> Iterator[SleepProgress]:
    """The progress after each event of a cycle's journal."""
    progress = SleepProgress(cycle_id)
    training_since: datetime | None = None
    tokens = 0
    for entry in entries:
        event = entry.event
        if isinstance(event, SleepStarted):
            progress = replace(
                progress,
                total_steps=event.total_steps,
                epochs=event.epochs,
                exchanges=event.exchanges,
                examples=event.examples,
            )
        elif isinstance(event, SleepStaged):
            progress = replace(progress, stage=event.stage)
            if event.stage == "training":
                training_since = entry.at
        elif isinstance(event, SleepStepped):
            tokens += event.tokens
            elapsed = (entry.at - training_since).total_seconds() if training_since else 0.0
            progress = replace(
                progress,
                step=event.step,
                epoch=event.epoch,
                loss=event.loss,
                losses=(*progress.losses, event.loss)[-_LOSSES_SHOWN:],
                tokens_per_second=tokens / elapsed if elapsed > 0 else None,
                seconds_left=elapsed / event.step * (progress.total_steps - event.step),
            )
        elif isinstance(event, SleepEnded):
            progress = replace(progress, stage="ended", seconds_left=None, ended=event)
        else:
            continue
        yield progress
