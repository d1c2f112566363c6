"""What a dialogue is made of: messages, prompts, drafts, the refinement of one answer, exchanges."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lab.domain.generation import Finish
from lab.domain.salience import Salience

# "running" is the row of a turn whose answer is still being written; after a crash it becomes "failed".
ExchangeStatus = Literal["running", "complete", "cancelled", "failed"]
# "chat" goes through the checkpoint's own template, "plain" is the published Question/Answer form.
PromptForm = Literal["chat", "plain"]
# What a person said of an exchange: its answer is to be learnt, never to be learnt, or to be learnt as edited.
Mark = Literal["kept", "excluded", "edited"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of one side."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the engine reads before it writes: messages, oldest first, the last one the user's.

    `stop` lists strings that end a draft; they are cut from its text. `thinking` lets a checkpoint that has
    a thinking mode think first.
    """

    messages: tuple[Message, ...]
    form: PromptForm
    stop: tuple[str, ...] = ()
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one draft is sampled. Temperature 0 is greedy; the seed makes the draft repeatable."""

    temperature: float
    seed: int


@dataclass(frozen=True, slots=True)
class Draft:
    """One refinement iteration. Energy is in 0..1, 0 is best; seconds are wall time.

    `finish` says why it ended: the model stopped, the token limit, or a cancel. `thinking` is what the model
    thought before `text`, for `thinking_tokens` of the `tokens`.
    """

    iteration: int
    temperature: float
    seed: int
    text: str
    energy: float
    tokens: int
    seconds: float
    finish: Finish = "stop"
    thinking: str = ""
    thinking_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Refinement:
    """All drafts of one answer; `chosen` is an index into them."""

    drafts: tuple[Draft, ...]
    chosen: int
    converged: bool

    @property
    def winner(self) -> Draft:
        """The draft that became the answer."""
        return self.drafts[self.chosen]


@dataclass(frozen=True, slots=True)
class Session:
    """One dialogue. Times are UTC. `revision` is the commit of the hub snapshot that it began on.

    A fork has a parent: the dialogue up to `parent_exchange_id`, of the session `parent_session_id`, comes before it.
    """

    session_id: str
    started_at: datetime
    checkpoint: str | None
    adapter: str | None
    profile: str
    threshold: float
    title: str | None = None
    ended_at: datetime | None = None
    parent_session_id: str | None = None
    revision: str | None = None
    parent_exchange_id: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn with its answer. `turn` counts from 1 within the session; `seconds` is wall time.

    `chosen` is the iteration of the draft that became the answer. `mark` is what the person said of it, `target`
    the answer that they put in place of the response: their own words, or the draft `kept_iteration`.
    """

    exchange_id: str
    session_id: str
    turn: int
    created_at: datetime
    user_input: str
    response: str
    status: ExchangeStatus
    checkpoint: str | None
    adapter: str | None
    prompt_tokens: int | None = None
    response_tokens: int | None = None
    seconds: float | None = None
    reason: str | None = None
    drafts: tuple[Draft, ...] = ()
    chosen: int | None = None
    salience: tuple[Salience, ...] = field(default=())
    mark: Mark | None = None
    target: str | None = None
    kept_iteration: int | None = None

    @property
    def answer(self) -> str:
        """What the dialogue goes on from and a sleep learns: the response, or what was put in its place."""
        return self.response if self.target is None else self.target
