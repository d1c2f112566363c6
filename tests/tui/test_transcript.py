"""A dialogue of any length on the screen: a window of turns that moves with the reader."""

from __future__ import annotations

import asyncio
import re
import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from textual.widgets import Static

from lab.dialogue.conversation import Conversation
from lab.journal.events import Event, ExchangeFinished, SalienceScored, SessionOpened, TurnStarted
from lab.lab import Lab
from lab.tui.app import LabApp
from lab.tui.widgets.answerers import Answerer
from lab.tui.widgets.transcript import SHOWN_TURNS, Note, Transcript, Turn
from tests.tui.conftest import TALL, Hand, MakeLab, picture

SESSION = "20260102-030405-abcd"
_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_MOST = 40
# Half as many again as are mounted at most: turns come and go at both ends.
_PAGED = 60


def exchange_id(turn: int, session: str = SESSION) -> str:
    return f"{session}-{turn:04d}"


def dialogue(lab: Lab, turns: int, session: str = SESSION, first: int = 1, **opened: str) -> None:
    """A recorded session whose turns have answers of different heights."""
    lab.workspace.create()
    start = SessionOpened(session, "smollm2-135m", None, "measured", 0.15, **{"title": "A long one", **opened})
    events: list[Event] = [start]
    for turn in range(first, first + turns):
        name = exchange_id(turn, session)
        answer = f"Answer {turn} of {session[-4:]}.\n\n" + "- a point\n" * (turn % 4)
        events += [
            TurnStarted(name, session, turn, f"Question {turn}?", "smollm2-135m", "old" if turn <= 30 else None),
            ExchangeFinished(name, "complete", answer, None, True, 40, 20, 1.5),
            SalienceScored(name, "measured", 0.1, 0.1, 0.5, 0.3, 0.1, 0.2, 0.15, True),
        ]
    lab.record.append(session, *events, at=_AT + timedelta(days=first))


def seen(hand: Hand) -> list[int]:
    """The numbers of the turns whose questions are on the screen."""
    return [int(number) for number in re.findall(r"Question (\d+)\?", picture(hand.app))]


def mounted(hand: Hand) -> list[int]:
    return [turn.exchange.turn for turn in hand.main.query(Turn) if turn.exchange]


async def quiet(hand: Hand) -> None:
    """Wait until no turns come or go."""
    transcript = hand.main.query_one(Transcript)

    def still() -> bool:
        return not transcript._mounting.locked() and not any(each.group == "paging" for each in hand.app.workers)

    await hand.pilot.pause()
    await hand.until(still)
    # What was drawn last may have begun another page.
    while not still():
        await hand.until(still)


async def opened(hand: Hand, last: int) -> Transcript:
    await hand.ready()
    await hand.sees(f"Question {last}?")
    await quiet(hand)
    return hand.main.query_one(Transcript)


async def test_of_a_long_dialogue_the_last_turns_are_mounted(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, 300)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 300)
        assert mounted(hand) == list(range(301 - SHOWN_TURNS, 301))
        await hand.sees("Answer 300 of abcd.")


async def test_a_message_sent_before_a_long_dialogue_is_there_stands_below_it(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20")
    dialogue(lab, SHOWN_TURNS + 5)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.send("And now?")
        await hand.until(lambda: mounted(hand)[-1:] == [SHOWN_TURNS + 6], seconds=30)
        assert mounted(hand) == list(range(6, SHOWN_TURNS + 7))
        assert hand.main.query(Turn).last().text == "And now?"


async def test_a_message_sent_while_the_session_changes_is_said_in_the_new_one(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab("--words", "20")
    dialogue(lab, 2)
    app, go_on, converse = LabApp(lab), threading.Event(), lab.converse

    def held(*arguments: Any, **named: Any) -> Conversation:
        go_on.wait(60)
        return converse(*arguments, **named)

    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 2)
        monkeypatch.setattr(lab, "converse", held)
        await hand.press("f4")
        await hand.until(lambda: app.sessions.changing)
        await hand.send("And now?")
        await hand.sees("And now?", "waits for the session")
        go_on.set()
        await hand.until(lambda: hand.main.session_id not in (None, SESSION))
        await hand.until(lambda: [turn.exchange and turn.exchange.turn for turn in hand.main.query(Turn)] == [1])
        (turn,) = hand.main.query(Turn)
        assert turn.text == "And now?"
        assert lab.record.sync()
        said = lab.record.query("SELECT session_id FROM exchanges WHERE user_input = 'And now?'").rows
        assert said == [(hand.main.session_id,)]


async def test_a_turn_of_the_record_says_how_salient_it_was(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, 2)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 2)
        lines = [str(turn.query_one(".meta", Static).visual) for turn in hand.main.query(Turn)]
        assert [line.startswith("salient 0.200") for line in lines] == [True, True]


async def test_paging_up_and_down_shows_every_turn_and_mounts_few(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, _PAGED)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        transcript = await opened(hand, _PAGED)
        met = set(seen(hand))
        for _ in range(_PAGED):
            top = min(seen(hand), default=_PAGED)
            await hand.press("pageup")
            await quiet(hand)
            met |= set(seen(hand))
            # Nothing is skipped: what comes into sight ends where the reader was.
            assert not seen(hand) or max(seen(hand)) >= top - 1
            assert len(mounted(hand)) <= _MOST
            if transcript.scroll_y == 0:
                break
        assert met == set(range(1, _PAGED + 1))
        assert mounted(hand)[0] == 1
        for _ in range(_PAGED):
            bottom = max(seen(hand), default=1)
            await hand.press("pagedown")
            await quiet(hand)
            assert not seen(hand) or min(seen(hand)) <= bottom + 1
            assert len(mounted(hand)) <= _MOST
            if mounted(hand)[-1] == _PAGED and transcript.scroll_y >= transcript.max_scroll_y:
                break
        await hand.sees(f"Answer {_PAGED} of abcd.")
        assert mounted(hand) == list(range(mounted(hand)[0], _PAGED + 1))


async def test_what_is_read_stays_in_its_place_while_earlier_turns_come(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, 200)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        transcript = await opened(hand, 200)
        for _ in range(3):
            transcript.scroll_to(y=transcript.size.height, animate=False)
            await quiet(hand)
            before = mounted(hand)
            shown = picture(hand.app)
            # One line more, and the next turns are wanted.
            transcript.scroll_to(y=transcript.size.height - 1, animate=False)
            await hand.until(lambda before=before: mounted(hand)[0] < before[0])
            await quiet(hand)
            left = [line[:70].rstrip() for line in picture(hand.app).splitlines()]
            was = [line[:70].rstrip() for line in shown.splitlines()]
            assert left[1:20] == was[0:19]


async def test_keys_go_from_turn_to_turn_beyond_what_is_mounted(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, 70)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 70)
        first = mounted(hand)[0]
        hand.main.show_exchange(exchange_id(first + 1))
        await hand.sees(f"turn {first + 1} ")
        for _ in range(4):
            await hand.press("ctrl+up")
        await hand.sees(f"Question {first - 3}?", f"turn {first - 3} ", "\u25b8")
        await hand.press("ctrl+down")
        await hand.sees(f"turn {first - 2} ")
        hand.main.show_exchange(exchange_id(69))
        await hand.sees("turn 69 ")
        await hand.press("ctrl+down", "ctrl+down")
        await hand.sees("Question 70?", "turn 70 ")


async def test_any_exchange_of_the_dialogue_can_be_shown(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, 1000)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 1000)
        for turn in (3, 997, 500, 1000, 1):
            assert hand.main.show_exchange(exchange_id(turn))
            await hand.sees(f"Question {turn}?", f"turn {turn} ")
            await quiet(hand)
            assert turn in seen(hand)
            assert len(mounted(hand)) <= _MOST
        assert not hand.main.show_exchange("another-0001")


async def test_a_message_is_answered_at_the_end_wherever_the_reader_is(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20")
    dialogue(lab, 150)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 150)
        hand.main.show_exchange(exchange_id(5))
        await hand.sees("Question 5?")
        await hand.ask("And now?")
        await hand.sees("And now?", "turn 151")
        assert mounted(hand)[-1] == 151


async def test_an_answer_that_comes_while_the_reader_is_far_above_is_there_at_the_end(make_lab: MakeLab) -> None:
    lab = make_lab("--pace", "30", "--words", "30", settings="[refinement]\niterations = 2\n")
    dialogue(lab, 150)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 150)
        await hand.send("And now?")
        await hand.sees("draft 1 of 2")
        hand.main.show_exchange(exchange_id(5))
        await hand.sees("Question 5?")
        await hand.until(lambda: not hand.main.answering, 60.0)
        await quiet(hand)
        assert 5 in seen(hand)
        assert mounted(hand) == list(range(1, mounted(hand)[-1] + 1))
        hand.main.show_exchange(exchange_id(151))
        await hand.sees("And now?", "turn 151")
        assert mounted(hand).count(151) == 1


async def test_lines_of_the_lab_come_again_with_the_turns_around_them(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, 150)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 150)
        await hand.main.say("A word of the lab.")
        hand.main.show_exchange(exchange_id(31))
        await hand.sees("Question 31?")
        await hand.until(lambda: hand.main.query(Answerer))
        assert str(hand.main.query_one(Answerer).visual) == "now answered by smollm2-135m, no adapter"
        assert "A word of the lab." not in [str(note.visual) for note in hand.main.query(Note)]
        hand.main.show_exchange(exchange_id(150))
        await hand.sees("A word of the lab.")


async def test_a_mark_reaches_a_turn_that_is_not_mounted(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, 150)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 150)
        app.marker.mark(exchange_id(3), "edited", "What it should have been.")
        await hand.until(lambda: hand.main.conversation and hand.main.conversation.history[2].mark)
        hand.main.show_exchange(exchange_id(3))
        await hand.sees("What it should have been.", "edited")


async def test_a_fork_shows_where_what_it_inherited_ends(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20")
    dialogue(lab, 6)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await opened(hand, 6)
        app.sessions.fork(exchange_id(4))
        await hand.sees('forked from "A long one", turn 4')
        assert mounted(hand) == [1, 2, 3, 4]
        await hand.ask("Another way?")
        await hand.sees("turn 5")
        lines = picture(app).splitlines()
        at = [next(n for n, line in enumerate(lines) if text in line) for text in ("Question 4?", "forked", "Another")]
        assert at == sorted(at)
        await hand.press("ctrl+q")
    again = LabApp(make_lab())
    async with again.run_test(size=TALL, notifications=True) as pilot:
        await Hand(pilot).sees('forked from "A long one", turn 4', "Another way?")


async def test_what_a_worker_says_while_one_leaves_is_no_fault(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Question?")
        main = hand.main
        app.exit()
        await main.say("The engine stopped.")
        await main.show_answerer()


async def test_what_is_scrolled_to_twice_at_once_is_mounted_once(make_lab: MakeLab) -> None:
    lab = make_lab()
    dialogue(lab, _PAGED)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        transcript = await opened(hand, _PAGED)
        await hand.main.say("Said at the end.")
        await transcript._show(0, _PAGED - 3)
        await asyncio.gather(transcript._page_in_later(), transcript._page_in_later())
        await quiet(hand)
        assert [str(note.visual) for note in hand.main.query(Note)].count("Said at the end.") == 1
        assert mounted(hand)[-1] == _PAGED
