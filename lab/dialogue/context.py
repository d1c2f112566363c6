"""What of the dialogue goes into the prompt, and how it is cut to the checkpoint's window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lab.domain import Exchange, Message, Prompt, PromptForm
from lab.errors import LabError

# Where a base model that goes on talking to itself is cut.
_PLAIN_STOP: Final = ("\nQuestion:",)
# So many of the oldest turns leave the prompt together.
_TOGETHER: Final = 4


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
        return _fitting(Prompt((Message("user", text),), "plain", _PLAIN_STOP), 0, window, reserve, count)
    turns = [exchange for exchange in history if exchange.answer and _stands(exchange)]
    stop = _PLAIN_STOP if form == "plain" else ()

    def prompt(kept: int) -> Prompt:
        messages = [
            message
            for exchange in turns[len(turns) - kept :]
            for message in (Message("user", exchange.user_input), Message("assistant", exchange.answer))
        ]
        return Prompt((*messages, Message("user", text)), form, stop, thinking and form == "chat")

    # The largest number of newest turns that fits, found by halving: counting is a call to the engine.
    low, high = 0, len(turns)
    if count(prompt(high)) + reserve > window:
        while low < high:
            middle = (low + high) // 2
            if count(prompt(middle)) + reserve <= window:
                low = middle + 1
            else:
                high = middle
        high = max(low - 1, 0)
        # A prompt that begins as the one before is not read again: so it loses several turns at a time, not one each.
        left_out = -(-(len(turns) - high) // _TOGETHER) * _TOGETHER
        high = min(high, max(len(turns) - left_out, 1))
    return _fitting(prompt(high), len(turns) - high, window, reserve, count)


def _stands(exchange: Exchange) -> bool:
    """Whether the dialogue goes on from it: a failed turn only when a person gave, or kept, its answer."""
    return exchange.status in ("complete", "cancelled") or exchange.mark in ("kept", "edited")


def _fitting(prompt: Prompt, left_out: int, window: int, reserve: int, count: Callable[[Prompt], int]) -> Context:
    tokens = count(prompt)
    if tokens + reserve > window:
        raise LabError(
            f"The message has {tokens:,} tokens, and with {reserve:,} for the answer the checkpoint's window is"
            f" {window:,}.",
            f"Shorten it to about {max(window - reserve, 0):,} tokens, or lower refinement.max_tokens in lab.toml.",
        )
    return Context(prompt, tokens, left_out)
