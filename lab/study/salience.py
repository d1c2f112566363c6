"""Whether salience tells what is worth learning: a study in steps that can be stopped and gone on with.

Each exchange is said to the model and scored; then it is learnt by itself, a few steps from one saved state, and what
that is worth is measured; then what each signal would have chosen is slept on, and asked for.
"""

from __future__ import annotations

import itertools
import random
import shutil
import statistics
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import orjson

from lab.dialogue.conversation import Conversation
from lab.dialogue.events import TurnFailed, TurnFinished
from lab.domain import DIMENSIONS, Exchange, Progress
from lab.errors import LabError
from lab.files import CHILD_FOLDER
from lab.journal.record import Record
from lab.lab import Lab
from lab.salience import PROFILES
from lab.settings import EMBEDDED_CHECKPOINT, Settings, Workspace
from lab.study.exchanges import REPETITION, Studied
from lab.study.folders import timed
from lab.study.items import CHOICES, ITEMS, KNOWN, SEEDS, SLEEPS, WORTH, Item, append, lines, write
from lab.study.statistics import Estimate, correlate, fit, mean

SEED: Final = 4000
# What a person reads of an answer tells enough, and writing is what takes longest.
_MOST_TOKENS: Final = 40
_POLL_SECONDS: Final = 0.2
# A sleep is on the top quarter.
_QUARTER: Final = 0.25
_SCORED: Final = "scored.jsonl"
# What the exchanges are judged by, and what that is made of: no signals.
_JUDGED: Final = ("worth", "gain", "harm")
# What an exchange is before anything is measured of it.
_OF_EXCHANGE: Final = tuple(each.name for each in fields(Studied))
# The signals whose top quarter is slept on; "worth" is what an exchange turned out to be worth by itself.
SLEPT_ON: Final = ("measured.total", "lexical.total", "loss", "ratio", "length", "random", "worth")

Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the study found.

    `correlations` of each signal with worth; `recall`, after a sleep on a signal's top quarter, of everything new, in
    unseen wordings, with the seeds pooled; `halves` the correlations of the second half of the exchanges alone, among
    them that of "measured.fitted", whose `weights` were fitted on the first half. `items` are the exchanges with all
    their signals.
    """

    correlations: Mapping[str, Estimate]
    recall: Mapping[str, Estimate]
    halves: Mapping[str, Estimate]
    weights: Mapping[str, float]
    items: Sequence[Item]
    seconds: float


def study(
    folder: Path,
    exchanges: Sequence[Studied],
    cancel: threading.Event,
    progress: Report,
    engine_command: Sequence[str] | None = None,
) -> Findings | None:
    """Run the study in this folder, or go on with it there; None after a cancel.

    Raises LabError when the folder cannot be written, the embedded models are not prepared, or a process fails.
    """
    with timed(folder) as seconds:
        workspace = Workspace(folder)
        workspace.create()
        if not (folder / ITEMS).is_file():
            write(folder / ITEMS, [_plain(each) for each in exchanges])
        if not _child(folder, "known", "Learning what is repeated", cancel, progress):
            return None
        if not _talk(workspace, exchanges, cancel, progress, engine_command):
            return None
        items = sorted(lines(folder / _SCORED), key=lambda item: int(item["number"]))
        write(folder / ITEMS, items)
        if not _child(folder, "worth", "Learning each by itself", cancel, progress, WORTH, len(items)):
            return None
        items = _with_worth(items, lines(folder / WORTH))
        choices = {signal: _top(signal, items) for signal in SLEPT_ON}
        (folder / CHOICES).write_bytes(orjson.dumps(choices))
        if not _child(folder, "sleeps", "Sleeping", cancel, progress, SLEEPS, SEEDS * len(SLEPT_ON)):
            return None
    return findings(items, lines(folder / SLEEPS), seconds())


def same(exchanges: Sequence[Studied], folder: Path) -> bool:
    """Whether the study in this folder is of these exchanges, as they are now."""
    # As JSON has them: a list is no tuple.
    now: list[Item] = orjson.loads(orjson.dumps([asdict(each) for each in exchanges]))
    return [{name: item.get(name) for name in _OF_EXCHANGE} for item in lines(folder / ITEMS)] == now


def findings(items: Sequence[Item], sleeps: Sequence[Item], seconds: float) -> Findings:
    """What follows from the signals and the worth of each exchange and the answers after each sleep."""
    names = [name for name in items[0]["signals"] if name not in _JUDGED]
    recall = {
        signal: _by_exchange(items, [each["right"] for each in sleeps if each["signal"] == signal])
        for signal in SLEPT_ON
    }
    first, second = _halves(items)
    weights = dict(zip(DIMENSIONS, fit([_signal(f"measured.{name}", first) for name in DIMENSIONS], _worth(first))))
    halves = {name: correlate(_signal(name, second), _worth(second)) for name in ("measured.total", "lexical.total")}
    fitted = [sum(weights[name] * item["signals"][f"measured.{name}"] for name in DIMENSIONS) for item in second]
    return Findings(
        correlations={name: correlate(_signal(name, items), _worth(items)) for name in names},
        recall={signal: mean(right) for signal, right in recall.items()},
        halves={**halves, "measured.fitted": correlate(fitted, _worth(second))},
        weights=weights,
        items=items,
        seconds=seconds,
    )


def _signal(name: str, items: Sequence[Item]) -> list[float]:
    return [item["signals"][name] for item in items]


def _worth(items: Sequence[Item]) -> list[float]:
    return _signal("worth", items)


def _by_exchange(items: Sequence[Item], seeds: Sequence[Sequence[bool]]) -> list[float]:
    """Of each exchange that is asked for the share of its questions that was answered rightly, seeds pooled: two
    questions about one fact are no two cases."""
    found = []
    at = 0
    for item in items:
        if item["key"] is not None:
            end = at + len(item["held_out"])
            found.append(statistics.fmean(right for seed in seeds for right in seed[at:end]))
            at = end
    return found


def _halves(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Of each kind every other one."""
    halves: tuple[list[Item], list[Item]] = ([], [])
    seen: Counter[str] = Counter()
    for item in items:
        halves[seen[item["kind"]] % 2].append(item)
        seen[item["kind"]] += 1
    return halves


def _talk(
    workspace: Workspace,
    exchanges: Sequence[Studied],
    cancel: threading.Event,
    progress: Report,
    engine_command: Sequence[str] | None,
) -> bool:
    """Say every exchange to the model and keep what was measured; False after a cancel."""
    path = workspace.root / _SCORED
    scored = lines(path)
    done = {line["number"] for line in scored}
    if len(done) == len(exchanges):
        return True
    if all("session_id" in line for line in scored):
        # Else an earlier release began it, and nobody knows which one is whole.
        _remove_half(workspace, {str(line["session_id"]) for line in scored})
    settings = Settings()
    refinement = settings.refinement.model_copy(update={"max_tokens": _MOST_TOKENS})
    lab = Lab(
        workspace,
        settings=settings.model_copy(update={"refinement": refinement}),
        checkpoint=EMBEDDED_CHECKPOINT,
        # Of no repetitions nothing was learnt, and an adapter that changes nothing is refused.
        adapter=KNOWN if any(each.kind == REPETITION for each in exchanges) else "none",
        engine_command=engine_command,
    )
    lab.open()
    try:
        lab.start_engine(progress, cancel)
        repeated = [each for each in exchanges if each.kind == REPETITION and not done]
        for at, each in enumerate(repeated):
            progress(Progress("Telling what is repeated later", at, len(repeated), "exchanges"))
            if _say(lab.converse(new=True), each.said, each.number, cancel) is None:
                return False
        # Kinds mixed: what is usual here is known ever better, and no kind may have the beginning for itself.
        for at, each in enumerate(random.Random(SEED).sample(exchanges, len(exchanges))):
            progress(Progress("Talking", at, len(exchanges), "exchanges"))
            if each.number in done:
                continue
            conversation = lab.converse(new=True)
            said = [_say(conversation, text, each.number, cancel) for text in (*each.before, each.said)]
            if (exchange := said[-1]) is None or cancel.is_set():
                return False
            append(path, _scored(each, exchange))
    finally:
        lab.close()
    return True


def _remove_half(workspace: Workspace, whole: Container[str]) -> None:
    """Remove the dialogue in which the study was stopped, or all while none is `whole`: said again, a turn would find
    itself the nearest that was ever said. Raises LabError."""
    record = Record(workspace)
    if not record.sync():
        raise LabError(f"Another program holds {workspace.database}.", "Close it there, then go on.")
    with record:
        newest = record.query("SELECT session_id FROM sessions ORDER BY started_at DESC, session_id DESC").rows
        halves = list(itertools.takewhile(lambda session_id: session_id not in whole, (name for (name,) in newest)))
        for session_id in halves:
            # It may be gone from a start that was killed before the database was made anew.
            shutil.rmtree(record.journal.path(session_id).parent, ignore_errors=True)
        if halves:
            record.rebuild()


def _say(conversation: Conversation, text: str, number: int, cancel: threading.Event) -> Exchange | None:
    """The exchange; None after a cancel."""
    for event in conversation.take_turn(text, cancel, SEED + 10 * number):
        if isinstance(event, TurnFailed):
            raise event.error
        if isinstance(event, TurnFinished) and not cancel.is_set():
            return event.exchange
    return None


def _scored(each: Studied, exchange: Exchange) -> Item:
    signals: dict[str, float] = {}
    for score in exchange.salience:
        if score.profile in PROFILES:
            signals |= {f"{score.profile}.{name}": value for name, value in score.dimensions().items()}
            signals[f"{score.profile}.total"] = score.total
    signals["length"] = float(len(exchange.response.split()))
    signals["random"] = random.Random(f"{SEED}/{each.number}").random()
    answered = {"reply": exchange.response, "target": each.answer or exchange.response, "signals": signals}
    return _plain(each) | answered | {"session_id": exchange.session_id}


def _plain(each: Studied) -> Item:
    return asdict(each) | {"target": each.answer}


def _with_worth(items: Sequence[Item], measured: Sequence[Item]) -> list[Item]:
    """The items with what learning them was worth: the gain in unseen wordings without the harm to everything else."""
    found = {line["number"]: line for line in measured}
    joined = []
    for item in items:
        learnt = {name: value for name, value in found[item["number"]].items() if name != "number"}
        joined.append(item | {"signals": item["signals"] | learnt | {"worth": learnt["gain"] - learnt["harm"]}})
    return joined


def _top(signal: str, items: Sequence[Item]) -> list[int]:
    """The numbers of the quarter with the highest values."""
    ordered = sorted(items, key=lambda item: (-item["signals"][signal], item["number"]))
    return [item["number"] for item in ordered[: round(_QUARTER * len(items))]]


def _child(
    folder: Path,
    task: str,
    stage: str,
    cancel: threading.Event,
    progress: Report,
    results: str = "",
    total: int | None = None,
) -> bool:
    """Run a task of `lab.study.worth`, whose `results` are a line each; False after a cancel, which loses none."""
    if total is not None and len(lines(folder / results)) >= total:
        return True
    log = folder / "sessions" / "logs" / f"{task}.log"
    with log.open("wb") as said:
        command = [sys.executable, "-m", "lab.study.worth", str(folder.absolute()), task]
        child = subprocess.Popen(command, cwd=CHILD_FOLDER, stdin=subprocess.PIPE, stdout=said, stderr=said)
    try:
        while child.poll() is None:
            done = len(lines(folder / results)) if results else 0
            progress(Progress(stage, done, total, "exchanges" if task == "worth" else "sleeps"))
            if cancel.wait(_POLL_SECONDS):
                return False
    finally:
        child.terminate()
        child.wait()
        if child.stdin is not None:
            child.stdin.close()
    if child.returncode:
        *_, last = ["nothing", *log.read_text(encoding="utf-8", errors="replace").strip().splitlines()]
        raise LabError(f"{stage} failed (exit code {child.returncode}): {last}", f"All that it said is in {log}.")
    return True
