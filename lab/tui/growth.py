"""Growing drafts at a pace that a screen can follow: what arrives between two repaints becomes one step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Union

from lab.dialogue.events import TurnEvent
from lab.refinement.irp import DraftGrew, DraftThought

_Growth = Union[DraftThought, DraftGrew]


def gathered(
    events: Iterable[TurnEvent], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[TurnEvent, ...]]:
    """The events of a turn in groups: growth of all drafts together at most once in `seconds`, the rest at once.

    Five drafts that grow side by side cost as many repaints as one. Within a group the pieces of a draft are
    joined; no event overtakes another of its draft.
    """
    held: dict[tuple[type[_Growth], int], _Growth] = {}
    said = float("-inf")
    for event in events:
        if isinstance(event, (DraftThought, DraftGrew)):
            key = type(event), event.iteration
            held[key] = _joined(held.get(key), event)
            if clock() - said < seconds:
                continue
            said = clock()
            yield tuple(held.values())
        else:
            yield (*held.values(), event)
        held.clear()


def _joined(before: _Growth | None, event: _Growth) -> _Growth:
    if isinstance(before, DraftGrew) and isinstance(event, DraftGrew):
        return DraftGrew(event.iteration, before.text + event.text)
    if isinstance(before, DraftThought) and isinstance(event, DraftThought):
        return DraftThought(event.iteration, before.text + event.text, event.tokens)
    return event
