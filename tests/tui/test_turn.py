"""One turn on the screen: from typing to the winner, and everything that can come between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Markdown, OptionList

from lab.errors import LabError
from lab.journal.record import Record
from lab.tui.app import LabApp
from lab.tui.widgets.transcript import Note, Transcript, Turn
from tests.helpers import bare_adapter
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab, picture


def answers(folder: Path, *texts: str) -> list[str]:
    """Options that let the scripted engine give these answers, by seed."""
    file = folder / "answers.txt"
    file.write_text("\n---\n".join(texts), encoding="utf-8")
    return ["--answers", str(file)]


async def answered_with_another_behind(hand: Hand) -> None:
    """One message is being answered, and another is sent next."""
    await hand.ready()
    await hand.send("First?")
    await hand.sees("draft 1 of 5")
    await hand.send("Second?")
    await hand.sees("sent next")


SEEDED = "[refinement]\nseed = 0\n"
THINKING = "[dialogue]\nthinking = true\n"


async def test_a_turn_goes_from_typing_to_the_winner_and_the_bars(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "40"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press(*"Whose is it?", "enter")
        await hand.sees("chosen", "draft ")
        await hand.ready()
        exchange = hand.main.query_one(Turn).exchange
        assert exchange is not None
        score = exchange.salience[0]
        for name, value in {**score.dimensions(), "total": score.total}.items():
            line = next(line for line in picture(app).splitlines() if f" {name.capitalize()} " in line)
            assert line.rstrip().endswith(f"{value:.3f}")
        await hand.sees("salient" if score.salient else "not salient", "0.4", "tokens/s", "smollm2-135m")
        assert hand.main.query_one(Markdown).source == exchange.response


async def test_the_bars_of_another_profile_are_shown_of_turns_that_run_and_that_are_over(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--pace", "60", "--words", "30"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("shift+f5")
        await hand.send("Whose is it?")
        await hand.sees("draft 1 of 5", "turn 1, lexical")
        await hand.ready()
        exchange = hand.main.query_one(Turn).exchange
        assert exchange is not None
        by_name = {score.profile: score for score in exchange.salience}
        await hand.sees("turn 1, lexical", f"{by_name['lexical'].total:.3f}", f" {by_name['lexical'].threshold:g} ")
        await hand.press("shift+f5")
        await hand.sees("turn 1 ", f" {by_name['measured'].threshold:g} ")
        await hand.until(lambda: "lexical" not in picture(app))


async def test_the_growing_draft_is_shown_with_its_number_and_temperature(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--pace", "60", "--words", "30"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        await hand.sees("draft 1 of 5, temperature 0.70", "waiting")
        await hand.sees("best so far: draft 1 of 5, energy 0.", "waiting")


async def test_what_is_watched_at_the_end_is_the_answer(make_lab: MakeLab, tmp_path: Path) -> None:
    best = "A whole sentence that is long enough to cost nothing at all."
    texts = ("Far too short", best, "Short as well.", "word " * 80, "Tiny.")
    app = LabApp(make_lab("--side-by-side", "--pace", "20", *answers(tmp_path, *texts), settings=SEEDED))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        await hand.sees("best so far: draft 2 of 5, energy 0.00", best)
        await hand.sees("draft 2 of 5", "chosen", best)


async def test_five_drafts_grow_side_by_side(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--side-by-side", "--pace", "15", "--words", "60"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        await hand.until(lambda: hand.main.query(Turn) and len(hand.main._live) == 5)
        listed = hand.main.query_one("#drafts-list", OptionList)
        # Of each the end of its text is seen, with an ellipsis for what went before.
        await hand.until(lambda: listed.option_count == 5)
        await hand.until(lambda: all("\u2026" in str(listed.get_option_at_index(n).prompt) for n in range(5)))
        await hand.sees("draft 1 of 5, temperature 0.70")
        await hand.press("escape")
        await hand.until(lambda: not hand.main.answering)
        assert [draft.state for draft in hand.main._live].count("stopped") >= 4


async def test_thinking_is_folded_and_can_be_read_apart_from_the_answer(make_lab: MakeLab, tmp_path: Path) -> None:
    said = answers(tmp_path, *["It is whoever can use it that owns it."] * 5)
    lab = make_lab("--side-by-side", "--think", "40", "--pace", "12", *said, settings=THINKING + SEEDED)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        await hand.sees("draft 1 of 5 \u00b7 thinking, ")
        await hand.until(lambda: hand.main.query_one(Turn).exchange)
        await hand.ready()
        exchange = hand.main.query_one(Turn).exchange
        assert exchange is not None
        await hand.sees("thought for 40 tokens")
        thought = exchange.drafts[exchange.chosen or 0].thinking
        assert thought[:30] not in picture(app)
        assert hand.main.query_one(Markdown).source == exchange.response
        await hand.press("f5", "enter")
        await hand.sees("thought for 40 tokens", thought[:30], "seed")
        await hand.press("escape", "escape", "ctrl+q")
        await hand.until(lambda: app.return_code == 0)
    again = LabApp(make_lab())
    async with again.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.sees("thought for 40 tokens", "chosen")
        await hand.press("f5", "enter")
        await hand.sees("thought for 40 tokens", thought[:30], "seed")


async def test_drafts_that_only_think_say_what_to_do(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--think", "40", settings=f"{THINKING}[refinement]\nmax_tokens = 20\n"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.sees("no answer: Every draft was still thinking", "refinement.max_tokens")
        await hand.press("f5", "enter")
        await hand.sees("no answer: the thinking came to no end", "thought for 20 tokens")


async def test_the_place_of_the_growing_draft_never_shrinks(make_lab: MakeLab, tmp_path: Path) -> None:
    texts = ("word " * 90 + "end.", "Short.", "word " * 40 + "end.", "Tiny.", "word " * 20 + "end.")
    app = LabApp(make_lab("--pace", "45", *answers(tmp_path, *texts), settings=SEEDED))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        # Not as `until`, which asks more and more rarely: nothing of the growing is to be missed.
        while not hand.main.query(".slot"):
            await pilot.pause(0.01)
        heights = []
        turn = hand.main.query_one(Turn)
        while turn.exchange is None:
            heights.append(turn.query_one(".slot").size.height)
            await pilot.pause(0.01)
        assert max(heights) > 5
        assert heights == sorted(heights)


async def test_the_text_of_any_draft_can_be_read(make_lab: MakeLab, tmp_path: Path) -> None:
    texts = [f"This is what draft number {n} has to say, and it is long enough to end." for n in range(1, 6)]
    app = LabApp(make_lab(*answers(tmp_path, *texts), settings=SEEDED))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f5", "down", "enter")
        await hand.sees("Draft 2 of 5", "temperature 0.66", "seed 1", "energy 0.00", "draft number 2 has")
        await hand.press("right")
        await hand.sees("Draft 3 of 5", "draft number 3 has")
        await hand.press("escape", "escape")
        await hand.until(lambda: app.focused is hand.composer)


async def test_the_drafts_are_listed_in_one_line_each(make_lab: MakeLab) -> None:
    for size in (TALL, SMALL):
        app = LabApp(make_lab("--words", "20"), new=True)
        async with app.run_test(size=size, notifications=True) as pilot:
            hand = Hand(pilot)
            await hand.ready()
            await hand.ask("Whose is it?")
            listed = hand.main.query_one("#drafts-list", OptionList)
            lines = [str(listed.get_option_at_index(n).prompt) for n in range(listed.option_count)]
            assert [line.split()[:2] for line in lines] == [
                ["1", "0.70"],
                ["2", "0.66"],
                ["3", "0.62"],
                ["4", "0.58"],
                ["5", "0.54"],
            ]
            assert sum("chosen" in line for line in lines) == 1
            assert all(len(line) <= listed.size.width for line in lines)


async def test_escape_keeps_what_was_written_and_marks_it_cancelled(make_lab: MakeLab) -> None:
    lab = make_lab("--pace", "30", "--words", "200")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        await hand.sees("draft 1 of 5")
        await hand.until(lambda: len(hand.main.query_one(Turn)._live_text.split()) > 5)
        await hand.press("escape")
        await hand.sees("cancelled", "stopped")
        exchange = hand.main.query_one(Turn).exchange
        assert exchange is not None and exchange.status == "cancelled"
        assert len(exchange.response.split()) > 5
        assert " ".join(exchange.response.split()[:4]) in picture(app)
        assert lab.record.sync()
        assert lab.record.query("SELECT status, response FROM exchanges").rows == [("cancelled", exchange.response)]
        await hand.press("escape")
        assert hand.shows("cancelled")


async def test_a_message_typed_before_the_engine_is_ready_waits_and_is_sent(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--load-seconds", "5", "--words", "20"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.send("Whose is it?")
        await hand.sees("Whose is it?", "it is sent then", "Reading the weights")
        await hand.send("And why?")
        await hand.until(lambda: len(hand.main.query(Turn)) == 2)
        await hand.sees("chosen")
        await hand.ready()
        assert [turn.text for turn in hand.main.query(Turn)] == ["Whose is it?", "And why?"]


async def test_a_waiting_message_can_be_taken_back(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--load-seconds", "30"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.send("Whose is it?")
        await hand.sees("it is sent then")
        await hand.send("And why?")
        await hand.sees("sent next", "And why?")
        await hand.press("escape")
        await hand.until(lambda: hand.composer.text == "And why?")
        await hand.sees("it is sent then")
        await hand.press("escape")
        await hand.until(lambda: not hand.main.query(Turn))
        assert hand.composer.text == "Whose is it?\nAnd why?"
        assert not hand.main.waiting


async def test_a_message_that_cannot_be_sent_says_why(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--fail-load", "the weights are damaged"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.send("Whose is it?")
        await hand.sees("not sent", "the weights are damaged", "F7")
        await hand.press("escape")
        assert hand.composer.text == "Whose is it?"


async def test_a_crashed_engine_leaves_the_conversation_and_one_key_starts_it_again(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    lab = make_lab("--die-on", "crash", "--words", "20")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.send("Now crash.")
        await hand.sees("First?", "Now crash.", "failed", "press F7", "stopped")
        await hand.press("f7")
        await hand.ready()
        await hand.ask("Third?")
        await hand.sees("Third?")
        assert lab.record.sync()
        statuses = lab.record.query("SELECT status FROM exchanges ORDER BY turn").rows
        assert statuses == [("complete",), ("failed",), ("complete",)]


async def test_a_draft_that_was_seen_before_a_crash_stays_on_the_screen(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--die-at-token", "12", "--pace", "15", "--words", "60"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        # How much comes before the crash is a matter of the machine.
        await hand.until(lambda: any(turn._live_text.split() for turn in hand.main.query(Turn)))
        seen = hand.main.query_one(Turn)._live_text.split()[:5]
        await hand.sees("failed", "F7")
        assert " ".join(seen) in picture(app)
        await hand.sees("lost with the engine")


async def test_an_engine_that_dies_between_turns_is_noticed(make_lab: MakeLab) -> None:
    lab = make_lab()
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        lab.engine.close()
        await hand.sees("The engine has stopped", "F7")


async def test_while_the_engine_is_gone_the_status_keeps_its_adapter_and_no_memory(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.workspace.create()
    bare_adapter(lab.workspace.adapters / "mine", lab.workspace.root / "smollm2-135m", 1)
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.sees("mine \u00b7 engine ")
        lab.engine.close()
        await hand.sees("mine \u00b7 awake", "stopped, F7")


async def test_a_message_that_waits_shows_no_bars_of_another_and_is_not_shown_when_it_was_taken_back(
    make_lab: MakeLab,
) -> None:
    lab = make_lab("--words", "20")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        lab.engine.close()
        await hand.sees("turn 1", "chosen", "stopped, F7")
        await hand.send("Second?")
        await hand.sees("not sent:")
        await hand.press("ctrl+down")
        await hand.sees("not sent yet")
        assert not hand.shows("turn 1") and not hand.shows("chosen")
        await hand.press("escape")
        await hand.sees("turn 1", "chosen")
        assert not hand.shows("not sent yet")


async def test_a_message_over_the_window_comes_back_into_the_input(make_lab: MakeLab) -> None:
    lab = make_lab("--context", "300")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        text = "too long " * 200
        await hand.send(text)
        await hand.until(lambda: hand.composer.text == text and hand.main.query(Note))
        assert not hand.main.query(Turn)
        assert hand.main.query_one(Note).has_class("-trouble")
        assert lab.record.sync()
        assert lab.record.query("SELECT count(*) FROM exchanges").rows == [(0,)]


async def test_an_empty_message_is_not_sent(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("  \n ")
        await hand.sees("The message is empty.")
        assert not hand.main.query(Turn)


async def test_a_message_sent_while_one_is_answered_follows_it_and_a_third_stays_in_the_input(
    make_lab: MakeLab,
) -> None:
    lab = make_lab("--pace", "60", "--words", "20", settings="[refinement]\niterations = 2\n")
    app = LabApp(lab)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("First?")
        await hand.sees("draft 1 of 2")
        await hand.send("Second?\nIn two lines.")
        await hand.sees("sent next, Esc takes it back: Second? In two lines.")
        assert (hand.composer.text, len(hand.main.query(Turn))) == ("", 1)
        await hand.send("Third?")
        await hand.sees("A message waits to be sent.")
        assert hand.composer.text == "Third?"
        await hand.until(lambda: len(hand.main.query(Turn)) == 2 and not hand.shows("sent next"), seconds=30)
        await hand.until(lambda: hand.main.query(Turn).last().exchange, seconds=30)
        assert hand.composer.text == "Third?"
        assert lab.record.sync()
        said = lab.record.query("SELECT user_input, status FROM exchanges ORDER BY turn").rows
        assert said == [("First?", "complete"), ("Second?\nIn two lines.", "complete")]


async def test_escape_takes_back_what_is_sent_next_before_it_stops_the_answer(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--pace", "20", "--words", "100"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await answered_with_another_behind(hand)
        await hand.press("escape")
        await hand.until(lambda: not hand.shows("sent next"))
        assert hand.main.answering and hand.composer.text == "Second?"
        await hand.press("escape")
        await hand.until(lambda: not hand.main.answering)
        assert len(hand.main.query(Turn)) == 1 and hand.composer.text == "Second?"


async def test_what_comes_back_stands_before_what_was_typed_since(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--pace", "20", "--words", "100"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await answered_with_another_behind(hand)
        await hand.press(*"more", "escape")
        await hand.until(lambda: hand.composer.text == "Second?\nmore")


async def test_what_is_typed_right_after_enter_is_no_part_of_what_was_sent_and_another_enter_sends_nothing_twice(
    make_lab: MakeLab,
) -> None:
    app = LabApp(make_lab("--pace", "20", "--words", "100"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        hand.composer.load_text("First?")
        # Before the screen has looked at the first of them.
        for key, character in (("enter", None), ("enter", None), ("m", "m")):
            hand.composer.post_message(events.Key(key, character))
        await hand.sees("draft 1 of 5")
        assert hand.composer.text == "m" and hand.main.outbox.next.text is None
        assert [turn.text for turn in hand.main.query(Turn)] == ["First?"]


async def test_a_message_taken_back_before_it_was_on_the_screen_leaves_nothing_there(make_lab: MakeLab) -> None:
    lab = make_lab()
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        async with hand.main.query_one(Transcript)._mounting:
            await hand.send("First?")
            await hand.until(lambda: hand.main.waiting)
            await hand.press("escape")
            await hand.until(lambda: hand.composer.text == "First?")
            assert not hand.main.waiting
        await hand.until(lambda: not any(worker.group == "sending" for worker in app.workers))
        assert not hand.main.query(Turn)
        await hand.ask("Second?")
        assert lab.record.sync()
        assert lab.record.query("SELECT user_input FROM exchanges").rows == [("Second?",)]


async def test_leaving_gives_back_what_waits_and_leaves_the_second_time(make_lab: MakeLab) -> None:
    lab = make_lab("--pace", "20", "--words", "100")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await answered_with_another_behind(hand)
        await hand.press("ctrl+q")
        await hand.sees("What was not sent is in the input")
        assert hand.main.answering and hand.composer.text == "Second?"
        await hand.press("ctrl+q")
        await hand.until(lambda: app.return_code == 0)
    with Record(lab.workspace) as record:
        assert record.sync()
        assert record.query("SELECT user_input, status FROM exchanges").rows == [("First?", "cancelled")]


async def test_after_a_turn_that_failed_what_was_to_be_sent_next_is_in_the_input(make_lab: MakeLab) -> None:
    lab = make_lab("--pace", "20", "--words", "100")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await answered_with_another_behind(hand)
        lab.engine.close()
        await hand.sees("What was to be sent next is in the")
        assert hand.composer.text == "Second?" and not hand.main.waiting


async def test_what_is_sent_next_comes_back_with_the_message_before_it_when_that_was_not_recorded(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = threading.Event()
    asked: list[object] = []

    def refuse(text: str, *arguments: object, **more: object) -> Iterator[None]:
        asked.append(text)
        started.wait(15)
        raise LabError("The record is full.", "Free some space.")
        yield

    lab = make_lab("--words", "20")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        monkeypatch.setattr(hand.main.conversation, "take_turn", refuse)
        await hand.send("First?")
        await hand.until(lambda: hand.main.answering)
        await hand.send("Second?")
        await hand.sees("sent next")
        started.set()
        await hand.sees("The record is full.")
        assert hand.composer.text == "First?\nSecond?"
        assert not hand.main.answering and not hand.main.waiting
        await hand.until(lambda: not hand.main.query(Turn))
        assert asked == ["First?"]


async def test_ctrl_j_makes_a_line_and_the_input_grows_to_five(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        assert hand.composer.size.height == 1
        await hand.press("a", "ctrl+j", "b")
        await hand.until(lambda: hand.composer.size.height == 2)
        assert hand.composer.text == "a\nb"
        await hand.press(*["ctrl+j"] * 8)
        await hand.until(lambda: hand.composer.size.height == 5)


async def test_escape_codes_of_a_model_or_a_person_are_harmless(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--escape-codes", "--words", "20", "--pace", "300"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("A \x1b[31mred\x1b[0m question\x07")
        await hand.until(lambda: hand.main.query(Turn))
        while hand.main.query_one(Turn).exchange is None:
            assert not set("\x1b\x07\x9b") & set(picture(app))
            await pilot.pause(0.01)
        await hand.sees("\u241b[31mred")
        await hand.press("f5", "enter")
        await hand.sees("temperature", "seed")
        assert not set("\x1b\x07\x9b") & set(picture(app))


async def test_markup_html_and_links_of_a_model_are_text(make_lab: MakeLab, tmp_path: Path) -> None:
    text = "[bold red]markup[/] and <b>html</b>.\n\n<div>kept</div>\n\nA [link](https://example.org/page) stays shut."
    app = LabApp(make_lab(*answers(tmp_path, *[text] * 5), settings=SEEDED))
    opened: list[str] = []
    app.open_url = lambda url, *, new_tab=True: opened.append(url)  # type: ignore[method-assign]
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("[red]Whose[/red] is it?")
        await hand.sees("[red]Whose[/red] is it?", "[bold red]markup[/]", "<b>html</b>", "<div>kept</div>")
        markdown = hand.main.query_one(Markdown)
        markdown.post_message(Markdown.LinkClicked(markdown, "https://example.org/page"))
        await hand.sees("The link leads to", "https://example.org/page")
        assert opened == []


async def test_a_restart_shows_the_same_conversation(make_lab: MakeLab) -> None:
    first = LabApp(make_lab("--words", "20"))
    async with first.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        response = hand.main.query_one(Markdown).source
        await hand.press("ctrl+q")
        await hand.until(lambda: first.return_code == 0)
    second = LabApp(make_lab("--words", "20"))
    async with second.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.sees("Whose is it?", "turn 1", "chosen")
        assert hand.main.query_one(Markdown).source == response


async def test_a_new_session_leaves_the_old_one_in_the_record(make_lab: MakeLab) -> None:
    lab = make_lab("--words", "20")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.press("f4")
        await hand.until(lambda: not hand.main.query(Turn))
        await hand.sees("This is a lab")
        await hand.ask("Second?")
        assert lab.record.sync()
        assert lab.record.query("SELECT count(DISTINCT session_id) FROM exchanges").rows == [(2,)]


async def test_salience_and_drafts_of_an_earlier_turn_can_be_shown(make_lab: MakeLab) -> None:
    app = LabApp(make_lab("--words", "20"))
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        await hand.ask("Second?")
        await hand.sees("turn 2")
        await hand.press("ctrl+up")
        await hand.sees("turn 1")
        await hand.press("ctrl+down")
        await hand.sees("turn 2")


async def test_a_reader_who_scrolled_back_is_not_dragged_along(make_lab: MakeLab, tmp_path: Path) -> None:
    text = "\n\n".join(["A paragraph of some words, one of many."] * 20)
    app = LabApp(make_lab("--pace", "100", *answers(tmp_path, *[text] * 5), settings=SEEDED + "iterations = 2\n"))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("First?")
        transcript = hand.main.query_one(Transcript)
        await hand.until(lambda: transcript.max_scroll_y > 10 and transcript.scroll_y == transcript.max_scroll_y)
        await hand.send("Second?")
        await hand.until(lambda: hand.main.query(Turn).last().text == "Second?" and hand.shows("draft 1 of 2"))
        await hand.press("pageup")
        await hand.until(lambda: transcript.scroll_y < transcript.max_scroll_y)
        place = transcript.scroll_y
        await hand.until(lambda: not hand.main.answering, seconds=30)
        assert transcript.scroll_y == place
        await hand.press(*["pagedown"] * 6)
        await hand.until(lambda: transcript.scroll_y == transcript.max_scroll_y)
