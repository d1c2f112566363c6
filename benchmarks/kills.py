"""What a sleep loses when its sleeper is killed: sleeps on the embedded model, killed at random moments.

    python benchmarks/kills.py [--json] [--kills N] [--seed N]

A fact is told; one sleep on it is left alone, another is killed (SIGKILL) at a moment drawn over the length of
the first, from the start of its process to its end, started again, killed again, until it has come to its end; then
another is told, and so on, until there were N kills. Counted are adapter folders that cannot be read, directly
after a kill as well as in the end, or not be loaded, halves of folders that a recovery leaves, exchanges that no
sleep has looked at to its end, and whether the losses of the first sleep, step by step, and its adapter are those of
the one that was left alone. The sleeps are short: a quarter of the steps, and fewer anchors.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.facts import FACTS
from benchmarks.learning import tell
from benchmarks.machine import commit, machine
from lab.domain import SleepPlan
from lab.engine.adapters import check_adapter, list_adapters
from lab.engine.embedded import embedded_folder
from lab.engine.fingerprint import fingerprint
from lab.errors import LabError
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepResumed, SleepStepped
from lab.settings import EMBEDDED_CHECKPOINT, Settings, Workspace
from lab.sleep.planning import Base
from lab.sleep.recipes import LESSONS, RECIPES
from lab.sleep.service import Sleep

# Few, so that a sleep takes a minute.
FACTS_A_SLEEP = 1
# What a sleep goes through is the same when it is short, and there are more kills an hour.
SHORT = replace(LESSONS, epochs=3, epochs_anew=0, least_steps=12, anchor_rows=4)
# A sleeper that saves every ten seconds would be done before it was killed often.
SAVE_SECONDS = 1.0
_SLEEPER = f"""
import sys
from lab.sleep import trainer
trainer._SAVE_SECONDS = {SAVE_SECONDS}
sys.exit(trainer.main(sys.argv[1:]))
"""


class Nights:
    """A workspace that sleeps by the default recipe on the embedded model, and whose sleepers are killed."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.workspace.create()
        self._folder = embedded_folder(EMBEDDED_CHECKPOINT)
        self._mark = fingerprint(self._folder)
        self._adapter: str | None = None
        RECIPES["lessons"] = SHORT
        self.record = Record(self.workspace)
        command = [sys.executable, "-c", _SLEEPER]
        self._sleep = Sleep(self.workspace, Settings(), self.record, self._base, command)
        self._told = 0
        self.unreadable = 0

    def _base(self) -> Base:
        return Base(EMBEDDED_CHECKPOINT, None, self._folder, self._mark, self._adapter)

    def tell(self) -> None:
        """Tell the next facts."""
        facts = [FACTS[at % len(FACTS)] for at in range(self._told, self._told + FACTS_A_SLEEP)]
        self._told += FACTS_A_SLEEP
        tell(self.record, f"told-{self._told:04d}", facts)

    def sleep(self, kill_after: float | None = None) -> tuple[SleepEnded | None, float]:
        """Sleep, and have the sleeper killed so many seconds after it was started; how it ended and how long it took.

        None when it was killed before it had told anything.
        """
        # What a lab does when it opens.
        self._recover()
        over = threading.Event()
        # The sleeper before this one may be on its way out still.
        killer = threading.Thread(target=self._kill, args=(kill_after, over, self._sleepers()))
        began = time.monotonic()
        if kill_after is not None:
            killer.start()
        try:
            cycle_id = self._sleep.start()
            (*_, progress) = self._sleep.follow(cycle_id, bool)
        except LabError as fault:
            if kill_after is None or "did not start" not in str(fault):
                raise
            return None, time.monotonic() - began
        finally:
            over.set()
            if kill_after is not None:
                killer.join()
        took = time.monotonic() - began
        if progress.ended is None or progress.ended.status == "interrupted":
            self.unreadable += self._unreadable()
            self._recover()
            (*_, progress) = self._sleep.follow(cycle_id, bool)
        assert progress.ended is not None
        self._adapter = progress.ended.adapter or self._adapter
        return progress.ended, took

    def _recover(self) -> None:
        self._sleep.recover()
        self.record.recover()

    def _kill(self, after: float | None, over: threading.Event, others: set[int]) -> None:
        """In a thread: kill the sleeper, none of the others, so many seconds after its process began, unless it is over
        by then."""
        while not (sleepers := self._sleepers() - others):
            if over.wait(0.02):
                return
        if not over.wait(after):
            for sleeper in sleepers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(sleeper, signal.SIGKILL)

    def _sleepers(self) -> set[int]:
        """The processes of this workspace's sleepers."""
        found = set()
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if str(self.workspace.root) in process.cmdline():
                    found.add(process.pid)
        return found

    def _unreadable(self) -> int:
        """Adapter folders that a lab would find and could not use: no halves, which it does not look at."""
        adapters, faults = list_adapters(self.workspace.adapters)
        return len(faults) + sum(not self._whole(each.name) for each in adapters)

    def told(self, kind: type[Any], cycle_id: str = "") -> list[Any]:
        """Every event of this kind of a cycle, or of all."""
        streams = self.record.journal.streams(cycle_id or "sleep-")
        lines = [line.entry.event for stream in streams for line in self.record.journal.read(stream) if line.entry]
        return [event for event in lines if isinstance(event, kind)]

    def losses(self, cycle_id: str) -> list[list[float]]:
        """The different losses that were told of each step: one where a sleep came to the same again."""
        found: dict[int, dict[float, None]] = {}
        for step in self.told(SleepStepped, cycle_id):
            found.setdefault(step.step, {})[step.loss] = None
        return [list(found[step]) for step in sorted(found)]

    def corrupt(self) -> int:
        """Adapter folders that could not be read after a kill, cannot be read or loaded now, and halves of ones."""
        adapters, faults = list_adapters(self.workspace.adapters)
        halves = [path for path in self.workspace.adapters.iterdir() if path.suffix == ".part"]
        return self.unreadable + len(faults) + len(halves) + sum(not self._loads(each.name) for each in adapters)

    def _whole(self, name: str) -> bool:
        try:
            check_adapter(self.workspace.adapters / name, self._mark, EMBEDDED_CHECKPOINT)
        except LabError as fault:
            print(f"{name}: {fault}", file=sys.stderr)
            return False
        return True

    def _loads(self, name: str) -> bool:
        from lab.sleep.lora import load_for_training

        plan = SleepPlan(
            "check", EMBEDDED_CHECKPOINT, self._mark, str(self._folder), None, "cpu", "auto", "check", name, (), SHORT
        )
        if not self._whole(name):
            return False
        try:
            learner = load_for_training(plan, self.workspace.adapters)
        except Exception as fault:
            print(f"{name}: {fault}", file=sys.stderr)
            return False
        return all(bool(weight.isfinite().all()) for weight in learner.weights().values())

    def lost(self) -> int:
        """Exchanges that were told and that no complete sleep has looked at."""
        assert self.record.sync()
        query = """SELECT count(*) FROM exchanges e WHERE NOT EXISTS (
            FROM sleep_lessons l JOIN sleep_cycles c USING (cycle_id)
            WHERE l.exchange_id = e.exchange_id AND c.status = 'complete')"""
        return int(self.record.query(query).rows[0][0])

    def sha256(self, name: str) -> str | None:
        """The checksum of an adapter's weights."""
        return next((each.sha256 for each in list_adapters(self.workspace.adapters)[0] if each.name == name), None)


def measure(kills: int, seed: int) -> dict[str, Any]:
    """See the module."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        alone, killed = Nights(Path(one)), Nights(Path(two))
        with alone.record, killed.record:
            alone.tell()
            end, seconds = alone.sleep()
            assert end is not None
            _say(f"left alone: {end.status}, {end.verdict}, {end.steps} steps, {seconds:.0f} s")
            done = early = 0
            while True:
                killed.tell()
                while True:
                    # Once there were enough kills the last sleep comes to its end.
                    end, took = killed.sleep(draw.uniform(0.0, seconds) if done < kills else None)
                    early += end is None
                    done += end is None or end.status == "interrupted"
                    state = f"{end.cycle_id} {end.status}, {end.steps} steps" if end else "had not begun"
                    _say(f"kill {done} after {took:.1f} s: {state}")
                    if end is not None and end.status != "interrupted":
                        break
                if end.status != "complete":
                    raise SystemExit(f"{end.cycle_id} {end.status}: {end.reason}")
                if done >= kills:
                    break
            first = next(e.cycle_id for e in killed.told(SleepEnded) if e.status == "complete")
            expected = alone.losses("sleep-0001")
            return {
                "machine": machine(),
                "commit": commit(),
                "seed": seed,
                "kills": done,
                "before_it_began": early,
                "sleeps": len([e for e in killed.told(SleepEnded) if e.status == "complete"]),
                "went_on": len(killed.told(SleepResumed)),
                "corrupt_adapters": killed.corrupt(),
                "lost_exchanges": killed.lost(),
                "steps": len(expected),
                "same_losses": killed.losses(first) == expected and all(len(each) == 1 for each in expected),
                "same_adapter": killed.sha256(first) == alone.sha256("sleep-0001") is not None,
            }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    result = measure(arguments.kills, arguments.seed)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:<18}{value}")


if __name__ == "__main__":
    main()
