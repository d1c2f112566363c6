"""How far a stage is, told now and then."""

from __future__ import annotations

import time
from itertools import count

import pytest

from lab.sleep.tally import Tally


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What is told where each look at the clock is 0.4 s after the one before."""
    clock = count()
    monkeypatch.setattr(time, "monotonic", lambda: 0.4 * next(clock))
    return []


def test_it_tells_about_once_a_second_and_no_more_than_all(told: list[tuple[int, int]]) -> None:
    texts = Tally(lambda done, of: told.append((done, of)))
    texts.begin(40)
    for _ in range(10):
        texts.add(4)
    assert [of for _, of in told] == [40] * len(told)
    assert 2 <= len(told) <= 5
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (40, 40)


def test_a_stage_counts_anew_and_one_without_a_number_tells_nothing(told: list[tuple[int, int]]) -> None:
    texts = Tally(lambda done, of: told.append((done, of)))
    for _ in range(10):
        texts.add(8)
    assert told == []
    texts.begin(100)
    for _ in range(10):
        texts.add(5)
    assert told[0][0] < 50
