"""The exchanges that studies are made on: enough of each kind, and nothing that is asked afterwards is trained."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

STUDIES = Path(__file__).parents[1] / "prompts" / "studies"
KINDS = ("fact", "correction", "known", "chit-chat", "noise", "philosophy", "repetition")


def _exchanges(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((STUDIES / name).read_text(encoding="utf-8"))["exchange"]
    return found


def test_what_is_judged_on_shares_nothing_with_what_was_fitted_to() -> None:
    judged, fitted = (
        {text for each in _exchanges(name) for text in (each["said"], *each["train"], *each["held_out"])}
        for name in ("salience.toml", "salience-fitted.toml")
    )
    assert not judged & fitted


@pytest.mark.parametrize("name", ["salience.toml", "salience-fitted.toml"])
def test_the_exchanges_of_the_salience_study_are_whole(name: str) -> None:
    exchanges = _exchanges(name)
    counts = Counter(each["kind"] for each in exchanges)
    assert len(exchanges) >= 60
    assert set(counts) == set(KINDS)
    assert min(counts.values()) >= 8
    assert len({each["said"] for each in exchanges}) == len(exchanges)
    for each in exchanges:
        assert (len(each["train"]), len(each["held_out"])) == (2, 2), each["said"]
        assert len({each["said"], *each["train"], *each["held_out"]}) == 5, each["said"]
        # What is new and true has an answer that can be told from a wrong one.
        assert ("key" in each) == (each["kind"] in ("fact", "correction")), each["said"]
        assert each.get("key", "") in each.get("answer", ""), each["said"]
