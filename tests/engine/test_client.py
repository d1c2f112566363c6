"""What the lab's side does when the engine process dies, is deaf, or talks nonsense."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lab.domain import Message, Progress, Prompt, RowFinished, RowGrew, Sampling
from lab.engine.client import ProcessEngine
from lab.engine.protocol import decode, encode
from lab.errors import EngineDied, LabError
from tests.engine.conftest import SCRIPTED, SETTINGS
from tests.helpers import wait_until

Start = Callable[..., ProcessEngine]
QUESTION = Prompt((Message("user", "Are you there?"),), "chat")


def gone(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def ask(engine: ProcessEngine, text: str = "Are you there?", rows: int = 1) -> list[RowFinished]:
    prompt = Prompt((Message("user", text),), "chat")
    events = engine.generate(prompt, [Sampling(0.7, seed) for seed in range(rows)], 200)
    return [event for event in events if isinstance(event, RowFinished)]


def test_a_killed_engine_is_named_and_a_fresh_start_works(scripted: Start) -> None:
    engine = scripted("--pace", 20)
    stream = engine.generate(QUESTION, [Sampling(0.7, 1)], 200)
    next(stream)
    assert engine.process_id is not None
    os.kill(engine.process_id, signal.SIGKILL)
    with pytest.raises(EngineDied) as died:
        list(stream)
    assert "signal 9" in died.value.title
    assert not engine.alive()
    assert engine.loaded is None
    engine.start()
    engine.load(SCRIPTED)
    assert engine.alive()
    assert next(iter(engine.generate(QUESTION, [Sampling(0.7, 1)], 5)))


def test_every_waiting_call_hears_of_the_death(scripted: Start) -> None:
    engine = scripted("--stall", 60)
    faults: list[LabError] = []

    def wait(call: Callable[[], object]) -> None:
        try:
            call()
        except LabError as fault:
            faults.append(fault)

    calls = [lambda: ask(engine), lambda: engine.count(QUESTION), lambda: engine.activate(None)]
    threads = [threading.Thread(target=wait, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    assert engine.process_id is not None
    os.kill(engine.process_id, signal.SIGKILL)
    for thread in threads:
        thread.join(10)
    assert [type(fault) for fault in faults] == [EngineDied] * 3
    with pytest.raises(EngineDied):
        engine.count(QUESTION)


def test_the_last_words_and_the_log_file_are_named(scripted: Start, tmp_path: Path) -> None:
    engine = scripted("--die-on", "boom")
    with pytest.raises(EngineDied) as died:
        ask(engine, "boom")
    assert "dying as asked" in died.value.title
    assert str(tmp_path / "engine-0.log") in died.value.remedy


def test_a_log_that_was_begun_anew_has_the_last_words(
    scripted: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.engine.child._LOG_BYTES", 1000)
    (tmp_path / "engine-0.log").write_bytes(b"x" * 2000)
    with pytest.raises(EngineDied, match="dying as asked"):
        ask(scripted("--die-on", "boom"), "boom")


def test_drafts_before_the_death_have_arrived(scripted: Start) -> None:
    engine = scripted("--die-at-token", 3, "--die-in-row", 2)
    finished = []
    with pytest.raises(EngineDied):
        for event in engine.generate(QUESTION, [Sampling(0.7, seed) for seed in range(5)], 200):
            if isinstance(event, RowFinished):
                finished.append(event)
    assert [event.row for event in finished] == [0, 1]


def test_dying_while_loading_is_told_like_any_death(scripted: Start) -> None:
    engine = scripted("--die-loading", load=False)
    with pytest.raises(EngineDied):
        engine.load(SCRIPTED)


def test_a_failed_load_leaves_no_checkpoint_and_a_living_engine(scripted: Start) -> None:
    engine = scripted("--fail-load", "the file is damaged", load=False)
    with pytest.raises(LabError, match="the file is damaged"):
        engine.load(SCRIPTED)
    assert engine.loaded is None
    assert engine.alive()
    with pytest.raises(LabError, match="No checkpoint is loaded"):
        engine.count(QUESTION)


def test_memory_is_told_while_a_draft_is_written(scripted: Start) -> None:
    engine = scripted("--stall", 60)
    stream = engine.generate(QUESTION, [Sampling(0.7, 1)], 200)
    next(stream)
    assert engine.memory("writing").rss_bytes > 0


def test_loading_reports_progress(scripted: Start) -> None:
    engine = scripted("--load-seconds", 0.2, load=False)
    seen: list[Progress] = []
    engine.load(SCRIPTED, seen.append)
    fractions = [progress.fraction for progress in seen]
    assert len(seen) > 2
    assert fractions == sorted(fraction or 0.0 for fraction in fractions)
    assert fractions[-1] == 1.0


def test_a_cancel_returns_while_the_child_is_deaf(scripted: Start) -> None:
    engine = scripted("--stall", 60)
    cancel = threading.Event()
    events: list[object] = []
    rows = [Sampling(0.7, 1)] * 3
    reader = threading.Thread(target=lambda: events.extend(engine.generate(QUESTION, rows, 200, cancel)), daemon=True)
    reader.start()
    cancel.set()
    wait_until(lambda: not reader.is_alive(), 20)
    assert engine.alive()
    finished = [event for event in events if isinstance(event, RowFinished)]
    assert [(event.row, event.text, event.finish) for event in finished] in ([], [(0, "", "cancelled")])


def test_a_draft_that_nobody_reads_any_more_is_cancelled(scripted: Start) -> None:
    engine = scripted("--pace", 5, "--words", 500)
    stream = engine.generate(QUESTION, [Sampling(0.7, 1)] * 5, 500)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    counter = threading.Thread(target=lambda: engine.count(QUESTION), daemon=True)
    counter.start()
    wait_until(lambda: not counter.is_alive(), 20)


def test_what_a_deaf_child_had_said_is_kept(scripted: Start) -> None:
    engine = scripted("--pace", 20)
    assert engine.process_id is not None
    cancel = threading.Event()
    events = []
    for event in engine.generate(QUESTION, [Sampling(0.7, 1)], 200, cancel):
        events.append(event)
        if isinstance(event, RowGrew) and event.tokens == 3:
            os.kill(engine.process_id, signal.SIGSTOP)
            cancel.set()
    os.kill(engine.process_id, signal.SIGCONT)
    last = events[-1]
    assert isinstance(last, RowFinished)
    assert last.finish == "cancelled"
    assert last.text == "".join(event.text for event in events if isinstance(event, RowGrew)) != ""


def test_late_words_of_an_abandoned_draft_reach_nobody(scripted: Start) -> None:
    engine = scripted("--stall", 0.6)
    cancel = threading.Event()
    cancel.set()
    list(engine.generate(QUESTION, [Sampling(0.7, 1)], 200, cancel))
    [draft] = ask(engine)
    assert draft.finish == "stop"
    assert draft.text


def test_a_reply_that_is_no_json_ends_the_child_and_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    engine = ProcessEngine([sys.executable, "-c", "input(); print('hello', flush=True); input()"], log, SETTINGS)
    engine.start()
    with pytest.raises(EngineDied):
        engine.count(QUESTION)
    assert "hello" in log.read_text()
    engine.close()


@pytest.mark.parametrize(
    "reply",
    [
        b'{"say": "done"}',
        b'{"id": 1}',
        b'{"id": 1, "say": "done", "memory": 3}',
        b'{"id": 1, "say": "done", "memory": [{"process": "engine"}]}',
        b'{"id": 1, "say": "done", "result": "many"}',
    ],
)
def test_a_reply_that_is_not_whole_ends_the_child_in_one_sentence(tmp_path: Path, reply: bytes) -> None:
    log = tmp_path / "engine.log"
    program = f"input(); print({reply.decode()!r}, flush=True); input()"
    engine = ProcessEngine([sys.executable, "-c", program], log, SETTINGS)
    engine.start()
    with pytest.raises(EngineDied, match="broke the protocol"):
        engine.count(QUESTION)
    assert "broke the protocol" in log.read_text()
    assert not engine.alive()


@pytest.mark.parametrize("event", ['"say": "row_grew", "row": 4, "text": "a", "tokens": 1', '"say": "row_started"'])
def test_an_event_of_a_row_that_there_is_not_ends_the_child_in_one_sentence(tmp_path: Path, event: str) -> None:
    program = f"input(); print('{{\"id\": 1, {event}}}', flush=True); input()"
    engine = ProcessEngine([sys.executable, "-c", program], tmp_path / "engine.log", SETTINGS)
    engine.start()
    with pytest.raises(EngineDied, match="broke the protocol"):
        list(engine.generate(QUESTION, [Sampling(0.7, 1)], 200))


def test_a_child_that_cannot_begin_tells_its_fault_without_a_traceback(tmp_path: Path) -> None:
    engine = ProcessEngine([sys.executable, "-c", "raise RuntimeError('no such thing')"], tmp_path / "log", SETTINGS)
    engine.start()
    with pytest.raises(EngineDied) as died:
        engine.count(QUESTION)
    assert died.value.title == "The engine ended with exit code 1; its last words: RuntimeError: no such thing."
    assert "Traceback" in (tmp_path / "log").read_text()


_PREPARED = """
import threading
from lab.domain import Loaded
from lab.engine.serving import serve

asked, prepared = threading.Event(), []

def prepare():
    asked.wait()
    {prepare}

class Host:
    def count(self, prompt):
        return 1
    def load(self, checkpoint, options, progress):
        return Loaded(*["x"] * 3, 1, 1, *["x"] * 4, 0.0, kernels=f"{{prepared}}")
    def vram_bytes(self):
        if threading.current_thread().name == "requests":
            asked.set()

serve(Host(), prepare)
"""


@pytest.mark.parametrize(("prepare", "kernels"), [("prepared.append('done')", "['done']"), ("1 / 0", "[]")])
def test_an_engine_prepares_beside_its_first_requests_and_loads_after_that(
    tmp_path: Path, prepare: str, kernels: str
) -> None:
    program = _PREPARED.format(prepare=prepare)
    engine = ProcessEngine([sys.executable, "-c", program], tmp_path / "engine.log", SETTINGS)
    engine.start()
    assert engine.count(QUESTION) == 1
    stages: list[str] = []

    def report(progress: Progress) -> None:
        stages.append(progress.stage)
        # What it waits for: it goes on preparing until then.
        engine.memory("waiting")

    assert engine.load(SCRIPTED, report).kernels == kernels
    assert stages == ["Starting the engine"]
    engine.close()


def test_a_request_that_is_no_json_ends_the_child_cleanly() -> None:
    for line in (b"nonsense\n", b"[1, 2]\n", b'{"do": "count"}\n'):
        ended = subprocess.run(
            [sys.executable, "-m", "lab.engine.scripted"], input=line, capture_output=True, timeout=30, check=False
        )
        assert ended.returncode == 2
        assert ended.stdout == b""
        assert b"ended by a bad request" in ended.stderr
        assert b"Traceback" not in ended.stderr


def test_a_fault_in_the_thread_that_hears_requests_ends_the_child() -> None:
    program = (
        "from lab.engine.serving import serve\n"
        "class Host:\n"
        "    def vram_bytes(self):\n"
        "        raise RuntimeError('the card is gone')\n"
        "serve(Host())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None and child.stderr is not None
        child.stdin.write(b'{"id": 1, "do": "memory", "event": "asked"}\n')
        child.stdin.flush()
        # Its input stays open: it ends by itself.
        try:
            assert child.wait(timeout=30) == 2
        finally:
            child.kill()
        assert b"RuntimeError: the card is gone" in child.stderr.read()


def test_an_unknown_request_is_an_error_and_the_child_lives() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "lab.engine.scripted"],
        input=b'{"id": 1, "do": "dance"}\n',
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0


def test_what_a_library_prints_never_reaches_the_lab() -> None:
    program = (
        "import os\nfrom lab.engine.serving import serve\n"
        "class Host:\n"
        "    def count(self, prompt):\n"
        "        print('printed', flush=True); os.write(1, b'from native code\\n'); return 3\n"
        "serve(Host())\n"
    )
    request = encode({"id": 1, "do": "count", "prompt": QUESTION})
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    child.stdin.write(request)
    child.stdin.flush()
    assert decode(child.stdout.readline()) == {"id": 1, "say": "done", "result": 3, "memory": []}
    said, noise = child.communicate(timeout=30)
    assert said == b""
    assert b"printed" in noise
    assert b"from native code" in noise


def test_closing_ends_the_child_and_a_second_close_is_quiet(scripted: Start) -> None:
    engine = scripted()
    process_id = engine.process_id
    engine.close()
    engine.close()
    assert process_id is not None
    assert gone(process_id)
    with pytest.raises(EngineDied, match="closed"):
        engine.count(QUESTION)


def test_a_deaf_child_is_ended_by_closing(scripted: Start) -> None:
    engine = scripted("--stall", 60)
    process_id = engine.process_id
    stream = engine.generate(QUESTION, [Sampling(0.7, 1)], 200)
    next(stream)
    engine.close()
    assert process_id is not None
    assert gone(process_id)
    with pytest.raises(EngineDied):
        list(stream)


def test_a_frozen_child_is_ended_by_closing(scripted: Start) -> None:
    engine = scripted()
    assert engine.process_id is not None
    os.kill(engine.process_id, signal.SIGSTOP)
    engine.close()
    assert gone(engine.process_id)


def test_a_killed_lab_leaves_no_orphan(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from lab.engine.client import ProcessEngine\n"
        "from tests.engine.conftest import SCRIPTED, SETTINGS; from tests.engine.test_client import QUESTION\n"
        "from lab.domain import Sampling\n"
        "engine = ProcessEngine([sys.executable, '-m', 'lab.engine.scripted', '--stall', '60'],"
        " Path(sys.argv[1]), SETTINGS)\n"
        "engine.start(); engine.load(SCRIPTED); print(engine.process_id, flush=True)\n"
        "list(engine.generate(QUESTION, [Sampling(0.7, 1)], 200))\n"
    )
    lab = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    assert lab.stdout is not None
    child = int(lab.stdout.readline())
    lab.kill()
    lab.wait()
    lab.stdout.close()
    wait_until(lambda: gone(child))


def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    engine = ProcessEngine(["/no/such/program"], tmp_path / "log", SETTINGS)
    with pytest.raises(LabError, match="/no/such/program"):
        engine.start()
    with pytest.raises(EngineDied):
        engine.count(QUESTION)


def test_answers_come_from_a_file_one_a_seed(scripted: Start, tmp_path: Path) -> None:
    answers = tmp_path / "answers.txt"
    answers.write_text("First **answer**.\n---\nSecond answer.\n", encoding="utf-8")
    engine = scripted("--answers", answers)
    assert [draft.text for draft in ask(engine, rows=3)] == ["First **answer**.", "Second answer.", "First **answer**."]


def test_escape_codes_arrive_as_they_were_said(scripted: Start) -> None:
    [draft] = ask(scripted("--escape-codes"))
    assert "\x1b[31m" in draft.text


def test_a_pace_lets_text_arrive_in_pieces(scripted: Start) -> None:
    engine = scripted("--pace", 100)
    events = list(engine.generate(QUESTION, [Sampling(0.7, 1)], 8))
    assert sum(isinstance(event, RowGrew) for event in events) == 8
