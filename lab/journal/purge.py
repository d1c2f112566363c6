"""Removing the text of an exchange from the record for good: from journals, folders of sleeps, and the database."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from lab.domain import Exchange, Progress
from lab.errors import LabError
from lab.journal import alias, queries
from lab.journal.events import EVENT_NAMES, ExchangePurged
from lab.journal.journal import EVENTS_FILE, Journal, sync_folder
from lab.journal.record import Record
from lab.journal.restore import remove_left
from lab.journal.scratch import Scratch
from lab.text import ELLIPSIS, one_line

_SLEEPS: Final = "sleep-"
# What a line says beside texts; every other text goes, also one that a newer release has added.
_KEPT: Final = frozenset(
    ("at", "event", "status", "checkpoint", "adapter", "profile", "finish", "mark", "kind", "origin", "source")
)
# The texts of a lesson or an example that tell the secret by themselves, and where a sleep repeats what others say.
_TELLING: Final = ("statement", "answer", "target")
_ANSWERS: Final = ("answer_before", "answer_after")
_TOLD: Final = ("reason", "expected", *_ANSWERS)
# The kinds of probes that ask for nothing that was learnt.
_UNCHANGED: Final = ("neighbour", "anchor")
# Scripts without spaces between words: Thai to Burmese, Khmer, Japanese, Chinese, Korean with its endings.
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# An answer as short as "Yes." is said by many.
_SHORT_WORDS: Final = 3
# A database that is held longer is held by a person.
_HELD_SECONDS: Final = 2.0
# Where the screen leaves a text that no clipboard took.
_COPIED: Final = "copied.txt"


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """`sleeps` are those in whose journal or folder text of it stood; `again` says that it was purged before."""

    sleeps: tuple[str, ...]
    again: bool


def purge(record: Record, exchange_id: str, progress: Callable[[Progress], None] | None = None) -> PurgeReport:
    """Remove what was said in an exchange, and what sleeps made of it, from every file of the workspace's record.

    Its lines stay, with their ids, times and numbers, and a tombstone follows. A purge that was killed is made whole by
    another one. Adapters, exports and backups are left alone. Progress is that of the rebuild of the database. Raises
    LabError for an unknown exchange, while a lab has its dialogue open or a sleep runs, when one began meanwhile, when
    the database is held elsewhere, and when a file cannot be written; what was done until then stays done.
    """
    journal = record.journal
    exchange = _found(record, exchange_id)
    stream = exchange.session_id
    folders = _folders(record)
    if owner := next((name for name in (stream, *folders) if journal.owned(name)), None):
        raise LabError(
            f"{exchange_id} cannot be purged while {owner} is open in a lab or runs.",
            "Close or end it, then try again.",
        )
    trace = _Trace(exchange)
    with _purging(journal.path(stream).parent):
        again, sleeps = _remove(record, stream, trace)
        remove_left(record.workspace)
    try:
        record.rebuild(progress)
    except LabError as fault:
        raise LabError(
            f"The journal has no text of {exchange_id} any more, but the database still does. {fault.title}",
            "Run lab rebuild: it makes the database anew without it.",
        ) from fault
    with _purging(record.workspace.sessions):
        alias.remove_replaced(record.workspace.database)
    for folder in record.workspace.sessions.glob(f"{record.workspace.database.name}*.tmp"):
        # What DuckDB had no memory for.
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(LabError):
        # Results that a killed process left are removed by the next one that makes some.
        Scratch().close()
    if begun := next((name for name in _folders(record) if name not in folders or journal.owned(name)), None):
        raise LabError(
            f"{begun} began while {exchange_id} was purged, and may have read its text.",
            "End that sleep (lab sleep --stop), then purge again.",
        )
    return PurgeReport(sleeps, again)


def _folders(record: Record) -> list[str]:
    """The sleeps that have a folder, also those that have told nothing yet."""
    return sorted(path.name for path in record.workspace.sessions.glob(f"{_SLEEPS}*") if path.is_dir())


@contextlib.contextmanager
def _purging(folder: Path) -> Iterator[None]:
    """Raises LabError for a file that cannot be written, by the name of the folder where it has none."""
    try:
        yield
    except OSError as fault:
        raise LabError(
            f"{fault.filename or folder} could not be purged: {fault.strerror or fault}.",
            "Free some space on the disk or make the folder writable, then purge again.",
        ) from fault


def _found(record: Record, exchange_id: str) -> Exchange:
    if not record.sync(_HELD_SECONDS):
        raise LabError(
            f"Another program holds {record.workspace.database}, so nothing can be removed from it.",
            "Close it there, then purge again.",
        )
    exchange = queries.exchange(record, exchange_id)
    if exchange is None:
        raise LabError(
            f'There is no exchange "{exchange_id}".', "lab sessions and lab show SESSION list what there is."
        )
    return exchange


def _remove(record: Record, stream: str, trace: _Trace) -> tuple[bool, tuple[str, ...]]:
    """Whether it was purged before, and the sleeps that had text of it. Raises LabError and OSError."""
    journal, sessions = record.journal, record.workspace.sessions
    again = ended = False
    for body in filter(None, map(trace.about, _lines(journal.path(stream)))):
        # It may have been marked since.
        ended = body.get("event") == EVENT_NAMES[ExchangePurged]
        again |= ended
    sleeps = _folders(record)
    teaching = {name for name in sleeps if trace.learn(_lines(sessions / name / EVENTS_FILE))}
    touched = []
    # By what the teaching ones say the others are found: after a kill it must still be there. The dialogue comes last.
    for name in sorted(sleeps, key=lambda name: (name in teaching, name)):
        events = any(trace.purged(line) != line for line in _lines(sessions / name / EVENTS_FILE))
        if events:
            _rewrite(journal, name, trace)
        files = [_purge_file(path, trace) for path in _beside(sessions / name)]
        if events or any(files):
            touched.append(name)
    _forget_copied(sessions / _COPIED, trace)
    _rewrite(journal, stream, trace, *(() if ended else (ExchangePurged(trace.exchange_id),)))
    return again, tuple(sorted(touched))


def _rewrite(journal: Journal, stream: str, trace: _Trace, *events: ExchangePurged) -> None:
    with journal.own(stream):
        journal.rewrite(stream, trace.purged, *events)


class _Trace:
    """How an exchange is known wherever it has left text: by its id, its lessons' ids, and by what these say."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange_id = exchange.exchange_id
        self._ids = {exchange.exchange_id}
        self._session_id = exchange.session_id
        self._asked = one_line(exchange.user_input)
        drafts = (text for draft in exchange.drafts for text in (draft.text, draft.thinking))
        self._said = {
            text.strip() for text in (exchange.user_input, exchange.response, exchange.target or "", *drafts)
        } - {""}
        # What its lessons ask for, where that is a name or a number: another lesson's question may be answered with it.
        self._keys: set[str] = set()
        self._needles: list[bytes] = []
        self._sharpen()

    def about(self, line: bytes) -> dict[str, Any] | None:
        """What the line says when it is one about the exchange."""
        body = _body(line) if self.exchange_id.encode() in line else None
        return body if body is not None and self._names(body) else None

    def learn(self, lines: Iterable[bytes]) -> bool:
        """Take up the lessons that a sleep made of it, and what they say; True when there are some."""
        found = False
        for body in filter(None, map(self.about, lines)):
            found = True
            if isinstance(lesson_id := body.get("lesson_id"), str):
                self._ids.add(lesson_id)
            self._said |= {text.strip() for key in _TELLING if isinstance(text := body.get(key), str)} - {""}
            if isinstance(key := body.get("key"), str) and not key.islower():
                self._keys.add(key.strip())
        self._keys -= {""}
        self._sharpen()
        return found

    def purged(self, line: bytes) -> bytes:
        """The line without text of it, as long as before: shorter JSON is followed by spaces."""
        if not any(needle in line for needle in self._needles):
            return line
        end = b"\n" if line.endswith(b"\n") else b""
        width = len(line) - len(end)
        body = _body(line)
        if body is None:
            # What a killed writer left of a line about it.
            return b" " * width + end if self.exchange_id.encode() in line else line
        clean = self._event(body)
        return line if clean == body else orjson.dumps(clean).ljust(width) + end

    def without(self, value: Any) -> Any:
        """What a file of a sleep holds, without text of it; None when there is nothing else."""
        if isinstance(value, dict):
            if self._names(value):
                return None
            kept = {key: self.without(item) for key, item in value.items() if not self._is_name(key)}
            kept = {key: item for key, item in kept.items() if item is not None or value[key] is None}
            return kept | self._untold(kept)
        if isinstance(value, list):
            kept_items = [(item, self.without(item)) for item in value]
            return [clean for item, clean in kept_items if clean is not None or item is None]
        return value

    def is_part(self, text: str) -> bool:
        """Whether the text is a part of what was said, or has a part that is."""
        return any(_within(said, text) or _within(text.strip(), said) for said in self._said)

    def _event(self, body: dict[str, Any]) -> dict[str, Any]:
        if self._names(body):
            return {key: _blank(key, value) for key, value in body.items()}
        if body.get("event") in ("session_opened", "session_titled") and body.get("session_id") == self._session_id:
            return body | {"title": ""} if self._is_title(body.get("title")) else body
        return body | self._untold(body) if "cycle_id" in body else body

    def _names(self, body: Mapping[str, Any]) -> bool:
        return self._is_name(body.get("exchange_id")) or self._is_name(body.get("lesson_id"))

    def _is_name(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._ids or name.startswith(f"{self.exchange_id}/"))

    def _is_title(self, title: object) -> bool:
        """A dialogue is called after the beginning of its first message."""
        if not isinstance(title, str):
            return False
        beginning = one_line(title).removesuffix(ELLIPSIS).removesuffix("...").rstrip()
        return bool(beginning) and self._asked.startswith(beginning)

    def _untold(self, body: Mapping[str, Any]) -> dict[str, str]:
        """Blanks for what a sleep reports of something else, where that repeats what was said."""
        told = {key: "" for key in _TOLD if isinstance(text := body.get(key), str) and self._tells(key, text)}
        # What is expected there is an answer, too: the model's own of before.
        own = body.get("kind") in _UNCHANGED
        expected = str(body.get("expected"))
        for key in self._keys:
            if own or not _holds(expected, key):
                names = ("expected", *_ANSWERS) if own else _ANSWERS
                told |= {name: "" for name in names if isinstance(text := body.get(name), str) and _holds(text, key)}
        return told

    def _tells(self, key: str, text: str) -> bool:
        # A reason quotes an answer behind a colon; the words before it are the lab's.
        quoted = text.partition(": ")[2] if key == "reason" else ""
        return any(
            said == text.strip() or _within(said, quoted) or (not _is_short(said) and said in text)
            for said in self._said
        )

    def _sharpen(self) -> None:
        """What one of the lines has to hold that are worth decoding."""
        keys = (written for key in self._keys for written in (*_written(key), key.lower()))
        texts = (orjson.dumps(text)[1:-1] for text in (*self._said, *keys))
        self._needles = [*(name.encode() for name in self._ids), b'"title":', *texts]


def _is_short(text: str) -> bool:
    return len(text.split()) < _SHORT_WORDS


def _holds(text: str, key: str) -> bool:
    """Whether a text has a key as whole words where its script has spaces; in small letters only where it has no
    others: "Will" is no "will"."""
    before = "" if _UNSPACED.match(key[0]) else r"(?<!\w)"
    after = "" if _UNSPACED.match(key[-1]) else r"(?!\w)"
    forms = {*_written(key), key.lower()} if text == text.lower() else _written(key)
    return re.search(f"{before}(?:{'|'.join(map(re.escape, forms))}){after}", text) is not None


def _written(key: str) -> set[str]:
    """A key as it stands, at the beginning of a sentence, and in capitals."""
    return {key, key[:1].upper() + key[1:], key.upper()}


def _within(part: str, text: str) -> bool:
    """Whether a text has this part; a short one as whole words: "hi" is in "Oh, hi!" and not in "nothing"."""
    at = text.find(part)
    while at >= 0 and _is_short(part):
        end = at + len(part)
        if not any(text[edge - 1 : edge].isalnum() and text[edge : edge + 1].isalnum() for edge in (at, end)):
            break
        at = text.find(part, at + 1)
    return at >= 0


def _body(line: bytes) -> dict[str, Any] | None:
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _blank(key: str, value: Any) -> Any:
    """The value with no text in it: a list is as long, what is missing is still missing."""
    if isinstance(value, str):
        return value if key in _KEPT or key.endswith("_id") else ""
    if isinstance(value, list):
        return [_blank(key, item) for item in value]
    if isinstance(value, dict):
        return {name: _blank(name, item) for name, item in value.items()}
    return value


def _lines(path: Path) -> Iterator[bytes]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), path.open("rb") as file:
        yield from file


def _beside(folder: Path) -> list[Path]:
    """The plans, examples and memories in the folder of a sleep."""
    found = (path for path in sorted(folder.rglob("*.json*")) if path.suffix in (".json", ".jsonl"))
    return [path for path in found if path.name != EVENTS_FILE and path.is_file() and not path.is_symlink()]


def _purge_file(path: Path, trace: _Trace) -> bool:
    """Remove it from a file of JSON or JSON lines; True when there was some."""
    if all(_cleaned(piece, trace) == piece for piece in _pieces(path)):
        return False
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("wb") as file:
            file.writelines(_cleaned(piece, trace) for piece in _pieces(path))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, new)
        new.replace(path)
        sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)
    return True


def _pieces(path: Path) -> Iterator[bytes]:
    """Values of JSON: the lines, or all of the file."""
    if path.suffix == ".jsonl":
        yield from _lines(path)
    else:
        yield path.read_bytes()


def _cleaned(line: bytes, trace: _Trace) -> bytes:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        # Damaged: nobody reads it.
        return b"" if trace.exchange_id.encode() in line else line
    clean = trace.without(value)
    if clean == value:
        return line
    if clean is None:
        return b""
    return orjson.dumps(clean, option=orjson.OPT_INDENT_2 if b"\n  " in line else None) + line[len(line.rstrip()) :]


def _forget_copied(path: Path, trace: _Trace) -> None:
    with contextlib.suppress(FileNotFoundError):
        if trace.is_part(path.read_text(encoding="utf-8", errors="replace")):
            path.unlink()
