"""The engine process's side of the protocol: reads requests, asks a host, writes replies. No torch."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Protocol

import psutil

from lab.domain import (
    Checkpoint,
    GenerationEvent,
    Loaded,
    LoadOptions,
    Memory,
    Progress,
    Prompt,
    Resident,
    Sampling,
)
from lab.engine.peak import peak_bytes
from lab.engine.protocol import Body, ProtocolError, decode, encode, generation_reply, read, read_prompt
from lab.errors import LabError

# Enough for the keys to echo while every core computes.
_NICENESS = 5


class Host(Protocol):
    """What answers the requests, one at a time, in one thread."""

    def load(self, checkpoint: Checkpoint, options: LoadOptions, progress: Callable[[Progress], None]) -> Loaded: ...

    def activate(self, adapter: Path | None) -> float: ...

    def generate(
        self,
        prompt: Prompt,
        rows: list[Sampling],
        max_tokens: int,
        cancelled: threading.Event,
        emit: Callable[[GenerationEvent], None],
    ) -> None: ...

    def count(self, prompt: Prompt) -> int: ...

    def embed(self, texts: list[str], tokens: int) -> list[list[float]] | None: ...

    def adapters(self) -> list[Resident]: ...

    def vram_bytes(self) -> int | None: ...

    def peak_vram_bytes(self) -> int | None: ...


def too_long(tokens: int, max_tokens: int, context: int) -> LabError:
    """The error for a prompt that leaves no room for the answer in the window."""
    return LabError(
        f"The prompt has {tokens} tokens; with {max_tokens} for the answer the window of {context} is exceeded.",
        "Shorten the message, start a new session, or lower refinement.max_tokens.",
    )


def serve(host: Host, prepare: Callable[[], None] = lambda: None) -> NoReturn:
    """Answer requests from standard input until it closes. Never returns.

    `prepare` runs at once, beside everything else, and is over before the first load begins: imports take seconds,
    and what they take of the memory is not the checkpoint's.
    """
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
    # Whatever a library prints goes to the log: the real standard output is for replies alone.
    output = os.fdopen(os.dup(1), "wb")
    requests_in = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    _Server(host, prepare, output).run(requests_in)


class _Server:
    def __init__(self, host: Host, prepare: Callable[[], None], output: BinaryIO) -> None:
        self._host = host
        self._preparing = threading.Thread(target=prepare, name="prepare", daemon=True)
        self._output = output
        self._writing = threading.Lock()
        self._requests: queue.SimpleQueue[Body] = queue.SimpleQueue()
        self._cancels: dict[int, threading.Event] = {}

    def run(self, lines: BinaryIO) -> NoReturn:
        threading.Thread(target=self._read, args=(lines,), name="requests", daemon=True).start()
        self._preparing.start()
        while True:
            self._answer(self._requests.get())

    def _read(self, lines: BinaryIO) -> None:
        # Ends the process from here: the main thread may be deep in native code for seconds. Whatever goes wrong
        # ends it too: nobody else would hear a cancel, or that the lab is gone.
        code = 2
        try:
            for line in lines:
                body = decode(line)
                request = body.get("id")
                if not isinstance(request, int):
                    raise ProtocolError(f"no id: {body!r}")
                if body.get("do") == "cancel":
                    if (event := self._cancels.get(request)) is not None:
                        event.set()
                elif body.get("do") == "memory":
                    # Answered at once, so that a reading tells of the moment it was asked for.
                    reading = self._memory(str(body.get("event")))
                    self._say({"id": request, "say": "done", "result": reading, "memory": []})
                else:
                    self._cancels[request] = threading.Event()
                    self._requests.put(body)
            code = 0
        except ProtocolError as fault:
            print(f"engine: ended by a bad request: {fault}", file=sys.stderr, flush=True)  # noqa: T201
        except Exception:
            traceback.print_exc()
        finally:
            self._end(code)

    def _end(self, code: int) -> NoReturn:
        # A reply on its way is finished; one that nobody takes must not keep the process.
        self._writing.acquire(timeout=1.0)
        os._exit(code)

    def _say(self, body: Body) -> None:
        line = encode(body)
        with self._writing:
            try:
                self._output.write(line)
                self._output.flush()
            except OSError:
                # The lab is gone.
                os._exit(0)

    def _answer(self, body: Body) -> None:
        request = body["id"]
        readings: list[Memory] = []
        try:
            result = self._do(body, readings)
        except LabError as fault:
            self._say({"id": request, "say": "error", "title": fault.title, "remedy": fault.remedy, "memory": readings})
        except Exception as fault:
            traceback.print_exc()
            title = f"The engine failed at {body.get('do')}: {type(fault).__name__}: {_first_line(fault)}"
            remedy = "The whole message is in the engine's log; start the engine again if it goes on."
            self._say({"id": request, "say": "error", "title": title, "remedy": remedy, "memory": readings})
        else:
            self._say({"id": request, "say": "done", "result": result, "memory": readings})
        finally:
            self._cancels.pop(request, None)

    def _do(self, body: Body, readings: list[Memory]) -> Any:
        request = body["id"]
        do = body.get("do")
        if do == "load":
            if self._preparing.is_alive():
                self._say_progress(request, Progress("Starting the engine"))
                # When it fails, the load will say how.
                self._preparing.join()
            readings.append(self._memory("before_load"))
            loaded = self._host.load(
                read(Checkpoint, body["checkpoint"]),
                read(LoadOptions, body.get("options", {})),
                lambda progress: self._say_progress(request, progress),
            )
            readings.append(self._memory("loaded"))
            return loaded
        if do == "activate":
            return self._host.activate(Path(body["adapter"]) if body["adapter"] is not None else None)
        if do == "generate":
            rows = [read(Sampling, row) for row in body["rows"]]
            prompt = read_prompt(body["prompt"])

            def emit(event: GenerationEvent) -> None:
                self._say(generation_reply(request, event))

            self._host.generate(prompt, rows, body["max_tokens"], self._cancels[request], emit)
            readings.append(self._memory("generated"))
            readings.append(Memory("engine", peak_bytes(), self._host.peak_vram_bytes(), "peak"))
            return None
        if do == "count":
            return self._host.count(read_prompt(body["prompt"]))
        if do == "embed":
            return self._host.embed([str(text) for text in body["texts"]], int(body["tokens"]))
        if do == "adapters":
            return self._host.adapters()
        raise ProtocolError(f"no such request: {do!r}")

    def _say_progress(self, request: int, progress: Progress) -> None:
        self._say(
            {
                "id": request,
                "say": "progress",
                "stage": progress.stage,
                "done": progress.done,
                "total": progress.total,
                "unit": progress.unit,
            }
        )

    def _memory(self, event: str) -> Memory:
        return Memory("engine", psutil.Process().memory_info().rss, self._host.vram_bytes(), event)


def _first_line(fault: BaseException) -> str:
    text = str(fault).strip()
    return text.splitlines()[0][:300] if text else "no message"
