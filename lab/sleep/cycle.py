"""The folder of one sleep cycle: its plan, its examples, and the ways in which a lab and a sleeper meet there."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import orjson

from lab.domain import Lesson, Material, SleepExample, SleepPlan, SleepSettings
from lab.errors import LabError
from lab.journal.journal import Journal

LOCK: Final = ".sleep.lock"
# The sleeper ends with this code when another one holds the workspace; it has written nothing then.
BUSY_EXIT: Final = 3


def running(journal: Journal) -> str | None:
    """The cycle that trains now in this workspace, whoever started it."""
    return next((name for name in reversed(journal.streams("sleep-")) if journal.owned(name)), None)


class CycleFolder:
    """`sessions/<cycle>/`: written by the lab before the sleeper starts, read by the sleeper."""

    def __init__(self, sessions: Path, cycle_id: str) -> None:
        self.path = sessions / cycle_id
        self.plan_file = self.path / "plan.json"
        # What there is to learn, and what earlier sleeps learnt.
        self.exchanges_file = self.path / "exchanges.jsonl"
        self.memory_file = self.path / "memory.jsonl"
        # How far training has come, for a sleeper that is killed; gone when the cycle has ended by itself.
        self.state_file = self.path / "state.safetensors"
        self.log = self.path / "sleeper.log"
        self.tensorboard = self.path / "tensorboard"
        # A file and not a signal, so that any lab can stop a detached sleep, and never a stranger's process.
        self.cancel_file = self.path / "cancel"
        self.pause_file = self.path / "pause"

    def write(self, plan: SleepPlan, material: Iterable[Material], memory: Iterable[Lesson]) -> None:
        """Write the plan and what is to be learnt. Raises LabError when the folder cannot be written."""
        try:
            self.exchanges_file.write_bytes(_lines(material))
            self.memory_file.write_bytes(_lines(memory))
            self.plan_file.write_bytes(orjson.dumps(dataclasses.asdict(plan), option=orjson.OPT_INDENT_2))
        except OSError as fault:
            raise LabError(
                f"The sleep could not be planned in {self.path}: {fault.strerror}.",
                "Free some space, then sleep again.",
            ) from fault

    def read(self) -> tuple[SleepPlan, list[Material], list[Lesson]]:
        """The plan, the exchanges and the memory as written."""
        body = orjson.loads(self.plan_file.read_bytes())
        body["settings"] = SleepSettings(**body["settings"])
        body["exchange_ids"] = tuple(body["exchange_ids"])
        material = [Material(**orjson.loads(line)) for line in self.exchanges_file.read_bytes().splitlines()]
        memory = [_lesson(orjson.loads(line)) for line in self.memory_file.read_bytes().splitlines()]
        return SleepPlan(**body), material, memory

    def ask_to_cancel(self) -> None:
        """Ask the sleeper to stop after its present step. Raises LabError when the folder cannot be written."""
        _touch(self.cancel_file)

    def cancel_asked(self) -> bool:
        """True once somebody asked."""
        return self.cancel_file.exists()

    def ask_to_pause(self) -> None:
        """Ask the sleeper to wait after its present step. Raises LabError when the folder cannot be written."""
        _touch(self.pause_file)

    def ask_to_go_on(self) -> None:
        """Take the pause back. Raises LabError when the folder cannot be written."""
        try:
            self.pause_file.unlink(missing_ok=True)
        except OSError as fault:
            raise LabError(
                f"{self.pause_file} cannot be removed: {fault.strerror}.",
                "Make the workspace writable, then try again.",
            ) from fault

    def pause_asked(self) -> bool:
        """True while somebody wants it to wait."""
        return self.pause_file.exists()

    def drop_state(self) -> None:
        """Forget how far training has come: nobody goes on with it."""
        for path in (self.state_file, self.state_file.with_suffix(".part")):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Take back a cycle that never began."""
        shutil.rmtree(self.path, ignore_errors=True)


def _lines(values: Iterable[Material | Lesson]) -> bytes:
    # A lone surrogate (from a terminal or a broken file) has no UTF-8 form; a sleep must not fail over it.
    return b"".join(orjson.dumps(_clean(dataclasses.asdict(each)), option=orjson.OPT_APPEND_NEWLINE) for each in values)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _clean(each) for key, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, (list, tuple)) else value


def _lesson(body: dict[str, Any]) -> Lesson:
    body["examples"] = tuple(SleepExample(**each) for each in body["examples"])
    body |= {name: tuple(body[name]) for name in ("unseen", "final", "neighbours")}
    return Lesson(**body)


def _touch(path: Path) -> None:
    try:
        path.touch()
    except OSError as fault:
        raise LabError(
            f"{path} cannot be made: {fault.strerror}.", "Make the workspace writable, then try again."
        ) from fault


def new_cycle(sessions: Path, adapters: Path) -> CycleFolder:
    """Make the folder of the next cycle: `sleep-0001`, `sleep-0002`, ... of one width, so that no adapter
    name is the prefix of another; past the adapters that came from elsewhere, too. Raises LabError when the folder
    cannot be made."""
    names = [path.name for folder in (sessions, adapters) for path in folder.glob("sleep-*")]
    taken = [int(name[6:]) for name in names if name[6:].isdecimal()]
    number = max(taken, default=0)
    while True:
        number += 1
        folder = CycleFolder(sessions, f"sleep-{number:04d}")
        try:
            folder.path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as fault:
            raise LabError(
                f"The folder {folder.path} cannot be made: {fault.strerror}.", "Make the workspace writable."
            ) from fault
        return folder
