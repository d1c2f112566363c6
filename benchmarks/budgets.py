"""What a person waits for: the start, the first paint, and the echo of a key while the machine works.

    python -m benchmarks.budgets [--json] [--repeats N] [--keys N] [--answers N]

The real program in a pseudo-terminal with the real embedded model; nothing is simulated. The echo of a key is the time
from writing it to the terminal until the terminal gets it back, under five conditions: idle, while five drafts are
written, while a sleep runs, both at once, and idle in a dialogue of 1,000 exchanges. The speed of answers, each of five
drafts of at most 100 tokens, is that of all drafts together: awake, beside a sleep, which waits meanwhile, and beside a
sleep that does not know of them. POSIX only.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

# So that the file also runs by its path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import commit, machine, median, percentile
from lab.domain import Message, Prompt, RowFinished
from lab.engine import embedded
from lab.engine.catalogue import resolve
from lab.engine.client import Engine, transformers_engine
from lab.engine.precedence import answering_lock
from lab.journal.events import DraftFinished, ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.journal.record import Record
from lab.lab import Lab
from lab.refinement.irp import samplings
from lab.settings import EMBEDDED_CHECKPOINT, Settings, Workspace

KEY = b"@"
LONG = 1000
QUESTION = b"What does it mean to learn something and to own it?"
STORY = "Tell me a long story about a fox who learns to read, with all that happens to it on the way."
# Between two answers, for a person reads them; a sleep gets on meanwhile.
READING_SECONDS = 4.0


class Terminal:
    """The lab in a pseudo-terminal of 120 by 40, and everything it has written."""

    def __init__(self, workspace: Path) -> None:
        self.started = time.monotonic()
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LAB_WORKSPACE=str(workspace))
            os.execv(sys.executable, [sys.executable, "-m", "lab"])
        fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.output = bytearray()
        self.arrived = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self.handle, 65536)
            except OSError:
                return
            with self.arrived:
                self.output += piece
                self.arrived.notify_all()

    def write(self, keys: bytes) -> None:
        os.write(self.handle, keys)

    def wait(self, test: Callable[[], bool], seconds: float) -> float:
        """Seconds until the test holds. Raises TimeoutError with the end of the output."""
        began = time.monotonic()
        with self.arrived:
            if not self.arrived.wait_for(test, seconds):
                raise TimeoutError(bytes(self.output[-2000:]))
        return time.monotonic() - began

    def wait_for(self, text: bytes, seconds: float = 120.0, after: int = 0) -> float:
        return self.wait(lambda: self.output.find(text, after) >= 0, seconds)

    def echo(self) -> float:
        """Seconds until a key comes back."""
        before = len(self.output)
        self.write(KEY)
        seconds = self.wait(lambda: self.output.find(KEY, before) >= 0, 20.0)
        self.write(b"\x7f")
        return seconds

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def startup(repeats: int) -> dict[str, float]:
    """Medians in milliseconds of `python -c pass` and `lab --help`, interleaved."""
    commands = {"python": [sys.executable, "-c", "pass"], "help": [sys.executable, "-m", "lab", "--help"]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            began = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.monotonic() - began) * 1000)
    return {name: median(values) for name, values in times.items()}


def fill(workspace: Workspace) -> None:
    """Salient exchanges enough for a sleep that outlasts the measurement."""
    workspace.create()
    workspace.config.write_text("[sleep]\nepochs = 1000\n")
    session = "20260101-000000-0000"
    events: list[object] = [SessionOpened(session, EMBEDDED_CHECKPOINT, None, "measured", 0.15, "benchmark")]
    for turn in range(1, 9):
        name = f"{session}-{turn:04d}"
        answer = f"Knowledge number {turn} is what remains when the lesson is forgotten, and it is yours to use. " * 4
        events += [
            TurnStarted(name, session, turn, f"What is knowledge number {turn}?", EMBEDDED_CHECKPOINT, None),
            ExchangeFinished(name, "complete", answer),
            SalienceScored(name, "measured", 0.1, 0.1, 0.5, 0.3, 0.1, 0.3, 0.15, True),
        ]
    Record(workspace).append(session, *events)  # type: ignore[arg-type]


def fill_long(workspace: Workspace) -> None:
    """A dialogue of 1,000 exchanges, each with its five drafts."""
    workspace.create()
    workspace.config.touch()
    session = "20260101-000000-0001"
    record = Record(workspace)
    record.append(session, SessionOpened(session, EMBEDDED_CHECKPOINT, None, "measured", 0.15, "benchmark"))
    for turn in range(1, LONG + 1):
        name = f"{session}-{turn:04d}"
        answer = (
            f"Knowledge number {turn} is what remains when the **lesson** is forgotten:\n\n" + "- it is yours.\n" * 9
        )
        record.append(
            session,
            TurnStarted(name, session, turn, f"What is knowledge number {turn}?", EMBEDDED_CHECKPOINT, None),
            *(DraftFinished(name, row, 0.7 - 0.04 * row, row, 0.3, 60, 2.0, answer) for row in range(5)),
            ExchangeFinished(name, "complete", answer, 0, True, 400, 60, 2.0),
            SalienceScored(name, "measured", 0.1, 0.1, 0.5, 0.3, 0.1, 0.3, 0.15, True),
        )


def long_dialogue(root: Path, keys: int) -> list[float]:
    """Key echo in milliseconds, idle, at the end of a long dialogue and, for half of the keys, far above it."""
    fill_long(Workspace(root))
    terminal = Terminal(root)
    try:
        terminal.wait_for(f"number {LONG}".encode())
        terminal.wait(lambda: re.search(rb"(?<!getting )ready", terminal.output) is not None, 120.0)
        times = echoes(terminal, keys // 2)
        for _ in range(40):
            terminal.write(b"\x1b[5~")
            time.sleep(0.1)
        time.sleep(2.0)
        return times + echoes(terminal, keys - keys // 2)
    finally:
        terminal.end()


def echoes(terminal: Terminal, keys: int) -> list[float]:
    times = []
    for _ in range(keys):
        time.sleep(random.uniform(0.05, 0.25))
        times.append(terminal.echo() * 1000)
    return times


def echoes_while_writing(terminal: Terminal, keys: int) -> list[float]:
    """As `echoes`, always in the middle of an answer: asks again when one is done."""
    times: list[float] = []
    while len(times) < keys:
        mark = len(terminal.output)
        terminal.write(QUESTION + b"\r")
        terminal.wait_for(b"draft 1 of", after=mark)
        while len(times) < keys and terminal.output.find(b"salient", mark) < 0:
            times += echoes(terminal, 1)
        terminal.wait_for(b"salient", after=mark)
    return times


def screen(root: Path, repeats: int, keys: int) -> dict[str, object]:
    """First paint in seconds and key echo in milliseconds under each condition."""
    workspace = Workspace(root)
    fill(workspace)
    paints = []
    for _ in range(repeats):
        terminal = Terminal(root)
        paints.append(terminal.wait_for(b"Surprise"))
        terminal.end()
    terminal = Terminal(root)
    terminal.wait_for(b"Surprise")
    measured = {}
    try:
        # While it loads the line says "getting ready".
        terminal.wait(lambda: re.search(rb"(?<!getting )ready", terminal.output) is not None, 120.0)
        ready = time.monotonic() - terminal.started
        measured["idle"] = echoes(terminal, keys)
        measured["generating"] = echoes_while_writing(terminal, keys)
        mark = len(terminal.output)
        terminal.write(b"\x1b[17~")
        terminal.wait_for(b"epoch", after=mark)
        measured["sleeping"] = echoes(terminal, keys)
        measured["generating and sleeping"] = echoes_while_writing(terminal, keys)
    finally:
        terminal.end()
        subprocess.run(["pkill", "-f", f"lab.sleep.trainer {root}"], check=False)
    measured[f"{LONG:,} exchanges"] = long_dialogue(root / "long", keys)
    return {
        "first_paint_s": median(paints),
        "ready_s": ready,
        "echo_ms": {
            name: {"median": median(times), "p95": percentile(times, 0.95), "n": len(times)}
            for name, times in measured.items()
        },
    }


def answer_rate(engine: Engine, number: int) -> float:
    """Tokens a second of five drafts of at most 100 tokens."""
    prompt = Prompt((Message("user", STORY),), "chat")
    ends = [event for event in engine.generate(prompt, samplings(5, 5 * number), 100) if isinstance(event, RowFinished)]
    return sum(end.tokens for end in ends) / max(end.seconds for end in ends)


def answers(root: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Tokens a second awake, and then beside a sleep that waits for answers or does not know of them, in turns."""
    workspace = Workspace(root)
    fill(workspace)
    lab = Lab(workspace)
    lab.open()
    engines = {
        name: transformers_engine(workspace.logs / f"{at}.log", Settings().engine, lock)
        for at, (name, lock) in enumerate({"asleep": answering_lock(), "asleep, without waiting": None}.items())
    }
    measured: dict[str, list[float]] = {"awake": [], **{name: [] for name in engines}}
    try:
        for engine in engines.values():
            engine.start()
            engine.load(lab.checkpoint())
        for number in range(repeats):
            measured["awake"].append(answer_rate(engines["asleep"], number))
        cycle = lab.sleep.start()
        next(each for each in lab.sleep.follow(cycle, lambda: False) if each.step > 1)
        for number in range(repeats):
            for name, engine in engines.items():
                time.sleep(READING_SECONDS)
                measured[name].append(answer_rate(engine, number))
    finally:
        for engine in engines.values():
            engine.close()
        if (running := lab.sleep.running()) is not None:
            lab.sleep.cancel(running)
            # Its folder goes with this function.
            for _ in lab.sleep.follow(running, lambda: False):
                pass
        lab.close()
    return {
        name: {"median": median(rates), "min": min(rates), "max": max(rates), "n": len(rates)}
        for name, rates in measured.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=7, help="starts of each kind")
    parser.add_argument("--keys", type=int, default=100, help="keys under each condition")
    parser.add_argument("--answers", type=int, default=5, help="answers under each condition")
    arguments = parser.parse_args()
    checkpoint = resolve(EMBEDDED_CHECKPOINT, Workspace(Path.cwd()))
    if not embedded.embedded_ready(checkpoint.name):
        parser.error("run lab prepare first")
    start = startup(arguments.repeats)
    with tempfile.TemporaryDirectory() as folder:
        rates = answers(Path(folder).resolve() / "answers", arguments.answers)
        shown = screen(Path(folder).resolve(), arguments.repeats, arguments.keys)
    result = {"machine": machine(), "commit": commit(), "python_ms": start["python"], "help_ms": start["help"], **shown}
    result["tokens_per_second"] = rates
    result["help_budget_ms"] = 4 * start["python"] + 250
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine      {result['machine']}")
    print(f"lab --help   {start['help']:.0f} ms (python -c pass: {start['python']:.0f} ms; budget: 4x plus 250 ms)")
    print(f"first paint  {result['first_paint_s']:.2f} s (budget: 1 s)")
    print(f"ready        {result['ready_s']:.1f} s after the start, the real model loaded")
    for name, found in rates.items():
        print(f"answers      {found['median']:.0f} tokens/s ({found['min']:.0f} to {found['max']:.0f}), {name}")
    for name, times in shown["echo_ms"].items():  # type: ignore[attr-defined]
        print(f"key echo     {times['median']:.0f} ms median, {times['p95']:.0f} ms p95, {name} (budget: p95 50 ms)")


if __name__ == "__main__":
    main()
