"""The exchanges of a study: a TOML file of what is said, how it is asked for, and what should be answered."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.errors import LabError
from lab.questions import shipped

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# What was told and learnt before anything is measured.
REPETITION: Final = "repetition"


@dataclass(frozen=True, slots=True)
class Studied:
    """One exchange. `answer` is what is to be learnt, None the model's own reply; `key` is what a right answer holds,
    None where nothing new and true is learnt. `before` are the turns that precede it."""

    number: int
    kind: str
    said: str
    train: tuple[str, ...]
    held_out: tuple[str, ...]
    answer: str | None = None
    key: str | None = None
    before: tuple[str, ...] = ()


def studied(path: Path | None = None) -> list[Studied]:
    """The exchanges of a file, the shipped one by default. Raises LabError that names every entry that is wrong."""
    path = path or shipped() / "studies" / "salience.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["exchange"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as fault:
        raise LabError(f"{path} is no set of exchanges: {fault}.", "It holds [[exchange]] tables.") from fault
    if not isinstance(entries, list) or not entries:
        raise LabError(f"{path} is no set: exchange is no list of tables.", "It holds [[exchange]] tables.")
    faults = [f"exchange {number}: {wrong}" for number, entry in enumerate(entries, 1) if (wrong := _fault(entry))]
    if faults:
        raise LabError(f"{path}: {'; '.join(faults)}.", "Correct these entries.")
    return [_read(number, entry) for number, entry in enumerate(entries, 1)]


def _read(number: int, entry: dict[str, Any]) -> Studied:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return Studied(number, **values)


def _fault(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return "is no table"
    unknown = set(entry) - {"kind", "said", "train", "held_out", "answer", "key", "before"}
    if unknown:
        return f"{', '.join(sorted(unknown))} is not known"
    for name in ("kind", "said", "answer", "key"):
        value = entry.get(name, None if name in ("kind", "said") else "-")
        if not isinstance(value, str) or not value.strip():
            return f"{name} is no text"
    for name in ("train", "held_out", "before"):
        value = entry.get(name, [] if name == "before" else None)
        if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() for text in value):
            return f"{name} is no list of texts"
        if name != "before" and len(value) != 2:
            return f"{name} has not two wordings"
    if "key" in entry and entry["key"] not in entry.get("answer", ""):
        return "the answer does not hold the key"
    return None
