"""The published size comparison on this machine: mean salience by checkpoint, beside the published figures.

    python benchmarks/sizes.py [--json] [--checkpoint NAME ...] [--seeds N]

Every checkpoint answers the questions of the published sessions alone (no dialogue before them), as published: five
drafts, the question in the plain form, the lexical profile. Without names: the embedded one and whatever of the
catalogue is on this machine already; nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import commit, machine
from lab.dialogue.events import TurnFinished
from lab.domain import Progress
from lab.engine.catalogue import checkpoints
from lab.errors import LabError
from lab.lab import Lab
from lab.questions import questions
from lab.settings import DialogueSettings, EngineSettings, Settings, Workspace

# Mean total salience of the published sessions.
PUBLISHED = {"qwen2.5-0.5b": 0.209, "qwen2.5-1.5b": 0.196}
PROFILE = "lexical"
GROUP = "Published sessions"


def measure(name: str, seeds: int) -> dict[str, object]:
    """Mean salience, seconds an answer and the parts of one checkpoint. Raises LabError when it cannot be loaded."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(dialogue=DialogueSettings(context="fresh"), engine=EngineSettings(checkpoint=name))
        lab = Lab(Workspace(Path(folder)), settings=settings, adapter="none")
        lab.open()
        try:
            loaded = lab.start_engine(_tell, threading.Event())
            asked = [question.text for question in questions(lab.workspace) if question.group == GROUP]
            conversation = lab.converse(new=True)
            totals: list[float] = []
            seconds: list[float] = []
            for seed in range(seeds):
                for text in asked:
                    began = time.monotonic()
                    last = list(conversation.take_turn(text, threading.Event(), seed=1000 * seed))[-1]
                    seconds.append(time.monotonic() - began)
                    if not isinstance(last, TurnFinished):
                        raise LabError(f"{name} did not answer.", "See the engine's log.")
                    totals.extend(score.total for score in last.exchange.salience if score.profile == PROFILE)
                    print(f"{name}: {totals[-1] if totals else 0:.3f}", file=sys.stderr, flush=True)
        finally:
            lab.close()
    return {
        "parameters": loaded.parameters,
        "revision": loaded.revision,
        "kernels": loaded.kernels,
        "answers": len(seconds),
        "mean_total": sum(totals) / len(totals) if totals else None,
        "seconds_an_answer": sum(seconds) / len(seconds),
        "published": PUBLISHED.get(name),
    }


def _tell(progress: Progress) -> None:
    print(f"\r{progress.stage}", end="", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--checkpoint", action="append", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=2, help="answers to each question")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = [checkpoint.name for checkpoint in checkpoints(Workspace(Path(folder))) if checkpoint.ready]
    found: dict[str, dict[str, object]] = {}
    for name in arguments.checkpoint or known:
        try:
            found[name] = measure(name, arguments.seeds)
        except LabError as fault:
            print(fault, file=sys.stderr)
    result = {"machine": machine(), "commit": commit(), "checkpoints": found, "published": PUBLISHED}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine  {result['machine']}")
    print(f"{'checkpoint':28} {'ours':>7} {'published':>10} {'answers':>8} {'s an answer':>12}")
    for name in [*found, *(name for name in PUBLISHED if name not in found)]:
        row = found.get(name, {})
        ours, published = row.get("mean_total"), PUBLISHED.get(name)
        print(
            f"{name:28} {'not here' if ours is None else format(ours, '.3f'):>8} {published or '':>9}"
            f" {row.get('answers', ''):>8} {format(row['seconds_an_answer'], '.1f') if row else '':>12}"
        )


if __name__ == "__main__":
    main()
