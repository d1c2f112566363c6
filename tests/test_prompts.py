"""The exchanges that studies are made on: enough of each kind, and nothing that is asked afterwards is trained."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

STUDIES = Path(__file__).parents[1] / "prompts" / "studies"
KINDS = ("fact", "correction", "known", "chit-chat", "noise", "philosophy", "repetition")


def test_the_exchanges_of_the_salience_study_are_whole() -> None:
    exchanges = tomllib.loads((STUDIES / "salience.toml").read_text(encoding="utf-8"))["exchange"]
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
