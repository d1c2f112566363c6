"""What the embedded model does on a GPU: five drafts in each dtype, and a sleep; memory against its estimate.

    python benchmarks/gpu.py [--json] [--length N] [--facts N]

Each dtype is loaded in an engine of its own, which writes five drafts of the published temperatures side by side after
a prompt of about 500 tokens, and the likeliest answer to one question. "int8" and "nf4" need bitsandbytes. Then the lab
sleeps on some facts, and a process of its own asks about them in wordings that were never trained. What a GPU takes
besides, such as the context of CUDA, is no part of the figures: they are torch's own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.facts import FACTS
from benchmarks.learning import Nights, judged
from benchmarks.machine import commit, machine
from lab.domain import Message, Prompt, RowFinished, RowGrew, Sampling
from lab.engine.catalogue import resolve
from lab.engine.client import transformers_engine
from lab.engine.estimate import estimate
from lab.errors import LabError
from lab.refinement.irp import samplings
from lab.settings import EMBEDDED_CHECKPOINT, EngineSettings, Workspace

DRAFTS = 5
ASKED = "What is the capital of France?"
MIB = 2**20


def drafts(root: Path, dtype: str, length: int) -> dict[str, Any]:
    """One life of an engine; what went wrong where it cannot be used."""
    checkpoint = resolve(EMBEDDED_CHECKPOINT, Workspace(root))
    engine = transformers_engine(root / f"{dtype}.log", EngineSettings(device="cuda"))
    try:
        engine.start()
        loaded = engine.load(checkpoint, dtype=dtype)
        prompt = Prompt((Message("user", f"Continue this story. {'The fox went on into the wood. ' * 60}"),), "chat")
        begun: list[float] = []
        seconds, tokens = [], 0
        # The first time warms the card up.
        for _ in range(2):
            began = time.perf_counter()
            begun.clear()
            rows = []
            for event in engine.generate(prompt, samplings(DRAFTS, 0), length):
                if isinstance(event, RowGrew):
                    begun.append(time.perf_counter() - began)
                if isinstance(event, RowFinished):
                    rows.append(event)
            seconds.append(time.perf_counter() - began)
            tokens = sum(row.tokens for row in rows)
        readings = [each.vram_bytes or 0 for each in engine.take_readings()]
        asked = engine.generate(Prompt((Message("user", ASKED),), "chat"), [Sampling(0.0, 0)], 32)
        answer = "".join(event.text for event in asked if isinstance(event, RowFinished))
        reckoned = estimate(checkpoint, dtype, engine.count(prompt), DRAFTS, library=True)
        assert reckoned is not None
        return {
            "load_seconds": loaded.seconds,
            "device": loaded.device,
            "first_token_seconds": begun[0],
            "tokens_per_second": tokens / seconds[-1],
            "tokens": tokens,
            "vram_mib": max(readings) / MIB,
            "estimated_mib": (reckoned.weights_bytes + reckoned.cache_bytes + reckoned.working_bytes) / MIB,
            "answer": answer,
        }
    except LabError as fault:
        return {"fault": str(fault)}
    finally:
        engine.close()


def night(root: Path, facts: int) -> dict[str, Any]:
    """One sleep and what it taught."""
    lab = Nights(root, seed=0)
    found = lab.sleep(FACTS[:facts])
    seen = judged(lab, lab.adapter, FACTS[:facts])
    read = lab.events("memory_read")
    steps = [each["seconds"] for each in lab.events("sleep_stepped")]
    return {
        **found,
        "step_seconds": statistics.median(steps),
        "vram_mib": {each["moment"]: (each["vram_bytes"] or 0) / MIB for each in read},
        "recall": statistics.fmean(seen["recall"]),
        "neighbours": statistics.fmean(seen["neighbours"]),
        "drift": statistics.fmean(seen["drift"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--facts", type=int, default=6)
    arguments = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        parser.error("torch finds no GPU here")
    result: dict[str, Any] = {"machine": machine() | {"gpu": torch.cuda.get_device_name()}, "commit": commit()}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        kinds = get_args(EngineSettings.model_fields["dtype"].annotation)
        result |= {dtype: drafts(root, dtype, arguments.length) for dtype in kinds if dtype != "auto"}
        result["sleep"] = night(root / "lab", arguments.facts)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, each in result.items():
        print(name)
        for key, value in each.items():
            print(f"  {key:<20}{value}")


if __name__ == "__main__":
    main()
