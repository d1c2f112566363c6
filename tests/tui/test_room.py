"""A sleep and the engine that do not fit together: the engine is put away, that is said, and it comes back."""

from __future__ import annotations

import psutil
import pytest

from lab.engine.estimate import Estimate
from lab.lab import Lab
from lab.tui.app import LabApp
from lab.tui.widgets.transcript import Turn
from tests.helpers import children
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab
from tests.tui.test_sleep import ALL, ended, kill_in_training, notes, talk_once

# Long enough for what is done meanwhile, on a busy machine, too.
SLOW = ("--steps", "100", "--step-seconds", "0.12")


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little memory that a sleep fits only in the place of the engine, however small that is."""
    free = 10_000
    need = Estimate("float32", 0, 0, 0, free + 1, free + 1)
    monkeypatch.setattr("lab.sleep.room.estimate", lambda *anything, **more: need)
    monkeypatch.setattr("lab.sleep.service.free_bytes", lambda: free)
    monkeypatch.setattr("lab.engine.offers.free_bytes", lambda: free)


def engines() -> list[psutil.Process]:
    return children("lab.engine.scripted")


async def with_an_answer(hand: Hand) -> None:
    await hand.ready()
    await hand.ask("First?")
    assert len(engines()) == 1


@pytest.mark.usefixtures("scarce")
@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_the_engine_makes_room_says_so_and_answers_afterwards(make_lab: MakeLab, size: tuple[int, int]) -> None:
    lab = make_lab("--words", "20", sleep=SLOW, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await with_an_answer(hand)
        (before,) = engines()
        await hand.press("f6")
        await hand.until(lambda: "There is not room for both: the model is put away while it sleeps;" in notes(hand))
        await hand.sees("loss ", "put away")
        assert engines() == []
        await hand.send("Second?")
        await hand.sees("waits until the model has")
        await hand.until(lambda: "The model slept on 1 exchange: sleep-0001" in notes(hand), seconds=30)
        await hand.until(lambda: hand.main.query(Turn).last().exchange)
        exchange = hand.main.query(Turn).last().exchange
        assert exchange is not None
        assert (exchange.user_input, exchange.adapter) == ("Second?", "sleep-0001")
        (after,) = engines()
        assert after.pid != before.pid
        await hand.ready()


@pytest.mark.usefixtures("scarce")
async def test_the_engine_comes_back_with_the_adapter_also_after_one_was_chosen_by_name(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=("--steps", "4"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await with_an_answer(hand)
        # What `activate` chose is what a restarted engine answers with.
        lab.activate(None)
        await hand.press("f6")
        await hand.until(lambda: "It answers from now on." in notes(hand), seconds=30)
        assert lab.engine.adapter == "sleep-0001"
        await hand.ready()


async def asleep(hand: Hand) -> None:
    await with_an_answer(hand)
    await hand.press("f6")
    await hand.sees("loss ", "put away")


@pytest.mark.usefixtures("scarce")
@pytest.mark.parametrize("end", ["cancelled", "interrupted", "failed"])
async def test_the_engine_comes_back_however_the_sleep_ends(make_lab: MakeLab, end: str) -> None:
    sleep = (*SLOW, "--fail-at", "60") if end == "failed" else ("--steps", "400", "--step-seconds", "0.05")
    lab = make_lab("--words", "20", sleep=sleep, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await asleep(hand)
        if end == "cancelled":
            await hand.press("f8")
        elif end == "interrupted":
            for child in children("tests.tui.sleeper"):
                child.kill()
        await hand.until(
            lambda: f"sleep-0001 {'was stopped' if end == 'cancelled' else end}" in notes(hand), seconds=30
        )
        await hand.ready()
        assert len(engines()) == 1
        await hand.ask("Second?")


@pytest.mark.usefixtures("scarce")
async def test_the_engine_comes_back_when_a_killed_sleep_has_gone_on_to_its_end(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=SLOW, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await asleep(hand)
        await kill_in_training(hand)
        await hand.ready()
        await hand.press("f6")
        await hand.sees("loss ", "put away")
        await hand.until(lambda: "The model slept on 1 exchange: sleep-0001" in notes(hand), seconds=30)
        await hand.ready()
        assert len(engines()) == 1 and lab.engine.adapter == "sleep-0001"


@pytest.mark.usefixtures("scarce")
async def test_the_engine_comes_back_when_the_sleep_does_not_even_begin(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=("--no-such-option",), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await with_an_answer(hand)
        await hand.press("f6")
        await hand.until(lambda: "The sleeper did not start" in notes(hand), seconds=30)
        await hand.until(lambda: len(engines()) == 1)
        await hand.ready()


@pytest.mark.usefixtures("scarce")
async def test_an_answer_is_written_to_its_end_before_the_engine_goes(make_lab: MakeLab) -> None:
    before = make_lab("--words", "20", settings=ALL)
    talk_once(before)
    before.close()
    lab = make_lab("--words", "40", "--pace", "60", sleep=("--steps", "4"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Second?")
        await hand.until(lambda: hand.main.answering)
        await hand.press("f6")
        await hand.until(lambda: hand.main.query(Turn).last().exchange, seconds=30)
        exchange = hand.main.query(Turn).last().exchange
        assert exchange is not None
        assert exchange.status == "complete"
        await hand.until(lambda: "The model slept on " in notes(hand), seconds=30)
        await hand.ready()


@pytest.mark.usefixtures("scarce")
@pytest.mark.parametrize("leaves", [False, True])
async def test_a_sleep_that_waits_for_the_answer_is_called_off_and_the_model_stays(
    make_lab: MakeLab, leaves: bool
) -> None:
    before = make_lab("--words", "20", settings=ALL)
    talk_once(before)
    before.close()
    lab = make_lab("--words", "60", "--pace", "30", sleep=SLOW, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Second?")
        await hand.until(lambda: hand.main.answering)
        await hand.press("f6")
        await hand.until(lambda: app.engine._needed is not None)
        await hand.sees("falling asleep")
        if leaves:
            await hand.press("f10")
            await hand.sees("The sleep has not begun, and will not when you leave.")
            await hand.press("enter")
            await hand.until(lambda: app.return_code is not None)
        else:
            await hand.press("f8")
            await hand.hears("The sleep is called off before it began.")
            await hand.sees("awake")
            await hand.until(lambda: hand.main.query(Turn).last().exchange, seconds=30)
            await hand.ready()
            assert len(engines()) == 1 and "put away" not in notes(hand)
    assert lab.sleep.running() is None and ended(lab) is None


@pytest.mark.usefixtures("scarce")
async def test_one_can_leave_while_the_engine_is_put_away(make_lab: MakeLab) -> None:
    lab: Lab = make_lab("--words", "20", sleep=("--steps", "400", "--step-seconds", "0.05"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await asleep(hand)
        await hand.press("ctrl+q", "s")
        await hand.until(lambda: app.return_code is not None)
    assert engines() == []
