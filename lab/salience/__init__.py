"""SNARC salience: profiles that score an exchange on five dimensions, and their registry."""

from __future__ import annotations

from lab.errors import LabError
from lab.salience.lexical import Lexical
from lab.salience.profile import Profile

PROFILES: dict[str, Profile] = {"lexical": Lexical()}


def profile(name: str) -> Profile:
    """The profile of this name. Raises LabError that lists the known ones."""
    try:
        return PROFILES[name]
    except KeyError:
        raise LabError(
            f'salience.profile "{name}" is not known.', f"Choose one of: {', '.join(sorted(PROFILES))}."
        ) from None
