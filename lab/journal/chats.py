"""Taking over chat files: JSON lines with the messages of a conversation each, or with one exchange each."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import orjson

from lab.domain import Progress, Salience
from lab.errors import LabError
from lab.journal.events import Event, ExchangeFinished, SessionOpened, TurnStarted
from lab.journal.imports import TOO_DEEP, Body, ImportReport, Tally, bodies, present, scored, time_of
from lab.journal.queries import IMPORTED
from lab.journal.record import Record
from lab.text import one_line

Rescore = Callable[[str, str], Salience]

_TITLE_LENGTH: Final = 60
# Exchanges of a file that reach the disk together: one flush each would take most of the time.
_TOGETHER: Final = 200
# How the exchanges of an import end; those of a dialogue that goes on from one have a number alone.
_IMPORTED: Final = re.compile(r"[0-9a-f]{12}(?:-\d+)?|\d{4,}-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class _Pair:
    """What a user said and what was answered."""

    asked: str
    answer: str


@dataclass(slots=True)
class _File:
    """The session of a file whose lines are exchanges, as it grows."""

    session_id: str
    whole: set[str]
    opened: bool
    turn: int = 0
    added: bool = False


def import_chats(
    record: Record,
    file: Path,
    rescore: Rescore,
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """Import a file of JSON lines; what is there already is left as it is.

    A line with `messages` is a session of its own, to which a line of the same `id` that has grown adds. All lines with
    `user_input` and `model_response` are the turns of one session. `rescore(user_input, response)` scores them. Ids
    come from the content, so a second import adds nothing, and an import that was interrupted goes on. Progress is in
    bytes. Raises LabError for a file that cannot be read or has nothing of this, and when the record cannot be written.
    """
    try:
        size, changed = file.stat().st_size, datetime.fromtimestamp(file.stat().st_mtime, timezone.utc)
        tally = Tally()
        with contextlib.ExitStack() as owned:
            turns = _Turns(record, file, changed, rescore, tally, owned)
            for body in bodies(file, tally):
                if progress:
                    progress(Progress("Importing", body.end, size, "bytes"))
                if "messages" in body.value:
                    _conversation(record, file, body, changed, rescore, tally)
                else:
                    turns.take(body)
            turns.flush()
    except OSError as fault:
        raise LabError(f"{file} cannot be read: {fault.strerror or fault}.", "Name a file of JSON lines.") from fault
    if not (tally.exchanges or tally.already):
        faults = f" {'; '.join(tally.skipped[:5])}." if tally.skipped else ""
        raise LabError(
            f"{file} has no exchange.{faults}",
            "Each line is to be an object with messages, or with the texts user_input and model_response.",
        )
    return tally.report()


def _conversation(record: Record, file: Path, body: Body, changed: datetime, rescore: Rescore, tally: Tally) -> None:
    """A line with messages: a session."""
    place = f"{file}:{body.number}"
    faults = len(tally.skipped) + tally.more
    pairs = list(_pairs(body.value["messages"], place, tally))
    if not pairs:
        if faults == len(tally.skipped) + tally.more:
            tally.skip(place, "messages without an answer to a user")
        return
    # Two conversations may say the same; a file that names its lines keeps them apart.
    try:
        hashed = hashlib.sha256(orjson.dumps(body.value.get("id")))
    except orjson.JSONEncodeError:
        tally.skip(place, TOO_DEEP)
        return
    digests = []
    for pair in pairs:
        hashed.update(orjson.dumps([pair.asked, pair.answer]))
        digests.append(hashed.hexdigest()[:16])
    said = body.value.get("metadata")
    metadata = said if isinstance(said, dict) else {}
    at = _when(metadata) or changed
    given = metadata.get("checkpoint")
    checkpoint = given if isinstance(given, str) else None
    legacy = f"{IMPORTED}chat-{hashlib.sha256(_whole(body, pairs)).hexdigest()[:16]}"
    if record.journal.size(legacy):
        # As an earlier release has imported it.
        tally.already += len(present(record, legacy)[2])
        return
    # One with a name may have grown: it is called after the first of its exchanges that no other began with.
    for name in digests if body.value.get("id") is not None else digests[-1:]:
        session_id = f"{IMPORTED}chat-{name}"
        ids = [f"{session_id}-{turn:04d}-{digest[:6]}" for turn, digest in enumerate(digests, 1)]
        with record.journal.own(session_id):
            opened, whole = _imported(record, session_id)
            missing = [turn for turn, exchange_id in enumerate(ids, 1) if exchange_id not in whole]
            if missing and not whole <= set(ids):
                continue
            events: list[Event] = [] if opened else [_opening(session_id, checkpoint, pairs[0], rescore)]
            for turn in missing:
                events += _exchange(session_id, ids[turn - 1], turn, checkpoint, pairs[turn - 1], rescore)
            if missing:
                record.append(session_id, *events, at=at)
        tally.sessions += bool(missing)
        tally.exchanges += len(missing)
        tally.already += len(pairs) - len(missing)
        return
    tally.skip(place, "a shorter part of it was imported, and goes on otherwise")


def _whole(body: Body, pairs: Sequence[_Pair]) -> bytes:
    return orjson.dumps([body.value.get("id"), *([pair.asked, pair.answer] for pair in pairs)])


def _imported(record: Record, session_id: str) -> tuple[bool, set[str]]:
    """Whether a session was opened, and which exchanges of it are whole and imported: a person may have gone on."""
    opened, _, whole = present(record, session_id)
    return opened, {each for each in whole if _IMPORTED.fullmatch(each.removeprefix(f"{session_id}-"))}


def _pairs(messages: Any, place: str, tally: Tally) -> Iterator[_Pair]:
    """Each answer with what the user had said since the one before. A system message is nobody's turn."""
    if not isinstance(messages, list) or not all(
        isinstance(message, dict)
        and message.get("role") in ("system", "user", "assistant")
        and isinstance(message.get("content"), str)
        for message in messages
    ):
        tally.skip(place, "messages are not a list of objects with a role (system, user, assistant) and a content")
        return
    asked: list[str] = []
    for message in messages:
        if message["role"] == "user":
            asked.append(message["content"])
        elif message["role"] == "assistant" and asked:
            yield _Pair("\n\n".join(asked), message["content"])
            asked = []
        elif message["role"] == "assistant":
            tally.skip(place, "an answer to nothing was left out")
    if asked:
        tally.skip(place, "the last message has no answer and was left out")


class _Turns:
    """The lines of a file that are exchanges: they go into one session, many at a time."""

    def __init__(
        self,
        record: Record,
        file: Path,
        changed: datetime,
        rescore: Rescore,
        tally: Tally,
        owned: contextlib.ExitStack,
    ) -> None:
        self._record = record
        self._owned = owned
        self._place = file
        self._changed = changed
        self._rescore = rescore
        self._tally = tally
        self._file: _File | None = None
        self._seen: Counter[str] = Counter()
        self._waiting: list[Event] = []
        self._at = changed

    def take(self, body: Body) -> None:
        """The next line."""
        pair = _turn(body)
        if pair is None:
            reason = "neither messages nor texts under user_input and model_response"
            self._tally.skip(f"{self._place}:{body.number}", reason)
            return
        file = self._file = self._file or self._begin(pair)
        file.turn += 1
        exchange_id = f"{file.session_id}-{self._name(self._seen, pair)}"
        if exchange_id in file.whole:
            self._tally.already += 1
            return
        at = _when(body.value) or self._changed
        if at != self._at or len(self._waiting) >= 3 * _TOGETHER:
            self.flush()
        self._at = at
        if not file.opened:
            self._waiting.append(_opening(file.session_id, None, pair, self._rescore))
            file.opened = True
        if not file.added:
            self._tally.sessions += 1
            file.added = True
        self._waiting += _exchange(file.session_id, exchange_id, file.turn, None, pair, self._rescore)
        self._tally.exchanges += 1

    def flush(self) -> None:
        """Write what waits."""
        if self._file is not None and self._waiting:
            self._record.append(self._file.session_id, *self._waiting, at=self._at)
            self._waiting = []

    def _name(self, seen: Counter[str], pair: _Pair) -> str:
        # What was said twice was said twice.
        digest = _digest(pair)
        seen[digest] += 1
        return digest + (f"-{seen[digest]}" if seen[digest] > 1 else "")

    def _begin(self, first: _Pair) -> _File:
        # The file may grow: its name and its first exchange stay.
        name = re.sub(r"[^A-Za-z0-9._-]", "-", self._place.stem)[:80]
        found = self._own(f"{IMPORTED}{name}-{_digest(first)}")
        if not found.whole:
            return found
        seen: Counter[str] = Counter()
        names = {self._name(seen, pair) for pair in self._pairs()}
        hashed = hashlib.sha256()
        for pair in self._pairs():
            ids = {f"{found.session_id}-{each}" for each in names}
            # A line may have been mended since.
            if found.whole <= ids or ids <= found.whole:
                break
            # Another file of this name begins alike.
            hashed.update(orjson.dumps([pair.asked, pair.answer]))
            found = self._own(f"{IMPORTED}{name}-{hashed.hexdigest()[:16]}")
        return found

    def _pairs(self) -> Iterator[_Pair]:
        # Not all of them at once: a file may be larger than memory.
        return (pair for body in bodies(self._place, Tally()) if (pair := _turn(body)) is not None)

    def _own(self, session_id: str) -> _File:
        # Until the end: another import of the same file would add the same.
        self._owned.enter_context(self._record.journal.own(session_id))
        opened, whole = _imported(self._record, session_id)
        return _File(session_id, whole, opened)


def _turn(body: Body) -> _Pair | None:
    """The exchange of a line; None where it is none."""
    asked, answer = body.value.get("user_input"), body.value.get("model_response")
    if "messages" in body.value or not isinstance(asked, str) or not isinstance(answer, str):
        return None
    return _Pair(asked, answer)


def _digest(pair: _Pair) -> str:
    return hashlib.sha256(orjson.dumps([pair.asked, pair.answer])).hexdigest()[:12]


def _opening(session_id: str, checkpoint: str | None, first: _Pair, rescore: Rescore) -> SessionOpened:
    score = rescore(first.asked, first.answer)
    title = one_line(first.asked, _TITLE_LENGTH)
    return SessionOpened(session_id, checkpoint, None, score.profile, score.threshold, title)


def _exchange(
    session_id: str, exchange_id: str, turn: int, checkpoint: str | None, pair: _Pair, rescore: Rescore
) -> list[Event]:
    """All events of one exchange, its end last: an exchange without its end is imported again."""
    return [
        TurnStarted(exchange_id, session_id, turn, pair.asked, checkpoint, None),
        scored(exchange_id, rescore(pair.asked, pair.answer)),
        ExchangeFinished(exchange_id, "complete", pair.answer),
    ]


def _when(said: dict[str, Any]) -> datetime | None:
    """The time that a line gives: Unix seconds under `timestamp`, or ISO 8601 under `created_at`."""
    try:
        at = datetime.fromisoformat(said["created_at"].replace("Z", "+00:00"))
        # In UTC the first and the last day of all may be none.
        return at.astimezone(timezone.utc) if at.tzinfo else at.replace(tzinfo=timezone.utc)
    except (KeyError, AttributeError, ValueError, OverflowError):
        return time_of(said.get("timestamp"))
