"""`lab plot`: files of every kind, the same each time, while a lab has the record open."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli import build_parser
from lab.figures import Figure
from lab.journal.events import TurnStarted
from lab.journal.record import Record
from lab.plots import KINDS, plot
from tests.cli.conftest import Lab
from tests.cli.test_record import held
from tests.journal.samples import SESSION, cycle, opened, scored, whole_turn

_SVG = b"<?xml"
_PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def filled(record: Record) -> Record:
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2, total=0.05))
    record.append("sleep-0001", *cycle())
    record.append(SESSION, *whole_turn(3))
    assert record.sync()
    return record


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_a_file_named_after_it(filled: Record, lab: Lab, kind: str, elsewhere: Path) -> None:
    said = lab("plot", kind)
    assert (said.code, said.err) == (0, "")
    assert f"{kind}.png" in said.out
    assert (elsewhere / f"{kind}.png").read_bytes().startswith(_PNG)


def test_the_parser_knows_exactly_the_kinds_that_can_be_drawn() -> None:
    for kind in KINDS:
        assert build_parser().parse_args(["plot", kind]).kind == kind
    with pytest.raises(SystemExit):
        build_parser().parse_args(["plot", "pie"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_record_gives_the_same_svg(filled: Record, lab: Lab, kind: str, elsewhere: Path) -> None:
    for name in ("one.svg", "two.svg"):
        assert lab("plot", kind, "--out", name).code == 0
        # A date in the file would tell the two apart.
        time.sleep(1.1 if kind == "timeline" else 0)
    first, second = ((elsewhere / name).read_bytes() for name in ("one.svg", "two.svg"))
    assert first.startswith(_SVG)
    assert first == second


def test_a_plot_of_a_session_has_its_sleeps_and_its_name(filled: Record, lab: Lab, elsewhere: Path) -> None:
    assert lab("plot", "timeline", "--session", SESSION[:8], "--out", "a.svg").code == 0
    drawn = (elsewhere / "a.svg").read_text()
    assert f"Salience over time, {SESSION}" in drawn
    for text in ("sleep-0001", "surprise", "threshold", "total", "exchange, "):
        assert text in drawn


def test_a_plot_of_a_session_has_its_sleeps_also_while_the_database_is_held(
    filled: Record, lab: Lab, elsewhere: Path
) -> None:
    with held(filled):
        assert lab("plot", "timeline", "--session", SESSION, "--out", "a.svg").code == 0
        assert "sleep-0001" in (elsewhere / "a.svg").read_text()
        assert lab("plot", "losses", "--session", SESSION, "--out", "b.svg").code == 0


def test_a_file_that_exists_stays_unless_forced(filled: Record, lab: Lab, elsewhere: Path) -> None:
    (elsewhere / "a.svg").write_text("mine")
    said = lab("plot", "sleeps", "--out", "a.svg")
    assert said.code == 1
    assert "a.svg exists already" in said.err
    assert (elsewhere / "a.svg").read_text() == "mine"
    assert lab("plot", "sleeps", "--out", "a.svg", "--force").code == 0
    assert (elsewhere / "a.svg").read_bytes().startswith(_SVG)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("timeline", "--out", "a.pdf"), "ends neither with .png nor with .svg"),
        (("timeline", "--session", "nobody"), 'There is no session "nobody"'),
        (("timeline", "--profile", "none"), 'Nothing is scored by the profile "none".'),
        (("timeline", "--out", "no/such/folder.svg"), "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_leaves_no_file(
    filled: Record, lab: Lab, arguments: tuple[str, ...], fault: str, elsewhere: Path
) -> None:
    before = set(elsewhere.iterdir())
    said = lab("plot", *arguments)
    assert said.code == 1
    assert fault in said.err
    assert set(elsewhere.iterdir()) == before


def test_an_empty_record_is_nothing_to_plot(lab: Lab, elsewhere: Path) -> None:
    for kind in KINDS:
        said = lab("plot", kind)
        assert said.code == 1
        assert "nothing to plot" in said.err


def test_another_profile_is_plotted_when_asked_for(filled: Record, lab: Lab, elsewhere: Path) -> None:
    filled.append(SESSION, scored(1, 0.9, profile="recorded"))
    assert filled.sync()
    assert lab("plot", "by-checkpoint", "--profile", "recorded", "--out", "a.svg").code == 0
    assert "tiny (1)" in (elsewhere / "a.svg").read_text()


@pytest.mark.parametrize(("profile", "expected"), [("measured", 0.6), ("lexical", 0.15), ("recorded", 0.25)])
def test_a_plot_judges_by_the_threshold_of_its_profile(
    filled: Record, lab: Lab, monkeypatch: pytest.MonkeyPatch, profile: str, expected: float
) -> None:
    filled.workspace.config.write_text("[salience]\nthreshold = 0.6\n")
    of_each = (replace(scored(1, 0.9, profile=name), threshold=0.25) for name in ("recorded", "lexical", "measured"))
    filled.append(SESSION, *of_each)
    assert filled.sync()
    seen: list[float] = []

    def plotted(
        kind: str, record: Record, session_id: str | None, profile: str, threshold: float
    ) -> tuple[Figure, ...]:
        seen.append(threshold)
        return plot(kind, record, session_id, profile, threshold)

    monkeypatch.setattr("lab.commands.plot.plot_of", plotted)
    assert lab("plot", "timeline", "--profile", profile).code == 0
    assert seen == [expected]


def test_without_matplotlib_the_command_that_installs_it_is_told(
    filled: Record, lab: Lab, monkeypatch: pytest.MonkeyPatch, elsewhere: Path
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    said = lab("plot", "timeline")
    assert said.code == 1
    assert "pip install" in said.err and "[plot]" in said.err


def test_dollars_and_tags_in_names_are_only_text(record: Record, lab: Lab, elsewhere: Path) -> None:
    nasty = "a $x^{ & <b>"
    start, *rest = whole_turn(1)
    assert isinstance(start, TurnStarted)
    record.append(SESSION, opened(), replace(start, checkpoint=nasty), *rest)
    assert record.sync()
    assert lab("plot", "by-checkpoint", "--out", "a.svg").code == 0
    assert "a $x^{ &amp; &lt;b&gt; (1)" in (elsewhere / "a.svg").read_text()
