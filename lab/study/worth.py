"""What learning an exchange is worth, measured: a process that trains a little, looks, and goes back; torch lives here.

`python -m lab.study.worth FOLDER TASK`: "known" learns what is repeated and leaves the adapter that everything begins
from; "worth" learns each exchange by itself; "sleeps" learns what each signal would have chosen. The folder has
`items.jsonl` and `choices.json`; each result is a line of `worth.jsonl` or `sleeps.jsonl`, and what is there is not
measured again.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson

from lab.domain import Message, SleepExample, SleepPlan, SleepSettings
from lab.engine.cores import use_cores, yield_cores
from lab.engine.embedded import embedded_folder
from lab.engine.fingerprint import fingerprint
from lab.engine.offline import stay_offline
from lab.settings import EMBEDDED_CHECKPOINT
from lab.sleep.anchors import ANSWER_TOKENS
from lab.sleep.general import PROMPTS
from lab.sleep.lessons import plain
from lab.sleep.lora import Learner, Weights, load_for_training
from lab.sleep.packing import Encoded
from lab.sleep.publish import publish
from lab.sleep.recipes import LESSONS
from lab.sleep.training import train
from lab.study.exchanges import REPETITION
from lab.study.items import CHOICES, ITEMS, KNOWN, SEEDS, SLEEPS, WORTH, Item, append, lines

# A few steps, each on both trained wordings; anchors would hide what is harmed.
_FEW_STEPS: Final = replace(
    LESSONS, batch_size=2, epochs=4, learning_rate=1e-3, anchor_weight=0.0, warmup=0, stop_loss=0.0, turns=0
)
_SLEEP: Final = replace(
    LESSONS, batch_size=8, epochs=6, learning_rate=2e-3, anchor_weight=0.0, warmup=2, stop_loss=0.02, turns=0
)
# As a sleep of the lab learns: a model that answers everything as it was taught one thing is nowhere to begin.
_KNOWN: Final = replace(_SLEEP, epochs=10, anchor_weight=LESSONS.anchor_weight, anchor_rows=6)
_ANCHORS: Final = 36
# General prompts whose answers must not change.
_HELD: Final = 12
_ANSWER_TOKENS: Final = 20


class Bench:
    """A model in the state that everything begins from, to which it goes back before each measurement."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._state: Weights = learner.weights()
        prompts = [learner.encode_question(prompt) for prompt in _some(_HELD)]
        written = learner.base_replies(prompts, ANSWER_TOKENS, bool)
        self._held = [learner.encode_written(prompt, row) for prompt, row in zip(prompts, written)]
        self._held_before = self._nats(self._held)

    def worth(self, item: Item) -> dict[str, float]:
        """What a few steps on this exchange do, in nats a token: `gain` the fall of the loss of its answer to wordings
        that were not trained, `harm` the rise of that of the base's answers to general prompts. Of the trained wordings
        before: their `loss`, and by how much that is lower after the exchange itself (`ratio`)."""
        learner, answer = self._learner, item["target"]
        trained = [learner.encode_answer(learner.encode_question(text), answer) for text in item["train"]]
        unseen = [learner.encode_answer(learner.encode_question(text), answer) for text in item["held_out"]]
        told = (Message("user", item["said"]), Message("assistant", item["reply"]))
        supported = [learner.encode_answer(learner.encode_question(text, *told), answer) for text in item["train"]]
        self._back()
        before, loss, with_source = (self._nats(rows) for rows in (unseen, trained, supported))
        for _ in train(learner.network, [trained] * _FEW_STEPS.epochs, _FEW_STEPS, learner.device, bool, learner.read):
            pass
        return {
            "gain": before - self._nats(unseen),
            "harm": self._nats(self._held) - self._held_before,
            "loss": loss,
            "ratio": loss - with_source,
        }

    def recall(self, items: Sequence[Item], asked: Sequence[Item], seed: int) -> list[bool]:
        """Of each question in an unseen wording whether it is answered rightly after a sleep on these exchanges."""
        learner = self._learner
        self._back()
        settings = replace(_SLEEP, seed=seed)
        rows = learner.encode(_examples(items))
        for _ in train(learner.network, [rows] * settings.epochs, settings, learner.device, bool, learner.read):
            pass
        questions = [(text, item["key"]) for item in asked for text in item["held_out"]]
        prompts = [learner.encode_question(text) for text, _ in questions]
        answers = [learner.text(row) for row in learner.replies(prompts, _ANSWER_TOKENS, bool)]
        return [f" {plain(key)} " in f" {plain(text)} " for (_, key), text in zip(questions, answers)]

    def _back(self) -> None:
        self._learner.blend(self._state, self._state, 0.0)

    def _nats(self, rows: Sequence[Encoded]) -> float:
        return statistics.fmean(self._learner.nats(rows, bool))


def _some(prompts: int) -> tuple[str, ...]:
    """So many general prompts, from all over."""
    return PROMPTS[:: len(PROMPTS) // prompts][:prompts]


def _examples(items: Sequence[Item]) -> list[SleepExample]:
    return [
        SleepExample(str(item["number"]), "original", text, item["target"] or item["answer"])
        for item in items
        for text in item["train"]
    ]


def _plan(parent: str | None, settings: SleepSettings) -> SleepPlan:
    folder = embedded_folder(EMBEDDED_CHECKPOINT)
    return SleepPlan(
        KNOWN, EMBEDDED_CHECKPOINT, fingerprint(folder), str(folder), None, "auto", "auto", KNOWN, parent, (), settings
    )


def _learn_known(folder: Path, items: Sequence[Item]) -> None:
    adapters = folder / "adapters"
    if (adapters / KNOWN).is_dir():
        return
    plan = _plan(None, _KNOWN)
    learner = load_for_training(plan, adapters)
    epochs = [learner.encode(_examples([item for item in items if item["kind"] == REPETITION]))] * _KNOWN.epochs
    anchors = learner.anchors([prompt for prompt in _some(_ANCHORS) if prompt not in _some(_HELD)], (), (), bool)
    losses = [step.loss for step in train(learner.network, epochs, _KNOWN, learner.device, bool, learner.read, anchors)]
    publish(plan, adapters, learner.save, losses, {})


def _end_with_the_study() -> None:
    """Whoever began it keeps standard input open for as long as it wants the results."""
    # Without Python's buffer, whose lock would be held when this process ends by itself.
    while os.read(0, 1024):
        pass
    os._exit(1)


def main(arguments: Sequence[str]) -> int:
    """Do one task of a study."""
    threading.Thread(target=_end_with_the_study, daemon=True).start()
    folder, task = Path(arguments[0]), arguments[1]
    stay_offline()
    use_cores()
    yield_cores()
    items = lines(folder / ITEMS)
    if task == "known":
        _learn_known(folder, items)
        return 0
    bench = Bench(load_for_training(_plan(KNOWN, _SLEEP), folder / "adapters"))
    if task == "worth":
        measured = {line["number"] for line in lines(folder / WORTH)}
        for item in items:
            if item["number"] not in measured:
                append(folder / WORTH, {"number": item["number"], **bench.worth(item)})
        return 0
    done = {(line["signal"], line["seed"]) for line in lines(folder / SLEEPS)}
    asked = [item for item in items if item["key"] is not None]
    for signal, numbers in orjson.loads((folder / CHOICES).read_bytes()).items():
        for seed in range(SEEDS):
            if (signal, seed) not in done:
                chosen = [item for item in items if item["number"] in numbers]
                append(folder / SLEEPS, {"signal": signal, "seed": seed, "right": bench.recall(chosen, asked, seed)})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
