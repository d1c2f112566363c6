"""Everything that one running lab holds, wired together for the screen and the command line."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from lab.choices import AdapterChoices
from lab.dialogue.conversation import Conversation
from lab.dialogue.recording import measured
from lab.domain import Adapter, Checkpoint, Loaded, Progress
from lab.engine import catalogue, offers
from lab.engine.adapters import find_adapter, fitting_adapter, list_adapters, newest_adapter, read_adapter
from lab.engine.client import Engine, ProcessEngine, transformers_engine
from lab.engine.estimate import Advice
from lab.engine.fetch import Cancelled
from lab.engine.fingerprint import fingerprint
from lab.engine.offers import Offer, Offers, Room
from lab.engine.precedence import answering_lock
from lab.engine.provide import provide
from lab.errors import EngineDied, LabError
from lab.journal import queries
from lab.journal.database import DatabaseBusy
from lab.journal.record import WORKSPACE_STREAM, Record
from lab.salience import get_ready, profile
from lab.settings import Settings, Workspace
from lab.sleep.planning import Base
from lab.sleep.service import Beside, Sleep

# How soon a cancel ends an engine that loads: it hears nothing else meanwhile.
_POLL_SECONDS: Final = 0.05
_NO_SENTENCES: Final = (
    "Without the sentence model Novelty is not measured, and Conflict only in part; lab prepare fetches it."
)


class Lab:
    """One workspace, its record, an engine and the sleeps. `open` first, `close` last.

    `checkpoint` and `adapter` take the place of the settings; the commands start other children than the real ones.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        settings: Settings | None = None,
        checkpoint: str | None = None,
        adapter: str | None = None,
        engine_command: Sequence[str] | None = None,
        sleeper_command: Sequence[str] | None = None,
    ) -> None:
        self.workspace = workspace
        self.settings = settings or workspace.settings()
        self.notices: list[str] = []
        self._checkpoint_name = checkpoint or self.settings.engine.checkpoint
        self._adapter_name = adapter or self.settings.engine.adapter
        # Folders and hub ids that were named once can be chosen again.
        self._chosen = [self._checkpoint_name]
        # The folder of the active adapter.
        self._folder: Path | None = None
        self._conversation: Conversation | None = None
        self.record = Record(workspace)
        self._choices = AdapterChoices(workspace.adapters, self.record)
        places = (workspace.logs / "engine.log", self.settings.engine, answering_lock())
        self._engine: ProcessEngine = (
            ProcessEngine(engine_command, *places) if engine_command else transformers_engine(*places)
        )
        # Another engine brings its own weights, or needs none.
        self._own_engine = engine_command is None
        beside = Beside(self._room_of_engine, self._engine.close)
        self.sleep = Sleep(workspace, self.settings, self.record, self._base, sleeper_command, beside)
        # A worker that loads must not start a child behind the back of `close`.
        self._starting = threading.Lock()
        self._closed = False

    @property
    def engine(self) -> Engine:
        """The engine, alive or not."""
        return self._engine

    def open(self) -> None:
        """Make the folders, start recording, and put right what an earlier lab left open.

        What was put right is told in `notices`. Raises LabError for an unwritable folder or a bad setting.
        """
        self.workspace.create()
        profile(self.settings.salience.profile)
        if (trouble := self._choices.restore()) is not None:
            self._note(trouble)
        published = self.sleep.recover()
        closed = [name for name in self.record.recover() if name.startswith("sleep-")]
        self.notices += [
            f"{name} was killed after it had saved its adapter; the adapter is kept." for name in published
        ]
        self.notices += [
            f"{name} was killed before it was done; its exchanges can be slept on again." for name in closed
        ]
        self.record.start()

    def checkpoint(self) -> Checkpoint:
        """The checkpoint that this lab talks with. Raises LabError for a name that means nothing."""
        return catalogue.resolve(self._checkpoint_name, self.workspace)

    def start_engine(self, progress: Callable[[Progress], None], cancel: threading.Event) -> Loaded:
        """Make the chosen checkpoint ready, start a child when none is alive, load, activate.

        Blocks; `progress` is called from this thread. An adapter that was not asked for by name and does not fit
        is told in `notices`, and the checkpoint answers without it. Raises LabError, and Cancelled, after which
        no engine is alive.
        """
        checkpoint = self.checkpoint()
        if self._adapter_name not in ("newest", "none"):
            # A name that is not there is said before a model is loaded for nothing.
            find_adapter(self.workspace.adapters, self._adapter_name)
        dtype = None
        if self._own_engine:
            # What does not fit is said before it is fetched, and what was not known then, afterwards.
            self._advice(checkpoint)
            checkpoint = provide(checkpoint, progress, cancel)
            advice = self._advice(checkpoint)
            if advice.sentence:
                self.notices.append(f"{advice.sentence} It is loaded in {advice.dtype}.")
            if not advice.fits:
                dtype = advice.dtype
        with self._ended_by(cancel, checkpoint.name):
            self._start_child()
            get_ready()
            loaded = self._engine.load(checkpoint, progress, dtype)
            self._activate_chosen(checkpoint, loaded)
        if not loaded.sentences:
            self._note(_NO_SENTENCES)
        self.record.append(WORKSPACE_STREAM, *measured(self._engine.take_readings()))
        return loaded

    def change(
        self,
        checkpoint: str | None,
        adapter: str | None,
        progress: Callable[[Progress], None],
        cancel: threading.Event,
    ) -> Loaded:
        """Let another checkpoint or adapter answer from the next turn on; only between two turns.

        `checkpoint` None, or what names the loaded one, changes the adapter only. `adapter` is "newest", "none" or a
        name; None is the newest. The open conversation goes on. Blocks as `start_engine` does. When it cannot be done,
        or is cancelled, what answered before answers again, and LabError is raised.
        """
        before = (self._checkpoint_name, self._adapter_name)
        was, answered = self._engine.loaded, self._engine.adapter
        self._checkpoint_name, self._adapter_name = checkpoint or before[0], adapter or "newest"
        try:
            wanted = self.checkpoint()
            if was is None or wanted.name != was.name:
                loaded = self.start_engine(progress, cancel)
            else:
                loaded = was
                self._activate_chosen(wanted, was)
            if self._checkpoint_name not in self._chosen:
                self._chosen.append(self._checkpoint_name)
            return loaded
        except LabError:
            self._checkpoint_name, self._adapter_name = before
            if was is not None and self._engine.loaded is not was:
                # By its name, because a newer one may have come meanwhile.
                self._bring_back(answered, progress)
            raise

    def activate(self, name: str | None) -> None:
        """Make an adapter of this workspace, or none, answer from the next turn on. Raises LabError."""
        self._put_on(None if name is None else find_adapter(self.workspace.adapters, name).path)
        # What a restarted engine answers with, too.
        self._adapter_name = name or "none"

    def roll_back(self, adapter: str | None) -> None:
        """Go back, or forward, to an adapter of this checkpoint, or with None to the checkpoint alone.

        From now on this is what the setting "newest" means, so what a start answers with and a sleep continues, until
        a later sleep makes an adapter. What answers in this lab stays: `activate` changes it. Raises LabError when the
        adapter is unknown, damaged or of other weights, when it cannot be recorded, and while a sleep runs, whose
        adapter would be the newest again.
        """
        if (running := self.sleep.running()) is not None:
            raise LabError(
                f"{running} is running, and what it makes would be the newest adapter again.",
                "Stop it (F8, lab sleep --stop) or wait for its end, then go back.",
            )
        name, weights = self._weights()
        if adapter is not None:
            fitting_adapter(self.workspace.adapters, adapter, weights, name)
        self._choices.choose(weights, adapter)

    def trained_on_another(self, name: str) -> str | None:
        """The checkpoint that an adapter was trained on, when it is not the loaded one. Raises LabError."""
        adapter, loaded = find_adapter(self.workspace.adapters, name), self._engine.loaded
        return adapter.checkpoint if loaded is not None and adapter.fingerprint != loaded.fingerprint else None

    def offers(self) -> Offers:
        """Everything that can be chosen for `change`. Reads every ready checkpoint's headers; raises LabError."""
        loaded = self._engine.loaded
        resident = [adapter.name for adapter in self._engine.adapters()] if loaded is not None else []
        return offers.offers(
            self.workspace, self.settings.engine, self._chosen, self._room(), loaded, self._engine.adapter, resident
        )

    def offer(self, name: str, room: Room) -> Offer:
        """What a typed folder, file or hub id would be. Raises LabError for one that means nothing."""
        checkpoint = catalogue.resolve(name, self.workspace)
        adapters = list_adapters(self.workspace.adapters)[0]
        return offers.offer(name, checkpoint, self.settings.engine, room, adapters, self._engine.loaded)

    def converse(self, session_id: str | None = None, *, new: bool = False, alone: bool = False) -> Conversation:
        """The given session, else the latest one, else a new one; `new` always begins one, and `alone` one that is
        scored as if nothing had been said in another one.

        Ends the conversation before it. A latest session that another lab has open is left to that lab.
        Raises LabError for a session that is unknown or open elsewhere.
        """
        parts = (self._engine, self.record, self.settings)
        if session_id is not None:
            return self._go_on(Conversation.resume(session_id, *parts))
        self.end_conversation()
        latest = None if new or alone else self._latest_free()
        return self._go_on(Conversation.resume(latest, *parts) if latest else Conversation.begin(*parts, alone))

    def fork(self, exchange_id: str) -> Conversation:
        """A new session that goes on from an exchange; ends the conversation before it. Raises LabError."""
        return self._go_on(Conversation.fork(exchange_id, self._engine, self.record, self.settings))

    def _go_on(self, conversation: Conversation) -> Conversation:
        """End the open conversation now that there is another: where that cannot be recorded it stays open."""
        try:
            self.end_conversation()
        except LabError:
            conversation.close()
            raise
        self._conversation = conversation
        return conversation

    def end_conversation(self) -> None:
        """End the open conversation, if there is one. Where that cannot be recorded, LabError, and it stays open."""
        if self._conversation is not None:
            self._conversation.end()
            self._conversation.close()
            self._conversation = None

    def close(self) -> None:
        """End the conversation, the engine and the recording. A running sleep goes on by itself."""
        conversation, self._conversation = self._conversation, None
        try:
            if conversation is not None:
                conversation.close()
        finally:
            with self._starting:
                self._closed = True
            self._engine.close()
            self.record.close()

    def _latest_free(self) -> str | None:
        """The latest session that no other lab has open; None, with a notice, while the database is held elsewhere."""
        try:
            if self.record.sync():
                session = queries.latest_session(self.record)
                free = session is not None and not self.record.journal.owned(session.session_id)
                return session.session_id if session and free else None
        except DatabaseBusy:
            pass
        self.notices.append(
            f"Another program holds {self.workspace.database}, so this is a new session; what is said is recorded"
            " in the journal, and in the database when it is free."
        )
        return None

    def _room(self) -> Room:
        """What is free for a checkpoint in place of the loaded one."""
        vram = self._engine.memory("choosing").vram_bytes if self._engine.alive() else None
        return offers.room(self.settings.engine, self._engine.process_id if self._engine.alive() else None, vram or 0)

    def _room_of_engine(self) -> Room | None:
        """What is free when the engine is put away; None when none is loaded."""
        return self._room() if self._engine.loaded is not None else None

    def _advice(self, checkpoint: Checkpoint) -> Advice:
        """Whether it fits, or in which smaller dtype. Raises LabError when it does not in that of the settings."""
        advice = offers.fitting(checkpoint, self.settings.engine, self._room())
        if not advice.fits and self.settings.engine.dtype != "auto":
            raise LabError(
                advice.sentence,
                # Settings that were handed over come from another workspace than this lab's.
                f'Set engine.dtype = "{advice.dtype}" in lab.toml, or choose a smaller checkpoint.',
            )
        return advice

    def _put_on(self, folder: Path | None) -> None:
        self._engine.activate(folder)
        self._folder = folder

    def _start_child(self) -> None:
        with self._starting:
            if self._closed:
                raise EngineDied("The lab is being closed.", "Open it again.")
            self._engine.start()

    @contextlib.contextmanager
    def _ended_by(self, cancel: threading.Event, name: str) -> Iterator[None]:
        """End the engine when `cancel` is set in here, and raise Cancelled then."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_POLL_SECONDS):
                if cancel.is_set():
                    self._engine.close()

        watcher = threading.Thread(target=watch, name="engine-cancel", daemon=True)
        watcher.start()
        died = False
        try:
            yield
        except EngineDied:
            if not cancel.is_set():
                raise
            died = True
        finally:
            over.set()
            watcher.join()
        # The cancel may also have come after the last reply.
        if died or (cancel.is_set() and not self._engine.alive()):
            raise Cancelled(f"Loading {name} was cancelled.", "")

    def _activate_chosen(self, checkpoint: Checkpoint, loaded: Loaded) -> None:
        """Activate what `adapter` means for this checkpoint. Raises LabError when it was asked for by name."""
        try:
            self._put_on(self._chosen_folder(checkpoint, loaded.fingerprint))
        except EngineDied:
            raise
        except LabError as fault:
            if self._adapter_name != "newest" or checkpoint.adapter is not None:
                raise
            self.notices.append(f"The newest adapter is not used: {fault}")

    def _bring_back(self, adapter: str | None, progress: Callable[[Progress], None]) -> None:
        """Load the choice again that a failed change took away; what goes wrong with it is told in `notices`."""
        try:
            if adapter is not None and (self.workspace.adapters / adapter).is_dir():
                self._adapter_name = adapter
            self.start_engine(progress, threading.Event())
        except LabError as fault:
            self.notices.append(f"The checkpoint before it cannot be loaded again: {fault}")

    def _chosen_folder(self, checkpoint: Checkpoint, weights: str) -> Path | None:
        if self._adapter_name == "newest" and checkpoint.adapter is not None:
            return Path(checkpoint.adapter)
        adapter = self._chosen_adapter(weights)
        return adapter.path if adapter is not None else None

    def _chosen_adapter(self, weights: str) -> Adapter | None:
        if self._adapter_name == "none":
            return None
        if self._adapter_name == "newest":
            return newest_adapter(self.workspace.adapters, weights, self._note)
        return find_adapter(self.workspace.adapters, self._adapter_name)

    def _note(self, sentence: str) -> None:
        if sentence not in self.notices:
            self.notices.append(sentence)

    def _weights(self) -> tuple[str, str]:
        """Name and fingerprint of the loaded checkpoint, or without an engine of the chosen one. Raises LabError."""
        loaded = self._engine.loaded
        if loaded is not None:
            return loaded.name, loaded.fingerprint
        checkpoint = self.checkpoint()
        return checkpoint.name, fingerprint(catalogue.weights_folder(checkpoint))

    def _base(self) -> Base:
        """What a sleep starts from: the loaded checkpoint, or without an engine the chosen one's files."""
        loaded = self._engine.loaded
        if loaded is not None:
            self._refuse_stranger(self._folder if self._engine.adapter else None)
            return Base(loaded.name, loaded.form, Path(loaded.path), loaded.fingerprint, self._engine.adapter)
        checkpoint = self.checkpoint()
        folder = catalogue.weights_folder(checkpoint)
        weights = fingerprint(folder)
        chosen = self._chosen_folder(checkpoint, weights)
        self._refuse_stranger(chosen)
        adapter = read_adapter(chosen) if chosen is not None else None
        if adapter is not None and adapter.fingerprint not in ("", weights):
            raise LabError(
                f'The adapter "{adapter.name}" was trained on {adapter.checkpoint}, not on {checkpoint.name}.',
                "Choose --checkpoint and --adapter that belong together, or --adapter none.",
            )
        return Base(checkpoint.name, checkpoint.form, folder, weights, adapter.name if adapter else None)

    def _refuse_stranger(self, adapter: Path | None) -> None:
        """Raises LabError for an adapter that a sleeper would not find."""
        adapters = self.workspace.adapters
        if adapter is not None and adapter.resolve().parent != adapters.resolve():
            raise LabError(
                f"A sleep cannot continue the adapter {adapter}: it is not in {adapters}.",
                f"Copy its folder there and choose {adapter.name}, or choose no adapter.",
            )
