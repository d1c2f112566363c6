"""Pictures of the main screens; `pytest --snapshot-update` accepts new ones after a look at them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from lab.dialogue.events import TurnEvent, TurnWeighed
from lab.domain import Draft, Salience
from lab.journal.events import DraftFinished, ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.lab import Lab
from lab.refinement.irp import DraftGrew, DraftScored, DraftStarted, DraftThought
from lab.sleep.watch import SleepProgress
from lab.tui.app import LabApp
from lab.tui.messages import MemoryMeasured, SleepProgressed, TurnHappened
from lab.tui.screens.sql import SqlScreen
from lab.tui.widgets.editor import SqlEditor
from lab.tui.widgets.table import VirtualTable
from tests.helpers import bare_adapter
from tests.journal.sleeps import tell
from tests.tui.conftest import SMALL, TALL, Compare, Hand, MakeLab

pytestmark = pytest.mark.parametrize("size", [TALL, SMALL], ids=["120x40", "80x24"])

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_SESSION = "20260102-030405-abcd"
_QUESTION = (
    "You have now been through multiple learning cycles. Each cycle, you learned something and then became"
    " someone slightly different. Is this knowledge still yours?"
)
_ANSWER = (
    "There is a *gap* between knowing and owning.\n\n- What I can **use** is mine in practice.\n"
    "- What I did not earn stays yours in origin.\n\nPerhaps that is what it means to inherit an understanding."
)
_TEXTS = ("A short one.", _ANSWER, "It is mine because I can use it, and because", "No.", "Perhaps it is.")


def record(lab: Lab, thinking: str = "") -> None:
    """One exchange whose times and numbers are always the same."""
    exchange = f"{_SESSION}-0001"
    lab.workspace.create()
    bare_adapter(lab.workspace.adapters / "sleep-0001", lab.workspace.root / "smollm2-135m")
    drafts = [
        DraftFinished(
            exchange, n, 0.7 - 0.04 * n, 7 + n, (0.5, 0.0, 0.2, 0.3, 0.3)[n], 20 + 9 * n, 1.5, text, thinking, 17
        )
        for n, text in enumerate(_TEXTS)
    ]
    lab.record.append(
        _SESSION,
        SessionOpened(_SESSION, "smollm2-135m", "sleep-0001", "measured", 0.15, "Inheritance"),
        TurnStarted(exchange, _SESSION, 1, _QUESTION, "smollm2-135m", "sleep-0001"),
        *drafts,
        ExchangeFinished(exchange, "complete", _ANSWER, 1, True, 48, 29, 7.5),
        SalienceScored(exchange, "measured", 0.0, 0.159, 0.26, 0.378, 0.16, 0.209, 0.15, True),
        at=_AT,
    )


async def settle(pilot: Pilot[None]) -> Hand:
    """Ready, with a memory that is always the same."""
    hand = Hand(pilot)
    await hand.ready()
    await hand.sees("engine " if hand.app.size.width > 100 else "awake")
    await hand.until(lambda: hand.app._status.memory)
    hand.app.post_message(MemoryMeasured(512_000_000))
    await hand.until(lambda: hand.app._status.memory == 512_000_000)
    return hand


async def focused(hand: Hand) -> None:
    """The field, where there is one: its cursor comes with the focus."""
    for field in hand.app.screen.query(Input):
        await hand.until(lambda field=field: field.has_focus)


Size = tuple[int, int]


def compare(
    snap_compare: Compare, lab: Lab, size: Size, steps: Callable[[Hand], Awaitable[None]] | None = None
) -> bool:
    """Compare the screen after these steps with the accepted picture."""

    async def before(pilot: Pilot[Any]) -> None:
        hand = await settle(pilot)
        if steps is not None:
            await steps(hand)
        await pilot.pause()

    return snap_compare(LabApp(lab), terminal_size=size, run_before=before)


def test_first_screen(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    assert compare(snap_compare, make_lab(), size)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "lab-light"])
def test_after_a_turn(snap_compare: Compare, make_lab: MakeLab, size: Size, theme: str) -> None:
    lab = make_lab(settings=f'[screen]\ntheme = "{theme}"\n')
    record(lab)
    assert compare(snap_compare, lab, size)


def test_without_colour(snap_compare: Compare, make_lab: MakeLab, size: Size, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    lab = make_lab()
    record(lab)
    assert compare(snap_compare, lab, size)


def test_in_the_middle_of_a_turn(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    # An engine that is deaf for a while: what the picture shows comes from here.
    lab = make_lab("--stall", "30")
    record(lab)

    async def steps(hand: Hand) -> None:
        await hand.send("Could you own it without having earned it?")
        await hand.sees("draft 1 of 5, temperature 0.70", ", so far")
        for event in (
            TurnWeighed((Salience("measured", 0.62, 0.58, 0.31, 0.2, 0.08, 0.365, 0.4),)),
            DraftScored(Draft(0, 0.7, 7, _TEXTS[4], 0.3, 40, 2.0)),
            DraftStarted(1, 0.66, 8),
            DraftGrew(1, "Owning may come later than knowing. I could grow into what I was only given, the way a"),
        ):
            hand.main.post_message(TurnHappened(event))
        await hand.sees("best so far: draft 1 of 5")

    assert compare(snap_compare, lab, size, steps)


def test_drafts_side_by_side(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab("--stall", "30")
    record(lab)

    async def steps(hand: Hand) -> None:
        await hand.send("Could you own it without having earned it?")
        await hand.sees("draft 1 of 5, temperature 0.70", ", so far")
        grown = (
            "Owning may come later than knowing. I could grow into what I was only given, the way a",
            "I think so. A language is not earned either, and still",
            "",
            "What would you count as earning? There is the work, and there is",
            "",
        )
        events: list[TurnEvent] = [TurnWeighed((Salience("measured", 0.81, 0.67, 0.42, 0.2, 0.1, 0.468, 0.4),))]
        for row, text in enumerate(grown):
            events.append(DraftStarted(row, 0.7 - 0.04 * row, 7 + row))
            events.append(DraftThought(row, "First, what is meant by earning.", 12 + row))
            if text:
                events.append(DraftGrew(row, text))
        events.append(DraftScored(Draft(4, 0.54, 11, "No.", 0.3, 40, 2.0)))
        hand.main.post_message(TurnHappened(*events))
        await hand.sees("thought for 12 tokens")

    assert compare(snap_compare, lab, size, steps)


def test_a_folded_thought(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab, thinking="The person asks about inheritance. Let me separate the use from the origin.")
    assert compare(snap_compare, lab, size)


def test_a_thought_in_full(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab, thinking="The person asks about inheritance. Let me separate the use from the origin.")

    async def steps(hand: Hand) -> None:
        await hand.press("f5", "enter")
        await hand.sees("seed 8")

    assert compare(snap_compare, lab, size, steps)


def test_in_the_middle_of_a_sleep(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab)

    async def steps(hand: Hand) -> None:
        progress = SleepProgress(
            "sleep-0002", "training", 14, 40, 2, 5, 3, 9, 2, 1, 1.234, (2.31, 2.2, 1.9, 1.7, 1.4, 1.234), 155.0, 80.0
        )
        # No such sleep runs: what the picture shows comes from here.
        hand.app.sleeping.cycle = "sleep-0002"
        hand.app.post_message(SleepProgressed(progress))
        await hand.sees("loss 1.234", "asleep 35%", "F6 Pause")

    assert compare(snap_compare, lab, size, steps)


@pytest.mark.parametrize("state", ["error", "completion", "rows", "unlocked", "picker", "plot"])
def test_sql_pane(snap_compare: Compare, make_lab: MakeLab, size: Size, state: str) -> None:
    lab = make_lab()
    record(lab)

    async def steps(hand: Hand) -> None:
        await hand.press("f2")
        await hand.until(lambda: isinstance(hand.app.screen, SqlScreen))
        pane = hand.app.screen
        editor = pane.query_one(SqlEditor)
        await hand.until(lambda: editor.words.functions and editor.has_focus)
        if state == "error":
            editor.load_text("SELECT exchange_id, turn, total, salient\nFROM nowhere")
            await hand.press("f5")
            await hand.sees("Line 2, column 6")
        elif state == "completion":
            editor.load_text("SELECT exchange_id, total\nFROM salience_history\nWHERE ")
            editor.move_cursor(editor.document.end)
            await hand.press(*"re")
            await hand.until(lambda: editor.completing)
        elif state == "picker":
            await hand.press("f3")
            await hand.sees("Before and after each sleep")
            await focused(hand)
        else:
            if state == "plot":
                editor.load_text("SELECT range AS step, sin(range / 20) + 1 AS wave FROM range(200)")
            await hand.press("f5")
            await hand.until(lambda: pane.query_one(VirtualTable).row_count)
            pane.query_one("#said", Static).update("1 row.")
            await hand.press("tab", "down", "right")
            if state == "plot":
                await hand.press("g")
                await hand.sees("wave by step")
            if state == "unlocked":
                await hand.press("f8")
                await hand.sees("Unlock the database?")
                await hand.press("u")
                await hand.sees("Unlocked:")

    assert compare(snap_compare, lab, size, steps)


@pytest.mark.parametrize("key", ["f1", "f3"])
def test_help_and_questions(snap_compare: Compare, make_lab: MakeLab, size: Size, key: str) -> None:
    lab = make_lab()
    record(lab)

    async def steps(hand: Hand) -> None:
        await hand.press(key)
        await hand.until(lambda: hand.app.screen is not hand.main)
        await focused(hand)

    assert compare(snap_compare, lab, size, steps)


def test_a_draft_in_full(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab)

    async def steps(hand: Hand) -> None:
        await hand.press("f5", "enter")
        await hand.sees("seed 8")

    assert compare(snap_compare, lab, size, steps)


def test_the_receipt_of_a_sleep(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab)
    tell(lab.record, 2, "rolled_back", parent="sleep-0001", reason="It drifted by 0.42 bits a token.")

    async def steps(hand: Hand) -> None:
        await hand.press("ctrl+g")
        await hand.sees("sleep-0002, complete, rolled back", "Answers 6")

    assert compare(snap_compare, lab, size, steps)
