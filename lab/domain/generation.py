"""What an engine says while it generates: rows of one batch, each a draft in the making."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union

Finish = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class PromptRead:
    """The prompt is in; `tokens` is its length.

    `bits` is how unexpected the last message was to the model after what was said before it, in bits a token, and
    `byte_bits` the same in bits a byte; None where nothing was measured.
    """

    tokens: int
    bits: float | None = None
    byte_bits: float | None = None


@dataclass(frozen=True, slots=True)
class RowStarted:
    """The first token of this row is next."""

    row: int


@dataclass(frozen=True, slots=True)
class RowGrew:
    """The row got `text` more; what it said so far has `tokens` tokens."""

    row: int
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class RowThought:
    """The row thought `text` more before its answer; `tokens` counts all that it wrote so far."""

    row: int
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class RowFinished:
    """The row is whole: its text, tokens, wall seconds and why it ended.

    `thinking` is what it thought before, which is no part of the text; the tokens count both.
    """

    row: int
    text: str
    tokens: int
    seconds: float
    finish: Finish
    thinking: str = ""


GenerationEvent = Union[PromptRead, RowStarted, RowThought, RowGrew, RowFinished]
