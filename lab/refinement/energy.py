"""The published energy of a draft: what is wrong with it, in parts that add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Energy:
    """The parts of an energy, each 0 or more; `total` is their sum, capped at 1. 0 is best."""

    length: float
    ending: float
    repetition: float
    collapse: float

    @property
    def total(self) -> float:
        return min(self.length + self.ending + self.repetition + self.collapse, 1.0)


def energy(text: str) -> Energy:
    """Score a draft.

    Source: the published IRP. Short drafts (under 50 characters) cost 0.3, an unfinished ending 0.2,
    few distinct words (under 70 % of more than 10) 0.2, and a run of three words that comes back
    0.2 (twice) or 0.5 (three times or more) when there are more than 20 words.
    """
    stripped = text.rstrip()
    words = text.lower().split()
    return Energy(
        length=0.3 if len(text) < 50 else 0.0,
        ending=0.2 if stripped and stripped[-1] not in '.!?"' else 0.0,
        repetition=0.2 if len(words) > 10 and len(set(words)) / len(words) < 0.7 else 0.0,
        collapse=_collapse(words),
    )


def _collapse(words: list[str]) -> float:
    if len(words) <= 20:
        return 0.0
    commonest = max(Counter(zip(words, words[1:], words[2:])).values())
    if commonest >= 3:
        return 0.5
    return 0.2 if commonest == 2 else 0.0
