"""What the engine holds: memory over that of the libraries, while five drafts are written after 2,000 tokens.

    python benchmarks/engine_memory.py [--json] [--repeats N] [--tokens N] [--length N]

A process of its own imports the libraries, takes its resident size, loads the embedded checkpoint, reads a prompt and
writes five drafts; the peak is that of the system's own account (VmHWM, reset after loading), Linux only. It is set
against the weights in bytes, as they lie in the file, plus keys and values by arithmetic: of the prompt once and of
every draft.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import commit, machine, median
from lab.engine.embedded import embedded_folder, embedded_ready
from lab.settings import EMBEDDED_CHECKPOINT

DRAFTS = 5


def measure(tokens: int, length: int, kernels: str) -> dict[str, float]:
    """One life of an engine, in this process; bytes."""
    from lab.engine.cores import use_cores

    use_cores()
    import threading
    from dataclasses import replace

    import peft  # noqa: F401
    import psutil
    import torch
    import transformers

    from lab.domain import Checkpoint, LoadOptions
    from lab.engine.compute.drafting import write_drafts
    from lab.engine.fingerprint import weight_files
    from lab.engine.worker_load import load_model
    from lab.refinement.irp import samplings

    # What the first use of the libraries brings along whatever the weights.
    torch.nn.Linear(8, 8)(torch.zeros(1, 8))
    folder = embedded_folder(EMBEDDED_CHECKPOINT)
    config = transformers.AutoConfig.from_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(folder)
    before = psutil.Process().memory_info().rss
    checkpoint = Checkpoint(EMBEDDED_CHECKPOINT, "embedded", str(folder), True, form="chat")
    model = replace(load_model(checkpoint, LoadOptions(kernels=kernels), lambda progress: None), end_tokens=frozenset())
    loading = _peak()
    loaded = psutil.Process().memory_info().rss
    # From here on the highest resident size is counted anew.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    prompt = [(place * 7919) % 40_000 + 100 for place in range(tokens)]
    write_drafts(model, prompt, samplings(DRAFTS, 0), length, threading.Event(), lambda event: None)
    weights = sum(path.stat().st_size for path in weight_files(folder))
    head_dim = config.hidden_size // config.num_attention_heads
    token = 2 * config.num_hidden_layers * config.num_key_value_heads * head_dim * 2
    return {
        "weights": weights,
        "cache": token * (tokens + DRAFTS * length),
        "before": before,
        "loading_peak": loading - before,
        "loaded": loaded - before,
        "peak": _peak() - before,
    }


def _peak() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--measure", metavar="KERNELS", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.tokens, arguments.length, arguments.measure)))
        return
    if not embedded_ready(EMBEDDED_CHECKPOINT):
        parser.error("run lab prepare first")
    sides: dict[str, list[dict[str, float]]] = {"auto": [], "library": []}
    for _ in range(arguments.repeats):
        for kernels, found in sides.items():
            command = [sys.executable, __file__, "--measure", kernels]
            command += ["--tokens", str(arguments.tokens), "--length", str(arguments.length)]
            child = subprocess.run(command, capture_output=True, text=True, check=True)
            found.append(json.loads(child.stdout.splitlines()[-1]))
    result: dict[str, Any] = {
        "machine": machine(),
        "commit": commit(),
        "prompt_tokens": arguments.tokens,
        "drafts": DRAFTS,
        "tokens_a_draft": arguments.length,
    }
    for kernels, found in sides.items():
        medians = {key: median([one[key] for one in found]) for key in found[0]}
        medians["peak_vs_arithmetic"] = medians["peak"] / (medians["weights"] + medians["cache"])
        result[kernels] = medians
    result["peak_vs_arithmetic"] = result["auto"]["peak_vs_arithmetic"]
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine  {result['machine']}")
    print(f"{DRAFTS} drafts of {arguments.length} tokens after {arguments.tokens}; MiB over the libraries, medians")
    for kernels in sides:
        side = {key: value / 2**20 for key, value in result[kernels].items()}
        print(
            f"  {kernels:8} weights {side['weights']:.0f} + cache {side['cache']:.0f};"
            f" while loading {side['loading_peak']:.0f}, loaded {side['loaded']:.0f},"
            f" peak while writing {side['peak']:.0f}: {result[kernels]['peak_vs_arithmetic']:.2f} x the sum"
        )


if __name__ == "__main__":
    main()
