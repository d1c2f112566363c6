"""The events of studies and experiments, as they stand in their own journals; they are told when one is complete."""

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


@dataclass(frozen=True, slots=True)
class ExperimentEnded:
    """An experiment came to its end after so many `seconds`; what it found follows."""

    experiment_id: str
    protocol: str
    checkpoints: tuple[str, ...]
    repeats: int
    turns: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ExperimentSignal:
    """What a signal said of a turn of an experiment; the exchange itself is in the experiment's own workspace."""

    experiment_id: str
    exchange_id: str
    signal: str
    checkpoint: str
    repeat: int
    item: str
    condition: str
    turn: int
    value: float


@dataclass(frozen=True, slots=True)
class ExperimentTested:
    """What came of a hypothesis by a profile; the fields are those of `study.hypotheses.Outcome`."""

    experiment_id: str
    hypothesis: str
    profile: str
    more: float | None
    less: float | None
    difference: float
    low: float
    high: float
    n: int
    p: float
    corrected: float
    effect: float
    verdict: str
