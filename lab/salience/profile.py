"""What a SNARC profile is; a new one is a module beside this and a line in the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from lab.domain import Evidence, Reason, Salience


class Profile(Protocol):
    """Scores one exchange."""

    @property
    def name(self) -> str:
        """The name under which its scores are recorded."""
        ...

    @property
    def threshold(self) -> float:
        """The total, in 0..1, from which on an exchange is salient where a person chose none."""
        ...

    def score(self, evidence: Evidence, threshold: float) -> Salience:
        """Every dimension and the total in 0..1, carried with the threshold that judges the total."""
        ...

    def explain(self, evidence: Evidence) -> Sequence[Reason]:
        """What moved each dimension."""
        ...


def total_of(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The weighted mean of the dimensions."""
    return sum(weight * values[name] for name, weight in weights.items()) / sum(weights.values())
