"""Writes the drafts of one prompt side by side: tokens to text as it grows, an end for each row, a cancel for all."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import torch

from lab.domain import Finish, GenerationEvent, PromptRead, RowFinished, RowGrew, RowStarted, RowThought, Sampling
from lab.engine.compute.runner import Model
from lab.engine.compute.sampling import Sampler
from lab.engine.stream import DraftStream, Growth, Thinking
from lab.errors import LabError

Emit = Callable[[GenerationEvent], None]

# The head of a small model is a quarter of it: of a long message its beginning tells enough.
_MOST_JUDGED: Final = 128


def write_drafts(
    model: Model,
    tokens: Sequence[int],
    samplings: Sequence[Sampling],
    max_tokens: int,
    cancelled: threading.Event,
    emit: Emit,
    stop: Sequence[str] = (),
    thinking: Thinking = "none",
    message: range = range(0),
) -> None:
    """Read the prompt's tokens once and write one draft a sampling, each of at most `max_tokens` tokens.

    `message` is where the prompt's last message stands: how unexpected it is, by its first tokens where it is long, is
    told with the prompt.

    The same prompt and sampling give the same draft, whichever others are written beside it. Nothing is emitted
    when the cancel comes before the prompt is read. Raises LabError when the checkpoint computes no numbers.
    """
    runner = model.runner
    with torch.inference_mode():
        # Nothing tells what the first token of all is expected to be.
        judged = message[max(1 - message.start, 0) :][:_MOST_JUDGED]
        first = runner.read(tokens, cancelled.is_set, judged)
        if first is None:
            return
        # Before anything is told of it.
        _require_numbers(first, model.loaded.name)
        bits = [nats / math.log(2) for nats in runner.losses(judged)] if judged else []
        said = model.tokenizer.decode(tokens[judged.start : judged.stop])
        emit(
            PromptRead(len(tokens), *((statistics.fmean(bits), sum(bits) / max(len(said.encode()), 1)) if bits else ()))
        )
        sampler = Sampler(samplings)
        rows = [_Row(model, row, max_tokens, emit, stop, thinking) for row in range(len(samplings))]
        runner.start(len(rows))
        logits = first.expand(len(rows), -1)
        while rows:
            _require_numbers(logits, model.loaded.name)
            chosen = sampler.choose(logits, [row.number for row in rows])
            for row, token in zip(rows, chosen.tolist()):
                row.push(token)
                if row.finish is None and cancelled.is_set():
                    row.finish = "cancelled"
                if row.finish is not None:
                    row.end()
            living = [place for place, row in enumerate(rows) if row.finish is None]
            if len(living) < len(rows):
                rows = [rows[place] for place in living]
                chosen = chosen[living]
                if rows:
                    runner.keep(living)
            if rows:
                logits = runner.step(chosen)


class _Row:
    """One draft in the making."""

    def __init__(
        self,
        model: Model,
        number: int,
        max_tokens: int,
        emit: Emit,
        stop: Sequence[str],
        thinking: Thinking,
    ) -> None:
        self.number = number
        self.finish: Finish | None = None
        decode = model.tokenizer.decode
        self._stream = DraftStream(
            lambda ids: str(decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)),
            stop,
            thinking,
        )
        self._end_tokens = model.end_tokens
        self._max_tokens = max_tokens
        self._emit = emit
        self._tokens = 0
        self._started = time.monotonic()
        emit(RowStarted(number))

    def push(self, token: int) -> None:
        if token in self._end_tokens:
            self.finish = "stop"
            return
        self._tokens += 1
        self._say(self._stream.push(token))
        if self._stream.stopped:
            self.finish = "stop"
        elif self._tokens >= self._max_tokens:
            self.finish = "length"

    def end(self) -> None:
        """Say what was held back and that the row is whole."""
        assert self.finish is not None
        self._say(self._stream.finish())
        seconds = time.monotonic() - self._started
        stream = self._stream
        self._emit(RowFinished(self.number, stream.text, self._tokens, seconds, self.finish, stream.thinking))

    def _say(self, growth: Growth) -> None:
        if growth.thought:
            self._emit(RowThought(self.number, growth.thought, self._tokens))
        if growth.text:
            self._emit(RowGrew(self.number, growth.text, self._tokens))


def _require_numbers(logits: torch.Tensor, name: str) -> None:
    # Sampling from NaN fails in words that help nobody, and greedy choice does not fail at all.
    if not bool(torch.isfinite(logits.amax(-1)).all()):
        raise LabError(
            f"The checkpoint {name} computes no numbers (NaN or infinity) for this prompt.",
            'Set engine.dtype = "float32" in lab.toml; if it goes on, its weights or the adapter are damaged.',
        )
