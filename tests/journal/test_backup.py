"""A backup holds the whole record, is whole or not there, and brings back exactly what was."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import threading
import zipfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest

from lab.domain import Progress
from lab.errors import LabError
from lab.journal.backup import KIND, MANIFEST, back_up
from lab.journal.events import ExchangeMarked, SessionOpened
from lab.journal.record import Record
from lab.journal.restore import remove_left, restore
from lab.settings import Workspace
from tests.helpers import bare_adapter, bare_checkpoint
from tests.journal.samples import (
    SESSION,
    cycle,
    dump,
    exchange_id,
    opened,
    reading,
    record_in,
    said,
    start_child,
    whole_turn,
)

SLEEP = "sleep-20261122-050000-ab12"


RESTORING = """
import sys, threading
from pathlib import Path
from lab.journal.restore import restore
from lab.settings import Workspace
file, root = map(Path, ARGUMENTS)
def wait(progress):
    print("restoring", flush=True)
    sys.stdin.read()
restore(file, Workspace(root), wait, threading.Event())
"""


def quiet(progress: Progress) -> None:
    pass


def fill(record: Record) -> None:
    root = record.workspace.root
    record.append(SESSION, opened(title="caf\u00e9 \u2603"), *whole_turn(1), *whole_turn(2))
    record.append("other", opened("other"), *whole_turn(1, "other"))
    record.append(SLEEP, *cycle(SLEEP, used=exchange_id(1)))
    record.append("workspace", reading("once"))
    bare_adapter(record.workspace.adapters / SLEEP, bare_checkpoint(root / "tiny"))
    (record.workspace.adapters / ".half.part").mkdir()
    (record.workspace.adapters / ".half.part" / "x").write_text("x")
    record.workspace.config.write_text("[screen]\nrows = 3\n")
    (root / "prompts" / "protocols").mkdir(parents=True)
    (root / "prompts" / "mine.toml").write_text('name = "mine"\n')
    (root / "prompts" / "protocols" / "mine.toml").write_text('title = "mine"\n')
    (root / "queries").mkdir()
    (root / "queries" / "mine.sql").write_text("-- Mine\nSELECT 1\n")


def backed_up(record: Record, file: Path, adapters: bool = True) -> Path:
    with file.open("wb") as target:
        back_up(record.workspace, target, adapters, quiet, threading.Event())
    return file


def restored(file: Path, root: Path) -> Record:
    workspace = Workspace(root)
    restore(file, workspace, quiet, threading.Event())
    return Record(workspace)


def test_a_restored_record_equals_the_original(record: Record, tmp_path: Path) -> None:
    fill(record)
    (tmp_path / "away").mkdir()
    copy = restored(backed_up(record, tmp_path / "away" / "a.zip"), tmp_path / "copy")
    files = {path.name for path in (tmp_path / "copy").rglob("*")}
    assert not files & {".half.part", "tiny", "owner.lock", "events.lock"}
    assert record.sync()
    assert dump(copy) == dump(record)
    texts = ("lab.toml", "prompts/mine.toml", "prompts/protocols/mine.toml", "queries/mine.sql")
    for name in (*texts, f"adapters/{SLEEP}/adapter_model.safetensors"):
        assert (tmp_path / "copy" / name).read_bytes() == (tmp_path / name).read_bytes()
    assert not list((tmp_path / "copy").glob(".restore-*"))


def test_adapters_may_be_left_out(record: Record, tmp_path: Path) -> None:
    fill(record)
    with zipfile.ZipFile(backed_up(record, tmp_path / "a.zip", adapters=False)) as archive:
        assert not [name for name in archive.namelist() if name.startswith("adapters/")]
        assert f"sessions/{SESSION}/events.jsonl" in archive.namelist()


def test_the_line_that_a_killed_writer_left_is_not_taken(record: Record, tmp_path: Path) -> None:
    record.append(SESSION, opened(), *whole_turn(1))
    whole = record.journal.path(SESSION).read_bytes()
    with record.journal.path(SESSION).open("ab") as file:
        file.write(b'{"at": "2026-')
    copy = restored(backed_up(record, tmp_path / "a.zip"), tmp_path / "copy")
    assert copy.journal.path(SESSION).read_bytes() == whole


def test_what_is_recorded_meanwhile_leaves_every_line_whole(record: Record, tmp_path: Path) -> None:
    record.append(SESSION, opened())
    over = threading.Event()
    turns = 0

    def write() -> None:
        nonlocal turns
        while not over.is_set():
            turns += 1
            record.append(SESSION, *whole_turn(turns))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            copy = restored(backed_up(record, tmp_path / f"{number}.zip"), tmp_path / str(number))
            assert copy.rebuild().faults == ()
            assert record.journal.path(SESSION).read_bytes().startswith(copy.journal.path(SESSION).read_bytes())
    finally:
        over.set()
        writer.join()
    assert turns > 5


def test_both_tell_how_far_they_are_and_can_be_cancelled(record: Record, tmp_path: Path) -> None:
    fill(record)
    told: list[Progress] = []
    with (tmp_path / "a.zip").open("wb") as target:
        report = back_up(record.workspace, target, True, told.append, threading.Event())
    assert told[-1].done == told[-1].total == report.bytes > 0
    assert (report.streams, report.adapters) == (4, 1)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(LabError, match="cancelled"):
        back_up(record.workspace, io.BytesIO(), True, quiet, cancel)
    with pytest.raises(LabError, match="cancelled"):
        restore(tmp_path / "a.zip", Workspace(tmp_path / "copy"), quiet, cancel)
    assert list((tmp_path / "copy").iterdir()) == []


def test_a_workspace_with_a_record_of_its_own_is_refused_and_left_alone(record: Record, tmp_path: Path) -> None:
    fill(record)
    file = backed_up(record, tmp_path / "a.zip")
    other = record_in(tmp_path / "copy")
    other.append("own", opened("own"))
    with pytest.raises(LabError, match=r"has sessions of its own \(own\)"):
        restore(file, other.workspace, quiet, threading.Event())
    assert other.journal.streams() == ["own"]
    changed = Workspace(tmp_path / "changed")
    changed.create()
    changed.config.write_text("[screen]\nrows = 4\n")
    with pytest.raises(LabError, match=r"lab\.toml is there already and is another"):
        restore(file, changed, quiet, threading.Event())
    assert changed.config.read_text() == "[screen]\nrows = 4\n"
    # Begun anew after an interruption it goes on: the same files are no conflict.
    restored(file, tmp_path / "twice")
    restored(file, tmp_path / "twice")


def archive_of(members: dict[str, bytes], change: Callable[[dict[str, object]], None] | None = None) -> io.BytesIO:
    """A backup with these members; `change` spoils its manifest."""
    files: dict[str, object] = {
        name: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in members.items()
    }
    if change:
        change(files)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
        archive.writestr(MANIFEST, orjson.dumps({"kind": KIND, "version": 1, "files": files}))
    return file


HOSTILE = [
    "../outside.txt",
    "sessions/../../outside/events.jsonl",
    "/etc/outside",
    "C:/outside/events.jsonl",
    "sessions\\outside\\events.jsonl",
    "sessions/a/other.jsonl",
    "sessions/events.jsonl",
    "sessions/lab.duckdb",
    "adapters/../x/y",
    "adapters/a/../../../b",
    "prompts/../lab.toml",
    "prompts/../outside.toml",
    "prompts/a/b/c.toml",
    "lab/cli.py",
    "adapters/a/b\n.bin",
]


def test_every_name_that_is_no_place_in_a_workspace_is_refused_all_together(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    for name in HOSTILE:
        file.write_bytes(archive_of({name: b"x", "lab.toml": b""}).getvalue())
        with pytest.raises(LabError, match="is no place in a workspace") as refused:
            restore(file, Workspace(tmp_path / "copy"), quiet, threading.Event())
        assert "Nothing was put in place" in refused.value.remedy
    file.write_bytes(archive_of(dict.fromkeys(HOSTILE[:4], b"x")).getvalue())
    with pytest.raises(LabError) as refused:
        restore(file, Workspace(tmp_path / "copy"), quiet, threading.Event())
    assert all(repr(name) in refused.value.title for name in HOSTILE[:4])
    assert not (tmp_path / "copy").exists() and not (tmp_path / "outside.txt").exists()


def test_links_lies_and_damage_are_refused_and_nothing_is_put_in_place(tmp_path: Path) -> None:
    stream = "sessions/a/events.jsonl"
    body = b"x" * 5000

    def wrong_size(files: dict[str, object]) -> None:
        files[stream] = {"bytes": 1, "sha256": hashlib.sha256(body).hexdigest()}

    def wrong_sum(files: dict[str, object]) -> None:
        files[stream] = {"bytes": len(body), "sha256": "0" * 64}

    def unknown(files: dict[str, object]) -> None:
        del files[stream]

    def more(files: dict[str, object]) -> None:
        files["sessions/b/events.jsonl"] = {"bytes": 1, "sha256": ""}

    link = io.BytesIO()
    with zipfile.ZipFile(link, "w") as archive:
        entry = zipfile.ZipInfo(stream)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, body)
        said = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        archive.writestr(MANIFEST, orjson.dumps({"kind": KIND, "version": 1, "files": {stream: said}}))
    good = archive_of({stream: body}).getvalue()
    flipped = bytearray(good)
    flipped[good.index(body) + 100] ^= 1
    newer = good.replace(b'"version":1', b'"version":2')
    for bad, part in (
        (archive_of({stream: body}, wrong_size).getvalue(), "has 5,000 bytes instead of 1"),
        (archive_of({stream: body}, wrong_sum).getvalue(), "has another checksum"),
        (archive_of({stream: body}, unknown).getvalue(), "is not in its manifest.json"),
        (archive_of({stream: body}, more).getvalue(), "'sessions/b/events.jsonl' is missing"),
        (link.getvalue(), "is a link"),
        (bytes(flipped), "is damaged"),
        (newer, "damaged"),
        (good[: len(good) // 2], "is not a backup"),
        (b"not a zip", "is not a backup"),
    ):
        (tmp_path / "a.zip").write_bytes(bad)
        with pytest.raises(LabError, match=part):
            restore(tmp_path / "a.zip", Workspace(tmp_path / "copy"), quiet, threading.Event())
        assert not [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]


def test_more_than_there_is_room_for_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.zip").write_bytes(archive_of({"sessions/a/events.jsonl": b"x" * 5000}).getvalue())
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 4999})())
    with pytest.raises(LabError, match="needs 5 kB, and 5 kB are free"):
        restore(tmp_path / "a.zip", Workspace(tmp_path / "copy"), quiet, threading.Event())


def test_what_a_killed_restore_unpacked_is_removed_and_that_of_one_that_runs_is_not(
    record: Record, tmp_path: Path
) -> None:
    record.append(SESSION, opened(), *whole_turn(1))
    file = backed_up(record, tmp_path / "a.zip")
    copy = Workspace(tmp_path / "copy")
    child = start_child(RESTORING, file, copy.root)
    try:
        assert said(child) == "restoring"
        remove_left(copy)
        with pytest.raises(LabError, match=r"Another restore into .*copy runs"):
            restore(file, copy, quiet, threading.Event())
        assert len(list(copy.root.glob(".restore-*"))) == 1
    finally:
        child.kill()
        child.wait()
    restore(file, copy, quiet, threading.Event())
    assert [path.name for path in copy.root.iterdir()] == ["sessions"]


def test_forks_and_marks_come_back(record: Record, tmp_path: Path) -> None:
    record.append(SESSION, opened(), *whole_turn(1), *whole_turn(2))
    fork = SessionOpened(
        "fork", "tiny", None, "measured", 0.15, parent_session_id=SESSION, parent_exchange_id=exchange_id(1)
    )
    record.append("fork", fork, *whole_turn(2, "fork"))
    record.append(SESSION, ExchangeMarked(exchange_id(1), "edited", "In other words."))
    record.append(SESSION, ExchangeMarked(exchange_id(2), "kept", "A draft.", 0))
    copy = restored(backed_up(record, tmp_path / "a.zip"), tmp_path / "copy")
    assert record.sync() and copy.sync()
    assert dump(copy) == dump(record)
    asked = "SELECT mark, target, kept_iteration FROM exchanges WHERE mark IS NOT NULL ORDER BY ALL"
    assert copy.query(asked).rows == [("edited", "In other words.", None), ("kept", "A draft.", 0)]
    (session,) = copy.query("SELECT parent_exchange_id FROM sessions WHERE session_id = 'fork'").rows
    assert session == (exchange_id(1),)


def test_what_could_not_be_restored_is_left_out_and_told(record: Record, tmp_path: Path) -> None:
    fill(record)
    folder = record.workspace.adapters / SLEEP
    (folder / ".gitattributes").write_text("x")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").write_text("x")
    (folder / "caf\udce9.json").write_text("x")
    with (tmp_path / "a.zip").open("wb") as target:
        report = back_up(record.workspace, target, True, quiet, threading.Event())
    names = (".cache/x", ".gitattributes", "caf\udce9.json")
    assert report.left_out == tuple(f"adapters/{SLEEP}/{name}" for name in names)
    assert restored(tmp_path / "a.zip", tmp_path / "copy").sync()


def test_a_clock_before_all_zips_stops_no_backup(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(record)
    with monkeypatch.context() as clock:
        clock.setattr("time.time", lambda: 0.0)
        clock.setattr("lab.journal.backup.now", lambda: datetime.fromtimestamp(0, timezone.utc))
        file = backed_up(record, tmp_path / "a.zip")
    with zipfile.ZipFile(file) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert dump(restored(file, tmp_path / "copy"))


def test_a_setting_that_is_a_link_is_taken(record: Record, tmp_path: Path) -> None:
    (tmp_path / "dotfiles.toml").write_text("[screen]\nrows = 7\n")
    record.workspace.config.symlink_to(tmp_path / "dotfiles.toml")
    copy = restored(backed_up(record, tmp_path / "a.zip"), tmp_path / "copy")
    assert copy.workspace.settings().screen.rows == 7


def test_an_adapter_that_cannot_be_read_is_named_and_not_left_out(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(record)
    bare_adapter(record.workspace.adapters / "early", bare_checkpoint(tmp_path / "tiny"))
    scandir = os.scandir

    def refused(path: Any) -> Any:
        # As for a folder of somebody else; whoever runs tests may be allowed everything.
        if Path(path).name == "early":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(LabError, match=r"adapters/early cannot be read"):
        backed_up(record, tmp_path / "a.zip")


def test_a_file_that_is_there_already_is_not_touched(record: Record, tmp_path: Path) -> None:
    """A lab may have it open: what it appends must not go into a file without a name."""
    fill(record)
    file = backed_up(record, tmp_path / "a.zip")
    with record.journal.path(SESSION).open("ab") as written:
        restored(file, record.workspace.root)
        written.write(b"more\n")
    assert record.journal.path(SESSION).read_bytes().endswith(b"more\n")
