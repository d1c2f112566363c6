"""What of the record a person looks for: text and conditions, as one line that is typed, and as SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from lab.domain import DIMENSIONS
from lab.errors import LabError

MEASURES: Final = (*DIMENSIONS, "total")
_MARKS: Final = ("kept", "excluded", "edited", "any")
# A quoted text may hold anything; all else ends at a space.
_WORD: Final = re.compile(r'"([^"]*)"?|(\S+)')
_MINIMUM: Final = re.compile(r"([a-z]+)>=?(.*)")
# One letter is a drive, not a key.
_KEYED: Final = re.compile(r"([a-z]{2,}):(.*)", re.DOTALL)
_KEYS: Final = ("model", "adapter", "since", "until", "marked")


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Conditions that an exchange meets all at once; the empty filter is met by every one.

    `text` is found literally, in whatever case, in the message, the answer (as recorded and as edited), the title of
    the session, and as the whole id of an exchange or session. `checkpoint` and `adapter` are parts of their names,
    an adapter "none" is no adapter. `since` and `until` (aware) are bounds of the time, the second one excluded.
    `minimum` holds the least value of a dimension or of "total". `marked` is a mark, or "any".
    """

    text: str = ""
    salient: bool = False
    checkpoint: str | None = None
    adapter: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    minimum: dict[str, float] = field(default_factory=dict)
    marked: str | None = None


def parse(line: str) -> HistoryFilter:
    """The filter of a line such as `owned model:qwen since:2026-11-01 conflict>0.3 salient`.

    What is no condition is the text, as it was typed; quotes make text of anything. Raises LabError that names all
    words that look like a condition and are none.
    """
    words: list[str] = []
    faults: list[str] = []
    found = HistoryFilter()
    for match in _WORD.finditer(line):
        quoted, word = match.groups()
        if quoted is not None:
            words.append(quoted)
            continue
        try:
            changed = _condition(found, word)
        except ValueError as fault:
            faults.append(str(fault))
            continue
        if changed is None:
            words.append(word)
        else:
            found = changed
    if faults:
        raise LabError("; ".join(faults) + ".", 'Put "..." around what is text.')
    return replace(found, text=" ".join(word for word in words if word))


def _condition(found: HistoryFilter, word: str) -> HistoryFilter | None:
    """The filter with this condition more, or None for a word of the text. Raises ValueError with what is wrong."""
    lower = word.lower()
    if lower == "salient":
        return replace(found, salient=True)
    minimum = _MINIMUM.fullmatch(lower)
    if minimum:
        name, number = minimum.groups()
        if name not in MEASURES:
            raise ValueError(f"{name} is none of {', '.join(MEASURES)}")
        try:
            value = float(number)
        except ValueError:
            raise ValueError(f"{word} needs a number, as {name}>0.3") from None
        return replace(found, minimum={**found.minimum, name: value})
    keyed = _KEYED.fullmatch(lower)
    # "https://..." and "note:" are text.
    if keyed is None or keyed[2].startswith("//") or not keyed[2]:
        return None
    return _keyed(found, *keyed.groups())


def _keyed(found: HistoryFilter, key: str, value: str) -> HistoryFilter:
    if key == "model":
        return replace(found, checkpoint=value)
    if key == "adapter":
        return replace(found, adapter=value)
    if key == "marked":
        if value not in _MARKS:
            raise ValueError(f"marked:{value} is none of {', '.join(_MARKS)}")
        return replace(found, marked=value)
    if key in ("since", "until"):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{key}:{value} is not a day; write {key}:2026-11-01") from None
        start = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
        if key == "since":
            return replace(found, since=start)
        try:
            # The day that is named is still in it.
            return replace(found, until=start + timedelta(days=1))
        except OverflowError:
            raise ValueError(f"{key}:{value} is the last day of all; leave it out") from None
    raise ValueError(f"{key}: is none of {', '.join(f'{name}:' for name in _KEYS)}")


def conditions(wanted: HistoryFilter, profile: str) -> tuple[str, dict[str, Any]]:
    """SQL that is true for the exchanges `e` that meet the filter, the text apart, with its parameters.

    Scores are those of `profile`. An empty string for a filter without conditions.
    """
    found: list[str] = []
    parameters: dict[str, Any] = {}

    def add(sql: str, **values: Any) -> None:
        found.append(sql)
        parameters.update(values)

    if wanted.checkpoint is not None:
        add("contains(lower(e.checkpoint), $checkpoint)", checkpoint=wanted.checkpoint.lower())
    if wanted.adapter == "none":
        add("e.adapter IS NULL")
    elif wanted.adapter is not None:
        add("contains(lower(e.adapter), $adapter)", adapter=wanted.adapter.lower())
    if wanted.since is not None:
        add("e.created_at >= $since", since=_naive(wanted.since))
    if wanted.until is not None:
        add("e.created_at < $until", until=_naive(wanted.until))
    if wanted.marked == "any":
        add("e.mark IS NOT NULL")
    elif wanted.marked is not None:
        add("e.mark = $mark", mark=wanted.marked)
    if wanted.salient or wanted.minimum:
        scored = ["v.profile = $profile", *(["v.salient"] if wanted.salient else [])]
        scored += [f"v.{name} >= $least_{name}" for name in MEASURES if name in wanted.minimum]
        least = {f"least_{name}": wanted.minimum[name] for name in MEASURES if name in wanted.minimum}
        add(
            f"e.exchange_id IN (SELECT v.exchange_id FROM salience v WHERE {' AND '.join(scored)})",
            profile=profile,
            **least,
        )
    return " AND ".join(found), parameters


def _naive(at: datetime) -> datetime:
    """As the database keeps times: in UTC, without saying so."""
    return at.astimezone(timezone.utc).replace(tzinfo=None)
