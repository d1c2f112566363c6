"""What is known of an exchange when it is scored."""

from __future__ import annotations

from dataclasses import dataclass

from lab.domain.conversation import Mark


@dataclass(frozen=True, slots=True)
class Usual:
    """How unexpected the `n` turns before were to this model: mean and standard deviation of their bits a token."""

    mean: float
    deviation: float
    n: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was said in an exchange, and what was measured beside it; None is what nobody could measure.

    `bits` is how unexpected the person's turn was to the model in this dialogue, in bits a token, `usual` how
    unexpected such turns are, and `byte_bits` the same in bits a byte. `nearest` is the cosine, in -1..1,
    of the meaning of that turn to the nearest one ever said before, 0 where there is none. `agreement` is the mean
    cosine between the drafts of the answer, `consistency` that of the answer to what was answered the last time
    that nearly the same was said. `energy`, in 0..1, is the winner's. `before` is what was said earlier in the
    dialogue, oldest first, the person's turns and the answers in turn; `following` is what the person said next.
    """

    said: str
    answer: str
    bits: float | None = None
    usual: Usual | None = None
    byte_bits: float | None = None
    nearest: float | None = None
    agreement: float | None = None
    consistency: float | None = None
    energy: float | None = None
    before: tuple[str, ...] = ()
    following: str | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """What moved a dimension: in words, and by how much of it (-1..1)."""

    dimension: str
    words: str
    share: float
