"""The sleeper: a process that trains one adapter by a plan, tells its journal, and ends. torch lives here.

`python -m lab.sleep.trainer WORKSPACE CYCLE`. It needs no lab while it runs: it owns the journal of its cycle, and
whoever wants to know follows that. It never leaves half an adapter, and a plan that another sleep keeps from
starting leaves no trace.
"""

from __future__ import annotations

import errno
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from filelock import FileLock, Timeout

from lab.domain import SleepExample, SleepStatus, Verdict
from lab.engine.adapters import check_adapter
from lab.engine.cores import use_cores, yield_cores
from lab.engine.offline import stay_offline
from lab.engine.peak import peak_bytes
from lab.engine.precedence import answering_lock
from lab.errors import LabError
from lab.journal.events import Event, MemoryRead
from lab.journal.journal import Journal
from lab.journal.sleep_events import (
    SleepCounted,
    SleepEnded,
    SleepExampleUsed,
    SleepLessonFound,
    SleepPlanned,
    SleepResumed,
    SleepStaged,
    SleepStarted,
    SleepStepped,
)
from lab.settings import Workspace
from lab.sleep import gate
from lab.sleep.courtesy import Courtesy
from lab.sleep.cycle import BUSY_EXIT, LOCK, CycleFolder
from lab.sleep.dream import dream
from lab.sleep.general import PROMPTS
from lab.sleep.invention import Write, invent
from lab.sleep.lessons import Found, Support, bare, find_lessons, learnt_anew, still_true
from lab.sleep.neighbours import choose_general, choose_mistakes, choose_neighbours
from lab.sleep.probes import choose_probes
from lab.sleep.publish import publish, saved_event
from lab.sleep.replay import earlier_turns, plan_epochs
from lab.sleep.scalars import scalars
from lab.sleep.tally import Tally
from lab.sleep.telling import told
from lab.sleep.watch import active_seconds

if TYPE_CHECKING:
    from torch import Tensor

    from lab.sleep.examination import Examination
    from lab.sleep.lora import Learner, Weights

# A disk without room; as a limit on files says it, too.
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PAUSE_SECONDS: Final = 0.2
# So much work a killed sleep may lose.
_SAVE_SECONDS: Final = 10.0
# Halvings of a new adapter's strength before it is given up.
_STRENGTHS: Final = 3


class Sleeper:
    """One cycle."""

    def __init__(self, workspace: Workspace, cycle_id: str) -> None:
        self._workspace = workspace
        self._folder = CycleFolder(workspace.sessions, cycle_id)
        self._journal = Journal(workspace.sessions)
        self._plan, self._material, self._memory = self._folder.read()
        # What an earlier sleeper told of this cycle before it was killed.
        self._told = [line.entry.event for line in self._journal.read(cycle_id) if line.entry is not None]
        self._losses: list[float] = []
        self._saved_at = time.monotonic()
        self._stage = ""
        self._courtesy = Courtesy(answering_lock(), self._tell_waiting, self._folder.cancel_asked)
        self._verdict: Verdict = "ungated"
        self._strength: float | None = None
        self._reason: str | None = None

    def run(self) -> SleepStatus:
        """Train and publish; every outcome, good or bad, ends up in the journal."""
        if not self._told:
            self._tell_beginning()
        try:
            if self._told:
                self._tell_resumed()
            self._enter("loading")
            status = self._train()
        except LabError as fault:
            status, self._reason = "failed", str(fault)
        except OSError as fault:
            # Its work is there: the next sleep goes on from it.
            full = fault.errno in _FULL and self._folder.state_file.exists()
            status, self._reason = "interrupted" if full else "failed", _disk_reason(fault)
        except Exception as fault:
            traceback.print_exc()
            status = "failed"
            self._reason = f"{type(fault).__name__}: {fault}; the whole message is in {self._folder.log}."
        if status == "failed" and (self._workspace.adapters / self._plan.adapter).exists():
            # It is whole, and could not be told of: the lab that looks next completes the cycle.
            return status
        whole = status == "complete"
        self._tell(
            SleepEnded(
                self._plan.cycle_id,
                status,
                adapter=self._plan.adapter if whole and self._verdict != "rolled_back" else None,
                steps=len(self._losses),
                first_loss=self._losses[0] if self._losses else None,
                last_loss=self._losses[-1] if self._losses else None,
                seconds=active_seconds(self._journal, self._plan.cycle_id),
                reason=self._reason,
                verdict=self._verdict if whole else None,
                strength=self._strength if whole else None,
            )
        )
        # Not before: what could not be told, on a full disk, goes on from here.
        if status != "interrupted":
            self._folder.drop_state()
        return status

    def _tell(self, *events: Event) -> None:
        self._journal.append(self._plan.cycle_id, *events)

    def _tell_once(self, *events: Event) -> None:
        """Tell what dreaming gave, which it gives again when a killed sleep goes on."""
        if not any(isinstance(told, type(event)) for event in events[-1:] for told in self._told):
            self._tell(*events)

    def _tell_beginning(self) -> None:
        plan, settings = self._plan, self._plan.settings
        self._tell(
            SleepStarted(
                cycle_id=plan.cycle_id,
                checkpoint=plan.checkpoint,
                parent_adapter=plan.parent_adapter,
                exchanges=len(plan.exchange_ids),
                # What comes of dreaming is told when it is known.
                examples=0,
                epochs=settings.epochs,
                total_steps=0,
                rank=settings.rank,
                learning_rate=settings.learning_rate,
                recipe=settings.recipe,
                deep=plan.deep,
            )
        )

    def _tell_resumed(self) -> None:
        """Before anything else, so that a sleep that is killed again has an end to come."""
        from lab.sleep.state import read_state

        saved = read_state(self._folder.state_file)
        step = len(saved.losses) if saved is not None else 0
        self._tell(SleepResumed(self._plan.cycle_id, step, self._plan.checkpointing))

    def _enter(self, stage: str) -> None:
        self._stage = stage
        self._tell(SleepStaged(self._plan.cycle_id, stage))

    def _stopped(self) -> bool:
        """Whether somebody asked to stop; while an answer is written or somebody asked to pause, it waits here."""
        self._courtesy.before_step()
        if self._folder.pause_asked() and not self._folder.cancel_asked():
            self._tell(SleepStaged(self._plan.cycle_id, "paused"))
            while self._folder.pause_asked() and not self._folder.cancel_asked():
                time.sleep(_PAUSE_SECONDS)
            self._tell(SleepStaged(self._plan.cycle_id, self._stage))
        return self._folder.cancel_asked()

    def _tell_waiting(self, waits: bool) -> None:
        self._tell(SleepStaged(self._plan.cycle_id, "waiting" if waits else self._stage))

    def _tell_memory(self, event: str, vram_bytes: int | None) -> None:
        self._tell(MemoryRead("sleeper", psutil.Process().memory_info().rss, vram_bytes, event))

    def _train(self) -> SleepStatus:
        # Only here: a plan that is refused or unreadable costs no import of seconds.
        from lab.engine.worker_load import ran_out_of_memory

        try:
            return self._learn()
        except Exception as fault:
            if isinstance(fault, LabError) or not ran_out_of_memory(fault):
                raise
            traceback.print_exc()
            raise LabError(
                "There was not enough memory to sleep.",
                "Close other programs, lower sleep.batch_size or sleep.max_tokens, or choose a smaller checkpoint.",
            ) from fault

    def _learn(self) -> SleepStatus:
        from lab.sleep.lora import load_for_training

        plan = self._plan
        self._tell_memory("before_load", None)
        learner = load_for_training(plan, self._workspace.adapters)
        learner.tally = Tally(lambda done, of: self._tell(SleepCounted(plan.cycle_id, done, of)))
        learner.keep_answers(self._workspace.sessions)
        self._courtesy.at_layers(learner.network)
        self._tell_memory("loaded", learner.vram_bytes())
        judged = self._teach_lessons(learner) if plan.settings.dream == "lessons" else self._teach(learner)
        self._tell_memory("trained", learner.vram_bytes())
        self._tell(MemoryRead("sleeper", peak_bytes(), learner.peak_vram_bytes(), "peak"))
        if self._stopped():
            return "cancelled"
        if judged:
            self._enter("saving")
            outcome = {"verdict": self._verdict, "strength": self._strength, "reason": self._reason}
            adapter = publish(plan, self._workspace.adapters, learner.save, self._losses, outcome)
            self._tell(saved_event(adapter, self._workspace.root))
        return "complete"

    def _teach(self, learner: Learner) -> bool:
        """The published way: every exchange's answer, and nobody judges what came of it."""
        examples = dream(self._material)
        # The base's answer to what is taught would be held against it.
        taught = {bare(example.prompt) for example in examples}
        general = [prompt for prompt in PROMPTS if bare(prompt) not in taught]
        self._run(learner, [examples] * self._plan.settings.epochs, general, (), (), lessons=0)
        return True

    def _teach_lessons(self, learner: Learner) -> bool:
        """Whether what was learnt is to be kept."""
        from lab.sleep.examination import Examination, support_by, written_by

        settings = self._plan.settings
        self._enter("dreaming")
        found = self._find(support_by(learner, self._stopped), written_by(learner, self._stopped), learner.tally)
        if self._stopped():
            return False
        lessons = [each.lesson for each in found if each.reason is None]
        if not lessons:
            self._verdict, self._reason = "rolled_back", "Nothing in these exchanges could be learnt."
            return False
        memory = [] if self._plan.deep else still_true(self._memory, lessons)
        self._enter("probing")
        replaced = self._replaced()
        # What the adapter knew that a deep sleep replaces is not to be lost either.
        remembered = {each.lesson_id for each in self._memory} if replaced is not None else set()
        known = [*memory, *(lesson for lesson in lessons if lesson.lesson_id in remembered)]
        probes = choose_probes(lessons, known, settings.seed)
        before = nullcontext if replaced is None else partial(learner.as_adapter, replaced)
        examination = Examination(learner, probes, self._stopped, before)
        examination.begin()
        epochs = plan_epochs(lessons, memory, examination.shakiness(), settings)
        asked = {probe.question for probe in probes}
        held = choose_neighbours(lessons, memory, asked)
        mistakes = choose_mistakes(lessons, memory, asked)
        untrained = learner.weights()
        self._run(learner, epochs, choose_general(lessons, memory), held, mistakes, len(lessons), len(memory))
        if self._stopped():
            return False
        self._enter("judging")
        return self._judge(learner, examination, untrained)

    def _replaced(self) -> Path | None:
        """The adapter that a deep sleep replaces, where it can be asked what it knew: one that is damaged cannot."""
        plan = self._plan
        if plan.replaces is None:
            return None
        folder = self._workspace.adapters / plan.replaces
        try:
            check_adapter(folder, plan.fingerprint, plan.checkpoint)
        except LabError:
            traceback.print_exc()
            return None
        return folder

    def _find(self, support: Support, write: Write, tally: Tally) -> list[Found]:
        """The lessons, told as they stand in the record."""
        from lab.sleep.similarity import measure

        found = find_lessons(self._material, self._memory, self._plan.settings, support, partial(invent, write=write))
        if self._plan.deep:
            found = learnt_anew(self._memory, found)
        found = measure(found, self._stopped, tally)
        if self._stopped():
            return []
        # Examples are told when they are used; when it was said the exchange tells.
        apart = ("examples", "said_at")
        bodies = [
            {name: value for name, value in asdict(each.lesson).items() if name not in apart} | {"reason": each.reason}
            for each in found
        ]
        self._tell_once(*(SleepLessonFound(self._plan.cycle_id, **body) for body in bodies))
        return found

    def _run(
        self,
        learner: Learner,
        epochs: Sequence[Sequence[SleepExample]],
        general: Sequence[str],
        neighbours: Sequence[str],
        mistakes: Sequence[tuple[str, str]],
        lessons: int,
        earlier: int = 0,
    ) -> None:
        from lab.sleep.state import State, read_state, write_state
        from lab.sleep.training import Diverged, total_steps, train

        plan = self._plan
        distinct = list(dict.fromkeys(example for epoch in epochs for example in epoch))
        batches = [
            learner.encode(epoch, earlier_turns(epoch, number, plan.settings)) for number, epoch in enumerate(epochs, 1)
        ]
        used = [SleepExampleUsed(plan.cycle_id, **asdict(example)) for example in distinct]
        self._require_same_dreams(used)
        self._tell_once(
            *used,
            SleepPlanned(
                plan.cycle_id,
                lessons,
                earlier,
                len(distinct),
                total_steps(batches, plan.settings),
                len(batches),
                learner.dtype,
                plan.checkpointing,
            ),
        )
        self._enter("anchoring")
        anchors = learner.anchors(general, neighbours, mistakes, self._stopped, total_steps(batches, plan.settings))
        saved = read_state(self._folder.state_file)
        if saved is not None:
            self._losses = list(saved.losses)
            if anchors is not None and len(saved.distances) != len(anchors.distances):
                raise self._of_another_version()
            if anchors is not None:
                anchors.distances = list(saved.distances)
        self._enter("training")

        def keep(tensors: Callable[[], dict[str, Tensor]]) -> None:
            """Save how far training is, now and then."""
            if time.monotonic() - self._saved_at >= _SAVE_SECONDS:
                distances = tuple(anchors.distances) if anchors is not None else ()
                # A disk that is full by now may not be so when the adapter is saved.
                with suppress(OSError):
                    write_state(self._folder.state_file, State(tuple(self._losses), distances, tensors()))
                self._saved_at = time.monotonic()

        run = train(
            learner.network,
            batches,
            plan.settings,
            learner.device,
            self._stopped,
            learner.read,
            anchors,
            saved.resume if saved is not None else None,
            keep,
        )
        try:
            with scalars(self._folder.tensorboard if plan.tensorboard else None) as draw:
                for step in run:
                    self._losses.append(step.loss)
                    seconds = step.seconds - self._courtesy.within_step
                    stepped = SleepStepped(
                        plan.cycle_id, step.step, step.epoch, step.loss, step.learning_rate, step.tokens, seconds
                    )
                    self._tell(stepped)
                    draw(stepped)
        except Diverged as fault:
            raise LabError(f"Training diverged: {fault}.", "Lower sleep.learning_rate in lab.toml.") from fault

    def _require_same_dreams(self, used: Sequence[SleepExampleUsed]) -> None:
        """Raises LabError when a sleep that goes on has dreamt something else than before it was killed."""
        before = {replace(each, similarity=None) for each in self._told if isinstance(each, SleepExampleUsed)}
        whole = any(isinstance(event, SleepPlanned) for event in self._told)
        if whole and before != {replace(each, similarity=None) for each in used}:
            raise self._of_another_version()

    def _of_another_version(self) -> LabError:
        return LabError(f"{self._plan.cycle_id} was begun by another version of the lab.", "Sleep again.")

    def _judge(self, learner: Learner, examination: Examination, before: Weights) -> bool:
        """Keep what was learnt, as strongly as the gate allows; False when it allows none of it."""
        after = learner.weights()
        settings = self._plan.settings
        results = {1.0: examination.judge()}
        found = gate.measures(results[1.0], settings)
        faults = gate.faults(found)
        self._verdict, self._strength = "kept", 1.0
        hopeless = gate.fit(found, self._plan.deep) == "weak"
        if faults and not hopeless:

            def stands(strength: float) -> gate.Fit:
                learner.blend(before, after, strength)
                results[strength] = examination.judge()
                return gate.fit(gate.measures(results[strength], settings), self._plan.deep)

            self._verdict, self._strength = "weakened", gate.strongest(stands, _STRENGTHS)
            learner.blend(before, after, self._strength)
        if faults:
            whole = "; ".join(faults)
            self._reason = f"At full strength {whole}."
            if hopeless or not self._strength:
                self._verdict, self._strength = "rolled_back", 0.0
        if self._stopped():
            return False
        # A receipt tells of what is kept, or of what was refused.
        self._tell(*told(self._plan.cycle_id, results[self._strength or 1.0], settings))
        return self._verdict != "rolled_back"


def _disk_reason(fault: OSError) -> str:
    what = f"{fault.filename}: {fault.strerror}" if fault.filename else str(fault)
    closed = fault.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR)
    remedy = "Make the workspace's folders whole and writable" if closed else "Free some disk space"
    return f"The sleep could not read or write a file ({what}). {remedy}, then sleep again."


def main(arguments: Sequence[str]) -> int:
    """Run one cycle; the exit code is 0 for complete or cancelled, 1 for failed, 3 when another sleep runs."""
    root, cycle_id = arguments
    workspace = Workspace(Path(root))
    stay_offline()
    # The dialogue goes first: the sleeper stands still while an answer is written, so its threads may spin otherwise.
    use_cores()
    yield_cores()
    lock = FileLock(workspace.adapters / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return BUSY_EXIT
    journal = Journal(workspace.sessions)
    with lock, journal.own(cycle_id):
        status = Sleeper(workspace, cycle_id).run()
    return 0 if status in ("complete", "cancelled") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
