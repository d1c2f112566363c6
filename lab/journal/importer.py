"""Taking over recorded sessions of the published layout: their exchanges, drafts and scores, and ours beside them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import orjson

from lab.domain import DIMENSIONS, Progress, Salience
from lab.errors import LabError
from lab.journal.events import DraftFinished, Event, ExchangeFinished, SessionEnded, SessionOpened, TurnStarted
from lab.journal.imports import TOO_DEEP, Body, ImportReport, Tally, bodies, is_number, present, scored, time_of
from lab.journal.queries import IMPORTED
from lab.journal.record import Record

METADATA = "metadata.json"
EXCHANGES = "exchanges.jsonl"
RECORDED_PROFILE: Final = "recorded"
# Source: the published system; what was salient to it was stored.
RECORDED_THRESHOLD: Final = 0.15


@dataclass(frozen=True, slots=True)
class _Source:
    """One recorded session: its folder, what its metadata says, and its id here."""

    folder: Path
    metadata: dict[str, Any]
    session_id: str
    started_at: datetime


def import_sessions(
    record: Record,
    folder: Path,
    rescore: Callable[[str, str], Salience],
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """Import a recorded session, or all that lie in `folder`; what is there already is left as it is.

    Their scores go under the profile "recorded"; `rescore(user_input, response)` gives the ones beside. Ids come
    from the content, so an import that was interrupted goes on where it was, and a second one adds nothing.
    Progress is in sessions. Raises LabError for a folder without recorded sessions and when the record cannot be
    written.
    """
    tally = Tally()
    folders = _session_folders(folder)
    for number, place in enumerate(folders):
        if progress:
            progress(Progress("import", number, len(folders), "sessions"))
        source = _source(place, tally)
        with record.journal.own(source.session_id):
            _import(record, source, rescore, tally)
    if progress:
        progress(Progress("import", len(folders), len(folders), "sessions"))
    return tally.report()


def _session_folders(folder: Path) -> list[Path]:
    try:
        return _found(folder)
    except OSError as fault:
        raise LabError(
            f"{fault.filename or folder} cannot be read: {fault.strerror}.", "Make it readable for yourself."
        ) from fault


def _found(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise LabError(f"{folder} is not a folder.", "Give the folder that holds session_* folders, or one of them.")
    if (folder / EXCHANGES).is_file() or (folder / METADATA).is_file():
        return [folder]
    found = sorted(path for path in folder.glob("session_*") if path.is_dir())
    if not found:
        raise LabError(
            f"{folder} holds no recorded sessions.",
            f"Give the folder that holds session_* folders with {METADATA} and {EXCHANGES}, or one of them.",
        )
    return found


def _source(folder: Path, tally: Tally) -> _Source:
    path = folder / METADATA
    metadata: Any = {}
    try:
        metadata = orjson.loads(path.read_bytes())
        if not isinstance(metadata, dict):
            raise ValueError("not a JSON object")
    except FileNotFoundError:
        tally.note(path, "missing; the name and the time of the folder are used")
    except (OSError, ValueError) as fault:
        metadata = {}
        tally.note(path, f"cannot be read ({fault}); the name and the time of the folder are used")
    given = metadata.get("session_id")
    original = str(given) if isinstance(given, (str, int)) and str(given) else folder.name
    named = re.fullmatch(r"session_(\d{1,12})", folder.name)
    started_at = (
        time_of(metadata.get("start_time"))
        or (time_of(int(named[1])) if named else None)
        or datetime.fromtimestamp(folder.stat().st_mtime, timezone.utc)
    )
    return _Source(folder, metadata, _session_id(original), started_at)


def _session_id(original: str) -> str:
    """A name for the stream: theirs where it can be a folder's, else one like it that no other gets."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", original)[:80]
    if plain != original:
        plain = f"{plain}-{hashlib.sha256(original.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return f"{IMPORTED}{plain}"


def _import(record: Record, source: _Source, rescore: Callable[[str, str], Salience], tally: Tally) -> None:
    opened, ended, whole = present(record, source.session_id)
    if not opened:
        record.append(source.session_id, _opening(source), at=source.started_at)
    added = 0
    seen: set[str] = set()
    count = 0
    path = source.folder / EXCHANGES
    for body in _bodies(path, tally):
        place = f"{path}:{body.number}"
        count += 1
        try:
            exchange_id = _exchange_id(source.session_id, body.value)
        except orjson.JSONEncodeError:
            tally.skip(place, TOO_DEEP)
            continue
        if exchange_id in seen:
            tally.skip(place, "the same exchange as on an earlier line")
        elif exchange_id in whole:
            tally.already += 1
        else:
            at = time_of(body.value.get("timestamp")) or source.started_at
            events = _exchange(source, exchange_id, count, body.value, rescore, place, tally)
            record.append(source.session_id, *events, at=at)
            added += 1
        seen.add(exchange_id)
    ended_at = time_of(source.metadata.get("end_time"))
    if ended_at and (added or not ended):
        record.append(source.session_id, SessionEnded(source.session_id), at=ended_at)
    total = source.metadata.get("total_exchanges")
    if isinstance(total, int) and total > count:
        tally.note(source.folder / METADATA, f"{total - count} of {total} exchanges were not stored by the recorder")
    tally.exchanges += added
    tally.sessions += 1 if added or not opened else 0


def _opening(source: _Source) -> SessionOpened:
    model = source.metadata.get("model_path")
    return SessionOpened(
        source.session_id,
        checkpoint=model if isinstance(model, str) else None,
        adapter=None,
        profile=RECORDED_PROFILE,
        threshold=RECORDED_THRESHOLD,
    )


def _bodies(path: Path, tally: Tally) -> Iterator[Body]:
    """The exchanges of a file; lines that are none are told."""
    try:
        for body in bodies(path, tally):
            if all(isinstance(body.value.get(name), str) for name in ("user_input", "model_response")):
                yield body
            else:
                tally.skip(f"{path}:{body.number}", "no text under user_input and model_response")
    except OSError as fault:
        tally.skip(path, f"cannot be read ({fault.strerror})")


def _exchange_id(session_id: str, body: dict[str, Any]) -> str:
    content = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return f"{session_id}-{hashlib.sha256(content).hexdigest()[:12]}"


def _exchange(
    source: _Source,
    exchange_id: str,
    turn: int,
    body: dict[str, Any],
    rescore: Callable[[str, str], Salience],
    place: str,
    tally: Tally,
) -> list[Event]:
    """All events of one exchange, its end last: an exchange without its end is imported again."""
    asked, answer = body["user_input"], body["model_response"]
    checkpoint = _opening(source).checkpoint
    drafts, converged = _drafts(exchange_id, body.get("irp_info"), answer, place, tally)
    best = min(drafts, key=lambda draft: (draft.energy, draft.iteration), default=None)
    events: list[Event] = [TurnStarted(exchange_id, source.session_id, turn, asked, checkpoint, None), *drafts]
    recorded = _recorded_scores(body.get("salience_scores"))
    if recorded is None:
        tally.note(place, "no complete salience_scores; the exchange was taken with the new score only")
    events += [scored(exchange_id, score) for score in (recorded, rescore(asked, answer)) if score is not None]
    events.append(
        ExchangeFinished(exchange_id, "complete", answer, best.iteration if best else None, converged=converged)
    )
    return events


def _drafts(
    exchange_id: str, irp: Any, answer: str, place: str, tally: Tally
) -> tuple[list[DraftFinished], bool | None]:
    """The drafts as recorded: only the beginning of each text was, except of the one that won, the answer."""
    if irp is None:
        return [], None
    found = irp.get("iterations") if isinstance(irp, dict) else None
    if not isinstance(found, list) or not all(
        isinstance(draft, dict) and is_number(draft.get("temperature")) and is_number(draft.get("energy"))
        for draft in found
    ):
        tally.note(place, "irp_info without readable iterations; the exchange was taken without drafts")
        return [], None
    energies = [float(draft["energy"]) for draft in found]
    drafts = []
    for iteration, draft in enumerate(found):
        preview = draft.get("response_preview")
        text = preview if isinstance(preview, str) else ""
        if iteration == energies.index(min(energies)) and answer.startswith(text.removesuffix("...")):
            text = answer
        drafts.append(
            DraftFinished(
                exchange_id, iteration, float(draft["temperature"]), None, energies[iteration], None, None, text
            )
        )
    converged = irp.get("converged")
    return drafts, converged if isinstance(converged, bool) else None


def _recorded_scores(scores: Any) -> Salience | None:
    names = (*DIMENSIONS, "total")
    if not isinstance(scores, dict) or not all(is_number(scores.get(name)) for name in names):
        return None
    values = {name: float(scores[name]) for name in names}
    return Salience(profile=RECORDED_PROFILE, threshold=RECORDED_THRESHOLD, **values)
