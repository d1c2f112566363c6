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
from lab.engine.adapters import CHOSEN, MANIFEST
from lab.engine.client import ProcessEngine
from lab.engine.fetch import Cancelled
from lab.engine.fingerprint import fingerprint
from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import now
from lab.journal.sleep_events import SleepStarted
from lab.lab import Lab
from lab.settings import Workspace
from tests.helpers import bare_adapter, bare_checkpoint, wait_until
from tests.journal.samples import said, start_child

HELD = """
import duckdb
connection = duckdb.connect(ARGUMENTS[0])
print("held", flush=True)
input()
"""


class Bench:
    """A workspace with the checkpoints "one" and "two", adapters for them, and labs that are closed at the end."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.labs: list[Lab] = []
        for name in ("one", "two"):
            bare_checkpoint(root / name)

    def adapter(self, name: str, checkpoint: str, day: int = 1) -> Path:
        return bare_adapter(self.workspace.adapters / name, self.workspace.root / checkpoint, day)

    def lab(self, *options: str, checkpoint: str = "one", adapter: str | None = None, settings: str = "") -> Lab:
        self.workspace.config.write_text(settings)
        command = [sys.executable, "-m", "lab.engine.scripted", "--words", "8", *options]
        lab = Lab(self.workspace, checkpoint=checkpoint, adapter=adapter, engine_command=command)
        self.labs.append(lab)
        lab.open()
        lab.start_engine(quiet, threading.Event())
        return lab

    def closed(self) -> Lab:
        """An open lab without an engine, as the command line has it."""
        lab = Lab(self.workspace, checkpoint="one")
        self.labs.append(lab)
        lab.open()
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


def test_the_window_of_the_new_checkpoint_is_respected(bench: Bench) -> None:
    bare_checkpoint(bench.workspace.root / "narrow", context=260)
    lab = bench.lab(settings="[refinement]\nmax_tokens = 200\n")
    conversation = lab.converse(new=True)
    for number in range(6):
        ask(conversation, f"Question number {number}, and some more words to fill the window with?")
    wide = ask(conversation, "And what of all that do you remember?")
    change(lab, "narrow")
    narrow = ask(conversation, "And what of all that do you remember?")
    assert narrow.prompt_tokens is not None and wide.prompt_tokens is not None
    assert narrow.prompt_tokens + 200 <= 260 < wide.prompt_tokens + 200


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


def test_an_adapter_folder_brings_its_checkpoint_along_and_is_active_on_it(bench: Bench) -> None:
    bench.adapter("newer", "two", day=9)
    folder = bench.adapter("brought", "two", day=1)
    outside = bench.workspace.root / "elsewhere"
    folder.rename(outside)
    lab = bench.lab()
    change(lab, str(outside))
    assert answers(lab) == ("two", "elsewhere")
    lab.engine.close()
    lab.start_engine(quiet, threading.Event())
    assert answers(lab) == ("two", "elsewhere")
    change(lab, None, "none")
    assert answers(lab) == ("two", None)


def test_a_sleep_says_that_it_cannot_continue_an_adapter_from_elsewhere(bench: Bench) -> None:
    outside = bench.workspace.root / "elsewhere"
    bench.adapter("brought", "two").rename(outside)
    lab = bench.lab(checkpoint=str(outside), settings='[sleep]\nexchanges = "all"\n')
    ask(lab.converse(new=True), "Who are you?")
    with pytest.raises(LabError, match="Copy its folder there"):
        lab.sleep.start()


def test_everything_that_can_answer_is_offered_what_is_here_first(bench: Bench) -> None:
    bench.adapter("old", "one", day=1)
    bench.adapter("new", "one", day=2)
    bench.adapter("other", "two")
    lab = bench.lab(adapter="old")
    change(lab, "two")
    change(lab, "one", "old")
    listed = lab.offers()
    by_name = {offer.checkpoint.name: offer for offer in listed.offers}
    assert [adapter.name for adapter in by_name["one"].adapters] == ["new", "old"]
    assert [adapter.name for adapter in by_name["two"].adapters] == ["other"]
    assert (by_name["one"].active, by_name["two"].active, listed.active_adapter) == (True, False, "old")
    assert listed.resident == {"old"}
    assert (by_name["one"].checkpoint.form, by_name["two"].checkpoint.form) == ("chat", None)
    assert listed.offers[0].checkpoint.source == "embedded"
    here = [offer.checkpoint.ready for offer in listed.offers[1:]]
    assert here == sorted(here, reverse=True)
    known = by_name["qwen2.5-0.5b"]
    assert known.download_bytes is not None and 900e6 < known.download_bytes < 1100e6


def test_what_does_not_fit_into_memory_is_refused_before_anything_is_fetched_or_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.engine.offers.free_bytes", lambda: 2 * 2**30)
    bench.workspace.config.write_text('[engine]\ndevice = "cpu"\ndtype = "float32"\n')
    for checkpoint, words in (("qwen2.5-7b", "2.0 GiB of memory are free"), ("qwen2.5-0.5b", 'dtype = "bfloat16"')):
        lab = Lab(bench.workspace, checkpoint=checkpoint)
        bench.labs.append(lab)
        lab.open()
        with pytest.raises(LabError, match=words):
            lab.start_engine(quiet, threading.Event())
        assert lab.engine.loaded is None and not lab.engine.alive()
    refused = next(offer for offer in lab.offers().offers if offer.checkpoint.name == "qwen2.5-7b")
    assert refused.too_large and "2.0 GiB of memory are free" in refused.refusal


def test_a_smaller_dtype_is_taken_and_told_where_the_settings_leave_it_open(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab.engine import catalogue
    from lab.engine.estimate import PROMPT_TOKENS, ROWS, estimate
    from tests.tiny import make_checkpoint

    folder = make_checkpoint(bench.workspace.root / "tiny")
    found = estimate(catalogue.resolve(str(folder), bench.workspace), "bfloat16", PROMPT_TOKENS, ROWS)
    assert found is not None
    # A machine that computes in float32 by itself and has room for half of it.
    monkeypatch.setattr("lab.engine.estimate.native_bfloat16", lambda: False)
    monkeypatch.setattr("lab.engine.offers.free_bytes", lambda: found.total_bytes + 1)
    bench.workspace.config.write_text('[engine]\ndevice = "cpu"\n')
    lab = Lab(bench.workspace, checkpoint=str(folder))
    bench.labs.append(lab)
    # It says what it was asked to load in, whatever the machine would do by itself.
    scripted = [sys.executable, "-m", "lab.engine.scripted"]
    lab._engine = ProcessEngine(scripted, bench.workspace.logs / "engine.log", lab.settings.engine)
    lab.open()
    assert lab.start_engine(quiet, threading.Event()).dtype == "bfloat16"
    assert lab.notices[-1].endswith("It is loaded in bfloat16.")


def test_it_is_told_that_a_part_stays_beside_the_gpu(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.tiny import make_checkpoint

    folder = make_checkpoint(bench.workspace.root / "tiny")
    monkeypatch.setattr("lab.engine.offers.free_gpu_bytes", lambda: 1)
    lab = Lab(bench.workspace, checkpoint=str(folder))
    bench.labs.append(lab)
    scripted = [sys.executable, "-m", "lab.engine.scripted"]
    lab._engine = ProcessEngine(scripted, bench.workspace.logs / "engine.log", lab.settings.engine)
    lab.open()
    lab.start_engine(quiet, threading.Event())
    assert any("a part of it stays in memory" in notice for notice in lab.notices)


def later(bench: Bench, name: str, checkpoint: str = "one") -> None:
    """An adapter that a sleep of now would have made."""
    folder = bench.adapter(name, checkpoint)
    manifest = orjson.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest | {"created_at": now().isoformat()}))


def test_after_going_back_a_start_answers_with_the_chosen_one_and_a_sleep_continues_it(bench: Bench) -> None:
    bench.adapter("old", "one", day=1)
    bench.adapter("new", "one", day=2)
    lab = bench.lab()
    lab.roll_back("old")
    assert answers(lab) == ("one", "new"), "what answers is changed by activate"
    assert answers(bench.lab()) == ("one", "old")
    assert bench.closed().sleep._base().adapter == "old"
    lab.roll_back(None)
    assert answers(bench.lab()) == ("one", None)
    assert bench.closed().sleep._base().adapter is None
    # Forward again.
    lab.roll_back("new")
    assert answers(bench.lab()) == ("one", "new")
    lab.roll_back("old")
    later(bench, "newer")
    assert answers(bench.lab()) == ("one", "newer")
    assert bench.closed().sleep._base().adapter == "newer"


def test_nothing_is_gone_back_to_while_a_sleep_runs_which_would_undo_it(bench: Bench) -> None:
    bench.adapter("old", "one", day=1)
    bench.adapter("new", "one", day=2)
    lab = bench.closed()
    lab.record.append("sleep-0001", SleepStarted("sleep-0001", "one", "new", 1, 2, 5, 10, 8, 1e-3, "lessons"))
    words = r"sleep-0001 is running, .* the newest adapter again\. Stop it \(F8, lab sleep --stop\)"
    with lab.record.journal.own("sleep-0001"), pytest.raises(LabError, match=words):
        lab.roll_back("old")
    assert answers(bench.lab()) == ("one", "new")
    lab.roll_back("old")
    assert answers(bench.lab()) == ("one", "old")


def test_going_back_needs_no_engine_and_is_a_row_of_the_record(bench: Bench) -> None:
    bench.adapter("old", "one", day=1)
    bench.adapter("new", "one", day=2)
    lab = bench.closed()
    lab.roll_back("old")
    lab.roll_back(None)
    assert lab.record.sync()
    weights = fingerprint(bench.workspace.root / "one")
    rows = lab.record.query("SELECT fingerprint, adapter FROM adapter_choices ORDER BY rowid").rows
    assert rows == [(weights, "old"), (weights, None)]
    assert not lab.engine.alive()


def test_what_cannot_be_gone_back_to_changes_nothing(bench: Bench) -> None:
    bench.adapter("mine", "one")
    bench.adapter("other", "two")
    lab = bench.closed()
    for wanted, words in (("other", "does not fit the weights of one"), ("nobody", 'no adapter "nobody"')):
        with pytest.raises(LabError, match=words):
            lab.roll_back(wanted)
    assert lab.record.sync() and queries.adapter_choices(lab.record) == {}
    assert not (bench.workspace.adapters / CHOSEN).exists()


@pytest.mark.parametrize("lost", ["removed", "damaged", "older"])
def test_a_choice_that_its_file_lost_is_restored_from_the_record(bench: Bench, lost: str) -> None:
    bench.adapter("old", "one", day=1)
    bench.adapter("new", "one", day=2)
    file = bench.workspace.adapters / CHOSEN
    lab = bench.closed()
    lab.roll_back("new")
    before = file.read_bytes()
    lab.roll_back("old")
    whole = file.read_bytes()
    if lost == "removed":
        file.unlink()
    else:
        file.write_bytes(b"{" if lost == "damaged" else before)
    assert answers(bench.lab()) == ("one", "old")
    assert file.read_bytes() == whole


def test_while_another_program_holds_the_database_a_damaged_choice_is_told_and_the_newest_answers(
    bench: Bench,
) -> None:
    bench.adapter("old", "one", day=1)
    bench.adapter("new", "one", day=2)
    lab = bench.closed()
    lab.roll_back("old")
    # Until what was chosen is applied the database is its own.
    lab.close()
    (bench.workspace.adapters / CHOSEN).write_bytes(b"{")
    child = start_child(HELD, bench.workspace.database)
    try:
        assert said(child) == "held"
        lab = bench.lab()
        assert answers(lab) == ("one", "new")
        change(lab, None)
        told = [notice for notice in lab.notices if CHOSEN in notice]
        assert len(told) == 1 and told[0].endswith("The newest adapter is taken.")
    finally:
        child.kill()
        child.wait()
