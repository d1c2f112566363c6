"""Publishes a trained adapter: manifest, then one atomic rename into `adapters/`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from lab.domain import Adapter, SleepPlan
from lab.engine.adapters import MANIFEST, WEIGHTS, file_sha256, read_adapter
from lab.journal.events import AdapterSaved, now


def publish(plan: SleepPlan, adapters: Path, save: Callable[[Path], None], losses: Sequence[float]) -> Adapter:
    """Have `save` write the PEFT files, add the manifest, and give the folder its name at once.

    A reader sees the whole adapter or none. Raises OSError when the disk is full; nothing is left then.
    """
    hidden = adapters / f".{plan.adapter}.part"
    shutil.rmtree(hidden, ignore_errors=True)
    try:
        hidden.mkdir(parents=True)
        save(hidden)
        manifest = {
            "name": plan.adapter,
            "checkpoint": plan.checkpoint,
            "fingerprint": plan.fingerprint,
            "parent": plan.parent_adapter,
            "cycle_id": plan.cycle_id,
            "created_at": now().isoformat(),
            "exchanges": plan.exchange_ids,
            "settings": asdict(plan.settings),
            "losses": losses,
            "sha256": file_sha256(hidden / WEIGHTS),
        }
        (hidden / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        for path in (*hidden.iterdir(), hidden):
            _to_disk(path)
        hidden.rename(adapters / plan.adapter)
        _to_disk(adapters)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    return read_adapter(adapters / plan.adapter)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def saved_event(adapter: Adapter, root: Path) -> AdapterSaved:
    """The event that records a published adapter, its path relative to the workspace."""
    return AdapterSaved(
        adapter=adapter.name,
        checkpoint=adapter.checkpoint,
        fingerprint=adapter.fingerprint,
        parent=adapter.parent,
        cycle_id=adapter.cycle_id,
        path=adapter.path.relative_to(root).as_posix(),
        sha256=adapter.sha256,
        bytes=adapter.bytes,
    )
