"""Everything that one running lab holds, wired together for the screen and the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from lab.dialogue.conversation import Conversation
from lab.dialogue.recording import measured
from lab.domain import Adapter, Checkpoint, Loaded, Progress
from lab.engine import catalogue, embedded
from lab.engine.adapters import find_adapter, newest_adapter
from lab.engine.client import Engine, ProcessEngine, transformers_engine
from lab.engine.fingerprint import fingerprint
from lab.errors import LabError
from lab.journal import queries
from lab.journal.database import DatabaseBusy
from lab.journal.record import Record
from lab.salience import profile
from lab.settings import Settings, Workspace
from lab.sleep.service import Base, Sleep

# Readings that belong to no session: memory around loading.
WORKSPACE_STREAM: Final = "workspace"


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
        self._conversation: Conversation | None = None
        self.record = Record(workspace)
        log = workspace.logs / "engine.log"
        self._engine: ProcessEngine = (
            ProcessEngine(engine_command, log, self.settings.engine)
            if engine_command
            else transformers_engine(log, self.settings.engine)
        )
        # Another engine brings its own weights, or needs none.
        self._own_engine = engine_command is None
        self.sleep = Sleep(workspace, self.settings, self.record, self._base, sleeper_command)

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
        """Prepare the embedded model when it is missing, start a child when none is alive, load, activate.

        Blocks; `progress` is called from this thread. An adapter that was not asked for by name and does not fit
        is told in `notices`, and the checkpoint answers without it. Raises LabError.
        """
        checkpoint = self.checkpoint()
        if self._adapter_name not in ("newest", "none"):
            # A name that is not there is said before a model is loaded for nothing.
            find_adapter(self.workspace.adapters, self._adapter_name)
        if self._own_engine and checkpoint.source == "embedded" and not embedded.embedded_ready(checkpoint.name):
            embedded.prepare(progress, cancel)
        if not self._engine.alive():
            self._engine.start()
        loaded = self._engine.load(checkpoint, progress)
        try:
            adapter = self._chosen_adapter(loaded.fingerprint)
            if adapter is not None:
                self._engine.activate(adapter.path)
        except LabError as fault:
            if self._adapter_name != "newest":
                raise
            self.notices.append(f"The newest adapter is not used: {fault}")
        self.record.append(WORKSPACE_STREAM, *measured(self._engine.take_readings()))
        return loaded

    def activate(self, name: str | None) -> None:
        """Make an adapter of this workspace, or none, answer from the next turn on. Raises LabError."""
        self._engine.activate(None if name is None else find_adapter(self.workspace.adapters, name).path)
        # What a restarted engine answers with, too.
        self._adapter_name = name or "none"

    def converse(self, session_id: str | None = None, *, new: bool = False) -> Conversation:
        """The given session, else the latest one, else a new one; `new` always begins one.

        Ends the conversation before it. A latest session that another lab has open is left to that lab.
        Raises LabError for a session that is unknown or open elsewhere.
        """
        self.end_conversation()
        parts = (self._engine, self.record, self.settings)
        if session_id is not None:
            self._conversation = Conversation.resume(session_id, *parts)
        else:
            latest = None if new else self._latest_free()
            self._conversation = Conversation.resume(latest, *parts) if latest else Conversation.begin(*parts)
        return self._conversation

    def end_conversation(self) -> None:
        """End the open conversation, if there is one."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.close()

    def close(self) -> None:
        """End the conversation, the engine and the recording. A running sleep goes on by itself."""
        try:
            self.end_conversation()
        finally:
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

    def _chosen_adapter(self, weights: str) -> Adapter | None:
        if self._adapter_name == "none":
            return None
        if self._adapter_name == "newest":
            return newest_adapter(self.workspace.adapters, weights)
        return find_adapter(self.workspace.adapters, self._adapter_name)

    def _base(self) -> Base:
        """What a sleep starts from: the loaded checkpoint, or without an engine the chosen one's files."""
        loaded = self._engine.loaded
        if loaded is not None:
            return Base(loaded.name, loaded.form, Path(loaded.path), loaded.fingerprint, self._engine.adapter)
        checkpoint = self.checkpoint()
        folder = catalogue.weights_folder(checkpoint)
        weights = fingerprint(folder)
        adapter = self._chosen_adapter(weights)
        if adapter is not None and adapter.fingerprint not in ("", weights):
            raise LabError(
                f'The adapter "{adapter.name}" was trained on {adapter.checkpoint}, not on {checkpoint.name}.',
                "Choose --checkpoint and --adapter that belong together, or --adapter none.",
            )
        return Base(checkpoint.name, checkpoint.form, folder, weights, adapter.name if adapter else None)
