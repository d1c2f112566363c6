"""The SQL pane on the real record."""

from __future__ import annotations

from textual.widgets import DataTable, Static, TextArea

from lab.tui.app import LabApp
from lab.tui.screens.sql import FIRST_QUERY, SqlScreen
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab, picture


def said(app: LabApp) -> str:
    return str(app.screen.query_one("#said", Static).visual)


async def opened(hand: Hand) -> DataTable[object]:
    """The pane, with its table."""
    await hand.ready()
    await hand.press("f2")
    await hand.until(lambda: isinstance(hand.app.screen, SqlScreen))
    return hand.app.screen.query_one(DataTable)


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
        table = await opened(hand)
        assert app.screen.query_one("#editor", TextArea).text == FIRST_QUERY
        await hand.press("f5")
        await hand.until(lambda: table.row_count == 1)
        assert said(app).startswith("1 row, ")
        assert [str(column.label) for column in table.ordered_columns][:2] == ["exchange_id", "session_id"]
        await hand.press("escape")
        await hand.sees("Whose is it?")


async def test_the_row_limit_is_the_setting_and_is_said(make_lab: MakeLab) -> None:
    app = LabApp(make_lab(settings="[screen]\nrows = 7\n"))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        assert "At most 7 rows" in said(app)
        await run(hand, "SELECT * FROM range(1000)")
        await hand.until(lambda: table.row_count == 7)
        assert said(app).startswith("first 7 rows; more exist")
        await run(hand, "SELECT * FROM range(7)")
        await hand.until(lambda: said(app).startswith("7 rows, "))


async def test_an_error_stands_in_its_place_and_the_next_query_works(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(hand, "SELECT * FROM nowhere")
        await hand.until(lambda: "nowhere" in said(app) and app.screen.query_one("#said").has_class("-trouble"))
        await run(hand, " ")
        await hand.until(lambda: "The query is empty" in said(app))
        await run(hand, "DELETE FROM exchanges")
        await hand.until(lambda: app.screen.query_one("#said").has_class("-trouble") and "empty" not in said(app))
        await run(hand, "SELECT 42 AS answer")
        await hand.until(lambda: table.row_count == 1 and not app.screen.query_one("#said").has_class("-trouble"))


async def test_escape_cancels_a_running_query_and_stays(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand)
        await run(hand, "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range = -1")
        await hand.until(lambda: "Running. Esc cancels." in said(app))
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
        await run(hand, "SELECT chr(27) || '[2J[bold]x[/bold] ' || repeat('long ', 50) || 'end' AS text, NULL AS none")
        await hand.until(lambda: table.row_count == 1)
        await hand.sees("\u241b[2J[bold]x[/bold]", "NULL")
        assert "\x1b" not in picture(app)
        await hand.press("tab", "enter")
        await hand.sees("long end")
        assert "\x1b" not in picture(app)


async def test_many_rows_arrive_whole(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        table = await opened(hand)
        await run(hand, "SELECT range AS n, range * 2 AS twice FROM range(999)")
        await hand.until(lambda: table.row_count == 999)
        assert [str(cell) for cell in table.get_row_at(998)] == ["998", "1996"]
