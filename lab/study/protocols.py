"""The protocols of experiments: TOML files of what is said, in which conditions, and what is expected of that.

An `[[item]]` has a name and, for each of the protocol's conditions, a list of turns that one dialogue has. A
`[[hypothesis]]` has a name, a sentence that it `says`, and one form:

    more = "personal", less = "abstract"     the first condition has the higher total, item by item
    falls = ["one", "two", "three"]          the total falls from each of these conditions to the next, item by item
    falls_by_size = true                     of two checkpoints the one with more parameters has the lower total
    separates = "conflict"                   salient turns have more of this than the others
    unrelated = ["conflict", "disagreement"] the one does not follow the other

`published` are the figures that were published for its two sides.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lab.errors import LabError
from lab.questions import shipped
from lab.settings import Workspace

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER: Final = "protocols"
_FORMS: Final = ("more", "falls", "falls_by_size", "separates", "unrelated")
# What can be separated by, or be related: the dimensions, and how far the drafts disagree.
SIGNALS: Final = ("surprise", "novelty", "arousal", "reward", "conflict", "total", "disagreement")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is expected. `form` is the name of one of the forms above, `over` the conditions or signals that it names,
    the one that should be higher first."""

    name: str
    says: str
    form: str
    over: tuple[str, ...]
    published: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Protocol:
    """An experiment that can be repeated: of each item the turns of each condition, and what is expected."""

    name: str
    title: str
    items: Mapping[str, Mapping[str, tuple[str, ...]]]
    hypotheses: tuple[Hypothesis, ...] = field(default=())


def protocols(workspace: Workspace) -> dict[str, Path]:
    """The files by the name of their protocol: those of the lab, and the workspace's own, which come before them."""
    folders = (shipped() / FOLDER, workspace.root / "prompts" / FOLDER)
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def read_protocol(workspace: Workspace, name: str) -> Protocol:
    """The protocol of this name. Raises LabError for an unknown one, and with all that is wrong with its file."""
    known = protocols(workspace)
    if name not in known:
        raise LabError(f'There is no protocol "{name}".', f"Choose one of: {', '.join(sorted(known))}.")
    path = known[name]
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise LabError(f"{path} cannot be read: {fault}.", "Correct it.") from fault
    faults: list[str] = []
    items = _items(body.get("item"), faults)
    conditions = {name for conditions in items.values() for name in conditions}
    hypotheses = _hypotheses(body.get("hypothesis", []), conditions, faults)
    if faults:
        raise LabError(f"{path}: {'; '.join(faults)}.", "Correct these entries.")
    return Protocol(name, str(body.get("title", name)), items, tuple(hypotheses))


def _items(entries: Any, faults: list[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    if not isinstance(entries, list) or not entries:
        faults.append("there is no [[item]]")
        return {}
    items: dict[str, dict[str, tuple[str, ...]]] = {}
    for number, entry in enumerate(entries, 1):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name.strip() or name in items:
            faults.append(f"item {number} has no name of its own")
            continue
        items[name] = {}
        for condition, turns in entry.items():
            if condition == "name":
                continue
            if _texts(turns):
                items[name][condition] = tuple(text.strip() for text in turns)
            else:
                faults.append(f"item {number}: {condition} is no list of texts")
        if len(entry) == 1:
            faults.append(f"item {number} has no condition")
    return items


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each.strip() for each in value)


def _hypotheses(entries: Any, conditions: set[str], faults: list[str]) -> list[Hypothesis]:
    found = []
    for number, entry in enumerate(entries if isinstance(entries, list) else [None], 1):
        try:
            found.append(_hypothesis(entry, conditions))
        except ValueError as fault:
            faults.append(f"hypothesis {number}: {fault}")
    return found


def _hypothesis(entry: Any, conditions: set[str]) -> Hypothesis:
    """Raises ValueError with what is wrong with it."""
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("name", "says")):
        raise ValueError("it needs a name and what it says")
    (form, *more) = [form for form in _FORMS if form in entry] or [""]
    if not form or more:
        raise ValueError(f"it needs one of {', '.join(_FORMS)}")
    value = entry[form]
    over = {
        "more": [value, entry.get("less")],
        "falls_by_size": [],
        "separates": [value],
    }.get(form, value)
    # A list: what a file has in a name's place may be a list or a table, which no set can be asked for.
    known = sorted(conditions if form in ("more", "falls") else SIGNALS)
    if not isinstance(over, list) or (strange := [each for each in over if each not in known]):
        raise ValueError(f"{form} names {', '.join(map(str, strange)) if isinstance(over, list) else over}, which is"
                         f" none of {', '.join(known)}")  # fmt: skip
    if (form == "falls" and len(over) < 2) or (form == "unrelated" and len(over) != 2):
        raise ValueError(f"{form} needs two names{' or more' if form == 'falls' else ''}")
    published = entry.get("published", [])
    if not isinstance(published, list) or not all(type(each) in (int, float) for each in published):
        raise ValueError("published is no list of numbers")
    return Hypothesis(entry["name"], entry["says"], form, tuple(over), tuple(map(float, published)))
