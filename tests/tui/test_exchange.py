"""One exchange in full: everything that is known of it, its marks, and the ways on from it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Markdown, TextArea

from lab.dialogue.recording import scored
from lab.journal import queries
from lab.journal.events import (
    DraftFinished,
    Event,
    ExchangeFinished,
    ExchangeMarked,
    SalienceScored,
    SessionOpened,
    TurnMeasured,
    TurnStarted,
)
from lab.journal.evidence import evidence_of
from lab.lab import Lab
from lab.salience import PROFILES
from lab.tui.app import LabApp
from lab.tui.screens.draft import DraftScreen
from lab.tui.screens.edit import EditScreen
from lab.tui.screens.exchange import ExchangeScreen
from lab.tui.screens.main import MainScreen
from lab.tui.widgets.transcript import Transcript
from tests.tui.conftest import SMALL, TALL, Compare, Hand, MakeLab, picture

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
SESSION = "20260102-030405-abcd"
FIRST, SECOND, THIRD, FAILED, RUNNING = (f"{SESSION}-{turn:04d}" for turn in range(1, 6))
ANSWER = "There is a gap between knowing and owning.\n\n- What I can use is mine in practice."
OTHER = "There is a gap between having and owning.\n\n- What I can use is mine, I think."
HELD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def record(lab: Lab) -> None:
    """Five exchanges: two scores and three drafts, none of either, long texts edited, failed, and one that runs."""
    lab.workspace.create()
    long = "\n\n".join(f"Paragraph {n}: " + "a sentence that goes on. " * 6 for n in range(12))
    energies = (0.3, 0.0, 0.2)
    events: list[Event] = [SessionOpened(SESSION, "smollm2-135m", "sleep-0001", "lexical", 0.15, "Inheritance")]
    for turn, (name, question, answer) in enumerate(
        (
            (FIRST, "Is this knowledge still yours?", ANSWER),
            (SECOND, "Who scored this?", "Nobody scored [red]this[/] one\x1b[31m."),
            (THIRD, "Tell me more. " * 30, long),
        ),
        1,
    ):
        events.append(TurnStarted(name, SESSION, turn, question, "smollm2-135m", "sleep-0001"))
        if name == FIRST:
            texts = ("A short one.", ANSWER, OTHER)
            events += [
                DraftFinished(name, n, 0.7 - 0.04 * n, 7 + n, energies[n], 20 + 9 * n, 1.5, text, finish="stop")
                for n, text in enumerate(texts)
            ]
        events.append(ExchangeFinished(name, "complete", answer, 1 if name == FIRST else None, True, 48, 29, 7.5))
    events += [
        SalienceScored(FIRST, "lexical", 0.0, 0.159, 0.26, 0.378, 0.16, 0.209, 0.15, True),
        SalienceScored(FIRST, "recorded", 0.1, 0.2, 0.3, 0.4, 0.5, 0.111, 0.15, False),
        ExchangeMarked(THIRD, "edited", "This is what it should have said."),
        TurnStarted(FAILED, SESSION, 4, "What failed?", "smollm2-135m", None),
        ExchangeFinished(FAILED, "failed", "", reason="The engine stopped. Press F7 to start it again."),
    ]
    lab.record.append(SESSION, *events, at=AT)


Opened = Callable[[Pilot[None], str], Awaitable[Hand]]


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    lab = make_lab("--words", "20")
    record(lab)
    return lab


async def open_exchange(pilot: Pilot[Any], exchange_id: str) -> Hand:
    hand = Hand(pilot)
    await hand.ready()
    hand.app.sessions.open_exchange(exchange_id)
    await hand.sees(exchange_id)
    screen = hand.app.screen
    assert isinstance(screen, ExchangeScreen)
    await hand.until(lambda: screen._page is not None)
    return hand


def marks(lab: Lab, exchange_id: str) -> tuple[object, ...]:
    assert lab.record.sync()
    rows = lab.record.query("SELECT mark, target, kept_iteration FROM exchanges WHERE exchange_id = ?", [exchange_id])
    return rows.rows[0]


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_everything_that_is_known_is_on_the_screen(lab: Lab, size: tuple[int, int]) -> None:
    async with LabApp(lab).run_test(size=size, notifications=True) as pilot:
        hand = await open_exchange(pilot, FIRST)
        await hand.sees("Turn 1 of 4", "Inheritance", "2026-01-02 03:04:05 UTC", "smollm2-135m", "sleep-0001")
        await hand.sees(FIRST, "48 tokens read", "29 written", "7.5 s", "Is this knowledge still")
        await hand.sees("gap between knowing", "0.378", "0.209", "salient", "lexical, 1 of 2", "chosen")
        await hand.press("p")
        await hand.sees("recorded, 2 of 2", "0.111", "not salient")
        await hand.press("p")
        await hand.sees("lexical, 1 of 2")


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_what_moved_a_bar_is_told_in_place_of_the_drafts(lab: Lab, size: tuple[int, int]) -> None:
    lab.record.append(
        SESSION,
        TurnMeasured(FIRST, bits=9.25, nearest=0.4, agreement=0.75),
        SalienceScored(FIRST, "measured", 0.948, 0.6, 0.2, 0.5, 0.125, 0.563, 0.5, True),
    )
    async with LabApp(lab).run_test(size=size, notifications=True) as pilot:
        hand = await open_exchange(pilot, FIRST)
        await hand.press("w")
        await hand.sees("What moved it", "length of the")
        assert "chosen" not in picture(hand.app)
        await hand.press("p")
        await hand.sees("measured, 2 of 3", "9.2 bits a token", "0.948")
        await hand.press("p")
        await hand.sees("recorded, 3 of 3", "Nothing was recorded for")
        await hand.press("w")
        await hand.sees("chosen")
        assert "What moved it" not in picture(hand.app)


async def test_an_exchange_without_score_drafts_or_answer_says_so(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, SECOND)
        await hand.sees("no score", "Nobody scored [red]this[/] one\u241b[31m.")
        await hand.press("d")
        await hand.sees("No draft of this answer is in the record.")
        await hand.press("right", "right")
        await hand.sees("failed: The engine stopped. Press F7", "What failed?", "no adapter")


async def test_left_and_right_go_through_the_session_and_its_ends_are_said(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, THIRD)
        hand.app.screen.query_one(VerticalScroll).scroll_end(animate=False)
        await hand.press("left")
        await hand.sees("Turn 2 of 4")
        await hand.until(lambda: hand.app.screen.query_one(VerticalScroll).scroll_y == 0)
        await hand.press("left")
        await hand.sees("Turn 1 of 4")
        await hand.press("left")
        await hand.sees("This is the first exchange of its session.")


async def test_keys_that_are_pressed_while_a_page_is_read_go_from_that_page(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, FIRST)
        screen = hand.app.screen
        assert isinstance(screen, ExchangeScreen)
        # In one go, so that no page can be read in between.
        for _ in range(2):
            screen.action_after()
        await hand.sees("Turn 3 of 4")
        for _ in range(3):
            screen.action_before()
        await hand.sees("Turn 1 of 4", "This is the first exchange of its session.")
        screen.action_after()
        await hand.sees("Turn 2 of 4")


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_marks_are_set_and_taken_back_with_one_key(lab: Lab, size: tuple[int, int]) -> None:
    async with LabApp(lab).run_test(size=size, notifications=True) as pilot:
        hand = await open_exchange(pilot, SECOND)
        for key, words, expected in (
            ("k", "kept: a sleep learns it", ("kept", None, None)),
            ("x", "excluded: no sleep learns it", ("excluded", None, None)),
        ):
            await hand.press(key)
            await hand.sees(words)
            assert marks(lab, SECOND) == expected
        await hand.press("u")
        await hand.until(lambda: "excluded" not in picture(hand.app))
        assert marks(lab, SECOND) == (None, None, None)
        await hand.press("u")
        await hand.sees("There is no mark to take back.")


async def test_keys_in_a_row_are_recorded_in_their_order(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, SECOND)
        screen = hand.app.screen
        assert isinstance(screen, ExchangeScreen)
        # As fast as a keyboard that repeats; then the screen is left before they are recorded.
        for _ in range(10):
            screen.action_keep()
            screen.action_exclude()
        await hand.press("escape")
        await hand.until(lambda: isinstance(hand.app.screen, MainScreen))

        def marks() -> list[str | None]:
            events = [line.entry.event for line in lab.record.journal.read(SESSION) if line.entry]
            return [event.mark for event in events if isinstance(event, ExchangeMarked)]

        await hand.until(lambda: len(marks()) == 21)
        assert marks() == ["edited", *["kept", "excluded"] * 10]


async def test_excluding_and_keeping_again_leaves_what_was_written(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, THIRD)
        await hand.sees(
            "edited: a sleep learns it in your words", "Answer, in your words", "Recorded answer", "Paragraph 0"
        )
        await hand.press("x")
        await hand.sees("excluded", "This is what it should have said.")
        await hand.press("k")
        await hand.sees("edited: a sleep learns it in your words")
        assert marks(lab, THIRD) == ("edited", "This is what it should have said.", None)
        await hand.press("u")
        await hand.hears("Your words stay in the journal.")
        await hand.until(lambda: "Recorded answer" not in picture(hand.app))
        assert hand.app.screen.query_one("#answer", Markdown).source.startswith("Paragraph 0")


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_an_edited_answer_is_the_answer_everywhere_at_once(lab: Lab, size: tuple[int, int]) -> None:
    async with LabApp(lab).run_test(size=size, notifications=True) as pilot:
        hand = await open_exchange(pilot, FAILED)
        await hand.press("e")
        await hand.until(lambda: isinstance(hand.app.screen, EditScreen))
        await hand.press(*"I", "space", *"know.", "ctrl+s")
        await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))
        await hand.sees("edited: a sleep learns it in your words", "I know.")
        assert marks(lab, FAILED) == ("edited", "I know.", None)
        await hand.press("escape")
        await hand.sees("edited", "failed", "I know.")
        conversation = hand.main.conversation
        assert conversation is not None and conversation.history[-1].answer == "I know."


async def test_the_next_turn_goes_on_from_the_answer_as_marked(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, FAILED)
        hand.app.marker.mark(FAILED, "edited", "What I say in its place.")
        await hand.sees("edited:")
        conversation = hand.main.conversation
        assert conversation is not None and lab.engine.loaded is not None
        contents = [m.content for m in conversation._context("And now?", lab.engine.loaded).prompt.messages]
        assert contents[-3:] == ["What failed?", "What I say in its place.", "And now?"]


async def test_an_edited_text_is_not_lost_without_a_word(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, SECOND)
        await hand.press("e", "escape")
        await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))
        await hand.press("e", *"Mine", "escape")
        await hand.sees("Not saved.", "Mine")
        await hand.press("s", "ctrl+q")
        await hand.sees("Not saved.", "Mines")
        await hand.press("escape")
        await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))
        assert marks(lab, SECOND) == (None, None, None)


async def test_a_text_that_cannot_be_saved_stays(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, SECOND)
        await hand.press("e")
        await hand.until(lambda: hand.app.screen.query(TextArea))
        hand.app.screen.query_one(TextArea).load_text(" ")
        await hand.press("ctrl+s")
        await hand.sees("would be empty")
        assert isinstance(hand.app.screen, EditScreen)
        hand.app.screen.query_one(TextArea).load_text("Something.")
        await hand.press("ctrl+s")
        await hand.sees("edited: a sleep learns it in your words", "Something.")


async def test_another_draft_is_kept_from_here_and_the_recorded_answer_stays_readable(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, FIRST)
        await hand.press("d")
        await hand.until(lambda: isinstance(hand.app.screen, DraftScreen))
        await hand.press("right", "k")
        await hand.sees("Draft 3 of 3, kept as the answer")
        await hand.press("escape")
        await hand.sees("kept:", "Answer, draft 3", "having and owning", "Recorded answer", "knowing and owning")
        assert marks(lab, FIRST) == ("kept", OTHER, 2)
        # Enter goes to the draft that is the answer now.
        await hand.press("enter")
        await hand.sees("Draft 3 of 3")


async def test_the_drafts_open_at_the_first_one_where_that_was_kept(lab: Lab) -> None:
    lab.record.append(SESSION, ExchangeMarked(FIRST, "kept", "A short one.", 0))
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, FIRST)
        await hand.press("d")
        await hand.sees("Draft 1 of 3, kept as the answer")


async def test_reasons_that_tell_more_than_the_score_say_what_it_would_be(lab: Lab) -> None:
    lab.record.append(SESSION, TurnMeasured(FIRST, bits=9.25, nearest=0.4, agreement=0.75))
    assert lab.record.sync()
    exchange = queries.exchange(lab.record, FIRST)
    assert exchange is not None
    evidence = evidence_of(lab.record, exchange)
    assert evidence is not None
    fresh = PROFILES["measured"].score(evidence, 0.4)
    lab.record.append(SESSION, scored(FIRST, fresh))
    async with LabApp(lab).run_test(size=(80, 60), notifications=True) as pilot:
        hand = await open_exchange(pilot, FIRST)
        await hand.press("w", "p")
        await hand.sees("measured, 2 of 3", "9.2 bits a token")
        assert not hand.shows("anew: ")
        # The mark weighs in the reward, which is scored again by `lab score`.
        await hand.press("k")
        better = PROFILES["measured"].score(replace(evidence, mark="kept"), 0.4)
        await hand.sees("marked as kept", f"anew: {better.total:.3f}")


async def test_answer_and_question_are_copied(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, FIRST)
        await hand.press("c")
        await hand.until(lambda: hand.app.clipboard == ANSWER)
        await hand.press("C")
        await hand.until(lambda: hand.app.clipboard == f"Is this knowledge still yours?\n\n{ANSWER}")


async def test_a_fork_begins_where_the_exchange_ends(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, SECOND)
        await hand.press("f")
        await hand.until(lambda: isinstance(hand.app.screen, MainScreen) and not hand.app.sessions.changing)
        conversation = hand.main.conversation
        assert conversation is not None
        assert conversation.session.parent_exchange_id == SECOND
        assert [exchange.exchange_id for exchange in conversation.history] == [FIRST, SECOND]


async def test_its_dialogue_is_opened_at_this_turn(lab: Lab) -> None:
    app = LabApp(lab, new=True)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, SECOND)
        await hand.press("g")
        await hand.until(lambda: hand.main.session_id == SESSION and isinstance(app.screen, MainScreen))
        await hand.sees("turn 2, no score")


async def test_an_exchange_of_another_session_can_be_read_and_marked_while_an_answer_is_written(
    make_lab: MakeLab,
) -> None:
    lab = make_lab("--pace", "20", "--words", "100")
    record(lab)
    app = LabApp(lab, new=True)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Go on.")
        await hand.until(lambda: hand.main.answering)
        app.sessions.open_exchange(SECOND)
        await hand.sees("Turn 2 of 4")
        await hand.press("k")
        await hand.sees("kept: a sleep learns it")
        assert hand.main.answering
        await hand.press("f")
        await hand.sees("can be changed when the answer is there")
        running = f"{hand.main.session_id}-0001"
        app.sessions.open_exchange(running)
        await hand.sees(running, "The answer is still being written.")
        await hand.press("k")
        await hand.until(lambda: any("still being written" in told.message for told in app._notifications))
        hand.main.outbox.stop()
        # It is read again until it is over.
        await hand.until(lambda: not app.screen.query_one("#trouble").display)
        await hand.sees("cancelled", "Answer")


async def test_an_unknown_exchange_is_said(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        hand.app.sessions.open_exchange("nowhere-[red]0001\x1b[31m")
        await hand.sees('There is no exchange "nowhere-[red]0001\u241b[31m" in the record.')
        for key in "kxeucdfgp":
            await hand.press(key)
        await hand.press("left", "right", "enter", "C", "escape")
        await hand.until(lambda: isinstance(hand.app.screen, MainScreen))


async def test_a_database_that_is_held_elsewhere_is_said(lab: Lab) -> None:
    async with LabApp(lab).run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        assert lab.record.sync()
        command = [sys.executable, "-c", HELD, str(lab.workspace.database)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            hand.app.sessions.open_exchange(SECOND)
            await hand.sees(f"Reading {SECOND} from the record.")
            await hand.sees("is held by", "lab.duckdb", "Close it there", seconds=20)
            holder.communicate()


Steps = Callable[[Hand], Awaitable[None]]


def compare(snap_compare: Compare, lab: Lab, size: tuple[int, int], exchange_id: str, steps: Steps | None) -> bool:
    async def before(pilot: Pilot[Any]) -> None:
        hand = await open_exchange(pilot, exchange_id)
        if steps is not None:
            await steps(hand)
        await pilot.pause(0.1)

    return snap_compare(LabApp(lab), terminal_size=size, run_before=before)


async def differences(hand: Hand) -> None:
    await hand.press("d")
    await hand.sees("Draft 2 of 3")
    await hand.press("right", "d")
    await hand.sees("Draft 3 of 3", "[-")


async def kept_draft(hand: Hand) -> None:
    await hand.press("d", "right", "k")
    await hand.sees("kept as the answer")
    await hand.press("escape")
    await hand.sees("Answer, draft 3")


async def editing(hand: Hand) -> None:
    await hand.press("e", *"Yes. ", "escape")
    await hand.sees("Not saved.")


@pytest.mark.parametrize("size", [TALL, SMALL], ids=["120x40", "80x24"])
@pytest.mark.parametrize(
    ("exchange_id", "steps"),
    [
        pytest.param(FIRST, None, id="scored"),
        pytest.param(SECOND, None, id="unscored"),
        pytest.param(THIRD, None, id="edited"),
        pytest.param(FAILED, None, id="failed"),
        pytest.param(FIRST, kept_draft, id="kept"),
        pytest.param(FIRST, differences, id="differences"),
        pytest.param(SECOND, editing, id="editing"),
    ],
)
def test_the_picture_of_an_exchange(
    snap_compare: Compare, lab: Lab, size: tuple[int, int], exchange_id: str, steps: Steps | None
) -> None:
    assert compare(snap_compare, lab, size, exchange_id, steps)


async def test_a_mark_reaches_no_turn_of_a_dialogue_that_does_not_have_it(lab: Lab) -> None:
    async with LabApp(lab, new=True).run_test(size=TALL, notifications=True) as pilot:
        hand = await open_exchange(pilot, SECOND)
        await hand.press("k")
        await hand.sees("kept:")
        assert not hand.main.query_one(Transcript).turns()
