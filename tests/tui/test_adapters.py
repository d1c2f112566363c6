"""The tree of adapters: what it shows, what is gone or failed, and that an adapter answers from there."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from lab.errors import LabError
from lab.journal.events import AdapterSaved, Event, ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.journal.lineages import Lineage
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepStarted, SleepStepped
from lab.lab import Lab
from lab.tui.app import LabApp
from lab.tui.lineages import Grove, nodes
from lab.tui.messages import SleepOver
from lab.tui.screens.adapters import AdaptersScreen
from lab.tui.screens.exchange import ExchangeScreen
from lab.tui.screens.main import MainScreen
from lab.tui.widgets.plot import Plot
from tests.helpers import bare_adapter, bare_checkpoint
from tests.tui.conftest import SMALL, TALL, Compare, Hand, MakeLab, picture

_AT = datetime(2026, 1, 2, 3, 0, tzinfo=timezone.utc)
_SESSION = "20260102-030405-abcd"
_BASE = "smollm2-135m"


def exchange(turn: int) -> str:
    return f"{_SESSION}-{turn:04d}"


def sleep(lab: Lab, number: int, parent: int | None, status: Any = "complete", reason: str | None = None) -> None:
    name = f"sleep-{number:04d}"
    mother = f"sleep-{parent:04d}" if parent else None
    events: list[Event] = [
        SleepStarted(name, _BASE, mother, 1, 2, 5, 10, 8, 1e-3, "answers"),
        SleepExampleUsed(name, exchange(1), "original", "Who are you?", f"I learnt in {name}."),
        SleepExampleUsed(name, exchange(1), "rewrite", "And who are you?", "The same."),
        *(SleepStepped(name, step, 1, 3.0 / step, 1e-3, 40, 0.4) for step in range(1, 11)),
    ]
    made = name if status == "complete" else None
    if made:
        events.append(AdapterSaved(name, _BASE, "0" * 64, mother, name, f"adapters/{name}", "0" * 64, 9_800_000))
    if status != "running":
        events.append(SleepEnded(name, status, made, 10, 3.0, 0.3, 60.0, reason))
    lab.record.append(name, *events, at=_AT + timedelta(hours=number))


def fill(lab: Lab) -> None:
    """Three adapters, one of them without its folder, a failed sleep, and one answer of the second."""
    lab.workspace.create()
    for number in (1, 2):
        bare_adapter(lab.workspace.adapters / f"sleep-{number:04d}", lab.workspace.root / _BASE, number)
    sleep(lab, 1, None)
    sleep(lab, 2, 1)
    sleep(lab, 3, 2)
    sleep(lab, 4, 1, "failed", "The sleeper ran out of memory.")
    lab.record.append(
        _SESSION,
        SessionOpened(_SESSION, _BASE, "sleep-0002", "measured", 0.15, "Owning"),
        TurnStarted(exchange(1), _SESSION, 1, "Is it yours?", _BASE, "sleep-0002"),
        ExchangeFinished(exchange(1), "complete", "It is mine.", None, True, 20, 5, 1.0),
        SalienceScored(exchange(1), "measured", 0.1, 0.2, 0.3, 0.4, 0.5, 0.3, 0.15, True),
        at=_AT + timedelta(days=1),
    )


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


async def go_to(hand: Hand, name: str) -> None:
    """Move in the tree to the row of this name."""
    screen = hand.app.screen
    assert isinstance(screen, AdaptersScreen)
    tree = screen.query_one("#tree", OptionList)
    tree.highlighted = [node.name for node in screen._forest].index(name)
    await hand.until(lambda: screen._chosen is not None and screen._chosen.name == name)
    await hand.until(lambda: not hand.shows("reading"))


async def test_a_tree_that_is_listed_anew_keeps_the_row_that_was_gone_to_that_moment(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0001")
        screen = hand.app.screen
        assert isinstance(screen, AdaptersScreen)
        tree = screen.query_one("#tree", OptionList)
        # What does so while an engine changes, several times a second.
        tree.highlighted = 0
        screen._list_nodes()
        assert tree.highlighted == 0
        await hand.until(lambda: screen._chosen is not None and screen._chosen.name == _BASE)


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_the_tree_goes_from_parents_to_children_and_tells_what_failed_or_is_gone(
    make_lab: MakeLab, size: tuple[int, int]
) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab, size) as hand:
        await hand.sees("3 adapters, 1 sleep that made none")
        rows = [row[2:32].split("\u2502 ")[-1].rstrip() for row in picture(hand.app).splitlines()[2:7]]
        assert rows[0].startswith(_BASE)
        tree = picture(hand.app)
        for branch in ("\u2514 sleep-0001", "  \u251c sleep-0002", "  \u2502 \u2514 sleep-0003", "  \u2514 sleep-0004"):
            assert branch in tree
        # The newest adapter whose folder exists answers.
        await hand.sees("now", "gone", "failed")


async def test_an_adapter_shows_what_it_learnt_its_losses_and_what_it_answered(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0002")
        await hand.sees(
            "from sleep-0001", "complete", "2 examples", "loss 3.00 -> 0.30", "Answered 1 exchange", "0.300"
        )
        await hand.sees("Trained on 2 examples", "I learnt in sleep-0002.", "rewrite")
        await hand.until(lambda: hand.app.screen.query_one(Plot).display)
        await hand.press("e")
        await hand.sees("Is it yours? \u2192 It is mine.")
        await hand.press("tab", "enter")
        await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))
        await hand.press("escape")
        await hand.until(lambda: isinstance(hand.app.screen, AdaptersScreen))
        await hand.press("escape")
        await hand.until(lambda: isinstance(hand.app.screen, MainScreen))


async def test_what_a_sleep_learnt_from_is_opened_from_its_list(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0001")
        await hand.sees("I learnt in sleep-0001.")
        await hand.press("tab", "enter")
        await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))


async def test_enter_lets_an_adapter_answer_and_the_checkpoint_by_itself(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        assert lab.engine.adapter == "sleep-0002"
        await hand.press("enter")
        await hand.sees("sleep-0002 answers already.")
        await go_to(hand, "sleep-0001")
        await hand.press("enter")
        await hand.until(lambda: lab.engine.adapter == "sleep-0001")
        await hand.until(lambda: any("sleep-0001" in row and " now" in row for row in picture(hand.app).splitlines()))
        await go_to(hand, _BASE)
        await hand.press("a")
        await hand.until(lambda: lab.engine.adapter is None)


async def test_a_row_opens_also_while_the_next_list_is_read(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0001")
        await hand.sees("I learnt in sleep-0001.")
        monkeypatch.setattr("lab.tui.screens.adapters._REST_SECONDS", 60.0)
        await hand.press("up")
        await hand.sees("reading", "I learnt in sleep-0001.")
        await hand.press("tab", "enter")
        await hand.until(lambda: isinstance(hand.app.screen, ExchangeScreen))


async def test_the_list_is_not_read_again_while_the_engine_changes(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0001")
        await hand.sees("I learnt in sleep-0001.")
        screen = hand.app.screen
        assert isinstance(screen, AdaptersScreen)
        read = screen._number
        await hand.press("enter")
        await hand.until(lambda: any("sleep-0001" in row and " now" in row for row in picture(hand.app).splitlines()))
        assert screen._number == read
        assert hand.shows("I learnt in sleep-0001.")


async def test_nothing_is_gone_back_to_while_a_sleep_runs(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0001")
        with lab.record.journal.own("sleep-0004"):
            await hand.press("b")
            await hand.sees("sleep-0004 is running, and what it makes would be the newest", "(F8, lab sleep --stop)")
        assert lab.engine.adapter == "sleep-0002"
        await hand.press("b")
        await hand.sees("Rolled back to sleep-0001")
        await hand.until(lambda: lab.engine.adapter == "sleep-0001")


async def test_going_back_is_done_though_its_screen_is_closed(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab()
    fill(lab)
    going, roll_back = threading.Event(), lab.roll_back

    def slow(adapter: str | None) -> None:
        going.wait(20)
        roll_back(adapter)

    monkeypatch.setattr(lab, "roll_back", slow)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0001")
        await hand.press("b", "escape")
        await hand.until(lambda: hand.app.screen is hand.main)
        going.set()
        await hand.hears("Rolled back to sleep-0001")
        await hand.until(lambda: lab.engine.adapter == "sleep-0001")


async def test_what_cannot_answer_says_why(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0003")
        await hand.press("enter")
        await hand.sees("There is no folder adapters/sleep-0003 any more.")
        await go_to(hand, "sleep-0004")
        await hand.sees("Why: The sleeper ran out of memory.")
        await hand.press("a")
        await hand.sees("sleep-0004 made no adapter that could answer.")
        assert lab.engine.adapter == "sleep-0002"


async def test_an_adapter_of_another_checkpoint_says_so_before_it_loads_that_one(make_lab: MakeLab) -> None:
    lab = make_lab()
    other = bare_checkpoint(lab.workspace.root / "phi-tiny")
    fill(lab)
    bare_adapter(lab.workspace.adapters / "visitor", other, 3)
    async with on_adapters(lab) as hand:
        await hand.sees("phi-tiny", "visitor")
        await go_to(hand, "visitor")
        await hand.sees(f"Enter loads phi-tiny in place of {_BASE}.", "this record does not know its sleep")
        await hand.press("enter")
        await hand.sees("visitor needs phi-tiny")
        assert lab.engine.loaded is not None and lab.engine.loaded.name == _BASE
        await hand.press("enter")
        await hand.until(lambda: lab.engine.adapter == "visitor")
        assert lab.engine.loaded.name == "phi-tiny"


async def test_a_record_without_sleeps_has_the_checkpoint_alone(make_lab: MakeLab) -> None:
    async with on_adapters(make_lab()) as hand:
        await hand.sees("No adapters yet", _BASE, "The checkpoint by itself", "answers now")


def test_a_long_line_of_sleeps_and_a_circle_of_parents_end() -> None:
    unknown = "bytes exchanges examples epochs steps rank learning_rate first_loss last_loss seconds reason"
    nothing: dict[str, Any] = dict.fromkeys(unknown.split())

    def lineage(number: int, parent: int | None) -> Lineage:
        name = f"sleep-{number:04d}"
        mother = f"sleep-{parent:04d}" if parent is not None else None
        return Lineage(name, _BASE, mother, name, _AT, "complete", **nothing)

    line = nodes(Grove([lineage(number, number - 1 or None) for number in range(1, 3001)]), None)
    assert [node.name for node in line[1:]] == [f"sleep-{number:04d}" for number in range(1, 3001)]
    assert max(len(node.guide) for node in line) <= 14
    circle = nodes(Grove([lineage(1, 2), lineage(2, 1), lineage(3, 3)]), None)
    assert {node.name for node in circle} == {_BASE, "sleep-0001", "sleep-0002", "sleep-0003"}


@pytest.mark.parametrize("size", [TALL, SMALL], ids=["120x40", "80x24"])
@pytest.mark.parametrize("theme", ["lab-dark", "lab-light"])
def test_picture_of_the_tree(snap_compare: Compare, make_lab: MakeLab, size: tuple[int, int], theme: str) -> None:
    lab = make_lab(settings=f'[screen]\ntheme = "{theme}"\n')
    fill(lab)

    async def before(pilot: Pilot[Any]) -> None:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("ctrl+l")
        await hand.sees("sleep-0004")
        await go_to(hand, "sleep-0002")
        await hand.sees("Trained on 2 examples", "original")
        await hand.until(lambda: hand.app.screen.query_one(Plot).display)
        await pilot.pause(0.2)

    assert snap_compare(LabApp(lab, new=True), terminal_size=size, run_before=before)


async def test_what_answers_is_said_when_it_does(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        await go_to(hand, "sleep-0001")
        await hand.press("enter")
        await hand.sees("sleep-0001 answers now.")
        engine = hand.app.engine
        engine.state = "away"
        await hand.press("b")
        await hand.sees("The model is put away until the sleep has ended.")
        engine.state = "ready"


async def test_what_could_not_be_changed_is_not_said_to_answer(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab()
    fill(lab)

    def refuse(*_: Any) -> None:
        raise LabError("The adapter is damaged.", "Choose another.")

    async with on_adapters(lab) as hand:
        monkeypatch.setattr(lab, "change", refuse)
        await go_to(hand, "sleep-0001")
        await hand.press("enter")
        await hand.sees("sleep-0001 does not answer: the dialogue says why.")


async def test_a_sleep_that_ends_is_listed_at_once(make_lab: MakeLab) -> None:
    lab = make_lab()
    fill(lab)
    async with on_adapters(lab) as hand:
        sleep(lab, 5, 2, "failed", "The disk was full.")
        assert not hand.shows("sleep-0005")
        hand.app.screen.post_message(SleepOver())
        await hand.sees("sleep-0005")
