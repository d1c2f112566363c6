"""What a way of computing costs in quality: perplexity on a fixed text, beside transformers in the same dtype.

    python benchmarks/perplexity.py [--json]

The text is the beginning of "Alice's Adventures in Wonderland" (Lewis Carroll, 1865, in the public domain). Every way
reads it whole, as a prompt; the decoder also reads its beginning token by token in five rows, as drafts are written. No
timing.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import commit, machine
from lab.domain import Checkpoint, LoadOptions
from lab.engine.compute.runner import Model, Runner
from lab.engine.cores import use_cores
from lab.engine.embedded import embedded_folder, embedded_ready
from lab.settings import EMBEDDED_CHECKPOINT

TEXT = Path(__file__).parent / "texts" / "alice.txt"
WAYS = {
    "transformers, float32": ("library", "float32"),
    "transformers, bfloat16": ("library", "bfloat16"),
    "decoder, float32": ("auto", "float32"),
    "decoder, bfloat16": ("auto", "bfloat16"),
}
DEFAULT = "decoder, bfloat16"
REFERENCE = "transformers, bfloat16"
# So many tokens are read one by one.
WRITTEN = 300


def load(kernels: str, dtype: str) -> Model:
    from lab.engine.worker_load import load_model

    folder = embedded_folder(EMBEDDED_CHECKPOINT)
    checkpoint = Checkpoint(EMBEDDED_CHECKPOINT, "embedded", str(folder), True, form="chat")
    return load_model(checkpoint, LoadOptions("cpu", dtype, kernels), lambda progress: None)


def of_reading(runner: Runner, tokens: list[int]) -> float:
    """Perplexity of tokens read as a prompt: e to the mean negative log-likelihood of each after the first."""
    import torch

    with torch.inference_mode():
        likelihoods = torch.log_softmax(runner.logits(tokens)[:-1], -1)
        return math.exp(-likelihoods.gather(1, torch.tensor(tokens[1:])[:, None]).mean().item())


def of_writing(runner: Runner, tokens: list[int], rows: int = 5) -> float:
    """The same with all but the first read token by token by `rows` rows, as drafts are written."""
    import torch

    losses = []
    with torch.inference_mode():
        logits = runner.read(tokens[:1], lambda: False)
        assert logits is not None
        losses.append(-torch.log_softmax(logits.float(), -1)[tokens[1]])
        runner.start(rows)
        for place in range(1, len(tokens) - 1):
            after = runner.step(torch.tensor([tokens[place]] * rows)).float()
            losses.append(-torch.log_softmax(after, -1)[:, tokens[place + 1]].mean())
        runner.forget()
    return math.exp(torch.stack(losses).mean().item())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not embedded_ready(EMBEDDED_CHECKPOINT):
        parser.error("run lab prepare first")
    use_cores()
    found: dict[str, float] = {}
    beginning: dict[str, float] = {}
    tokens: list[int] = []
    for way, (kernels, dtype) in WAYS.items():
        model = load(kernels, dtype)
        tokens = model.tokenizer(TEXT.read_text(encoding="utf-8"))["input_ids"]
        found[way] = of_reading(model.runner, tokens)
        beginning[way] = of_reading(model.runner, tokens[:WRITTEN])
        if way == DEFAULT:
            beginning[f"{way}, five rows token by token"] = of_writing(model.runner, tokens[:WRITTEN])
    result = {
        "machine": machine(),
        "commit": commit(),
        "tokens": len(tokens),
        "perplexity": found,
        "perplexity_of_the_beginning": beginning,
        "default_vs_bfloat16": found[DEFAULT] / found[REFERENCE],
        "writing_vs_bfloat16": beginning[f"{DEFAULT}, five rows token by token"] / beginning[REFERENCE],
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine  {result['machine']}")
    for title, values in ((f"all {len(tokens)} tokens", found), (f"the first {WRITTEN}", beginning)):
        print(title)
        for way, value in values.items():
            print(f"  {way:45} {value:8.4f}  {value / values[REFERENCE] - 1:+.3%}")


if __name__ == "__main__":
    main()
