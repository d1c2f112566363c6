"""What "newest" means after somebody went back to an earlier adapter, and which adapters one can go back to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import orjson
import pytest

from lab.choices import AdapterChoices
from lab.engine.adapters import (
    CHOSEN,
    CONFIG,
    MANIFEST,
    WEIGHTS,
    Choice,
    fitting_adapter,
    in_order,
    list_adapters,
    newest_adapter,
    read_choices,
    write_choices,
)
from lab.engine.fingerprint import fingerprint
from lab.errors import LabError
from lab.journal.record import Record
from lab.settings import Workspace
from tests.helpers import bare_adapter, bare_checkpoint, small_files


class Shelf:
    """A folder of adapters of the checkpoint "one", made on the days 1 and 2, and one of "two"."""

    def __init__(self, root: Path) -> None:
        self.one, self.two = bare_checkpoint(root / "one"), bare_checkpoint(root / "two")
        self.folder = root / "adapters"
        bare_adapter(self.folder / "first", self.one, day=1)
        bare_adapter(self.folder / "second", self.one, day=2)
        bare_adapter(self.folder / "other", self.two, day=3)
        self.weights = fingerprint(self.one)
        self.told: list[str] = []

    def choose(self, adapter: str | None, day: int = 5) -> None:
        write_choices(self.folder, {self.weights: Choice(adapter, datetime(2026, 1, day, tzinfo=timezone.utc))})

    def newest(self) -> str | None:
        found = newest_adapter(self.folder, self.weights, self.told.append)
        return found.name if found else None


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_the_newest_is_the_one_made_last_until_one_is_chosen(shelf: Shelf) -> None:
    assert shelf.newest() == "second"
    shelf.choose("first")
    assert shelf.newest() == "first"
    shelf.choose(None)
    assert shelf.newest() is None
    shelf.choose("second")
    assert shelf.newest() == "second"
    assert shelf.told == []
    assert list_adapters(shelf.folder)[1] == []


def test_a_choice_holds_until_a_later_adapter_of_these_weights_is_made(shelf: Shelf) -> None:
    shelf.choose("first")
    bare_adapter(shelf.folder / "stranger", shelf.two, day=6)
    bare_adapter(shelf.folder / "copied", shelf.one, day=4)
    assert shelf.newest() == "first"
    bare_adapter(shelf.folder / "third", shelf.one, day=6)
    assert shelf.newest() == "third"


def test_a_choice_is_one_of_its_weights(shelf: Shelf) -> None:
    shelf.choose("first")
    other = newest_adapter(shelf.folder, fingerprint(shelf.two), shelf.told.append)
    assert other is not None and other.name == "other"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"f": 1}', b'{"f": {"adapter": 3, "at": "2026-01-01T00:00:00+00:00"}}',
             b'{"f": {"adapter": "first", "at": "2026-01-01T00:00:00"}}', b'{"f": {"adapter": "first"}}']
)  # fmt: skip
def test_a_damaged_file_of_choices_is_told_and_the_newest_is_taken(shelf: Shelf, body: bytes) -> None:
    shelf.choose("first")
    (shelf.folder / CHOSEN).write_bytes(body.replace(b'"f"', f'"{shelf.weights}"'.encode()))
    assert shelf.newest() == "second"
    (sentence,) = shelf.told
    assert f"{shelf.folder / CHOSEN} cannot be read" in sentence and "The newest adapter is taken." in sentence
    with pytest.raises(LabError, match="lab rollback"):
        read_choices(shelf.folder)


def test_a_chosen_adapter_that_is_gone_is_told_and_the_newest_is_taken(shelf: Shelf) -> None:
    shelf.choose("first")
    (shelf.folder / "first" / WEIGHTS).unlink()
    assert shelf.newest() == "second"
    assert shelf.told == ["The adapter first, which was chosen, cannot be used any more. The newest adapter is taken."]


def test_a_full_disk_leaves_the_choices_as_they_were(shelf: Shelf) -> None:
    shelf.choose("first")
    with small_files(10), pytest.raises(LabError, match=f"{CHOSEN} cannot be written"):
        shelf.choose("second")
    assert shelf.newest() == "first"
    assert [path.name for path in shelf.folder.iterdir() if path.name.endswith(".part")] == []


def test_a_clock_that_was_set_back_changes_no_order(shelf: Shelf, tmp_path: Path) -> None:
    manifest = shelf.folder / "second" / MANIFEST
    manifest.write_bytes(orjson.dumps(orjson.loads(manifest.read_bytes()) | {"created_at": "2999-01-01T00:00:00Z"}))
    workspace = Workspace(tmp_path)
    workspace.create()
    choices = AdapterChoices(shelf.folder, Record(workspace))
    choices.choose(shelf.weights, "first")
    assert shelf.newest() == "first"
    choices.choose(shelf.weights, None)
    assert shelf.newest() is None
    third = bare_adapter(shelf.folder / "third", shelf.one)
    now = in_order(shelf.folder, datetime(2026, 1, 9, tzinfo=timezone.utc))
    body = orjson.loads((third / MANIFEST).read_bytes())
    (third / MANIFEST).write_bytes(orjson.dumps(body | {"created_at": now.isoformat()}))
    assert shelf.newest() == "third"
    assert in_order(shelf.folder, datetime(3000, 1, 1, tzinfo=timezone.utc)).year == 3000


def without_zone(folder: Path) -> None:
    body = orjson.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(orjson.dumps(body | {"created_at": "2026-01-01T00:00:00"}))


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda folder: (folder / WEIGHTS).write_bytes(b"other weights"), "is not the file that its manifest names"),
        (lambda folder: (folder / WEIGHTS).unlink(), f"has no {WEIGHTS}"),
        (lambda folder: (folder / MANIFEST).unlink(), f"has no {MANIFEST}"),
        (lambda folder: (folder / MANIFEST).write_bytes(b"{"), "cannot be read"),
        (lambda folder: (folder / CONFIG).write_bytes(b'{"peft_type": "IA3", "r": 8}'), "is of type IA3"),
        (without_zone, "has no time zone"),
    ],
)
def test_an_adapter_that_was_tampered_with_is_refused(
    shelf: Shelf, tamper: Callable[[Path], object], words: str
) -> None:
    assert fitting_adapter(shelf.folder, "first", shelf.weights, "one").name == "first"
    tamper(shelf.folder / "first")
    with pytest.raises(LabError, match=words):
        fitting_adapter(shelf.folder, "first", shelf.weights, "one")


@pytest.mark.parametrize("name", ["third", ".third.part", "", ".", "..", "../adapters/first", CHOSEN, "newest"])
def test_an_unknown_adapter_is_refused_with_those_that_fit(shelf: Shelf, name: str) -> None:
    shelf.choose("first")
    bare_adapter(shelf.folder / ".third.part", shelf.one)
    with pytest.raises(LabError, match=r"There is no adapter .* Those trained on one are: first, second"):
        fitting_adapter(shelf.folder, name, shelf.weights, "one")


def test_an_adapter_of_other_weights_is_refused_with_its_checkpoint(shelf: Shelf) -> None:
    with pytest.raises(LabError, match="other was trained on two and does not fit the weights of one"):
        fitting_adapter(shelf.folder, "other", shelf.weights, "one")
