"""The events of a sleep, as they stand in its own journal."""

from __future__ import annotations

from dataclasses import dataclass

from lab.domain import Origin, ProbeKind, SleepStatus, Verdict


@dataclass(frozen=True, slots=True)
class SleepStarted:
    cycle_id: str
    checkpoint: str
    parent_adapter: str | None
    exchanges: int
    examples: int
    epochs: int
    total_steps: int
    rank: int
    learning_rate: float
    recipe: str
    deep: bool = False


@dataclass(frozen=True, slots=True)
class SleepPlanned:
    """What came of dreaming: how much is trained, and how the checkpoint is held for it, as in `domain.SleepPlan`.

    Takes the place of the counts of `SleepStarted`.
    """

    cycle_id: str
    lessons: int
    earlier: int
    examples: int
    total_steps: int
    epochs: int | None = None
    dtype: str | None = None
    checkpointing: bool | None = None


@dataclass(frozen=True, slots=True)
class SleepResumed:
    """A sleep that was interrupted goes on from its last saved step; `checkpointing` from there on."""

    cycle_id: str
    step: int
    checkpointing: bool | None = None


@dataclass(frozen=True, slots=True)
class SleepLessonFound:
    """Something to learn, or what was set aside and why (`reason`). The fields are those of `domain.Lesson`."""

    cycle_id: str
    lesson_id: str
    exchange_id: str
    origin: Origin
    statement: str
    question: str
    answer: str
    key: str
    support: float | None = None
    reason: str | None = None
    unseen: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    salience: float = 0.0


@dataclass(frozen=True, slots=True)
class SleepExampleUsed:
    cycle_id: str
    exchange_id: str
    kind: str
    prompt: str
    target: str
    lesson_id: str | None = None
    source: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class SleepProbed:
    """One question before and after a sleep: the likeliest answers, whether each is right, and the loss of what was
    expected, in nats a token. `number` counts the probes of a cycle from 1. A neighbour is right when it is unchanged:
    what is expected of it is the answer of before."""

    cycle_id: str
    number: int
    kind: ProbeKind
    lesson_id: str | None
    question: str
    expected: str
    answer_before: str
    answer_after: str
    right_before: bool
    right_after: bool
    nats_before: float
    nats_after: float


@dataclass(frozen=True, slots=True)
class SleepMeasured:
    """One figure of a receipt with its 95 % interval: learned, kept, forgotten, neighbours, gain, drift, length, ...

    A figure is None where it was not a number. `limit` is what the gate asked of it, None where it did not look;
    `passed` is whether it was met.
    """

    cycle_id: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    limit: float | None = None
    passed: bool | None = None


@dataclass(frozen=True, slots=True)
class SleepStepped:
    """One optimiser step. `loss` is in nats a token; `seconds` is the time of this step."""

    cycle_id: str
    step: int
    epoch: int
    loss: float
    learning_rate: float
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SleepStaged:
    """The sleeper entered a stage: loading, dreaming, probing, anchoring, training, judging, saving, paused,
    waiting."""

    cycle_id: str
    stage: str


@dataclass(frozen=True, slots=True)
class SleepCounted:
    """How far a stage is that makes no steps: `done` of `of` texts are read."""

    cycle_id: str
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class SleepEnded:
    """`reason` says why it failed, or why the gate weakened or refused the adapter; `strength` is the share of the
    trained update that was kept, in 0..1."""

    cycle_id: str
    status: SleepStatus
    adapter: str | None = None
    steps: int = 0
    first_loss: float | None = None
    last_loss: float | None = None
    seconds: float | None = None
    reason: str | None = None
    verdict: Verdict | None = None
    strength: float | None = None
