"""The history screen: what it lists, finds, and does with what is selected."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import Event, ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.lab import Lab
from lab.tui.app import LabApp
from lab.tui.browsing import PAGE
from lab.tui.screens.exchange import ExchangeScreen
from lab.tui.screens.history import HistoryScreen
from lab.tui.widgets.listing import Listing
from tests.tui.conftest import SMALL, TALL, Compare, Hand, MakeLab, picture

_AT = datetime(2026, 11, 1, 8, tzinfo=timezone.utc)
_TITLES = (
    "What is it like to learn?",
    "Inheritance",
    "Could you own a piece of knowledge without having earned it, the way that one inherits a house from others?",
    "[bold]Markup[/bold] and \x1b[31mcodes",
)
_ANSWERS = (
    "There is a gap between knowing and owning. What I can use is mine in practice.",
    "Perhaps it is. A language is not earned either, and still I speak it as my own.",
    "Owls see in the dark what we said by day.",
)


def name(number: int) -> str:
    return f"20261101-080000-{number:04x}"


def record(lab: Lab, sessions: int, turns: int = 3) -> None:
    """Sessions an hour apart; of each the last turn tells of owls, and every fourth is a fork of the one before."""
    lab.workspace.create()
    for number in range(sessions):
        session, adapter = name(number), "sleep-0001" if number > 2 else None
        forked = (name(number - 1), None, f"{name(number - 1)}-0002") if number % 4 == 3 else ()
        model = "qwen2.5-0.5b" if number % 2 else "smollm2-135m"
        title = _TITLES[number % 4]
        events: list[Event] = [SessionOpened(session, model, adapter, "measured", 0.15, title, *forked)]
        for turn in range(1, turns + 1):
            exchange, total = f"{session}-{turn:04d}", round(0.05 * turn + 0.01 * number % 0.2, 3)
            events += [
                TurnStarted(exchange, session, turn, f"Question {turn} of {number}?", model, adapter),
                ExchangeFinished(exchange, "complete", _ANSWERS[min(turn, 3) - 1], None, True, 40, 20, 2.0),
                SalienceScored(exchange, "measured", 0.1, 0.2, 0.3, 0.4, total, total, 0.15, total >= 0.15),
            ]
        lab.record.append(session, *events, at=_AT + timedelta(hours=number))


def said(app: LabApp) -> str:
    return str(app.screen.query_one("#said", Static).visual)


def listing(app: LabApp, which: str = "list") -> Listing:
    return app.screen.query_one(f"#{which}", Listing)


async def opened(hand: Hand, sessions: int) -> HistoryScreen:
    await hand.ready()
    await hand.press("ctrl+o")
    await hand.until(lambda: isinstance(hand.app.screen, HistoryScreen))
    await hand.until(lambda: len(listing(hand.app).rows) >= min(sessions, PAGE) and " in " in said(hand.app))
    await hand.until(lambda: listing(hand.app, "turns").rows)
    assert isinstance(hand.app.screen, HistoryScreen)
    return hand.app.screen


async def type_filter(hand: Hand, text: str) -> None:
    """Put a filter into its line and wait until it is looked for."""
    await hand.press("slash")
    field = hand.app.screen.query_one("#filter", Input)
    number = hand.app.screen._number  # type: ignore[attr-defined]
    field.value = text
    await hand.until(lambda: hand.app.screen._number > number or said(hand.app).endswith("text."))  # type: ignore[attr-defined]
    await hand.until(lambda: said(hand.app) not in ("Searching.", "Reading."))


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_sessions_are_listed_with_their_numbers_the_latest_first(
    make_lab: MakeLab, size: tuple[int, int]
) -> None:
    lab = make_lab()
    record(lab, 5)
    app = LabApp(lab, new=True)
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 5)
        assert [row.session_id for row in listing(app).rows] == [name(n) for n in (4, 3, 2, 1, 0)]
        first = next(row for row in picture(app).splitlines() if "What is it" in row)
        for text in ("2026-11-01", "     3", "33%", "0.140"):
            assert text in first
        await hand.sees("15 exchanges in 5 sessions", name(4), "sleep-0001")
        await hand.press("down")
        await hand.sees('forked from "Could')
        assert "\x1b" not in picture(app)


async def test_a_long_record_is_read_a_page_at_a_time(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 2 * PAGE + 20, turns=1)
    app = LabApp(lab, new=True)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 2 * PAGE + 20)
        assert len(listing(app).rows) <= 2 * PAGE
        while len(listing(app).rows) < 2 * PAGE + 20:
            await hand.press("end")
        assert len({row.session_id for row in listing(app).rows}) == 2 * PAGE + 20
        await hand.press("end")
        await hand.sees(name(0))


async def test_a_text_is_shown_where_it_was_found_and_enter_goes_there(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 3)
    app = LabApp(lab, new=True)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 3)
        await type_filter(hand, "LANGUAGE is")
        await hand.sees("Found 3 exchanges in 3 sessions.", "Perhaps it is. A language is not earned")
        assert [type(row).__name__ for row in listing(app).rows] == ["Heading", "Hit"] * 3
        await hand.press("down", "down", "enter")
        await hand.until(lambda: app.screen is hand.main)
        await hand.sees("Question 2 of 1?")
        assert hand.main.session_id == name(1)
        await hand.until(lambda: hand.main._shown and hand.main._shown.exchange and hand.main._shown.exchange.turn == 2)


async def test_what_is_no_filter_is_told_and_the_list_stays(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 3)
    app = LabApp(lab, new=True)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 3)
        await type_filter(hand, "conflct>0.3 since:monday")
        await hand.sees("conflct is none of surprise", "since:monday is not a day")
        assert len(listing(app).rows) == 3
        await type_filter(hand, "model:qwen")
        await hand.until(lambda: [row.session_id for row in listing(app).rows] == [name(1)])
        await type_filter(hand, "zebra")
        await hand.sees("Nothing is found.")
        await type_filter(hand, "")
        await hand.until(lambda: len(listing(app).rows) == 3)


async def test_all_is_counted_while_the_next_page_is_read(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.journal import history

    lab = make_lab()
    record(lab, PAGE + 20, turns=1)
    app = LabApp(lab, new=True)
    paged = threading.Event()
    page, count = history.page, history.count

    def slow_count(*arguments: Any) -> Any:
        paged.wait(20)
        if arguments[3].is_set():
            # As one of a large record is, which takes its time.
            raise LabError("The query was cancelled.", "Run it again.")
        return count(*arguments)

    def noted_page(*arguments: Any) -> Any:
        found = page(*arguments)
        if arguments[4]:
            paged.set()
        return found

    monkeypatch.setattr(history, "count", slow_count)
    monkeypatch.setattr(history, "page", noted_page)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("ctrl+o")
        await hand.until(lambda: len(listing(app).rows) >= PAGE)
        await hand.press("end")
        await hand.until(lambda: said(app) == f"{PAGE + 20} exchanges in {PAGE + 20} sessions")


async def test_a_wide_title_leaves_the_numbers_their_place(make_lab: MakeLab) -> None:
    lab = make_lab()
    title = "\u5c0f\u732b\u306e\u9577\u3044\u8a71" * 5
    lab.record.append("wide", SessionOpened("wide", "smollm2-135m", None, "measured", 0.15, title=title))
    lab.record.append("wide", TurnStarted("wide-0001", "wide", 1, title, "smollm2-135m", None))
    lab.record.append("wide", ExchangeFinished("wide-0001", "complete", title))
    lab.record.append("wide", SalienceScored("wide-0001", "measured", 0, 0, 0, 0, 0, 0.123, 0.15, False))
    async with LabApp(lab, new=True).run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 1)
        (row,) = (line for line in picture(hand.app).splitlines() if "2026-" in line and "0%" in line)
        assert "0.123" in row and "\u2026" in row


async def test_a_key_cancels_the_search_before_it(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.journal import history

    lab = make_lab()
    record(lab, 3)
    app = LabApp(lab, new=True)
    waited: list[bool] = []
    began = threading.Event()

    def slow(*arguments: Any) -> Any:
        if arguments[1].text == "slow":
            began.set()
            waited.append(arguments[-1].wait(20))
        return []

    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 3)
        monkeypatch.setattr(history, "search", slow)
        await hand.press("slash", *"slow")
        await hand.until(began.is_set)
        await hand.press("e")
        await hand.until(lambda: waited == [True])
        await hand.until(lambda: said(app) == "Nothing is found.")


async def test_a_session_goes_on_where_it_was_and_a_fork_from_any_exchange(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "10")
    record(lab, 3)
    app = LabApp(lab, new=True)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 3)
        await hand.press("down", "enter")
        await hand.until(lambda: app.screen is hand.main and hand.main.session_id == name(1))
        await hand.ask("And now?")
        assert lab.record.sync()
        await opened(hand, 3)
        # It has the latest activity now, and its second turn is forked.
        row = listing(app).row
        assert row is not None and row.session_id == name(1)
        await hand.press("tab", "up", "up", "f")
        await hand.until(lambda: app.screen is hand.main and hand.main.session_id != name(1))
        await hand.sees("Question 2 of 1?", 'forked from "Inheritance", turn 2')
        await hand.ask("Another way?")
        fork = hand.main.session_id
        assert fork is not None and lab.record.sync()
        session = queries.session(lab.record, fork)
        assert session is not None
        assert (session.parent_session_id, session.parent_exchange_id) == (name(1), f"{name(1)}-0002")


async def test_an_exchange_is_opened_and_escape_comes_back(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 2)
    app = LabApp(lab, new=True)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 2)
        await hand.press("tab")
        await hand.sees("Question 2 of 1?")
        await hand.press("up", "o")
        await hand.until(lambda: isinstance(app.screen, ExchangeScreen))
        await hand.sees("Question 2 of 1?")
        await hand.press("escape")
        await hand.until(lambda: isinstance(app.screen, HistoryScreen))
        await hand.press("escape")
        await hand.until(lambda: app.focused is listing(app))
        await hand.press("escape")
        await hand.until(lambda: app.screen is hand.main)


async def test_a_session_is_renamed_and_never_to_nothing(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 2)
    app = LabApp(lab, new=True)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 2)
        await hand.press("r")
        field = app.screen.query_one("#ask", Input)
        await hand.until(lambda: app.focused is field and field.value == "Inheritance")
        field.value = "   "
        await hand.press("enter")
        await hand.sees("A title has at least one word.")
        field.value = "  Of   owls "
        await hand.press("enter")
        await hand.sees("Renamed.", "Of owls")
        assert lab.record.sync()
        renamed = queries.session(lab.record, name(1))
        assert renamed is not None and renamed.title == "Of owls"


async def test_codes_of_a_title_stay_letters_when_it_is_renamed(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 4)
    app = LabApp(lab, new=True)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 4)
        listing = app.screen.query_one("#list", Listing)
        listing.show(listing.rows, next(at for at, row in enumerate(listing.rows) if "\x1b" in row.title))
        await hand.press("r")
        field = app.screen.query_one("#ask", Input)
        await hand.until(lambda: app.focused is field and "Markup" in field.value)
        assert "\x1b" not in field.value


async def test_an_exchange_that_is_still_being_read_is_not_said_to_be_missing(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 2)
    app = LabApp(lab, new=True)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 2)
        assert isinstance(app.screen, HistoryScreen)
        await hand.until(lambda: app.screen.query_one("#turns", Listing).rows)
        app.screen._shown = None
        app.screen.query_one("#turns", Listing).show([])
        await hand.press("o")
        await hand.sees("Its exchanges are still being read.")


async def test_a_session_is_exported_into_a_new_file_only(
    make_lab: MakeLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lab = make_lab()
    record(lab, 2)
    app = LabApp(lab, new=True)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 2)
        await hand.press("e")
        await hand.sees(f"{name(1)}.md")
        await hand.press("enter")
        file = tmp_path / f"{name(1)}.md"
        await hand.until(lambda: said(app).startswith("3 exchanges are in"))
        text = file.read_text()
        assert "Question 2 of 1?" in text and "A language is not earned" in text
        file.write_text("mine")
        await hand.press("e", "enter")
        await hand.until(lambda: "exists already" in said(app))
        assert file.read_text() == "mine"
        for path, why in (("x" * 300, "File name too long"), ("~nobody-of-that-name/a.md", "is no path: nobody")):
            await hand.press("e")
            app.screen.query_one("#ask", Input).value = path
            await hand.press("enter")
            await hand.until(lambda words=why: words in said(app))


def _child(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


async def test_a_session_of_another_lab_is_told_of_and_can_be_looked_at(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 2)
    code = (
        "import sys; from pathlib import Path; from lab.journal.journal import Journal\n"
        "with Journal(Path(sys.argv[1])).own(sys.argv[2]): print('held', flush=True); sys.stdin.read()\n"
    )
    child = _child(code, lab.workspace.sessions, name(1))
    app = LabApp(lab, new=True)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 2)
        await hand.press("enter")
        await hand.sees("Another lab has this session open.")
        assert isinstance(app.screen, HistoryScreen)
        await hand.press("o")
        await hand.until(lambda: isinstance(app.screen, ExchangeScreen))
    child.communicate()


async def test_a_database_that_is_held_elsewhere_is_told_of(make_lab: MakeLab) -> None:
    lab = make_lab()
    record(lab, 2)
    app = LabApp(lab, new=True)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        assert lab.record.sync()
        code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
        child = _child(code, lab.workspace.database)
        await hand.press("ctrl+o")
        await hand.sees("is held by", seconds=30)
        assert app.screen.query_one("#said").has_class("-trouble")
        child.communicate()


async def test_an_empty_record_says_what_to_do(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("ctrl+o")
        await hand.sees("No sessions yet.")
        await hand.press("enter", "o", "f", "r", "e")
        assert isinstance(app.screen, HistoryScreen)


@pytest.mark.parametrize("size", [TALL, SMALL], ids=["120x40", "80x24"])
@pytest.mark.parametrize("wanted", ["", "owls salient"], ids=["sessions", "hits"])
def test_pictures_of_the_history(snap_compare: Compare, make_lab: MakeLab, size: tuple[int, int], wanted: str) -> None:
    lab = make_lab()
    record(lab, 30)

    async def before(pilot: Pilot[Any]) -> None:
        hand = Hand(pilot)
        await opened(hand, 30)
        if wanted:
            await type_filter(hand, wanted)
            await hand.until(lambda: said(hand.app).startswith("Found"))
            await hand.press("down")
            await hand.until(lambda: hand.app.focused is listing(hand.app))
            screen = hand.app.screen
            assert isinstance(screen, HistoryScreen)
            # The session beside it, at the turn that was found.
            await hand.until(lambda: screen._looked and screen._looked[1])
        await hand.until(lambda: not list(hand.app.workers))
        await pilot.pause()

    assert snap_compare(LabApp(lab, new=True), terminal_size=size, run_before=before)
