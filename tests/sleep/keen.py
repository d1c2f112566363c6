"""A sleeper that saves how far it is after each step, keeps what it learnt, and waits for whoever kills it.

`python -m tests.sleep.keen [--at STAGE|STEP|published] WORKSPACE CYCLE`: it writes the file `here` into its cycle's
folder and waits when it enters that stage, when that step was told, or when the adapter lies there and it did not say
so yet.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import replace
from pathlib import Path

from lab.domain import Lesson, Material, SleepPlan
from lab.journal.events import AdapterSaved, Event
from lab.journal.journal import Journal
from lab.journal.sleep_events import SleepStaged, SleepStepped
from lab.sleep import gate, lessons, similarity, trainer
from lab.sleep.cycle import CycleFolder


def command(at: str = "") -> list[str]:
    """What a lab is given as `sleeper_command`."""
    return [sys.executable, "-m", "tests.sleep.keen", *(["--at", at] if at else [])]


class _Brief(CycleFolder):
    def read(self) -> tuple[SleepPlan, list[Material], list[Lesson]]:
        """As it lies there, but with a third of the steps, which show the same."""
        plan, material, memory = super().read()
        return replace(plan, settings=replace(plan.settings, least_steps=15)), material, memory


class _Waits(Journal):
    at = ""

    def append(self, stream: str, *events: Event, **more: object) -> None:
        """As a journal does, then waits where it was told."""
        if self.at == "published" and any(isinstance(event, AdapterSaved) for event in events):
            self._wait(stream)
        super().append(stream, *events)
        for event in events:
            staged = isinstance(event, SleepStaged) and event.stage == self.at
            if staged or (isinstance(event, SleepStepped) and str(event.step) == self.at):
                self._wait(stream)

    def _wait(self, stream: str) -> None:
        (self.path(stream).parent / "here").touch()
        time.sleep(600)


def main() -> int:
    """Run one cycle of a workspace."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", default="")
    parser.add_argument("root", type=Path)
    parser.add_argument("cycle_id")
    options = parser.parse_args()
    vars(trainer)["_SAVE_SECONDS"] = 0.0
    # Random weights neither understand what is said nor learn what a gate lets pass.
    vars(lessons)["LEAST_SUPPORT"] = -math.inf
    vars(gate)["faults"] = lambda found: []
    # It takes seconds to load, and has its own test.
    vars(similarity)["embedded_ready"] = lambda name: False
    vars(trainer)["CycleFolder"] = _Brief
    vars(trainer)["_PAUSE_SECONDS"] = 0.02
    _Waits.at = options.at
    if options.at:
        vars(trainer)["Journal"] = _Waits
    return trainer.main([str(options.root), options.cycle_id])


if __name__ == "__main__":
    sys.exit(main())
