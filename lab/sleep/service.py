"""Sleep from the lab's side: what to sleep on, starting the sleeper, following it, stopping it."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.domain import Lesson, Material, PromptForm, SleepPlan, SleepSettings
from lab.engine.adapters import find_adapter, read_adapter
from lab.engine.estimate import free_bytes
from lab.engine.offers import Room
from lab.errors import LabError
from lab.journal import memory, queries
from lab.journal.journal import Journal
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepResumed
from lab.settings import Settings, Workspace
from lab.sleep.cycle import BUSY_EXIT, CycleFolder, new_cycle
from lab.sleep.publish import saved_event
from lab.sleep.recipes import resolve
from lab.sleep.room import NoRoom, Way, choose_way, usual_seconds
from lab.sleep.watch import SleepProgress, progress_of

# From the process start to its first event: Python and torch have to be read from disk.
_START_SECONDS = 120.0
# A database that is held longer is counted as it is.
_COUNT_SECONDS = 1.0
# A published adapter, or what a killed sleeper left of one.
_CYCLE_FOLDER = re.compile(r"\.?(?P<cycle>sleep-\d+)(\.part)?")


@dataclass(frozen=True, slots=True)
class Base:
    """What a sleep trains on top of: a checkpoint's files, and the adapter that answers now."""

    checkpoint: str
    form: PromptForm | None
    model_path: Path
    fingerprint: str
    adapter: str | None


@dataclass(frozen=True, slots=True)
class Beside:
    """The engine that a sleep runs beside: what is free in its place, None while none is loaded, and its end."""

    room: Callable[[], Room | None]
    put_away: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many exchanges the next sleep would learn from, and the newest of them; `behind` when the database could
    not be brought up to the journal before it was asked."""

    number: int = 0
    newest: str | None = None
    behind: bool = False


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
        self._engine = engine or Beside(lambda: None, lambda: None)
        self._command = list(command or [sys.executable, "-m", "lab.sleep.trainer"])

    def running(self) -> str | None:
        """The cycle that trains now in this workspace, whoever started it."""
        for stream in reversed(self._record.journal.streams("sleep-")):
            if self._record.journal.owned(stream):
                return stream
        return None

    def waiting(self) -> Waiting:
        """What `start` would choose now, without reading it. Raises LabError."""
        base, settings = self._base(), resolve(self._settings.sleep)
        behind = not self._record.sync(_COUNT_SECONDS)
        number, newest = queries.count_sleepable(
            self._record,
            profile=self._settings.salience.profile,
            checkpoint=base.checkpoint,
            salient_only=self._settings.sleep.exchanges == "salient",
            lineage=memory.lineage(self._record, base.adapter) if settings.continues else None,
        )
        return Waiting(number, newest, behind)

    def start(self, session_id: str | None = None, deep: bool = False, *, make_room: bool = False) -> str:
        """Plan a cycle, start the sleeper in its own session, and return the cycle's id once it is under way.

        With `session_id`, only that dialogue's exchanges are slept on. A `deep` sleep learns the whole memory anew,
        from the base; one comes by itself by `sleep.deep_every`, and after a sleep that was weakened. A sleep that was
        killed while it trained goes on where it was, when what it learns is still to be learnt in the same way. Where
        it fits into memory only without the engine, that is put away with `make_room`, which takes no turn into
        account, and NoRoom raised without. Raises LabError when there is nothing to learn, when another sleep runs,
        when there is too little memory even then, or when the sleeper cannot start.
        """
        if running := self.running():
            raise LabError(f"{running} is still running.", "Wait until it ends, or stop it, then sleep again.")
        base = self._base()
        settings = resolve(self._settings.sleep)
        self._require_record()
        self._require_tensorboard()
        lineage = memory.lineage(self._record, base.adapter)
        deep = self._deep(settings, deep, base.adapter, len(lineage))
        if not deep:
            self._require_rank(base, settings)
        remembered = memory.memory(self._record, lineage) if settings.dream == "lessons" else []
        # A deep sleep looks at everything again: what was once set aside, or has been said otherwise since, would else
        # be new to the sleep after it.
        slept = () if deep else lineage if settings.continues else None
        material = self._choose(base, session_id, slept, deep and bool(remembered))
        try:
            way = self._choose_way(base, settings, material)
        except NoRoom as fault:
            if not make_room:
                raise
            way = fault.way
            self._engine.put_away()
        if (
            session_id is None
            and (killed := self._resumable(base, settings, way, deep, material, remembered)) is not None
        ):
            # Whoever sleeps again wants it to go on, also one that was paused.
            killed.ask_to_go_on()
            self._spawn(killed)
            return killed.path.name
        for stream in self._record.journal.streams("sleep-"):
            CycleFolder(self._workspace.sessions, stream).drop_state()
        folder = new_cycle(self._workspace.sessions)
        cycle_id = folder.path.name
        plan = SleepPlan(
            cycle_id=cycle_id,
            checkpoint=base.checkpoint,
            fingerprint=base.fingerprint,
            model_path=str(base.model_path),
            form=base.form,
            device=self._settings.engine.device,
            dtype=way.dtype,
            adapter=cycle_id,
            parent_adapter=base.adapter if settings.continues and not deep else None,
            exchange_ids=tuple(each.exchange_id for each in material),
            settings=settings,
            deep=deep,
            tensorboard=self._settings.sleep.tensorboard,
            checkpointing=way.checkpointing,
        )
        try:
            folder.write(plan, material, remembered)
            self._spawn(folder)
        except LabError:
            folder.remove()
            raise
        return cycle_id

    def follow(self, cycle_id: str, stop: Callable[[], bool]) -> Iterator[SleepProgress]:
        """The progress of a cycle from its beginning, until it ends or `stop` says so.

        A sleeper that dies without a word ends as "interrupted", which is recorded.
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
            self._record.recover()
            yield from progress_of(cycle_id, journal.follow(cycle_id, lambda: True))

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
        returns the ids of these.
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
                with contextlib.suppress(LabError):
                    # A damaged adapter is none: its cycle is interrupted, and lab adapters names the folder.
                    saved = saved_event(read_adapter(path), self._workspace.root)
                    reason = "The sleeper was killed after it had saved the adapter."
                    self._record.append(cycle_id, saved, SleepEnded(cycle_id, "complete", cycle_id, reason=reason))
                    completed.append(cycle_id)
        return completed

    def _running_folder(self, cycle_id: str) -> CycleFolder:
        if not self._record.journal.owned(cycle_id):
            raise LabError(f"{cycle_id} is not running.", "There is nothing to stop or to wait for.")
        return CycleFolder(self._workspace.sessions, cycle_id)

    def _deep(self, settings: SleepSettings, asked: bool, adapter: str | None, cycles: int) -> bool:
        """Whether this sleep is a deep one: asked for, due after so many cycles since the last, or because the last
        one could not be kept whole beside what was learnt before."""
        if settings.dream != "lessons":
            if asked:
                raise LabError(
                    f'A deep sleep learns lessons anew, and sleep.recipe is "{settings.recipe}".',
                    f'Set sleep.recipe = "lessons" in {self._workspace.config}.',
                )
            return False
        every = self._settings.sleep.deep_every
        return asked or 0 < every <= cycles or memory.strained(self._record, adapter)

    def _resumable(
        self,
        base: Base,
        settings: SleepSettings,
        way: Way,
        deep: bool,
        material: Sequence[Material],
        remembered: Sequence[Lesson],
    ) -> CycleFolder | None:
        """The newest cycle when it was killed in training, and nothing that it was planned by has changed since."""
        folder = next((CycleFolder(self._workspace.sessions, name) for name in self._newest()), None)
        if folder is None or not folder.state_file.exists() or folder.cancel_asked():
            return None
        if (self._workspace.adapters / folder.path.name).exists():
            # It was killed after it had saved its adapter.
            return None
        try:
            plan, planned, memory = folder.read()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        parent = base.adapter if settings.continues and not deep else None
        device = self._settings.engine.device
        wanted = (base.fingerprint, str(base.model_path), device, way.dtype, settings, deep, parent)
        found = (plan.fingerprint, plan.model_path, plan.device, plan.dtype, plan.settings, plan.deep)
        # A purge takes lines out of a plan; a mark changes what is to be learnt, and what is learnt again.
        whole = tuple(each.exchange_id for each in planned) == plan.exchange_ids and memory == list(remembered)
        if (*found, plan.parent_adapter) != wanted or not whole or not set(planned) <= set(material):
            return None
        if plan.checkpointing != way.checkpointing:
            # It learns the same with more memory or less.
            folder.write(replace(plan, checkpointing=way.checkpointing), planned, memory)
        return folder

    def _newest(self) -> list[str]:
        return self._record.journal.streams("sleep-")[-1:]

    def _require_rank(self, base: Base, settings: SleepSettings) -> None:
        """Rank and layers stay the same along a lineage: raises LabError where the settings want others."""
        if not settings.continues or base.adapter is None:
            return
        rank = find_adapter(self._workspace.adapters, base.adapter).rank
        if rank != settings.rank:
            raise LabError(
                f"sleep.rank is {settings.rank}, but the adapter to continue, {base.adapter}, has rank {rank}.",
                f"Set sleep.rank = {rank} in {self._workspace.config}, sleep deep, or sleep with --adapter none.",
            )

    def _require_tensorboard(self) -> None:
        if self._settings.sleep.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise LabError(
                "sleep.tensorboard is set, and the package tensorboard is not installed.",
                "Install it with pip install tensorboard, or set sleep.tensorboard = false in lab.toml.",
            )

    def _require_record(self) -> None:
        if not self._record.sync():
            raise LabError(
                f"Another program holds {self._workspace.database}, so the newest exchanges cannot be seen.",
                "Close it there, then sleep; everything said is safe in the journal.",
            )

    def _choose_way(self, base: Base, settings: SleepSettings, material: Sequence[Material]) -> Way:
        return choose_way(
            self._settings.engine,
            base.checkpoint,
            str(base.model_path),
            base.form,
            settings,
            material,
            free_bytes(),
            self._engine.room,
            lambda: usual_seconds(self._record, base.checkpoint, len(material)),
        )

    def _choose(
        self, base: Base, session_id: str | None, lineage: Sequence[str] | None, may_be_empty: bool
    ) -> list[Material]:
        salience = self._settings.salience
        salient_only = self._settings.sleep.exchanges == "salient"
        if session_id is not None and queries.session(self._record, session_id) is None:
            raise LabError(
                f'There is no session "{session_id}".', 'lab sql "SELECT session_id FROM sessions" lists them.'
            )
        exchanges = queries.sleepable(
            self._record,
            profile=salience.profile,
            checkpoint=base.checkpoint,
            session_id=session_id,
            salient_only=salient_only,
            lineage=lineage,
        )
        if not exchanges and not may_be_empty:
            kind = "salient exchange" if salient_only else "finished exchange"
            where = f"in session {session_id}" if session_id else "in this workspace"
            raise LabError(
                f"Nothing to sleep on: every {kind} {where} was slept on already, or there is none yet.",
                f"Talk on until a total reaches {salience.threshold:g}, keep a turn (Ctrl+R, k; or lab mark),"
                ' or set sleep.exchanges = "all" in lab.toml.',
            )
        return [
            Material(
                each.exchange_id,
                each.user_input,
                each.answer,
                marked=each.mark in ("kept", "edited"),
                salience=next((score.total for score in each.salience if score.profile == salience.profile), 0.0),
            )
            for each in exchanges
        ]

    def _spawn(self, folder: CycleFolder) -> None:
        """Start the sleeper and wait until its journal begins. Raises LabError when it does not."""
        cycle_id = folder.path.name
        journal = self._record.journal
        told = journal.size(cycle_id)
        try:
            with folder.log.open("ab") as log:
                child = subprocess.Popen(
                    [*self._command, str(self._workspace.root), cycle_id],
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
