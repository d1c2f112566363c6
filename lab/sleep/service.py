"""Sleep from the lab's side: starting the sleeper, following it, stopping it, and what killed ones left."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.engine.adapters import read_adapter
from lab.engine.estimate import free_bytes
from lab.engine.offers import Room
from lab.errors import LabError
from lab.files import CHILD_FOLDER
from lab.journal.journal import Journal
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepResumed
from lab.settings import Settings, Workspace
from lab.sleep.cycle import BUSY_EXIT, CycleFolder, new_cycle, running
from lab.sleep.planning import Base, Planned, Planner, Waiting
from lab.sleep.publish import outcome_of, saved_event
from lab.sleep.room import NoRoom, Way, choose_way, usual_seconds
from lab.sleep.watch import SleepProgress, active_seconds, progress_of

# From the process start to its first event: Python and torch have to be read from disk.
_START_SECONDS = 120.0
# A published adapter, or what a killed sleeper left of one.
_CYCLE_FOLDER = re.compile(r"\.?(?P<cycle>sleep-\d+)(\.part)?")


@dataclass(frozen=True, slots=True)
class Beside:
    """The engine that a sleep runs beside: what is free in its place, None while none is loaded, and its end."""

    room: Callable[[], Room | None]
    put_away: Callable[[], None]


class Sleep:
    """The sleeps of one workspace. Every method may be called from any thread and from any lab."""

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        record: Record,
        base: Callable[[], Base],
        command: Sequence[str] | None = None,
        engine: Beside | None = None,
    ) -> None:
        self._workspace = workspace
        self._settings = settings
        self._record = record
        self._base = base
        self._planner = Planner(workspace, settings, record)
        self._engine = engine or Beside(lambda: None, lambda: None)
        self._command = list(command or [sys.executable, "-m", "lab.sleep.trainer"])

    def running(self) -> str | None:
        """The cycle that trains now in this workspace, whoever started it."""
        return running(self._record.journal)

    def waiting(self) -> Waiting:
        """What `start` would choose now, without reading it. Raises LabError."""
        return self._planner.waiting(self._base())

    def start(self, session_id: str | None = None, deep: bool = False, *, make_room: bool = False) -> str:
        """Plan a cycle, start the sleeper in its own session, and return the cycle's id once it is under way.

        With `session_id`, only that dialogue's exchanges are slept on. A `deep` sleep learns the whole memory anew,
        from the base; one comes by itself by `sleep.deep_every`, and when what was learnt adds up to too much
        (`memory.strained`). A sleep that was killed while it trained goes on where it was, when what it learns is still
        to be learnt in the same way. Where it fits into memory only without the engine, that is put away with
        `make_room`, which takes no turn into account, and NoRoom raised without. Raises LabError when there is nothing
        to learn, when another sleep runs, when there is too little memory even then, or when the sleeper cannot start.
        """
        if running := self.running():
            raise LabError(f"{running} is still running.", "Wait until it ends, or stop it, then sleep again.")
        self._require_record()
        self._require_tensorboard()
        planned = self._planner.plan(self._base(), session_id, deep)
        try:
            way = self._choose_way(planned)
        except NoRoom as fault:
            if not make_room:
                raise
            way = fault.way
            self._engine.put_away()
        planned = replace(planned, plan=replace(planned.plan, dtype=way.dtype, checkpointing=way.checkpointing))
        if (killed := self._planner.killed(planned)) is not None:
            self._require_held(planned)
            # Whoever sleeps again wants it to go on, also one that was paused.
            killed.ask_to_go_on()
            self._spawn(killed)
            return killed.path.name
        left = self._record.journal.streams("sleep-")
        folder = new_cycle(self._workspace.sessions, self._workspace.adapters)
        cycle_id = folder.path.name
        try:
            folder.write(planned.named(cycle_id), planned.material, planned.memory)
            # A purge that did not see the folder yet has ended by now.
            self._require_held(planned)
            self._spawn(folder)
        except LabError:
            folder.remove()
            raise
        for stream in left:
            CycleFolder(self._workspace.sessions, stream).drop_state()
        return cycle_id

    def follow(self, cycle_id: str, stop: Callable[[], bool]) -> Iterator[SleepProgress]:
        """The progress of a cycle from its beginning, until it ends or `stop` says so.

        A sleeper that dies without a word ends as "interrupted", or as "complete" when its adapter is there, which is
        recorded.
        """
        journal = self._record.journal
        ended = False

        def over() -> bool:
            return stop() or ended or not journal.owned(cycle_id)

        for progress in progress_of(cycle_id, journal.follow(cycle_id, over)):
            ended = progress.ended is not None
            yield progress
            if stop():
                return
        if not ended and not stop():
            self.recover()
            self._record.recover()
            # The rest was seen.
            yield from deque(progress_of(cycle_id, journal.follow(cycle_id, lambda: True)), maxlen=1)

    def watch(self, cycle_id: str, interrupted: threading.Event) -> Iterator[SleepProgress]:
        """As `follow`, to the end of the cycle, which is asked to stop once `interrupted` is set."""
        asked = False

        def ask() -> bool:
            nonlocal asked
            if interrupted.is_set() and not asked:
                asked = True
                # It may have ended by itself meanwhile.
                with contextlib.suppress(LabError):
                    self.cancel(cycle_id)
            return False

        yield from self.follow(cycle_id, ask)

    def cancel(self, cycle_id: str) -> None:
        """Ask a running cycle to stop after its present step. Raises LabError when it does not run."""
        folder = self._running_folder(cycle_id)
        folder.ask_to_cancel()
        folder.ask_to_go_on()

    def pause(self, cycle_id: str) -> None:
        """Let a running cycle wait after its present step, its memory kept. Raises LabError when it does not run."""
        self._running_folder(cycle_id).ask_to_pause()

    def go_on(self, cycle_id: str) -> None:
        """Let a waiting cycle go on. Raises LabError when it does not run."""
        self._running_folder(cycle_id).ask_to_go_on()

    def recover(self) -> list[str]:
        """Put the folder of adapters right after killed sleepers; to be called before the record's own recovery.

        Half-written folders go. A cycle whose adapter was published before its sleeper could say so is completed;
        returns the ids of these. Raises LabError when the journal cannot be written.
        """
        journal = self._record.journal
        completed = []
        for path in sorted(self._workspace.adapters.iterdir()):
            match = _CYCLE_FOLDER.fullmatch(path.name)
            if match is None or not path.is_dir() or journal.owned(match["cycle"]):
                continue
            cycle_id = match["cycle"]
            if path.name != cycle_id:
                shutil.rmtree(path, ignore_errors=True)
            elif not _ended(journal, cycle_id):
                try:
                    adapter = read_adapter(path)
                    saved = saved_event(adapter, self._workspace.root)
                except LabError:
                    # A damaged adapter is none: its cycle is interrupted, and lab adapters names the folder.
                    continue
                # A kill, or a disk that was full then.
                reason = "The sleeper ended after it had saved the adapter, and before it could say so."
                outcome = {"reason": reason} | outcome_of(path)
                # Somebody may look only on another day.
                seconds = active_seconds(journal, cycle_id, until=adapter.created_at)
                ended = SleepEnded(cycle_id, "complete", adapter=cycle_id, seconds=seconds, **outcome)
                self._record.append(cycle_id, saved, ended)
                completed.append(cycle_id)
        return completed

    def _running_folder(self, cycle_id: str) -> CycleFolder:
        if not self._record.journal.owned(cycle_id):
            raise LabError(f"{cycle_id} is not running.", "There is nothing to stop or to wait for.")
        return CycleFolder(self._workspace.sessions, cycle_id)

    def _require_record(self) -> None:
        if not self._record.sync():
            raise LabError(
                f"Another program holds {self._workspace.database}, so the newest exchanges cannot be seen.",
                "Close it there, then sleep; everything said is safe in the journal.",
            )

    def _require_held(self, planned: Planned) -> None:
        """Raises LabError when something of it was excluded while it was planned and the engine made room."""
        self._require_record()
        if not self._planner.holds(planned):
            raise LabError("What was to be slept on was excluded or purged meanwhile.", "Sleep again, without it.")

    def _require_tensorboard(self) -> None:
        if self._settings.sleep.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise LabError(
                "sleep.tensorboard is set, and the package tensorboard is not installed.",
                "Install it with pip install tensorboard, or set sleep.tensorboard = false in lab.toml.",
            )

    def _choose_way(self, planned: Planned) -> Way:
        plan, exchanges = planned.plan, len(planned.material)
        return choose_way(
            self._settings.engine,
            plan.checkpoint,
            plan.model_path,
            plan.form,
            plan.settings,
            planned.material,
            planned.memory,
            free_bytes(),
            self._engine.room,
            lambda: usual_seconds(self._record, plan.checkpoint, exchanges),
        )

    def _spawn(self, folder: CycleFolder) -> None:
        """Start the sleeper and wait until its journal begins. Raises LabError when it does not."""
        cycle_id = folder.path.name
        journal = self._record.journal
        told = journal.size(cycle_id)
        try:
            with folder.log.open("ab") as log:
                child = subprocess.Popen(
                    [*self._command, str(self._workspace.root.absolute()), cycle_id],
                    cwd=CHILD_FOLDER,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # A session of its own: it outlives the lab's terminal when the person lets it finish.
                    start_new_session=True,
                )
        except OSError as fault:
            raise LabError(
                f"The sleeper cannot be started: {fault}.", "Free some disk space or close programs, then sleep again."
            ) from fault
        deadline = time.monotonic() + _START_SECONDS
        while journal.size(cycle_id) == told:
            code = child.poll()
            if code == BUSY_EXIT:
                raise LabError("Another sleep is running in this workspace.", "Wait until it ends, then sleep again.")
            if code is not None or time.monotonic() > deadline:
                child.kill()
                raise LabError(
                    f"The sleeper did not start (exit code {code}): {_last_line(folder.log)}",
                    "Run lab doctor to see what is wrong with this machine's set-up.",
                )
            time.sleep(0.05)
        # Reaps the child when it ends, so that a long-lived lab keeps no zombie.
        threading.Thread(target=child.wait, name=f"reap-{cycle_id}", daemon=True).start()


def _ended(journal: Journal, cycle_id: str) -> bool:
    """True for a cycle that has its end, and for an adapter that came from elsewhere and has no cycle here."""
    events = [line.entry.event for line in journal.read(cycle_id) if line.entry is not None]
    # One that was interrupted and goes on has another end to come.
    last = [event for event in events if isinstance(event, (SleepEnded, SleepResumed))]
    return not events or (bool(last) and isinstance(last[-1], SleepEnded))


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
