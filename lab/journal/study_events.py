"""The events of a study, as they stand in its own journal; they are told when it is complete."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StudyEnded:
    """A study came to its end after so many `seconds`; what it found follows."""

    study_id: str
    name: str
    checkpoint: str
    seed: int
    exchanges: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StudySignal:
    """What a signal said of one of the study's exchanges; "worth" is what it turned out to be worth."""

    study_id: str
    item: int
    signal: str
    kind: str
    said: str
    value: float


@dataclass(frozen=True, slots=True)
class StudyMeasured:
    """A figure of a study with its 95 % interval over `n` cases: which `measure` of which signal."""

    study_id: str
    measure: str
    signal: str
    value: float
    low: float | None
    high: float | None
    n: int
