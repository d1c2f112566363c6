"""Measures how fast an engine writes: some short drafts side by side, and one alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from lab.domain import Message, Prompt, PromptRead, RowFinished, Sampling
from lab.engine.client import Engine
from lab.errors import LabError

DRAFTS: Final = 5
_TOKENS: Final = 24
_TEMPERATURE: Final = 0.7
_QUESTION: Final = "What did you learn today, and how do you know that it is yours?"


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second of all drafts together, the prompt's reading left out."""

    side_by_side: float
    alone: float


def measure(engine: Engine) -> Speed:
    """Let the loaded checkpoint write. Blocks for a few seconds; raises LabError when it cannot write."""
    loaded = engine.loaded
    if loaded is None:
        raise LabError("No checkpoint is loaded.", "Load one first.")
    prompt = Prompt((Message("user", _QUESTION),), loaded.form)
    # The one alone comes first: whatever happens once happens to it, and the prompt is in the cache for the others.
    alone = _tokens_per_second(engine, prompt, 1)
    return Speed(_tokens_per_second(engine, prompt, DRAFTS), alone)


def _tokens_per_second(engine: Engine, prompt: Prompt, rows: int) -> float:
    tokens, began = 0, time.monotonic()
    for event in engine.generate(prompt, [Sampling(_TEMPERATURE, row) for row in range(rows)], _TOKENS):
        if isinstance(event, PromptRead):
            began = time.monotonic()
        elif isinstance(event, RowFinished):
            tokens += event.tokens
    return tokens / (time.monotonic() - began)
