"""The refinement equals the published one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.domain import Draft, GenerationEvent, RowFinished, RowGrew, RowStarted, RowThought, Sampling
from lab.refinement.energy import energy
from lab.refinement.irp import (
    DraftGrew,
    DraftScored,
    DraftStarted,
    DraftThought,
    Refined,
    choose,
    refine,
    samplings,
    temperatures,
)
from tests.reference import recorded_exchanges


def draft(iteration: int, value: float, text: str = "text") -> Draft:
    return Draft(iteration, 0.7, iteration, text, value, 1, 0.1)


def test_every_recorded_refinement_is_reproduced() -> None:
    for recording in recorded_exchanges():
        assert temperatures(len(recording["temperatures"])) == recording["temperatures"]
        assert energy(recording["model_response"]).total == pytest.approx(recording["best_energy"], abs=1e-9)
        drafts = [draft(i, value) for i, value in enumerate(recording["energies"])]
        refinement = choose(drafts)
        assert refinement.winner.energy == pytest.approx(recording["best_energy"], abs=1e-9)
        assert refinement.chosen == recording["energies"].index(min(recording["energies"]))
        assert refinement.converged == recording["converged"]


def test_temperatures_fall_to_the_floor_and_no_further() -> None:
    assert temperatures(7) == [0.7, 0.66, 0.62, 0.58, 0.54, 0.5, 0.5]


def test_a_start_below_the_floor_is_not_heated() -> None:
    assert temperatures(2, start=0.0) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.3),
        ("Short.", 0.3),
        ("Short", 0.5),
        ("x" * 50, 0.2),
        ("x" * 49 + '"', 0.0),
        ("x" * 49 + ".  \n", 0.0),
        ("   ", 0.3),
        ("word " * 10 + "end of the line now.", 0.2),
        (
            "one two three four five six seven eight nine ten one two three and then a great deal more is said here.",
            0.2,
        ),
        ("a b c d e f g h i j a b c k l m n o p a b c q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9.", 0.5),
        ("again and again " * 30, 0.9),
    ],
)
def test_each_part_of_the_energy_costs_what_was_published(text: str, expected: float) -> None:
    assert energy(text).total == pytest.approx(expected, abs=1e-9)


@given(st.text())
def test_energy_stays_between_0_and_1(text: str) -> None:
    assert 0.0 <= energy(text).total <= 1.0


@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9]), min_size=1, max_size=8))
def test_the_earliest_lowest_energy_wins(energies: list[float]) -> None:
    refinement = choose([draft(i, value) for i, value in enumerate(energies)])
    assert refinement.chosen == energies.index(min(energies))
    assert refinement.converged == (energies[-1] < energies[0])


def test_a_draft_that_says_nothing_loses_against_any_that_does() -> None:
    said = draft(1, 0.9, "and so on and so on")
    assert choose([draft(0, 0.3, ""), said, draft(2, 0.3, " \n")]).winner == said
    assert choose([draft(0, 0.3, ""), draft(1, 0.3, "")]).chosen == 0


def test_no_two_drafts_share_a_seed() -> None:
    assert [sampling.seed for sampling in samplings(5, 40)] == [40, 41, 42, 43, 44]


def generated(rows: list[str]) -> Iterator[GenerationEvent]:
    for row in range(len(rows)):
        yield RowStarted(row)
    for row, text in enumerate(rows):
        yield RowGrew(row, text, 1)
    for row in reversed(range(len(rows))):
        yield RowFinished(row, rows[row], 5, 0.5, "stop")


def test_drafts_may_arrive_side_by_side_and_in_any_order() -> None:
    good = "A whole sentence that is long enough to cost nothing at all."
    rows = ["too short.", good, good]
    events = list(refine(generated(rows), [Sampling(0.7, 1), Sampling(0.66, 2), Sampling(0.62, 3)]))
    assert [type(event) for event in events] == [DraftStarted] * 3 + [DraftGrew] * 3 + [DraftScored] * 3 + [Refined]
    refined = events[-1]
    assert isinstance(refined, Refined)
    assert [d.iteration for d in refined.refinement.drafts] == [0, 1, 2]
    assert refined.refinement.chosen == 1
    assert refined.refinement.converged


def test_nothing_generated_chooses_nothing() -> None:
    assert list(refine(iter(()), [Sampling(0.7, 1)])) == []


def test_thinking_is_told_and_kept_and_costs_no_energy() -> None:
    answer = "A whole sentence that is long enough to cost nothing at all."
    thought = "well, well, well, " * 20
    events = list(
        refine(
            [
                RowStarted(0),
                RowThought(0, thought[:9], 5),
                RowThought(0, thought[9:], 80),
                RowGrew(0, answer, 95),
                RowFinished(0, answer, 95, 0.5, "stop", thought),
            ],
            [Sampling(0.7, 1)],
        )
    )
    assert events[1:3] == [DraftThought(0, thought[:9], 5), DraftThought(0, thought[9:], 80)]
    assert isinstance(events[4], DraftScored)
    assert events[4].draft == Draft(0, 0.7, 1, answer, 0.0, 95, 0.5, "stop", thought, 80)
