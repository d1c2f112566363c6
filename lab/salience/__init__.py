"""SNARC salience: profiles that score an exchange in five dimensions, by name."""

from __future__ import annotations

from typing import Final

from lab.domain import Evidence, Salience
from lab.errors import LabError
from lab.salience.lexical import Lexical
from lab.salience.measured import Measured
from lab.salience.profile import Profile

PROFILES: dict[str, Profile] = {"lexical": Lexical(), "measured": Measured()}
# What every process knows; a registered one is known where its script runs.
SHIPPED: Final = frozenset(PROFILES)


def register(new: Profile) -> None:
    """Add a profile of one's own, before a lab is opened: it scores every turn from then on, and can be chosen.

    Raises LabError when another profile has its name.
    """
    if PROFILES.setdefault(new.name, new) is not new:
        raise LabError(f'There is a profile "{new.name}" already.', "Give this one another name.")


def profile(name: str) -> Profile:
    """The profile of this name. Raises LabError when there is none."""
    try:
        return PROFILES[name]
    except KeyError:
        raise LabError(
            f'salience.profile "{name}" is not known.', f"Choose one of: {', '.join(sorted(PROFILES))}."
        ) from None


def get_ready() -> None:
    """Let every profile read what it needs for its first score (a second), so that no turn waits for that."""
    scores(Evidence("", ""), next(iter(PROFILES)), 1.0)


def threshold_of(name: str, chosen: float | None) -> float:
    """The total from which on an exchange is salient: the chosen one, else the profile's own. Raises LabError."""
    return profile(name).threshold if chosen is None else chosen


def scores(evidence: Evidence, chosen: str, threshold: float) -> tuple[Salience, ...]:
    """What every profile says, the chosen one first: it alone is judged by this threshold, the others by their own."""
    others = [each for name, each in sorted(PROFILES.items()) if name != chosen]
    return (profile(chosen).score(evidence, threshold), *(each.score(evidence, each.threshold) for each in others))
