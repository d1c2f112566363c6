"""The bodies of the worker threads: each blocks on the lab's services and reports by posting messages."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from lab.domain import Loaded, Progress, SleepCycle
from lab.errors import LabError
from lab.sleep.watch import SleepProgress
from lab.tui.growth import gathered
from lab.tui.messages import (
    AdapterActivated,
    EngineFailed,
    EngineProgressed,
    EngineReady,
    ExperimentRefused,
    ExperimentSeen,
    MemoryMeasured,
    Opened,
    OpeningFailed,
    RolledBack,
    SleepBegan,
    SleepCounted,
    SleepLost,
    SleepNeedsRoom,
    SleepProgressed,
    SleepRefused,
    TurnEnded,
    TurnHappened,
)

if TYPE_CHECKING:
    from lab.dialogue.conversation import Conversation
    from lab.lab import Lab
    from lab.study.background import Experiments

Post = Callable[[Message], object]

# A screen is repainted at most so often for growing text; typing stays fluid below a fast model.
_REPAINT_SECONDS = 0.1


def open_lab(lab: Lab, session_id: str | None, new: bool, post: Post) -> None:
    """Open the lab and its conversation."""
    try:
        lab.open()
        conversation = lab.converse(session_id, new=new)
        sleeping = lab.sleep.running()
        cycles = _cycles(lab)
    except LabError as error:
        post(OpeningFailed(error))
        return
    interrupted = cycles[-1].cycle_id if cycles and cycles[-1].status == "interrupted" else None
    post(Opened(conversation, sleeping, None if sleeping else interrupted))


def _cycles(lab: Lab) -> list[SleepCycle]:
    """The sleeps of the record; none while another program holds the database."""
    from lab.journal import queries
    from lab.journal.database import DatabaseBusy

    try:
        return queries.cycles(lab.record)
    except DatabaseBusy:
        return []


def change_conversation(make: Callable[[], Conversation], show: str | None, post: Post) -> None:
    """Put the conversation that `make` gives in place of the open one, with the exchange `show` in sight."""
    try:
        post(Opened(make(), show=show))
    except LabError as error:
        post(OpeningFailed(error))


def start_engine(lab: Lab, cancel: threading.Event, post: Post) -> None:
    """Prepare, start and load; the last word is EngineReady or EngineFailed."""
    _load(lab, lambda progress: lab.start_engine(progress, cancel), post)


def change(lab: Lab, checkpoint: str, adapter: str, cancel: threading.Event, post: Post) -> None:
    """Let another checkpoint or adapter answer; the last word is EngineReady or EngineFailed."""
    _load(lab, lambda progress: lab.change(checkpoint, adapter, progress, cancel), post)


def _load(lab: Lab, load: Callable[[Callable[[Progress], None]], Loaded], post: Post) -> None:
    said = 0.0

    def progress(step: Progress) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _REPAINT_SECONDS or step.fraction == 1.0:
            said = now
            post(EngineProgressed(step))

    try:
        post(EngineReady(load(progress)))
    except LabError as error:
        post(EngineFailed(error))
        return
    measure(lab, post)


def measure(lab: Lab, post: Post) -> None:
    """Ask the engine how much memory it takes."""
    try:
        post(MemoryMeasured(lab.engine.memory("screen").rss_bytes))
    except LabError:
        # It died meanwhile: whoever asks it for something that matters says so.
        return


def take_turn(lab: Lab, conversation: Conversation, text: str, cancel: threading.Event, post: Post) -> None:
    """One turn from the message to the recorded exchange."""
    try:
        for events in gathered(conversation.take_turn(text, cancel), _REPAINT_SECONDS):
            post(TurnHappened(*events))
    except LabError as error:
        post(TurnEnded(error))
        return
    post(TurnEnded())
    if lab.engine.alive():
        measure(lab, post)


def start_sleep(lab: Lab, make_room: bool, deep: bool, post: Post) -> None:
    """Start a sleep; a running one is followed instead, and the refusal is told. With `make_room` no turn may run."""
    # Not before the first paint: it brings the database along.
    from lab.sleep.room import NoRoom

    try:
        post(SleepBegan(lab.sleep.start(deep=deep, make_room=make_room), here=True))
    except NoRoom as error:
        post(SleepNeedsRoom(error))
    except LabError as error:
        running = lab.sleep.running()
        if running is not None:
            post(SleepBegan(running))
        post(SleepRefused(error))


def count_sleepable(lab: Lab, post: Post) -> None:
    """Count what there is to sleep on; what keeps from it is said by who really sleeps."""
    try:
        post(SleepCounted(lab.sleep.waiting()))
    except LabError:
        post(SleepCounted(None))


def look_at_experiment(experiments: Experiments, post: Post) -> None:
    """Tell how far an experiment is, and once what came of one that was begun here."""
    with contextlib.suppress(LabError):
        post(ExperimentSeen(experiments.running(), experiments.ended()))


def start_experiment(experiments: Experiments, protocol: str, checkpoint: str, post: Post) -> None:
    """Say a protocol to this checkpoint, beside the dialogue."""
    try:
        experiments.start(protocol, checkpoint)
    except LabError as error:
        post(ExperimentRefused(error))


def stop_experiment(experiments: Experiments, experiment_id: str, post: Post) -> None:
    """Ask the experiment that runs to stop."""
    try:
        experiments.stop(experiment_id)
    except LabError as error:
        post(ExperimentRefused(error))


def find_sleep(lab: Lab, post: Post) -> None:
    """Look for a sleep that another lab started."""
    try:
        running = lab.sleep.running()
    except LabError:
        # The folder cannot be read just now; the next look may be luckier.
        return
    if running is not None:
        post(SleepBegan(running))


def stop_sleep(lab: Lab, cycle_id: str, post: Post) -> None:
    """Ask the sleep to stop; its end is told by who follows it."""
    try:
        lab.sleep.cancel(cycle_id)
    except LabError as error:
        post(SleepRefused(error))


def pause_sleep(lab: Lab, cycle_id: str, post: Post) -> None:
    """Ask the sleep to wait; that it does is told by who follows it."""
    try:
        lab.sleep.pause(cycle_id)
    except LabError as error:
        post(SleepRefused(error))


def go_on_sleeping(lab: Lab, cycle_id: str, post: Post) -> None:
    """Let a waiting sleep go on."""
    try:
        lab.sleep.go_on(cycle_id)
    except LabError as error:
        post(SleepRefused(error))


def follow_sleep(lab: Lab, cycle_id: str, stop: Callable[[], bool], post: Post) -> None:
    """Report a sleep until it ends."""
    try:
        for progress in lab.sleep.follow(cycle_id, stop):
            post(SleepProgressed(progress))
            if progress.ended is not None:
                return
    except LabError as error:
        post(SleepRefused(error))
    post(SleepLost(cycle_id))


def activate(lab: Lab, progress: SleepProgress, post: Post) -> None:
    """Let the adapter of a finished sleep answer, if its checkpoint is the one that does."""
    assert progress.ended is not None and progress.ended.adapter is not None
    name = progress.ended.adapter
    try:
        waits_for = lab.trained_on_another(name)
        if waits_for is None:
            lab.activate(name)
    except LabError as error:
        post(AdapterActivated(progress, error))
        return
    post(AdapterActivated(progress, waits_for=waits_for))


def roll_back(lab: Lab, adapter: str | None, post: Post) -> None:
    """Record that the person goes back to this adapter, or to the bare checkpoint."""
    try:
        lab.roll_back(adapter)
    except LabError as error:
        post(RolledBack(adapter, error))
        return
    post(RolledBack(adapter))
