"""What of the dialogue is read again, and what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.dialogue.context import Context, assemble
from lab.domain import Draft, Exchange, ExchangeStatus, Prompt, PromptForm
from lab.errors import LabError

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def exchange(turn: int, question: str, answer: str, status: ExchangeStatus = "complete") -> Exchange:
    return Exchange(f"s-{turn:04d}", "s", turn, AT, question, answer, status, "tiny", None)


def words(prompt: Prompt) -> int:
    return sum(len(message.content.split()) for message in prompt.messages)


def build(
    text: str,
    history: Sequence[Exchange],
    window: int = 1000,
    reserve: int = 10,
    form: PromptForm = "chat",
    thinking: bool = False,
) -> Context:
    return assemble(
        text, history, mode="dialogue", form=form, window=window, reserve=reserve, count=words, thinking=thinking
    )


def test_the_dialogue_so_far_is_in_the_prompt() -> None:
    context = build("and now?", [exchange(1, "one", "two"), exchange(2, "three", "four", "cancelled")])
    assert [m.content for m in context.prompt.messages] == ["one", "two", "three", "four", "and now?"]
    assert [m.role for m in context.prompt.messages] == ["user", "assistant", "user", "assistant", "user"]
    assert (context.tokens, context.left_out, context.prompt.stop) == (6, 0, ())


def test_failed_and_empty_turns_are_not_read_again() -> None:
    history = [exchange(1, "one", "half", "failed"), exchange(2, "two", "", "cancelled")]
    assert [m.content for m in build("three", history).prompt.messages] == ["three"]


def test_a_base_model_is_stopped_at_the_next_question() -> None:
    context = build("why?", [], form="plain")
    assert (context.prompt.form, context.prompt.stop) == ("plain", ("\nQuestion:",))


def test_fresh_is_the_published_prompt_whatever_was_said() -> None:
    history = [exchange(1, "one", "two")]
    context = assemble("why?", history, mode="fresh", form="chat", window=100, reserve=10, count=words, thinking=True)
    # A base model goes on asking itself here as well.
    assert context.prompt == Prompt(context.prompt.messages, "plain", ("\nQuestion:",))
    assert [m.content for m in context.prompt.messages] == ["why?"]


@pytest.mark.parametrize(
    ("form", "thinking", "asked"), [("chat", True, True), ("chat", False, False), ("plain", True, False)]
)
def test_thinking_is_asked_for_where_there_is_a_template(form: PromptForm, thinking: bool, asked: bool) -> None:
    assert build("why?", [], form=form, thinking=thinking).prompt.thinking is asked


def test_what_was_thought_before_an_answer_is_not_read_again() -> None:
    thought = Draft(0, 0.7, 1, "two", 0.3, 9, 0.1, "stop", "a long thought", 8)
    history = [replace(exchange(1, "one", "two"), drafts=(thought,), chosen=0)]
    assert [m.content for m in build("why?", history, thinking=True).prompt.messages] == ["one", "two", "why?"]


def test_a_message_over_the_window_is_named_with_both_numbers() -> None:
    with pytest.raises(LabError, match=r"200 tokens.*10 for the answer.*100") as caught:
        build("word " * 200, [], window=100)
    assert "90 tokens" in caught.value.remedy


@given(st.lists(st.integers(1, 30), max_size=24), st.integers(1, 20), st.integers(40, 200))
def test_turns_that_do_not_fit_leave_four_at_a_time_and_the_newest_last(
    sizes: list[int], last: int, window: int
) -> None:
    history = [exchange(i, "q", "a " * size) for i, size in enumerate(sizes, 1)]
    context = build("w " * last, history, window=window)
    assert context.tokens == words(context.prompt) <= window - 10
    assert len(context.prompt.messages) == 2 * (len(history) - context.left_out) + 1
    fewest = next(n for n in range(len(sizes) + 1) if last + sum(size + 1 for size in sizes[n:]) <= window - 10)
    whole_blocks = -(-fewest // 4) * 4
    assert context.left_out == (whole_blocks if whole_blocks < len(sizes) else max(fewest, len(sizes) - 1))


def test_a_dialogue_over_the_window_begins_alike_for_several_turns() -> None:
    history: list[Exchange] = []
    beginnings = []
    for turn in range(1, 40):
        beginnings.append(build("why?", history, window=100).prompt.messages[0].content)
        history.append(exchange(turn, f"question {turn}", "answer " * 10))
    # What is read anew, the whole prompt, is so a quarter of the times.
    assert len(set(beginnings)) <= 1 + -(-39 // 4)


def sizes(history: Sequence[Exchange], window: int) -> list[int]:
    """How many messages each prompt had that was counted."""
    asked: list[int] = []

    def noted(prompt: Prompt) -> int:
        asked.append(len(prompt.messages))
        return words(prompt)

    assemble("why?", history, mode="dialogue", form="chat", window=window, reserve=10, count=noted, thinking=False)
    return asked


@pytest.mark.parametrize("word", ["a ", "four ", "seventeenletters "])
def test_what_is_counted_depends_on_the_window_and_not_on_the_length_of_the_dialogue(word: str) -> None:
    history = [exchange(turn, "question", word * 20) for turn in range(4000)]
    short, long = sizes(history[-400:], 2000), sizes(history, 2000)
    assert short == long
    fit = 2 * (1990 // 21)
    assert max(long) <= 2 * fit
    assert len(long) <= 10
    assert sum(long) <= 8 * fit


def test_a_dialogue_that_fits_is_counted_once() -> None:
    history = [exchange(turn, "question", "word " * 20) for turn in range(50)]
    assert sizes(history, 2000) == [101]
    assert sizes([], 2000) == [1]
