"""Any process may be killed at any moment: what was acknowledged stays, and the next start works."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.dialogue.events import TurnFailed, TurnFinished
from lab.engine.client import ProcessEngine
from lab.journal import queries
from lab.lab import Lab
from lab.settings import Workspace

SCRIPTED = [sys.executable, "-m", "lab.engine.scripted"]

# A lab that talks without end and says on its output what it was told is on the disk.
_TALKER = """
import sys, threading
from pathlib import Path
from lab.lab import Lab
from lab.settings import Workspace
from lab.dialogue.events import TurnBegan, TurnFinished
from lab.refinement.irp import DraftScored

lab = Lab(Workspace(Path(sys.argv[1])), engine_command=sys.argv[2:])
lab.open()
lab.start_engine(lambda progress: None, threading.Event())
conversation = lab.converse(new=True)
print("ready", flush=True)
for number in range(1000):
    for event in conversation.take_turn(f"question {number}", threading.Event(), seed=number):
        if isinstance(event, TurnBegan):
            print("turn", event.exchange_id, flush=True)
        elif isinstance(event, DraftScored):
            print("draft", event.draft.iteration, flush=True)
        elif isinstance(event, TurnFinished):
            print("done", event.exchange.exchange_id, flush=True)
"""


@pytest.mark.parametrize("moment", range(4))
def test_a_killed_lab_loses_nothing_that_was_acknowledged(tmp_path: Path, moment: int) -> None:
    after = random.Random(moment).randint(3, 40)
    talker = subprocess.Popen(
        [sys.executable, "-c", _TALKER, str(tmp_path), *SCRIPTED, "--pace", "2000"], stdout=subprocess.PIPE, text=True
    )
    assert talker.stdout is not None
    acknowledged: list[list[str]] = []
    for line in talker.stdout:
        acknowledged.append(line.split())
        if len(acknowledged) == after:
            os.kill(talker.pid, signal.SIGKILL)
    talker.wait()

    lab = Lab(Workspace(tmp_path), engine_command=SCRIPTED)
    lab.open()
    assert lab.record.sync()
    status = dict(lab.record.query("SELECT exchange_id, status FROM exchanges").rows)
    drafts = set(lab.record.query("SELECT exchange_id, iteration FROM drafts").rows)
    current = ""
    for what, *value in acknowledged:
        if what == "turn":
            current = value[0]
            assert current in status
        elif what == "draft":
            assert (current, int(value[0])) in drafts
        elif what == "done":
            assert status[value[0]] == "complete"
    assert "running" not in status.values()
    assert lab.record.faults() == []
    tables = lab.record.query("SELECT * FROM salience_history ORDER BY exchange_id").rows
    lab.record.rebuild()
    assert lab.record.query("SELECT * FROM salience_history ORDER BY exchange_id").rows == tables

    # The next start goes on with the same dialogue.
    lab.start_engine(lambda progress: None, threading.Event())
    conversation = lab.converse()
    assert len(conversation.history) == len(status)
    assert isinstance(list(conversation.take_turn("and now?", threading.Event()))[-1], TurnFinished)
    lab.close()


@pytest.mark.parametrize("moment", range(4))
def test_a_killed_engine_fails_its_turn_and_can_be_started_again(tmp_path: Path, moment: int) -> None:
    lab = Lab(Workspace(tmp_path), engine_command=[*SCRIPTED, "--pace", "300"])
    lab.open()
    lab.start_engine(lambda progress: None, threading.Event())
    conversation = lab.converse(new=True)
    assert isinstance(lab.engine, ProcessEngine)
    kill_at = random.Random(moment).randint(1, 60)
    events = []
    for number, event in enumerate(conversation.take_turn("hello", threading.Event(), seed=moment)):
        events.append(event)
        if number == kill_at:
            assert lab.engine.process_id is not None
            os.kill(lab.engine.process_id, signal.SIGKILL)
    failed = events[-1]
    assert isinstance(failed, TurnFailed)
    assert not lab.engine.alive()
    assert lab.record.sync()
    recorded = queries.exchange(lab.record, failed.exchange.exchange_id)
    assert recorded is not None
    assert (recorded.status, recorded.response) == ("failed", failed.exchange.response)
    assert [draft.text for draft in recorded.drafts] == [draft.text for draft in failed.exchange.drafts]

    lab.start_engine(lambda progress: None, threading.Event())
    assert isinstance(list(conversation.take_turn("hello again", threading.Event()))[-1], TurnFinished)
    lab.close()
