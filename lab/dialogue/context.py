"""What of the dialogue goes into the prompt, and how it is cut to the checkpoint's window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from lab.domain import Exchange, Message, Prompt, PromptForm
from lab.errors import LabError

# Where a base model that goes on talking to itself is cut.
_PLAIN_STOP: Final = ("\nQuestion:",)
# So many of the oldest turns leave the prompt together.
_TOGETHER: Final = 4
# A little fewer than in English: what is counted first most often fits.
_CHARACTERS_A_TOKEN: Final = 3


@dataclass(frozen=True, slots=True)
class Context:
    """A prompt that fits: its tokens, and how many earlier turns had to be left out."""

    prompt: Prompt
    tokens: int
    left_out: int


def assemble(
    text: str,
    history: Sequence[Exchange],
    *,
    mode: Literal["dialogue", "fresh"],
    form: PromptForm,
    window: int,
    reserve: int,
    count: Callable[[Prompt], int],
    thinking: bool,
) -> Context:
    """The prompt for a turn: the dialogue so far as far as it fits, newest turns first in line, then `text`.

    When it does not fit, the oldest turns leave it four at a time, the newest one last.

    Of an earlier turn its answer is read again, not what was thought before it. `thinking` lets a checkpoint
    think first; the published form knows no thinking.

    `window` is the checkpoint's context and `reserve` the tokens kept free for the answer. Mode "fresh" is the
    published protocol: the question alone, in the published form. Where a base model begins a next question, its
    answer is cut. Raises LabError when `text` alone does not fit.
    """
    if mode == "fresh":
        alone = Prompt((Message("user", text),), "plain", _PLAIN_STOP)
        return _fitting(alone, count(alone), 0, window, reserve)
    turns = [exchange for exchange in history if exchange.answer and _stands(exchange)]
    stop = _PLAIN_STOP if form == "plain" else ()

    def prompt(kept: int) -> Prompt:
        messages = [
            message
            for exchange in turns[len(turns) - kept :]
            for message in (Message("user", exchange.user_input), Message("assistant", exchange.answer))
        ]
        return Prompt((*messages, Message("user", text)), form, stop, thinking and form == "chat")

    @cache
    def tokens(kept: int) -> int:
        return count(prompt(kept))

    guess = _guess(turns, window - reserve)
    kept = _most(_choices(len(turns)), guess, lambda kept: tokens(kept) + reserve <= window)
    return _fitting(prompt(kept), tokens(kept), len(turns) - kept, window, reserve)


def _stands(exchange: Exchange) -> bool:
    """Whether the dialogue goes on from it: a failed turn only when a person gave, or kept, its answer."""
    return exchange.status in ("complete", "cancelled") or exchange.mark in ("kept", "edited")


def _choices(turns: int) -> list[int]:
    """How many of the newest turns may be kept, fewest first.

    A prompt that begins as the one before is not read again: so it loses several turns at a time, not one each.
    """
    return sorted({0, min(turns, 1), *range(turns, 0, -_TOGETHER)})


def _guess(turns: Sequence[Exchange], tokens: int) -> int:
    """How many of the newest turns have about `tokens`, by their characters, which costs nothing."""
    left = tokens * _CHARACTERS_A_TOKEN
    for number, exchange in enumerate(reversed(turns)):
        left -= len(exchange.user_input) + len(exchange.answer)
        if left < 0:
            return number
    return len(turns)


def _most(choices: Sequence[int], guess: int, fits: Callable[[int], bool]) -> int:
    """The last choice that fits, the first one untried when no other does.

    Trying is a call to the engine that reads all that is tried. So it starts at the guess and goes on in steps that
    double: what it tries depends on what fits, not on how much there is.
    """
    good, bad = 0, len(choices)
    at, step = max(bisect_right(choices, guess) - 1, 1), 1
    while good < at < bad:
        if fits(choices[at]):
            good, at, step = at, min(at + step, bad - 1), step * 2
        else:
            bad = at
    while bad - good > 1:
        middle = (good + bad) // 2
        if fits(choices[middle]):
            good = middle
        else:
            bad = middle
    return choices[good]


def _fitting(prompt: Prompt, tokens: int, left_out: int, window: int, reserve: int) -> Context:
    if tokens + reserve > window:
        raise LabError(
            f"The message has {tokens:,} tokens, and with {reserve:,} for the answer the checkpoint's window is"
            f" {window:,}.",
            f"Shorten it to about {max(window - reserve, 0):,} tokens, or lower refinement.max_tokens in lab.toml.",
        )
    return Context(prompt, tokens, left_out)
