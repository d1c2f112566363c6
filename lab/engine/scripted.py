"""An engine process without a model: it speaks the protocol and says what it is told, or fails as it is told."""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import re
import signal
import statistics
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from lab.domain import (
    Checkpoint,
    Finish,
    GenerationEvent,
    Loaded,
    LoadOptions,
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
from lab.engine.adapters import check_adapter
from lab.engine.fingerprint import fingerprint
from lab.engine.prose import answer
from lab.engine.serving import serve, too_long
from lab.errors import LabError

_SLOW_SECONDS = 60.0
# As the embedded sentence model has.
_DIMENSIONS = 384
_ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J\x9b5mblink "


def fingerprint_of(checkpoint: Checkpoint) -> str:
    """That of its files where there are any, else one made of its name."""
    folder = Path(checkpoint.location)
    if checkpoint.ready and (folder / "config.json").is_file():
        return fingerprint(folder)
    return hashlib.sha256(f"scripted {checkpoint.name}".encode()).hexdigest()


class ScriptedHost:
    """Answers from `--answers`, or made-up prose; a token is a word with the white space after it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._answers: list[str] = []
        if options.answers is not None:
            text = Path(options.answers).read_text(encoding="utf-8")
            self._answers = [part.strip("\n") for part in re.split(r"^---\n", text, flags=re.MULTILINE)]
        self._loaded: Loaded | None = None
        self._adapter: str | None = None

    def load(self, checkpoint: Checkpoint, options: LoadOptions, progress: Callable[[Progress], None]) -> Loaded:
        script = self._options
        self._loaded = self._adapter = None
        started = time.monotonic()
        seconds = _SLOW_SECONDS if checkpoint.name == script.slow else script.load_seconds
        steps = max(1, round(seconds / 0.05))
        for step in range(steps + 1):
            progress(Progress("Reading the weights", step, steps, ""))
            if step < steps:
                time.sleep(seconds / steps)
        if checkpoint.name == script.broken:
            raise LabError(f"The checkpoint {checkpoint.name} cannot be loaded: it is broken.", "Choose another.")
        if script.fail_load:
            title = f"The checkpoint {checkpoint.name} cannot be loaded: {script.fail_load}."
            raise LabError(title, "Choose another.")
        if script.die_loading:
            _die()
        self._loaded = Loaded(
            name=checkpoint.name,
            family="scripted",
            form=checkpoint.form or "chat",
            context=min(script.context, checkpoint.context or script.context),
            parameters=checkpoint.parameters or 134_515_008,
            dtype="float32" if options.dtype == "auto" else options.dtype,
            device="cpu",
            fingerprint=fingerprint_of(checkpoint),
            path=checkpoint.location,
            seconds=time.monotonic() - started,
            kernels="none",
            thinking=script.think > 0,
            sentences=not script.no_sentences,
        )
        return self._loaded

    def activate(self, adapter: Path | None) -> float:
        loaded = self._require()
        if adapter is None:
            self._adapter = None
            return 0.0
        check_adapter(adapter, loaded.fingerprint, loaded.name)
        self._adapter = adapter.name
        return 0.5

    def count(self, prompt: Prompt) -> int:
        self._require()
        return sum(4 + len(_tokens(message.content)) for message in prompt.messages)

    def embed(self, texts: list[str], tokens: int) -> list[list[float]] | None:
        return None if self._options.no_sentences else [_vector(_tokens(text)[:tokens]) for text in texts]

    def adapters(self) -> list[Resident]:
        return [Resident(self._adapter, 1 << 20, active=True)] if self._adapter else []

    def vram_bytes(self) -> int | None:
        return None

    def peak_vram_bytes(self) -> int | None:
        return None

    def generate(
        self,
        prompt: Prompt,
        rows: list[Sampling],
        max_tokens: int,
        cancelled: threading.Event,
        emit: Callable[[GenerationEvent], None],
    ) -> None:
        options = self._options
        tokens = self.count(prompt)
        if tokens + max_tokens > options.context:
            raise too_long(tokens, max_tokens, options.context)
        asked = prompt.messages[-1].content
        if options.die_on is not None and options.die_on in asked:
            _die()
        if options.fail_on is not None and options.fail_on in asked:
            raise LabError("The engine ran out of memory while it wrote.", "Use a smaller checkpoint.")
        emit(PromptRead(tokens, *_bits(prompt)))
        writing = [
            self._write(
                row, self._thought(prompt, sampling), self._text(asked, sampling), prompt, max_tokens, cancelled
            )
            for row, sampling in enumerate(rows)
        ]
        if options.side_by_side:
            for event in _in_turn(writing):
                emit(event)
            return
        for row in writing:
            if cancelled.is_set():
                return
            for event in row:
                emit(event)

    def _write(
        self, row: int, thought: str, text: str, prompt: Prompt, max_tokens: int, cancelled: threading.Event
    ) -> Iterator[GenerationEvent]:
        options = self._options
        started = time.monotonic()
        yield RowStarted(row)
        if options.stall:
            # Like a native call: no cancel is heard until it is over.
            time.sleep(options.stall)
        cut = min((at for mark in prompt.stop if (at := text.find(mark)) >= 0), default=len(text))
        thinking = _tokens(thought)
        said = ""
        count = 0
        finish: Finish = "stop"
        for token in [*thinking, *_tokens(text[:cut])]:
            if count == max_tokens:
                finish = "length"
                break
            if options.pace:
                cancelled.wait(max(0.0, started + (count + 1) / options.pace - time.monotonic()))
            if cancelled.is_set():
                finish = "cancelled"
                break
            count += 1
            if options.die_at_token is not None and (row, count) == (options.die_in_row, options.die_at_token):
                _die()
            if count <= len(thinking):
                yield RowThought(row, token, count)
            else:
                said += token
                yield RowGrew(row, token, count)
        thought = "".join(thinking[:count])
        yield RowFinished(row, said, count, time.monotonic() - started, finish, thought)

    def _thought(self, prompt: Prompt, sampling: Sampling) -> str:
        if not prompt.thinking or not self._options.think:
            return ""
        words = answer(f"thinking {sampling.seed} {prompt.messages[-1].content}", self._options.think).split()
        return " ".join(words[: self._options.think])

    def _text(self, asked: str, sampling: Sampling) -> str:
        seed: int | str = sampling.seed if sampling.temperature > 0 else "greedy"
        if self._answers:
            text = self._answers[sampling.seed % len(self._answers) if sampling.temperature > 0 else 0]
        else:
            text = answer(f"{seed} {self._adapter} {asked}", self._options.words)
        return _ESCAPES + text if self._options.escape_codes else text

    def _require(self) -> Loaded:
        if self._loaded is None:
            raise LabError("No checkpoint is loaded.", "Load one first.")
        return self._loaded


def _in_turn(rows: Iterable[Iterator[GenerationEvent]]) -> Iterator[GenerationEvent]:
    """One event of each in turn, until all have ended."""
    waiting = deque(rows)
    while waiting:
        row = waiting.popleft()
        event = next(row, None)
        if event is not None:
            yield event
            waiting.append(row)


def _tokens(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def _vector(words: Sequence[str]) -> list[float]:
    """Texts that share words point the same way."""
    counts = [0.0] * _DIMENSIONS
    for word in words:
        counts[zlib.crc32(word.lower().strip(" .,!?").encode(errors="replace")) % _DIMENSIONS] += 1.0
    length = math.hypot(*counts) or 1.0
    return [count / length for count in counts]


def _bits(prompt: Prompt) -> tuple[float, float] | tuple[()]:
    """Bits a token and a byte; a word that was said before in the prompt is expected."""
    *before, said = (message.content.lower().split() for message in prompt.messages)
    known = {word for words in before for word in words}
    bits = [2.0 if word in known else 10.0 for word in said]
    return (
        (statistics.fmean(bits), sum(bits) / sum(len(word.encode(errors="replace")) + 1 for word in said))
        if bits
        else ()
    )


def _die() -> NoReturn:
    print("scripted engine: dying as asked", file=sys.stderr, flush=True)  # noqa: T201
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit(1)


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.engine.scripted", description=__doc__)
    parser.add_argument("--answers", metavar="FILE", help="answers divided by lines of ---; draft takes seed modulo")
    parser.add_argument("--words", type=int, metavar="N", help="made-up answers have at least N words")
    parser.add_argument("--think", type=int, default=0, metavar="N", help="thinks N words first when it is let")
    parser.add_argument(
        "--side-by-side", action="store_true", help="writes all drafts at once, a token of each in turn"
    )
    parser.add_argument("--pace", type=float, default=0.0, metavar="N", help="tokens per second; 0 does not wait")
    parser.add_argument("--stall", type=float, default=0.0, metavar="S", help="deaf for S seconds before each draft")
    parser.add_argument("--load-seconds", type=float, default=0.0, metavar="S", help="how long loading takes")
    parser.add_argument("--context", type=int, default=8192, metavar="N", help="window in tokens")
    parser.add_argument("--escape-codes", action="store_true", help="terminal escape codes open every answer")
    parser.add_argument("--no-sentences", action="store_true", help="has no sentence model")
    parser.add_argument("--fail-load", metavar="REASON", help="loading ends in an error")
    parser.add_argument("--broken", metavar="NAME", help="loading this checkpoint ends in an error, others load")
    parser.add_argument("--slow", metavar="NAME", help="loading this checkpoint takes a minute")
    parser.add_argument("--fail-on", metavar="TEXT", help="an error when the last message holds TEXT")
    parser.add_argument("--die-loading", action="store_true", help="dies while it loads")
    parser.add_argument("--die-on", metavar="TEXT", help="dies when the last message holds TEXT")
    parser.add_argument("--die-at-token", type=int, metavar="N", help="dies at the Nth token of a draft")
    parser.add_argument("--die-in-row", type=int, default=0, metavar="N", help="which draft dies, counted from 0")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    serve(ScriptedHost(_options()))
