"""The experiment as the screen knows it: beginning one, how far it is, what came of it, stopping it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.engine.catalogue import everywhere
from lab.errors import LabError
from lab.questions import Question
from lab.text import count
from lab.tui import workers

if TYPE_CHECKING:
    from lab.study.background import Ended, Experiments, Running
    from lab.tui.app import LabApp

_STOP = "Stop "


class ExperimentFollower:
    """Follows at most one experiment for an app. Its methods run in the app's thread; what blocks goes to a worker."""

    def __init__(self, app: LabApp) -> None:
        self._app = app
        self._running: Running | None = None
        self._known: Experiments | None = None

    @property
    def words(self) -> str:
        """How far it is, for the status line; empty without one."""
        running = self._running
        return f"experiment {running.done}/{running.total}" if running is not None else ""

    def look(self) -> None:
        """Look how far an experiment is, also one that was begun elsewhere."""
        self._app.work("look-experiment", workers.look_at_experiment, self._experiments())

    def offered(self) -> list[Question]:
        """What can be picked: every protocol, or while one is said, to stop it."""
        from lab.study.protocols import protocols, read_protocol

        if (running := self._running) is not None:
            text = "What was said is kept: the same protocol goes on from there."
            return [Question(f"{_STOP}{running.experiment_id}", text, "An experiment is running")]
        workspace = self._app.lab.workspace
        found = []
        for name in sorted(protocols(workspace)):
            try:
                protocol = read_protocol(workspace, name)
            except LabError as fault:
                # The others can be said all the same; who picks it is told again.
                found.append(Question(name, str(fault), "Protocols"))
                continue
            says = "\n".join(hypothesis.says for hypothesis in protocol.hypotheses)
            size = f"{count(len(protocol.items), 'item')}, said to the checkpoint that answers now, without adapter."
            found.append(Question(name, f"{protocol.title}\n\n{says}\n\n{size}", "Protocols"))
        return found

    def picked(self, question: Question | None) -> None:
        """Begin the experiment, or stop the one that runs."""
        if question is None:
            return
        if question.title.startswith(_STOP):
            name = question.title.removeprefix(_STOP)
            self._app.work("stop-experiment", workers.stop_experiment, self._experiments(), name)
            self._app.main.hint(f"{name} is being stopped; what was said in whole dialogues is kept.")
            return
        loaded = self._app.lab.engine.loaded
        if loaded is None:
            self._app.main.hint("No model is loaded yet.")
            return
        try:
            named = everywhere(self._app.lab.checkpoint())
        except LabError as fault:
            self._app.main.hint(str(fault))
            return
        self._app.work("start-experiment", workers.start_experiment, self._experiments(), question.title, named)
        self._app.main.hint(f"{question.title} is being begun; the status line will show how far it is.")

    async def seen(self, running: Running | None, ended: Ended | None) -> None:
        """Show how far it is, and say what came of one that is over."""
        if running != self._running:
            self._running = running
            self._app.show_status()
        if ended is None:
            return
        if ended.experiment_id is None and ended.fault is None:
            await self._app.main.say("The experiment was stopped. Shift+F9 and the same protocol go on from there.")
            return
        if ended.experiment_id is None:
            await self._app.main.say(f"The experiment has no end: {ended.fault}", trouble=True)
            return
        came = ", ".join(f"{number} {verdict}" for verdict, number in ended.verdicts.items()) or "nothing to test"
        await self._app.main.say(
            f"{ended.experiment_id} is done: {came}. Its report is experiments/{ended.experiment_id}/report.md."
        )

    def _experiments(self) -> Experiments:
        # Not before the first paint: it brings the database along.
        from lab.study.background import Experiments

        if self._known is None:
            self._known = Experiments(self._app.lab.workspace, self._app.lab.record.journal)
        return self._known

    async def refused(self, error: LabError) -> None:
        """It was not begun or not stopped, and why."""
        await self._app.main.say(str(error))
