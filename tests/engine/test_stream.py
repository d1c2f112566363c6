"""Text comes out of tokens whole, once, and without what a stop string begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.engine.stream import TextStream


def decode_bytes(tokens: list[int]) -> str:
    return bytes(tokens).decode("utf-8", "replace")


def run(data: bytes, stop: tuple[str, ...] = ()) -> tuple[list[str], TextStream]:
    stream = TextStream(decode_bytes, stop)
    pieces = []
    for token in data:
        pieces.append(stream.push(token))
        if stream.stopped:
            break
    pieces.append(stream.finish())
    return pieces, stream


@given(st.text())
def test_any_text_arrives_whole_without_the_white_space_around_it(text: str) -> None:
    pieces, stream = run(text.encode())
    assert "".join(pieces) == stream.text == text.rstrip("\ufffd").strip()


@given(st.text(alphabet="aB \n\u00e9\U0001f600", max_size=40), st.text(alphabet="aB \n", min_size=1, max_size=4))
def test_a_stop_string_is_cut_wherever_the_pieces_break(text: str, mark: str) -> None:
    pieces, stream = run(text.encode(), (mark,))
    assert "".join(pieces) == stream.text == text.split(mark)[0].strip()
    assert stream.stopped == (mark in text)


@given(st.binary(max_size=60))
def test_broken_bytes_never_raise_and_pieces_still_make_the_text(data: bytes) -> None:
    pieces, stream = run(data)
    assert "".join(pieces) == stream.text


def test_half_a_character_waits_for_its_other_half() -> None:
    stream = TextStream(decode_bytes)
    assert [stream.push(token) for token in "\u00e9!".encode()] == ["", "\u00e9", "!"]


def test_the_earliest_of_several_stop_strings_wins() -> None:
    _, stream = run(b"one two three", ("three", "two"))
    assert stream.text == "one"
