"""Follows a sleep through its journal, whoever started it, and says how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from lab.journal.events import Entry, now
from lab.journal.journal import Journal
from lab.journal.sleep_events import (
    SleepCounted,
    SleepEnded,
    SleepMeasured,
    SleepPlanned,
    SleepResumed,
    SleepStaged,
    SleepStarted,
    SleepStepped,
)

# The screen's sparkline shows no more; the record keeps every step.
_LOSSES_SHOWN = 64
_RESTING = ("paused", "waiting")


@dataclass(frozen=True, slots=True)
class SleepProgress:
    """How far a sleep is. Losses are in nats a token, `losses` the latest ones, oldest first.

    `stage` is loading, dreaming, probing, anchoring, training, judging, saving, paused, waiting (for an answer that is
    written) or ended; of one that makes no steps `done` of `of` texts are read, where that is known. `seconds_left`, of
    the training, is None until steps were timed. `lessons` are new ones, `earlier` those that are learnt again with
    them; a `deep` sleep learns all of them anew. `measures` are those told so far, by their names.
    """

    cycle_id: str
    stage: str = "loading"
    step: int = 0
    total_steps: int = 0
    epoch: int = 0
    epochs: int = 0
    exchanges: int = 0
    examples: int = 0
    lessons: int = 0
    earlier: int = 0
    loss: float | None = None
    losses: tuple[float, ...] = ()
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    ended: SleepEnded | None = None
    measures: Mapping[str, SleepMeasured] = field(default_factory=dict)
    deep: bool = False
    done: int = 0
    of: int = 0


def deep_words(cycle_id: str) -> str:
    """What is said of a deep sleep that nobody asked for here."""
    return (
        f"{cycle_id} is a deep sleep: it learns the whole memory anew, from the base, so that what has drifted comes"
        " back. That takes longer."
    )


def active_seconds(journal: Journal, cycle_id: str, until: datetime | None = None) -> float:
    """How long a cycle has been at work by now, or `until` then, by its journal: without pauses, and without what lay
    between a kill and going on."""
    seconds = 0.0
    before: Entry | None = None
    lines = [line.entry for line in journal.read(cycle_id) if line.entry is not None]
    for entry in [*lines, None]:
        paused = before is not None and isinstance(before.event, SleepStaged) and before.event.stage == "paused"
        # Both are told by whoever found it killed.
        killed = entry is not None and (
            isinstance(entry.event, SleepResumed)
            or (isinstance(entry.event, SleepEnded) and entry.event.status == "interrupted")
        )
        if before is not None and not paused and not killed:
            at = entry.at if entry is not None else until or now()
            seconds += max((at - before.at).total_seconds(), 0.0)
        before = entry
    return seconds


def progress_of(cycle_id: str, entries: Iterable[Entry]) -> Iterator[SleepProgress]:
    """The progress after each event of a cycle's journal.

    An end as "interrupted" is told only when nothing follows it: a sleep that was killed may go on.
    """
    progress = SleepProgress(cycle_id)
    training_since: datetime | None = None
    # Since when a training is paused, or waits for an answer.
    resting_since: datetime | None = None
    tokens = since_step = 0
    at_work = progress.stage
    for entry in entries:
        event = entry.event
        if isinstance(event, SleepStarted):
            progress = replace(
                progress,
                total_steps=event.total_steps,
                epochs=event.epochs,
                exchanges=event.exchanges,
                examples=event.examples,
                deep=event.deep,
            )
        elif isinstance(event, SleepPlanned):
            progress = replace(
                progress,
                total_steps=event.total_steps,
                examples=event.examples,
                epochs=event.epochs or progress.epochs,
                lessons=event.lessons,
                earlier=event.earlier,
            )
        elif isinstance(event, SleepStaged):
            before, progress = progress.stage, replace(progress, stage=event.stage, seconds_left=None, ended=None)
            if event.stage not in _RESTING and event.stage != at_work:
                at_work, progress = event.stage, replace(progress, done=0, of=0)
            if event.stage in _RESTING:
                resting_since = resting_since or (entry.at if before == "training" else None)
            elif event.stage == "training" and training_since is not None and resting_since is not None:
                # What was waited is no part of the pace.
                training_since += entry.at - resting_since
                resting_since = None
            elif event.stage == "training":
                training_since, resting_since, tokens, since_step = entry.at, None, 0, progress.step
        elif isinstance(event, SleepCounted):
            progress = replace(progress, done=event.done, of=event.of)
        elif isinstance(event, SleepResumed):
            # The steps after the last saved one are made again.
            left = len(progress.losses) - (progress.step - event.step)
            progress = replace(progress, step=event.step, losses=progress.losses[: max(left, 0)], ended=None)
            training_since = resting_since = None
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
                seconds_left=elapsed / max(event.step - since_step, 1) * max(progress.total_steps - event.step, 0),
            )
        elif isinstance(event, SleepMeasured):
            progress = replace(progress, measures={**progress.measures, event.measure: event})
        elif isinstance(event, SleepEnded):
            progress = replace(progress, stage="ended", seconds_left=None, ended=event)
            if event.status == "interrupted":
                continue
        else:
            continue
        yield progress
    if progress.ended is not None and progress.ended.status == "interrupted":
        yield progress
