"""What the worker threads tell the screen; a worker never touches a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from lab.dialogue.events import TurnEvent
from lab.domain import Loaded, Progress
from lab.errors import LabError
from lab.sleep.watch import SleepProgress

if TYPE_CHECKING:
    from lab.dialogue.conversation import Conversation
    from lab.sleep.planning import Waiting
    from lab.sleep.room import NoRoom
    from lab.study.background import Ended, Running


class Opened(Message):
    """The record is open and this is the conversation, to be shown at the exchange `show`.

    `offer` is an interrupted sleep that can be run again.
    """

    def __init__(
        self,
        conversation: Conversation,
        sleeping: str | None = None,
        offer: str | None = None,
        show: str | None = None,
    ) -> None:
        super().__init__()
        self.show = show
        self.conversation = conversation
        self.sleeping = sleeping
        self.offer = offer


class OpeningFailed(Message):
    """The lab, or a session, cannot be opened. Fatal when there is no conversation at all."""

    def __init__(self, error: LabError) -> None:
        super().__init__()
        self.error = error


class EngineProgressed(Message):
    """The engine gets ready."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress


class EngineReady(Message):
    """The engine can be asked."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        self.loaded = loaded


class EngineFailed(Message):
    """The engine did not get ready."""

    def __init__(self, error: LabError) -> None:
        super().__init__()
        self.error = error


class MemoryMeasured(Message):
    """The engine's resident memory in bytes."""

    def __init__(self, memory: int) -> None:
        super().__init__()
        self.memory = memory


class TurnHappened(Message):
    """Events of the running turn, in order; the screen is drawn once for all of them."""

    def __init__(self, *events: TurnEvent) -> None:
        super().__init__()
        self.events = events


class TurnEnded(Message):
    """The turn's worker is done. `error`: nothing was recorded, and why."""

    def __init__(self, error: LabError | None = None) -> None:
        super().__init__()
        self.error = error


class SleepOver(Message):
    """A sleep has ended, in whatever way: for the screen that is on top then."""


class SleepBegan(Message):
    """A sleep was started `here`, or found running."""

    def __init__(self, cycle_id: str, here: bool = False) -> None:
        super().__init__()
        self.cycle_id = cycle_id
        self.here = here


class SleepRefused(Message):
    """A sleep was not started, stopped or paused, and why."""

    def __init__(self, error: LabError) -> None:
        super().__init__()
        self.error = error


class SleepNeedsRoom(Message):
    """A sleep fits only when the engine is put away; it waits for that."""

    def __init__(self, error: NoRoom) -> None:
        super().__init__()
        self.error = error


class SleepCounted(Message):
    """How many exchanges there are to sleep on; None when that could not be told."""

    def __init__(self, waiting: Waiting | None) -> None:
        super().__init__()
        self.waiting = waiting


class ExperimentSeen(Message):
    """How far the experiment of this workspace is, and what came of one that was begun here; None without one."""

    def __init__(self, running: Running | None, ended: Ended | None) -> None:
        super().__init__()
        self.running = running
        self.ended = ended


class ExperimentRefused(Message):
    """An experiment was not begun or not stopped, and why."""

    def __init__(self, error: LabError) -> None:
        super().__init__()
        self.error = error


class SleepLost(Message):
    """The sleep can no longer be followed, though no end of it was seen."""

    def __init__(self, cycle_id: str) -> None:
        super().__init__()
        self.cycle_id = cycle_id


class SleepProgressed(Message):
    """How far the followed sleep is; the last one has `ended`."""

    def __init__(self, progress: SleepProgress) -> None:
        super().__init__()
        self.progress = progress


class AdapterActivated(Message):
    """The adapter answers from now on; or it waits for its checkpoint `waits_for`; or `error` says why it does not."""

    def __init__(self, progress: SleepProgress, error: LabError | None = None, waits_for: str | None = None) -> None:
        super().__init__()
        self.progress = progress
        self.error = error
        self.waits_for = waits_for


class RolledBack(Message):
    """The record has it that this adapter, or None for the checkpoint alone, was gone back to; or why it has not."""

    def __init__(self, adapter: str | None, error: LabError | None = None) -> None:
        super().__init__()
        self.adapter = adapter
        self.error = error
