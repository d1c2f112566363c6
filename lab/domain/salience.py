"""One score of one exchange on the five SNARC dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DIMENSIONS: Final = ("surprise", "novelty", "arousal", "reward", "conflict")


@dataclass(frozen=True, slots=True)
class Salience:
    """Five dimensions and their weighted total, each in 0..1, against a threshold."""

    profile: str
    surprise: float
    novelty: float
    arousal: float
    reward: float
    conflict: float
    total: float
    threshold: float

    @property
    def salient(self) -> bool:
        """True when the total reaches the threshold."""
        return self.total >= self.threshold

    def dimensions(self) -> dict[str, float]:
        """The five values by name, in the published order."""
        return {name: getattr(self, name) for name in DIMENSIONS}
