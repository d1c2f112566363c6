"""What a sleep teaches and what it costs: recall in unseen wordings, neighbours, drift; one sleep, and many.

    python benchmarks/learning.py [--json] [--seeds N] [--cycles N] [--only one|cycles|forty] [--runs FOLDER]

With `--runs` each run is kept, with its lab, and one of many sleeps that was ended early goes on after the last whole
one.

Facts are told in a dialogue (benchmarks/facts.py), one an exchange, with a short reply; the lab sleeps on them as it
does on any dialogue. Then a process of its own asks the adapter about each fact in all those of its wordings, four to
eight, that no example of the sleep has, the likeliest answer, in a fresh context: an answer is right when it holds the
fact's key; `further` is of the questions alone whose author had seen no pattern. Compared in the same run: the
published recipe (asked in the form that it trains), the base, and the facts given in context, with room for a longer
answer; and two of the questions to each, one of either author where there are, in the middle of a dialogue, each after
three about other facts with their right answers, and the same two in a fresh context (`recall_same`). Neighbours are
questions in like words about something else, by hand; unchanged is one in which no key turns up that was not there
before, and whose earlier answer costs at most half a bit a token more. Drift is what the base's answers to other
questions cost, half of them in forms that no anchor of a sleep has. `--cycles` sleeps of five new facts each follow,
against a fresh adapter a night (published, whose last night is all that is left of them, so it alone is slept) and no
replay of what was learnt before. `--only forty` is forty sleeps on one new fact each, our way alone, one seed: hours,
and no part of the rest. Intervals are 95 %: over facts by bootstrap, seeds pooled.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.facts import FACTS, MANY, Fact
from benchmarks.machine import commit, machine
from lab.domain import SleepPlan
from lab.engine.cores import use_cores
from lab.engine.embedded import embedded_folder
from lab.engine.fingerprint import fingerprint
from lab.journal.events import ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.journal.record import Record
from lab.settings import EMBEDDED_CHECKPOINT, Settings, Workspace
from lab.sleep.gate import bootstrap
from lab.sleep.lessons import plain
from lab.sleep.planning import Base
from lab.sleep.recipes import LESSONS, PUBLISHED
from lab.sleep.service import Sleep

ONE_SLEEP = 20
NEW = 5
FORTY = 40
# Five a night would take longer than most have a machine to themselves.
FORTY_NEW = 1
# Of so many sleeps each is asked about, of more every so many.
_ALL_ASKED = 20
GENERAL = (
    "What is a volcano?",
    "How do I make a paper plane?",
    "Tell me something about the Romans.",
    "What is the difference between a frog and a toad?",
    "Why do leaves fall in autumn?",
    "Give me a name for a shop.",
    "What is happiness?",
    "How many legs does a spider have?",
    "Write one sentence about the sea.",
    "What is a good way to learn a poem?",
    "What did people eat in the Middle Ages?",
    "Can you recommend a hobby?",
    "My printer says that it is out of paper, but the tray is full.",
    "I have a job interview tomorrow and I am nervous.",
)
# In forms that no anchor has: a sleep could hold the forms of its anchors and lose the others.
OTHER_FORMS = (
    "Translate 'good night' into Spanish.",
    "Correct this sentence: she go to school yesterday.",
    "Is it safe to eat raw eggs?",
    "List the steps of making tea.",
    "Which is heavier, a kilogram of iron or a kilogram of feathers?",
    "Finish this sentence: The old man opened the door and",
    "Shorten this: The meeting that we had planned for Monday will now be on Tuesday.",
    "Convert five kilometres to metres.",
    "Say something nice about Mondays.",
    "If all cats are animals, is every animal a cat?",
)
# A question in the middle of a dialogue comes after so many about other facts, with their right answers.
TURNS = 3
# What is answered from its context begins with other words than what was learnt.
IN_CONTEXT_TOKENS = 64
# In words or digits.
NUMBERS = {"9th": "ninth", "2nd": "second", "43": "forty three", "17": "seventeen"}
REPLY = "Thank you for telling me."


def tell(record: Record, session: str, facts: Sequence[Fact], replies: Sequence[str] = ()) -> None:
    """A dialogue in which these facts are told, each in a salient exchange, with these replies or a short one."""
    record.append(session, SessionOpened(session, EMBEDDED_CHECKPOINT, None, "measured", 0.15))
    for turn, fact in enumerate(facts, 1):
        name = f"{session}-{turn:04d}"
        record.append(
            session,
            TurnStarted(name, session, turn, fact.said, EMBEDDED_CHECKPOINT, None),
            ExchangeFinished(name, "complete", replies[turn - 1] if replies else REPLY),
            SalienceScored(name, "measured", 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.15, True),
        )


class Nights:
    """One lab that sleeps again and again by one recipe, after the nights that it had already."""

    def __init__(self, root: Path, had: Sequence[Mapping[str, Any]] = (), **sleep: Any) -> None:
        self.workspace = Workspace(root)
        self.workspace.create()
        settings = Settings()
        self._settings = settings.model_copy(update={"sleep": settings.sleep.model_copy(update=sleep)})
        self._record = Record(self.workspace)
        self.adapter: str | None = had[-1]["adapter"] if had else None
        self.cycle: str | None = had[-1]["cycle"] if had else None
        self._nights = len(had)

    def sleep(self, facts: Sequence[Fact], replies: Sequence[str] = ()) -> dict[str, Any]:
        """Tell the facts and sleep; how it ended. A night that was ended early goes on where it was."""
        self._nights += 1
        with self._record:
            dialogue = f"told-{self._nights:02d}"
            assert self._record.sync()
            if not self._record.query("FROM sessions WHERE session_id = ?", [dialogue]).rows:
                tell(self._record, dialogue, facts, replies)
            service = Sleep(self.workspace, self._settings, self._record, self._base)
            began = time.perf_counter()
            self.cycle = service.start()
            (*_, last) = service.follow(self.cycle, bool)
            assert last.ended is not None
            # Of a night that went on the sleeper knows how long all of it took.
            seconds = max(time.perf_counter() - began, last.ended.seconds or 0.0)
            if last.ended.status != "complete":
                raise SystemExit(f"{self.cycle} {last.ended.status}: {last.ended.reason}")
            self.adapter = last.ended.adapter or self.adapter
            assert self._record.sync()
            measured = self._record.query("FROM sleep_measures WHERE cycle_id = ?", [self.cycle])
            ((deep,),) = self._record.query("SELECT deep FROM sleep_cycles WHERE cycle_id = ?", [self.cycle]).rows
            return {
                "cycle": self.cycle,
                "commit": commit(),
                "facts": len(facts),
                "adapter": self.adapter,
                "verdict": last.ended.verdict,
                "strength": last.ended.strength,
                "reason": last.ended.reason,
                "seconds": seconds,
                "steps": last.ended.steps,
                "deep": deep,
                "measures": {row[1]: row[2:6] for row in measured.rows},
            }

    def trained(self) -> set[str]:
        """Every wording that any cycle trained on, and every neighbour that may have been an anchor."""
        assert self._record.sync()
        table = self._record.query(
            "SELECT prompt FROM sleep_examples UNION SELECT unnest(neighbours) FROM sleep_lessons"
        )
        return {row[0] for row in table.rows}

    def events(self, name: str) -> list[dict[str, Any]]:
        """What the sleeper of the last sleep told under this name, as it stands in its journal."""
        assert self.cycle is not None
        lines = (self.workspace.sessions / self.cycle / "events.jsonl").read_text(encoding="utf-8").splitlines()
        return [body for body in map(json.loads, lines) if body["event"] == name]

    def _base(self) -> Base:
        folder = embedded_folder(EMBEDDED_CHECKPOINT)
        return Base(EMBEDDED_CHECKPOINT, None, folder, fingerprint(folder), self.adapter)


def judge(root: str, adapter: str | None, form: str | None, facts: Sequence[Fact], avoid: set[str], told: bool) -> Any:
    """In this process: what the adapter (or the base, with the facts `told` before the question) answers."""
    use_cores()
    from lab.domain import Message
    from lab.sleep.examination import ANSWER_TOKENS, GENERAL_TOKENS
    from lab.sleep.lora import load_for_training
    from lab.sleep.wording import second_person

    folder = embedded_folder(EMBEDDED_CHECKPOINT)
    # In the form that was trained; what an answer costs is its own words alone.
    settings = replace(PUBLISHED, loss="answer") if form == "plain" else LESSONS
    plan = SleepPlan(
        "judge",
        EMBEDDED_CHECKPOINT,
        fingerprint(folder),
        str(folder),
        None,
        "auto",
        "auto",
        "judge",
        adapter,
        (),
        settings,
    )
    learner = load_for_training(plan, Path(root) / "adapters")
    asked = [(at, question) for at, fact in enumerate(facts) for question in _unseen(fact, avoid)]
    some = [(at, question) for at, fact in enumerate(facts) for question in _one_each(fact, avoid)]

    def prompt(question: str, fact: Fact | None = None) -> list[int]:
        before = (Message("user", fact.said), Message("assistant", REPLY)) if fact and told else ()
        return learner.encode_question(question, *before)

    def said(prompts: Sequence[Sequence[int]], tokens: int) -> list[str]:
        return [learner.text(row) for row in learner.replies(prompts, tokens, bool)]

    def in_dialogue(question: str, at: int) -> list[int]:
        others = [other for step in range(1, TURNS + 1) if (other := facts[(at + step) % len(facts)]) != facts[at]]
        turns = [((_unseen(each, avoid)[0]), second_person(each.said)) for each in others]
        before = [each for one, other in turns for each in (Message("user", one), Message("assistant", other))]
        return learner.encode_question(question, *before)

    def right(of: Sequence[tuple[int, str]], answers: Sequence[str], further: bool = False) -> list[float | None]:
        found: list[list[float]] = [[] for _ in facts]
        for (at, question), text in zip(of, answers):
            if not further or question in facts[at].further:
                found[at].append(float(holds(text, facts[at])))
        return [statistics.fmean(each) if each else None for each in found]

    tokens = IN_CONTEXT_TOKENS if told else ANSWER_TOKENS
    answers = said([prompt(question, facts[at]) for at, question in asked], tokens)
    answered = dict(zip(asked, answers))
    later = said([in_dialogue(question, at) for at, question in some], ANSWER_TOKENS)
    untrained = [next((each for each in fact.beside if each not in avoid), None) for fact in facts]
    neighbours = [each for each in untrained if each is not None]
    beside = [prompt(question) for question in neighbours]
    now = said(beside, ANSWER_TOKENS)
    general = [prompt(question) for question in (*GENERAL, *OTHER_FORMS)]
    with learner.as_base():
        written = [*learner.replies(beside, ANSWER_TOKENS, bool), *learner.replies(general, GENERAL_TOKENS, bool)]
    before = [learner.text(row) for row in written[: len(beside)]]
    rows = [learner.encode_written(prompt, row) for prompt, row in zip((*beside, *general), written)]
    after = learner.nats(rows, bool)
    with learner.as_base():
        costs = [(one - other) / 0.6931 for one, other in zip(after, learner.nats(rows, bool))]
    unchanged = iter(
        float(cost <= 0.5 and not any(holds(text, fact) and not holds(was, fact) for fact in facts))
        for cost, text, was in zip(costs, now, before)
    )
    return {
        "recall": right(asked, answers),
        "recall_further": right(asked, answers, further=True),
        "recall_in_dialogue": right(some, later),
        "recall_same": right(some, [answered[each] for each in some]),
        # Fact by fact; None where every neighbour was trained.
        "neighbours": [None if each is None else next(unchanged) for each in untrained],
        "drift": costs[len(neighbours) :],
        "drift_other_forms": costs[len(neighbours) + len(GENERAL) :],
        "answers": [[question, text] for (_, question), text in zip(asked, answers)],
        "beside": [list(each) for each in zip(neighbours, before, now)],
    }


def _unseen(fact: Fact, avoid: set[str]) -> list[str]:
    """The wordings that were not trained on."""
    left = [question for question in (*fact.asked, *fact.further) if question not in avoid]
    if not left:
        raise SystemExit(f"Every wording of {fact.said!r} was trained on: add another.")
    return left


def _one_each(fact: Fact, avoid: set[str]) -> list[str]:
    """Of the wordings that were not trained on the first of either author, one where the other has none left."""
    left = _unseen(fact, avoid)
    by_author = [[each for each in left if (each in fact.further) == further] for further in (False, True)]
    return [each[0] for each in by_author if each]


def summary(seen: Mapping[str, Any], new: int) -> dict[str, Any]:
    """What is kept of every night of many, means of what `judge` found: `earlier` and `further` are the shares of the
    questions of either author that were answered rightly, `by_cycle` the recall of the `new` facts of each cycle."""
    facts = MANY[: len(seen["recall"])]
    by_author: tuple[list[bool], list[bool]] = ([], [])
    for question, text in seen["answers"]:
        fact = next(each for each in facts if question in (*each.asked, *each.further))
        by_author[question in fact.further].append(holds(text, fact))
    earlier, further = map(statistics.fmean, by_author)
    names = ("recall", "recall_in_dialogue", "recall_same", "neighbours", "drift")
    means = {name: statistics.fmean(each for each in seen[name] if each is not None) for name in names if name in seen}
    by_cycle = [statistics.fmean(seen["recall"][at : at + new]) for at in range(0, len(facts), new)]
    return {**means, "earlier": earlier, "further": further, "by_cycle": by_cycle}


def holds(text: str, fact: Fact) -> bool:
    """Whether an answer holds the fact's key, a number in words or digits."""
    words = " ".join(NUMBERS.get(word, word) for word in plain(text).split())
    return f" {plain(fact.key)} " in f" {words} "


def judged(nights: Nights, adapter: str | None, facts: Sequence[Fact], form: str = "", told: bool = False) -> Any:
    """As `judge`, in a process of its own."""
    given = {
        "root": str(nights.workspace.root),
        "adapter": adapter,
        "form": form,
        "facts": [MANY.index(fact) for fact in facts],
        "avoid": sorted(nights.trained()),
        "told": told,
    }
    # Not as an argument: what many nights have trained is more than an argument may be long.
    done = subprocess.run([sys.executable, __file__, "--judge"], input=json.dumps(given).encode(), capture_output=True)
    if done.returncode:
        raise SystemExit(done.stderr.decode(errors="replace"))
    return json.loads(done.stdout.splitlines()[-1])


def figure(runs: Sequence[Sequence[float | None]]) -> dict[str, float]:
    """The mean over cases, each the mean of its runs, its interval, n cases, n runs; None is no figure of a case."""
    cases = [statistics.fmean(known) for each in zip(*runs) if (known := [one for one in each if one is not None])]
    low, high = bootstrap(cases, 0)
    return {"value": statistics.fmean(cases), "low": low, "high": high, "n": len(cases), "seeds": len(runs)}


# What it is measured on, so that no figures are mixed: until commit 6ccd41a an answer that was cut off had an end, too.
_DRIFT = "the base's own answers as it wrote them"


class Runs:
    """Where each run is kept, so that a measurement of hours can be made in parts; what is there is not made again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        # Those that the nights were slept at.
        self.commits: set[str] = set()

    def __call__(self, name: str, make: Callable[[Nightly], dict[str, Any]]) -> dict[str, Any]:
        """The run of this name. Exits when the one that is kept was made by another recipe, or was asked
        something else."""
        path, part = self._folder / f"{name}.json", self._folder / f"{name}.part"
        asked = zlib.crc32(repr((MANY, GENERAL, OTHER_FORMS)).encode())
        recipes = {recipe.recipe: asdict(recipe) for recipe in (LESSONS, PUBLISHED)}
        about = {"recipes": recipes, "questions": asked, "drift": _DRIFT}
        if path.exists():
            kept: dict[str, Any] = json.loads(path.read_text())
            if any(kept.get(name) != value for name, value in about.items()):
                raise SystemExit(
                    f"{path} has another recipe, another drift or other questions: remove it, or name another folder."
                )
        else:
            kept = about | {"machine": machine(), "commit": commit()} | make(Nightly(part, about))
            _write(path, kept)
            lab = part.with_suffix(".nights")
            # Of a run whose figures were removed since.
            shutil.rmtree(lab, ignore_errors=True)
            part.rename(lab)
        nights = kept["nights"] if "nights" in kept else [kept["night"]]
        self.commits |= {night.get("commit", kept.get("commit", "unknown")) for night in nights}
        return kept


class Nightly:
    """The folder of a run that is not at its end: its lab, and what was `found` after each of its nights.

    Exits when it was begun by another recipe, or was asked something else.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.lab = folder / "lab"
        self.lab.mkdir(parents=True, exist_ok=True)
        self._found = folder / "found.json"
        self._about = about
        self.found: list[dict[str, Any]] = []
        if self._found.exists():
            kept = json.loads(self._found.read_text())
            if any(kept.get(name) != value for name, value in about.items()):
                raise SystemExit(
                    f"{folder} has another recipe, another drift or other questions: remove it, or name another folder."
                )
            self.found = kept["found"]

    def keep(self) -> None:
        """Keep what was found so far."""
        body = {**self._about, "machine": machine(), "commit": commit(), "found": self.found}
        _write(self._found, body)


def _write(path: Path, body: Mapping[str, Any]) -> None:
    """Whole or not at all: what is in it took hours."""
    part = path.with_name(f".{path.name}.new")
    part.write_text(json.dumps(body, indent=1) + "\n")
    part.replace(path)


def one_night(seed: int, way: str, nightly: Nightly) -> dict[str, Any]:
    """One sleep on twenty facts; with our first one also what the base says, and the base with the facts in context."""
    facts = FACTS[:ONE_SLEEP]
    recipe: dict[str, Any] = {} if way == "ours" else {"recipe": way}
    lab = Nights(nightly.lab, [each["night"] for each in nightly.found], seed=seed, **recipe)
    if not nightly.found:
        nightly.found.append({"night": lab.sleep(facts)})
        nightly.keep()
    night = nightly.found[0]["night"]
    found = {"night": night, "seen": judged(lab, lab.adapter, facts, "plain" if way == "published" else "")}
    if way == "ours" and not seed:
        found["base"] = judged(lab, None, facts)
        found["context"] = judged(lab, None, facts, told=True)
    say(f"seed {seed} {way}: recall {statistics.fmean(found['seen']['recall']):.2f}, {night['seconds']:.0f} s")
    return found


def one_sleep(seeds: int, runs: Runs) -> dict[str, Any]:
    ours, published = (
        [runs(f"one-{seed}-{way}", partial(one_night, seed, way)) for seed in range(seeds)]
        for way in ("ours", "published")
    )

    def figures(of: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
        return figure([run["seen"][name] for run in of])

    return {
        "recall_unseen": figures(ours, "recall"),
        "recall_further": figures(ours, "recall_further"),
        "recall_in_dialogue": figures(ours, "recall_in_dialogue"),
        "recall_same": figures(ours, "recall_same"),
        "recall_published": figures(published, "recall"),
        "recall_base": figure([ours[0]["base"]["recall"]]),
        "recall_in_context": figure([ours[0]["context"]["recall"]]),
        "neighbours_unchanged": figures(ours, "neighbours"),
        "neighbours_unchanged_published": figures(published, "neighbours"),
        "drift_bits_per_token": figures(ours, "drift"),
        "drift_other_forms": figures(ours, "drift_other_forms"),
        "drift_published": figures(published, "drift"),
        "nights": [run["night"] for run in ours],
        "answers": ours[0]["seen"]["answers"],
        "beside": ours[0]["seen"]["beside"],
    }


def many_nights(
    cycles: int, seed: int, way: str, settings: Mapping[str, Any], nightly: Nightly, new: int = NEW
) -> dict[str, Any]:
    """Recall of everything told so far, `new` facts a night: after each cycle of our own way, after the last of the
    others."""
    lab = Nights(nightly.lab, [each["night"] for each in nightly.found], seed=seed, **settings)
    asked = max(cycles // _ALL_ASKED, 1) if way == "ours" else cycles
    # The published way begins anew each night, on what was told since: nothing is left of the nights before the last.
    skipped = cycles - 1 if way == "published" else 0
    for cycle in range(skipped + max(len(nightly.found), 1), cycles + 1):
        if cycle - skipped > len(nightly.found):
            nightly.found.append({"night": lab.sleep(MANY[(cycle - 1) * new : cycle * new]), "seen": None})
            nightly.keep()
        last = nightly.found[-1]
        if not last["seen"] and (cycle == cycles or cycle % asked == 0):
            seen = judged(lab, lab.adapter, MANY[: cycle * new], "plain" if way == "published" else "")
            last["seen"] = seen
            nightly.keep()
            night = last["night"]
            say(
                f"seed {seed} {way} cycle {cycle}: recall {statistics.fmean(seen['recall']):.2f}, drift"
                f" {statistics.fmean(seen['drift']):.3f}, {night['seconds']:.0f} s, {night['verdict']}"
                f" {night['strength']} {night['reason'] or ''}"
            )
    found = nightly.found
    after = [summary(each["seen"], new) if each["seen"] else None for each in found]
    return {"nights": [each["night"] for each in found], "after": after, "seen": found[-1]["seen"]}


def many_sleeps(cycles: int, seeds: int, runs: Runs) -> dict[str, Any]:
    ways: dict[str, dict[str, Any]] = {"ours": {}, "no_replay": {"replay": 0.0}, "published": {"recipe": "published"}}
    found = {
        way: [
            runs(f"cycles-{cycles}-{seed}-{way}", partial(many_nights, cycles, seed, way, settings))
            for seed in range(seeds)
        ]
        for way, settings in ways.items()
    }
    recall = {way: [run["seen"]["recall"] for run in of] for way, of in found.items()}
    of_cycles = [[run[at : at + NEW] for at in range(0, len(run), NEW)] for run in recall["ours"]]
    by_cycle = [[statistics.fmean(each) for each in run] for run in of_cycles]
    # Of all cycles of all seeds.
    worst = min((each for run in of_cycles for each in run), key=statistics.fmean)
    return {
        "ten_cycles_recall": figure(recall["ours"]),
        "ten_cycles_worst": figure([worst]),
        "ten_cycles_further": figure([run["seen"]["recall_further"] for run in found["ours"]]),
        "ten_cycles_no_replay": figure(recall["no_replay"]),
        "ten_cycles_published": figure(recall["published"]),
        "ten_cycles_neighbours": figure([run["seen"]["neighbours"] for run in found["ours"]]),
        "ten_cycles_in_dialogue": figure([run["seen"]["recall_in_dialogue"] for run in found["ours"]]),
        "ten_cycles_same": figure([run["seen"]["recall_same"] for run in found["ours"]]),
        "ten_cycles_drift": figure([run["seen"]["drift"] for run in found["ours"]]),
        "curves": [[each["recall"] for each in run["after"] if each] for run in found["ours"]],
        "by_cycle": by_cycle,
    }


def forty_sleeps(runs: Runs) -> dict[str, Any]:
    run = runs(f"cycles-{FORTY}-0-ours", partial(many_nights, FORTY, 0, "ours", {}, new=FORTY_NEW))
    recall = run["seen"]["recall"]
    return {
        "forty_cycles_recall": figure([recall]),
        "forty_cycles_curve": [each["recall"] for each in run["after"] if each],
        "forty_cycles_by_cycle": run["after"][-1]["by_cycle"],
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cycles", type=int, default=10)
    parser.add_argument("--only", choices=("one", "cycles", "forty"))
    parser.add_argument("--runs", type=Path, help="keep each run in this folder, and make none that is there")
    parser.add_argument("--judge", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(given)
    if not 1 <= arguments.cycles <= FORTY:
        parser.error(f"--cycles: there are facts for 1 to {FORTY} sleeps")
    if arguments.judge:
        body = json.load(sys.stdin)
        body["facts"] = [MANY[at] for at in body["facts"]]
        print(json.dumps(judge(**body | {"avoid": set(body["avoid"])})))
        return

    result: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(arguments.runs or Path(folder))
        if arguments.only in (None, "one"):
            result |= one_sleep(arguments.seeds, runs)
        if arguments.only in (None, "cycles"):
            result |= many_sleeps(arguments.cycles, arguments.seeds, runs)
        if arguments.only == "forty":
            result |= forty_sleeps(runs)
    result["commits"] = sorted(runs.commits)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine     {result['machine']}")
    print(f"commits     {', '.join(result['commits'])}")
    for name, each in result.items():
        if isinstance(each, dict) and "low" in each:
            print(
                f"{name:<32}{each['value']:.3f} ({each['low']:.3f} to {each['high']:.3f}, n {each['n']},"
                f" seeds {each['seeds']})"
            )


if __name__ == "__main__":
    main()
