"""lab sleep: a sleep from its beginning to its end, and what can be done with one that runs."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Mapping

from lab import console
from lab.commands.shared import make_lab, opened, require_workspace
from lab.console import ProgressLine, interruptible
from lab.domain import Progress
from lab.errors import LabError
from lab.journal.sleep_events import SleepEnded, SleepMeasured
from lab.lab import Lab
from lab.receipt import outcome
from lab.settings import Workspace
from lab.sleep.cycle import CycleFolder
from lab.sleep.service import Sleep
from lab.sleep.watch import deep_words
from lab.text import count, duration


def sleep(workspace: Workspace, arguments: argparse.Namespace) -> int:
    """Sleep, or do what was asked with the sleep that runs."""
    if arguments.asked not in (None, "detach") and (arguments.deep or arguments.session):
        raise LabError("--deep and --session are for a sleep that is to begin.", "Leave them out.")
    if arguments.asked in _ASKED:
        return _ask(workspace, arguments)
    if arguments.asked != "attach":
        with interruptible() as interrupted, opened(make_lab(workspace, arguments)) as lab:
            cycle_id = lab.sleep.start(arguments.session, arguments.deep)
            if arguments.asked == "detach":
                print(f"{cycle_id} has begun; lab sleep --attach shows how far it is.")
                if CycleFolder(workspace.sessions, cycle_id).read()[0].deep and not arguments.deep:
                    print(deep_words(cycle_id))
                return 0
            return _to_the_end(lab, cycle_id, interrupted, arguments)
    require_workspace(workspace)
    with interruptible() as interrupted, opened(make_lab(workspace, arguments)) as lab:
        return _to_the_end(lab, _running(lab.sleep), interrupted, arguments)


def _running(sleep: Sleep) -> str:
    """The sleep that runs. Raises LabError when none does."""
    cycle_id = sleep.running()
    if cycle_id is None:
        raise LabError("No sleep is running in this workspace.", "lab sleep begins one.")
    return cycle_id


_ASKED: Mapping[str, tuple[Callable[[Sleep, str], None], str]] = {
    "pause": (Sleep.pause, "waits after its present step; lab sleep --go-on lets it go on"),
    "go_on": (Sleep.go_on, "goes on"),
    "stop": (Sleep.cancel, "stops after its present step; nothing of it is kept"),
}


def _ask(workspace: Workspace, arguments: argparse.Namespace) -> int:
    require_workspace(workspace)
    with opened(make_lab(workspace, arguments)) as lab:
        cycle_id = _running(lab.sleep)
        ask, words = _ASKED[arguments.asked]
        ask(lab.sleep, cycle_id)
    print(f"{cycle_id} {words}.")
    return 0


def _to_the_end(lab: Lab, cycle_id: str, interrupted: threading.Event, arguments: argparse.Namespace) -> int:
    """Show how far the sleep is, and say what came of it; an interrupt stops it."""
    line = ProgressLine()
    ended: SleepEnded | None = None
    measures: Mapping[str, SleepMeasured] = {}
    deep_is_known: bool = arguments.deep
    for progress in lab.sleep.watch(cycle_id, interrupted):
        if progress.deep and not deep_is_known:
            deep_is_known = True
            line.end()
            print(deep_words(cycle_id), file=sys.stderr, flush=True)
        name = f"{cycle_id}{', deep' if progress.deep else ''}"
        # Where no terminal is, a line a stage.
        line(Progress(f"{name}: {progress.stage}"))
        if progress.of and progress.stage != "training":
            line.write(f"{name}: {progress.stage}, {progress.done} of {progress.of}")
        if progress.loss is not None and progress.stage == "training":
            left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
            line.write(
                f"{name}: epoch {progress.epoch} of {progress.epochs}, step {progress.step} of"
                f" {progress.total_steps}, loss {progress.loss:.3f}{left}"
            )
        ended, measures = progress.ended, progress.measures
    line.end()
    if not lab.record.sync():
        raise LabError(
            f"{cycle_id} is over, but another program holds {lab.workspace.database}.",
            f"Close it there; lab sql \"FROM sleep_cycles WHERE cycle_id = '{cycle_id}'\" then tells how it ended.",
        )
    row = lab.record.query("SELECT * FROM sleep_cycles WHERE cycle_id = ?", [cycle_id])
    cycle = dict(zip(row.columns, row.rows[0]))
    if arguments.json:
        console.print_json(cycle)
    elif ended is not None and ended.status == "complete":
        slept = f"{count(cycle['exchanges'], 'exchange')} ({count(cycle['examples'], 'example')})"
        # A sleeper that was killed after it had saved its adapter could not tell all of it.
        losses = f", loss {cycle['first_loss']:.3f} -> {cycle['last_loss']:.3f}" if cycle["steps"] else ""
        took = f", {duration(cycle['seconds'])}" if cycle["seconds"] is not None else ""
        print(f"Slept on {slept} in {count(cycle['steps'], 'step')}{losses}{took}.")
        if judged := outcome(cycle_id, ended.verdict, ended.strength, ended.reason, measures):
            print(judged)
        answers = "The adapter answers from now on; " if ended.adapter is not None else ""
        print(f"{answers}lab receipt {cycle_id} shows all of it.")
    if ended is None or ended.status != "complete":
        reason = ended.reason if ended and ended.reason else "It left no reason."
        raise LabError(
            f"{cycle_id} ended as {cycle['status']}: {reason}", "Nothing was lost; sleep again when you like."
        )
    return 0
