"""What switching adapters costs: 35 in memory, activated in random order; and taking one in from disk.

    python benchmarks/adapters.py [--json] [--resident N] [--switches N]

Rank 8 on every linear layer of the embedded checkpoint, random weights. A switch is timed as the lab sees it, from the
request to the engine process until its reply.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import commit, machine, median, percentile
from lab.domain import Checkpoint, Message, Prompt, Sampling
from lab.engine.client import transformers_engine
from lab.engine.embedded import embedded_folder, embedded_ready
from lab.engine.families import target_modules
from lab.engine.fingerprint import fingerprint
from lab.settings import EMBEDDED_CHECKPOINT, EngineSettings

RANK = 8


def make_adapter(folder: Path, checkpoint: Path, seed: int) -> None:
    """Write an adapter in PEFT's form, of random weights."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    stream = torch.Generator().manual_seed(seed)
    modules = target_modules("llama", "all") or ()
    tensors = {}
    with safe_open(checkpoint / "model.safetensors", framework="pt") as weights:
        for name in weights.keys():  # noqa: SIM118
            module = name.removesuffix(".weight")
            if module.endswith(modules):
                height, width = weights.get_slice(name).get_shape()
                key = f"base_model.model.{module}"
                tensors[f"{key}.lora_A.weight"] = torch.randn(RANK, width, generator=stream) * 0.02
                tensors[f"{key}.lora_B.weight"] = torch.randn(height, RANK, generator=stream) * 0.02
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 2 * RANK}
    (folder / "adapter_config.json").write_text(json.dumps({**config, "target_modules": list(modules)}))
    (folder / "manifest.json").write_text(
        json.dumps({"checkpoint": EMBEDDED_CHECKPOINT, "fingerprint": fingerprint(checkpoint)})
    )


def measure(resident: int, switches: int) -> dict[str, Any]:
    """Milliseconds of cold loads and of switches, and what the adapters hold in memory."""
    checkpoint = embedded_folder(EMBEDDED_CHECKPOINT)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folders = [root / f"adapter-{number:02d}" for number in range(resident)]
        for number, folder in enumerate(folders):
            make_adapter(folder, checkpoint, number)
        engine = transformers_engine(root / "engine.log", EngineSettings(resident_adapters=resident))
        engine.start()
        try:
            engine.load(Checkpoint(EMBEDDED_CHECKPOINT, "embedded", str(checkpoint), True, form="chat"))
            before = engine.memory("loaded").rss_bytes
            cold = [_milliseconds(lambda folder=folder: engine.activate(folder)) for folder in folders]
            after = engine.memory("resident").rss_bytes
            order = random.Random(0).choices(folders, k=switches)
            warm = [_milliseconds(lambda folder=folder: engine.activate(folder)) for folder in order]
            plain = [_milliseconds(lambda: engine.activate(None)) for _ in range(20)]
            first = _first_token(engine, order[0])
            held = engine.adapters()
        finally:
            engine.close()
    return {
        "resident": len(held),
        "adapter_bytes": median([adapter.bytes for adapter in held]),
        "rss_bytes_an_adapter": (after - before) / resident,
        "cold_load_ms": {"median": median(cold), "p95": percentile(cold, 0.95)},
        "switch_ms": {"median": median(warm), "p95": percentile(warm, 0.95), "n": len(warm)},
        "to_none_ms": {"median": median(plain), "p95": percentile(plain, 0.95)},
        "first_draft_after_switch_ms": first,
    }


def _first_token(engine: Any, folder: Path) -> float:
    """A switch and one token by the new adapter."""
    prompt = Prompt((Message("user", "Hello"),), "chat")
    engine.activate(folder)
    return _milliseconds(lambda: list(engine.generate(prompt, [Sampling(0.0, 0)], 1)))


def _milliseconds(call: Any) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--resident", type=int, default=35)
    parser.add_argument("--switches", type=int, default=400)
    arguments = parser.parse_args()
    if not embedded_ready(EMBEDDED_CHECKPOINT):
        parser.error("run lab prepare first")
    result = {"machine": machine(), "commit": commit(), "rank": RANK, **measure(arguments.resident, arguments.switches)}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine      {result['machine']}")
    print(f"resident     {result['resident']} of rank {RANK}, {result['rss_bytes_an_adapter'] / 2**20:.1f} MiB each")
    print(f"cold load    {result['cold_load_ms']['median']:.0f} ms median, {result['cold_load_ms']['p95']:.0f} ms p95")
    print(f"switch       {result['switch_ms']['median']:.2f} ms median, {result['switch_ms']['p95']:.2f} ms p95")
    print(f"to none      {result['to_none_ms']['median']:.2f} ms median, {result['to_none_ms']['p95']:.2f} ms p95")
    print(f"then a token {result['first_draft_after_switch_ms']:.0f} ms (the prompt is read anew)")


if __name__ == "__main__":
    main()
