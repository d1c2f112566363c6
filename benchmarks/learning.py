"""What a sleep teaches and what it costs: recall in unseen wordings, neighbours, drift; one sleep, and many.

    python benchmarks/learning.py [--json] [--seeds N] [--cycles N] [--only one|cycles]

Facts are told in a dialogue (benchmarks/facts.py), one an exchange, with a short reply; the lab sleeps on them as it
does on any dialogue. Then a process of its own asks the adapter about each fact in two wordings that no example of
the sleep has, the likeliest answer, in a fresh context: an answer is right when it holds the fact's key. Compared in
the same run: the published recipe (asked in the form that it trains), the base, and the facts given in context.
Neighbours are questions in like words about something else, by hand; unchanged is one in which no key turns up that
was not there before, and whose earlier answer costs at most half a bit a token more. Drift is what the base's answers
to other questions cost. `--cycles` sleeps of five new facts each follow, against a fresh adapter a night (published)
and no replay of what was learnt before. Intervals are 95 %: over facts by bootstrap, seeds pooled.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.facts import FACTS, Fact
from benchmarks.machine import machine
from lab.domain import SleepPlan
from lab.engine.cores import use_cores
from lab.engine.embedded import embedded_folder
from lab.engine.fingerprint import fingerprint
from lab.journal.events import ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.journal.record import Record
from lab.settings import EMBEDDED_CHECKPOINT, Settings, Workspace
from lab.sleep.gate import bootstrap
from lab.sleep.recipes import LESSONS, PUBLISHED
from lab.sleep.service import Base, Sleep

ONE_SLEEP = 20
NEW_A_CYCLE = 5
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
)
REPLY = "Thank you for telling me."


def tell(record: Record, session: str, facts: Sequence[Fact], replies: Sequence[str] = ()) -> None:
    """A dialogue in which these facts are told, each in a salient exchange, with these replies or a short one."""
    record.append(session, SessionOpened(session, EMBEDDED_CHECKPOINT, None, "lexical", 0.15))
    for turn, fact in enumerate(facts, 1):
        name = f"{session}-{turn:04d}"
        record.append(
            session,
            TurnStarted(name, session, turn, fact.said, EMBEDDED_CHECKPOINT, None),
            ExchangeFinished(name, "complete", replies[turn - 1] if replies else REPLY),
            SalienceScored(name, "lexical", 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.15, True),
        )


class Nights:
    """One lab that sleeps again and again by one recipe."""

    def __init__(self, root: Path, **sleep: Any) -> None:
        self.workspace = Workspace(root)
        self.workspace.create()
        settings = Settings()
        self._settings = settings.model_copy(update={"sleep": settings.sleep.model_copy(update=sleep)})
        self._record = Record(self.workspace)
        self.adapter: str | None = None
        self.cycle: str | None = None

    def sleep(self, facts: Sequence[Fact], replies: Sequence[str] = ()) -> dict[str, Any]:
        """Tell the facts and sleep; how it ended."""
        with self._record:
            tell(self._record, f"told-{time.time_ns()}", facts, replies)
            service = Sleep(self.workspace, self._settings, self._record, self._base)
            began = time.perf_counter()
            self.cycle = service.start()
            (*_, last) = service.follow(self.cycle, bool)
            seconds = time.perf_counter() - began
            assert last.ended is not None
            if last.ended.status != "complete":
                raise SystemExit(f"{self.cycle} {last.ended.status}: {last.ended.reason}")
            self.adapter = last.ended.adapter or self.adapter
            assert self._record.sync()
            measured = self._record.query("FROM sleep_measures WHERE cycle_id = ?", [self.cycle])
            return {
                "cycle": self.cycle,
                "verdict": last.ended.verdict,
                "strength": last.ended.strength,
                "reason": last.ended.reason,
                "seconds": seconds,
                "steps": last.ended.steps,
                "measures": {row[1]: row[2:6] for row in measured.rows},
            }

    def trained(self) -> set[str]:
        """Every wording that any cycle trained on, and every neighbour that may have been an anchor."""
        assert self._record.sync()
        table = self._record.query(
            "SELECT prompt FROM sleep_examples UNION SELECT unnest(neighbours) FROM sleep_lessons"
        )
        return {row[0] for row in table.rows}

    def _base(self) -> Base:
        folder = embedded_folder(EMBEDDED_CHECKPOINT)
        return Base(EMBEDDED_CHECKPOINT, None, folder, fingerprint(folder), self.adapter)


def judge(root: str, adapter: str | None, form: str | None, facts: Sequence[Fact], avoid: set[str], told: bool) -> Any:
    """In this process: what the adapter (or the base, with the facts `told` before the question) answers."""
    use_cores()
    from lab.domain import Message
    from lab.sleep.examination import ANSWER_TOKENS, GENERAL_TOKENS
    from lab.sleep.lessons import plain
    from lab.sleep.lora import load_for_training

    folder = embedded_folder(EMBEDDED_CHECKPOINT)
    settings = PUBLISHED if form == "plain" else LESSONS
    plan = SleepPlan(
        "judge",
        EMBEDDED_CHECKPOINT,
        fingerprint(folder),
        str(folder),
        None,
        "cpu",
        "auto",
        "judge",
        adapter,
        (),
        settings,
    )
    learner = load_for_training(plan, Path(root) / "adapters")
    asked = [(at, question) for at, fact in enumerate(facts) for question in _unseen(fact, avoid)]

    def prompt(question: str, fact: Fact | None = None) -> list[int]:
        before = (Message("user", fact.said), Message("assistant", REPLY)) if fact and told else ()
        return learner.encode_question(question, *before)

    def holds(text: str, fact: Fact) -> bool:
        return f" {plain(fact.key)} " in f" {plain(text)} "

    def said(prompts: Sequence[Sequence[int]], tokens: int) -> list[str]:
        return [learner.text(row) for row in learner.replies(prompts, tokens, bool)]

    answers = said([prompt(question, facts[at]) for at, question in asked], ANSWER_TOKENS)
    right: list[list[float]] = [[] for _ in facts]
    for (at, _), text in zip(asked, answers):
        right[at].append(float(holds(text, facts[at])))
    neighbours = [fact.neighbour for fact in facts if fact.neighbour not in avoid]
    beside = [prompt(question) for question in neighbours]
    now = said(beside, ANSWER_TOKENS)
    with learner.as_base():
        before = said(beside, ANSWER_TOKENS)
        general = said([prompt(question) for question in GENERAL], GENERAL_TOKENS)
    rows = [learner.encode_answer(prompt, text) for prompt, text in zip(beside, before)]
    rows += [learner.encode_answer(prompt(question), text) for question, text in zip(GENERAL, general)]
    after = learner.nats(rows, bool)
    with learner.as_base():
        costs = [(one - other) / 0.6931 for one, other in zip(after, learner.nats(rows, bool))]
    unchanged = [
        float(cost <= 0.5 and not any(holds(text, fact) and not holds(was, fact) for fact in facts))
        for cost, text, was in zip(costs, now, before)
    ]
    return {
        "recall": [statistics.fmean(each) for each in right],
        "neighbours": unchanged,
        "drift": costs[len(neighbours) :],
        "answers": [[question, text] for (_, question), text in zip(asked, answers)],
        "beside": [list(each) for each in zip(neighbours, before, now)],
    }


def _unseen(fact: Fact, avoid: set[str]) -> list[str]:
    """Two wordings that were not trained on."""
    left = [question for question in fact.asked if question not in avoid]
    if not left:
        raise SystemExit(f"Every wording of {fact.said!r} was trained on: add another.")
    return left[:2]


def judged(nights: Nights, adapter: str | None, facts: Sequence[Fact], form: str = "", told: bool = False) -> Any:
    """As `judge`, in a process of its own."""
    given = {
        "root": str(nights.workspace.root),
        "adapter": adapter,
        "form": form,
        "facts": [FACTS.index(fact) for fact in facts],
        "avoid": sorted(nights.trained()),
        "told": told,
    }
    command = [sys.executable, __file__, "--judge", json.dumps(given)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout.splitlines()[-1])


def figure(runs: Sequence[Sequence[float]]) -> dict[str, float]:
    """Mean of each run's mean, the interval over cases with runs pooled case by case, n cases, n runs."""
    cases = [statistics.fmean(values) for values in zip(*runs)]
    low, high = bootstrap(cases, 0)
    return {"value": statistics.fmean(cases), "low": low, "high": high, "n": len(cases), "seeds": len(runs)}


def one_sleep(seeds: int, say: Any) -> dict[str, Any]:
    facts = FACTS[:ONE_SLEEP]
    found: dict[str, list[Any]] = {"ours": [], "published": [], "base": [], "context": []}
    nights: list[dict[str, Any]] = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as published:
            lab = Nights(Path(ours), seed=seed)
            nights.append(lab.sleep(facts))
            say(f"seed {seed}: ours {nights[-1]}")
            found["ours"].append(judged(lab, lab.adapter, facts))
            other = Nights(Path(published), recipe="published", seed=seed)
            night = other.sleep(facts)
            say(f"seed {seed}: published {night['seconds']:.0f} s")
            found["published"].append(judged(other, other.adapter, facts, "plain"))
            if not seed:
                found["base"].append(judged(lab, None, facts))
                found["context"].append(judged(lab, None, facts, told=True))
    return {
        "recall_unseen": figure([run["recall"] for run in found["ours"]]),
        "recall_published": figure([run["recall"] for run in found["published"]]),
        "recall_base": figure([run["recall"] for run in found["base"]]),
        "recall_in_context": figure([run["recall"] for run in found["context"]]),
        "neighbours_unchanged": figure([run["neighbours"] for run in found["ours"]]),
        "neighbours_unchanged_published": figure([run["neighbours"] for run in found["published"]]),
        "drift_bits_per_token": figure([run["drift"] for run in found["ours"]]),
        "drift_published": figure([run["drift"] for run in found["published"]]),
        "nights": nights,
        "answers": found["ours"][0]["answers"],
        "beside": found["ours"][0]["beside"],
    }


def many_sleeps(cycles: int, seeds: int, say: Any) -> dict[str, Any]:
    """Recall after each cycle of everything told so far; of each way and seed."""
    ways: dict[str, dict[str, Any]] = {
        "ours": {},
        "no_replay": {"replay": 0.0},
        "published": {"recipe": "published"},
    }
    result: dict[str, Any] = {}
    last: dict[str, list[list[float]]] = {way: [] for way in ways}
    for seed in range(seeds):
        for way, settings in ways.items():
            with tempfile.TemporaryDirectory() as root:
                lab = Nights(Path(root), seed=seed, **settings)
                curve = []
                for cycle in range(1, cycles + 1):
                    told = [FACTS[at % len(FACTS)] for at in range((cycle - 1) * NEW_A_CYCLE, cycle * NEW_A_CYCLE)]
                    night = lab.sleep(told)
                    facts = FACTS[: cycle * NEW_A_CYCLE]
                    # The last judgement counts; those on the way are the curve, of our own way only.
                    if way == "ours" or cycle == cycles:
                        form = "plain" if way == "published" else ""
                        seen = judged(lab, lab.adapter, facts, form)
                        curve.append(statistics.fmean(seen["recall"]))
                        say(
                            f"seed {seed} {way} cycle {cycle}: recall {curve[-1]:.2f}, drift"
                            f" {statistics.fmean(seen['drift']):.3f}, {night['seconds']:.0f} s, {night['verdict']}"
                            f" {night['strength']} {night['reason'] or ''}"
                        )
                last[way].append(seen["recall"])
                if way == "ours":
                    result.setdefault("curves", []).append(curve)
                    by_cycle = [
                        statistics.fmean(seen["recall"][at : at + NEW_A_CYCLE])
                        for at in range(0, len(seen["recall"]), NEW_A_CYCLE)
                    ]
                    result.setdefault("by_cycle", []).append(by_cycle)
                    result.setdefault("drift", []).append(seen["drift"])
    result |= {
        "ten_cycles_recall": figure(last["ours"]),
        "ten_cycles_worst": figure([[min(each)] for each in result["by_cycle"]]) | {"n": NEW_A_CYCLE},
        "ten_cycles_no_replay": figure(last["no_replay"]),
        "ten_cycles_published": figure(last["published"]),
        "ten_cycles_drift": figure(result.pop("drift")),
    }
    return result


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cycles", type=int, default=10)
    parser.add_argument("--only", choices=("one", "cycles"))
    parser.add_argument("--judge", help=argparse.SUPPRESS)
    arguments = parser.parse_args(given)
    if arguments.judge:
        body = json.loads(arguments.judge)
        body["facts"] = [FACTS[at] for at in body["facts"]]
        print(json.dumps(judge(**body | {"avoid": set(body["avoid"])})))
        return

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    result: dict[str, Any] = {"machine": machine()}
    if arguments.only != "cycles":
        result |= one_sleep(arguments.seeds, say)
    if arguments.only != "one":
        result |= many_sleeps(arguments.cycles, arguments.seeds, say)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine     {result['machine']}")
    for name, each in result.items():
        if isinstance(each, dict) and "low" in each:
            print(
                f"{name:<32}{each['value']:.3f} ({each['low']:.3f} to {each['high']:.3f}, n {each['n']},"
                f" seeds {each['seeds']})"
            )


if __name__ == "__main__":
    main()
