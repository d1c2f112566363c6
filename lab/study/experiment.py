"""An experiment: a protocol said to one or more checkpoints, several times, and what each turn measured.

It has a workspace of its own, so that no sleep learns from it and no history is full of it. A dialogue is kept when it
is whole, so an experiment that was stopped goes on where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from lab.dialogue.conversation import Conversation
from lab.dialogue.events import TurnFailed
from lab.domain import Exchange, Progress
from lab.engine.fetch import Cancelled
from lab.engine.precedence import answered, answering_lock
from lab.errors import LabError
from lab.journal.evidence import evidence_of
from lab.lab import Lab
from lab.settings import DialogueSettings, RefinementSettings, SalienceSettings, Settings, Workspace
from lab.study.items import append, lines, write_whole
from lab.study.protocols import Protocol

# Where experiments of a workspace are, and what each is called.
FOLDER: Final = "experiments"
KIND: Final = "experiment"
PLAN: Final = "plan.json"
TURNS: Final = "turns.jsonl"
# Somebody wants it to stop.
STOP: Final = "stop"
_LOOK_SECONDS: Final = 0.05
# A large model may take longer for an answer; an experiment goes on all the same.
_LONGEST_SECONDS: Final = 60.0
_SEED: Final = 5000
# What an answer or a score depends on.
_USED: Final = {
    "engine": ("device", "dtype", "kernels"),
    "refinement": tuple(RefinementSettings.model_fields),
    "dialogue": tuple(DialogueSettings.model_fields),
    "salience": tuple(SalienceSettings.model_fields),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which protocol, by its text, is said to which checkpoints, how often, and with which settings.

    `text` is the SHA-256 of all that is said and of what is expected; `settings` are those of the sections that an
    answer or a score depends on, by section and key.
    """

    protocol: str
    checkpoints: tuple[str, ...]
    repeats: int
    items: int
    dialogues: int
    text: str
    settings: Mapping[str, Mapping[str, Any]]

    def same(self, folder: Path) -> bool:
        """Whether the experiment in this folder has the same plan; one that cannot be read is another."""
        try:
            found = orjson.loads((folder / PLAN).read_bytes())
        except (OSError, ValueError):
            return False
        return bool(found == orjson.loads(orjson.dumps(asdict(self))))


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One dialogue of an experiment: `repeat` is counted from 1."""

    checkpoint: str
    repeat: int
    item: str
    condition: str
    turns: tuple[str, ...]

    @property
    def key(self) -> tuple[str, int, str, str]:
        return self.checkpoint, self.repeat, self.item, self.condition


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn measured: `signals` by profile and dimension ("measured.total"), and "disagreement", in 0..1, how far
    the drafts were from each other; `parameters` are the checkpoint's. Salient by "lexical", say, is in `salient`."""

    checkpoint: str
    parameters: int
    repeat: int
    item: str
    condition: str
    turn: int
    exchange_id: str
    signals: dict[str, float]
    salient: dict[str, bool]


def make_plan(protocol: Protocol, checkpoints: Sequence[str], repeats: int, settings: Settings) -> Plan:
    """The plan of saying a protocol to each of these checkpoints so many times."""
    dialogues = len(list(planned(protocol, checkpoints, repeats)))
    text = hashlib.sha256(orjson.dumps([protocol.items, protocol.hypotheses])).hexdigest()
    everything = settings.model_dump()
    used = {section: {key: everything[section][key] for key in keys} for section, keys in _USED.items()}
    return Plan(protocol.name, tuple(checkpoints), repeats, len(protocol.items), dialogues, text, used)


def planned(protocol: Protocol, checkpoints: Sequence[str], repeats: int) -> Iterator[Dialogue]:
    """Every dialogue, a checkpoint after another: each is loaded once.

    The conditions of every other item come in the other order, and of all in the next repeat: with `salience.share` it
    depends on what came before whether a turn is salient, and no condition may always be second.
    """
    for checkpoint in checkpoints:
        for repeat in range(1, repeats + 1):
            for number, (item, conditions) in enumerate(protocol.items.items(), repeat):
                order = list(conditions.items())
                for condition, turns in order if number % 2 else reversed(order):
                    yield Dialogue(checkpoint, repeat, item, condition, turns)


def run(
    folder: Path,
    protocol: Protocol,
    plan: Plan,
    settings: Settings,
    cancel: threading.Event,
    progress: Callable[[Progress], None],
    engine_command: Sequence[str] | None = None,
) -> list[Turn] | None:
    """Say what was not said yet; every turn, or None after a cancel. Raises LabError as a lab does."""
    workspace = Workspace(folder)
    workspace.create()
    write_whole(folder / PLAN, orjson.dumps(asdict(plan), option=orjson.OPT_INDENT_2))
    (folder / STOP).unlink(missing_ok=True)
    with _heeding(folder / STOP, cancel), contextlib.suppress(Cancelled):
        return _talk(workspace, protocol, plan, settings, cancel, progress, engine_command)
    return None


@contextlib.contextmanager
def _heeding(stop: Path, cancel: threading.Event) -> Iterator[None]:
    """Sets `cancel` once there is this file: a large model takes minutes to load, and an answer long."""
    over = threading.Event()

    def heed() -> None:
        while not over.wait(_LOOK_SECONDS):
            if stop.exists():
                cancel.set()
                return

    heeding = threading.Thread(target=heed, name="heed")
    heeding.start()
    try:
        yield
    finally:
        over.set()
        heeding.join()


def _talk(
    workspace: Workspace,
    protocol: Protocol,
    plan: Plan,
    settings: Settings,
    cancel: threading.Event,
    progress: Callable[[Progress], None],
    engine_command: Sequence[str] | None,
) -> list[Turn] | None:
    dialogues = list(planned(protocol, plan.checkpoints, plan.repeats))
    path = workspace.root / TURNS
    kept = {Dialogue(*_key(line), ()).key for line in lines(path)}
    for checkpoint in plan.checkpoints:
        left = [each for each in dialogues if each.checkpoint == checkpoint and each.key not in kept]
        if not left:
            continue
        lab = Lab(workspace, settings=settings, checkpoint=checkpoint, adapter="none", engine_command=engine_command)
        lab.open()
        try:
            loaded = lab.start_engine(progress, cancel)
            for each in left:
                at = dialogues.index(each)
                progress(Progress(f"{checkpoint}: {each.item}, {each.condition}", at, len(dialogues), "dialogues"))
                said = _say(lab, each, at, cancel)
                if said is None:
                    return None
                turns = [_measured(lab, each, loaded.parameters, turn, one) for turn, one in enumerate(said, 1)]
                append(path, {"turns": [asdict(turn) for turn in turns], **_named(each)})
        finally:
            lab.close()
    return [Turn(**turn) for line in lines(path) for turn in line["turns"]]


def _named(each: Dialogue) -> dict[str, object]:
    return dict(zip(("checkpoint", "repeat", "item", "condition"), each.key))


def _key(line: dict[str, object]) -> tuple[str, int, str, str]:
    return str(line["checkpoint"]), int(str(line["repeat"])), str(line["item"]), str(line["condition"])


def _say(lab: Lab, each: Dialogue, at: int, cancel: threading.Event) -> list[Exchange] | None:
    """The exchanges of the dialogue; None after a cancel. Before each turn it waits while a person is answered.

    What another dialogue said counts for nothing: repeats would be old news, and so would one that was begun before.
    """
    conversation: Conversation = lab.converse(alone=True)
    for turn, text in enumerate(each.turns):
        began = time.monotonic()
        while answered(answering_lock()) and time.monotonic() - began < _LONGEST_SECONDS and not cancel.is_set():
            time.sleep(_LOOK_SECONDS)
        for event in conversation.take_turn(text, cancel, _SEED + 1000 * at + 50 * turn):
            if isinstance(event, TurnFailed):
                raise event.error
        if cancel.is_set():
            return None
    # As they stand now: what was said next tells how a turn went.
    return conversation.history[-len(each.turns) :]


def _measured(lab: Lab, each: Dialogue, parameters: int, turn: int, exchange: Exchange) -> Turn:
    signals: dict[str, float] = {}
    for score in exchange.salience:
        signals |= {f"{score.profile}.{name}": value for name, value in score.dimensions().items()}
        signals[f"{score.profile}.total"] = score.total
    if not lab.record.sync():
        raise LabError(f"Another program holds {lab.workspace.database}.", "Close it there, then go on.")
    evidence = evidence_of(lab.record, exchange)
    if evidence is not None and evidence.agreement is not None:
        signals["disagreement"] = 1.0 - max(evidence.agreement, 0.0)
    salient = {score.profile: score.salient for score in exchange.salience}
    return Turn(
        each.checkpoint,
        parameters,
        each.repeat,
        each.item,
        each.condition,
        turn,
        exchange.exchange_id,
        signals,
        salient,
    )
