"""Text comes out of tokens whole, once, without what a stop string begins, and with the thinking apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.engine.stream import DraftStream, Thinking


def decode_bytes(tokens: list[int]) -> str:
    return bytes(tokens).decode("utf-8", "replace")


def run(data: bytes, stop: tuple[str, ...] = (), thinking: Thinking = "none") -> tuple[list[str], DraftStream]:
    """The pieces of the answer, and the stream; the pieces of the thinking are checked here."""
    stream = DraftStream(decode_bytes, stop, thinking)
    pieces = []
    for token in data:
        pieces.append(stream.push(token))
        if stream.stopped:
            break
    pieces.append(stream.finish())
    assert "".join(piece.thought for piece in pieces) == stream.thinking
    return [piece.text for piece in pieces], stream


@given(st.text())
def test_any_text_arrives_whole_without_the_white_space_around_it(text: str) -> None:
    pieces, stream = run(text.encode())
    assert "".join(pieces) == stream.text == text.rstrip("\ufffd").strip()


@given(st.text(alphabet="aB \n\u00e9\U0001f600", max_size=40), st.text(alphabet="aB \n", min_size=1, max_size=4))
def test_a_stop_string_is_cut_wherever_the_pieces_break(text: str, mark: str) -> None:
    pieces, stream = run(text.encode(), (mark,))
    assert "".join(pieces) == stream.text == text.split(mark)[0].strip()
    assert stream.stopped == (mark in text)


@given(st.binary(max_size=60), st.sampled_from(["none", "may", "open"]))
def test_broken_bytes_never_raise_and_pieces_still_make_the_text(data: bytes, thinking: Thinking) -> None:
    pieces, stream = run(data, (), thinking)
    assert "".join(pieces) == stream.text


def test_half_a_character_waits_for_its_other_half() -> None:
    stream = DraftStream(decode_bytes)
    assert [stream.push(token).text for token in "\u00e9!".encode()] == ["", "\u00e9", "!"]


def test_the_earliest_of_several_stop_strings_wins() -> None:
    _, stream = run(b"one two three", ("three", "two"))
    assert stream.text == "one"


def split(text: str, thinking: Thinking) -> tuple[str, str]:
    """Thinking and answer of a whole text, the plain way."""
    if thinking == "may" and text.lstrip().startswith("<think>"):
        text, thinking = text.lstrip().removeprefix("<think>"), "open"
    if thinking != "open":
        return "", text.strip()
    thought, _, answer = text.partition("</think>")
    return thought.strip(), answer.strip()


# Marks, halves of marks and what stands between them.
fragments = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "/", "th", "ink>", "</thi", "a", " ", "\n", "\u00e9", "\n\n"]),
    max_size=12,
).map("".join)


@given(fragments, st.sampled_from(["none", "may", "open"]), st.data())
def test_any_split_into_tokens_gives_the_thinking_and_the_answer_of_the_whole(
    text: str, thinking: Thinking, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    tokens = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)])]
    stream = DraftStream(lambda ids: "".join(tokens[number] for number in ids), (), thinking)
    pieces = [stream.push(number) for number in range(len(tokens))] + [stream.finish()]
    assert (stream.thinking, stream.text) == split(text, thinking)
    assert "".join(piece.thought for piece in pieces) == stream.thinking
    assert "".join(piece.text for piece in pieces) == stream.text


@given(fragments, fragments)
def test_a_stop_string_counts_in_the_answer_only(thought: str, answer: str) -> None:
    _, stream = run(f"<think>{thought}th</think>{answer}".encode(), ("th",), "may")
    expected_thought, expected = split(f"<think>{thought}th</think>{answer}", "may")
    assert (stream.thinking, stream.text) == (expected_thought, expected.split("th")[0].strip())


def test_thinking_is_told_while_it_grows_and_the_mark_is_not() -> None:
    pieces = ["<think>", "\n", "let me", " see", "</thi", "nk>", "\n\n", "Yes", "."]
    stream = DraftStream(lambda ids: "".join(pieces[number] for number in ids), (), "may")
    told = [tuple(stream.push(number)) for number in range(len(pieces))]
    assert [thought for thought, _ in told] == ["", "", "let me", " see", "", "", "", "", ""]
    assert [text for _, text in told] == ["", "", "", "", "", "", "", "Yes", "."]


def test_white_space_before_the_thinking_is_no_answer() -> None:
    _, stream = run(b"\n <think>hm</think> Yes.", (), "may")
    assert (stream.thinking, stream.text) == ("hm", "Yes.")


def test_thinking_that_does_not_end_leaves_an_empty_answer() -> None:
    _, stream = run(b"<think>\nand on </th", (), "may")
    assert (stream.thinking, stream.text) == ("and on </th", "")


def test_a_mark_later_in_the_answer_is_text() -> None:
    _, stream = run(b"Say <think> and </think>.", (), "may")
    assert (stream.thinking, stream.text) == ("", "Say <think> and </think>.")
