"""A sleeper without a model: it tells its journal what a real one would, at a pace, or fails as it is told."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import orjson
from filelock import FileLock

from lab.engine.adapters import CONFIG, WEIGHTS
from lab.journal.journal import Journal
from lab.journal.sleep_events import (
    SleepEnded,
    SleepExampleUsed,
    SleepMeasured,
    SleepResumed,
    SleepStaged,
    SleepStarted,
    SleepStepped,
)
from lab.settings import Workspace
from lab.sleep.cycle import LOCK, CycleFolder
from lab.sleep.publish import publish, saved_event


def command(*options: str) -> list[str]:
    """What a lab is given as `sleeper_command`."""
    return [sys.executable, "-m", "tests.tui.sleeper", *options]


def _save(folder: Path) -> None:
    (folder / CONFIG).write_bytes(orjson.dumps({"peft_type": "LORA", "r": 8, "lora_alpha": 16}))
    (folder / WEIGHTS).write_bytes(b"weights of nothing")


def _measured(cycle_id: str) -> list[SleepMeasured]:
    return [
        SleepMeasured(cycle_id, "learned", 5 / 6, 0.66, 0.97, 6, 0.5, True),
        SleepMeasured(cycle_id, "kept", 1.0, 0.76, 1.0, 12, 0.9, True),
        SleepMeasured(cycle_id, "neighbours", 1.0, 0.61, 1.0, 6, 0.8, True),
        SleepMeasured(cycle_id, "drift", 0.031, 0.02, 0.04, 12, 0.1, True),
    ]


def _sleep(workspace: Workspace, cycle_id: str, options: argparse.Namespace) -> None:
    folder = CycleFolder(workspace.sessions, cycle_id)
    journal = Journal(workspace.sessions)
    plan, material, _ = folder.read()
    settings = plan.settings
    steps = options.steps
    told = [line.entry.event for line in journal.read(cycle_id) if line.entry is not None]
    # One that was killed goes on behind the last step that it told.
    done = sum(isinstance(event, SleepStepped) for event in told)
    begun = (
        SleepResumed(cycle_id, done)
        if told
        else SleepStarted(
            cycle_id,
            plan.checkpoint,
            plan.parent_adapter,
            len(plan.exchange_ids),
            len(material),
            settings.epochs,
            steps,
            settings.rank,
            settings.learning_rate,
            settings.recipe,
            deep=plan.deep,
        )
    )
    journal.append(cycle_id, begun, SleepStaged(cycle_id, "loading"), SleepStaged(cycle_id, "training"))
    if options.learns:
        # What it has used is slept on.
        used = [SleepExampleUsed(cycle_id, each.exchange_id, "original", each.said, each.answer) for each in material]
        journal.append(cycle_id, *used)
    losses = [round(2.5 * 0.93**step, 3) for step in range(steps)]
    for step, loss in enumerate(losses[done:], done + 1):
        if folder.pause_asked():
            journal.append(cycle_id, SleepStaged(cycle_id, "paused"))
            while folder.pause_asked():
                time.sleep(0.02)
            journal.append(cycle_id, SleepStaged(cycle_id, "training"))
        if folder.cancel_asked():
            journal.append(cycle_id, SleepEnded(cycle_id, "cancelled", None, step - 1, losses[0], loss, 1.0))
            return
        if options.fail_at == step:
            reason = "There was not enough memory: close other programs or lower sleep.batch_size."
            journal.append(cycle_id, SleepEnded(cycle_id, "failed", None, step, losses[0], loss, 1.0, reason))
            return
        time.sleep(options.step_seconds)
        epoch = 1 + (step - 1) * settings.epochs // steps
        journal.append(cycle_id, SleepStepped(cycle_id, step, epoch, loss, 1e-3, 120, options.step_seconds))
    if options.verdict is not None:
        journal.append(cycle_id, SleepStaged(cycle_id, "judging"), *_measured(cycle_id))
    if options.verdict == "rolled_back":
        reason = "drift is 0.42 bits a token"
        end = SleepEnded(cycle_id, "complete", None, steps, losses[0], losses[-1], 1.0, reason, verdict=options.verdict)
        journal.append(cycle_id, end)
        return
    journal.append(cycle_id, SleepStaged(cycle_id, "saving"))
    adapter = publish(plan, workspace.adapters, _save, losses, {"verdict": "ungated"})
    end = SleepEnded(
        cycle_id, "complete", plan.adapter, steps, losses[0], losses[-1], 1.0, verdict=options.verdict, strength=0.6
    )
    journal.append(cycle_id, saved_event(adapter, workspace.root), end)


def main() -> None:
    """Run one cycle of a workspace."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--step-seconds", type=float, default=0.0)
    parser.add_argument("--start-seconds", type=float, default=0.0)
    parser.add_argument("--fail-at", type=int, default=0)
    parser.add_argument("--verdict")
    parser.add_argument("--learns", action="store_true")
    parser.add_argument("root", type=Path)
    parser.add_argument("cycle_id")
    options = parser.parse_args()
    time.sleep(options.start_seconds)
    workspace = Workspace(options.root)
    with FileLock(workspace.adapters / LOCK), Journal(workspace.sessions).own(options.cycle_id):
        _sleep(workspace, options.cycle_id, options)


if __name__ == "__main__":
    main()
