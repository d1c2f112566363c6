"""The language between the lab and an engine process: one JSON object a line, both ways.

Requests (lab to engine) carry an `id` that every reply repeats; they are answered one after another:

    {"id": 1, "do": "load", "checkpoint": {...}, "options": {...}}
    {"id": 2, "do": "activate", "adapter": "/path/of/adapter" | null}
    {"id": 3, "do": "generate", "prompt": {...}, "rows": [{"temperature": 0.7, "seed": 1}, ...], "max_tokens": 200}
    {"id": 4, "do": "count", "prompt": {...}}
    {"id": 5, "do": "adapters"}
    {"id": 6, "do": "memory", "event": "idle"}     answered at once, also while another request is at work
    {"id": 7, "do": "embed", "texts": ["..."], "tokens": 64}
    {"id": 3, "do": "cancel"}                      has no reply of its own: request 3 ends early

Replies (engine to lab). A request gets any number of events, then exactly one `done` or `error`:

    {"id": 1, "say": "progress", "stage": "...", "done": 1.0, "total": 2.0, "unit": "bytes"}
    {"id": 3, "say": "prompt_read", "tokens": 31, "bits": 6.4, "byte_bits": 1.5}
    {"id": 3, "say": "row_started", "row": 0}
    {"id": 3, "say": "row_thought", "row": 0, "text": "...", "tokens": 2}
    {"id": 3, "say": "row_grew", "row": 0, "text": "...", "tokens": 4}
    {"id": 3, "say": "row_finished", "row": 0, "text": "...", "tokens": 9, "seconds": 0.6, "finish": "stop",
     "thinking": ""}
    {"id": 3, "say": "done", "result": ..., "memory": [{...}, ...]}
    {"id": 3, "say": "error", "title": "...", "remedy": "..."}

Rows may be told in any order, side by side. The result of `load` is a `Loaded`, of `activate` the largest
change of a logit, of `count` a number of tokens, of `adapters` a list of `Resident`, of `memory` a
`Memory`, of `embed` a vector a text, or null without a sentence model; of `generate` null. `memory` holds readings
taken on the way.
A reader ignores keys that it does not know. The engine ends when its standard input closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import orjson

from lab.domain import (
    Checkpoint,
    GenerationEvent,
    Loaded,
    LoadOptions,
    Memory,
    Message,
    Progress,
    Prompt,
    PromptRead,
    Resident,
    RowFinished,
    RowGrew,
    RowStarted,
    RowThought,
    Sampling,
)

Body = dict[str, Any]
Value = TypeVar("Value", Checkpoint, Loaded, LoadOptions, Memory, Progress, Message, Resident, Sampling)

_GENERATION: dict[str, Any] = {
    "prompt_read": PromptRead,
    "row_started": RowStarted,
    "row_thought": RowThought,
    "row_grew": RowGrew,
    "row_finished": RowFinished,
}
_SAY = {kind: say for say, kind in _GENERATION.items()}


class ProtocolError(ValueError):
    """A line that is not of this protocol; the message says why."""


def encode(body: Mapping[str, Any]) -> bytes:
    """One line with its newline. Dataclass values become objects, non-finite floats null."""
    try:
        return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # A lone surrogate (typed into a broken terminal) has no UTF-8 form; it must not stop a turn.
        return orjson.dumps(_scrub(body), option=orjson.OPT_APPEND_NEWLINE)


def decode(line: bytes) -> Body:
    """The object of one line. Raises ProtocolError for anything else."""
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError as fault:
        raise ProtocolError(f"not JSON ({fault}): {line[:200]!r}") from fault
    if not isinstance(body, dict):
        raise ProtocolError(f"not an object: {line[:200]!r}")
    return body


def decode_reply(line: bytes) -> Body:
    """The reply of one line. Raises ProtocolError for anything else; what it carries is read where it is wanted."""
    body = decode(line)
    memory = body.get("memory") or []
    if not isinstance(body.get("id"), int) or not isinstance(body.get("say"), str):
        raise ProtocolError(f"not a reply: {line[:200]!r}")
    if not isinstance(memory, list) or not all(isinstance(reading, dict) for reading in memory):
        raise ProtocolError(f"not a reply, its memory is no list: {line[:200]!r}")
    return body


def read(kind: type[Value], body: Any) -> Value:
    """The value of one object, unknown keys ignored. Raises ProtocolError when a key is missing."""
    if not isinstance(body, dict):
        raise ProtocolError(f"not a {kind.__name__}: {body!r}")
    try:
        return kind(**{field.name: body[field.name] for field in fields(kind) if field.name in body})
    except TypeError as fault:
        raise ProtocolError(f"not a {kind.__name__} ({fault}): {body!r}") from fault


def read_list(kind: type[Value], body: Any) -> list[Value]:
    """The values of a list of objects. Raises ProtocolError as `read` does, and when it is no list."""
    if not isinstance(body, list):
        raise ProtocolError(f"not a list: {body!r}")
    return [read(kind, item) for item in body]


def read_number(body: Any) -> float:
    """A number. Raises ProtocolError for anything else."""
    if not isinstance(body, (int, float)):
        raise ProtocolError(f"not a number: {body!r}")
    return float(body)


def read_vectors(body: Any) -> list[list[float]] | None:
    """A vector a text, or None. Raises ProtocolError for anything else."""
    if body is None:
        return None
    if not isinstance(body, list) or not all(isinstance(vector, list) for vector in body):
        raise ProtocolError(f"no vectors: {str(body)[:200]!r}")
    return [[read_number(value) for value in vector] for vector in body]


def read_prompt(body: Any) -> Prompt:
    """The prompt of a request. Raises ProtocolError when it is malformed."""
    try:
        messages = tuple(read(Message, message) for message in body["messages"])
        if not messages or body["form"] not in ("chat", "plain"):
            raise KeyError("messages or form")
        return Prompt(messages, body["form"], tuple(body.get("stop", ())), bool(body.get("thinking", False)))
    except (KeyError, TypeError) as fault:
        raise ProtocolError(f"not a prompt ({fault}): {body!r}") from fault


def generation_event(body: Body) -> GenerationEvent | None:
    """The generation event of a reply, or None when it is another kind of reply."""
    kind = _GENERATION.get(body.get("say", ""))
    if kind is None:
        return None
    try:
        event: GenerationEvent = kind(**{field.name: body[field.name] for field in fields(kind) if field.name in body})
    except TypeError as fault:
        raise ProtocolError(f"{body['say']} is not whole ({fault})") from fault
    return event


def generation_reply(request: int, event: GenerationEvent) -> Body:
    """The reply that carries a generation event."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return {"id": request, "say": _SAY[type(event)], **values}


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {key: _scrub(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_scrub(item) for item in value]
    if is_dataclass(value):
        return {field.name: _scrub(getattr(value, field.name)) for field in fields(value)}
    return value
