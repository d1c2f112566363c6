"""Checkpoints of the hub: whole snapshots in its client's cache, and fetching one in a child process."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from lab.domain import Checkpoint, Progress
from lab.engine.fetch import Cancelled, ChildFailed, Report, run
from lab.engine.fingerprint import weight_files
from lab.engine.loadable import check_files
from lab.errors import LabError
from lab.files import CHILD_FOLDER

_MODULE: Final = "lab.engine.hub_child"


def hub_cache() -> Path:
    """The folder of the hub client's cache, found without importing the client."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()


def snapshot(hub_id: str) -> Path | None:
    """The folder of a whole snapshot in the cache, its name the commit: that of `main`, else the newest; or None."""
    repository = hub_cache() / f"models--{hub_id.replace('/', '--')}"
    try:
        main = (repository / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        main = ""
    try:
        found = sorted((repository / "snapshots").iterdir(), key=lambda path: (path.name == main, path.stat().st_mtime))
    except OSError:
        return None
    return next((path for path in reversed(found) if _is_whole(path)), None)


def fetch(checkpoint: Checkpoint, progress: Report, cancel: threading.Event) -> Checkpoint:
    """The checkpoint with `location` its snapshot on this machine and `revision` its commit; downloads what is missing.

    What arrived before a cancel or a cut connection is kept and gone on from. Raises Cancelled, and LabError that
    says why it cannot be had: before anything large is fetched where that can be known.
    """
    ready = snapshot(checkpoint.location)
    if ready is not None:
        return replace(checkpoint, location=str(ready), ready=True, revision=ready.name)
    said: dict[str, Any] = {}
    progress(Progress(f"Asking the hub for {checkpoint.name}"))

    def on_line(line: str) -> None:
        # Whatever else the client prints is for its own terminal.
        if not line.startswith("{"):
            return
        try:
            body = orjson.loads(line)
        except orjson.JSONDecodeError:
            return
        if body.get("say") == "progress":
            progress(Progress(body["stage"], float(body["done"]), body["total"], "bytes"))
        elif body.get("say") in ("done", "error"):
            said.update(body)

    command = [sys.executable, "-m", _MODULE, checkpoint.location]
    try:
        run(command, CHILD_FOLDER, cancel, on_line=on_line)
    except Cancelled:
        raise Cancelled(
            f"Fetching {checkpoint.name} was cancelled.", "What has arrived is kept: ask for it again to go on."
        ) from None
    except ChildFailed as fault:
        if said.get("say") != "error":
            raise LabError(
                f"The checkpoint {checkpoint.name} cannot be fetched: {fault}.", "Run `lab doctor`, then try again."
            ) from fault
    if said.get("say") == "error":
        raise LabError(said["title"], said["remedy"])
    if said.get("say") != "done":
        raise LabError(f"The checkpoint {checkpoint.name} did not arrive.", "Try again.")
    return replace(checkpoint, location=str(said["folder"]), ready=True, revision=str(said["revision"]))


def _is_whole(folder: Path) -> bool:
    try:
        check_files(folder.name, [path.name for path in folder.iterdir()])
        weight_files(folder)
    except (OSError, LabError):
        return False
    return True
