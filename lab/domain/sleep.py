"""What a sleep is asked to do, what it trains on, and how it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lab.domain.conversation import PromptForm

# "running" rows whose process is gone become "interrupted" at the next start.
SleepStatus = Literal["running", "complete", "cancelled", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class SleepExample:
    """One prompt and the answer to learn. `kind` is original, rewrite or emotion."""

    exchange_id: str
    kind: str
    prompt: str
    target: str


@dataclass(frozen=True, slots=True)
class SleepSettings:
    """A resolved recipe. `modules` is "attention" or "all"; `loss` is over the "answer" or the whole "text".

    `batch_size` examples make a forward pass, `accumulation` passes make an optimiser step. `form` None
    follows the checkpoint. `continues`: training starts from the parent adapter, not from the base.
    `max_tokens` cuts a longer example; `seed` makes a run repeatable on CPU. `anchor_weight` is that of the
    base's own answers beside the loss of a token; 0 is without them.
    """

    recipe: str
    modules: Literal["attention", "all"]
    loss: Literal["answer", "text"]
    form: PromptForm | None
    continues: bool
    rank: int
    alpha: int
    dropout: float
    learning_rate: float
    epochs: int
    batch_size: int
    accumulation: int
    max_tokens: int
    seed: int
    anchor_weight: float = 0.0

    def total_steps(self, examples: int) -> int:
        """Optimiser steps for this many examples."""
        batches = math.ceil(examples / self.batch_size)
        return math.ceil(batches / self.accumulation) * self.epochs


@dataclass(frozen=True, slots=True)
class SleepPlan:
    """Everything one cycle needs, written to `plan.json` before the sleeper starts.

    `model_path` is the folder of the checkpoint's weights, `adapter` the name of the one to be made,
    `parent_adapter` the one it continues. `form` is the checkpoint's own
    prompt form; None lets its tokenizer decide.
    """

    cycle_id: str
    checkpoint: str
    fingerprint: str
    model_path: str
    form: PromptForm | None
    device: str
    dtype: str
    adapter: str
    parent_adapter: str | None
    exchange_ids: tuple[str, ...]
    settings: SleepSettings


@dataclass(frozen=True, slots=True)
class SleepCycle:
    """One row of `sleep_cycles`, as the screen and the command line show it."""

    cycle_id: str
    status: SleepStatus
    started_at: datetime
    ended_at: datetime | None
    checkpoint: str
    parent_adapter: str | None
    adapter: str | None
    exchanges: int
    examples: int
    steps: int
    first_loss: float | None
    last_loss: float | None
    seconds: float | None
    reason: str | None
