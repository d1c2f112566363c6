"""Growing drafts: what the screen is told, how often, and which of them the dialogue shows."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from lab.dialogue.events import TurnEvent
from lab.domain import Draft
from lab.refinement.irp import DraftGrew, DraftScored, DraftStarted, DraftThought
from lab.tui.drafts import DraftView, about, apply, folded, waiting, watched
from lab.tui.growth import gathered

ROWS = 3


def whole(iteration: int, energy: float = 0.3, text: str = "said") -> DraftScored:
    return DraftScored(Draft(iteration, 0.7, 7, text, energy, 9, 1.0))


@st.composite
def turns(draw: st.DrawFn) -> list[TurnEvent]:
    """Drafts that start, think, grow and end, side by side in any order."""
    rows: list[list[TurnEvent]] = []
    for row in range(ROWS):
        thought = [DraftThought(row, text, 1) for text in draw(st.lists(st.sampled_from("ab"), max_size=6))]
        grown = [DraftGrew(row, text) for text in draw(st.lists(st.sampled_from("cd"), max_size=6))]
        rows.append([DraftStarted(row, 0.7, row), *thought, *grown, *draw(st.sampled_from([[], [whole(row)]]))])
    order = draw(st.permutations([row for row, events in enumerate(rows) for _ in events]))
    return [rows[row].pop(0) for row in order] + [whole(0)]


def after(events: list[TurnEvent]) -> list[DraftView]:
    drafts = waiting(ROWS)
    for event in events:
        drafts = apply(drafts, event)
    return drafts


class Ticking:
    """A clock that goes on by the given steps."""

    def __init__(self, steps: Iterator[float]) -> None:
        self._steps = steps
        self.now = 0.0

    def __call__(self) -> float:
        self.now += next(self._steps, 0.01)
        return self.now


@given(turns(), st.lists(st.sampled_from([0.0, 0.03, 0.2])))
def test_the_drafts_are_the_same_however_their_growth_is_gathered(events: list[TurnEvent], steps: list[float]) -> None:
    groups = gathered(events, 0.1, Ticking(iter(steps)))
    assert after([event for group in groups for event in group]) == after(events)


def test_drafts_side_by_side_are_told_together_and_ten_times_a_second() -> None:
    clock = Ticking(iter([0.01] * 10_000))
    events: list[TurnEvent] = [DraftStarted(row, 0.7, row) for row in range(5)]
    events += [DraftGrew(row, f"{token} ") for token in range(50) for row in range(5)]
    events.append(whole(0))
    groups = list(gathered(events, 0.1, clock))
    # The clock goes on by a hundredth of a second with every event: 250 pieces take about 2.6 seconds.
    grown = groups[5:-1]
    assert len(grown) <= 30
    assert all(len({getattr(event, "iteration", None) for event in group}) == 5 for group in grown[1:])


def test_what_is_no_growth_is_told_at_once_behind_what_was_held() -> None:
    events: list[TurnEvent] = [DraftGrew(0, "a"), DraftGrew(0, "b"), DraftGrew(1, "c"), whole(0), DraftGrew(1, "d")]
    groups = list(gathered(events, 1000.0, lambda: 0.0))
    assert groups == [(DraftGrew(0, "a"),), (DraftGrew(0, "b"), DraftGrew(1, "c"), whole(0))]


def test_the_first_draft_is_watched_until_it_is_whole_then_the_best() -> None:
    begun: list[TurnEvent] = [DraftStarted(row, 0.7, row) for row in range(ROWS)]
    grown: list[TurnEvent] = [*begun, *(DraftGrew(row, "text") for row in range(ROWS))]
    steps = [whole(2, 0.1), whole(0, 0.3), whole(1, 0.0)]
    seen = [watched(after(grown))] + [watched(after([*grown, *steps[: n + 1]])) for n in range(3)]
    assert [draft.iteration for draft in seen] == [0, 0, 2, 1]
    assert [about(draft, ROWS) for draft in seen][1:3] == [
        "draft 1 of 3, temperature 0.70",
        "best so far: draft 3 of 3, energy 0.10",
    ]


def test_a_draft_without_an_answer_is_watched_only_while_there_is_no_other() -> None:
    begun: list[TurnEvent] = [DraftStarted(row, 0.7, row) for row in range(ROWS)]
    assert watched(after([*begun, whole(0, 0.3, "")])).iteration == 1
    assert watched(after([*begun, whole(0, 0.3, ""), whole(2, 0.9)])).iteration == 2
    assert watched(after([*begun, *(whole(row, 0.3, "") for row in range(ROWS))])).iteration == 0


def test_thinking_is_folded_into_a_few_words() -> None:
    thinking: list[TurnEvent] = [DraftStarted(0, 0.7, 0), DraftThought(0, "hm ", 1), DraftThought(0, "well", 2)]
    drafts = after(thinking)
    assert (drafts[0].thinking, folded(drafts[0])) == ("hm well", "thinking, 2 tokens")
    assert about(drafts[0], 3) == "draft 1 of 3 \u00b7 thinking, 2 tokens"
    assert folded(after([*thinking, DraftGrew(0, "So")])[0]) == "thought for 2 tokens"
    assert folded(drafts[1]) == ""
