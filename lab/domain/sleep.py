"""What a sleep is asked to do, what it trains on, and how it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lab.domain.conversation import PromptForm

# "running" rows whose process is gone become "interrupted" at the next start.
SleepStatus = Literal["running", "complete", "cancelled", "failed", "interrupted"]


# What a lesson comes from: what the person said, the answer as they marked it, or the model's own answer.
Origin = Literal["statement", "marked", "answer"]
# A probe is a question asked before and after a sleep: in a wording that was trained, in one that was not, about
# something else in the same words, about an earlier lesson, in general, or one that the gate never sees.
ProbeKind = Literal["trained", "unseen", "neighbour", "earlier", "anchor", "final"]
# What became of a new adapter. "ungated" is one that nobody judged, as in the published system.
Verdict = Literal["kept", "weakened", "rolled_back", "ungated"]


@dataclass(frozen=True, slots=True)
class SleepExample:
    """One prompt and the answer to learn.

    `kind` is original, rewrite, paraphrase, emotion, reworded (another wording of the answer) or replay (of an earlier
    lesson); `source` is who worded it: person, published, pattern or model. `similarity` is the cosine to the
    original wording, in -1..1, None where nothing could measure it or nothing had to.
    """

    exchange_id: str
    kind: str
    prompt: str
    target: str
    lesson_id: str | None = None
    source: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """One thing to learn: a question, its answer, and the other wordings of both.

    `key` is what an answer must hold to be right. `support` is how many nats likelier the statement makes the answer,
    None where the answer needs no support. `examples` are trained on; `unseen` and `final` are wordings that never
    are, set apart before anything else, `final` from the gate too; `neighbours` are questions about something else,
    the last one is the gate's and not held by the sleep that learns the lesson. `said_at` is when its exchange began,
    in seconds since the epoch.
    """

    lesson_id: str
    exchange_id: str
    origin: Origin
    statement: str
    question: str
    answer: str
    key: str
    support: float | None
    examples: tuple[SleepExample, ...]
    unseen: tuple[str, ...]
    final: tuple[str, ...]
    neighbours: tuple[str, ...]
    salience: float = 0.0
    said_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Material:
    """An exchange as a sleep sees it: what the person said, the answer as marked, whether they marked it, and when it
    began, in seconds since the epoch."""

    exchange_id: str
    said: str
    answer: str
    marked: bool
    salience: float
    said_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SleepSettings:
    """A resolved recipe. `modules` is "attention" or "all"; `loss` is over the "answer" or the whole "text".

    `batch_size` examples make a forward pass, `accumulation` passes make an optimiser step. `form` None
    follows the checkpoint. `continues`: training starts from the parent adapter, not from the base.
    `max_tokens` cuts a longer example; `seed` makes a run repeatable on CPU. `anchor_weight` is that of the
    base's own answers beside the loss of a token, 0 is without them; a step reads `anchor_rows` of them.

    `dream` "published" asks every question in the published rewrites; "lessons" also turns what the person stated
    into questions, of each of which an epoch reads `wordings`, and lets the gate judge it. `unmarked` says what an
    exchange without a mark teaches: what was stated in it alone, or, where nothing was, its answer as well.
    `replay` is how many examples of earlier lessons an epoch reads for each new one, more where there are many of
    them. `warmup` steps lead to the full rate; there are as many epochs more as make `least_steps`, for one lesson is
    not learnt in five; training ends after an epoch whose mean loss is below `stop_loss` nats a token. An example is
    read after up to `turns` others, as it would be asked in a dialogue. The gate allows `max_drift` bits a token, and
    `max_forgotten` of the memories that were known to be lost. `epochs_anew` and `careful_rate` are those of `anew` and
    `careful`.
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
    anchor_rows: int = 0
    dream: Literal["published", "lessons"] = "published"
    unmarked: Literal["statements", "answers"] = "answers"
    wordings: int = 8
    replay: float = 0.0
    warmup: int = 0
    least_steps: int = 0
    epochs_anew: int = 0
    careful_rate: float = 0.0
    stop_loss: float = 0.0
    turns: int = 0
    max_drift: float = 0.1
    max_forgotten: float = 0.1

    def anew(self) -> SleepSettings:
        """As they are where no lesson was learnt before, or all are learnt anew: in more epochs, for no later night
        has replayed yet what is learnt."""
        return replace(self, epochs=max(self.epochs, self.epochs_anew))

    def careful(self) -> SleepSettings:
        """As they are on top of an adapter that has drifted far from the base already: at a lower rate, which drifts
        less and teaches less."""
        return replace(self, learning_rate=min(self.learning_rate, self.careful_rate or self.learning_rate))

    def steps(self, examples: int) -> int:
        """Optimiser steps of an epoch of this many examples."""
        batches = math.ceil(examples / self.batch_size)
        return math.ceil(batches / self.accumulation)


@dataclass(frozen=True, slots=True)
class SleepPlan:
    """Everything one cycle needs, written to `plan.json` before the sleeper starts.

    `model_path` is the folder of the checkpoint's weights, `adapter` the name of the one to be made,
    `parent_adapter` the one it continues. `form` is the checkpoint's own prompt form; None lets its tokenizer decide.
    A `deep` sleep starts from the base and learns the whole memory anew, in place of the adapter that it `replaces`.
    `tensorboard`: its scalars are also written in TensorBoard's form. The weights are held in `dtype` ("nf4" is QLoRA),
    and with `checkpointing` the activations are computed a second time instead of kept.
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
    deep: bool = False
    replaces: str | None = None
    tensorboard: bool = False
    checkpointing: bool = False


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
