"""The sleeper: a process that trains one adapter by a plan, tells its journal, and ends. torch lives here.

`python -m lab.sleep.trainer WORKSPACE CYCLE`. It needs no lab while it runs: it owns the journal of its cycle, and
whoever wants to know follows that. It never leaves half an adapter, and a plan that another sleep keeps from
starting leaves no trace.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from lab.domain import SleepStatus
from lab.engine.cores import yield_cores
from lab.engine.offline import stay_offline
from lab.engine.peak import peak_bytes
from lab.errors import LabError
from lab.journal.events import Event, MemoryRead
from lab.journal.journal import Journal
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepStaged, SleepStarted, SleepStepped
from lab.settings import Workspace
from lab.sleep.cycle import BUSY_EXIT, LOCK, CycleFolder
from lab.sleep.publish import publish, saved_event


class Sleeper:
    """One cycle."""

    def __init__(self, workspace: Workspace, cycle_id: str) -> None:
        self._workspace = workspace
        self._folder = CycleFolder(workspace.sessions, cycle_id)
        self._journal = Journal(workspace.sessions)
        self._plan, self._examples = self._folder.read()
        self._losses: list[float] = []
        self._began = time.monotonic()

    def run(self) -> SleepStatus:
        """Train and publish; every outcome, good or bad, ends up in the journal."""
        self._tell_beginning()
        try:
            status, reason = self._train(), None
        except LabError as fault:
            status, reason = "failed", str(fault)
        except OSError as fault:
            status, reason = "failed", f"The adapter could not be written: {fault}. Free some disk space."
        except Exception as fault:
            traceback.print_exc()
            status, reason = "failed", f"{type(fault).__name__}: {fault}; the whole message is in {self._folder.log}."
        self._tell(
            SleepEnded(
                self._plan.cycle_id,
                status,
                adapter=self._plan.adapter if status == "complete" else None,
                steps=len(self._losses),
                first_loss=self._losses[0] if self._losses else None,
                last_loss=self._losses[-1] if self._losses else None,
                seconds=time.monotonic() - self._began,
                reason=reason,
            )
        )
        return status

    def _tell(self, *events: Event) -> None:
        self._journal.append(self._plan.cycle_id, *events)

    def _tell_beginning(self) -> None:
        plan, settings = self._plan, self._plan.settings
        self._tell(
            SleepStarted(
                cycle_id=plan.cycle_id,
                checkpoint=plan.checkpoint,
                parent_adapter=plan.parent_adapter,
                exchanges=len(plan.exchange_ids),
                examples=len(self._examples),
                epochs=settings.epochs,
                total_steps=settings.total_steps(len(self._examples)),
                rank=settings.rank,
                learning_rate=settings.learning_rate,
                recipe=settings.recipe,
            ),
            *(SleepExampleUsed(plan.cycle_id, e.exchange_id, e.kind, e.prompt, e.target) for e in self._examples),
            SleepStaged(plan.cycle_id, "loading"),
        )

    def _tell_memory(self, event: str, vram_bytes: int | None) -> None:
        self._tell(MemoryRead("sleeper", psutil.Process().memory_info().rss, vram_bytes, event))

    def _train(self) -> SleepStatus:
        # Only here: a plan that is refused or unreadable costs no import of seconds.
        from lab.engine.worker_load import ran_out_of_memory

        try:
            return self._learn()
        except Exception as fault:
            if isinstance(fault, LabError) or not ran_out_of_memory(fault):
                raise
            traceback.print_exc()
            raise LabError(
                "There was not enough memory to sleep.",
                "Close other programs, lower sleep.batch_size or sleep.max_tokens, or choose a smaller checkpoint.",
            ) from fault

    def _learn(self) -> SleepStatus:
        from lab.sleep.lora import load_for_training
        from lab.sleep.training import Diverged, train

        plan = self._plan
        self._tell_memory("before_load", None)
        learner = load_for_training(plan, self._workspace.adapters)
        self._tell_memory("loaded", learner.vram_bytes())
        encoded = learner.encode(self._examples)
        self._tell(SleepStaged(plan.cycle_id, "anchoring"))
        anchors = learner.anchors(self._folder.cancel_asked)
        self._tell(SleepStaged(plan.cycle_id, "training"))
        try:
            steps = train(
                learner.network,
                encoded,
                plan.settings,
                learner.device,
                self._folder.cancel_asked,
                learner.read,
                anchors,
            )
            for step in steps:
                self._losses.append(step.loss)
                self._tell(
                    SleepStepped(
                        plan.cycle_id, step.step, step.epoch, step.loss, step.learning_rate, step.tokens, step.seconds
                    )
                )
        except Diverged as fault:
            raise LabError(f"Training diverged: {fault}.", "Lower sleep.learning_rate in lab.toml.") from fault
        self._tell_memory("trained", learner.vram_bytes())
        self._tell(MemoryRead("sleeper", peak_bytes(), learner.peak_vram_bytes(), "peak"))
        if self._folder.cancel_asked():
            return "cancelled"
        self._tell(SleepStaged(plan.cycle_id, "saving"))
        adapter = publish(plan, self._workspace.adapters, learner.save, self._losses)
        self._tell(saved_event(adapter, self._workspace.root))
        return "complete"


def main(arguments: Sequence[str]) -> int:
    """Run one cycle; the exit code is 0 for complete or cancelled, 1 for failed, 3 when another sleep runs."""
    root, cycle_id = arguments
    workspace = Workspace(Path(root))
    stay_offline()
    # The dialogue goes first.
    yield_cores()
    lock = FileLock(workspace.adapters / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return BUSY_EXIT
    journal = Journal(workspace.sessions)
    with lock, journal.own(cycle_id):
        status = Sleeper(workspace, cycle_id).run()
    return 1 if status == "failed" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
