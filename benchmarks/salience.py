"""What scoring a turn costs: the search for the nearest turn of a long record, and what a turn takes longer.

    python benchmarks/salience.py [--json] [--exchanges N] [--turns N]

The search is exact, over random vectors of the sentence model's size, as `lab.journal.meaning.nearest` makes it. A turn
is measured on the embedded checkpoint, five drafts: what the engine takes for the meaning of the turn and of its drafts
(two requests), and the profiles for their scores; the look back on the record runs beside the drafts. How unexpected
the turn is costs the head on its tokens: a prompt is read with and without, in turns, in one process.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.facts import FACTS
from benchmarks.machine import commit, machine, median, percentile
from lab.domain import Checkpoint, Evidence, LoadOptions, Message, Prompt
from lab.engine.client import transformers_engine
from lab.engine.embedded import EMBEDDING_MODEL, embedded_folder, embedded_ready
from lab.journal import meaning
from lab.journal.record import Record
from lab.salience import PROFILES, scores
from lab.settings import EMBEDDED_CHECKPOINT, EngineSettings, Workspace

SIZE = 384
DRAFTS = 5
# As long as a draft is that is cut at the usual limit.
ANSWER = "You told me about that, and I will remember it. " * 16


def search(exchanges: int, repeats: int) -> dict[str, Any]:
    """Milliseconds of the search for the nearest of so many vectors."""
    import numpy as np

    draw = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.create()
        record = Record(workspace)
        record.sync()
        vectors = draw.normal(size=(exchanges, SIZE))
        vectors = np.round(1000 * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")
        names = np.array([f"exchange-{number:07d}" for number in range(exchanges)])
        with record.unlocked() as connection:
            connection.execute("INSERT INTO embeddings SELECT name, vector FROM (SELECT unnest($n) AS name,"
                               " unnest($v) AS vector)", {"n": names.tolist(), "v": vectors.tolist()})  # fmt: skip
            connection.execute("INSERT INTO exchanges (exchange_id, user_input, response)"
                               " SELECT exchange_id, 'said', 'answered' FROM embeddings")  # fmt: skip
        asked = draw.normal(size=(repeats, SIZE))
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        took = [_milliseconds(partial(meaning.nearest, record, one.tolist())) for one in asked]
    return {"exchanges": exchanges, "median": median(took), "p95": percentile(took, 0.95), "n": len(took)}


def turn(turns: int) -> dict[str, Any]:
    """Milliseconds that measuring and scoring add to a turn."""
    said: list[float] = []
    drafts: list[float] = []
    scored: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        engine = transformers_engine(Path(name) / "engine.log", EngineSettings())
        engine.start()
        try:
            engine.load(_checkpoint())
            # The first request reads the sentence model.
            engine.embed(["Hello."])
            for number in range(turns):
                fact = FACTS[number % len(FACTS)]
                texts = [f"{draft} {ANSWER}" for draft in range(DRAFTS)]
                said.append(_milliseconds(partial(engine.embed, [fact.said])))
                drafts.append(_milliseconds(partial(engine.embed, [*texts, texts[0]], 64)))
                evidence = Evidence(fact.said, ANSWER, bits=6.0, nearest=0.3, agreement=0.8, energy=0.2)
                scored.append(_milliseconds(partial(scores, evidence, "measured", 0.5)))
        finally:
            engine.close()
    head = _head(turns)
    added = median(said) + median(drafts) + median(scored) + head
    return {
        "said_ms": median(said),
        "drafts_ms": median(drafts),
        "scores_ms": median(scored[1:]),
        "bits_ms": head,
        "added_ms": added,
        "n": turns,
    }


def _head(turns: int) -> float:
    """Milliseconds that it takes to tell how unexpected the message of a prompt was."""
    import torch

    from lab.engine.worker_load import load_model
    from lab.engine.worker_prompt import encode_prompt, last_message

    model = load_model(_checkpoint(), LoadOptions("cpu"), lambda progress: None)
    with_bits: list[float] = []
    without: list[float] = []
    order = random.Random(0)
    for number in range(turns):
        prompt = Prompt((Message("user", FACTS[number % len(FACTS)].said),), "chat")
        tokens = encode_prompt(model.tokenizer, prompt)
        judged = last_message(model.tokenizer, prompt, tokens)
        ways = [(with_bits, judged[max(1 - judged.start, 0) :]), (without, range(0))]
        for times, places in order.sample(ways, 2):
            model.runner.forget()
            with torch.inference_mode():
                times.append(_milliseconds(partial(model.runner.read, tokens, bool, places)))
    return median(with_bits) - median(without)


def _checkpoint() -> Checkpoint:
    return Checkpoint(EMBEDDED_CHECKPOINT, "embedded", str(embedded_folder(EMBEDDED_CHECKPOINT)), True, form="chat")


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--exchanges", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=40)
    arguments = parser.parse_args()
    if not embedded_ready(EMBEDDED_CHECKPOINT) or not embedded_ready(EMBEDDING_MODEL.name):
        parser.error("run lab prepare first")
    found, took = search(arguments.exchanges, arguments.turns), turn(arguments.turns)
    about = {"machine": machine(), "commit": commit(), "profiles": sorted(PROFILES)}
    if arguments.json:
        print(json.dumps({**about, "search_ms": found, "turn": took}, indent=2))
        return
    print(f"machine   {about['machine']}")
    print(
        f"search    {found['median']:.0f} ms median, {found['p95']:.0f} ms p95 of {found['exchanges']:,} (budget: 100)"
    )
    print(
        f"a turn    {took['added_ms']:.0f} ms more (budget: 150): {took['said_ms']:.0f} what was said,"
        f" {took['drafts_ms']:.0f} the drafts, {took['bits_ms']:.0f} how unexpected, {took['scores_ms']:.1f} scores"
    )


if __name__ == "__main__":
    main()
