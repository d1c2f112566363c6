"""The files of a study's folder: lines of JSON, of which a whole one is never written again, and whole files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

ITEMS: Final = "items.jsonl"
WORTH: Final = "worth.jsonl"
CHOICES: Final = "choices.json"
SLEEPS: Final = "sleeps.jsonl"
# A sleep on what a signal chose is made with each of these.
SEEDS: Final = 2
# The adapter that has learnt what is repeated.
KNOWN: Final = "known"

Item = dict[str, Any]


def lines(path: Path) -> list[Item]:
    """The whole lines of a file; what a killed process left of one is no line."""
    found = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    return [orjson.loads(line) for line in found if line.endswith(b"\n")]


def append(path: Path, item: Item) -> None:
    """Add a line, after what a killed process left of one is taken away."""
    whole = path.read_bytes() if path.is_file() else b""
    with path.open("r+b" if whole else "wb") as file:
        file.seek(whole.rfind(b"\n") + 1)
        file.write(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE))
        file.truncate()


def write(path: Path, items: Sequence[Item]) -> None:
    """Write all lines at once."""
    write_whole(path, b"".join(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE) for item in items))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file of which a killed process leaves no half."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
