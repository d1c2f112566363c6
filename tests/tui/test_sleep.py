"""Sleep on the screen: a key starts it, it is followed, its adapter answers between turns, and leaving asks."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual.widgets import OptionList

from lab.journal import queries
from lab.lab import Lab
from lab.sleep.cycle import CycleFolder
from lab.sleep.watch import SleepProgress
from lab.tui.app import LabApp
from lab.tui.screens.adapters import AdaptersScreen
from lab.tui.screens.checkpoints import Choice
from lab.tui.screens.quit import QuitScreen
from lab.tui.widgets.progress import ProgressLine, sleep_line
from lab.tui.widgets.transcript import Note, Turn
from tests.helpers import children, wait_until
from tests.sleep.test_service import sleepers
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab

ALL = '[sleep]\nexchanges = "all"\n'
LONG = ("--steps", "400", "--step-seconds", "0.05")


def notes(hand: Hand) -> str:
    """What the lab said in the dialogue."""
    return "\n".join(str(note.visual) for note in hand.main.query(Note))


def talk_once(lab: Lab) -> None:
    """One recorded exchange."""
    lab.open()
    lab.start_engine(lambda progress: None, threading.Event())
    list(lab.converse(new=True).take_turn("Whose is it?", threading.Event()))


def ended(lab: Lab) -> str | None:
    lab.record.sync()
    cycles = queries.cycles(lab.record)
    return cycles[-1].status if cycles else None


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_a_sleep_shows_its_progress_and_its_adapter_answers_afterwards(
    make_lab: MakeLab, size: tuple[int, int]
) -> None:
    lab = make_lab("--words", "20", sleep=("--step-seconds", "0.15", "--steps", "40"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.sees("Sleep", "epoch ", "/40", "loss ", "left", "asleep")
        await hand.until(lambda: "It answers from now on." in notes(hand), seconds=30)
        assert notes(hand).startswith("The model slept on 1 exchange: sleep-0001, loss 2.50 -> ")
        await hand.sees("awake", "sleep-0001")
        await hand.ask("And now?")
        exchange = hand.main.query(Turn).last().exchange
        assert exchange is not None and exchange.adapter == lab.engine.adapter == "sleep-0001"


async def test_the_line_of_a_sleep_fits_a_new_size_at_once(make_lab: MakeLab) -> None:
    # Nothing is told in the time that the test takes.
    lab = make_lab("--words", "20", sleep=("--steps", "4", "--step-seconds", "20"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.sees("Sleep", "F8 stops it")
        await pilot.resize_terminal(*SMALL)
        await hand.until(lambda: hand.main.size.width == SMALL[0])
        line = app.main.query_one("#sleep-progress", ProgressLine)
        await hand.until(lambda: "F8" not in line.render().plain)
    for process in sleepers(lab.workspace, "tests.tui.sleeper"):
        process.kill()


async def test_a_deep_sleep_has_a_key_of_its_own_which_stops_no_other(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=LONG, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f18")
        await hand.sees("Deep sleep", "epoch ", "/400")
        await hand.press("shift+f6")
        await hand.sees("sleep-0001 is running.")
        plan, _, _ = CycleFolder(lab.workspace.sessions, "sleep-0001").read()
        assert plan.deep
        await hand.press("f8")
        await hand.until(lambda: "sleep-0001 was stopped" in notes(hand))
        # Whoever asked for it need not be told.
        assert "is a deep sleep" not in notes(hand)


async def test_a_deep_sleep_that_comes_by_itself_says_so_once(make_lab: MakeLab) -> None:
    settings = f"{ALL}deep_every = 1\n"
    app = LabApp(make_lab("--words", "20", sleep=("--steps", "4", "--learns"), settings=settings))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        for number, question in ((1, "First?"), (2, "Second?")):
            await hand.ask(question)
            await hand.press("f6")
            await hand.until(lambda made=f"sleep-000{number}": f"{made}, loss" in notes(hand), seconds=30)
        assert notes(hand).count("is a deep sleep") == 1
        assert "sleep-0002 is a deep sleep: it learns the whole memory anew" in notes(hand)


async def test_the_dialogue_goes_on_during_a_sleep(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20", sleep=LONG, settings=ALL))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.press("f6")
        await hand.sees("loss ")
        await hand.ask("Second?")
        await hand.sees("Second?", "asleep")
        await hand.press("f8")
        await hand.sees("awake")


async def test_an_adapter_never_changes_in_the_middle_of_a_turn(make_lab: MakeLab) -> None:
    # At no pace: only the second answer has to last as long as the sleep.
    before = make_lab("--words", "20", settings=ALL)
    talk_once(before)
    before.close()
    lab = make_lab("--words", "60", "--pace", "100", sleep=("--steps", "4"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Second?")
        await hand.sees("Second?", "draft 1 of 5")
        await hand.press("f6")
        await hand.until(lambda: ended(lab) == "complete", seconds=30)
        second = hand.main.query(Turn).last()
        while second.exchange is None:
            assert lab.engine.adapter is None
            await pilot.pause(0.01)
        assert second.exchange.adapter is None
        await hand.until(lambda: lab.engine.adapter == "sleep-0001")
        await hand.until(lambda: "It answers from now on." in notes(hand))


async def test_what_is_gone_back_to_before_the_answer_ends_is_not_undone_by_a_sleep_that_has_ended(
    make_lab: MakeLab,
) -> None:
    before = make_lab("--words", "20", settings=ALL)
    talk_once(before)
    before.close()
    lab = make_lab("--words", "60", "--pace", "30", sleep=("--steps", "4"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Second?")
        await hand.sees("Second?", "draft 1 of 5")
        await hand.press("f6")
        await hand.until(lambda: app.engine._pending is not None, seconds=30)
        lab.roll_back(None)
        app.engine.change(Choice("smollm2-135m", "none"))
        assert hand.main.answering
        await hand.until(lambda: "It answers from now on." in notes(hand), seconds=30)
        await hand.ready()
        assert lab.engine.adapter is None


async def test_the_key_of_the_sleep_pauses_it_and_lets_it_go_on(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=("--steps", "40", "--step-seconds", "0.2"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.sees("F6 Sleep")
        await hand.press("f6")
        await hand.sees("loss ", "F8 stops it", "F6 Pause", "asleep ")
        await hand.press("f6")
        await hand.sees("paused, F6 goes on", "F6 Go on", "paused ")
        lab.record.sync()
        steps = "SELECT count(*) FROM sleep_steps"
        ((before,),) = lab.record.query(steps).rows
        await pilot.pause(0.3)
        lab.record.sync()
        assert lab.record.query(steps).rows == [(before,)] and before < 40
        await hand.press("f6")
        await hand.sees("loss ", "F6 Pause", "asleep ")
        await hand.until(lambda: lab.engine.adapter == "sleep-0001", seconds=30)
        await hand.sees("F6 Sleep")


@pytest.mark.parametrize("paused", [False, True])
async def test_a_sleep_can_be_stopped_also_while_it_is_paused(make_lab: MakeLab, paused: bool) -> None:
    lab = make_lab("--words", "20", sleep=LONG, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.press("f6")
        await hand.sees("loss ")
        if paused:
            await hand.press("f6")
            await hand.sees("paused, F6 goes on")
        await hand.press("f8")
        await hand.until(lambda: "sleep-0001 was stopped." in notes(hand))
        assert ended(lab) == "cancelled"
        assert lab.engine.adapter is None


async def test_a_sleep_that_another_lab_paused_goes_on_from_here(make_lab: MakeLab) -> None:
    other = make_lab("--words", "20", sleep=("--steps", "40", "--step-seconds", "0.12"), settings=ALL)
    talk_once(other)
    cycle = other.sleep.start()
    other.sleep.pause(cycle)
    other.close()
    app = LabApp(make_lab("--words", "20", settings=ALL))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.sees("paused, F6 goes on")
        await hand.press("f6")
        await hand.sees("loss ")


STAGES = {
    "loading": "loading the model",
    "dreaming": "turning what was said into questions",
    "probing": "asking before it learns",
    "anchoring": "asking it what must not change",
    "judging": "asking again: keep it or roll it back",
    "saving": "saving the adapter",
    "paused": "paused, F6 goes on",
}


@pytest.mark.parametrize("width", [120, 80])
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_of_a_sleep_has_its_words_and_fits(stage: str, width: int) -> None:
    line = sleep_line(SleepProgress("sleep-0001", stage, 3, 40, deep=True, done=1240, of=2480), "", width).plain
    assert STAGES[stage] in line
    assert ("1240 of 2480" in line) == (stage != "training")
    assert len(line) <= width - 4


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("kept", "sleep-0001 was kept: it "),
        ("weakened", "sleep-0001 was weakened to 60 %: it "),
        (
            "rolled_back",
            "sleep-0001 was rolled back; what answered before goes on. Drift is 0.42 bits a token. Measured: ",
        ),
    ],
)
async def test_the_end_of_a_judged_sleep_is_told_in_one_message(make_lab: MakeLab, verdict: str, words: str) -> None:
    lab = make_lab("--words", "20", sleep=("--steps", "4", "--verdict", verdict), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.until(lambda: "Ctrl+G shows the receipt." in notes(hand), seconds=30)
        assert notes(hand).startswith(
            f"{words}learned 5 of 6 (4 to 6) in unseen wordings, kept 12 of 12, 6 of 6 neighbours unchanged,"
            " drift 0.03 bits/token."
        )
        made = None if verdict == "rolled_back" else "sleep-0001"
        assert ("It answers from now on." in notes(hand)) == (made is not None)
        assert lab.engine.adapter == made
        await hand.press("ctrl+g")
        await hand.sees("sleep-0001, complete,", "learned", "83 %", "at least 50 %")


async def test_nothing_salient_is_one_clear_sentence(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20", settings="[salience]\nthreshold = 1.0\n"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.until(lambda: notes(hand).startswith("Nothing to sleep on"))
        await hand.sees("awake")


async def test_a_failed_sleep_says_why(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20", sleep=("--fail-at", "3"), settings=ALL))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.until(lambda: "sleep-0001 failed. There was not enough memory" in notes(hand))
        await hand.sees("awake")


async def test_a_sleep_of_another_lab_is_followed_and_its_adapter_taken(make_lab: MakeLab) -> None:
    other = make_lab("--words", "20", sleep=("--step-seconds", "0.25", "--steps", "60"), settings=ALL)
    talk_once(other)
    other.sleep.start()
    other.close()
    lab = make_lab("--words", "20", settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.sees("Whose is it?", "loss ", "asleep")
        await hand.until(lambda: lab.engine.adapter == "sleep-0001", seconds=60)


async def test_an_interrupted_sleep_is_told_and_offered_again(make_lab: MakeLab, tmp_path: Path) -> None:
    other = make_lab("--words", "20", sleep=LONG, settings=ALL)
    talk_once(other)
    other.sleep.start()
    for child in children("tests.tui.sleeper"):
        child.kill()
        child.wait()
    other.close()
    app = LabApp(make_lab("--words", "20", settings=ALL))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.until(lambda: "sleep-0001 did not end by itself. F6 sleeps on its exchanges again." in notes(hand))
        await hand.ready()
        await hand.press("f6")
        await hand.until(lambda: "sleep-0002" in notes(hand), seconds=30)


async def kill_in_training(hand: Hand) -> None:
    """Kill the sleep that is shown, once it has saved how far it is."""
    workspace = hand.app.lab.workspace
    await hand.sees("loss ")
    CycleFolder(workspace.sessions, "sleep-0001").state_file.touch()
    for process in sleepers(workspace, "tests.tui.sleeper"):
        process.kill()
    await hand.until(lambda: "sleep-0001 interrupted" in notes(hand), seconds=30)


async def test_a_killed_sleep_that_goes_on_is_followed_to_its_end(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=("--steps", "100", "--step-seconds", "0.12"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await kill_in_training(hand)
        await hand.press("f6")
        await hand.sees("loss ", "/100", "asleep ")
        await hand.until(lambda: "The model slept on 1 exchange: sleep-0001" in notes(hand), seconds=30)
        assert lab.engine.adapter == "sleep-0001"


async def test_a_sleep_that_has_begun_when_it_was_called_off_is_stopped_at_once(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=(*LONG, "--start-seconds", "6"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("f8")
        await hand.hears("No sleep is running.")
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.sees("falling asleep")
        await hand.press("f8")
        await hand.hears("The sleep is called off: it is stopped as soon as it has begun.")
        assert app.sleeping.words == "calling it off"
        await hand.until(lambda: "sleep-0001 was stopped." in notes(hand), seconds=30)
        await hand.sees("awake")
        assert ended(lab) == "cancelled"


async def test_a_sleep_that_had_not_begun_when_one_left_does_not_go_on(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=(*LONG, "--start-seconds", "6"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.sees("falling asleep")
        await hand.press("f10")
        await hand.sees("The sleep has not begun, and will not when you leave.")
        assert not hand.shows("finishes by itself")
        await hand.press("l")
        await hand.until(lambda: app.return_code is not None, seconds=30)
    wait_until(lambda: ended(lab) == "cancelled", 15)


async def test_no_sleep_begins_while_the_model_gets_ready(make_lab: MakeLab) -> None:
    before = make_lab("--words", "20", settings=ALL)
    talk_once(before)
    before.close()
    lab = make_lab("--words", "20", "--load-seconds", "8", sleep=LONG, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.sees("Whose is it?", "getting ready")
        for key in ("f6", "shift+f6"):
            await hand.press(key)
            await hand.hears("The model is still getting ready; F6 again when it is.")
            assert not app.sleeping.going_on
            app.clear_notifications()
        await hand.ready()
        assert ended(lab) is None


async def test_leaving_during_a_sleep_asks_and_one_can_stay(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20", sleep=LONG, settings=ALL))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.sees("loss ")
        await hand.send("/quit")
        await hand.until(lambda: isinstance(app.screen, QuitScreen))
        await hand.sees("A sleep is running.")
        await hand.press("escape")
        await hand.until(lambda: not isinstance(app.screen, QuitScreen))
        # A paused one does not finish by itself.
        await hand.press("f6")
        await hand.sees("paused")
        await hand.press("f10")
        await hand.sees("It stays paused; F6 lets it go on next time")
        await hand.press("escape")
        await hand.until(lambda: not isinstance(app.screen, QuitScreen))
        await hand.press("f8")
        await hand.sees("awake")


async def test_a_sleep_that_ends_is_told_on_whatever_screen_one_is(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=("--step-seconds", "0.2", "--steps", "30"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.sees("loss ")
        await hand.press("ctrl+l")
        await hand.until(lambda: isinstance(app.screen, AdaptersScreen))
        await hand.hears("sleep-0001 has ended; the dialogue will say what came of it.")
        await hand.sees("1 adapter.")
        # And that it answers now.
        await hand.until(lambda: lab.engine.adapter == "sleep-0001")
        await hand.sees("answers now")


async def test_a_sleep_that_is_left_finishes_by_itself(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=("--step-seconds", "0.15", "--steps", "40"), settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.sees("loss ")
        await hand.press("f10")
        await hand.until(lambda: isinstance(app.screen, QuitScreen) and app.screen.query(OptionList))
        await hand.press("enter")
        await hand.until(lambda: app.return_code is not None)
    wait_until(lambda: ended(lab) == "complete", 30)


async def test_a_sleep_can_be_stopped_on_leaving(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20", sleep=LONG, settings=ALL)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f6")
        await hand.sees("loss ")
        await hand.press("ctrl+q", "s")
        await hand.until(lambda: app.return_code is not None)
    wait_until(lambda: ended(lab) == "cancelled", 15)
    assert not [path for path in lab.workspace.adapters.iterdir() if path.is_dir()]
