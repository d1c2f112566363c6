"""The timeline: it shows any number of exchanges, moves, jumps, opens, switches, plots and saves."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from lab.errors import LabError
from lab.journal import timeline
from lab.journal.events import Event, ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.journal.filters import MEASURES
from lab.journal.sleep_events import SleepEnded, SleepStarted
from lab.lab import Lab
from lab.tui.app import LabApp
from lab.tui.axis import Part
from lab.tui.screens.exchange import ExchangeScreen
from lab.tui.screens.main import MainScreen
from lab.tui.screens.timeline import TimelineScreen
from lab.tui.widgets.lanes import Lanes
from lab.tui.widgets.plots import Plots
from tests.tui.conftest import SMALL, TALL, Compare, Hand, MakeLab, picture

_AT = datetime(2026, 1, 2, 3, 0, tzinfo=timezone.utc)
_SESSION = "20260102-030405-abcd"
_OTHER = "20260103-030405-ef01"


def exchange(turn: int, session: str = _SESSION) -> str:
    return f"{session}-{turn:04d}"


def fill(lab: Lab, turns: int, session: str = _SESSION, at: datetime = _AT) -> None:
    """A session whose every fifth total is over the threshold; the scores climb in waves that never change."""
    lab.workspace.create()
    opening = SessionOpened(session, "smollm2-135m", None, "measured", 0.15, f"Session of {turns}")
    lab.record.append(session, opening, at=at)
    # Many are written ten at a time, which is as if they were said at once.
    step = 10 if turns > 100 else 1
    for first in range(1, turns + 1, step):
        events = [each for turn in range(first, min(first + step, turns + 1)) for each in _turn(turn, session)]
        lab.record.append(session, *events, at=at + timedelta(minutes=first))


def _turn(turn: int, session: str) -> list[Event]:
    surprise, novelty, arousal, reward, conflict = (((turn * step) % 11) / 20 for step in (1, 3, 5, 7, 9))
    total = 0.4 if turn % 5 == 0 else 0.1
    name = exchange(turn, session)
    return [
        TurnStarted(name, session, turn, f"Question {turn}?", "smollm2-135m", None),
        ExchangeFinished(name, "complete", f"Answer {turn}.", None, True, 20, 5, 1.0),
        SalienceScored(name, "measured", surprise, novelty, arousal, reward, conflict, total, 0.15, total >= 0.15),
    ]


def sleep(lab: Lab, name: str, minutes: float, complete: bool = True) -> None:
    at = _AT + timedelta(minutes=minutes)
    start = SleepStarted(name, "smollm2-135m", None, 3, 6, 5, 10, 8, 1e-3, "answers")
    ended = SleepEnded(name, "complete" if complete else "failed", name if complete else None, 10, 3.0, 1.0, 60.0)
    lab.record.append(name, start, ended, at=at)


@asynccontextmanager
async def on_timeline(
    lab: Lab, session: str | None = _SESSION, size: tuple[int, int] = TALL
) -> AsyncIterator[tuple[Hand, TimelineScreen]]:
    app = LabApp(lab, new=True)
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = TimelineScreen(lab, session)
        await app.push_screen(screen)
        await hand.until(lambda: hand.shows("This session") or hand.shows("All sessions"))
        await hand.until(lambda: not hand.shows("reading"))
        yield hand, screen


@pytest.mark.parametrize("size", [TALL, SMALL])
@pytest.mark.parametrize("turns", [1, 50, 1000])
async def test_any_number_of_exchanges_fits_the_width_and_begins_at_the_last(
    make_lab: MakeLab, turns: int, size: tuple[int, int]
) -> None:
    lab = make_lab()
    fill(lab, turns)
    async with on_timeline(lab, size=size) as (hand, _):
        # Of the last of 1,000, drawn many in a column, the first one with the highest total is told.
        last = {TALL: 995, SMALL: 990}[size] if turns == 1000 else turns
        await hand.sees(f"{turns:,} exchange", "Surprise", "Conflict", "Total", f"turn {last} ", "\u25b2")
        lanes = hand.app.screen.query_one(Lanes)
        assert 0 < len(lanes._points) <= lanes.columns
        assert sum(point.n for point in lanes._points) == turns
        assert hand.shows("a column") == (turns > lanes.columns)


async def test_an_empty_session_says_so(make_lab: MakeLab) -> None:
    lab = make_lab()
    async with on_timeline(lab, "20260101-000000-none") as (hand, _):
        await hand.sees("0 exchanges", "No exchanges yet.")
        await hand.press("left", "n", "enter", "plus", "home", "end", "a")
        assert isinstance(hand.app.screen, TimelineScreen)


async def test_the_cursor_moves_and_the_line_below_tells_the_exchange(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 50)
    async with on_timeline(lab) as (hand, _):
        await hand.sees("turn 50", "Question 50?")
        for key, turn in (("left", 49), ("home", 1), ("left", 1), ("right", 2), ("pagedown", 12), ("end", 50)):
            await hand.press(key)
            await hand.sees(f"turn {turn} ", f"Question {turn}?")
        await hand.press("shift+left")
        await hand.sees("turn 40 ", "2026-01-02 03:40", "total 0.400", "surprise 0.350", "salient")
        await hand.press("enter")
        await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))


async def test_jumps_go_to_exchanges_over_the_value_in_the_chosen_lane(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 50)
    async with on_timeline(lab) as (hand, _):
        await hand.press("home")
        await hand.sees("turn 1 ")
        for key, turn in (("n", 5), ("n", 10), ("N", 5)):
            await hand.press(key)
            await hand.sees(f"turn {turn} ")
        await hand.press("N")
        await hand.sees("No exchange before this one has a total of 0.40 or more.")
        await hand.press(*["left_square_bracket"] * 7)
        await hand.press("n")
        await hand.sees("turn 6 ")
        # Surprise is (turn % 11) / 20: half a point at every tenth of eleven.
        await hand.press("down", *["right_square_bracket"] * 9)
        await hand.sees("look for a surprise of 0.50 or more")
        await hand.press("n")
        await hand.sees("turn 10 ", "surprise 0.500")
        await hand.press("n")
        await hand.sees("turn 21 ")


async def test_closer_shows_single_exchanges_and_the_edge_goes_on(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 1000)
    async with on_timeline(lab) as (hand, screen):
        await hand.sees("a column")
        await hand.press("home")
        await hand.sees("turn 5 ", "highest of")
        await hand.until(lambda: not hand.shows("reading"))
        for _ in range(4):
            size = screen._axis.stretch.size
            await hand.press("plus")
            await hand.until(lambda size=size: screen._axis.stretch.size < size)
        await hand.until(lambda: not hand.shows("a column"))
        await hand.press("end")
        await hand.sees("turn 1000 ")
        await hand.press("home")
        await hand.sees("turn 1 ")
        last = screen._axis.stretch.start + screen._axis.stretch.size
        for _ in range(8):
            await hand.press("pagedown")
        await hand.until(lambda: screen._axis.place >= last)
        await hand.until(lambda: hand.shows(f"turn {screen._axis.place + 1} "))
        await hand.press("minus")
        await hand.until(lambda: screen._axis.stretch.size > last)


async def test_a_jump_within_many_goes_to_the_very_exchange(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 1000)
    async with on_timeline(lab) as (hand, screen):
        await hand.press("home", "n")
        await hand.sees("turn 10 ")
        await hand.press("n")
        await hand.sees("turn 15 ")
        await hand.press("enter")
        await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))
        assert screen._axis.exchange_id == exchange(15)


async def test_all_sessions_and_back_to_that_of_the_exchange_at_the_cursor(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 10)
    fill(lab, 20, _OTHER, _AT + timedelta(days=1))
    async with on_timeline(lab) as (hand, screen):
        await hand.press("home", "right")
        await hand.sees("turn 2 ")
        await hand.press("a")
        await hand.sees("All sessions", "30 exchanges", "Session of 10", "turn 2 ")
        await hand.press("end")
        await hand.sees("Session of 20", "turn 20 ")
        await hand.press("a")
        await hand.sees("This session", "20 exchanges", "turn 20 ")
        assert screen._session_id == _OTHER


async def test_sleeps_are_marks_with_names_and_failed_ones_are_told_apart(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 30)
    sleep(lab, "sleep-0001", 6.5)
    sleep(lab, "sleep-0002", 20.5, complete=False)
    async with on_timeline(lab) as (hand, _):
        await hand.sees("sleep-0001", "sleep-0002 failed")
        rows = picture(hand.app).splitlines()
        names = next(row for row in rows if "sleep-0001" in row)
        at = names.index("sleep-0001")
        # Through every lane, or cut out of what is drawn there.
        through = [row[at] for row in rows[rows.index(names) + 1 : rows.index(names) + 20]]
        assert through.count("\u2502") >= 10


async def test_more_sleeps_than_can_be_told_apart_are_counted(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 30)
    for number in range(1, 29):
        sleep(lab, f"sleep-{number:04d}", number + 0.5)
    async with on_timeline(lab) as (hand, _):
        await hand.sees("28 sleeps, too many to mark")
        assert not hand.shows("\u2502")


async def test_another_profile_is_shown_where_there_is_one(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 3)
    async with on_timeline(lab) as (hand, _):
        await hand.press("p")
        await hand.sees("no scores of another profile than measured")
        lab.record.append(_SESSION, SalienceScored(exchange(3), "recorded", 0, 0, 0, 0, 0.9, 0.77, 0.15, True))
        await hand.until(lambda: timeline.profiles(lab.record, _SESSION) == ["measured", "recorded"])
        await hand.press("a")
        await hand.sees("All sessions")
        await hand.until(lambda: not hand.shows("reading"))
        await hand.press("p")
        await hand.sees("scored by recorded", "total 0.770")
        await hand.press("p")
        await hand.sees("scored by measured", "total 0.100")


async def test_each_profile_is_judged_by_its_own_threshold(make_lab: MakeLab) -> None:
    lab = make_lab(settings="[salience]\nthreshold = 0.45\n")
    fill(lab, 3)
    for turn, total in ((1, 0.2), (2, 0.1)):
        for profile, threshold in (("lexical", 0.15), ("recorded", 0.25)):
            scored = SalienceScored(exchange(turn), profile, 0, 0, 0, 0, 0.9, total, threshold, total >= threshold)
            lab.record.append(_SESSION, scored)
    assert lab.record.sync()
    async with on_timeline(lab) as (hand, screen):
        await hand.sees("n and N look for a total of 0.45 or more.")
        order = (("recorded", 0.25), ("lexical", 0.15), ("measured", 0.45), ("recorded", 0.25), ("lexical", 0.15))
        for profile, threshold in order:
            await hand.press("p")
            await hand.sees(f"scored by {profile}", f"n and N look for a total of {threshold:.2f} or more.")
            assert screen.query_one(Lanes)._threshold == threshold
        # Backwards from the third exchange: the first is the one over it.
        await hand.press("N")
        await hand.sees("turn 1 ")
        await hand.press("g", "left", "left", "left")
        await hand.sees("Total, threshold 0.15")
        await hand.press("p", "p")
        await hand.sees("Total, threshold 0.25")


async def test_a_jump_leaves_the_scores_that_are_being_read(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    fill(lab, 3)
    lab.record.append(_SESSION, SalienceScored(exchange(3), "recorded", 0, 0, 0, 0, 0.9, 0.77, 0.15, True))
    assert lab.record.sync()
    jumped = threading.Event()
    points = timeline.points

    def slow(*arguments: Any, **rest: Any) -> Any:
        if arguments[2] == "recorded":
            jumped.wait(20)
            if rest["cancel"].is_set():
                # As the reading of a large record is, which takes its time.
                raise LabError("The query was cancelled.", "Run it again.")
        return points(*arguments, **rest)

    monkeypatch.setattr(timeline, "points", slow)
    async with on_timeline(lab) as (hand, screen):
        await hand.press("p", "n")
        jumped.set()
        await hand.sees("scored by recorded")
        await hand.until(lambda: screen._axis.point is not None and screen._axis.point.mean[-1] == pytest.approx(0.77))


async def test_plots_are_gone_through_and_saved_under_a_free_name(
    make_lab: MakeLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab()
    fill(lab, 30)
    monkeypatch.chdir(tmp_path)
    async with on_timeline(lab) as (hand, _):
        await hand.press("s")
        await hand.sees("Only plots can be saved")
        await hand.press("g")
        await hand.sees(f"Salience over time, {_SESSION}")
        await hand.press("right")
        await hand.sees("Salience by checkpoint", "smollm2-135m (30)", "surprise", "threshold 0.4")
        await hand.press("s")
        await hand.until(lambda: (tmp_path / "by-checkpoint.png").exists())
        await hand.press("S", "s")
        await hand.until(lambda: (tmp_path / "by-checkpoint.svg").exists())
        await hand.until(lambda: (tmp_path / "by-checkpoint-2.png").exists())
        await hand.press("left", "left")
        await hand.sees("Nothing to draw yet.")
        await hand.press("left", "left")
        await hand.sees("Surprise", "Conflict", "Total, threshold 0.4")
        await hand.press("escape")
        await hand.until(lambda: not hand.app.screen.query_one(Plots).display)
        await hand.sees("turn 30 ")
        await hand.press("escape")
        await hand.until(lambda: isinstance(hand.app.screen, MainScreen))


async def test_a_plot_is_saved_under_no_name_but_its_own(
    make_lab: MakeLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab()
    fill(lab, 10)
    monkeypatch.chdir(tmp_path)
    async with on_timeline(lab) as (hand, screen):
        await hand.press("g")
        await hand.sees(f"Salience over time, {_SESSION}")
        plots = screen.query_one(Plots)
        # Before what comes next is read.
        plots.step(1)
        plots.write("svg")
        await hand.sees("There is nothing to save yet.")
        assert list(tmp_path.glob("*.svg")) == []


async def test_plots_follow_the_size_of_the_window(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 30)
    async with on_timeline(lab) as (hand, screen):
        await hand.press("g")
        await hand.sees(f"Salience over time, {_SESSION}")
        for width in (100, 90, 110, 84, 120):
            await hand.pilot.resize_terminal(width, 40)
        await hand.sees(f"Salience over time, {_SESSION}")
        await hand.pilot.resize_terminal(*SMALL)
        await hand.press("g")
        # The lanes have the points that fit now.
        await hand.until(lambda: screen._columns == screen.query_one(Lanes).columns)
        await hand.sees("turn 30 ")


async def test_what_was_asked_for_is_told_at_its_place_whatever_key_came_meanwhile(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab, 20)
    async with on_timeline(lab) as (hand, screen):
        screen._load(Part(exchange_id=exchange(7)))
        screen._axis.exchange_id = exchange(3)
        await hand.sees("turn 7 ")
        assert screen._axis.exchange_id == exchange(7)


async def test_a_record_that_cannot_be_read_is_said_in_place(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab()
    fill(lab, 5)

    def refuse(*_: Any, **__: Any) -> None:
        raise LabError("The file is held.", "Close it.")

    monkeypatch.setattr(timeline, "points", refuse)
    async with on_timeline(lab) as (hand, _):
        await hand.sees("The file is held. Close it.")


async def test_what_a_model_wrote_is_only_text(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.workspace.create()
    name = exchange(1)
    lab.record.append(
        _SESSION,
        SessionOpened(_SESSION, "[red]m[/]", None, "measured", 0.15, "[bold]t\x1b[2J"),
        TurnStarted(name, _SESSION, 1, "[/nothing] \x1b[31mred", "[red]m[/]", None),
        SalienceScored(name, "measured", 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.15, False),
    )
    async with on_timeline(lab, None) as (hand, _):
        await hand.sees("[bold]t\u241b[2J", "[/nothing] \u241b[31mred", "[red]m[/]")
        await hand.press("g", "right")
        await hand.sees("[red]m[/] (1)")


def shot(snap_compare: Compare, lab: Lab, size: tuple[int, int], *keys: str, sees: str) -> bool:
    async def before(pilot: Pilot[Any]) -> None:
        hand = Hand(pilot)
        await hand.ready()
        await hand.app.push_screen(TimelineScreen(lab, _SESSION))
        await hand.sees("turn 50 ", "sleep-0001")
        for key in keys:
            await hand.press(key)
        await hand.sees(sees)
        await hand.until(lambda: not list(hand.app.workers))

    return snap_compare(LabApp(lab, new=True), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [TALL, SMALL], ids=["120x40", "80x24"])
@pytest.mark.parametrize("theme", ["lab-dark", "lab-light"])
def test_picture_of_the_lanes(snap_compare: Compare, make_lab: MakeLab, size: tuple[int, int], theme: str) -> None:
    lab = make_lab(settings=f'[screen]\ntheme = "{theme}"\n')
    fill(lab, 50)
    sleep(lab, "sleep-0001", 12.5)
    sleep(lab, "sleep-0002", 33.5, complete=False)
    assert shot(snap_compare, lab, size, "home", "n", sees="turn 5 ")


@pytest.mark.parametrize("size", [TALL, SMALL], ids=["120x40", "80x24"])
@pytest.mark.parametrize("steps", [1, 3], ids=["by-checkpoint", "histogram"])
def test_picture_of_a_plot(snap_compare: Compare, make_lab: MakeLab, size: tuple[int, int], steps: int) -> None:
    lab = make_lab()
    fill(lab, 50)
    sleep(lab, "sleep-0001", 12.5)
    wanted = "Salience by checkpoint" if steps == 1 else "Total, threshold"
    assert shot(snap_compare, lab, size, "g", *["right"] * steps, sees=wanted)


def test_the_lanes_are_the_measures_of_the_record() -> None:
    assert MEASURES[-1] == "total" and len(MEASURES) == 6
