"""The study of salience: what it measures goes back to where it began, and what was measured is not lost."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lab.domain import Progress
from lab.errors import LabError
from lab.journal.record import Record
from lab.settings import Workspace
from lab.study import salience, salience_report
from lab.study.exchanges import Studied, studied
from lab.study.items import ITEMS, SEEDS, WORTH, append, lines, write
from tests.helpers import go_among_impostors

SCRIPTED = [sys.executable, "-m", "lab.engine.scripted", "--words", "8"]


def made() -> list[dict[str, Any]]:
    """Sixteen exchanges of which a signal knows the worth and another does not."""
    stream = random.Random(0)
    items = []
    for number in range(16):
        worth = stream.random()
        signals = {f"{name}.{each}": stream.random() for name in ("lexical", "measured") for each in (
            "surprise", "novelty", "arousal", "reward", "conflict", "total")}  # fmt: skip
        signals |= {"measured.novelty": worth**2, "measured.total": worth, "length": 3.0, "random": stream.random()}
        signals |= {"loss": stream.random(), "ratio": stream.random(), "worth": worth, "gain": worth, "harm": 0.0}
        kind = ("fact", "noise")[number % 2]
        # Three are asked about, in two wordings.
        asked = {"key": "Oslo" if number in (2, 4, 6) else None, "held_out": ["Where?", "In which city?"]}
        items.append({"number": number, "kind": kind, "said": f"{number}.", "signals": signals, **asked})
    return items


def slept() -> list[dict[str, Any]]:
    right = {"measured.total": [True] * 6, "random": [False] * 6}
    return [
        {"signal": signal, "seed": seed, "right": right.get(signal, [True] * 3 + [False] * 3)}
        for signal in salience.SLEPT_ON
        for seed in range(SEEDS)
    ]


def test_signals_are_judged_by_worth_and_chosen_quarters_by_recall() -> None:
    found = salience.findings(made(), slept(), 60.0)
    assert found.correlations["measured.total"].value == pytest.approx(1.0)
    assert found.correlations["measured.novelty"].value == pytest.approx(1.0)
    assert found.correlations["length"].value == 0.0
    assert not {"worth", "gain", "harm"} & set(found.correlations)
    assert (found.recall["measured.total"].value, found.recall["random"].value) == (1.0, 0.0)
    assert found.recall["lexical.total"].value == pytest.approx(0.5)
    # Two questions about one exchange are one case.
    assert found.recall["lexical.total"].n == 3
    # The weights come from the one half, and are judged by the other.
    assert max(found.weights, key=lambda name: found.weights[name]) == "novelty"
    assert found.halves["measured.fitted"].n == 8
    assert found.halves["measured.fitted"].value > 0.9


def test_the_study_stands_in_the_record_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    found = salience.findings(made(), slept(), 60.0)
    with Record(workspace) as record:
        for _ in range(2):
            record.append("study-0001", *salience_report.events("study-0001", found))
        assert record.sync()
        assert record.query("SELECT study_id, exchanges, seconds FROM studies").rows == [("study-0001", 16, 60.0)]
        query = "SELECT value FROM study_measures WHERE measure = 'recall' AND signal = 'measured.total'"
        assert record.query(query).rows == [(1.0,)]
        recorded = record.query(
            """SELECT corr(w.value, s.value), count(*) FROM study_signals w JOIN study_signals s USING (study_id, item)
            WHERE w.signal = 'worth' AND s.signal = 'measured.total'"""
        )
        assert recorded.rows == [(pytest.approx(1.0), 16)]
    told = salience_report.page("study-0001", found, datetime(2026, 11, 29))
    assert "| measured.total | 1.00 |" in told and "reaches 0.5 (1.00)" in told
    assert json.loads(json.dumps(salience_report.body("study-0001", found)))["correlations"]["length"]["rho"] == 0.0


def test_the_shipped_exchanges_are_sixty_at_least_of_seven_kinds() -> None:
    found = studied()
    assert len(found) >= 60
    assert len({each.kind for each in found}) == 7
    assert all(len(each.train) == len(each.held_out) == 2 for each in found)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('kind = "fact"\ntrain = ["a", "b"]\nheld_out = ["c", "d"]', "said is no text"),
        ('kind = "fact"\nsaid = "x"\ntrain = ["a"]\nheld_out = ["c", "d"]', "train has not two wordings"),
        ('kind = "fact"\nsaid = "x"\ntrain = ["a", "b"]\nheld_out = ["c", 7]', "held_out is no list of texts"),
        (
            'kind = "fact"\nsaid = "x"\ntrain = ["a", "b"]\nheld_out = ["c", "d"]\nanswer = "y"\nkey = "z"',
            "does not hold the key",
        ),
        ('kind = "fact"\nsaid = "x"\ntrain = ["a", "b"]\nheld_out = ["c", "d"]\nmore = 1', "more is not known"),
    ],
)
def test_what_is_wrong_with_a_set_of_exchanges_is_named(tmp_path: Path, entry: str, fault: str) -> None:
    path = tmp_path / "set.toml"
    whole = '[[exchange]]\nkind = "fact"\nsaid = "x"\ntrain = ["a", "b"]\nheld_out = ["c", "d"]\n'
    path.write_text(f"{whole}\n[[exchange]]\n{entry}\n")
    with pytest.raises(LabError, match=f"exchange 2: .*{fault}"):
        studied(path)


def test_a_line_that_a_killed_process_left_is_none(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    append(path, {"number": 1})
    with path.open("ab") as file:
        file.write(b'{"numb')
    assert lines(path) == [{"number": 1}]
    append(path, {"number": 2})
    assert lines(path) == [{"number": 1}, {"number": 2}]


@pytest.mark.parametrize("text", ["exchange = 5", "exchange = []", "[exchange]\nkind = 'fact'"])
def test_a_file_without_a_list_of_exchanges_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(LabError, match="exchange is no list of tables"):
        studied(tmp_path / "x.toml")


def few() -> list[Studied]:
    """Two exchanges of four kinds, numbered anew."""
    chosen: list[Studied] = []
    for kind in ("fact", "repetition", "noise", "chit-chat"):
        chosen += [each for each in studied() if each.kind == kind][:2]
    return [Studied(**{**asdict(each), "number": number}) for number, each in enumerate(chosen, 1)]


def test_what_measures_ends_when_its_study_was_killed(tmp_path: Path) -> None:
    # A standard input that is at its end is what a killed study leaves.
    command = [sys.executable, "-m", "lab.study.worth", str(tmp_path), "worth"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_a_study_goes_on_with_the_same_exchanges_only(tmp_path: Path) -> None:
    exchanges = few()
    stop = threading.Event()
    stop.set()
    assert salience.study(tmp_path, exchanges, stop, lambda progress: None, SCRIPTED) is None
    assert salience.same(exchanges, tmp_path)
    first = exchanges[0]
    for edited in (
        replace(first, said="Else."),
        replace(first, train=(first.train[0], "Else?")),
        replace(first, held_out=("Else?", first.held_out[1])),
        replace(first, answer="Else.", key=None),
        replace(first, before=("Else.",)),
    ):
        assert not salience.same([edited, *exchanges[1:]], tmp_path)


def test_what_measures_takes_no_file_of_the_current_folder_for_a_library_and_finds_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_among_impostors(tmp_path, monkeypatch)
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "torch.py").write_text("import sys\nraise ImportError(sys.argv[1])\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "first"))
    with pytest.raises(LabError) as fault:
        salience.study(Path("study-0001"), few(), threading.Event(), lambda progress: None, SCRIPTED)
    assert fault.value.title.endswith(f"ImportError: {tmp_path / 'study-0001'}")


@pytest.mark.model
def test_a_study_that_is_stopped_goes_on_and_measures_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salience, "SLEPT_ON", ("worth",))
    folder, stop = tmp_path / "study-0001", threading.Event()

    def stop_in_talking(progress: Progress) -> None:
        if progress.stage == "Talking" and progress.done >= 3:
            stop.set()

    assert salience.study(folder, few(), stop, stop_in_talking, SCRIPTED) is None
    stop.clear()

    def stop_at_the_second(progress: Progress) -> None:
        if progress.stage.startswith("Learning each") and progress.done >= 2:
            stop.set()

    assert salience.study(folder, few(), stop, stop_at_the_second, SCRIPTED) is None
    first = lines(folder / WORTH)
    assert 2 <= len(first) < 8

    found = salience.study(folder, few(), threading.Event(), lambda progress: None, SCRIPTED)
    assert found is not None
    assert lines(folder / WORTH)[: len(first)] == first
    assert len(found.items) == len(lines(folder / ITEMS)) == 8
    # Nothing of the dialogue in which it was stopped is left: two are told, and eight said.
    record = Record(Workspace(folder))
    assert record.sync()
    repeated = sum(each.kind == "repetition" for each in few())
    assert record.query("SELECT count(*) FROM sessions").rows == [(8 + repeated,)]
    worth = {item["kind"]: item["signals"]["worth"] for item in found.items}
    gain = {item["kind"]: item["signals"]["gain"] for item in found.items}
    # What was learnt before has little left to gain.
    assert gain["fact"] > gain["repetition"]
    assert worth["fact"] > 0.0
    assert found.recall["worth"].n == 2
    # A saved state that is put back exactly measures the same again, whatever was measured before.
    write(folder / WORTH, [line for line in lines(folder / WORTH) if line["number"] > 3])
    again = salience.study(folder, few(), threading.Event(), lambda progress: None, SCRIPTED)
    assert again is not None
    assert [item["signals"]["worth"] for item in again.items] == [item["signals"]["worth"] for item in found.items]
