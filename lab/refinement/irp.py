"""Iterative refinement of one answer: several drafts of one prompt, the one of lowest energy wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from lab.domain import Draft, GenerationEvent, Refinement, RowFinished, RowGrew, RowStarted, RowThought, Sampling
from lab.refinement.energy import energy


@dataclass(frozen=True, slots=True)
class DraftStarted:
    """The engine began the draft of this iteration."""

    iteration: int
    temperature: float
    seed: int


@dataclass(frozen=True, slots=True)
class DraftThought:
    """A draft thought `text` more before its answer; `tokens` counts all that it wrote so far."""

    iteration: int
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class DraftGrew:
    """A draft got `text` more."""

    iteration: int
    text: str


@dataclass(frozen=True, slots=True)
class DraftScored:
    """A draft is whole and has its energy."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Refined:
    """All drafts are in and one was chosen."""

    refinement: Refinement


RefinementEvent = Union[DraftStarted, DraftThought, DraftGrew, DraftScored, Refined]


def temperatures(iterations: int, start: float = 0.7, cooling: float = 0.04, floor: float = 0.5) -> list[float]:
    """The published schedule: `max(start - cooling * i, floor)` for iteration i counted from 0.

    Rounded to 10 digits, so that 0.7 - 0.04 is recorded as 0.66. A start below the floor is kept as
    it is: the floor stops cooling and does not heat.
    """
    return [round(max(start - cooling * i, min(floor, start)), 10) for i in range(iterations)]


def samplings(
    iterations: int, seed: int, start: float = 0.7, cooling: float = 0.04, floor: float = 0.5
) -> list[Sampling]:
    """How each draft is sampled; iteration i takes seed + i, so no two drafts share a random stream."""
    return [
        Sampling(temperature, seed + i) for i, temperature in enumerate(temperatures(iterations, start, cooling, floor))
    ]


def refine(generated: Iterable[GenerationEvent], rows: Sequence[Sampling]) -> Iterator[RefinementEvent]:
    """Turn what an engine generates for `rows` into drafts, and end with the choice among them.

    Rows may come one after another or side by side. The energy of a draft is that of its answer alone, whatever
    it thought before. A stream that ends without a whole row (cancelled
    at once) yields no `Refined`.
    """
    drafts: dict[int, Draft] = {}
    thought: dict[int, int] = {}
    for event in generated:
        if isinstance(event, RowStarted):
            yield DraftStarted(event.row, rows[event.row].temperature, rows[event.row].seed)
        elif isinstance(event, RowThought):
            thought[event.row] = event.tokens
            yield DraftThought(event.row, event.text, event.tokens)
        elif isinstance(event, RowGrew):
            yield DraftGrew(event.row, event.text)
        elif isinstance(event, RowFinished):
            sampling = rows[event.row]
            draft = Draft(
                iteration=event.row,
                temperature=sampling.temperature,
                seed=sampling.seed,
                text=event.text,
                energy=energy(event.text).total,
                tokens=event.tokens,
                seconds=event.seconds,
                finish=event.finish,
                thinking=event.thinking,
                thinking_tokens=thought.get(event.row, 0),
            )
            drafts[event.row] = draft
            yield DraftScored(draft)
    if drafts:
        yield Refined(choose([drafts[row] for row in sorted(drafts)]))


def choose(drafts: Sequence[Draft]) -> Refinement:
    """Lowest energy wins, the earliest on a tie; `converged` when the last is strictly below the first.

    A draft that says nothing (its thinking came to no end) has the low energy of a short text, and still loses
    against any that says something. Raises ValueError without drafts.
    """
    if not drafts:
        raise ValueError("no drafts to choose from")
    chosen = min(range(len(drafts)), key=lambda i: (not drafts[i].text.strip(), drafts[i].energy))
    return Refinement(tuple(drafts), chosen, drafts[-1].energy < drafts[0].energy)
