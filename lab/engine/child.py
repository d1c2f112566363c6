"""One engine process: its pipes and their threads, who waits for which reply, and its log file."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.domain import Memory
from lab.engine.protocol import Body, ProtocolError, decode_reply, encode, read
from lab.errors import LabError
from lab.files import CHILD_FOLDER

_CLOSE_GRACE_SECONDS = 1.5
# A longer log begins anew when the engine starts.
_LOG_BYTES = 4 * 2**20


class Child:
    """One running process: a thread that writes requests, one that hands replies to who waits."""

    def __init__(self, command: Sequence[str], log: Path, on_memory: Callable[[Memory], None]) -> None:
        self._log = log
        self._log_start = 0
        self._on_memory = on_memory
        self._waiting: dict[int, queue.SimpleQueue[Body | None]] = {}
        self._lock = threading.Lock()
        self._dead = False
        # Whether it was ended for what it said.
        self.condemned = False
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as stderr:
                if stderr.tell() > _LOG_BYTES:
                    stderr.truncate(0)
                    stderr.seek(0)
                self._log_start = stderr.tell()
                self.process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    cwd=CHILD_FOLDER,
                    # Ctrl-C in the terminal is for the lab, which then cancels or closes in order.
                    start_new_session=True,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"},
                )
        except OSError as fault:
            raise LabError(
                f"The engine cannot be started: {fault.strerror} ({fault.filename or command[0]}).",
                "Free disk space or processes, or choose a writable workspace.",
            ) from fault
        threading.Thread(target=self._write, name="engine-writer", daemon=True).start()
        threading.Thread(target=self._read, name="engine-reader", daemon=True).start()

    def alive(self) -> bool:
        return not self._dead and self.process.poll() is None

    def ask(self, request: int, body: Body) -> queue.SimpleQueue[Body | None]:
        """Send a request; its replies arrive in the queue, None when the process is gone."""
        replies: queue.SimpleQueue[Body | None] = queue.SimpleQueue()
        with self._lock:
            if self._dead:
                replies.put(None)
                return replies
            self._waiting[request] = replies
        self.tell({"id": request, **body})
        return replies

    def tell(self, body: Body) -> None:
        # A child deep in native code may not read for a while: a full pipe must not block the caller.
        self._outbox.put(encode(body))

    def abandon(self, request: int) -> bool:
        """Drop the replies still to come; False when the request had its last one."""
        with self._lock:
            return self._waiting.pop(request, None) is not None

    def end(self) -> None:
        """Close its input, then be firm. Returns when the process is gone."""
        self._outbox.put(None)
        try:
            self.process.wait(_CLOSE_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def condemn(self, fault: Exception) -> None:
        """End a process that says what nobody understands; the log tells what that was."""
        self.condemned = True
        self._note(f"the engine broke the protocol and was ended: {fault}")
        self.process.kill()
        self.process.wait()

    def last_words(self) -> str:
        """The end of the log file, for a sentence about the death; of a traceback its last line."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - 4096))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        told = [line.strip() for line in lines if line.strip() and not line.startswith((" ", "Traceback "))]
        words = " | ".join(told[-3:])
        return "".join(letter if letter.isprintable() else " " for letter in words)[-300:]

    def _write(self) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while (line := self._outbox.get()) is not None:
                stdin.write(line)
                stdin.flush()
        with contextlib.suppress(OSError, ValueError):
            stdin.close()

    def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        try:
            for line in stdout:
                self._deliver(decode_reply(line))
        except (ProtocolError, OSError, ValueError) as fault:
            self.condemn(fault)
        stdout.close()
        self.end()
        with self._lock:
            self._dead = True
            waiting = list(self._waiting.values())
            self._waiting.clear()
        for replies in waiting:
            replies.put(None)

    def _deliver(self, body: Body) -> None:
        for reading in body.get("memory") or ():
            self._on_memory(read(Memory, reading))
        with self._lock:
            replies = self._waiting.get(body["id"])
            if replies is not None and body["say"] in ("done", "error"):
                del self._waiting[body["id"]]
        if replies is not None:
            replies.put(body)

    def _note(self, text: str) -> None:
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as log:
            log.write(text + "\n")
