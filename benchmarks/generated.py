"""Makes the journal of a large record: dialogues and sleeps as the lab writes them, from a seed and a public text."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

from lab.journal.events import (
    AdapterSaved,
    DraftFinished,
    Event,
    ExchangeFinished,
    MemoryRead,
    SalienceScored,
    SessionEnded,
    SessionOpened,
    TurnStarted,
    encode,
)
from lab.journal.journal import EVENTS_FILE
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepStarted, SleepStepped

TURNS = 50
DRAFTS = 5
# One sleep after so many sessions.
SESSIONS_A_SLEEP = 100
CHECKPOINT = "smollm2-135m-instruct"

_BEGAN = datetime(2024, 1, 1, tzinfo=timezone.utc)
_BETWEEN_SESSIONS = timedelta(minutes=40)
_WORDS = (Path(__file__).parent / "texts" / "alice.txt").read_text(encoding="utf-8").split()

Timed = Iterator[tuple[datetime, Event]]


def make(folder: Path, exchanges: int) -> None:
    """Write the streams of so many exchanges, 50 a session, below `folder`; the same ones each time."""
    sessions = range((exchanges + TURNS - 1) // TURNS)
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(partial(_write_session, folder, exchanges), sessions, chunksize=64):
            pass
        for _ in pool.map(partial(_write_sleep, folder), range(1, len(sessions) // SESSIONS_A_SLEEP + 1)):
            pass


def session_name(number: int) -> str:
    """The id of a session, counted from 0."""
    return f"{_BEGAN + number * _BETWEEN_SESSIONS:%Y%m%d-%H%M%S}-{number & 0xFFFF:04x}"


def opening(session_id: str, adapter: str | None = None, title: str | None = None) -> Event:
    """What a session begins with."""
    return SessionOpened(session_id, CHECKPOINT, adapter, "measured", 0.15, title)


def turn(rng: random.Random, session_id: str, number: int, at: datetime, adapter: str | None = None) -> Timed:
    """What one exchange writes."""
    name = f"{session_id}-{number:04d}"
    yield at, TurnStarted(name, session_id, number, _text(rng, 5, 20), CHECKPOINT, adapter)
    drafts = []
    for iteration in range(DRAFTS):
        text = _text(rng, 20, 70)
        energy = round(rng.uniform(0.05, 0.9), 6)
        temperature = round(0.7 - 0.04 * iteration, 2)
        tokens = len(text) // 4
        seed = rng.getrandbits(63)
        drafts.append(DraftFinished(name, iteration, temperature, seed, energy, tokens, 1.25, text, "", 0, "stop"))
        yield at + timedelta(seconds=2 + iteration), drafts[-1]
    chosen = min(drafts, key=lambda draft: draft.energy)
    at += timedelta(seconds=8)
    yield (
        at,
        ExchangeFinished(name, "complete", chosen.text, chosen.iteration, True, 40 * number, chosen.tokens, 6.25),
    )
    five = [round(rng.betavariate(1.2, 6.0), 6) for _ in range(5)]
    total = round(sum(five) / 5, 6)
    surprise, novelty, arousal, reward, conflict = five
    scored = (surprise, novelty, arousal, reward, conflict, total)
    yield at, SalienceScored(name, "measured", *scored, 0.15, total >= 0.15)


def _write_session(folder: Path, exchanges: int, number: int) -> None:
    rng = random.Random(number)
    name = session_name(number)
    at = _BEGAN + number * _BETWEEN_SESSIONS
    slept = number // SESSIONS_A_SLEEP
    adapter = f"sleep-{slept:04d}" if slept else None
    events: list[tuple[datetime, Event]] = [(at, opening(name, adapter, _text(rng, 2, 5)))]
    for count in range(1, min(TURNS, exchanges - number * TURNS) + 1):
        at += timedelta(seconds=30)
        events += turn(rng, name, count, at, adapter)
    at += timedelta(seconds=20)
    events += [(at, MemoryRead("engine", 900_000_000 + number, None, "generation")), (at, SessionEnded(name))]
    _write(folder, name, events)


def _write_sleep(folder: Path, number: int) -> None:
    rng = random.Random(-number)
    name = f"sleep-{number:04d}"
    parent = f"sleep-{number - 1:04d}" if number > 1 else None
    at = _BEGAN + number * SESSIONS_A_SLEEP * _BETWEEN_SESSIONS - timedelta(minutes=10)
    session = session_name(number * SESSIONS_A_SLEEP - 1)
    events: list[Event] = [SleepStarted(name, CHECKPOINT, parent, 10, 20, 5, 25, 8, 1e-3, "answers")]
    for example in range(20):
        exchange_id = f"{session}-{1 + example // 2:04d}"
        events.append(SleepExampleUsed(name, exchange_id, "original", _text(rng, 5, 20), _text(rng, 20, 70)))
    losses = [round(3.0 / (1 + step / 8) + rng.uniform(0, 0.2), 6) for step in range(25)]
    for step, loss in enumerate(losses, 1):
        events.append(SleepStepped(name, step, 1 + step // 6, loss, 1e-3, 800, 1.5))
    saved = AdapterSaved(name, CHECKPOINT, "0" * 64, parent, name, f"adapters/{name}", "0" * 64, 9_800_000)
    events += [saved, SleepEnded(name, "complete", name, 25, losses[0], losses[-1], 40.0)]
    _write(folder, name, [(at + timedelta(seconds=count), event) for count, event in enumerate(events)])


def _write(folder: Path, stream: str, events: list[tuple[datetime, Event]]) -> None:
    path = folder / stream / EVENTS_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(encode(event, at) for at, event in events))


def _text(rng: random.Random, least: int, most: int) -> str:
    """Between so many words of the text: runs of up to 16 words, from places of its own."""
    wanted = rng.randint(least, most)
    words: list[str] = []
    while len(words) < wanted:
        start = rng.randrange(len(_WORDS) - 16)
        words += _WORDS[start : start + min(16, wanted - len(words))]
    return " ".join(words)
