"""Changing what answers between two turns: the real lab, its record, and the scripted engine in a child process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from lab.dialogue.conversation import Conversation
from lab.dialogue.events import TurnFinished
from lab.domain import Exchange, Progress
from lab.engine.fetch import Cancelled
from lab.errors import LabError
from lab.lab import Lab
from lab.settings import Workspace
from tests.helpers import wait_until


class Bench:
    """A workspace with the checkpoints "one" and "two", adapters for them, and labs that are closed at the end."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.labs: list[Lab] = []
        self.checkpoint("one")
        self.checkpoint("two")

    def checkpoint(self, name: str, context: int = 4096) -> Path:
        folder = self.workspace.root / name
        folder.mkdir(exist_ok=True)
        # The name makes their weights different ones.
        config = {"model_type": "llama", "max_position_embeddings": context, "name": name}
        (folder / "config.json").write_bytes(orjson.dumps(config))
        (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        return folder

    def adapter(self, name: str, checkpoint: str, day: int = 1) -> Path:
        from lab.engine.adapters import CONFIG, MANIFEST, WEIGHTS, file_sha256
        from lab.engine.fingerprint import fingerprint

        folder = self.workspace.adapters / name
        folder.mkdir(parents=True)
        (folder / WEIGHTS).write_bytes(b"weights of nothing")
        (folder / CONFIG).write_bytes(orjson.dumps({"peft_type": "LORA", "r": 8}))
        manifest = {
            "checkpoint": checkpoint,
            "fingerprint": fingerprint(self.workspace.root / checkpoint),
            "created_at": f"2026-01-{day:02}T00:00:00+00:00",
            "sha256": file_sha256(folder / WEIGHTS),
        }
        (folder / MANIFEST).write_bytes(orjson.dumps(manifest))
        return folder

    def lab(self, *options: str, checkpoint: str = "one", adapter: str | None = None, settings: str = "") -> Lab:
        self.workspace.config.write_text(settings)
        command = [sys.executable, "-m", "lab.engine.scripted", "--words", "8", *options]
        lab = Lab(self.workspace, checkpoint=checkpoint, adapter=adapter, engine_command=command)
        self.labs.append(lab)
        lab.open()
        lab.start_engine(quiet, threading.Event())
        return lab


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    for lab in bench.labs:
        lab.close()


def quiet(progress: Progress) -> None:
    """Nobody looks at the bar."""


def change(lab: Lab, checkpoint: str | None, adapter: str | None = None) -> None:
    lab.change(checkpoint, adapter, quiet, threading.Event())


def answers(lab: Lab) -> tuple[str | None, str | None]:
    """The checkpoint and the adapter that would answer now."""
    return lab.engine.loaded.name if lab.engine.loaded else None, lab.engine.adapter


def ask(conversation: Conversation, text: str) -> Exchange:
    last = list(conversation.take_turn(text, threading.Event()))[-1]
    assert isinstance(last, TurnFinished)
    return last.exchange


def recorded(lab: Lab) -> list[tuple[object, ...]]:
    assert lab.record.sync()
    return lab.record.query("SELECT turn, status, checkpoint, adapter FROM exchanges ORDER BY turn").rows


def test_the_dialogue_goes_on_across_a_change_and_every_exchange_records_what_answered_it(bench: Bench) -> None:
    bench.adapter("learned", "two")
    lab = bench.lab()
    conversation = lab.converse(new=True)
    first = ask(conversation, "Who are you?")
    change(lab, "two")
    second = ask(conversation, "And now?")
    change(lab, None, "none")
    third = ask(conversation, "And now?")
    change(lab, "one")
    ask(conversation, "And again?")
    assert recorded(lab) == [
        (1, "complete", "one", None),
        (2, "complete", "two", "learned"),
        (3, "complete", "two", None),
        (4, "complete", "one", None),
    ]
    # What was said before the change is in the prompt after it.
    assert first.prompt_tokens is not None and second.prompt_tokens is not None and third.prompt_tokens is not None
    assert first.prompt_tokens < second.prompt_tokens < third.prompt_tokens


def test_the_prompt_form_follows_the_checkpoint(bench: Bench, tmp_path: Path) -> None:
    # The published form stops at the next question; a chat does not. "phi-2" is known as a base model.
    said = "It is mine.\nQuestion: and yours?"
    file = tmp_path / "answers.txt"
    file.write_text("\n---\n".join([said] * 5), encoding="utf-8")
    lab = bench.lab("--answers", str(file))
    conversation = lab.converse(new=True)
    assert ask(conversation, "Whose is it?").response == said
    change(lab, "phi-2")
    assert ask(conversation, "Whose is it?").response == "It is mine."


def test_an_adapter_is_changed_without_loading_anything(bench: Bench) -> None:
    bench.adapter("old", "one", day=1)
    bench.adapter("new", "one", day=2)
    lab = bench.lab()
    loaded = lab.engine.loaded
    assert answers(lab) == ("one", "new")
    for wanted, active in (("old", "old"), ("none", None), ("newest", "new")):
        change(lab, None, wanted)
        assert answers(lab) == ("one", active)
    change(lab, "one", "old")
    assert answers(lab) == ("one", "old")
    assert lab.engine.loaded is loaded


def test_an_adapter_of_other_weights_changes_nothing(bench: Bench) -> None:
    bench.adapter("mine", "one")
    bench.adapter("other", "two")
    lab = bench.lab(adapter="mine")
    for name, words in (("other", "was trained on two"), ("missing", 'There is no adapter "missing"')):
        with pytest.raises(LabError, match=words):
            change(lab, None, name)
        assert answers(lab) == ("one", "mine")


@pytest.mark.parametrize(("checkpoint", "adapter"), [("two", None), ("nowhere", None), ("two", "other")])
def test_a_change_that_fails_leaves_what_answered_before(bench: Bench, checkpoint: str, adapter: str | None) -> None:
    bench.adapter("mine", "one")
    bench.adapter("other", "one", day=2)
    lab = bench.lab("--broken", "two" if adapter is None else "none of them", adapter="mine")
    conversation = lab.converse(new=True)
    ask(conversation, "First?")
    with pytest.raises(LabError):
        change(lab, checkpoint, adapter)
    assert answers(lab) == ("one", "mine")
    ask(conversation, "Second?")
    assert [row[2:] for row in recorded(lab)] == [("one", "mine")] * 2


def test_an_engine_that_dies_is_started_again_with_the_same_choice(bench: Bench) -> None:
    bench.adapter("old", "two", day=1)
    bench.adapter("new", "two", day=2)
    lab = bench.lab()
    change(lab, "two", "old")
    lab.engine.close()
    assert answers(lab) == (None, None)
    lab.start_engine(quiet, threading.Event())
    assert answers(lab) == ("two", "old")


def test_a_cancelled_load_brings_the_choice_before_back(bench: Bench) -> None:
    bench.adapter("mine", "one")
    lab = bench.lab("--slow", "two", adapter="mine")
    conversation = lab.converse(new=True)
    ask(conversation, "First?")
    cancel = threading.Event()
    steps: list[Progress] = []

    def progress(step: Progress) -> None:
        steps.append(step)
        cancel.set()

    with pytest.raises(Cancelled):
        lab.change("two", None, progress, cancel)
    assert steps
    assert answers(lab) == ("one", "mine")
    ask(conversation, "Second?")
    assert [row[2:] for row in recorded(lab)] == [("one", "mine")] * 2


def test_a_lab_that_is_closed_while_it_loads_leaves_no_engine(bench: Bench) -> None:
    lab = bench.lab("--slow", "two")
    steps: list[Progress] = []
    faults: list[LabError] = []

    def load() -> None:
        try:
            lab.change("two", None, steps.append, threading.Event())
        except LabError as fault:
            faults.append(fault)

    thread = threading.Thread(target=load)
    thread.start()
    wait_until(lambda: steps)
    lab.close()
    thread.join(10)
    assert not thread.is_alive()
    assert faults
    assert not lab.engine.alive()


def test_a_checkpoint_that_cannot_be_loaded_at_the_start_can_be_changed_for_another(bench: Bench) -> None:
    with pytest.raises(LabError, match="one cannot be loaded"):
        bench.lab("--broken", "one")
    lab = bench.labs[-1]
    change(lab, "two")
    assert answers(lab) == ("two", None)
