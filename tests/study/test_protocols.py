"""Protocols are plain files: the shipped ones hold, and all that is wrong with one is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.settings import Workspace
from lab.study.protocols import protocols, read_protocol

SHIPPED = ("depth", "dialogue", "framing", "published")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "prompts" / "protocols").mkdir(parents=True)
    return Workspace(tmp_path)


def write(workspace: Workspace, name: str, text: str) -> None:
    (workspace.root / "prompts" / "protocols" / f"{name}.toml").write_text(text)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_hypothesis_of_a_shipped_protocol_has_items_to_be_tested_on(workspace: Workspace, name: str) -> None:
    protocol = read_protocol(workspace, name)
    assert protocol.hypotheses
    for hypothesis in protocol.hypotheses:
        if hypothesis.form in ("more", "falls"):
            whole = [item for item, conditions in protocol.items.items() if set(hypothesis.over) <= set(conditions)]
            assert len(whole) >= 3, hypothesis.name


def test_pairs_that_differ_in_framing_are_about_as_long(workspace: Workspace) -> None:
    for item in read_protocol(workspace, "framing").items.values():
        personal, abstract = (len(item[name][0].split()) for name in ("personal", "abstract"))
        assert abs(personal - abstract) <= 3


def test_dialogue_and_interrogation_have_as_many_turns(workspace: Workspace) -> None:
    for item in read_protocol(workspace, "dialogue").items.values():
        assert len(item["dialogue"]) == len(item["interrogation"]) == 3


def test_a_protocol_of_the_workspace_comes_before_one_of_that_name(workspace: Workspace) -> None:
    write(workspace, "framing", 'title = "Mine"\n[[item]]\nname = "a"\nc = ["x"]\n')
    assert read_protocol(workspace, "framing").title == "Mine"
    assert set(SHIPPED) <= set(protocols(workspace))


def test_an_unknown_protocol_names_those_there_are(workspace: Workspace) -> None:
    with pytest.raises(LabError, match="framing"):
        read_protocol(workspace, "nope")


ITEM = '[[item]]\nname = "a"\npersonal = ["x"]\nabstract = ["y"]\n'
HYPOTHESIS = '[[hypothesis]]\nname = "h"\nsays = "s"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no \\[\\[item\\]\\]"),
        ('[[item]]\nc = ["x"]\n', "item 1 has no name"),
        (ITEM + ITEM, "item 2 has no name of its own"),
        ('[[item]]\nname = "a"\n', "item 1 has no condition"),
        ('[[item]]\nname = "a"\nc = "x"\n', "c is no list of texts"),
        (ITEM + HYPOTHESIS, "hypothesis 1: it needs one of more"),
        (ITEM + HYPOTHESIS + 'more = "personal"\nless = "other"\n', "more names other"),
        (ITEM + HYPOTHESIS + 'more = ["personal"]\nless = "abstract"\n', r"more names \['personal'\], which is"),
        (ITEM + HYPOTHESIS + 'falls = [["personal"], {a = 1}]\n', r"falls names \['personal'\], {'a': 1}, which"),
        (ITEM + HYPOTHESIS + 'separates = ["conflict"]\n', r"separates names \['conflict'\], which is none of arousal"),
        (ITEM + HYPOTHESIS + 'falls = ["personal"]\n', "falls needs two names or more"),
        (ITEM + HYPOTHESIS + 'separates = "length"\n', "separates names length"),
        (ITEM + HYPOTHESIS + 'unrelated = ["conflict"]\n', "unrelated needs two names"),
        (ITEM + HYPOTHESIS + 'falls_by_size = true\npublished = "no"\n', "published is no list"),
        (ITEM + '[[hypothesis]]\nname = "h"\nfalls_by_size = true\n', "a name and what it says"),
        ("[[item", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_protocol_is_told(workspace: Workspace, text: str, fault: str) -> None:
    write(workspace, "mine", text)
    with pytest.raises(LabError, match=fault):
        read_protocol(workspace, "mine")


def test_all_faults_are_told_together(workspace: Workspace) -> None:
    write(workspace, "mine", '[[item]]\nname = "a"\nc = "x"\n' + HYPOTHESIS + 'separates = ["conflict"]\n')
    with pytest.raises(LabError) as fault:
        read_protocol(workspace, "mine")
    assert "item 1" in str(fault.value) and "hypothesis 1" in str(fault.value)
