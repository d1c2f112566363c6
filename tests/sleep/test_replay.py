"""What each epoch reads: the new whole, and of the earlier what the recipe asks, drawn by need."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.domain import Lesson, SleepExample
from lab.settings import SleepSection
from lab.sleep.recipes import LESSONS, resolve
from lab.sleep.replay import earlier_turns, plan_epochs
from tests.sleep.lessons import lesson, numbered

SETTINGS = replace(LESSONS, epochs=3, replay=1.0, seed=0, least_steps=0)
NEW = [replace(each, lesson_id=f"n-{at}") for at, each in enumerate(numbered(4))]


def replays(epoch: list[SleepExample]) -> Counter[str | None]:
    """How often each memory is read in an epoch."""
    return Counter(example.lesson_id for example in epoch if example.kind == "replay")


@pytest.mark.parametrize("wordings", [1, 4, 9])
def test_an_epoch_reads_so_many_wordings_of_each_new_lesson_the_plainest_among_them(wordings: int) -> None:
    new = [replace(each, lesson_id=f"n-{at}") for at, each in enumerate(numbered(4, examples=6))]
    epochs = plan_epochs(new, (), {}, replace(SETTINGS, epochs=20, wordings=wordings))
    for each in new:
        own = [[example for example in epoch if example.exchange_id == each.exchange_id] for epoch in epochs]
        assert all(len(set(read)) == len(read) == min(wordings, 6) for read in own)
        assert all(read[0] == each.examples[0] for read in own)
        # Over the epochs all of them come up.
        assert wordings == 1 or set().union(*own) == set(each.examples)


@pytest.mark.parametrize(("lessons", "epochs"), [(1, 30), (2, 15), (6, 5), (20, 3)])
def test_a_sleep_on_few_lessons_has_more_epochs(lessons: int, epochs: int) -> None:
    found = plan_epochs(numbered(lessons, examples=9), (), {}, replace(SETTINGS, wordings=8, least_steps=30))
    assert len(found) == epochs
    assert plan_epochs([], [], {}, replace(SETTINGS, least_steps=30)) == [[]] * 3


def test_epochs_that_a_person_asks_for_are_all_that_there_are() -> None:
    assert len(plan_epochs(numbered(1), (), {}, resolve(SleepSection(epochs=3)))) == 3
    assert len(plan_epochs(numbered(1), (), {}, resolve(SleepSection()))) > 3


def test_every_epoch_reads_all_examples_of_new_lessons_that_have_few() -> None:
    own = {example for each in NEW for example in each.examples}
    epochs = plan_epochs(NEW, numbered(9), {}, SETTINGS)
    assert len(epochs) == 3
    assert all(set(epoch[: len(own)]) == own for epoch in epochs)
    assert all(example.kind == "replay" for epoch in epochs for example in epoch[len(own) :])


def test_a_replay_is_an_example_of_its_memory_under_another_kind() -> None:
    memory = numbered(5)
    own = {replace(example, kind="replay") for each in memory for example in each.examples}
    for epoch in plan_epochs(NEW, memory, {}, SETTINGS):
        again = [example for example in epoch if example.kind == "replay"]
        assert set(again) <= own and len(set(again)) == len(again)


@pytest.mark.parametrize(("share", "times"), [(0.5, 6), (1.0, 12), (2.0, 24), (0.01, 5), (0.0, 0)])
def test_so_many_are_replayed_as_the_recipe_asks_for_each_new_one(share: float, times: int) -> None:
    memory = numbered(5, examples=9)
    for epoch in plan_epochs(NEW, memory, {}, replace(SETTINGS, replay=share)):
        assert sum(replays(epoch).values()) == times


@pytest.mark.parametrize(("memories", "times"), [(10, 24), (20, 24), (40, 48), (64, 77), (100, 77)])
def test_of_more_than_twenty_memories_more_is_replayed_up_to_sixty_four(memories: int, times: int) -> None:
    memory = numbered(memories, examples=9)
    for epoch in plan_epochs(NEW, memory, {}, replace(SETTINGS, replay=2.0)):
        assert sum(replays(epoch).values()) == times


@pytest.mark.parametrize(("memories", "times"), [(20, 160), (40, 160), (64, 256)])
def test_beside_much_that_is_new_more_than_four_of_each_memory_are_replayed_only_as_the_recipe_asks(
    memories: int, times: int
) -> None:
    new = [lesson(f"n-{at}/1", f"New {at}?", examples=4) for at in range(20)]
    for epoch in plan_epochs(new, numbered(memories, examples=9), {}, replace(SETTINGS, replay=2.0)):
        assert sum(replays(epoch).values()) == times


def test_no_example_is_read_twice_in_an_epoch_and_what_one_has_not_another_gives() -> None:
    memory = [*numbered(1, examples=2, salience=0.9), lesson("m-9999/1", examples=20, salience=0.0)]
    for epoch in plan_epochs(NEW, memory, {}, SETTINGS):
        assert replays(epoch) == {"m-0001/1": 2, "m-9999/1": 10}
    everything = plan_epochs(NEW, memory, {}, replace(SETTINGS, replay=50.0))[0]
    assert replays(everything) == {"m-0001/1": 2, "m-9999/1": 20}


@pytest.mark.parametrize("count", [1, 2, 63, 64])
def test_every_memory_is_read_in_every_epoch_while_there_are_at_most_sixty_four(count: int) -> None:
    memory = [replace(each, salience=5.0 * (at % 7 == 0)) for at, each in enumerate(numbered(count))]
    for share in (0.001, 1.0):
        for epoch in plan_epochs(NEW, memory, {"m-0001/1": 9.0}, replace(SETTINGS, replay=share)):
            assert set(replays(epoch)) == {each.lesson_id for each in memory}


def test_of_more_memories_some_are_read_in_each_epoch_and_others_in_the_next() -> None:
    memory = numbered(200)
    epochs = plan_epochs(NEW, memory, {}, replace(SETTINGS, epochs=8))
    assert all(sum(replays(epoch).values()) == 64 for epoch in epochs)
    assert len(set().union(*(replays(epoch) for epoch in epochs))) > 150


def drawn(memory: list[Lesson], shakiness: dict[str, float]) -> Counter[str | None]:
    """How often each is read in a hundred epochs."""
    epochs = plan_epochs(NEW, memory, shakiness, replace(SETTINGS, epochs=100))
    return sum((replays(epoch) for epoch in epochs), Counter())


def test_shaky_and_salient_memories_are_read_oftener() -> None:
    memory = numbered(3, examples=20)
    shaky = drawn(memory, {"m-0001/1": 0.1, "m-0002/1": 2.0, "m-0003/1": 0.1})
    assert shaky["m-0002/1"] > 2 * shaky["m-0001/1"] and shaky["m-0002/1"] > 2 * shaky["m-0003/1"]
    salient = drawn([memory[0], memory[1], replace(memory[2], salience=1.5)], {})
    assert salient["m-0003/1"] > 2 * salient["m-0001/1"]
    even = drawn(memory, {})
    assert max(even.values()) - min(even.values()) < 40


def test_a_memory_that_nobody_looked_at_is_as_shaky_as_the_others_are() -> None:
    memory = numbered(3, examples=20)
    times = drawn(memory, {"m-0001/1": 3.0, "m-0002/1": 1.0})
    assert times["m-0002/1"] < times["m-0003/1"] < times["m-0001/1"]


def test_epochs_come_again_under_their_seed_and_differ_from_one_another() -> None:
    memory = numbered(6, examples=8)
    epochs = plan_epochs(NEW, memory, {}, SETTINGS)
    assert epochs == plan_epochs(NEW, memory, {}, SETTINGS)
    assert epochs != plan_epochs(NEW, memory, {}, replace(SETTINGS, seed=1))
    wordings = [{example.prompt for example in epoch if example.kind == "replay"} for epoch in epochs]
    assert wordings[0] != wordings[1] != wordings[2] != wordings[0]
    # Epoch 1 is what it is, whatever the number of epochs: a killed sleep goes on with the same ones.
    assert plan_epochs(NEW, memory, {}, replace(SETTINGS, epochs=1)) == epochs[:1]


def test_without_memory_or_its_examples_only_the_new_is_read() -> None:
    own = Counter(example for each in NEW for example in each.examples)
    for memory in ([], numbered(9, examples=0)):
        assert [Counter(epoch) for epoch in plan_epochs(NEW, memory, {}, SETTINGS)] == [own] * 3
    some = [*numbered(1), lesson("m-0002/1", examples=0)]
    assert set(replays(plan_epochs(NEW, some, {}, SETTINGS)[0])) == {"m-0001/1"}
    assert plan_epochs([], [], {}, SETTINGS) == [[]] * 3
    assert len(plan_epochs([], numbered(3), {}, SETTINGS)[0]) == 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 2), st.none() | st.floats(0, 20)), max_size=90),
    st.floats(0.01, 5),
    st.integers(0, 3),
)
def test_any_memory_is_read_within_the_budget(
    memories: list[tuple[int, float, float | None]], share: float, seed: int
) -> None:
    memory = [
        lesson(f"m-{at}/1", f"Q{at}?", examples=examples, salience=salience)
        for at, (examples, salience, _) in enumerate(memories)
    ]
    shakiness = {each.lesson_id: nats for each, (_, _, nats) in zip(memory, memories) if nats is not None}
    there = sum(len(each.examples) for each in memory)
    worded = sum(bool(each.examples) for each in memory)
    known = min(worded, 64)
    wanted = max(round(share * sum(len(each.examples) for each in NEW) * max(known / 20, 1.0)), known)
    for epoch in plan_epochs(NEW, memory, shakiness, replace(SETTINGS, replay=share, seed=seed)):
        times = replays(epoch)
        assert sum(times.values()) == min(wanted, there)
        assert all(times[each.lesson_id] <= len(each.examples) for each in memory)
        if worded <= 64:
            assert all(times[each.lesson_id] >= 1 for each in memory if each.examples)


def test_what_is_said_before_an_example_is_about_something_else_and_short() -> None:
    (epoch, *_) = plan_epochs(NEW, numbered(9), {}, SETTINGS)
    long = replace(epoch[0], lesson_id="long", target="word " * 60)
    epoch = [replace(example, kind="original") if at % 4 == 0 else example for at, example in enumerate(epoch)]
    before = earlier_turns([*epoch, long], 1, SETTINGS)
    assert before == earlier_turns([*epoch, long], 1, SETTINGS) != earlier_turns([*epoch, long], 2, SETTINGS)
    for example, turns in zip([*epoch, long], before):
        assert len(turns) <= (0 if example.kind == "original" else SETTINGS.turns)
        assert all(turn.lesson_id != example.lesson_id and turn is not long for turn in turns)
    assert {len(turns) for turns in before} == {0, 1, 2}
    assert earlier_turns(epoch, 1, replace(SETTINGS, turns=0)) == [[]] * len(epoch)
