"""A sleep that begins by itself: after so many exchanges, or when nobody types; never twice for nothing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.lab import Lab
from lab.settings import SleepSection, load_settings
from lab.sleep.planning import Waiting
from lab.tui.app import LabApp
from tests.journal.samples import said, start_child
from tests.journal.test_processes import HOLDING, release
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab
from tests.tui.test_sleep import ALL, LONG, notes, talk_once

QUICK = ("--steps", "4", "--learns")


def cycles(lab: Lab) -> list[str]:
    return lab.record.journal.streams("sleep-")


@pytest.mark.parametrize("hours", ["22", "22-25", "a-b", "22-6 ", "-", "24-3"])
def test_hours_that_are_none_are_told_with_the_other_faults(tmp_path: Path, hours: str) -> None:
    (tmp_path / "lab.toml").write_text(f'[sleep]\nafter = -1\nidle_minutes = "x"\nhours = "{hours}"\n')
    with pytest.raises(LabError) as fault:
        load_settings(tmp_path / "lab.toml")
    said = str(fault.value)
    assert f'sleep.hours: should be two hours of the day such as "22-6", or "" (found \'{hours}\')' in said
    assert "sleep.after: " in said
    assert "sleep.idle_minutes: " in said


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [("22-6", (22, 23, 0, 5), (6, 12, 21)), ("9-17", (9, 16), (8, 17)), ("", (0, 12, 23), ()), ("5-5", (0, 5, 23), ())],
)
def test_hours_may_go_over_midnight(hours: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    section = SleepSection(hours=hours)
    assert all(section.in_hours(hour) for hour in inside)
    assert not any(section.in_hours(hour) for hour in outside)


async def test_nothing_begins_by_itself_unless_it_is_set(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=QUICK, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.ask("Second?")
        app.triggers.look()
        await hand.sees("awake", "F6 Sleep ")
        assert not app.triggers._counting
        assert not app.sleeping.going_on
        assert cycles(lab) == []


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_the_key_of_the_sleep_tells_how_many_exchanges_wait(make_lab: MakeLab, size: tuple[int, int]) -> None:
    app = LabApp(make_lab("--words", "20", settings=f"{ALL}after = 99\n"))
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.sees("F6 Sleep ")
        await hand.ask("First?")
        await hand.sees("F6 Sleep (1)")
        await hand.ask("Second?")
        await hand.sees("F6 Sleep (2)", "F10 Quit")


@pytest.mark.parametrize("read_only", [True, False])
async def test_what_could_not_be_counted_while_another_program_read_is_counted_after_it(
    make_lab: MakeLab, read_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.sleep.planning._COUNT_SECONDS", 0.1)
    monkeypatch.setattr("lab.journal.record._READ_SECONDS", 0.1)
    lab = make_lab("--words", "20", settings=f"{ALL}after = 99\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.sees("F6 Sleep (1)")
        with start_child(HOLDING, lab.record.workspace.database, read_only) as holder:
            assert said(holder) == "held"
            await hand.ask("Second?")
            await hand.until(lambda: app.triggers._behind)
            release(holder)
        await hand.sees("F6 Sleep (2)")


async def test_so_many_exchanges_begin_a_sleep_and_say_why(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=QUICK, settings=f"{ALL}after = 2\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.sees("F6 Sleep (1)")
        assert cycles(lab) == []
        await hand.ask("Second?")
        await hand.until(lambda: "There are 2 exchanges worth a sleep: sleep.after is 2." in notes(hand))
        await hand.until(lambda: "The model slept on 2 exchanges" in notes(hand), seconds=30)
        await hand.ask("Third?")
        await hand.sees("F6 Sleep (1)")
        assert cycles(lab) == ["sleep-0001"]
        assert "worth a sleep" not in notes(hand).partition("The model slept")[2]


async def test_a_sleep_after_which_as_much_waits_as_before_does_not_begin_again(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=("--steps", "4"), settings=f"{ALL}after = 1\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.until(lambda: "The model slept on 1 exchange" in notes(hand), seconds=30)
        await hand.sees("F6 Sleep (1)", "awake")
        await hand.until(lambda: not app.triggers._counting)
        app.triggers.look()
        assert not app.sleeping.going_on


async def test_it_waits_until_the_answer_is_written(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "60", "--pace", "60", sleep=QUICK, settings=f"{ALL}after = 1\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("First?")
        await hand.sees("draft 1 of 5")
        # Another lab of this workspace had a dialogue meanwhile.
        app.triggers.counted(Waiting(1, "another-0001"))
        assert app.triggers._why() is not None
        assert not app.sleeping.going_on
        await hand.until(lambda: cycles(lab) == ["sleep-0001"], seconds=60)
        assert not hand.main.answering


async def test_what_was_there_before_the_screen_begins_nothing_but_counts(make_lab: MakeLab) -> None:
    other = make_lab("--words", "20", settings=ALL)
    talk_once(other)
    other.close()
    lab = make_lab("--words", "20", sleep=QUICK, settings=f"{ALL}after = 1\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.sees("F6 Sleep (1)")
        app.triggers.look()
        assert not app.sleeping.going_on
        await hand.ask("Second?")
        await hand.until(lambda: "There are 2 exchanges worth a sleep: sleep.after is 1." in notes(hand))
        await hand.until(lambda: "The model slept on 2 exchanges" in notes(hand), seconds=30)


async def test_a_sleep_that_was_stopped_begins_again_only_after_another_exchange(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=LONG, settings=f"{ALL}after = 1\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.sees("loss ")
        await hand.press("f8")
        await hand.until(lambda: "sleep-0001 was stopped." in notes(hand))
        await hand.sees("F6 Sleep (1)", "awake")
        await hand.until(lambda: not app.triggers._counting)
        app.triggers.look()
        assert not app.sleeping.going_on
        await hand.ask("Second?")
        await hand.until(lambda: cycles(lab) == ["sleep-0001", "sleep-0002"])
        await hand.sees("loss ")
        await hand.press("f8")
        await hand.sees("awake")


async def test_a_sleep_that_is_refused_is_refused_once_an_exchange(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab("--words", "20", sleep=QUICK, settings=f"{ALL}after = 1\n")
    tries: list[int] = []

    def refuse(*anything: object, **more: object) -> str:
        tries.append(1)
        raise LabError("It is too hot to sleep.", "Open a window.")

    monkeypatch.setattr(lab.sleep, "start", refuse)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        for number, question in enumerate(("First?", "Second?"), 1):
            await hand.ask(question)
            await hand.until(lambda number=number: notes(hand).count("It is too hot to sleep.") == number)
            await hand.until(lambda: not app.triggers._counting and not app.triggers._unlearnt)
            app.triggers.look()
            assert not app.sleeping.going_on
            assert len(tries) == number


async def test_nobody_at_the_keys_begins_a_sleep_within_the_hours(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=QUICK, settings=f"{ALL}idle_minutes = 0.02\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.until(lambda: "There is 1 exchange worth a sleep, and nobody typed for 0.02 minutes." in notes(hand))
        await hand.until(lambda: "The model slept on 1 exchange" in notes(hand), seconds=30)


async def test_outside_the_hours_nothing_begins(make_lab: MakeLab) -> None:
    hour = datetime.now().hour
    settings = f'{ALL}idle_minutes = 0.001\nhours = "{(hour + 3) % 24}-{(hour + 4) % 24}"\n'
    lab = make_lab("--words", "20", sleep=QUICK, settings=settings)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.sees("F6 Sleep (1)")
        await pilot.pause(0.3)
        app.triggers.look()
        assert not app.sleeping.going_on


async def test_a_key_says_that_somebody_is_there(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20", settings=ALL))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        for key in ("a", "f1", "escape"):
            app.triggers._touched = 0.0
            await hand.press(key)
            await hand.until(lambda: app.triggers._touched > 0)


def test_what_is_counted_is_what_a_sleep_takes(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=QUICK, settings=ALL)
    talk_once(lab)
    assert lab.sleep.waiting().number == 1
    cycle = lab.sleep.start()
    assert [each.exchanges for each in lab.sleep.follow(cycle, lambda: False)][-1] == 1
