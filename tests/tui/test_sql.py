"""The SQL pane on the real record."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input, OptionList, Static, TextArea

from lab.errors import LabError
from lab.journal.asked import Asked
from lab.journal.results import Result
from lab.tui.app import LabApp
from lab.tui.screens.draft import ValueScreen
from lab.tui.screens.exchange import ExchangeScreen
from lab.tui.screens.main import MainScreen
from lab.tui.screens.queries import QueriesScreen, SaveScreen, UnlockScreen
from lab.tui.screens.sql import FIRST_QUERY, HISTORY, SqlScreen
from lab.tui.widgets.editor import Completions, SqlEditor
from lab.tui.widgets.table import VirtualTable
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab, picture

ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range = -1"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))


def said(app: LabApp) -> str:
    return str(app.screen.query_one("#said", Static).visual)


async def opened(hand: Hand) -> VirtualTable:
    """The pane, with its table."""
    await hand.ready()
    await hand.press("f2")
    await hand.until(lambda: isinstance(hand.app.screen, SqlScreen))
    await hand.until(lambda: hand.app.screen.query_one(SqlEditor).words.functions)
    return hand.app.screen.query_one(VirtualTable)


async def run(hand: Hand, sql: str) -> None:
    """Put a query into the editor and run it."""
    hand.app.screen.query_one("#editor", TextArea).load_text(sql)
    await hand.press("f5")


async def test_the_first_query_shows_what_was_said(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        assert app.lab.record.sync()
        table = await opened(hand)
        assert app.screen.query_one("#editor", TextArea).text == FIRST_QUERY
        await hand.press("f5")
        # A row a profile.
        await hand.until(lambda: table.row_count == 2)
        assert said(app).startswith("2 rows, ")
        assert table.columns[:2] == ("exchange_id", "session_id")
        await hand.press("escape")
        await hand.sees("Whose is it?")


async def test_an_error_stands_in_its_place_and_the_next_query_works(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(hand, "SELECT 1;\nSELECT * FROM nowhere")
        await hand.until(lambda: "nowhere" in said(app) and app.screen.query_one("#said").has_class("-trouble"))
        assert said(app).startswith("Line 2, column 15: ")
        assert app.screen.query_one(SqlEditor).cursor_location == (1, 14)
        await run(hand, " ")
        await hand.until(lambda: "The query is empty" in said(app))
        await run(hand, "DELETE FROM exchanges")
        await hand.until(lambda: "not allowed in a query" in said(app))
        await run(hand, "SELECT 42 AS answer")
        await hand.until(lambda: table.row_count == 1 and not app.screen.query_one("#said").has_class("-trouble"))


async def test_escape_cancels_a_running_query_at_once_and_stays(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand)
        await run(hand, ENDLESS)
        await hand.until(lambda: "Running" in said(app) and " s" in said(app))
        await hand.press(*"abc")
        assert app.screen.query_one("#editor", TextArea).text.endswith("abc") or "abc" in picture(app)
        await hand.press("escape")
        await hand.until(lambda: "cancelled" in said(app))
        assert isinstance(app.screen, SqlScreen)
        await hand.press("escape")
        await hand.until(lambda: not isinstance(app.screen, SqlScreen))


async def test_values_are_harmless_and_can_be_read_in_full(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        hostile = "chr(27) || '[2J[bold]x[/bold] ' || repeat('long ', 50) || 'end'"
        named = "PIVOT (SELECT chr(27) || '[31m[red]name' AS name, 1 AS one) ON name USING sum(one)"
        await run(hand, f"SELECT {hostile} AS text, NULL AS none, * FROM ({named})")
        await hand.until(lambda: table.row_count == 1)
        await hand.sees("\u241b[2J[bold]x[/bold]", "NULL", "\u241b[31m[red]name")
        assert "\x1b" not in picture(app)
        await hand.press("tab", "enter")
        await hand.until(lambda: isinstance(app.screen, ValueScreen))
        await hand.sees("long end")
        assert "\x1b" not in picture(app)


async def test_a_million_rows_open_scroll_and_sort_without_being_loaded(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(hand, "SELECT range AS n, 'row ' || range AS t FROM range(1000000)")
        await hand.until(lambda: table.row_count == 1_000_000)
        await hand.press("tab", "ctrl+end")
        await hand.sees("999999", "row 999999")
        for _ in range(40):
            await hand.press("pageup")
        await hand.until(lambda: table.row_at(table.row) is not None)
        assert sum(len(page) for page in table._pages.values()) < 10_000
        await hand.press("s")
        await hand.until(lambda: "rising" in said(app))
        await hand.press("s")
        await hand.until(lambda: "falling" in said(app) and table.row_at(0) == (999_999, "row 999999"))
        await hand.press("s")
        await hand.until(lambda: "as they came" in said(app) and table.row_at(0) == (0, "row 0"))


async def test_typing_stays_fluid_while_a_query_runs(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand)
        await run(hand, ENDLESS)
        await hand.until(lambda: "Running" in said(app))
        editor = app.screen.query_one(SqlEditor)
        took = []
        for _ in range(20):
            before, started = len(editor.text), time.monotonic()
            await hand.press("x")
            await hand.until(lambda before=before: len(editor.text) > before)
            took.append(time.monotonic() - started)
        assert sorted(took)[len(took) // 2] < 1.0
        await hand.press("escape")


async def test_a_row_opens_its_exchange_and_its_session(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        table = await opened(hand)
        await run(hand, "SELECT turn, exchange_id, session_id FROM exchanges")
        await hand.until(lambda: table.row_count == 1)
        await hand.press("tab", "enter")
        await hand.until(lambda: isinstance(app.screen, ExchangeScreen))
        await hand.press("escape")
        await hand.until(lambda: isinstance(app.screen, SqlScreen))
        await hand.press("right", "right", "enter")
        await hand.until(lambda: isinstance(app.screen, MainScreen))


async def test_the_cell_and_the_row_are_copied_whole(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr("lab.tui.results.copy", lambda app, text, what: copied.append(text))
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(hand, "SELECT repeat('ab', 500) AS t, 7 AS n")
        await hand.until(lambda: table.row_count == 1)
        await hand.press("tab", "c")
        await hand.until(lambda: copied == ["ab" * 500])
        await hand.press("C")
        await hand.until(lambda: copied[1:] == ["t\tn\n" + "ab" * 500 + "\t7"])


async def test_rows_are_saved_and_an_existing_file_is_asked_about(make_lab: MakeLab, tmp_path: Path) -> None:
    app = LabApp(make_lab())
    path = tmp_path / "rows.json"
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(hand, "SELECT range AS n FROM range(3)")
        await hand.until(lambda: table.row_count == 3)
        for again in (False, True):
            await hand.press("tab" if not again else "w")
            if not again:
                await hand.press("w")
            await hand.until(lambda: isinstance(app.screen, SaveScreen) and app.screen.query(Input))
            app.screen.query_one(Input).value = str(tmp_path / "rows.xls")
            await hand.press("enter")
            await hand.sees("End the name with one of")
            for name, why in (("x" * 300, "File name too long"), ("~nobody-of-that-name/a.csv", "is no path: nobody")):
                app.screen.query_one(Input).value = name
                await hand.press("enter")
                await hand.sees(why)
            app.screen.query_one(Input).value = str(path)
            await hand.press("enter")
            if again:
                await hand.sees("rows.json exists. Enter once more replaces it.")
                await hand.press("enter")
            await hand.until(lambda: isinstance(app.screen, SqlScreen) and f"3 rows in {path}" in said(app))
        assert json.loads(path.read_text()) == [{"n": 0}, {"n": 1}, {"n": 2}]


async def test_a_saving_that_another_query_ends_is_told(
    make_lab: MakeLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(result: Result, *arguments: Any) -> None:
        # As of many rows: it still runs when another query is begun, and ends as a query that is cancelled does.
        arguments[4].wait(20)
        raise LabError("The query was cancelled.", "Run it again.")

    monkeypatch.setattr(Result, "save", slow)
    app = LabApp(make_lab())
    path = tmp_path / "rows.json"
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(hand, "SELECT range AS n FROM range(3)")
        await hand.until(lambda: table.row_count == 3)
        await hand.press("tab", "w")
        await hand.until(lambda: isinstance(app.screen, SaveScreen) and app.screen.query(Input))
        app.screen.query_one(Input).value = str(path)
        await hand.press("enter")
        await hand.until(lambda: "Saving" in said(app))
        await run(hand, "SELECT 1 AS one")
        await hand.hears("rows.json was not written: something else was begun.")
        await hand.until(lambda: table.row_count == 1)
    assert not path.exists()


async def test_words_are_completed_columns_of_named_tables_first(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand)
        editor, offered = app.screen.query_one(SqlEditor), app.screen.query_one(Completions)
        editor.load_text("")
        await hand.press(*"SELECT * FROM sali")
        await hand.until(lambda: editor.completing)
        assert [option.id for option in offered.options][:2] == ["salience", "salience_history"]
        await hand.press("down", "tab")
        assert editor.text == "SELECT * FROM salience_history"
        assert not editor.completing
        await hand.press(*" WHERE conf")
        await hand.until(lambda: editor.completing and offered.options[0].id == "conflict")
        await hand.press("escape")
        assert not editor.completing
        assert isinstance(app.screen, SqlScreen)
        await hand.press("ctrl+space", "enter", *" > list_dist")
        await hand.until(lambda: editor.completing)
        await hand.press("enter")
        assert editor.text == "SELECT * FROM salience_history WHERE conflict > list_distance"
        # With the list closed, Enter is a new line and Tab leaves.
        await hand.press("enter", "tab")
        assert editor.text.endswith("\n")
        assert app.focused is not editor


async def test_words_typed_faster_than_the_screen_follows_are_completed(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand)
        editor = app.screen.query_one(SqlEditor)
        editor.load_text("")
        for character in "sess":
            app.post_message(events.Key(character, character))
        await hand.until(lambda: editor.text == "sess")
        await hand.until(lambda: editor.completing)
        editor.load_text("sess")
        await hand.until(lambda: not editor.completing)


async def test_queries_of_earlier_sessions_come_back(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.workspace.create()
    asked = Asked(lab.workspace.sessions / HISTORY)
    for sql in ("SELECT 1", "SELECT 2", "SELECT 1"):
        asked.add(sql)
    with (lab.workspace.sessions / HISTORY).open("ab") as file:
        file.write(b'{"sql": 5}\n{torn')
    assert asked.queries() == ["SELECT 2", "SELECT 1"]
    (lab.workspace.sessions / HISTORY).write_bytes(b'{"sql": "SELECT 2"}\n{"sql": "SELECT 1"}\n')
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        editor = app.screen.query_one("#editor", TextArea)
        editor.load_text("SELECT 3 AS mine")
        await hand.until(lambda: app.screen._history)  # type: ignore[attr-defined]
        await hand.press("ctrl+up")
        assert editor.text == "SELECT 1"
        await hand.press("ctrl+up", "ctrl+up")
        assert editor.text == "SELECT 2"
        await hand.press("ctrl+down", "ctrl+down")
        assert editor.text == "SELECT 3 AS mine"
        await hand.press("f5")
        await hand.until(lambda: table.columns == ("mine",))
        assert asked.queries()[-1] == "SELECT 3 AS mine"


async def test_a_saved_query_is_picked_and_run(make_lab: MakeLab) -> None:
    lab = make_lab()
    (lab.workspace.root / "queries").mkdir()
    (lab.workspace.root / "queries" / "mine.sql").write_text("-- Mine [b]\n-- Of my own.\nSELECT 7 AS seven;\n")
    app = LabApp(lab)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await hand.press("f3")
        await hand.until(lambda: isinstance(app.screen, QueriesScreen))
        await hand.sees("Before and after each sleep")
        await hand.press(*"of my own")
        await hand.sees("Mine [b]", "SELECT 7 AS seven")
        assert app.screen.query_one(OptionList).option_count == 2
        await hand.press("enter")
        await hand.until(lambda: isinstance(app.screen, SqlScreen))
        await hand.press("f5")
        await hand.until(lambda: table.columns == ("seven",))


async def test_unlocking_asks_is_seen_and_ends_with_the_pane(make_lab: MakeLab) -> None:
    lab = make_lab()
    app = LabApp(lab)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand)
        await hand.press("f8")
        await hand.until(lambda: isinstance(app.screen, UnlockScreen))
        await hand.sees("a rebuild discards")
        await hand.press("escape")
        await hand.until(lambda: isinstance(app.screen, SqlScreen))
        assert not hand.shows("Unlocked:")
        await hand.press("f8")
        await hand.until(lambda: isinstance(app.screen, UnlockScreen))
        await hand.press("u")
        await hand.sees("Unlocked:")
        await run(hand, "CREATE TABLE mine AS SELECT 5 AS five; FROM mine")
        await hand.until(lambda: said(app).startswith("1 row"))
        await hand.press("escape")
        await hand.until(lambda: isinstance(app.screen, MainScreen))
        await opened(hand)
        assert not hand.shows("Unlocked:")
        await run(hand, "DROP TABLE mine")
        await hand.until(lambda: "not allowed in a query" in said(app))
        assert lab.record.query("FROM mine").rows == [(5,)]


async def test_a_result_becomes_a_plot_with_one_key(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(
            hand, "SELECT TIMESTAMP '2026-01-02' + to_days(range::INT) AS day, range * 2 AS twice FROM range(5000)"
        )
        await hand.until(lambda: table.row_count == 5000)
        await hand.press("tab", "g")
        await hand.sees("twice by day, 1,667 of 5,000 rows", "2026-01-02")
        await hand.press("g")
        await hand.until(lambda: "twice by day" not in picture(app))
        await run(hand, "SELECT 'a' AS name")
        await hand.until(lambda: table.columns == ("name",))
        await hand.press("g")
        await hand.until(lambda: "no column of numbers" in said(app))


async def test_values_below_zero_are_inside_the_plot(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(hand, "SELECT range AS x, -100 - range AS loss FROM range(10)")
        await hand.until(lambda: table.row_count == 10)
        await hand.press("tab", "g")
        await hand.sees("loss by x")
        # The axis reaches from zero down to the lowest value.
        await hand.sees(" -40 ", " -100 ")


async def test_leaving_the_pane_leaves_nothing_on_the_disk(make_lab: MakeLab, tmp_path: Path) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        for sql in ("SELECT 1 AS a", "SELECT 2 AS b"):
            await run(hand, sql)
            await hand.until(lambda sql=sql: table.columns == (sql[-1],))
        await hand.press("escape")
        await hand.until(lambda: list((tmp_path / "cache" / "results").iterdir()) == [])
