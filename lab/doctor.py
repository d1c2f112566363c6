"""Examines a set-up: what is there, what is wrong, and what to do about it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import orjson
import psutil

from lab import __version__
from lab.domain import Progress
from lab.errors import LabError
from lab.files import CHILD_FOLDER
from lab.settings import Settings, Workspace, cache_folder
from lab.text import amount, count

_PACKAGES: Final = ("textual", "duckdb", "torch", "transformers", "peft", "accelerate")
# The embedded model while it trains, with room for the screen.
_MEMORY_WANTED: Final = 3 * 1024**3
_DISK_WANTED: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined. `remedy` is None when it is well."""

    what: str
    found: str
    remedy: str | None = None


def examine(workspace: Workspace, progress: Callable[[Progress], None] = lambda progress: None) -> list[Finding]:
    """Examine everything, in the time that loading a model takes; a check that fails is a finding, no exception."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("versions", _versions),
        ("device", lambda: _device(workspace)),
        ("checkpoint", lambda: _checkpoint(workspace, progress)),
        ("memory", _memory),
        ("workspace", lambda: _workspace(workspace)),
        ("cache", _cache),
        ("record", lambda: _record(workspace)),
        ("adapters", lambda: _adapters(workspace)),
    ]
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings += check()
        except LabError as fault:
            findings.append(Finding(name, fault.title, fault.remedy))
        except Exception as fault:
            findings.append(
                Finding(name, f"could not be examined: {fault!r}", "This is a fault of the lab: report it.")
            )
    return findings


def _versions() -> Iterator[Finding]:
    yield Finding(
        "lab", f"{__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    for package in _PACKAGES:
        try:
            yield Finding(package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, "not installed", "Install the lab again: make lab, or the pip lines of the README.")


def _device(workspace: Workspace) -> Iterator[Finding]:
    # In a child, so that a broken torch does not end the doctor; one that needs no checkpoint.
    settings = _settings(workspace).engine
    child = subprocess.run(
        [sys.executable, "-m", "lab.engine.devices", settings.device, settings.dtype],
        cwd=CHILD_FOLDER,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if child.returncode == 2:
        wrong = orjson.loads(child.stdout)
        yield Finding("device", wrong["title"], wrong["remedy"])
        return
    if child.returncode != 0:
        last = (child.stderr.strip().splitlines() or ["it said nothing"])[-1]
        yield Finding("device", f"torch does not work: {last}", "Install the lab again: make lab.")
        return
    body = orjson.loads(child.stdout)
    yield Finding("device", f"{body['device']} in {body['dtype']}, {body['name']}, {body['threads']} threads")


def _checkpoint(workspace: Workspace, progress: Callable[[Progress], None]) -> Iterator[Finding]:
    """The checkpoint of the settings in the real engine, when it is on this machine: nothing is fetched."""
    from lab.engine import catalogue, offers
    from lab.engine.client import transformers_engine
    from lab.engine.provide import provide
    from lab.engine.speed import DRAFTS, measure

    settings = _settings(workspace).engine
    checkpoint = catalogue.resolve(settings.checkpoint, workspace)
    if catalogue.ready_folder(checkpoint) is None:
        remedy = "Run lab prepare." if checkpoint.source == "embedded" else "Ask it something: lab ask makes it ready."
        yield Finding("checkpoint", f"{checkpoint.name} is not ready on this machine", remedy)
        return
    advice = offers.fitting(checkpoint, settings, offers.room(settings))
    if not advice.fits and settings.dtype != "auto":
        raise LabError(advice.sentence, f'Set engine.dtype = "{advice.dtype}" in {workspace.config}.')
    engine = transformers_engine(workspace.logs / "doctor.log", settings)
    try:
        engine.start()
        whole = provide(checkpoint, progress, threading.Event())
        loaded = engine.load(whole, progress, None if advice.fits else advice.dtype)
        yield Finding(
            "checkpoint",
            f"{loaded.name} ({loaded.family}, {loaded.parameters / 1e6:,.0f} million parameters) on {loaded.device}"
            f" in {loaded.dtype}, loaded in {loaded.seconds:.1f} s",
        )
        yield Finding("kernels", loaded.kernels)
        progress(Progress("Writing a few drafts"))
        speed = measure(engine)
        yield Finding(
            "speed",
            f"{DRAFTS} drafts side by side {speed.side_by_side:.0f} tokens/s, one alone {speed.alone:.0f} tokens/s",
        )
        memory = engine.memory("written")
        on_card = f", {amount(memory.vram_bytes)} on the GPU" if memory.vram_bytes is not None else ""
        yield Finding("engine", f"{amount(memory.rss_bytes)} of memory{on_card}")
    finally:
        engine.close()


def _settings(workspace: Workspace) -> Settings:
    try:
        return workspace.settings()
    except LabError:
        return Settings()


def _memory() -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    found = f"{amount(memory.available)} free of {amount(memory.total)}"
    short = memory.available < _MEMORY_WANTED
    yield Finding("memory", found, "Close other programs: a sleep may not fit beside the dialogue." if short else None)


def _workspace(workspace: Workspace) -> Iterator[Finding]:
    from lab.questions import questions

    workspace.create()
    free = shutil.disk_usage(workspace.root).free
    yield Finding(
        "workspace",
        f"{workspace.root}, {amount(free)} of disk free",
        "Free some disk space before the record cannot grow." if free < _DISK_WANTED else None,
    )
    workspace.settings()
    yield Finding("lab.toml", str(workspace.config) if workspace.config.exists() else "not there: defaults")
    yield Finding("questions", f"{len(questions(workspace))} to pick from")


def _cache() -> Iterator[Finding]:
    from lab.engine import embedded

    folder = cache_folder()
    faults = embedded.verify()
    if faults:
        yield Finding(
            "cache", f"{folder}: {'; '.join(faults)}", "Run lab prepare: it fetches what is missing or damaged."
        )
    else:
        yield Finding("cache", f"{folder}, embedded models verified, {amount(_folder_size(folder))}")


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _record(workspace: Workspace) -> Iterator[Finding]:
    from lab.journal.record import Record

    record = Record(workspace)
    held = not record.sync()
    rows = record.query(
        "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM exchanges), (SELECT count(*) FROM sleep_cycles)"
    ).rows
    sessions, exchanges, cycles = rows[0]
    found = f"{count(sessions, 'session')}, {count(exchanges, 'exchange')}, {count(cycles, 'sleep')}"
    yield Finding(
        "record",
        f"{found}; another program holds {workspace.database.name}" if held else found,
        "Close it, so that new events can be applied; they wait in the journal." if held else None,
    )
    for fault in record.faults():
        yield Finding("journal", fault, "Nothing to do: the line is set aside, every other event is in the record.")


def _adapters(workspace: Workspace) -> Iterator[Finding]:
    from lab.engine.adapters import WEIGHTS, file_sha256, list_adapters

    adapters, faults = list_adapters(workspace.adapters)
    yield Finding("adapters", f"{len(adapters)} in {workspace.adapters}")
    for adapter in adapters:
        if adapter.sha256 and file_sha256(adapter.path / WEIGHTS) != adapter.sha256:
            yield Finding(
                adapter.name,
                f"{WEIGHTS} is not what was trained",
                f"Remove {adapter.path}, or restore it from a backup.",
            )
    for fault in faults:
        yield Finding("adapters", fault.title, fault.remedy)
