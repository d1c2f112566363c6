"""The receipt on the screen: measures, answers before and after, lessons, dreams; and going back to an adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from textual.widgets import OptionList

from lab.journal.events import ExchangeFinished, SessionOpened, TurnStarted
from lab.journal.receipts import receipt
from lab.journal.sleep_events import (
    SleepEnded,
    SleepExampleUsed,
    SleepLessonFound,
    SleepMeasured,
    SleepProbed,
    SleepStarted,
)
from lab.lab import Lab
from lab.receipt import NOT_MEASURED
from lab.tui.app import LabApp
from lab.tui.receipts import dream_rows, lesson_rows, probe_rows
from lab.tui.screens.adapters import AdaptersScreen
from lab.tui.screens.exchange import ExchangeScreen
from lab.tui.screens.main import MainScreen
from lab.tui.screens.receipt import ReceiptScreen
from tests.helpers import bare_adapter
from tests.journal.sleeps import AT, SAID, tell
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab, picture
from tests.tui.test_adapters import go_to

_SESSION = SAID[:-5]


def fill(lab: Lab, answer: str | None = None) -> None:
    """The exchange that three facts were said in, and a kept, a weakened and a rolled-back sleep on it."""
    lab.workspace.create()
    for number in (1, 2):
        bare_adapter(lab.workspace.adapters / f"sleep-{number:04d}", lab.workspace.root / "smollm2-135m", number)
    lab.record.append(
        _SESSION,
        SessionOpened(_SESSION, "smollm2-135m", None, "measured", 0.15, "About me"),
        TurnStarted(SAID, _SESSION, 1, "My dog is called Rex.", "smollm2-135m", None),
        ExchangeFinished(SAID, "complete", "How nice.", None, True, 20, 5, 1.0),
        at=AT,
    )
    tell(lab.record, 1, answer=answer)
    tell(lab.record, 2, "weakened", parent="sleep-0001", strength=0.6, reason="At full strength it drifted.")
    tell(lab.record, 3, "rolled_back", parent="sleep-0002", reason="it drifted by 0.42 bits a token", answer=answer)


@asynccontextmanager
async def on_receipt(lab: Lab, size: tuple[int, int] = TALL) -> AsyncIterator[Hand]:
    """On the receipt of the newest sleep, from the dialogue."""
    app = LabApp(lab, new=True)
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("ctrl+g")
        await hand.until(lambda: isinstance(app.screen, ReceiptScreen))
        await hand.until(lambda: not hand.shows("Reading the record."))
        yield hand


@asynccontextmanager
async def on_adapters(lab: Lab, size: tuple[int, int] = TALL) -> AsyncIterator[Hand]:
    app = LabApp(lab, new=True)
    async with app.run_test(size=size) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("ctrl+l")
        await hand.until(lambda: isinstance(app.screen, AdaptersScreen))
        await hand.until(lambda: app.screen.query_one("#tree", OptionList).option_count)
        yield hand


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_the_receipt_has_measures_with_interval_and_limit_and_answers_marked_by_words(
    make_lab: MakeLab, size: tuple[int, int]
) -> None:
    lab = make_lab()
    fill(lab)
    async with on_receipt(lab, size) as hand:
        await hand.sees("sleep-0003, complete, rolled back, made no adapter", "Why: it drifted by 0.42 bits a token")
        rows = {line.split("  ")[1]: line for line in picture(hand.app).splitlines() if "95 %" in line}
        for parts in (("67 %", "21 to 94 %", "n  3", "at least 50 %", "met"), ("0.420", "at most 0.100", "missed")):
            assert any(all(part in line for part in parts) for line in rows.values()), parts
        assert ("trained wordings" in rows) == (size == TALL)
        assert set(rows) >= {"learned", "kept", "forgotten", "neighbours", "drift, bits/token"}
        await hand.sees("Do you know my dog's name?", "expected  Your dog is called Rex.", "before: wrong")
        await hand.sees("after: right  Your dog is called Rex.")
        if size == TALL:
            await hand.sees("after: wrong", "after: changed  Your cat is called Rex.")
        await hand.press("escape")
        await hand.until(lambda: isinstance(hand.app.screen, MainScreen))


async def test_during_a_sleep_it_is_the_one_before_until_that_one_has_ended(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    began = SleepStarted("sleep-0004", "smollm2-135m", None, 1, 1, 5, 1, 8, 1e-3, "lessons")
    lab.record.append("sleep-0004", began, at=AT + timedelta(hours=4))
    with lab.record.journal.own("sleep-0004"):
        async with on_receipt(lab) as hand:
            await hand.sees("sleep-0003, complete, rolled back")
            await hand.press("enter")
            await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))
            lab.record.append(
                "sleep-0004",
                SleepMeasured("sleep-0004", "learned", float("nan"), 0.0, 1.0, 3, 0.5, False),
                SleepEnded("sleep-0004", "complete", None, 1, 3.0, 0.3, 60.0, verdict="rolled_back"),
                at=AT + timedelta(hours=5),
            )
            await hand.press("escape")
            await hand.sees("sleep-0004, complete, rolled back", "not a number")


async def test_tab_goes_through_answers_lessons_dreams_and_measures_and_back(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_receipt(lab) as hand:
        await hand.sees("Answers 6   Lessons 4   Dreams 6   Measures 12")
        await hand.press("tab")
        await hand.sees(
            'you said so, key "Ghent"', "set aside  That is how it always was.", "The answer does not follow."
        )
        await hand.press("tab")
        await hand.sees("paraphrase by model, similarity 0.91", "Tell me: Where do I live? \u2192 You live in Ghent.")
        await hand.press("right")
        await hand.sees("questions about something else, answered as before")
        await hand.press("tab")
        await hand.sees("before: wrong")
        await hand.press("shift+tab")
        await hand.sees("questions about something else, answered as before")


async def test_enter_opens_the_exchange_of_a_lesson_and_of_an_answer(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_receipt(lab) as hand:
        for keys in (("enter",), ("tab", "down", "enter"), ("tab", "enter")):
            await hand.press(*keys)
            await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))
            await hand.sees("My dog is called Rex.")
            await hand.press("escape")
            await hand.until(lambda: isinstance(hand.app.screen, ReceiptScreen))
        # A measure comes from no exchange.
        await hand.press("tab", "enter")
        await hand.sees("This row belongs to no exchange")


async def test_a_sleep_without_measures_says_so_and_begins_with_what_it_dreamt(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    name = "sleep-0004"
    lab.record.append(
        name,
        SleepStarted(name, "smollm2-135m", None, 1, 1, 5, 1, 8, 1e-3, "published"),
        SleepExampleUsed(name, SAID, "original", "Who are you?", "A model."),
        SleepEnded(name, "complete", name, 1, 3.0, 0.3, 60.0),
        at=AT + timedelta(hours=5),
    )
    async with on_receipt(lab) as hand:
        await hand.sees(NOT_MEASURED, "loss 3.00 -> 0.30", "Answers 0", "Who are you? \u2192 A model.")


async def test_without_a_sleep_there_is_one_sentence(make_lab: MakeLab) -> None:
    async with on_receipt(make_lab()) as hand:
        await hand.sees("There is no sleep yet. F6 in the dialogue begins one.")
        await hand.press("tab", "enter", "escape")
        await hand.until(lambda: isinstance(hand.app.screen, MainScreen))


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_huge_answers_and_control_characters_stay_within_their_lines(
    make_lab: MakeLab, size: tuple[int, int]
) -> None:
    lab = make_lab()
    fill(lab, answer="\x1b[31mred\x07\n\n" + "word " * 50_000)
    async with on_receipt(lab, size) as hand:
        await hand.sees("after: right", "\u241b[31mred\u2407 word", "\u2026")
        assert not {"\x1b", "\x07"} & set(picture(hand.app))
        # The second question follows soon.
        await hand.sees("In which town is my home?")


@pytest.mark.parametrize("width", [40, 76, 96, 116])
def test_no_text_of_a_model_makes_a_row_wider_or_reaches_the_terminal_as_a_command(
    make_lab: MakeLab, width: int
) -> None:
    evil = "\x1b[31mred\x07 " + "word " * 2000 + "w" * 5000
    lab = make_lab()
    lab.workspace.create()
    name = "sleep-0001"
    lab.record.append(
        name,
        SleepStarted(name, "smollm2-135m", None, 1, 1, 5, 1, 8, 1e-3, "answers"),
        SleepLessonFound(name, "1", SAID, "statement", evil, evil, evil, evil, 1.0),
        SleepLessonFound(name, "2", SAID, "statement", evil, evil, evil, evil, 1.0, evil),
        SleepExampleUsed(name, SAID, "paraphrase", evil, evil, "1", "model", 0.9),
        SleepProbed(name, 1, "unseen", "1", evil, evil, evil, evil, False, True, 1.0, 1.0),
        SleepMeasured(name, "learned", 1.0, 0.2, 1.0, 1),
    )
    lab.record.sync()
    found = receipt(lab.record, name)
    assert found is not None
    for make in (probe_rows, lesson_rows, dream_rows):
        rows = make(found, width)
        assert rows
        for line in "\n".join(row.content.plain for row in rows).split("\n"):
            assert len(line) <= width
            assert not {"\x1b", "\x07"} & set(line)


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_the_tree_tells_what_came_of_each_sleep_and_opens_its_receipt(
    make_lab: MakeLab, size: tuple[int, int]
) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab, size) as hand:
        await hand.sees("2 adapters, 1 sleep that made none", "rolled back")
        await go_to(hand, "sleep-0002")
        await hand.sees("weakened to 60 %", "learned 2 of 3, kept 12 of")
        await go_to(hand, "sleep-0003")
        await hand.sees("Why: it drifted", "drift 0.42")
        await hand.press("r")
        await hand.sees("sleep-0003, complete, rolled back")
        await hand.press("escape")
        await hand.until(lambda: isinstance(hand.app.screen, AdaptersScreen))
        await go_to(hand, "smollm2-135m")
        await hand.press("r")
        await hand.sees("smollm2-135m has no receipt")


async def test_one_rolls_back_to_an_older_adapter_and_to_the_bare_checkpoint(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        assert lab.engine.adapter == "sleep-0002"
        await go_to(hand, "sleep-0001")
        await hand.press("b")
        await hand.sees(
            "Rolled back to sleep-0001: it answers from the next turn on, and the next sleep goes on from it."
        )
        await hand.until(lambda: lab.engine.adapter == "sleep-0001" and hand.app.engine.at_rest)
        await go_to(hand, "smollm2-135m")
        await hand.press("b")
        await hand.until(lambda: lab.engine.adapter is None)
    lab.record.sync()
    assert lab.record.query('SELECT adapter FROM adapter_choices ORDER BY "at"').rows == [("sleep-0001",), (None,)]


async def test_what_cannot_be_rolled_back_to_says_why(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0003")
        await hand.press("b")
        await hand.sees("sleep-0003 made no adapter to go back to.")
        await go_to(hand, "sleep-0001")
        (lab.workspace.adapters / "sleep-0001" / "adapter_model.safetensors").unlink()
        await hand.press("b")
        await hand.until(lambda: not hand.shows("made no adapter"))
        assert not hand.shows("Rolled back")
        assert lab.engine.adapter == "sleep-0002"
