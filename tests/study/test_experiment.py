"""An experiment from its protocol to its report: every dialogue once, whatever stops it, in a workspace of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lab import cli
from lab.domain import Progress
from lab.errors import LabError
from lab.journal.journal import Journal
from lab.journal.record import Record
from lab.salience import PROFILES, register
from lab.salience.lexical import Lexical
from lab.settings import Settings, Workspace
from lab.study import experiment
from lab.study.background import Ended, Experiments, Running
from lab.study.experiment import PLAN, STOP, TURNS, Plan, Turn, make_plan, planned, run
from lab.study.folders import timed
from lab.study.hypotheses import outcomes, sizes
from lab.study.items import lines
from lab.study.protocols import Protocol, read_protocol
from tests.helpers import bare_checkpoint, go_among_impostors, wait_until
from tests.study.scripted import COMMAND, ENGINE, Scripted
from tests.tiny import make_checkpoint

TEXT = """
title = "Two ways"

[[hypothesis]]
name = "ways"
says = "The long way engages more."
more = "long"
less = "short"
published = [0.2, 0.1]

[[hypothesis]]
name = "size"
says = "The larger, the less."
falls_by_size = true

[[item]]
name = "truth"
long = ["What is the truth about knowledge and belief?", "And is that certain?"]
short = ["What is it?"]

[[item]]
name = "time"
long = ["What is the objective truth about time?", "I understand that."]
short = ["What is time?"]

[[item]]
name = "names"
long = ["Which belief makes a name true?", "But is that a contradiction?"]
short = ["What is a name?"]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "prompts" / "protocols"
    folder.mkdir(parents=True)
    (folder / "ways.toml").write_text(TEXT)
    (tmp_path / "lab.toml").write_text("[refinement]\niterations = 2\n")
    for name in ("one", "two"):
        bare_checkpoint(tmp_path / name)
    return Workspace(tmp_path)


@pytest.fixture
def protocol(workspace: Workspace) -> Protocol:
    return read_protocol(workspace, "ways")


def plan(workspace: Workspace, protocol: Protocol, repeats: int = 1) -> Plan:
    checkpoints = [str(workspace.root / name) for name in ("one", "two")]
    return make_plan(protocol, checkpoints, repeats, workspace.settings())


def ran(
    workspace: Workspace,
    protocol: Protocol,
    cancel: threading.Event | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
    repeats: int = 1,
) -> list[Turn] | None:
    folder = workspace.root / "experiments" / "experiment-0001"
    settings = Settings()
    refinement = settings.refinement.model_copy(update={"iterations": 2})
    settings = settings.model_copy(update={"refinement": refinement})
    return run(
        folder, protocol, plan(workspace, protocol, repeats), settings, cancel or threading.Event(), progress, ENGINE
    )


def begun(workspace: Workspace, protocol: Protocol) -> Path:
    """The folder of an experiment that was stopped in its first dialogue."""
    stop, folder = threading.Event(), workspace.root / "experiments" / "experiment-0001"

    def stop_at_once(progress: Progress) -> None:
        if progress.unit == "dialogues":
            stop.set()

    folder.mkdir(parents=True)
    with timed(folder):
        assert ran(workspace, protocol, stop, stop_at_once) is None
    return folder


def test_no_condition_is_always_said_first(protocol: Protocol) -> None:
    said = list(planned(protocol, ["one"], 2))
    first = {(each.repeat, each.item): each.condition for each in reversed(said)}
    items = list(protocol.items)
    for repeat in (1, 2):
        by_item = [first[repeat, item] for item in items]
        assert all(one != other for one, other in pairwise(by_item))
    assert all(first[1, item] != first[2, item] for item in items)
    assert len({each.key for each in said}) == len(said)


def test_every_item_is_said_in_every_condition_to_every_checkpoint(workspace: Workspace, protocol: Protocol) -> None:
    turns = ran(workspace, protocol, repeats=2)
    assert turns is not None
    # Two checkpoints, two repeats, three items: two turns one way, one the other.
    assert len(turns) == 2 * 2 * 3 * 3
    assert len({turn.exchange_id for turn in turns}) == len(turns)
    first = turns[0]
    assert {f"{profile}.total" for profile in ("lexical", "measured")} <= set(first.signals)
    assert 0.0 <= first.signals["disagreement"] <= 1.0
    # What was said to another checkpoint or in another repeat is no old news.
    of_others: dict[tuple[str, str, int], set[float]] = {}
    for turn in turns:
        new = turn.signals["measured.novelty"]
        of_others.setdefault((turn.item, turn.condition, turn.turn), set()).add(round(new, 6))
    assert {len(each) for each in of_others.values()} == {1}
    assert all(novelty == {1.0} for (_, _, number), novelty in of_others.items() if number == 1)
    assert any(novelty != {1.0} for (_, _, number), novelty in of_others.items() if number == 2)
    # Each is of its own seed.
    own = Record(Workspace(workspace.root / "experiments" / "experiment-0001"))
    assert own.sync()
    ((seeds, drafts),) = own.query("SELECT count(DISTINCT seed), count(*) FROM drafts").rows
    assert seeds == drafts == 2 * len(turns)
    # Nothing of it is in the history of the workspace.
    assert not workspace.sessions.exists()


def test_an_experiment_that_is_asked_to_stop_while_a_model_loads_does(workspace: Workspace, protocol: Protocol) -> None:
    folder = workspace.root / "experiments" / "experiment-0001"
    cancel = threading.Event()

    def stop(progress: Progress) -> None:
        if progress.unit != "dialogues":
            (folder / STOP).touch()
            assert cancel.wait(20.0)

    settings = Settings()
    small = make_checkpoint(workspace.root / "qwen", family="qwen2")
    found = make_plan(protocol, [str(small)], 1, settings)
    assert run(folder, protocol, found, settings, cancel, stop) is None
    assert lines(folder / TURNS) == []


def test_an_experiment_that_was_stopped_says_no_whole_dialogue_twice(workspace: Workspace, protocol: Protocol) -> None:
    stop = threading.Event()

    def stop_at_the_third(progress: Progress) -> None:
        if progress.unit == "dialogues" and progress.done >= 2:
            stop.set()

    assert ran(workspace, protocol, stop, stop_at_the_third) is None
    path = workspace.root / "experiments" / "experiment-0001" / TURNS
    kept = lines(path)
    assert len(kept) == 2
    turns = ran(workspace, protocol)
    assert turns is not None
    assert lines(path)[:2] == kept
    assert len(lines(path)) == len(list(planned(protocol, plan(workspace, protocol).checkpoints, 1))) == 12
    assert len(turns) == 18


def test_the_command_records_and_reports_and_goes_on_with_the_same_plan_only(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(experiment, "Lab", Scripted)
    root = str(workspace.root)
    command = ["experiment", "ways", "--workspace", root, "--repeats", "1"]
    both = [*command, "--checkpoint", f"{root}/one", "--checkpoint", f"{root}/two"]
    assert cli.main([*both, "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["experiment_id"], body["turns"]) == ("experiment-0001", 18)
    found = {(each["name"], each["profile"]): each for each in body["hypotheses"]}
    # An item is a case, however many checkpoints it is said to.
    assert found["ways", "lexical"]["n"] == 3
    assert body["settings"]["refinement"]["iterations"] == 2
    assert found["ways", "lexical"]["published"] == [0.2, 0.1]
    assert found["ways", "lexical"]["verdict"] in ("supported", "not supported", "undecided")

    record = Record(workspace)
    assert record.sync()
    rows = record.query("SELECT protocol, repeats, turns, len(checkpoints) FROM experiments").rows
    assert rows == [("ways", 1, 18, 2)]
    query = """SELECT avg(value) FROM experiment_signals WHERE signal = 'lexical.total' AND condition = 'long'"""
    ((long,),) = record.query(query).rows
    ((more,),) = record.query(
        "SELECT more FROM experiment_tests WHERE hypothesis = 'ways' AND profile = 'lexical'"
    ).rows
    assert long == pytest.approx(more)

    folder = workspace.root / "experiments" / "experiment-0001"
    page = (folder / "report.md").read_text()
    assert "The long way engages more. By lexical:" in page
    assert "Settings: refinement.iterations 2.\n" in page
    for name in ("sizes", "conditions-lexical", "conditions-measured"):
        assert f"![{name}]({name}.svg)" in page and (folder / f"{name}.svg").read_bytes().startswith(b"<?xml")

    # At its end: another begins.
    assert cli.main([*command, "--checkpoint", f"{root}/one"]) == 0
    assert "size: not tested" in capsys.readouterr().out
    assert (workspace.root / "experiments" / "experiment-0002" / "report.md").exists()


def test_an_experiment_goes_on_with_the_same_text_only(workspace: Workspace, protocol: Protocol) -> None:
    folder = begun(workspace, protocol)
    assert plan(workspace, protocol).same(folder)
    for old, new in (
        ("What is time?", "What was time?"),
        ('more = "long"\nless = "short"', 'falls = ["long", "short"]'),
    ):
        (workspace.root / "prompts" / "protocols" / "edited.toml").write_text(TEXT.replace(old, new))
        edited = replace(read_protocol(workspace, "edited"), name="ways")
        assert not plan(workspace, edited).same(folder)
    # Nor with other settings: both halves would be one figure.
    workspace.config.write_text("[refinement]\niterations = 2\nmax_tokens = 64\n")
    assert not plan(workspace, protocol).same(folder)
    # What no answer depends on may change.
    workspace.config.write_text('[refinement]\niterations = 2\n[screen]\ntheme = "textual-dark"\n')
    assert plan(workspace, protocol).same(folder)


@pytest.mark.parametrize("damaged", [b"", b'{"protocol": "wa', b"[]", b"\xff"])
def test_a_damaged_plan_is_another_one_and_damaged_seconds_are_none(
    workspace: Workspace, protocol: Protocol, tmp_path: Path, damaged: bytes
) -> None:
    (tmp_path / PLAN).write_bytes(damaged)
    assert not plan(workspace, protocol).same(tmp_path)
    (tmp_path / "seconds.json").write_bytes(damaged)
    with timed(tmp_path) as seconds:
        assert seconds() < 60.0
    with timed(tmp_path) as again:
        assert again() > 0.0
    assert float((tmp_path / "seconds.json").read_bytes()) > 0.0


def test_a_plan_and_the_seconds_are_whole_or_as_they_were(
    workspace: Workspace, protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begun(workspace, protocol)
    kept = {name: (folder / name).read_bytes() for name in (PLAN, "seconds.json")}

    def killed(path: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    # Just before what was written gets its name.
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt), timed(folder):
        ran(workspace, protocol, repeats=2)
    assert {name: (folder / name).read_bytes() for name in kept} == kept


def test_a_checkpoint_is_a_path_of_the_workspace_and_not_of_the_experiments_own(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(experiment, "Lab", Scripted)
    (workspace.root / "models").mkdir()
    folder = bare_checkpoint(workspace.root / "models" / "tiny")
    workspace.config.write_text('[engine]\ncheckpoint = "models/tiny"\n[refinement]\niterations = 2\n')
    command = ["experiment", "ways", "--workspace", str(workspace.root), "--repeats", "1", "--json"]
    for named in ([], ["--checkpoint", "models/tiny", "--checkpoint", str(folder)]):
        assert cli.main([*command, *named]) == 0
        # However often and however it was named: elsewhere "models/tiny" is an id of the hub.
        assert list(json.loads(capsys.readouterr().out)["checkpoints"]) == [str(folder)]


def test_a_dtype_that_is_too_large_is_changed_in_the_lab_toml_that_is_read(
    workspace: Workspace, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.engine.offers.free_bytes", lambda: 2 * 2**30)
    workspace.config.write_text('[engine]\ndevice = "cpu"\ndtype = "float32"\n')
    found = make_plan(protocol, ["qwen2.5-0.5b"], 1, workspace.settings())
    folder = workspace.root / "experiments" / "experiment-0001"
    with pytest.raises(LabError, match="memory are free") as fault:
        run(folder, protocol, found, workspace.settings(), threading.Event(), lambda progress: None)
    assert 'Set engine.dtype = "bfloat16" in lab.toml,' in fault.value.remedy


def test_turns_without_an_answer_keep_no_hypothesis_from_its_test(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def half_silent(*given: Any) -> list[Turn]:
        found = run(*given)
        assert found is not None
        return [replace(turn, signals={}, salient={}) if turn.checkpoint.endswith("one") else turn for turn in found]

    monkeypatch.setattr(experiment, "Lab", Scripted)
    monkeypatch.setattr(experiment, "run", half_silent)
    root = str(workspace.root)
    command = ["experiment", "ways", "--workspace", root, "--repeats", "1", "--json"]
    assert cli.main([*command, "--checkpoint", f"{root}/one", "--checkpoint", f"{root}/two"]) == 0
    tested = json.loads(capsys.readouterr().out)["hypotheses"]
    assert [(each["name"], each["profile"], each["n"]) for each in tested] == [
        ("ways", "lexical", 3),
        ("ways", "measured", 3),
    ]


def test_the_protocols_are_listed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["experiment", "--workspace", str(workspace.root)]) == 0
    listed = capsys.readouterr().out
    assert "ways            Two ways" in listed and "framing" in listed


def test_it_runs_on_checkpoints_of_random_weights(workspace: Workspace, protocol: Protocol) -> None:
    small = make_checkpoint(workspace.root / "qwen", family="qwen2")
    large = make_checkpoint(workspace.root / "phi", family="phi3", words=200)
    settings = Settings()
    refinement = settings.refinement.model_copy(update={"iterations": 2, "max_tokens": 4})
    settings = settings.model_copy(update={"refinement": refinement})
    folder = workspace.root / "experiments" / "experiment-0001"
    names = (str(small), str(large))
    turns = run(
        folder, protocol, make_plan(protocol, names, 1, settings), settings, threading.Event(), lambda progress: None
    )
    assert turns is not None
    assert len(turns) == 18
    found = {test.hypothesis.name: test for test in outcomes(protocol, turns, ["lexical"])}
    assert set(found) == {"ways", "size"}
    first, last = sizes(turns)
    assert sizes(turns)[first] < sizes(turns)[last]


def test_an_experiment_runs_beside_a_lab_and_stops_when_asked(workspace: Workspace) -> None:
    workspace.create()
    journal = Journal(workspace.sessions)
    experiments = Experiments(workspace, journal, COMMAND)
    assert (experiments.running(), experiments.ended()) == (None, None)
    experiments.start("ways", f"{workspace.root}/one")
    with pytest.raises(LabError, match="is running"):
        experiments.start("ways", f"{workspace.root}/one")
    seen: list[Running] = []

    def over() -> bool:
        if (running := experiments.running()) is not None and running.total:
            seen.append(running)
            experiments.stop(running.experiment_id)
        return has_ended(experiments, ends)

    ends: list[Ended] = []
    wait_until(over, 60)
    assert (ends[0].experiment_id, ends[0].fault) == (None, None)
    assert (seen[-1].experiment_id, seen[-1].protocol, seen[-1].total) == ("experiment-0001", "ways", 12)
    # Another lab of the same workspace sees how far it is.
    experiments.start("ways", f"{workspace.root}/one")
    other = Experiments(workspace, Journal(workspace.sessions), COMMAND)
    wait_until(lambda: other.running() is not None, 60)
    ends.clear()
    wait_until(lambda: has_ended(experiments, ends), 60)
    assert ends[0].experiment_id == "experiment-0001"
    assert sum(ends[0].verdicts.values()) == 2
    assert other.running() is None


def has_ended(experiments: Experiments, ends: list[Ended]) -> bool:
    """Whether one has; how is in the list then."""
    if (found := experiments.ended()) is not None:
        ends.append(found)
    return found is not None


def test_an_experiment_that_would_not_know_the_profile_is_refused_before_it_starts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mine(Lexical):
        name = "mine"  # type: ignore[misc]

    workspace.create()
    workspace.config.write_text('[salience]\nprofile = "mine"\n')
    experiments = Experiments(workspace, Journal(workspace.sessions), ["false"])
    monkeypatch.setattr("lab.salience.PROFILES", dict(PROFILES))
    with pytest.raises(LabError, match=r'salience\.profile "mine" is not known'):
        experiments.start("ways", f"{workspace.root}/one")
    register(Mine())
    with pytest.raises(LabError, match=r'salience\.profile "mine" is registered by a script') as fault:
        experiments.start("ways", f"{workspace.root}/one")
    assert fault.value.remedy.startswith("Run that script with the arguments experiment ways, or choose lexical")
    assert experiments.ended() is None


def test_an_experiment_that_cannot_begin_says_why_from_any_folder(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.create()
    go_among_impostors(workspace.root, monkeypatch)
    experiments = Experiments(Workspace(Path()), Journal(workspace.sessions), COMMAND)
    experiments.start("nope", f"{workspace.root}/one")
    ends: list[Ended] = []
    wait_until(lambda: has_ended(experiments, ends), 60)
    assert ends[0].fault is not None and 'There is no protocol "nope"' in ends[0].fault
