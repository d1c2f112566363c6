"""What the timeline reads in threads: a part of the axis, the exchange at the cursor, the next one over a value."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from lab.domain import SleepCycle
from lab.errors import LabError
from lab.journal import queries, timeline
from lab.journal.timeline import Moment, Stretch
from lab.plots import judged_by

if TYPE_CHECKING:
    from lab.lab import Lab


class StretchRead(Message):
    """A part of the axis with its sleeps, its profiles and the threshold of the one that is shown, the cursor on
    `place`, where this exchange was asked for; or why it cannot be shown."""

    def __init__(
        self,
        number: int,
        stretch: Stretch | None,
        place: int = 0,
        cycles: list[SleepCycle] | None = None,
        profiles: list[str] | None = None,
        threshold: float = 0.0,
        error: LabError | None = None,
        exchange_id: str | None = None,
    ) -> None:
        super().__init__()
        self.number = number
        self.exchange_id = exchange_id
        self.stretch = stretch
        self.place = place
        self.cycles = cycles or []
        self.profiles = profiles or []
        self.threshold = threshold
        self.error = error


class MomentRead(Message):
    """The exchange at the cursor, or why it is not known."""

    def __init__(self, exchange_id: str, moment: Moment | None, error: LabError | None = None) -> None:
        super().__init__()
        self.exchange_id = exchange_id
        self.moment = moment
        self.error = error


class Jumped(Message):
    """Where the next exchange over the value is, if there is one."""

    def __init__(self, found: tuple[int, str] | None, forward: bool, error: LabError | None = None) -> None:
        super().__init__()
        self.found = found
        self.forward = forward
        self.error = error


def read_stretch(
    lab: Lab,
    whose: tuple[str | None, str],
    part: tuple[int, int | None, int],
    place: int | None,
    exchange_id: str | None,
    cancel: threading.Event,
    number: int,
    post: Callable[[Message], object],
) -> None:
    """`whose` is a session and a profile, `part` where to start, how many exchanges, and in how many points."""
    (session_id, profile), (start, size, columns) = whose, part
    try:
        if place is None and exchange_id is not None:
            place = timeline.place_of(lab.record, session_id, exchange_id, cancel)
        stretch = timeline.points(
            lab.record, session_id, profile, buckets=columns, start=start, size=size, cancel=cancel
        )
        cycles = queries.cycles(lab.record)
        known = timeline.profiles(lab.record, session_id)
        threshold = judged_by(lab.record, lab.settings.salience, profile, cancel)
    except LabError as error:
        post(StretchRead(number, None, error=error))
        return
    post(StretchRead(number, stretch, place or 0, cycles, known, threshold, exchange_id=exchange_id))


def read_moment(lab: Lab, exchange_id: str, profile: str, post: Callable[[Message], object]) -> None:
    """The last word is MomentRead."""
    try:
        post(MomentRead(exchange_id, timeline.moment(lab.record, exchange_id, profile)))
    except LabError as error:
        post(MomentRead(exchange_id, None, error))


def jump(
    lab: Lab,
    sought: tuple[str | None, str, str, float, int],
    forward: bool,
    cancel: threading.Event,
    post: Callable[[Message], object],
) -> None:
    """`sought` is what `lab.journal.timeline.next_over` takes. Says nothing when it was cancelled."""
    try:
        post(Jumped(timeline.next_over(lab.record, *sought, forward=forward, cancel=cancel), forward))
    except LabError as error:
        if not cancel.is_set():
            post(Jumped(None, forward, error))
