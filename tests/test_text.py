"""What makes text harmless and bars exact."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.text import (
    amount,
    cells,
    count,
    duration,
    harmless,
    model_name,
    one_line,
    padded,
    tail,
    visible,
    when,
    wrapped,
)
from lab.tui import theme

ANY = st.text(st.characters(), max_size=200)


@given(ANY)
def test_no_control_character_is_left_but_the_newline(text: str) -> None:
    shown = harmless(text)
    assert all(letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cs") for letter in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    shown.encode("utf-8")


def test_a_text_to_be_copied_keeps_its_tabs_and_nothing_else_that_a_terminal_obeys() -> None:
    assert visible("a\tb\r\nc\x1b]52;\x07\x7f\x9b\u202e\ud800") == "a\tb\nc\u241b]52;\u2407\u2421\ufffd\ufffd\ufffd"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@given(ANY, st.integers(1, 60))
def test_lines_keep_to_their_width(text: str, width: int) -> None:
    for line in (one_line(text, width), tail(text, width)):
        assert "\n" not in line
        assert cells(line) <= width


@given(st.text(st.sampled_from("ab \u5c0f\u732b\u00e9\U0001f600 "), max_size=80), st.integers(6, 40))
def test_a_wrapped_text_keeps_to_its_width_and_loses_nothing(text: str, width: int) -> None:
    found = wrapped(text, width, "- ", "    ")
    assert all(cells(line) <= width for line in found)
    assert "".join(found).replace("- ", "", 1).replace(" ", "") == "".join(text.split())
    assert not found or (found[0].startswith("- ") and all(line.startswith("    ") for line in found[1:]))


def test_a_wide_character_takes_two_columns() -> None:
    title = "\u5c0f\u732b\u306e\u8a71"
    assert [cells(title), cells("ab"), cells("e\u0301")] == [8, 2, 1]
    assert [one_line(title, 8), one_line(title, 7), one_line(title, 6)] == [
        title,
        f"{title[:3]}\u2026",
        f"{title[:2]}\u2026",
    ]
    assert [tail(title, 7), tail(title, 6)] == [f"\u2026{title[1:]}", f"\u2026{title[2:]}"]
    assert [padded(title, 10), padded("ab", 4), padded("abc", 2)] == [f"{title}  ", "ab  ", "abc"]


@given(st.floats(0, 1), st.integers(1, 60), st.none() | st.floats(0, 1))
def test_a_bar_has_exactly_its_width(fraction: float, width: int, tick: float | None) -> None:
    assert theme.bar(fraction, width, "red", tick).cell_length == width


def test_a_bar_shows_eighths_and_the_smallest_share() -> None:
    assert theme.bar(0.5, 4, "red").plain == "\u2588\u2588\u2500\u2500"
    assert theme.bar(5 / 16, 2, "red").plain == "\u258b\u2500"
    assert theme.bar(0.0001, 2, "red").plain == "\u258f\u2500"
    assert theme.bar(0.0, 2, "red").plain == "\u2500\u2500"


@given(st.lists(st.floats(0, 10), max_size=200), st.integers(1, 20))
def test_a_sparkline_fits(values: list[float], width: int) -> None:
    assert len(theme.sparkline(values, width)) <= width


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (duration(6.14), "6.1 s"),
        (duration(59.97), "1:00"),
        (duration(80), "1:20"),
        (duration(7500), "2:05:00"),
        (amount(1), "1 byte"),
        (amount(999), "999 bytes"),
        (amount(1000), "1 kB"),
        (amount(999_499), "999 kB"),
        (amount(999_500), "1 MB"),
        (amount(512e6), "512 MB"),
        (amount(999.5e6), "1.0 GB"),
        (amount(1.25e9), "1.2 GB"),
        (count(1, "row"), "1 row"),
        (count(1000, "row"), "1,000 rows"),
    ],
)
def test_numbers_are_short(said: str, expected: str) -> None:
    assert said == expected


def test_a_checkpoint_in_a_folder_is_shown_by_the_folder_and_one_of_the_hub_in_full() -> None:
    names = ("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", "/models/qwen-twin/", "./twin", "~/a/b.gguf")
    assert [model_name(name) for name in names] == ["qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", "qwen-twin", "twin", "b.gguf"]


def test_times_are_shown_in_utc_wherever_they_were_taken() -> None:
    assert when(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=9)))) == "2026-01-01 18:04"
