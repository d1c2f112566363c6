"""The scrubber: every draft of an answer beside the chosen one, and another one kept in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Markdown

from lab.journal.events import DraftFinished, ExchangeFinished, SessionOpened, TurnStarted
from lab.tui.app import LabApp
from lab.tui.screens.draft import DraftScreen
from lab.tui.widgets.difference import difference
from lab.tui.widgets.transcript import Turn
from tests.tui.conftest import SMALL, TALL, Hand, MakeLab, picture
from tests.tui.test_turn import SEEDED, answers

WORDS = st.lists(st.sampled_from(["one", "two", "three", "four."]), max_size=12).map(" ".join)
TEXTS = (
    "The gap between us is real, and it is long enough to end here.",
    "The gap between us is small, and it is long enough to end here.",
    "Far too short",
)


@pytest.mark.parametrize(
    ("before", "after", "shown", "added", "gone"),
    [
        ("a b c", "a b c", "a b c", 0, 0),
        ("a b c", "a x c", "a [-b-] {+x+} c", 1, 1),
        ("a b c", "a c", "a [-b-] c", 0, 1),
        ("a", "a b c", "a {+b c+}", 2, 0),
        ("a b c", "a", "a [-b c-]", 0, 2),
        ("", "a b", "{+a b+}", 2, 0),
        ("A.\n\nB.", "A.\n\nC.", "A.\n\n[-B.-] {+C.+}", 1, 1),
        ("a  b", "a\nb", "a\nb", 0, 0),
        ("[b]a[/]", "[b]a[/] \x1b[31mc", "[b]a[/] {+\u241b[31mc+}", 1, 0),
    ],
)
def test_a_difference_reads_without_colour(before: str, after: str, shown: str, added: int, gone: int) -> None:
    content, more, less = difference(before, after)
    assert (content.plain, more, less) == (shown, added, gone)


@given(WORDS, WORDS)
def test_both_texts_can_be_read_from_a_difference(before: str, after: str) -> None:
    content, added, gone = difference(before, after)
    spans = {
        style: [content.plain[s.start : s.end] for s in content.spans if s.style == style]
        for style in ("$error", "bold $success")
    }
    assert sum(len(part[2:-2].split()) for part in spans["$error"]) == gone
    assert sum(len(part[2:-2].split()) for part in spans["bold $success"]) == added
    rest = content.plain
    for part in spans["$error"]:
        rest = rest.replace(part, "", 1)
    assert rest.replace("{+", "").replace("+}", "").split() == after.split()


def test_texts_too_long_to_compare_are_shown_one_in_place_of_the_other() -> None:
    content, added, gone = difference("old " * 5000, "new " * 5000)
    assert (added, gone) == (5000, 5000)
    assert content.plain.startswith("[-old old") and content.plain.endswith("new+}")


@pytest.mark.parametrize("size", [TALL, SMALL])
async def test_every_draft_is_shown_beside_the_chosen_one(
    make_lab: MakeLab, tmp_path: Path, size: tuple[int, int]
) -> None:
    app = LabApp(make_lab(*answers(tmp_path, *TEXTS), settings=f"{SEEDED}iterations = 3\n"))
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f5", "enter")
        await hand.until(lambda: isinstance(app.screen, DraftScreen))
        strip = ("\u25b81:\u00a00.00\u00a0chosen", "2:\u00a00.00", "3:\u00a00.50")
        await hand.sees("Draft 1 of 3, chosen", *strip, "temperature 0.70", "seed 0", "tokens/s", "ended by itself")
        await hand.sees("energy 0.00: length 0, ending 0, repetition 0, collapse 0")
        await hand.press("d")
        await hand.sees("This is the chosen draft", TEXTS[0])
        await hand.press("right")
        await hand.sees("Draft 2 of 3", "[-real,-] {+small,+}", "{+1 word+} and [-1 word-]", "draft 1")
        await hand.press("d")
        await hand.sees(TEXTS[1])
        assert "[-real" not in picture(app)
        await hand.press("right", "right")
        await hand.sees("Draft 3 of 3", "energy 0.50: length 0.3, ending 0.2")
        await hand.press("c")
        await hand.until(lambda: app.clipboard == TEXTS[2])


async def test_a_kept_draft_is_the_answer_everywhere_at_once(make_lab: MakeLab, tmp_path: Path) -> None:
    lab = make_lab(*answers(tmp_path, *TEXTS), settings=f"{SEEDED}iterations = 3\n")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.ask("Whose is it?")
        await hand.press("f5", "enter", "right", "k")
        await hand.sees("Draft 2 of 3, kept as the answer", "1:\u00a00.00\u00a0chosen", "\u25b82:\u00a00.00\u00a0kept")
        await hand.press("escape")
        await hand.sees("kept", "draft 2 of 3")
        turn = hand.main.query_one(Turn)
        assert turn.query_one(Markdown).source == TEXTS[1]
        conversation = hand.main.conversation
        assert conversation is not None and conversation.history[0].answer == TEXTS[1]
        assert lab.record.sync()
        kept = lab.record.query("SELECT mark, target, kept_iteration, response FROM exchanges").rows
        assert kept == [("kept", TEXTS[1], 1, TEXTS[0])]
        # The chosen one again: there is nothing in its place any more.
        await hand.press("f5", "home", "enter", "k")
        await hand.until(lambda: turn.query_one(Markdown).source == TEXTS[0])
        assert conversation.history[0].answer == TEXTS[0]
        assert lab.record.sync()
        assert lab.record.query("SELECT mark, target FROM exchanges").rows == [("kept", None)]


@pytest.mark.parametrize("size", [(60, 24), (100, 18)])
async def test_where_the_list_has_no_room_its_key_opens_the_chosen_draft(
    make_lab: MakeLab, tmp_path: Path, size: tuple[int, int]
) -> None:
    lab = make_lab(*answers(tmp_path, *TEXTS), settings=f"{SEEDED}iterations = 3\n")
    app = LabApp(lab)
    async with app.run_test(size=size, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("f5")
        await hand.hears("There are no drafts of this turn yet.")
        await hand.ask("Whose is it?")
        await hand.press("f5")
        await hand.sees("Draft 1 of 3, chosen")
        await hand.press("right", "escape")
        await hand.until(lambda: app.screen is hand.main)
        await hand.press(*"And")
        assert hand.composer.text == "And"


async def test_without_drafts_the_keys_stay_in_the_input(make_lab: MakeLab) -> None:
    app = LabApp(make_lab())
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("f5")
        await hand.hears("There are no drafts of this turn yet.")
        await hand.press(*"And")
        assert hand.composer.text == "And"


async def test_a_growing_draft_can_be_read_and_not_kept(make_lab: MakeLab) -> None:
    lab = make_lab("--pace", "20", "--words", "100")
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.send("Whose is it?")
        await hand.sees("draft 1 of 5, temperature")
        await hand.press("f5", "enter")
        await hand.sees("Draft 1 of 5, still being written")
        await hand.press("k")
        await hand.sees("can be kept when the turn is over")
        await hand.press("d")
        await hand.sees("No draft was chosen")
        await hand.press("escape", "escape", "escape")
        await hand.until(lambda: not hand.main.answering)
        assert lab.record.sync()
        assert lab.record.query("SELECT mark FROM exchanges").rows == [(None,)]


async def test_an_imported_draft_says_what_is_not_known_of_it(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.workspace.create()
    name = "session-a-0001"
    lab.record.append(
        "session-a",
        SessionOpened("session-a", "smollm2-135m", None, "measured", 0.15, "Imported"),
        TurnStarted(name, "session-a", 1, "Whose?", "smollm2-135m", None),
        DraftFinished(name, 0, 0.7, None, 0.1, None, None, "Short [red]and\x1b[31m wrong"),
        ExchangeFinished(name, "complete", "Short [red]and\x1b[31m wrong", 0),
    )
    app = LabApp(lab)
    async with app.run_test(size=TALL, notifications=True) as pilot:
        hand = Hand(pilot)
        await hand.ready()
        await hand.press("f5", "enter")
        await hand.sees("Draft 1 of 1, chosen", "energy 0.10 in the record, 0.50 by its text: length 0.3, ending 0.2")
        await hand.sees("Short [red]and\u241b[31m wrong")
        shown = picture(app)
        assert "seed" not in shown and "tokens/s" not in shown and "ended" not in shown
