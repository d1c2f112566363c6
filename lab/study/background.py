"""An experiment beside a dialogue: a process of its own that goes on when the lab is closed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from lab.errors import LabError
from lab.files import CHILD_FOLDER
from lab.journal.journal import Journal
from lab.salience import SHIPPED, profile
from lab.settings import Workspace
from lab.study.experiment import FOLDER, KIND, PLAN, STOP, TURNS

_COMMAND: Final = (sys.executable, "-m", "lab")
_OUTPUT: Final = "experiment.json"
_LOG: Final = "experiment.log"


# How the command begins what it says of one that was stopped.
_STOPPED: Final = "Stopped;"


@dataclass(frozen=True, slots=True)
class Running:
    """An experiment that runs in this workspace, whoever began it: `done` of `total` dialogues."""

    experiment_id: str
    protocol: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An experiment that was begun here is over: what came of its hypotheses, by verdict, or why it has no end;
    without either it was stopped."""

    experiment_id: str | None
    verdicts: dict[str, int]
    fault: str | None = None


class Experiments:
    """Starts experiments of a workspace, one at a time, and says how far one is."""

    def __init__(self, workspace: Workspace, journal: Journal, command: Sequence[str] = _COMMAND) -> None:
        self._workspace = workspace
        self._journal = journal
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, protocol: str, checkpoint: str) -> None:
        """Begin, or go on with, this protocol said to this checkpoint.

        Raises LabError when one runs already, for a broken lab.toml, and for a profile that its process would not know.
        """
        running = self.running()
        if running is not None or self._child is not None:
            name = running.experiment_id if running is not None else "An experiment"
            raise LabError(f"{name} is running.", "Stop it, or wait until it ends.")
        chosen = profile(self._workspace.settings().salience.profile).name
        if chosen not in SHIPPED:
            raise LabError(
                f'salience.profile "{chosen}" is registered by a script that the process of an experiment never runs.',
                f"Run that script with the arguments experiment {protocol}, or choose {' or '.join(sorted(SHIPPED))}"
                " in lab.toml.",
            )
        arguments = ["experiment", protocol, "--checkpoint", checkpoint, "--json"]
        workspace = ["--workspace", str(self._workspace.root.resolve())]
        logs = self._workspace.logs
        try:
            with (logs / _OUTPUT).open("wb") as output, (logs / _LOG).open("wb") as log:
                self._child = subprocess.Popen(
                    [*self._command, *arguments, *workspace],
                    cwd=CHILD_FOLDER,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=log,
                    # It outlives the lab's terminal.
                    start_new_session=True,
                )
        except OSError as fault:
            raise LabError(
                f"The experiment cannot be started: {fault}.", "Free some disk space, then try again."
            ) from fault

    def running(self) -> Running | None:
        """The experiment that runs in this workspace, whoever began it."""
        # Its stream is its own from the beginning, and has no event before the end.
        for folder in sorted((self._workspace.root / FOLDER).glob(f"{KIND}-*"), reverse=True):
            if self._journal.owned(folder.name):
                try:
                    plan = orjson.loads((folder / PLAN).read_bytes())
                    done = (folder / TURNS).read_bytes().count(b"\n") if (folder / TURNS).is_file() else 0
                except (OSError, ValueError):
                    return Running(folder.name, "", 0, 0)
                return Running(folder.name, plan["protocol"], done, plan["dialogues"])
        return None

    def ended(self) -> Ended | None:
        """What came of the one that was begun here, once, when it is over."""
        if self._child is None or self._child.poll() is None:
            return None
        self._child = None
        try:
            found: Any = orjson.loads((self._workspace.logs / _OUTPUT).read_bytes())
            verdicts = [str(each["verdict"]) for each in found["hypotheses"]]
            return Ended(str(found["experiment_id"]), {each: verdicts.count(each) for each in dict.fromkeys(verdicts)})
        except (OSError, ValueError, KeyError, TypeError):
            words = self._last_words()
            return Ended(None, {}, None if words.startswith(_STOPPED) else words)

    def stop(self, experiment_id: str) -> None:
        """Ask an experiment to stop; dialogues that are whole are kept. Raises LabError."""
        path = self._workspace.root / FOLDER / experiment_id / STOP
        try:
            path.touch()
        except OSError as fault:
            raise LabError(f"{path} cannot be made: {fault.strerror}.", "Make the workspace writable.") from fault

    def _last_words(self) -> str:
        for path in (self._workspace.logs / _LOG, self._workspace.logs / _OUTPUT):
            said = _lines(path)
            if said:
                return said[0].removeprefix("lab: ") if path.name == _LOG else said[-1]
        return "It said nothing."


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # Of an error the sentence; its remedy follows.
    return [line for line in text.splitlines() if line.startswith("lab: ") or path.name == _OUTPUT]
