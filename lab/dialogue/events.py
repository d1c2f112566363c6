"""What happens during one turn, in order, as the screen, the command line and the tests see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from lab.domain import Exchange, Salience
from lab.errors import LabError
from lab.refinement.irp import DraftGrew, DraftScored, DraftStarted, DraftThought


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """The user's turn is on disk and the prompt fits.

    `left_out` counts earlier turns that did not fit; `marked` are those that were marked elsewhere since the last turn.
    `rescored` is the turn before, where what the person says now tells how it went.
    """

    exchange_id: str
    turn: int
    user_input: str
    iterations: int
    prompt_tokens: int
    left_out: int
    marked: tuple[Exchange, ...] = ()
    rescored: Exchange | None = None


@dataclass(frozen=True, slots=True)
class TurnWeighed:
    """What the turn would score as it stands by each profile, the chosen one first; the scores of its end replace
    these, and only they are recorded."""

    salience: tuple[Salience, ...]


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The exchange is on disk: complete, or cancelled with what had been produced."""

    exchange: Exchange


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The exchange is on disk as failed; `error` says why and what to do."""

    exchange: Exchange
    error: LabError


TurnEvent = Union[TurnBegan, DraftStarted, DraftThought, DraftGrew, DraftScored, TurnWeighed, TurnFinished, TurnFailed]
