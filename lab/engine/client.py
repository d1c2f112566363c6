"""The lab's side of an engine: what can be asked of one, and the one that lives in a child process."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from lab.domain import (
    Checkpoint,
    GenerationEvent,
    Loaded,
    LoadOptions,
    Memory,
    Progress,
    Prompt,
    Resident,
    RowFinished,
    RowGrew,
    RowStarted,
    RowThought,
    Sampling,
)
from lab.engine.child import Child
from lab.engine.embedded import SENTENCE_TOKENS
from lab.engine.precedence import answering
from lab.engine.protocol import Body, ProtocolError, generation_event, read, read_list, read_number, read_vectors
from lab.errors import EngineDied, LabError
from lab.settings import EngineSettings

# A cancel is noticed within one poll and answered at the latest after the grace: under 250 ms together.
_POLL_SECONDS = 0.03
_CANCEL_GRACE_SECONDS = 0.18
# What a system that runs out of memory does to the largest process.
_KILLED = -9

Result = TypeVar("Result")


class Engine(Protocol):
    """What holds a checkpoint and writes drafts. Calls block and may come from any thread."""

    @property
    def loaded(self) -> Loaded | None:
        """The checkpoint in place; None before a load and after a death."""
        ...

    @property
    def adapter(self) -> str | None:
        """The folder name of the active adapter; None without one."""
        ...

    def load(
        self, checkpoint: Checkpoint, progress: Callable[[Progress], None] | None = None, dtype: str | None = None
    ) -> Loaded:
        """Put a checkpoint in place of the one before, without an adapter. LabError when it cannot be.

        `dtype` takes the place of the setting.
        """
        ...

    def activate(self, adapter: Path | None) -> float:
        """Make an adapter folder the active one, or none. Returns the largest change of a probe's logits.

        LabError when the adapter does not fit or moves nothing; the one before then stays active.
        """
        ...

    def generate(
        self,
        prompt: Prompt,
        rows: Sequence[Sampling],
        max_tokens: int,
        cancel: threading.Event | None = None,
    ) -> Iterator[GenerationEvent]:
        """Write one draft a row, each of at most `max_tokens`; ends within 250 ms of a cancel.

        Rows grow side by side; cancelled ones end with what they said. LabError when the prompt
        and `max_tokens` together exceed the window.
        """
        ...

    def adapters(self) -> list[Resident]:
        """The adapters in the engine's memory, the least recently used one first."""
        ...

    def count(self, prompt: Prompt) -> int:
        """How many tokens the prompt has in the form that it would be generated from."""
        ...

    def embed(self, texts: Sequence[str], tokens: int = SENTENCE_TOKENS) -> list[list[float]] | None:
        """A vector of length 1 for each text, by its first `tokens` tokens; what means alike points the same way.

        None without a sentence model, which `lab prepare` fetches. LabError when it cannot be read.
        """
        ...

    def memory(self, event: str) -> Memory:
        """A reading of the engine's process, labelled with the event; at once, also while it writes."""
        ...

    def take_readings(self) -> list[Memory]:
        """The memory readings since the last call (before and after loading, after generating)."""
        ...

    def alive(self) -> bool:
        """True while the engine can be asked."""
        ...

    def close(self) -> None:
        """End the engine. Calls that wait on it raise EngineDied. Never raises."""
        ...


class ProcessEngine:
    """An engine in a child process that speaks `lab.engine.protocol`; see `Engine` for the calls.

    A dead child raises EngineDied in every call until `start` makes a new one. While it writes, the lock file
    `answering` says so to sleepers.
    """

    def __init__(
        self, command: Sequence[str], log: Path, settings: EngineSettings, answering: Path | None = None
    ) -> None:
        self._command = tuple(command)
        self._log = log
        self._settings = settings
        self._answering = answering
        self._child: Child | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._requests = 0
        self._readings: deque[Memory] = deque(maxlen=1000)
        self._loaded: Loaded | None = None
        self._adapter: str | None = None

    @property
    def loaded(self) -> Loaded | None:
        """The checkpoint in place; None before a load and after a death."""
        return self._loaded if self.alive() else None

    @property
    def adapter(self) -> str | None:
        """The folder name of the active adapter; None without one."""
        return self._adapter if self.alive() else None

    @property
    def process_id(self) -> int | None:
        """The child's process id; None before `start`."""
        return self._child.process.pid if self._child else None

    def start(self) -> None:
        """Start the child unless one is alive. Nothing is loaded then. LabError when it cannot start."""
        with self._lock:
            if self._child is not None and self._child.alive():
                return
            self._loaded = self._adapter = None
            self._closed = False
            self._child = Child(self._command, self._log, self._readings.append)

    def load(
        self, checkpoint: Checkpoint, progress: Callable[[Progress], None] | None = None, dtype: str | None = None
    ) -> Loaded:
        settings = self._settings
        options = LoadOptions(settings.device, dtype or settings.dtype, settings.kernels, settings.resident_adapters)
        body = {"do": "load", "checkpoint": checkpoint, "options": options}
        # The engine lets go of the checkpoint before to make room, so a failure leaves none.
        self._loaded = self._adapter = None
        self._loaded = self._call(body, lambda result: read(Loaded, result), progress)
        return self._loaded

    def activate(self, adapter: Path | None) -> float:
        shift = self._call({"do": "activate", "adapter": str(adapter.resolve()) if adapter else None}, read_number)
        self._adapter = adapter.name if adapter else None
        return shift

    def adapters(self) -> list[Resident]:
        return self._call({"do": "adapters"}, lambda result: read_list(Resident, result))

    def count(self, prompt: Prompt) -> int:
        return int(self._call({"do": "count", "prompt": prompt}, read_number))

    def embed(self, texts: Sequence[str], tokens: int = SENTENCE_TOKENS) -> list[list[float]] | None:
        return self._call({"do": "embed", "texts": list(texts), "tokens": tokens}, read_vectors)

    def memory(self, event: str) -> Memory:
        return self._call({"do": "memory", "event": event}, lambda result: read(Memory, result))

    def take_readings(self) -> list[Memory]:
        taken: list[Memory] = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._readings.popleft())
        return taken

    def alive(self) -> bool:
        return self._child is not None and self._child.alive()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.end()

    def generate(
        self,
        prompt: Prompt,
        rows: Sequence[Sampling],
        max_tokens: int,
        cancel: threading.Event | None = None,
    ) -> Iterator[GenerationEvent]:
        with answering(self._answering):
            yield from self._write(prompt, rows, max_tokens, cancel)

    def _write(
        self, prompt: Prompt, rows: Sequence[Sampling], max_tokens: int, cancel: threading.Event | None
    ) -> Iterator[GenerationEvent]:
        child, request = self._next_request()
        body = {"do": "generate", "prompt": prompt, "rows": list(rows), "max_tokens": max_tokens}
        replies = child.ask(request, body)
        rows_open = _OpenRows()
        deadline: float | None = None
        try:
            while True:
                if deadline is None and cancel is not None and cancel.is_set():
                    deadline = time.monotonic() + _CANCEL_GRACE_SECONDS
                    child.tell({"do": "cancel", "id": request})
                try:
                    body = self._reply(child, replies, _POLL_SECONDS if cancel is not None else None)
                except queue.Empty:
                    if deadline is not None and time.monotonic() > deadline:
                        # The child is too busy to answer: end the rows here with what arrived of them.
                        yield from rows_open.cancelled()
                        return
                    continue
                if body["say"] == "done":
                    return
                event = self._understood(child, rows_open.follow, body)
                if event is not None:
                    yield event
        finally:
            # Reached also when the consumer stops early: the child must not go on for nobody.
            if child.abandon(request):
                child.tell({"do": "cancel", "id": request})

    def _call(
        self, body: Body, understand: Callable[[Any], Result], progress: Callable[[Progress], None] | None = None
    ) -> Result:
        child, request = self._next_request()
        replies = child.ask(request, body)
        try:
            while True:
                reply = self._reply(child, replies)
                if reply["say"] == "done":
                    return self._understood(child, understand, reply.get("result"))
                if reply["say"] == "progress" and progress is not None:
                    progress(self._understood(child, lambda body: read(Progress, body), reply))
        finally:
            child.abandon(request)

    def _next_request(self) -> tuple[Child, int]:
        with self._lock:
            if self._child is None:
                raise EngineDied("The engine is not running.", "Start it again.")
            self._requests += 1
            return self._child, self._requests

    def _reply(self, child: Child, replies: queue.SimpleQueue[Body | None], timeout: float | None = None) -> Body:
        """The next reply. Raises queue.Empty after `timeout` seconds, EngineDied, and the child's errors."""
        reply = replies.get(timeout=timeout)
        if reply is None:
            raise self._obituary(child)
        if reply["say"] == "error":
            raise LabError(reply.get("title", "The engine failed."), reply.get("remedy", ""))
        return reply

    def _understood(self, child: Child, understand: Callable[[Any], Result], said: Any) -> Result:
        """What the child means. A child that means nothing is ended: EngineDied."""
        try:
            return understand(said)
        except ProtocolError as fault:
            child.condemn(fault)
            raise self._obituary(child) from fault

    def _obituary(self, child: Child) -> EngineDied:
        if self._closed:
            return EngineDied("The engine was closed.", "Start it again.")
        code = child.process.returncode
        if child.condemned:
            how = "was ended because it broke the protocol"
        elif code == _KILLED:
            how = "was killed (signal 9), most often because memory ran out"
        elif code is not None and code < 0:
            how = f"ended by signal {-code}"
        else:
            how = f"ended with exit code {code}"
        words = child.last_words()
        said = f"; its last words: {words}" if words else ""
        return EngineDied(f"The engine {how}{said}.", f"Start it again; all it said is in {self._log}.")


class _OpenRows:
    """The rows that are being written, as far as they arrived."""

    def __init__(self) -> None:
        self._rows: dict[int, RowFinished] = {}
        self._since = time.monotonic()

    def follow(self, body: Body) -> GenerationEvent | None:
        """The event of a reply, None for another kind. Raises ProtocolError also for rows that have not begun."""
        event = generation_event(body)
        if isinstance(event, (RowGrew, RowThought, RowFinished)) and event.row not in self._rows:
            raise ProtocolError(f"row {event.row} has not begun or is over: {body!r}")
        if isinstance(event, RowStarted):
            self._rows[event.row] = RowFinished(event.row, "", 0, 0.0, "cancelled")
            self._since = time.monotonic()
        elif isinstance(event, RowGrew):
            row = self._rows[event.row]
            self._rows[event.row] = replace(row, text=row.text + event.text, tokens=event.tokens)
        elif isinstance(event, RowThought):
            row = self._rows[event.row]
            self._rows[event.row] = replace(row, thinking=row.thinking + event.text, tokens=event.tokens)
        elif isinstance(event, RowFinished):
            del self._rows[event.row]
        return event

    def cancelled(self) -> list[RowFinished]:
        """Their ends, in order."""
        seconds = time.monotonic() - self._since
        return [replace(self._rows[row], seconds=seconds) for row in sorted(self._rows)]


def transformers_engine(log: Path, settings: EngineSettings, answering: Path | None = None) -> ProcessEngine:
    """The engine that runs checkpoints with transformers. Not started yet."""
    return ProcessEngine([sys.executable, "-m", "lab.engine.worker"], log, settings, answering)
