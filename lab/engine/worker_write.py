"""Writes one draft: sampling at temperature only, text as it grows, an end at a stop string or a cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from lab.domain import Finish, GenerationEvent, RowFinished, RowGrew, RowStarted, Sampling
from lab.engine.stream import TextStream
from lab.engine.worker_load import Model
from lab.errors import LabError


def write_draft(
    model: Model,
    prompt: list[int],
    row: int,
    sampling: Sampling,
    stop: tuple[str, ...],
    max_tokens: int,
    cancelled: threading.Event,
    emit: Callable[[GenerationEvent], None],
) -> None:
    """Write the draft of one row. The same model, prompt and sampling give the same text.

    Raises LabError when the checkpoint computes no numbers.
    """
    started = time.monotonic()
    emit(RowStarted(row))
    growth = _Growth(model, row, len(prompt), stop, emit)
    tokens = torch.tensor([prompt], device=model.network.device)
    torch.manual_seed(sampling.seed)
    with torch.inference_mode():
        model.network.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            generation_config=_generation(model, sampling, max_tokens),
            logits_processor=LogitsProcessorList([_Finite(model.loaded.name)]),
            stopping_criteria=StoppingCriteriaList([_Until(lambda: growth.over or cancelled.is_set())]),
            streamer=growth,
        )
    finish: Finish = "stop" if growth.over else ("cancelled" if cancelled.is_set() else "length")
    growth.flush()
    emit(RowFinished(row, growth.text, growth.tokens, time.monotonic() - started, finish))


def _generation(model: Model, sampling: Sampling, max_tokens: int) -> GenerationConfig:
    known = model.network.generation_config
    shared = {
        "max_new_tokens": max_tokens,
        "eos_token_id": known.eos_token_id,
        "pad_token_id": known.pad_token_id,
        "bos_token_id": known.bos_token_id,
    }
    if sampling.temperature == 0.0:
        return GenerationConfig(do_sample=False, **shared)
    # Temperature alone, as published: the library's own defaults would also cut to the 50 likeliest tokens.
    return GenerationConfig(do_sample=True, temperature=sampling.temperature, top_k=0, top_p=1.0, **shared)


class _Growth:
    """Receives tokens from `generate` and emits the text that is certain."""

    def __init__(
        self, model: Model, row: int, prompt_tokens: int, stop: tuple[str, ...], emit: Callable[[GenerationEvent], None]
    ) -> None:
        decode = model.tokenizer.decode
        self._stream = TextStream(
            lambda ids: str(decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)), stop
        )
        self._row = row
        self._prompt = prompt_tokens
        self._end_tokens = model.end_tokens
        self._emit = emit
        self.tokens = 0
        self.over = False

    @property
    def text(self) -> str:
        return self._stream.text

    def put(self, value: Any) -> None:
        if self._prompt:
            # The first call repeats the prompt.
            self._prompt = 0
            return
        for token in value.reshape(-1).tolist():
            if self.over:
                return
            if token in self._end_tokens:
                self.over = True
                return
            self.tokens += 1
            self._say(self._stream.push(token))
            self.over = self._stream.stopped

    def end(self) -> None:
        """Part of what `generate` calls; the end is known otherwise."""

    def flush(self) -> None:
        """Emit what was held back."""
        self._say(self._stream.finish())

    def _say(self, text: str) -> None:
        if text:
            self._emit(RowGrew(self._row, text, self.tokens))


class _Until(StoppingCriteria):  # type: ignore[misc,unused-ignore]
    def __init__(self, over: Callable[[], bool]) -> None:
        self._over = over

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        return torch.full((input_ids.shape[0],), self._over(), device=input_ids.device, dtype=torch.bool)


class _Finite(LogitsProcessor):  # type: ignore[misc,unused-ignore]
    """Sampling from NaN fails in words that help nobody, and greedy choice does not fail at all."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        if bool(torch.isnan(scores).any()):
            raise LabError(
                f"The checkpoint {self._name} computes no numbers (NaN) for this prompt.",
                'Set engine.dtype = "float32" in lab.toml; if it goes on, its weights or the adapter are damaged.',
            )
        return scores
