"""The folder of trained adapters: one sub-folder each, with a manifest that says where it came from."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import orjson

from lab.domain import Adapter
from lab.errors import LabError

MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "adapter_model.safetensors"
CONFIG: Final = "adapter_config.json"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _json(path: Path) -> dict[str, Any]:
    try:
        body = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise LabError(f"The adapter folder {path.parent} has no {path.name}.", "Choose a folder with one.") from None
    except (OSError, orjson.JSONDecodeError) as fault:
        raise LabError(f"{path} cannot be read: {fault}.", "Restore the file or remove the adapter folder.") from fault
    if not isinstance(body, dict):
        raise LabError(f"{path} is not a JSON object.", "Restore the file or remove the adapter folder.")
    return body


def read_adapter(path: Path) -> Adapter:
    """The adapter in a folder.

    A folder of another trainer, without a manifest, has an empty fingerprint and names the checkpoint
    that its own config names. Raises LabError that names the file at fault.
    """
    config = _json(path / CONFIG)
    if not (path / WEIGHTS).is_file():
        raise LabError(
            f"The adapter folder {path} has no {WEIGHTS}.", "Only safetensors are loaded: convert or retrain it."
        )
    manifest = _json(path / MANIFEST) if (path / MANIFEST).exists() else {}
    written = (path / WEIGHTS).stat()
    try:
        created = datetime.fromisoformat(manifest["created_at"]) if manifest else _utc(written.st_mtime)
        return Adapter(
            name=path.name,
            checkpoint=str(manifest.get("checkpoint", config.get("base_model_name_or_path"))),
            fingerprint=str(manifest.get("fingerprint", "")),
            parent=manifest.get("parent"),
            cycle_id=manifest.get("cycle_id"),
            created_at=created,
            path=path,
            sha256=str(manifest.get("sha256", "")),
            bytes=written.st_size,
            rank=int(config["r"]),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise LabError(
            f"The adapter folder {path} is not usable: {fault!r} in its {MANIFEST} or {CONFIG}.",
            "Restore the file or remove the adapter folder.",
        ) from fault


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def list_adapters(folder: Path) -> tuple[list[Adapter], list[LabError]]:
    """All adapters of a workspace, oldest first, and the folders that cannot be used."""
    found: list[Adapter] = []
    faults: list[LabError] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not path.is_dir() or path.name.startswith("."):
            continue
        try:
            found.append(read_adapter(path))
        except LabError as fault:
            faults.append(fault)
    return sorted(found, key=lambda adapter: (adapter.created_at, adapter.name)), faults


def newest_adapter(folder: Path, fingerprint: str) -> Adapter | None:
    """The newest adapter trained on exactly these weights."""
    fitting = [adapter for adapter in list_adapters(folder)[0] if adapter.fingerprint == fingerprint]
    return fitting[-1] if fitting else None


def find_adapter(folder: Path, name: str) -> Adapter:
    """The adapter of this name. Raises LabError that lists the known ones."""
    path = folder / name
    if Path(name).name != name or not path.is_dir():
        known = ", ".join(adapter.name for adapter in list_adapters(folder)[0]) or "none yet"
        raise LabError(f'There is no adapter "{name}" in {folder}.', f'Choose "none", "newest" or one of: {known}.')
    return read_adapter(path)
