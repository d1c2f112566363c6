"""lab sleep with a sleep that runs, whoever began it: show it, let it wait and go on, stop it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import cli
from lab.commands import shared
from lab.lab import Lab
from lab.settings import Workspace
from lab.sleep.cycle import CycleFolder
from tests.helpers import bare_checkpoint, go_among_impostors, wait_until
from tests.sleep.test_service import sleepers, tell
from tests.tui import sleeper

SCRIPTED = [sys.executable, "-m", "lab.engine.scripted"]


BRIEF = ["--steps", "4"]


@pytest.fixture
def pace() -> list[str]:
    """Options of the sleepers that begin from now on: a few seconds, time enough to look at one."""
    return ["--step-seconds", "0.2", "--steps", "40"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pace: list[str]) -> Iterator[Workspace]:
    """A workspace where something was told."""
    checkpoint = str(tmp_path / "smollm2-135m")
    bare_checkpoint(Path(checkpoint))

    class Scripted(Lab):
        def __init__(self, workspace: Workspace, **named: Any) -> None:
            children = {
                "engine_command": SCRIPTED,
                "sleeper_command": sleeper.command(*pace),
                "checkpoint": checkpoint,
            }
            super().__init__(workspace, **named | children)

    monkeypatch.setattr(shared, "Lab", Scripted)
    workspace = Workspace(tmp_path)
    lab = Scripted(workspace)
    lab.open()
    tell(lab, "My dog is called Rex.")
    lab.close()
    yield workspace
    for process in sleepers(workspace, "tests.tui.sleeper"):
        process.kill()


def lab(workspace: Workspace, *arguments: str) -> int:
    return cli.main(["sleep", *arguments, "--workspace", str(workspace.root)])


def test_a_sleep_goes_on_by_itself_and_is_shown_to_its_end(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab(workspace, "--detach") == 0
    assert "sleep-0001 has begun" in capsys.readouterr().out
    assert lab(workspace, "--attach", "--json") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "complete"


def test_a_sleeper_takes_no_file_of_the_current_folder_for_a_library_and_finds_its_workspace(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, pace: list[str]
) -> None:
    pace[:] = BRIEF
    go_among_impostors(workspace.root, monkeypatch)
    # The scripted one of the fixture.
    here = vars(shared)["Lab"](Workspace(Path()))
    here.open()
    try:
        *_, end = here.sleep.follow(here.sleep.start(), lambda: False)
    finally:
        here.close()
    assert end.ended is not None and end.ended.status == "complete"


def test_a_deep_sleep_says_so_to_whoever_did_not_ask_for_it(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], pace: list[str]
) -> None:
    workspace.config.write_text("[sleep]\ndeep_every = 1\n")
    long = [*pace]
    pace[:] = BRIEF
    assert lab(workspace) == 0
    pace[:] = long
    assert "is a deep sleep" not in capsys.readouterr().err
    told = "sleep-0002 is a deep sleep: it learns the whole memory anew"
    assert lab(workspace, "--detach") == 0
    assert capsys.readouterr().out.count(told) == 1
    assert lab(workspace, "--attach") == 0
    assert capsys.readouterr().err.count(told) == 1
    pace[:] = BRIEF
    assert lab(workspace, "--deep") == 0
    assert "is a deep sleep" not in capsys.readouterr().err


def test_a_sleep_is_paused_goes_on_and_is_stopped_from_elsewhere(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], pace: list[str]
) -> None:
    pace[:] = ["--step-seconds", "0.2", "--steps", "100"]
    assert lab(workspace, "--detach") == 0
    folder = CycleFolder(workspace.sessions, "sleep-0001")
    assert lab(workspace, "--pause") == 0
    assert folder.pause_asked()
    assert lab(workspace, "--go-on") == 0
    assert not folder.pause_asked()
    command = [sys.executable, "-m", "lab", "sleep", "--attach", "--workspace", str(workspace.root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        assert "sleep-0001" in watching.stderr.read(20)
        assert lab(workspace, "--stop") == 0
        # Whoever watches is told that it did not come to its end.
        assert "sleep-0001 ended as cancelled" in watching.stderr.read()
    assert watching.returncode == 1
    wait_until(lambda: not sleepers(workspace, "tests.tui.sleeper"), 20)


@pytest.mark.parametrize("option", ["--attach", "--pause", "--go-on", "--stop"])
def test_without_a_sleep_there_is_one_sentence(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert lab(workspace, option) == 1
    assert "No sleep is running" in capsys.readouterr().err


def test_what_is_for_a_new_sleep_alone_is_refused_for_one_that_runs(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab(workspace, "--pause", "--deep") == 1
    assert "--deep and --session" in capsys.readouterr().err
