"""What the next sleep is: what it learns, on top of what, deep or not, and whether a killed one goes on. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lab.domain import Lesson, Material, PromptForm, SleepPlan, SleepSettings, SleepStatus
from lab.engine.adapters import find_adapter
from lab.errors import LabError
from lab.journal import memory, queries
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded
from lab.salience import threshold_of
from lab.settings import Settings, Workspace
from lab.sleep.cycle import CycleFolder
from lab.sleep.lessons import latest
from lab.sleep.recipes import resolve

# A database that is held longer is counted as it is.
_COUNT_SECONDS = 1.0
# Memories, with what is new, from which on a deep sleep has so many steps that the full rate drifts about as far as the
# gate allows, and the lower one teaches as much: docs/sleep-trials.md.
_MANY: Final = 30


@dataclass(frozen=True, slots=True)
class Base:
    """What a sleep trains on top of: a checkpoint's files, and the adapter that answers now."""

    checkpoint: str
    form: PromptForm | None
    model_path: Path
    fingerprint: str
    adapter: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many exchanges the next sleep would learn from, and the newest of them; `behind` when the database could
    not be brought up to the journal before it was asked."""

    number: int = 0
    newest: str | None = None
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan without a name yet, the exchanges that it learns from, and what earlier sleeps learnt."""

    plan: SleepPlan
    material: list[Material]
    memory: list[Lesson]

    def named(self, cycle_id: str) -> SleepPlan:
        """The plan of this cycle; its adapter has the same name."""
        return replace(self.plan, cycle_id=cycle_id, adapter=cycle_id)


class Planner:
    """Plans the sleeps of one workspace, from its record. May be called from any thread."""

    def __init__(self, workspace: Workspace, settings: Settings, record: Record) -> None:
        self._workspace = workspace
        self._settings = settings
        self._record = record

    def waiting(self, base: Base) -> Waiting:
        """What `plan` would choose now, without reading it. Raises LabError."""
        settings = resolve(self._settings.sleep)
        behind = not self._record.sync(_COUNT_SECONDS)
        number, newest = queries.count_sleepable(
            self._record,
            profile=self._settings.salience.profile,
            checkpoint=base.checkpoint,
            salient_only=self._settings.sleep.exchanges == "salient",
            lineage=memory.lineage(self._record, base.adapter) if settings.continues else None,
        )
        return Waiting(number, newest, behind)

    def plan(self, base: Base, session_id: str | None, deep: bool) -> Planned:
        """What a sleep learns now: with `session_id` that dialogue's exchanges only, in a `deep` one the whole memory.

        The record is up to the journal. Raises LabError when there is nothing to learn, and where the settings do not
        fit the lineage.
        """
        settings = resolve(self._settings.sleep)
        lineage = memory.lineage(self._record, base.adapter)
        deep = self._deep(settings, deep, lineage)
        if not deep:
            self._require_same_layers(base, settings)
        remembered = latest(memory.memory(self._record, lineage)) if settings.dream == "lessons" else []
        if deep or not remembered:
            settings = settings.anew()
        # A deep sleep looks at everything again: what was once set aside or refused, or has been said otherwise since.
        slept = lineage if settings.continues else None
        material = self._choose(base, session_id, slept, deep, deep and bool(remembered))
        if deep:
            # Before it is dreamt of, each exchange that no sleep has looked at counts as one memory.
            new = self._choose(base, session_id, lineage, False, True)
            far = len(remembered) + len(new) >= _MANY
        else:
            far = bool(remembered) and memory.half_spent(self._record, lineage)
        if far:
            settings = settings.careful()
        plan = SleepPlan(
            cycle_id="",
            checkpoint=base.checkpoint,
            fingerprint=base.fingerprint,
            model_path=str(base.model_path),
            form=base.form,
            device=self._settings.engine.device,
            dtype="auto",
            adapter="",
            parent_adapter=base.adapter if settings.continues and not deep else None,
            exchange_ids=tuple(each.exchange_id for each in material),
            settings=settings,
            deep=deep,
            replaces=base.adapter if deep else None,
            tensorboard=self._settings.sleep.tensorboard,
        )
        return Planned(plan, material, remembered)

    def killed(self, wanted: Planned) -> CycleFolder | None:
        """The newest cycle, when it was killed in training and what it learns is still to be learnt in the same way.

        Its plan then has the way to hold the activations that is wanted now.
        """
        folder = next((CycleFolder(self._workspace.sessions, name) for name in self._newest()), None)
        if folder is None or not folder.state_file.exists() or folder.cancel_asked():
            return None
        if (self._workspace.adapters / folder.path.name).exists():
            # It was killed after it had saved its adapter.
            return None
        if self._end(folder.path.name) not in (None, "interrupted"):
            # Killed after it had told how it ended.
            return None
        try:
            plan, material, remembered = folder.read()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        now = replace(
            wanted.named(folder.path.name),
            exchange_ids=tuple(each.exchange_id for each in material),
            tensorboard=plan.tensorboard,
        )
        # A purge takes lines out of a plan; a mark changes what is to be learnt, and what is learnt again.
        # Without an engine a checkpoint's form is found by the sleeper, which finds the same.
        form = now.form if None in (plan.form, now.form) else plan.form
        same = replace(plan, checkpointing=now.checkpointing, form=form) == now
        if not same or remembered != wanted.memory or not set(material) <= set(wanted.material):
            return None
        if plan != now:
            # It learns the same with more memory or less.
            folder.write(now, material, remembered)
        return folder

    def _newest(self) -> list[str]:
        return self._record.journal.streams("sleep-")[-1:]

    def _end(self, cycle_id: str) -> SleepStatus | None:
        events = (line.entry.event for line in self._record.journal.read(cycle_id) if line.entry is not None)
        return next((event.status for event in reversed(list(events)) if isinstance(event, SleepEnded)), None)

    def holds(self, planned: Planned) -> bool:
        """Whether nothing that a sleep was planned with has been excluded or purged since; the record is up to the
        journal. Raises LabError."""
        table = self._record.query(
            "SELECT exchange_id FROM exchanges WHERE mark = 'excluded' AND list_contains($ids::VARCHAR[], exchange_id)",
            {"ids": [*(each.exchange_id for each in planned.material), *(each.exchange_id for each in planned.memory)]},
        )
        return not table.rows

    def _deep(self, settings: SleepSettings, asked: bool, lineage: Sequence[str]) -> bool:
        """Whether this sleep is a deep one: asked for, due after so many cycles since the last, or because what was
        learnt adds up to too much (`memory.strained`). Not the last where nothing is to be replayed."""
        if settings.dream != "lessons":
            if asked:
                raise LabError(
                    f'A deep sleep learns lessons anew, and sleep.recipe is "{settings.recipe}".',
                    f'Set sleep.recipe = "lessons" in {self._workspace.config}.',
                )
            return False
        every = self._settings.sleep.deep_every
        if asked or 0 < every <= memory.since_deep(self._record, lineage):
            return True
        return settings.replay > 0.0 and memory.strained(self._record, lineage)

    def _require_same_layers(self, base: Base, settings: SleepSettings) -> None:
        """Rank and layers stay the same along a lineage: raises LabError where the settings want others."""
        if not settings.continues or base.adapter is None:
            return
        parent = find_adapter(self._workspace.adapters, base.adapter)
        if parent.rank != settings.rank:
            raise LabError(
                f"sleep.rank is {settings.rank}, but the adapter to continue, {base.adapter}, has rank {parent.rank}.",
                f"Set sleep.rank = {parent.rank} in {self._workspace.config}, sleep deep (lab sleep --deep), or sleep"
                " with --adapter none.",
            )
        if parent.modules not in (None, settings.modules):
            raise LabError(
                f'The recipe "{settings.recipe}" trains other layers ({settings.modules}) than those of the adapter to'
                f" continue, {base.adapter} ({parent.modules}).",
                "Sleep deep (lab sleep --deep), or sleep with --adapter none.",
            )

    def _choose(
        self, base: Base, session_id: str | None, lineage: Sequence[str] | None, anew: bool, may_be_empty: bool
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
            anew=anew,
        )
        if not exchanges and not may_be_empty:
            kind = "salient exchange" if salient_only else "finished exchange"
            where = f"in session {session_id}" if session_id else "in this workspace"
            remedy = "Talk on, then sleep."
            if salient_only:
                remedy = (
                    f"Talk on until a total reaches {threshold_of(salience.profile, salience.threshold):g}, keep a turn"
                    ' (Ctrl+R, k; or lab mark), or set sleep.exchanges = "all" in lab.toml.'
                )
            raise LabError(
                f"Nothing to sleep on: every {kind} {where} was slept on already, or there is none yet.", remedy
            )
        return [
            Material(
                each.exchange_id,
                each.user_input,
                each.answer,
                marked=each.mark in ("kept", "edited"),
                salience=next((score.total for score in each.salience if score.profile == salience.profile), 0.0),
                said_at=each.created_at.timestamp(),
            )
            for each in exchanges
        ]


def can_forget(record: Record, settings: Settings, adapter: str, exchange_id: str) -> bool:
    """Whether a deep sleep in place of an adapter would have anything to learn without this exchange; False where the
    recipe has no deep ones. Raises LabError as `Record.query` does."""
    if resolve(settings.sleep).dream != "lessons":
        return False
    remembered = memory.memory(record, memory.lineage(record, adapter))
    if any(lesson.exchange_id != exchange_id for lesson in remembered):
        return True
    exchanges = queries.sleepable(
        record,
        profile=settings.salience.profile,
        # Anew, it does not matter what which checkpoint has slept on.
        checkpoint="",
        session_id=None,
        salient_only=settings.sleep.exchanges == "salient",
        anew=True,
    )
    return any(each.exchange_id != exchange_id for each in exchanges)
