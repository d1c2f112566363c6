"""What a SNARC profile is; a new one is a module beside this and a line in the registry."""

from __future__ import annotations

from typing import Protocol

from lab.domain import Salience


class Profile(Protocol):
    """Scores one exchange."""

    @property
    def name(self) -> str:
        """The name under which its scores are recorded."""
        ...

    def score(self, user_input: str, response: str, threshold: float) -> Salience:
        """Every dimension and the total in 0..1, carried with the threshold that judges the total."""
        ...
