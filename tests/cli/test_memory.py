"""The commands that go back to an earlier adapter and forget an exchange."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.domain import Material, SleepPlan
from lab.engine.adapters import read_choices
from lab.engine.fingerprint import fingerprint
from lab.journal import queries
from lab.journal.events import AdapterSaved, ExchangeMarked
from lab.journal.record import Record
from lab.journal.sleep_events import SleepStarted
from lab.sleep.cycle import CycleFolder
from lab.sleep.recipes import LESSONS
from tests.cli.conftest import Lab
from tests.cli.test_record import held
from tests.helpers import bare_adapter, bare_checkpoint
from tests.journal.samples import SESSION, cycle, exchange_id, opened, whole_turn

FIRST, SECOND = exchange_id(1), exchange_id(2)
LINE = (("before", None), ("sleep-0001", "before"), ("sleep-0002", "sleep-0001"))


@pytest.fixture
def shelf(record: Record) -> Path:
    """A workspace with adapters of the checkpoints "one", which is set, and "two"."""
    workspace = record.workspace
    for name in ("one", "two"):
        bare_checkpoint(workspace.root / name)
    bare_adapter(workspace.adapters / "old", workspace.root / "one", day=1)
    bare_adapter(workspace.adapters / "new", workspace.root / "one", day=2)
    bare_adapter(workspace.adapters / "other", workspace.root / "two", day=3)
    workspace.config.write_text('[engine]\ncheckpoint = "one"\n')
    return workspace.root


def talked(record: Record) -> None:
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2))
    record.append("sleep-0001", *cycle())
    assert record.sync()


def test_going_back_says_what_answers_and_what_the_next_sleep_continues(record: Record, shelf: Path, lab: Lab) -> None:
    said = lab("rollback", "old")
    assert (said.code, said.err) == (0, "")
    assert said.out == "old answers from now on, and the next sleep continues it.\n"
    said = lab("rollback", "none")
    assert said.out == "one without an adapter answers from now on, and the next sleep continues it.\n"
    said = lab("rollback", "other", "--checkpoint", "two")
    assert said.out.startswith("other answers from now on")
    record.sync()
    one, two = fingerprint(shelf / "one"), fingerprint(shelf / "two")
    choices = queries.adapter_choices(record)
    assert {weights: adapter for weights, (adapter, _) in choices.items()} == {one: None, two: "other"}
    kept = read_choices(record.workspace.adapters)
    assert {weights: choice.adapter for weights, choice in kept.items()} == {one: None, two: "other"}


def test_a_recipe_that_starts_anew_and_a_setting_that_goes_before_are_said(
    record: Record, shelf: Path, lab: Lab
) -> None:
    record.workspace.config.write_text('[engine]\ncheckpoint = "one"\nadapter = "new"\n[sleep]\nrecipe = "published"\n')
    said = lab("rollback", "old")
    assert said.out == "old answers from now on, and a sleep starts from the checkpoint as ever.\n"
    assert 'engine.adapter is "new"' in said.err and "goes before this choice" in said.err


def test_what_cannot_be_gone_back_to_is_one_sentence_with_its_remedy(record: Record, shelf: Path, lab: Lab) -> None:
    for wanted, words in (
        ("nobody", "Those trained on one are: old, new."),
        ("newest", 'There is no adapter "newest"'),
        ("other", "Name the checkpoint that it was trained on with --checkpoint"),
        ("../one", "There is no adapter"),
    ):
        said = lab("rollback", wanted)
        assert said.code == 1 and words in said.err, said.err
    assert lab("rollback", "old", "--checkpoint", "nothing-like-it").code == 1
    assert lab("--workspace", str(shelf / "nowhere"), "rollback", "old").code == 1
    assert not (shelf / "nowhere").exists()


def test_going_back_loads_no_torch(shelf: Path) -> None:
    program = (
        "import sys\nfrom lab.cli import main\nassert main(['rollback', 'old']) == 0\nprint('torch' in sys.modules)"
    )
    root = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert done.stdout.endswith("False\n")


def test_forgetting_excludes_and_names_the_adapters_that_learnt_it(record: Record, lab: Lab) -> None:
    talked(record)
    said = lab("forget", FIRST)
    assert said.out == (
        f"{FIRST} is excluded: no sleep learns from it again.\n"
        "sleep-0001 learnt from it: lab sleep --deep makes the model forget it.\n"
    )
    assert lab("forget", SECOND).out.endswith("No adapter has learnt from it.\n")
    assert record.query("SELECT DISTINCT mark FROM exchanges").rows == [("excluded",)]


def test_a_sleep_that_is_learning_it_now_is_named(record: Record, lab: Lab) -> None:
    talked(record)
    other, now = "sleep-0002", "sleep-0003"
    for name, of in ((other, SECOND), (now, FIRST)):
        material = [Material(of, "My dog is called Rex.", "Thank you.", False, 0.5)]
        record.journal.path(name).parent.mkdir()
        plan = SleepPlan(name, "tiny", "f" * 64, "", None, "cpu", "auto", name, None, (of,), LESSONS)
        CycleFolder(record.workspace.sessions, name).write(plan, material, [])
        with record.journal.own(name):
            record.append(name, SleepStarted(name, "tiny", None, 1, 1, 1, 1, 8, 1e-3, "lessons"))
            said = lab("forget", FIRST).out
        assert (f"{name} is running and was begun with it: lab sleep --stop" in said) == (name == now)


def test_where_a_deep_sleep_would_be_refused_forgetting_names_what_to_go_back_to(record: Record, lab: Lab) -> None:
    talked(record)
    saved = [AdapterSaved(name, "tiny", "f" * 64, parent, name, name, "0" * 64, 10) for name, parent in LINE]
    record.append("sleep-0001", *saved)
    record.append("sleep-0002", *cycle("sleep-0002", used=SECOND))
    assert record.sync()
    deep = "lab sleep --deep makes the model forget it."
    assert f"sleep-0001, sleep-0002 learnt from it: {deep}" in lab("forget", FIRST).out
    # Nothing else is remembered now, and nothing else was said.
    refused = "makes the model forget it. A deep sleep would be refused.\n"
    assert lab("forget", SECOND).out.endswith(f"sleep-0002 learnt from it: lab rollback sleep-0001 {refused}")
    assert lab("mark", SECOND, "none").code == 0
    record.workspace.config.write_text('[sleep]\nrecipe = "answers"\n')
    assert lab("forget", FIRST).out.endswith(f"sleep-0001, sleep-0002 learnt from it: lab rollback before {refused}")


def test_forgetting_leaves_the_dialogue_its_answer(record: Record, lab: Lab) -> None:
    talked(record)
    record.append(SESSION, ExchangeMarked(FIRST, "edited", "A better one."))
    record.append(SESSION, ExchangeMarked(SECOND, "kept", "draft 0 of turn 2", 0))
    assert lab("forget", FIRST).code == lab("forget", SECOND).code == 0
    record.sync()
    rows = record.query("SELECT mark, target, kept_iteration FROM exchanges ORDER BY turn").rows
    assert rows == [("excluded", "A better one.", None), ("excluded", "draft 0 of turn 2", 0)]


def test_while_another_program_holds_the_database_an_exchange_is_forgotten_but_not_purged(
    record: Record, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    talked(record)
    monkeypatch.setattr("lab.journal.record._READ_SECONDS", 0.3)
    with held(record):
        said = lab("forget", FIRST)
        assert said.code == 0 and "sleep-0001 learnt from it" in said.out
        said = lab("forget", FIRST, "--purge", "--yes")
        assert said.code == 1 and "Another program holds" in said.err
    record.sync()
    assert record.query("SELECT mark, user_input FROM exchanges WHERE turn = 1").rows == [("excluded", "Who are you?")]


def test_a_purge_asks_for_the_id(record: Record, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    talked(record)
    for typed in ("", "yes\n", f"{FIRST[:-1]}\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        said = lab("forget", FIRST, "--purge")
        assert said.code == 1 and "Type its id to go on:" in said.out and "Nothing was removed" in said.err
    assert record.query("SELECT user_input FROM exchanges WHERE turn = 1").rows == [("Who are you?",)]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{FIRST}\n"))
    said = lab("forget", FIRST, "--purge")
    assert said.code == 0
    assert f"{FIRST} is purged: its text is gone from its dialogue, sleep-0001 and the database." in said.out
    assert "Backups, exports and what was said elsewhere still have theirs." in said.out
    assert "sleep-0001 learnt from it: lab sleep --deep makes the model forget it." in said.out
    again = Record(record.workspace)
    assert again.query("SELECT user_input, response, mark FROM exchanges ORDER BY turn").rows == [
        ("", "", "excluded"),
        ("Who are you?", "A model.", None),
    ]
    assert "It was purged before." in lab("forget", FIRST, "--purge", "--yes").out


def test_what_cannot_be_forgotten_is_one_sentence_with_its_remedy(record: Record, lab: Lab) -> None:
    talked(record)
    assert 'There is no exchange "nobody"' in lab("forget", "nobody").err
    assert "Several exchanges begin with" in lab("forget", SESSION, "--purge", "--yes").err
    assert "The id is empty." in lab("forget", "").err
    assert "only --purge asks" in lab("forget", FIRST, "--yes").err
    assert record.query("SELECT DISTINCT mark FROM exchanges").rows == [(None,)]
