"""What the record knows of the meaning of turns: the nearest of all, and what is usual."""

from __future__ import annotations

import math
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.journal.meaning import nearest, usual_bits, written
from lab.journal.record import Record
from tests.journal.samples import SESSION, exchange_id, finished, measured, opened, record_in, turn_started


def unit(values: Sequence[float]) -> list[float]:
    length = math.hypot(*values)
    return [value / length for value in values]


def some_vector(seed: int, size: int = 384) -> list[float]:
    draw = random.Random(seed)
    return unit([draw.gauss(0.0, 1.0) for _ in range(size)])


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other))


def tell(record: Record, vectors: Sequence[Sequence[float]], bits: Sequence[float | None] = ()) -> None:
    record.append(SESSION, opened())
    for turn, vector in enumerate(vectors, 1):
        event = measured(turn, bits=bits[turn - 1] if bits else 6.0, vector=written(vector))
        record.append(
            SESSION, turn_started(turn, text=f"turn {turn}"), finished(turn, response=f"answer {turn}"), event
        )
    assert record.sync()


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=384).filter(lambda values: math.hypot(*values) > 1e-3))
def test_a_written_vector_points_the_same_way(values: list[float]) -> None:
    vector = unit(values)
    read = [number / 1000 for number in orjson.loads(written(vector))]
    assert cosine(vector, unit(read)) == pytest.approx(1.0, abs=2e-3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 20))
def test_the_nearest_of_all_is_found(seed: int, turns: int) -> None:
    vectors = [some_vector(seed + turn) for turn in range(turns)]
    asked = unit([a + 2 * b for a, b in zip(some_vector(seed - 1), vectors[seed % turns])])
    with tempfile.TemporaryDirectory() as folder, record_in(Path(folder)) as record:
        tell(record, vectors)
        found = nearest(record, asked)
        assert found is not None
        cosines = [cosine(asked, vector) for vector in vectors]
        best = cosines.index(max(cosines))
        assert found.cosine == pytest.approx(cosines[best], abs=0.005)
        assert (found.exchange_id, found.said) == (exchange_id(best + 1), f"turn {best + 1}")
        assert found.answer == f"answer {best + 1}"
        others = [each for at, each in enumerate(cosines) if at != best]
        second = nearest(record, asked, but=found.exchange_id)
        assert (second.cosine if second else None) == (pytest.approx(max(others), abs=0.005) if others else None)


def test_vectors_of_another_model_are_left_alone(tmp_path: Path) -> None:
    with record_in(tmp_path) as record:
        tell(record, [some_vector(1, size=8), some_vector(2)])
        found = nearest(record, some_vector(2))
        assert found is not None
        assert found.exchange_id == exchange_id(2)
        assert nearest(record, some_vector(1, size=3)) is None


def test_what_is_usual_is_of_this_checkpoint_and_of_the_turns_before(tmp_path: Path) -> None:
    with record_in(tmp_path) as record:
        assert usual_bits(record, "tiny") is None
        bits = [5.0, None, 8.0, 6.0]
        tell(record, [some_vector(turn) for turn in range(4)], bits)
        other = replace(turn_started(5), checkpoint="another")
        record.append(SESSION, other, measured(5, bits=60.0))
        assert record.sync()
        usual = usual_bits(record, "tiny")
        assert usual is not None
        known = [5.0, 8.0, 6.0]
        assert (usual.mean, usual.n) == (pytest.approx(statistics.fmean(known)), 3)
        assert usual.deviation == pytest.approx(statistics.pstdev(known))
        before = usual_bits(record, "tiny", before=exchange_id(4))
        assert before is not None
        assert (before.mean, before.n) == (6.5, 2)
