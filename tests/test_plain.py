"""The plain transcript: every state said once, in words and numbers, and nothing that a terminal would obey."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import plain
from lab.domain import Progress
from lab.journal.record import Record
from lab.lab import Lab
from lab.settings import Workspace
from tests.helpers import bare_checkpoint
from tests.tui import sleeper

Talk = Callable[..., str]

# A shell that runs the tests in the background has Ctrl-C ignored, and a child would inherit that.
PROGRAM = """
import signal, sys
from pathlib import Path
from lab import plain
from lab.lab import Lab
from lab.settings import Workspace
signal.signal(signal.SIGINT, signal.default_int_handler)
root = Path(sys.argv[1])
engine = [sys.executable, "-m", "lab.engine.scripted", *sys.argv[2:]]
sys.exit(plain.run(Lab(Workspace(root), checkpoint=str(root / "smollm2-135m"), engine_command=engine)))
"""

# Standard input that gets a Ctrl-C and then blocks, without a step of Python in between that could hear it.
PRESSED = """
import ctypes, functools, itertools, os, signal, sys, types
press = iter(functools.partial(ctypes.CDLL(None).kill, os.getpid(), int(signal.SIGINT)), 0)
readline = functools.partial(next, itertools.chain(press, iter(sys.stdin.readline, "")))
sys.stdin = types.SimpleNamespace(readline=readline, isatty=lambda: False)
"""


@pytest.fixture
def talk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Talk:
    """Says lines to a new lab with the scripted engine, and gives what it said; `code` is how it is to end."""
    bare_checkpoint(tmp_path / "smollm2-135m")

    def talk(*lines: str, engine: tuple[str, ...] = (), code: int = 0, session_id: str | None = None) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        lab = Lab(
            Workspace(tmp_path),
            checkpoint=str(tmp_path / "smollm2-135m"),
            engine_command=[sys.executable, "-m", "lab.engine.scripted", *engine],
            sleeper_command=sleeper.command(),
        )
        capsys.readouterr()
        assert plain.run(lab, session_id=session_id) == code
        shown = capsys.readouterr()
        assert not {"\x1b", "\r", "\x9b"} & set(shown.out + shown.err)
        return shown.out + shown.err

    return talk


def rows(root: Path, query: str) -> list[tuple[object, ...]]:
    record = Record(Workspace(root))
    assert record.sync()
    return record.query(query).rows


def test_a_message_gets_an_answer_with_its_salience_in_numbers(talk: Talk, tmp_path: Path) -> None:
    said = talk("What is truth?", "", "And belief, \\", "and knowledge?")
    lines = said.splitlines()
    assert lines[:3] == ["a new session", "/help lists the commands.", ""]
    assert "you: What is truth?" in lines
    assert "you: And belief, " in lines and lines[lines.index("you: And belief, ") + 1] == "and knowledge?"
    answers = [line for line in lines if line.startswith("answer: ")]
    scores = [line for line in lines if line.startswith("salience: total 0.")]
    assert len(answers) == len(scores) == 2
    assert all("surprise 0." in line and "conflict 0." in line and "salient" in line for line in scores)
    recorded = rows(tmp_path, "SELECT user_input, status FROM exchanges ORDER BY turn")
    assert recorded == [("What is truth?", "complete"), ("And belief, \nand knowledge?", "complete")]


def test_it_goes_on_where_it_was_and_each_state_is_said_once(talk: Talk) -> None:
    assert talk("Hello").count("writing 5 drafts") == 1
    again = talk("Hello again", "/model", engine=("--load-seconds", "2.5"))
    assert again.splitlines()[1].endswith("1 exchange, checkpoint smollm2-135m, adapter none")
    assert again.count("Reading the weights\n") == 1
    told = [line for line in again.splitlines() if line.startswith("Reading the weights: ")]
    assert 1 <= len(told) <= 8 and all(line.endswith("0 %") for line in told)
    assert again.count("answers: smollm2-135m, adapter none") == 2


def test_the_drafts_the_marks_and_the_record_are_at_hand(talk: Talk, tmp_path: Path) -> None:
    said = talk("Hello", "/drafts", "/mark edit Better so.", "/sql SELECT mark, target FROM exchanges", "/help")
    assert "draft 5 of 5, temperature 0.54, energy 0." in said and ", chosen\n" in said
    assert "edited  Better so." in said
    assert "/sleep" in said
    assert rows(tmp_path, "SELECT mark, target FROM exchanges") == [("edited", "Better so.")]
    for word, mark in (("keep", "edited"), ("exclude", "excluded"), ("none", None), ("keep", "kept")):
        talk(f"/mark {word}")
        # The words of the edit stay until they are taken back.
        target = "Better so." if mark in ("edited", "excluded") else None
        assert rows(tmp_path, "SELECT mark, target FROM exchanges") == [(mark, target)]


def test_the_dialogue_goes_on_from_the_answer_as_marked(talk: Talk, tmp_path: Path) -> None:
    # The same answers in both sessions: else the one that is not edited may be as short.
    (tmp_path / "lab.toml").write_text("[refinement]\nseed = 7\n")
    talk("Hello", "Go on", "/mark edit Short.", "And now?", "/new", "Hello", "Go on", "And now?")
    found = rows(tmp_path, "SELECT prompt_tokens, response_tokens FROM exchanges WHERE turn > 1 ORDER BY created_at")
    ((_, answered), (edited, _), (_, again), (plain, _)) = found
    assert isinstance(answered, int) and isinstance(edited, int) and isinstance(again, int) and isinstance(plain, int)
    # Only the one word of the edit stands where the answer was.
    assert answered == again > 40 and edited == plain - answered + 1


def test_sessions_are_listed_resumed_forked_and_begun(talk: Talk, tmp_path: Path) -> None:
    talk("First of all")
    ((first,),) = rows(tmp_path, "SELECT session_id FROM sessions")
    said = talk(
        "/new", "Another one", f"/resume {first}", "Go on", "/fork", "Elsewhere", "/sessions another", "/sessions"
    )
    assert f"a new session, from {first}-0002 on, 2 exchanges before it" in said
    assert "2 exchanges, mean" in said and ": Another one" in said
    found = rows(tmp_path, "SELECT session_id, turn, user_input FROM exchanges ORDER BY created_at")
    assert [(turn, text) for _, turn, text in found] == [
        (1, "First of all"),
        (1, "Another one"),
        (2, "Go on"),
        (3, "Elsewhere"),
    ]
    assert found[0][0] == found[2][0] == first
    assert rows(tmp_path, "SELECT parent_session_id FROM sessions ORDER BY started_at")[-1] == (first,)


def test_a_sleep_says_its_stages_and_its_adapter_answers(talk: Talk, tmp_path: Path) -> None:
    said = talk("What is truth, belief and knowledge, and what do you understand now?", "/mark keep", "/sleep", "And?")
    stages = [line for line in said.splitlines() if line.startswith("sleep: ") and "%" not in line]
    assert stages == ["sleep: loading", "sleep: training", "sleep: saving"]
    assert "slept: sleep-0001, loss" in said and "answers: smollm2-135m, adapter sleep-0001" in said
    assert rows(tmp_path, "SELECT adapter FROM exchanges ORDER BY turn") == [(None,), ("sleep-0001",)]


def test_a_deep_sleep_that_comes_by_itself_says_so(talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text("[sleep]\ndeep_every = 1\n")
    said = talk("My dog is called Rex.", "/mark keep", "/sleep", "My cat is called Tom.", "/mark keep", "/sleep")
    assert said.count("note: sleep-0002 is a deep sleep: ") == said.count(" is a deep sleep: ") == 1


def test_what_fails_is_told_and_the_next_line_is_taken(talk: Talk, tmp_path: Path) -> None:
    wrong = [
        "/nope",
        "/mark keep",
        "/mark foo",
        "/drafts",
        "/resume nope",
        "/resume",
        "/sql SELEC",
        "/fork nope",
        "/sleep",
    ]
    said = talk(*wrong, "Hello", code=1)
    faults = [line for line in said.splitlines() if line.startswith("lab: ")]
    assert len(faults) == len(wrong)
    assert "answer: " in said
    assert rows(tmp_path, "SELECT count(*) FROM exchanges") == [(1,)]


def test_an_engine_that_dies_is_started_again_by_the_next_message(talk: Talk) -> None:
    said = talk("boom", "Hello", engine=("--die-on", "boom"), code=1)
    assert said.count("Reading the weights\n") == 2
    assert said.count("answer: ") == 1


def test_what_a_model_says_is_shown_harmlessly(talk: Talk) -> None:
    assert "\u241b[31mred" in talk("Hello\x1b[2J", "/drafts", engine=("--escape-codes",))


def test_a_hub_id_is_fetched_only_when_it_is_named_twice(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Lab, "change", lambda self, name, *rest: asked.append(name))
    assert "/model someone/model again fetches it" in talk("/model someone/model")
    assert asked == []
    talk("/model someone/model", "/model someone/model")
    assert asked == ["someone/model"]


def test_an_answer_that_takes_its_time_says_that_it_is_being_written(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "writing: " not in talk("Hello")
    monkeypatch.setattr(plain, "_ALIVE_SECONDS", 0.2)
    told = [line for line in talk("Hello", engine=("--pace", "400")).splitlines() if line.startswith("writing: ")]
    assert told and all(line.endswith(" tokens") for line in told)


def test_progress_is_a_line_a_stage_and_one_each_ten_per_cent(capsys: pytest.CaptureFixture[str]) -> None:
    told = plain._Told()
    for step in range(100):
        told(Progress("Fetching", step, 100, "bytes"))
    assert capsys.readouterr().out == "Fetching\n"
    told = plain._Told()
    now = [0.0]
    for step in range(100):
        now[0] += 0.5
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lab.plain.time.monotonic", lambda: now[0])
            told(Progress("Fetching\x1b", step, 100, "bytes"))
    assert capsys.readouterr().out.splitlines() == [
        "Fetching\u241b",
        *(f"Fetching\u241b: {n}0 %" for n in range(1, 10)),
    ]


def started(root: Path, *engine: str, before: str = "") -> subprocess.Popen[str]:
    bare_checkpoint(root / "smollm2-135m")
    return subprocess.Popen(
        [sys.executable, "-u", "-c", before + PROGRAM, str(root), *engine],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )


def until(child: subprocess.Popen[str], text: str) -> list[str]:
    """The lines up to the one that holds the text."""
    assert child.stdout
    lines = []
    for line in child.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"{text!r} was not said: {lines}")


def test_ctrl_c_cancels_the_answer_and_a_second_one_quits(tmp_path: Path) -> None:
    child = started(tmp_path, "--pace", "20", "--side-by-side")
    assert child.stdin
    child.stdin.write("Hello\n")
    child.stdin.flush()
    until(child, "writing 5 drafts")
    child.send_signal(signal.SIGINT)
    until(child, "cancelled.")
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == 0
    assert rows(tmp_path, "SELECT status FROM exchanges") == [("cancelled",)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs an alarm")
def test_ctrl_c_in_the_instant_before_a_line_is_waited_for_is_heard(tmp_path: Path) -> None:
    child = started(tmp_path, before=PRESSED)
    assert child.wait(20) == 0


def test_ctrl_c_ends_an_answer_though_the_engine_hears_nothing(tmp_path: Path) -> None:
    child = started(tmp_path, "--stall", "30")
    assert child.stdin
    child.stdin.write("Hello\n")
    child.stdin.flush()
    until(child, "writing 5 drafts")
    child.send_signal(signal.SIGINT)
    until(child, "cancelled.")
    # The end of the input quits too.
    child.stdin.close()
    assert child.wait(20) == 0
    assert rows(tmp_path, "SELECT status FROM exchanges") == [("cancelled",)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_dumb_terminal_gets_the_transcript_with_a_prompt(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "LAB_WORKSPACE": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, "-m", "lab"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True
    )
    os.close(theirs)
    os.write(ours, b"/nope\n/quit\n")
    said = b""
    while b"/nope. /help lists them." not in said:
        said += os.read(ours, 1000)
    # In a terminal a wrong command is no failure of the whole.
    assert child.wait(20) == 0
    os.close(ours)
    assert b"you: " in said and b"There is no command /nope" in said
    assert b"\x1b" not in said
