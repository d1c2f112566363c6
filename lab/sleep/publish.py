"""Publishes a trained adapter: manifest, then one atomic rename into `adapters/`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from lab.domain import Adapter, SleepPlan
from lab.engine.adapters import MANIFEST, WEIGHTS, file_sha256, in_order, read_adapter
from lab.journal.events import AdapterSaved, now


def publish(
    plan: SleepPlan,
    adapters: Path,
    save: Callable[[Path], None],
    losses: Sequence[float],
    outcome: Mapping[str, object],
) -> Adapter:
    """Have `save` write the PEFT files, add the manifest, and give the folder its name at once.

    The `outcome`, verdict, strength and reason, is what a sleep that is killed right after this had to tell. A reader
    sees the whole adapter or none. Raises OSError when the disk is full; nothing is left then.
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
            "created_at": in_order(adapters, now()).isoformat(),
            "exchanges": plan.exchange_ids,
            "settings": asdict(plan.settings),
            "losses": losses,
            "outcome": outcome,
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


def outcome_of(folder: Path) -> dict[str, Any]:
    """Verdict and strength of the sleep that published an adapter, and why; empty where its manifest does not say."""
    try:
        found = orjson.loads((folder / MANIFEST).read_bytes()).get("outcome")
    except (OSError, ValueError, AttributeError):
        return {}
    known = {"verdict": str, "strength": float, "reason": str}
    return {
        name: found[name] for name, kind in known.items() if isinstance(found, dict) and type(found.get(name)) is kind
    }


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
