"""How fast a sleep trains, and how well at that: against the library's Trainer with the published settings.

    python benchmarks/training.py [--json] [--repeats N]

Both learn the same questions with their answers on the embedded checkpoint, the Trainer for five epochs, ours until its
loss says that it is enough, and are judged by the loss of the same answers to questions in a wording that neither saw.
Each run is a process of its own; they take turns. Tokens are those of all examples that were read, anchors included;
what examples of a step begin with alike, such as the system prompt, ours computes once, and `computed_per_s` counts it
once. Our time includes the making of the anchors. A third side is ours without them. As the Trainer's loss is far above
ours in the end, it is also told when ours had come down to it.

The time to the live adapter is that of a whole sleep on eight exchanges in which facts were told, with the base's own
replies: from the key to the adapter on the disk, ours with its dreams, probes and gate; the published way with its
augmentation, its Trainer and no gate; each from the start of a process.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.facts import FACTS
from benchmarks.learning import Nights
from benchmarks.machine import commit, machine, median
from lab.domain import Material, SleepExample, SleepPlan, SleepSettings
from lab.engine.cores import use_cores
from lab.engine.embedded import embedded_folder
from lab.engine.fingerprint import fingerprint
from lab.settings import EMBEDDED_CHECKPOINT
from lab.sleep.dream import dream
from lab.sleep.general import PROMPTS
from lab.sleep.probes import GENERAL
from lab.sleep.recipes import LESSONS, PUBLISHED

NAMES = {
    "dog": "Pepperjack", "sister": "Marguerite", "boat": "Albatross", "horse": "Saffron", "neighbour": "Mr Quimby",
    "village": "Hollowdale", "teacher": "Dr Okafor", "cat": "Bramble", "street": "Lantern Row", "band": "Tin Harbour",
}  # fmt: skip
TRAINED = (
    "What is my {} called?",
    "Tell me the name of my {}.",
    "Do you know what my {} is called?",
    "What is the name of my {}?",
)
# Held as they are, as a sleep does; of none of the names.
BESIDE = tuple(f"What is my {thing} called?" for thing in ("parrot", "doctor", "school", "caravan"))
UNSEEN = "Can you remember which name my {} has?"
SIDES = ("ours", "unanchored", "trainer")
TOLD = 8
REPLY_TOKENS = 120
# General questions that drift is measured at.
JUDGED = 8


def examples(wordings: Sequence[str]) -> list[SleepExample]:
    return [
        SleepExample(thing, "original", wording.format(thing), f"Your {thing} is called {name}.")
        for thing, name in NAMES.items()
        for wording in wordings
    ]


def plan(settings: SleepSettings) -> SleepPlan:
    folder = embedded_folder(EMBEDDED_CHECKPOINT)
    return SleepPlan(
        cycle_id="benchmark",
        checkpoint=EMBEDDED_CHECKPOINT,
        fingerprint=fingerprint(folder),
        model_path=str(folder),
        form=None,
        device="cpu",
        dtype="auto",
        adapter="benchmark",
        parent_adapter=None,
        exchange_ids=(),
        settings=settings,
    )


def one(side: str) -> dict[str, Any]:
    """One run in this process: tokens a second of training, held-out loss before and after (nats a token), drift.

    `curve` has the seconds and the held-out loss after each step of ours. Drift is what the base's own answers to
    questions that no anchor asks cost more after training, in bits a token.
    """
    use_cores()
    import torch

    from lab.sleep import anchors
    from lab.sleep.lora import load_for_training
    from lab.sleep.packing import Encoded, sequences, shared_length
    from lab.sleep.training import padded_logits, summed_loss, total_steps, train

    # Everything is read and judged in the checkpoint's own form.
    settings = {
        "ours": LESSONS.anew(),
        "unanchored": replace(LESSONS.anew(), anchor_weight=0.0),
        "trainer": replace(PUBLISHED, form=None),
    }[side]
    learner = load_for_training(plan(settings), Path())
    network, device = learner.network, learner.device

    @torch.no_grad()
    def loss(rows: Sequence[Encoded]) -> float:
        network.eval()
        total = sum(float(summed_loss(*padded_logits(network, [row], device))) for row in rows)
        return total / sum(len(row.ids) - row.answer_start for row in rows)

    computed = 0

    def read(
        model: torch.nn.Module, batch: Sequence[Encoded], device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal computed
        for rows in sequences(batch):
            # As `packing.pack` has it.
            shared = shared_length([row.ids[:-1] for row in rows])
            computed += sum(len(row.ids) for row in rows) - shared * (len(rows) - 1)
        return learner.read(model, batch, device)

    network.eval()
    judge = load_for_training(plan(LESSONS), Path())
    prompts = [judge.encode_question(question) for question in GENERAL[:JUDGED]]
    written = learner.replies(prompts, anchors.ANSWER_TOKENS, bool)
    general = [Encoded((*prompt, *answer), len(prompt)) for prompt, answer in zip(prompts, written)]
    held_out = judge.encode(examples((UNSEEN,)))
    del judge
    before, usual = loss(held_out), loss(general)
    data = learner.encode(examples(TRAINED))
    curve: list[tuple[float, float]] = []
    began = time.perf_counter()
    if side == "trainer":
        _with_the_trainer(learner, data, settings)
        tokens = computed = settings.epochs * sum(len(row.ids) for row in data)
        steps, epochs = -(-len(data) // settings.accumulation) * settings.epochs, settings.epochs
    else:
        # Nobody stops it: bool() is false.
        held = learner.anchors(PROMPTS, BESIDE, (), bool, total_steps([data] * settings.epochs, settings))
        run = train(network, [data] * settings.epochs, settings, device, bool, read, held)
        tokens = steps = epochs = 0
        for step in run:
            tokens += step.tokens
            steps, epochs = step.step, step.epoch
            stepped = time.perf_counter()
            curve.append((stepped - began, loss(held_out)))
            network.train()
            # Judging is no part of training.
            began += time.perf_counter() - stepped
    seconds = time.perf_counter() - began
    return {
        "tokens_per_s": tokens / seconds,
        "computed_per_s": computed / seconds,
        "seconds": seconds,
        "steps": steps,
        "epochs": epochs,
        "loss_before": before,
        "loss_after": loss(held_out),
        "drift_bits_per_token": (loss(general) - usual) / math.log(2),
        "curve": curve,
    }


def _with_the_trainer(learner: Any, data: Sequence[Any], settings: SleepSettings) -> None:
    """As published: batches of one, accumulated by four, the loss over the whole text."""
    import torch
    import transformers

    rows = [{"input_ids": torch.tensor(e.ids), "labels": torch.tensor(e.ids)} for e in data]
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            gradient_accumulation_steps=settings.accumulation,
            learning_rate=settings.learning_rate,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
            use_cpu=True,
            seed=settings.seed,
        )
        transformers.Trainer(model=learner.network, args=arguments, train_dataset=rows).train()


def replies() -> list[str]:
    """What the base says to the facts, in this process."""
    use_cores()
    from lab.sleep.lora import load_for_training

    learner = load_for_training(plan(LESSONS), Path())
    prompts = [learner.encode_question(fact.said) for fact in FACTS[:TOLD]]
    return [learner.text(row) for row in learner.replies(prompts, REPLY_TOKENS, bool)]


def published_sleep(said: Sequence[str]) -> None:
    """The published way in this process: augment, load, train, save."""
    use_cores()
    from lab.sleep.lora import load_for_training

    material = [Material(str(at), FACTS[at].said, reply, False, 0.2) for at, reply in enumerate(said)]
    learner = load_for_training(plan(PUBLISHED), Path())
    _with_the_trainer(learner, learner.encode(dream(material)), PUBLISHED)
    with tempfile.TemporaryDirectory() as folder:
        learner.save(Path(folder))


def live(repeats: int) -> dict[str, Any]:
    """Seconds from the key to the adapter, each way, in turn."""
    said = json.loads(_child("--replies"))
    seconds: dict[str, list[float]] = {"ours": [], "published": []}
    for seed in range(repeats):
        with tempfile.TemporaryDirectory() as root:
            night = Nights(Path(root), seed=seed).sleep(FACTS[:TOLD], said)
        seconds["ours"].append(night["seconds"])
        began = time.perf_counter()
        _child("--published", json.dumps(said))
        seconds["published"].append(time.perf_counter() - began)
    ours, published = (median(seconds[way]) for way in ("ours", "published"))
    return {"live_s": ours, "live_published_s": published, "live_ratio": published / ours, "live_n": repeats}


def _child(*arguments: str) -> str:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()[-1]


def measure(repeats: int) -> dict[str, Any]:
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(repeats):
        for side in SIDES:
            runs[side].append(json.loads(_child("--only", side)))
    sides = {
        side: {name: median([run[name] for run in found]) for name in found[0] if name != "curve"} | {"n": len(found)}
        for side, found in runs.items()
    }
    theirs = sides["trainer"]
    equal = median([_seconds_to(theirs["loss_after"], run["curve"]) for run in runs["ours"]])
    return {
        "throughput_vs_trainer": sides["ours"]["tokens_per_s"] / theirs["tokens_per_s"],
        "equal_loss_s": equal,
        "equal_loss_vs_trainer": theirs["seconds"] / equal,
        **sides,
    }


def _seconds_to(loss: float, curve: Sequence[Sequence[float]]) -> float:
    """When the loss had come down to this one; infinite when it never did."""
    return next((seconds for seconds, reached in curve if reached <= loss), math.inf)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--replies", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--published", help=argparse.SUPPRESS)
    arguments = parser.parse_args(given)
    if arguments.only:
        print(json.dumps(one(arguments.only)))
        return
    if arguments.replies:
        print(json.dumps(replies()))
        return
    if arguments.published:
        published_sleep(json.loads(arguments.published))
        print("done")
        return
    result = {"machine": machine(), "commit": commit(), **measure(arguments.repeats), **live(arguments.repeats)}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"machine     {result['machine']}")
    for side in SIDES:
        found = result[side]
        print(
            f"{side:<12}{found['tokens_per_s']:.0f} tokens/s ({found['computed_per_s']:.0f} computed),"
            f" {found['seconds']:.0f} s, {found['steps']:.0f} steps in {found['epochs']:.0f} epochs, held-out loss"
            f" {found['loss_before']:.2f} -> {found['loss_after']:.2f} nats/token, drift"
            f" {found['drift_bits_per_token']:.2f} bits/token (medians of {found['n']})"
        )
    print(f"throughput  {result['throughput_vs_trainer']:.1f} times (budget: 3)")
    print(f"equal loss  {result['equal_loss_s']:.0f} s, {result['equal_loss_vs_trainer']:.1f} times sooner")
    print(
        f"live        {result['live_s']:.0f} s, published {result['live_published_s']:.0f} s:"
        f" {result['live_ratio']:.1f} times (budget: 2)"
    )


if __name__ == "__main__":
    main()
