"""The picker: what it lists, what can be chosen, and a dialogue that goes on with another checkpoint or adapter."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList, Static

from lab.domain import Checkpoint
from lab.engine.offers import Offer, Room
from lab.lab import Lab
from lab.tui.app import LabApp
from lab.tui.screens.checkpoints import CheckpointsScreen, Choice
from lab.tui.screens.fetch import FetchScreen
from lab.tui.screens.main import MainScreen
from lab.tui.widgets.answerers import Answerer
from lab.tui.widgets.transcript import Turn
from tests.helpers import bare_adapter, bare_checkpoint
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab, picture
from tests.tui.test_sleep import notes


def prepare(root: Path) -> None:
    """A second checkpoint, and adapters for both."""
    bare_checkpoint(root / "qwen-twin")
    bare_checkpoint(root / "smollm2-135m")
    for name, checkpoint, day in (("early", "smollm2-135m", 1), ("late", "smollm2-135m", 2)):
        bare_adapter(root / "adapters" / name, root / checkpoint, day)
    bare_adapter(root / "adapters" / "other", root / "qwen-twin", 3)


async def open_picker(hand: Hand) -> CheckpointsScreen:
    await hand.press("f9")
    await hand.until(lambda: isinstance(hand.app.screen, CheckpointsScreen))
    await hand.sees(" free", "answers now")
    assert isinstance(hand.app.screen, CheckpointsScreen)
    return hand.app.screen


async def pick(hand: Hand, typed: str, *keys: str) -> None:
    """Open the picker, type, press keys and Enter, and wait until the engine is ready again."""
    screen = await open_picker(hand)
    screen.query_one(Input).value = typed
    await hand.pilot.pause()
    await hand.press(*keys, "enter")
    await hand.until(lambda: isinstance(hand.app.screen, MainScreen))
    # The choice is taken after the picker is gone.
    await hand.pilot.pause()
    await hand.until(lambda: hand.app.engine.settled)
    await hand.ready()


def lines(hand: Hand) -> list[str]:
    """What the dialogue says of who answers."""
    return [str(line.visual) for line in hand.main.query(Answerer)]


def about(hand: Hand) -> str:
    return str(hand.app.screen.query_one("#about", Static).visual)


def recorded(lab: Lab) -> list[tuple[object, ...]]:
    assert lab.record.sync()
    return lab.record.query("SELECT checkpoint, adapter FROM exchanges ORDER BY turn").rows


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_another_checkpoint_answers_in_the_same_dialogue(
    make_lab: MakeLab, tmp_path: Path, size: tuple[int, int]
) -> None:
    prepare(tmp_path)
    twin = str(tmp_path / "qwen-twin")
    lab = make_lab("--words", "10")
    app = LabApp(lab)
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await pick(hand, twin)
        assert lines(hand) == ["now answered by qwen-twin, adapter other"]
        await hand.ask("Second?")
        await pick(hand, "smollm2-135m")
        await hand.ask("Third?")
        assert len(hand.main.query(Turn)) == 3
    assert recorded(lab) == [("smollm2-135m", "late"), (twin, "other"), ("smollm2-135m", "late")]
    lab.close()
    again = LabApp(make_lab("--words", "10"))
    async with again.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        # The same lines, between the same turns, from the record alone.
        assert lines(hand) == [
            "now answered by qwen-twin, adapter other",
            "now answered by smollm2-135m, adapter late",
        ]
        turns = hand.main.query_one("#turns").children
        kinds = [type(child).__name__ for child in turns if isinstance(child, (Turn, Answerer))]
        assert kinds == ["Turn", "Answerer", "Turn", "Answerer", "Turn"]


async def test_an_adapter_is_chosen_below_its_checkpoint(make_lab: MakeLab, tmp_path: Path) -> None:
    prepare(tmp_path)
    lab = make_lab("--words", "10")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        loaded = lab.engine.loaded
        await open_picker(hand)
        await hand.sees("no adapter", "early", "newest", "in memory", "answers now", "2026-01-02")
        assert not hand.shows("other")
        await hand.press("escape")
        await pick(hand, "", "tab", "down")
        assert lab.engine.adapter == "early"
        # Changed again before anything was said: only what answers next is told.
        await pick(hand, "", "tab", "up", "up")
        assert lab.engine.adapter is None
        assert lines(hand) == ["now answered by smollm2-135m, no adapter"]
        await pick(hand, "", "tab", "down")
        assert lab.engine.adapter == "late"
        assert lines(hand) == []
        assert lab.engine.loaded is loaded


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine nine hours before UTC."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_east")
async def test_the_time_of_an_adapter_is_that_of_all_screens(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.workspace.create()
    bare_adapter(lab.workspace.adapters / "mine", lab.workspace.root / "smollm2-135m", 1)
    app = LabApp(lab)
    async with app.run_test(size=TALL) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await open_picker(hand)
        await hand.sees("2026-01-01 00:00 UTC")


async def test_typing_filters_and_says_when_nothing_is_left(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = await open_picker(hand)
        listed = screen.query_one("#checkpoints", OptionList)
        await hand.press(*"qwen2.5-1.5b base")
        await hand.until(lambda: [o.id for o in listed.options if o.id] == ["0"])
        await hand.sees("qwen2.5-1.5b", "1.5 B", "base", "Apache-2.0", "fetch 3.1 GB")
        await hand.press(*"xyz")
        await hand.sees("No checkpoint holds these words.")
        await hand.press("enter")
        assert app.screen is screen


async def test_what_is_too_large_says_why_and_cannot_be_chosen(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.engine.offers.free_bytes", lambda: 3 * 2**30)
    monkeypatch.setattr("lab.engine.offers.free_gpu_bytes", lambda: None)
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = await open_picker(hand)
        await hand.press(*"phi-2")
        await hand.sees("too large")
        await hand.until(lambda: "of memory are free" in about(hand))
        await hand.press("enter")
        await hand.sees("It cannot be chosen")
        assert app.screen is screen
        assert app.lab.engine.loaded is not None and app.lab.engine.loaded.name == "smollm2-135m"


async def test_a_folder_that_cannot_be_used_says_why(make_lab: MakeLab, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = await open_picker(hand)
        screen.query_one(Input).value = str(tmp_path / "empty")
        await hand.sees("Load ", "cannot be loaded")
        assert "has no config.json" in about(hand)
        await hand.press("enter")
        assert app.screen is screen


async def test_a_path_that_the_system_refuses_says_so(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = await open_picker(hand)
        screen.query_one(Input).value = "/" + "a" * 300
        await hand.sees("cannot be loaded")
        assert "cannot be looked at" in about(hand)
        assert app.screen is screen


class Disk:
    """A slow disk: it tells what a text names when it is let, and keeps what was asked and whether by the screen."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.let = {"./first": threading.Event(), "./second": threading.Event()}

    def named(self, text: str, room: Room) -> Offer:
        self.asked.append((text, threading.current_thread() is threading.main_thread()))
        self.let[text].wait(60)
        return Offer(text, Checkpoint(text, "folder", text, ready=True))


async def test_what_is_typed_is_looked_up_when_the_keys_rest_and_never_by_the_screen(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = "lab.tui.screens.checkpoints._REST_SECONDS"
    monkeypatch.setattr(rest, 600.0)
    lab = make_lab()
    app, disk = LabApp(lab), Disk()
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        chosen: list[Choice | None] = []
        screen = CheckpointsScreen(lab.offers, disk.named)
        app.push_screen(screen, chosen.append)
        await hand.sees(" free", "answers now")
        await hand.press(*"./fir")
        await hand.sees("Looking what that is.")
        assert not disk.asked
        # Two at once, so that no pause of a busy machine counts as a rest between them.
        monkeypatch.setattr(rest, 1.0)
        typed = screen.query_one(Input)
        typed.value = "./firs"
        typed.value = "./first"
        await hand.until(lambda: disk.asked)
        assert disk.asked == [("./first", False)]
        await hand.sees("Looking what that is.")
        # What is found after another was typed is not listed.
        typed.value = "./second"
        await hand.until(lambda: disk.asked[1:])
        assert disk.asked[1:] == [("./second", False)]
        disk.let["./first"].set()
        await hand.until(lambda: sum(worker.group == "named" for worker in app.workers) == 1)
        await pilot.pause()
        assert not hand.shows("Load ")
        # Enter waits for what it was pressed on.
        await hand.press("enter")
        assert not chosen
        disk.let["./second"].set()
        await hand.until(lambda: chosen)
        assert chosen == [Choice("./second", "newest")]


async def test_nothing_is_fetched_before_the_person_agrees(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.engine.offers.free_bytes", lambda: 100 * 2**30)
    lab = make_lab("--words", "10")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = await open_picker(hand)
        await hand.press(*"qwen2.5-3b-instruct", "enter")
        await hand.until(lambda: isinstance(app.screen, FetchScreen))
        await hand.sees("Fetch it?", "Qwen/Qwen2.5-3B-Instruct comes from the model hub", "6.2 GB", "Qwen Research")
        await hand.press("escape")
        await hand.until(lambda: app.screen is screen)
        assert lab.engine.loaded is not None and lab.engine.loaded.name == "smollm2-135m"
        await hand.press("enter")
        await hand.until(lambda: isinstance(app.screen, FetchScreen))
        await hand.press("f")
        await hand.until(lambda: isinstance(app.screen, MainScreen))
        await hand.until(lambda: lab.engine.loaded and lab.engine.loaded.name == "qwen2.5-3b-instruct")


async def test_a_checkpoint_that_cannot_be_loaded_leaves_the_one_before(make_lab: MakeLab, tmp_path: Path) -> None:
    prepare(tmp_path)
    twin = str(tmp_path / "qwen-twin")
    lab = make_lab("--words", "10", "--broken", twin)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await pick(hand, twin)
        await hand.until(lambda: "cannot be loaded: it is broken." in notes(hand))
        assert "smollm2-135m answers as before." in notes(hand)
        await hand.ask("Second?")
        assert lines(hand) == []
        assert recorded(lab) == [("smollm2-135m", "late")] * 2


async def test_escape_stops_the_loading_and_the_one_before_answers(make_lab: MakeLab, tmp_path: Path) -> None:
    prepare(tmp_path)
    twin = str(tmp_path / "qwen-twin")
    lab = make_lab("--words", "10", "--slow", twin)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        screen = await open_picker(hand)
        screen.query_one(Input).value = twin
        await pilot.pause()
        await hand.press("enter")
        await hand.sees("Reading the weights", "Esc cancels")
        # What is written meanwhile waits, and can be taken back before the loading is stopped.
        await hand.send("Second?")
        await hand.sees("it is sent then")
        await hand.press("f9")
        await hand.sees("The model can be changed when")
        await hand.press("escape")
        await hand.until(lambda: hand.composer.text == "Second?")
        await hand.press("escape")
        await hand.until(lambda: "was cancelled. smollm2-135m answers as before." in notes(hand))
        await hand.ready()
        await hand.press("enter")
        await hand.until(lambda: len(hand.main.query(Turn)) == 2 and hand.main.query(Turn).last().exchange)
        assert recorded(lab)[-1] == ("smollm2-135m", "late")


async def test_a_message_that_waits_is_answered_by_the_new_checkpoint(make_lab: MakeLab, tmp_path: Path) -> None:
    prepare(tmp_path)
    twin = str(tmp_path / "qwen-twin")
    lab = make_lab("--words", "10", "--load-seconds", "1")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        screen = await open_picker(hand)
        screen.query_one(Input).value = twin
        await pilot.pause()
        await hand.press("enter")
        await hand.until(lambda: isinstance(app.screen, MainScreen))
        await hand.send("Second?")
        await hand.until(lambda: len(hand.main.query(Turn)) == 2 and hand.main.query(Turn).last().exchange)
        assert recorded(lab)[-1] == (twin, "other")
        kinds = [type(c).__name__ for c in hand.main.query_one("#turns").children if isinstance(c, (Turn, Answerer))]
        assert kinds == ["Turn", "Answerer", "Turn"]


async def test_the_model_cannot_be_changed_while_it_answers(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--pace", "20", "--words", "100"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("First?")
        await hand.until(lambda: hand.main.answering)
        await hand.press("f9")
        await hand.sees("The model can be changed when")
        assert isinstance(app.screen, MainScreen)


async def test_another_can_be_chosen_when_the_first_cannot_be_loaded(make_lab: MakeLab, tmp_path: Path) -> None:
    prepare(tmp_path)
    lab = make_lab("--words", "10", "--broken", "smollm2-135m")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.until(lambda: "F7 tries again, F9 chooses another." in notes(hand))
        await hand.press("f9")
        await hand.sees(" free", "smollm2-135m")
        app.screen.query_one(Input).value = str(tmp_path / "qwen-twin")
        await pilot.pause()
        await hand.press("enter")
        await hand.ready()
        await hand.ask("First?")
        assert recorded(lab) == [(str(tmp_path / "qwen-twin"), "other")]


async def test_an_adapter_learned_by_another_checkpoint_waits_for_it(make_lab: MakeLab, tmp_path: Path) -> None:
    prepare(tmp_path)
    twin = str(tmp_path / "qwen-twin")
    lab = make_lab(
        "--words", "10", sleep=("--steps", "40", "--step-seconds", "0.25"), settings='[sleep]\nexchanges = "all"\n'
    )
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.press("f6")
        await hand.sees("loss ")
        await pick(hand, twin)
        await hand.until(lambda: "It answers when smollm2-135m does." in notes(hand), seconds=30)
        assert lab.engine.adapter == "other"
        await pick(hand, "smollm2-135m")
        assert lab.engine.adapter == "sleep-0001"
        assert "now answered by smollm2-135m, adapter sleep-0001" in lines(hand)[-1]


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_every_line_of_the_picker_fits(make_lab: MakeLab, tmp_path: Path, size: tuple[int, int]) -> None:
    prepare(tmp_path)
    app = LabApp(make_lab())
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        screen = await open_picker(hand)
        for name in ("#checkpoints", "#adapters"):
            listed = screen.query_one(name, OptionList)
            width = listed.scrollable_content_region.width
            assert width > 50
            assert all(len(str(option.prompt)) <= width for option in listed.options), picture(app)
        assert not any(
            "\u2026" in str(option.prompt) for option in screen.query_one("#checkpoints", OptionList).options
        )
