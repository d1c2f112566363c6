"""Which matrix kernels pay: the linear layers of one decoding step of the embedded checkpoint, by way of computing.

    python benchmarks/kernels.py [--json] [--repeats N]

Random weights in the checkpoint's shapes, all of its matrices one after another as in a step, so that each is read
from memory. Interleaved; medians. int8 keeps a scale a row, int4 a scale and a zero a group of 32, both torch's own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import commit, machine, median
from lab.engine.cores import use_cores

# SmolLM2-135M: query, key and value; output; gate; up; down; thirty times; then the head.
LAYERS, WIDTH, SHAPES, HEAD = 30, 576, [(960, 576), (576, 576), (1536, 576), (1536, 576), (576, 1536)], (49152, 576)
GROUP = 32
WAYS = ("bfloat16", "bfloat16 packed", "int8", "int4", "float32 packed")


def linear(way: str, height: int, width: int) -> Callable[[Any], Any]:
    """A matrix of this shape in this way: a function of its input."""
    import torch

    from lab.engine.compute.linear import Matrix

    weight = torch.randn(height, width) * 0.02
    if way == "bfloat16":
        return Matrix(weight.bfloat16(), packed=False).multiply
    if way.endswith("packed"):
        return Matrix(weight.to(getattr(torch, way.split()[0])), packed=True).multiply
    ops: Any = torch.ops.aten
    if way == "int8":
        scale = weight.abs().amax(1) / 127
        whole = (weight / scale[:, None]).round().to(torch.int8)
        rounded = scale.bfloat16()
        return lambda x: ops._weight_int8pack_mm(x, whole, rounded)
    groups = weight.reshape(height, width // GROUP, GROUP)
    low, high = groups.amin(-1), groups.amax(-1)
    step = (high - low) / 15
    whole = ((groups - low[..., None]) / step[..., None]).round().clamp(0, 15).to(torch.int32).reshape(height, width)
    packed = ops._convert_weight_to_int4pack_for_cpu(whole, 1)
    both = torch.stack([step, low + step * 8], -1).transpose(0, 1).contiguous().bfloat16()
    return lambda x: ops._weight_int4pack_mm_for_cpu(x, packed, GROUP, both)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    use_cores()
    import torch

    steps = {way: [linear(way, *shape) for shape in [*SHAPES * LAYERS, HEAD]] for way in WAYS}
    widths = [width for _, width in [*SHAPES * LAYERS, HEAD]]
    found: dict[str, dict[int, list[float]]] = {way: {1: [], 5: []} for way in WAYS}
    with torch.inference_mode():
        for repeat in range(arguments.repeats + 1):
            for way, matrices in steps.items():
                dtype = torch.float32 if way.startswith("float32") else torch.bfloat16
                for rows, times in found[way].items():
                    inputs = {width: torch.randn(rows, width, dtype=dtype) for width in set(widths)}
                    began = time.perf_counter()
                    for matrix, width in zip(matrices, widths):
                        matrix(inputs[width])
                    # The first time makes what is made once a shape.
                    if repeat:
                        times.append((time.perf_counter() - began) * 1000)
    medians = {way: {rows: median(times) for rows, times in ways.items()} for way, ways in found.items()}
    result = {
        "machine": machine(),
        "commit": commit(),
        "threads": torch.get_num_threads(),
        "milliseconds_a_step": medians,
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine  {result['machine']}, {result['threads']} threads")
    print(f"{'linear layers of one step':26} {'1 row':>9} {'5 rows':>9}")
    for way, by_rows in medians.items():
        print(f"{way:26} {by_rows[1]:6.1f} ms {by_rows[5]:6.1f} ms")


if __name__ == "__main__":
    main()
