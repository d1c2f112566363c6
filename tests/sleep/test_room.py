"""Whether a sleep fits beside the engine, in its place, or not at all, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from lab.domain import Checkpoint
from lab.engine.estimate import HELD_TOKENS, estimate
from lab.engine.offers import Room
from lab.errors import LabError
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepStarted
from lab.settings import EngineSettings, SleepSection, Workspace
from lab.sleep import anchors, neighbours
from lab.sleep.recipes import resolve
from lab.sleep.room import NoRoom, require_memory, usual_seconds
from tests.tiny import make_checkpoint


def test_the_estimate_counts_all_answers_that_a_sleep_holds() -> None:
    general = len(anchors.PROMPTS) * anchors.ANSWER_TOKENS
    beside = neighbours.MOST_NEIGHBOURS * anchors.NEIGHBOUR_TOKENS
    assert general + beside + 9 * neighbours.MOST_MISTAKES == HELD_TOKENS


def test_a_large_vocabulary_makes_what_is_held_large(tmp_path: Path) -> None:
    checkpoint = Checkpoint("tiny", "folder", str(make_checkpoint(tmp_path / "tiny")), ready=True)
    held, nothing = (estimate(checkpoint, "bfloat16", 10, 1, held_tokens=tokens) for tokens in (1000, 0))
    assert held is not None and nothing is not None
    vocabulary = orjson.loads((tmp_path / "tiny" / "config.json").read_bytes())["vocab_size"]
    assert held.training_bytes - nothing.training_bytes == 1000 * 2 * vocabulary


@pytest.fixture
def need(tmp_path: Path) -> int:
    """Bytes that the sleep of `require` needs, to the next MiB."""
    low, high = 0, 2**20
    while low + 1 < high:
        middle = (low + high) // 2
        try:
            require(tmp_path, middle * 2**20, None)
            high = middle
        except LabError:
            low = middle
    return high * 2**20


def require(folder: Path, free: int, in_its_place: int | None) -> None:
    model = folder / "tiny"
    if not model.exists():
        make_checkpoint(model)
    require_memory(
        EngineSettings(device="cpu"),
        "tiny",
        str(model),
        None,
        resolve(SleepSection()),
        (),
        free,
        lambda: None if in_its_place is None else Room(in_its_place),
        lambda: 372.0,
    )


def test_what_fits_only_without_the_engine_says_so_with_its_time(tmp_path: Path, need: int) -> None:
    require(tmp_path, need, None)
    with pytest.raises(NoRoom) as fault:
        require(tmp_path, need // 2, need)
    assert fault.value.sentence == (
        "There is not room for both: the model is put away while it sleeps, about 6 minutes;"
        " what you write is kept until it is back."
    )


def test_what_does_not_fit_even_alone_is_refused(tmp_path: Path, need: int) -> None:
    for in_its_place in (None, need // 2):
        with pytest.raises(LabError, match=r"needs .* are free\. Close other programs") as fault:
            require(tmp_path, need // 3, in_its_place)
        assert not isinstance(fault.value, NoRoom)


@pytest.mark.parametrize(("seconds", "words"), [(None, "while it sleeps;"), (20.0, "sleeps, about 1 minute;")])
def test_a_time_that_nothing_tells_is_left_out(seconds: float | None, words: str) -> None:
    assert words in NoRoom("No room.", seconds).sentence


def test_the_time_of_a_sleep_is_that_of_earlier_ones_an_exchange(tmp_path: Path) -> None:
    record = Record(Workspace(tmp_path))
    record.workspace.create()
    assert usual_seconds(record, "tiny", 3) is None
    for cycle, checkpoint, status, exchanges, seconds in (
        ("sleep-0001", "tiny", "complete", 2, 100.0),
        ("sleep-0002", "tiny", "complete", 3, 150.0),
        ("sleep-0003", "tiny", "cancelled", 3, 1.0),
        ("sleep-0004", "other", "complete", 1, 9000.0),
    ):
        started = SleepStarted(cycle, checkpoint, None, exchanges, 8, 5, 40, 8, 1e-3, "lessons")
        record.append(cycle, started, SleepEnded(cycle, status, seconds=seconds))  # type: ignore[arg-type]
    record.sync()
    assert usual_seconds(record, "tiny", 4) == 200.0
    record.close()
