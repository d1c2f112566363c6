"""What the scripted engine is told, it does: thinking, and drafts side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from lab.domain import GenerationEvent, Message, Prompt, RowFinished, RowGrew, RowStarted, RowThought, Sampling
from lab.engine.client import ProcessEngine

QUESTION = Prompt((Message("user", "Is this knowledge still yours?"),), "chat", (), True)
ROWS = [Sampling(0.7, seed) for seed in range(3)]
Start = Callable[..., ProcessEngine]


def finished(events: list[GenerationEvent]) -> list[RowFinished]:
    return sorted((event for event in events if isinstance(event, RowFinished)), key=lambda event: event.row)


def test_it_thinks_when_it_is_let_and_says_the_same(scripted: Start) -> None:
    engine = scripted("--think", 7)
    assert engine.loaded is not None and engine.loaded.thinking
    events = list(engine.generate(QUESTION, ROWS[:1], 500))
    [row] = finished(events)
    thought = [event for event in events if isinstance(event, RowThought)]
    assert "".join(event.text for event in thought) == row.thinking
    assert [event.tokens for event in thought] == list(range(1, 8))
    assert events.index(thought[-1]) < next(n for n, event in enumerate(events) if isinstance(event, RowGrew))
    [silent] = finished(list(engine.generate(replace(QUESTION, thinking=False), ROWS[:1], 500)))
    assert (silent.text, silent.thinking, silent.tokens) == (row.text, "", row.tokens - 7)


def test_thinking_that_meets_the_token_limit_leaves_no_answer(scripted: Start) -> None:
    [row] = finished(list(scripted("--think", 7).generate(QUESTION, ROWS[:1], 5)))
    assert (row.text, row.tokens, row.finish, len(row.thinking.split())) == ("", 5, "length", 5)


def test_side_by_side_gives_the_same_drafts_token_by_token_in_turn(scripted: Start) -> None:
    one_by_one = list(scripted("--think", 3).generate(QUESTION, ROWS, 40))
    events = list(scripted("--think", 3, "--side-by-side").generate(QUESTION, ROWS, 40))
    assert [isinstance(event, RowStarted) for event in events[1:4]] == [True] * 3
    assert [getattr(event, "row", None) for event in events[4:10]] == [0, 1, 2, 0, 1, 2]
    assert [(row.text, row.thinking, row.tokens) for row in finished(events)] == [
        (row.text, row.thinking, row.tokens) for row in finished(one_by_one)
    ]


def test_a_cancel_ends_all_drafts_that_grow_side_by_side(scripted: Start) -> None:
    cancel = threading.Event()
    events: list[GenerationEvent] = []
    engine = scripted("--side-by-side", "--pace", 50, "--words", 500)
    for event in engine.generate(QUESTION, ROWS, 400, cancel):
        events.append(event)
        if isinstance(event, RowGrew) and event.tokens == 4:
            cancel.set()
    assert [row.finish for row in finished(events)] == ["cancelled"] * 3
