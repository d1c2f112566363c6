"""Whether a sleep fits beside the engine, in its place, or not at all, and what is said of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from lab.domain import Lesson
from lab.engine.offers import Room
from lab.errors import LabError
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepStarted
from lab.settings import EngineSettings, SleepSection, Workspace
from lab.sleep.recipes import resolve
from lab.sleep.room import NoRoom, Way, choose_way, usual_seconds
from tests.sleep.test_probes import found
from tests.tiny import make_checkpoint


@pytest.fixture
def need(tmp_path: Path) -> int:
    """Bytes that the sleep of `choose` needs, to the next MiB."""
    low, high = 0, 2**20
    while low + 1 < high:
        middle = (low + high) // 2
        try:
            choose(tmp_path, middle * 2**20, None)
            high = middle
        except LabError:
            low = middle
    return high * 2**20


def choose(
    folder: Path,
    free: int,
    in_its_place: int | None,
    engine: EngineSettings | None = None,
    memory: Sequence[Lesson] = (),
    rank: int | None = None,
) -> Way:
    model = folder / "tiny"
    if not model.exists():
        make_checkpoint(model)
    return choose_way(
        engine or EngineSettings(device="cpu"),
        "tiny",
        str(model),
        None,
        resolve(SleepSection(rank=rank)),
        (),
        memory,
        free,
        lambda: None if in_its_place is None else Room(in_its_place, in_its_place),
        lambda: 372.0,
    )


def test_what_fits_only_without_the_engine_says_so_with_its_time(tmp_path: Path, need: int) -> None:
    choose(tmp_path, need, None)
    with pytest.raises(NoRoom) as fault:
        choose(tmp_path, need // 2, need)
    assert fault.value.sentence == (
        "There is not room for both: the model is put away while it sleeps, about 6 minutes;"
        " what you write is kept until it is back."
    )


def test_what_is_remembered_and_the_rank_take_memory_too(tmp_path: Path) -> None:
    (dog,) = found("My dog is called Rex.")
    alone = choose(tmp_path, 2**60, None).needed
    assert choose(tmp_path, 2**60, None, memory=[dog]).needed < alone * 1.1
    long = replace(dog, origin="marked", answer="word " * 400)
    assert choose(tmp_path, 2**60, None, memory=[long]).needed > alone
    # A rank of 8 takes one part of what 32 times as much takes: nothing else depends on it.
    ranks = [choose(tmp_path, 2**60, None, rank=rank).needed for rank in (8, 16, 256)]
    assert ranks[0] == alone
    assert ranks[2] - ranks[0] == 31 * (ranks[1] - ranks[0]) > 0


def test_what_does_not_fit_even_alone_is_refused(tmp_path: Path, need: int) -> None:
    for in_its_place in (None, need // 2):
        with pytest.raises(LabError, match=r"needs .* are free\. Close other programs") as fault:
            choose(tmp_path, need // 3, in_its_place)
        assert not isinstance(fault.value, NoRoom)


@pytest.mark.parametrize("dtype", ["auto", "nf4", "float16"])
@pytest.mark.parametrize(("card", "installed"), [(True, True), (True, False), (False, True)])
def test_with_less_memory_activations_are_computed_again_and_on_a_gpu_weights_held_in_4_bits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dtype: Literal["auto", "nf4", "float16"],
    card: bool,
    installed: bool,
) -> None:
    free = 2**60
    monkeypatch.setattr("lab.sleep.room.free_gpu_bytes", lambda: free if card else None)
    monkeypatch.setattr("lab.sleep.room.has_bitsandbytes", lambda: installed)
    engine = EngineSettings(dtype=dtype)
    ways = []
    with contextlib.suppress(LabError):
        while True:
            ways.append(choose(tmp_path, free, None, engine))
            free = ways[-1].needed - 1
    learns_in = "float16" if dtype == "float16" else "auto"
    assert [(way.dtype, way.checkpointing) for way in ways] == [
        (learns_in, False),
        (learns_in, True),
        *([("nf4", True)] if card and installed else []),
    ]
    with pytest.raises(NoRoom) as fault:
        choose(tmp_path, 0, ways[-1].needed, engine)
    assert fault.value.way == ways[-1]


@pytest.mark.parametrize(("seconds", "words"), [(None, "while it sleeps;"), (20.0, "sleeps, about 1 minute;")])
def test_a_time_that_nothing_tells_is_left_out(seconds: float | None, words: str) -> None:
    assert words in NoRoom("No room.", seconds, Way("auto")).sentence


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
