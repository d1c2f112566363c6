"""The folder of a cycle: what the lab writes there the sleeper reads, unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.domain import Material, SleepPlan
from lab.errors import LabError
from lab.sleep.cycle import CycleFolder, new_cycle
from lab.sleep.recipes import RECIPES
from tests.helpers import small_files
from tests.sleep.lessons import lesson, material

PLAN = SleepPlan(
    cycle_id="sleep-0001",
    checkpoint="tiny",
    fingerprint="abc",
    model_path="/models/tiny",
    form=None,
    device="cpu",
    dtype="float32",
    adapter="sleep-0001",
    parent_adapter=None,
    exchange_ids=("s-0001", "s-0002"),
    settings=RECIPES["lessons"],
    deep=True,
)
LESSON = replace(
    lesson(),
    support=3.5,
    examples=(replace(lesson().examples[0], similarity=0.75, source="wordnet"), *lesson().examples[1:]),
)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_plan_is_read_as_it_was_written(tmp_path: Path, recipe: str) -> None:
    folder = new_cycle(tmp_path, tmp_path / "adapters")
    plan = replace(PLAN, settings=RECIPES[recipe], parent_adapter="sleep-0000", form="plain")
    exchanges = [material("My dog is called Rex."), material("\u4f60\u597d\u2028\x85", number=2, marked=True)]
    memory = [LESSON, lesson("s-0002/0", origin="marked", examples=0, unseen=(), final=(), neighbours=())]
    folder.write(plan, exchanges, memory)
    assert folder.read() == (plan, exchanges, memory)
    assert CycleFolder(tmp_path, folder.path.name).read() == (plan, exchanges, memory)


def test_nothing_to_learn_and_no_memory_are_read_as_such(tmp_path: Path) -> None:
    folder = new_cycle(tmp_path, tmp_path / "adapters")
    folder.write(PLAN, [], [])
    assert folder.read() == (PLAN, [], [])


@given(said=st.text(), answer=st.text(), salience=st.floats(0, 1), marked=st.booleans())
def test_any_text_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, said: str, answer: str, salience: float, marked: bool
) -> None:
    folder = new_cycle(tmp_path_factory.mktemp("sessions"), Path())
    each = Material("s-0001", said, answer, marked, salience)
    known = lesson(question=said or "?", answer=answer, unseen=[said], neighbours=[answer, said])
    folder.write(PLAN, [each], [known])
    assert folder.read() == (PLAN, [each], [known])


def test_a_lone_surrogate_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    folder = new_cycle(tmp_path, tmp_path / "adapters")
    folder.write(PLAN, [material("a\ud800b")], [lesson(answer="\udfff", unseen=["x\ud834y"])])
    _, (each,), (known,) = folder.read()
    assert (each.said, known.answer, known.unseen, known.examples[0].target) == ("a?b", "?", ("x?y",), "?")


def test_a_disk_that_is_full_is_told_with_its_remedy(tmp_path: Path) -> None:
    folder = new_cycle(tmp_path, tmp_path / "adapters")
    with small_files(100), pytest.raises(LabError, match="could not be planned") as told:
        folder.write(PLAN, [material("word " * 99)], [])
    assert told.value.remedy == "Free some space, then sleep again."


def test_cycles_are_numbered_on_whatever_else_lies_there(tmp_path: Path) -> None:
    for name in ("sleep-0009", "sleep-next", "session-0050", "sleep-0003"):
        (tmp_path / name).mkdir()
    assert [new_cycle(tmp_path, tmp_path / "adapters").path.name for _ in range(2)] == ["sleep-0010", "sleep-0011"]


def test_no_cycle_takes_the_name_of_an_adapter_that_came_from_elsewhere(tmp_path: Path) -> None:
    for name in ("sleep-0004", ".sleep-0009.part", "mine"):
        (tmp_path / "adapters" / name).mkdir(parents=True)
    assert new_cycle(tmp_path / "sessions", tmp_path / "adapters").path.name == "sleep-0005"


def test_stopping_and_pausing_are_asked_in_the_folder_and_taken_back(tmp_path: Path) -> None:
    folder = new_cycle(tmp_path, tmp_path / "adapters")
    other = CycleFolder(tmp_path, folder.path.name)
    assert not other.cancel_asked() and not other.pause_asked()
    folder.ask_to_pause()
    assert other.pause_asked() and not other.cancel_asked()
    folder.ask_to_go_on()
    folder.ask_to_go_on()
    assert not other.pause_asked()
    folder.ask_to_cancel()
    assert other.cancel_asked()
    folder.remove()
    with pytest.raises(LabError, match="cannot be made"):
        folder.ask_to_cancel()
    assert not folder.path.exists()
