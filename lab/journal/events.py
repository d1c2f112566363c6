"""The events of the record: what can happen, and how one is written as a line of JSON and read back.

An event line is `{"at": "<UTC, microseconds>", "event": "<name>", ...fields}`. Fields only ever grow:
a reader ignores fields that it does not know, and a missing field takes the default below.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson

from lab.domain import ExchangeStatus, Mark
from lab.journal.sleep_events import (
    SleepCounted,
    SleepEnded,
    SleepExampleUsed,
    SleepLessonFound,
    SleepMeasured,
    SleepPlanned,
    SleepProbed,
    SleepResumed,
    SleepStaged,
    SleepStarted,
    SleepStepped,
)
from lab.journal.study_events import (
    ExperimentEnded,
    ExperimentSignal,
    ExperimentTested,
    StudyEnded,
    StudyMeasured,
    StudySignal,
)


@dataclass(frozen=True, slots=True)
class SessionOpened:
    session_id: str
    checkpoint: str | None
    adapter: str | None
    profile: str
    threshold: float
    title: str | None = None
    parent_session_id: str | None = None
    revision: str | None = None
    parent_exchange_id: str | None = None


@dataclass(frozen=True, slots=True)
class SessionTitled:
    session_id: str
    title: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    session_id: str


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The user's turn, written before anything is generated; the exchange is "running" from here."""

    exchange_id: str
    session_id: str
    turn: int
    user_input: str
    checkpoint: str | None
    adapter: str | None


@dataclass(frozen=True, slots=True)
class DraftFinished:
    exchange_id: str
    iteration: int
    temperature: float
    seed: int | None
    energy: float
    tokens: int | None
    seconds: float | None
    text: str
    thinking: str = ""
    thinking_tokens: int = 0
    finish: str | None = None


@dataclass(frozen=True, slots=True)
class ExchangeFinished:
    """The answer of a turn. `chosen` is the iteration of the winning draft, counted from 0."""

    exchange_id: str
    status: ExchangeStatus
    response: str
    chosen: int | None = None
    converged: bool | None = None
    prompt_tokens: int | None = None
    response_tokens: int | None = None
    seconds: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SalienceScored:
    exchange_id: str
    profile: str
    surprise: float
    novelty: float
    arousal: float
    reward: float
    conflict: float
    total: float
    threshold: float
    salient: bool


@dataclass(frozen=True, slots=True)
class TurnMeasured:
    """What was measured in a turn beside its texts, as `domain.Evidence` has it; None is what nobody could measure.

    `vector` is the meaning of the person's turn, a JSON list of whole numbers in -127..127, empty without a sentence
    model: as a text a purge removes it with the others.
    """

    exchange_id: str
    bits: float | None = None
    nearest: float | None = None
    nearest_id: str | None = None
    agreement: float | None = None
    consistency: float | None = None
    vector: str = ""
    byte_bits: float | None = None


@dataclass(frozen=True, slots=True)
class ExchangeMarked:
    """What the person says of an exchange from now on; a mark of None takes the earlier one back.

    `target` is the answer in place of the recorded one, `iteration` the draft that it was taken from.
    """

    exchange_id: str
    mark: Mark | None
    target: str | None = None
    iteration: int | None = None


@dataclass(frozen=True, slots=True)
class ExchangePurged:
    """The text of the exchange was removed for good because the person wanted so: its lines hold none any more."""

    exchange_id: str


@dataclass(frozen=True, slots=True)
class AdapterSaved:
    """`path` is relative to the workspace; `sha256` is that of `adapter_model.safetensors`."""

    adapter: str
    checkpoint: str
    fingerprint: str
    parent: str | None
    cycle_id: str | None
    path: str
    sha256: str
    bytes: int
    state: Literal["kept"] = "kept"


@dataclass(frozen=True, slots=True)
class AdapterChosen:
    """The person went back, or forward, to this adapter (None: the checkpoint alone): it answers and is continued."""

    fingerprint: str
    adapter: str | None


@dataclass(frozen=True, slots=True)
class MemoryRead:
    """`moment` is the `event` column of `resources`: that key of a line is taken by the event's own name."""

    process: str
    rss_bytes: int
    vram_bytes: int | None
    moment: str


Event = Union[
    SessionOpened,
    SessionTitled,
    SessionEnded,
    TurnStarted,
    DraftFinished,
    ExchangeFinished,
    SalienceScored,
    TurnMeasured,
    ExchangeMarked,
    ExchangePurged,
    SleepStarted,
    SleepPlanned,
    SleepResumed,
    SleepLessonFound,
    SleepExampleUsed,
    SleepProbed,
    SleepMeasured,
    SleepStaged,
    SleepCounted,
    SleepStepped,
    AdapterSaved,
    AdapterChosen,
    SleepEnded,
    StudyEnded,
    StudySignal,
    StudyMeasured,
    ExperimentEnded,
    ExperimentSignal,
    ExperimentTested,
    MemoryRead,
]


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its time (UTC, aware)."""

    at: datetime
    event: Event


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


EVENT_TYPES: dict[str, type[Event]] = {_snake(kind.__name__): kind for kind in get_args(Event)}
EVENT_NAMES: dict[type[Event], str] = {kind: name for name, kind in EVENT_TYPES.items()}


def _field_types(kind: type) -> dict[str, tuple[type, ...]]:
    """What JSON may hold for each field. A float may be null, because that is how NaN is written."""
    allowed: dict[str, tuple[type, ...]] = {}
    for name, hint in get_type_hints(kind).items():
        options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        # A tuple is one of texts, and a list in JSON.
        plain = {{Literal: str, tuple: list}.get(get_origin(option), option) for option in options}
        allowed[name] = (*plain, *((int, type(None)) if float in plain else ()))
    return allowed


FIELD_TYPES = {kind: _field_types(kind) for kind in EVENT_NAMES}


def _check(name: str, value: Any, allowed: tuple[type, ...]) -> Any:
    if type(value) not in allowed:
        raise ValueError(f"{name} is {type(value).__name__}")
    if type(value) is list:
        return tuple(_check(name, each, (str,)) for each in value)
    # The width of a database column; a seed may use one bit more.
    if type(value) is int and not -(2**63) <= value < 2 ** (64 if name == "seed" else 63):
        raise ValueError(f"{name} is out of range")
    return value


def now() -> datetime:
    """The current time, UTC and aware."""
    return datetime.now(timezone.utc)


def encode(event: Event, at: datetime) -> bytes:
    """One line of JSON with its newline. `at` must be aware. Non-finite floats become null."""
    kind = type(event)
    body: dict[str, Any] = {"at": at.astimezone(timezone.utc).isoformat(timespec="microseconds")}
    body["event"] = EVENT_NAMES[kind]
    for name in FIELD_TYPES[kind]:
        value = getattr(event, name)
        body[name] = [_text(each) for each in value] if isinstance(value, tuple) else _text(value)
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def _text(value: Any) -> Any:
    # A lone surrogate (from a terminal or a broken file) has no UTF-8 form; the record must not refuse it.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def decode(line: bytes) -> Entry | None:
    """The event of one line, or None for an event of a newer release.

    Raises ValueError with a reason for a line that is not an event.
    """
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError as fault:
        raise ValueError(f"not JSON: {fault}") from fault
    if not isinstance(body, dict) or not isinstance(body.get("event"), str):
        raise ValueError("no event name")
    kind = EVENT_TYPES.get(body["event"])
    if kind is None:
        return None
    try:
        at = datetime.fromisoformat(body["at"])
        if at.tzinfo is None:
            raise ValueError("no time zone")
        at = at.astimezone(timezone.utc)
        types = FIELD_TYPES[kind]
        event = kind(**{name: _check(name, body[name], types[name]) for name in types if name in body})
    except (KeyError, TypeError, ValueError, OverflowError) as fault:
        raise ValueError(f"{body['event']}: {fault}") from fault
    return Entry(at, event)
