"""The cursor of the timeline: which part of the axis is shown, where on it the cursor is, and where a key leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lab.journal.timeline import Point, Stretch

# Fewer exchanges than this are not zoomed into.
_CLOSEST: Final = 8


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the axis to read, all of it by default, with the cursor on a place or on an exchange then."""

    start: int = 0
    size: int | None = None
    place: int | None = None
    exchange_id: str | None = None


class Axis:
    """What moves the cursor gives the part that has to be read first, or None when the cursor is there.

    `exchange_id` is the one that is told, at `place`: of a point that stands for many the highest, or the one that was
    looked for.
    """

    def __init__(self) -> None:
        self.stretch = Stretch((), 0, 0, 0)
        self.index = 0
        self.place = 0
        self.exchange_id: str | None = None

    @property
    def point(self) -> Point | None:
        """The point at the cursor."""
        points = self.stretch.points
        return points[self.index] if self.index < len(points) else None

    @property
    def shown(self) -> Part:
        """The part that is shown, with the cursor where it is."""
        return Part(self.stretch.start, self.stretch.size, self.place, self.exchange_id)

    def put(self, index: int, place: int | None = None, exchange_id: str | None = None) -> None:
        """Put the cursor on a point, and of its exchanges on this one, else on the highest."""
        self.index = index
        point = self.point
        if point is None:
            self.exchange_id = None
        elif place is not None and exchange_id is not None:
            self.place, self.exchange_id = place, exchange_id
        else:
            self.place, self.exchange_id = point.place, point.exchange_id

    def put_at(self, place: int, exchange_id: str | None = None) -> None:
        """Put the cursor on the point of this place, which is shown."""
        starts = [index for index, point in enumerate(self.stretch.points) if point.start <= place]
        self.put(starts[-1] if starts else 0, place, exchange_id)

    def step(self, by: int) -> Part | None:
        """So many points on, at the end of what is shown into the next part of the axis."""
        stretch, target = self.stretch, self.index + by
        last = len(stretch.points) - 1
        if 0 <= target <= last:
            self.put(target)
            return None
        before = target < 0
        at_end = stretch.start == 0 if before else stretch.start + stretch.size >= stretch.total
        if self.index != (0 if before else last) or at_end:
            self.put(0 if before else max(last, 0))
            return None
        shift = max(stretch.size // 2, 1) * (-1 if before else 1)
        place = stretch.start - 1 if before else stretch.start + stretch.size
        return Part(self._within(stretch.start + shift, stretch.size), stretch.size, place)

    def end(self, last: bool) -> Part | None:
        """To the last exchange of the axis, or to the first."""
        place = self.stretch.total - 1 if last else 0
        if self._shows(place):
            self.put_at(place)
            return None
        return Part(self._within(place, self.stretch.size), self.stretch.size, place)

    def go(self, place: int, exchange_id: str) -> Part | None:
        """To this exchange."""
        if self._shows(place):
            self.put_at(place, exchange_id)
            return None
        size = self.stretch.size
        return Part(self._within(place - size // 2, size), size, place, exchange_id)

    def closer(self) -> Part | None:
        """Half as many exchanges around the cursor."""
        return self._zoom(max(self.stretch.size // 2, min(_CLOSEST, self.stretch.size)))

    def farther(self) -> Part | None:
        """Twice as many."""
        return self._zoom(min(self.stretch.size * 2, self.stretch.total))

    def _zoom(self, size: int) -> Part | None:
        if size == self.stretch.size:
            return None
        return Part(self._within(self.place - size // 2, size), size, self.place, self.exchange_id)

    def _shows(self, place: int) -> bool:
        return not self.stretch.points or self.stretch.start <= place < self.stretch.start + self.stretch.size

    def _within(self, start: int, size: int) -> int:
        """A start from which so many exchanges are on the axis."""
        return min(max(start, 0), self.stretch.total - size)
