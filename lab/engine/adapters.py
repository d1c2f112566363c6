"""The folder of trained adapters: what is in it, which one was chosen, what one must hold to be loaded. No torch."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from lab.domain import Adapter
from lab.errors import LabError

MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "adapter_model.safetensors"
CONFIG: Final = "adapter_config.json"
CHOSEN: Final = "chosen.json"


@dataclass(frozen=True, slots=True)
class Choice:
    """An adapter that a person went back, or forward, to, or None for the checkpoint alone; `at` is aware."""

    adapter: str | None
    at: datetime


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def read_adapter(folder: Path) -> Adapter:
    """The adapter that a sleep left in a folder. Raises LabError that names the file at fault."""
    config, manifest = _read(folder / CONFIG), _read(folder / MANIFEST)
    weights = _weights(folder)
    try:
        return Adapter(
            name=folder.name,
            checkpoint=str(manifest["checkpoint"]),
            fingerprint=str(manifest["fingerprint"]),
            parent=manifest.get("parent"),
            cycle_id=manifest.get("cycle_id"),
            created_at=_aware(manifest["created_at"]),
            path=folder,
            sha256=str(manifest["sha256"]),
            bytes=weights.stat().st_size,
            rank=int(config["r"]),
            modules=(manifest.get("settings") or {}).get("modules"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise LabError(
            f"The adapter {folder} is not usable: {fault!r} in its {MANIFEST} or {CONFIG}.",
            "Restore the file or remove the adapter folder.",
        ) from fault


def list_adapters(adapters: Path) -> tuple[list[Adapter], list[LabError]]:
    """All adapters of a workspace, oldest first, and what is wrong with the folders that cannot be used."""
    found: list[Adapter] = []
    faults: list[LabError] = []
    for folder in sorted(adapters.iterdir()) if adapters.is_dir() else []:
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        try:
            found.append(read_adapter(folder))
        except LabError as fault:
            faults.append(fault)
    return sorted(found, key=lambda adapter: (adapter.created_at, adapter.name)), faults


def newest_adapter(adapters: Path, fingerprint: str, tell: Callable[[str], object]) -> Adapter | None:
    """The adapter that "newest" means for exactly these weights: the chosen one, else the one made last.

    A choice holds until a later adapter is made. One that cannot be followed is told in a sentence, and the newest is
    taken.
    """
    fitting = [adapter for adapter in list_adapters(adapters)[0] if adapter.fingerprint == fingerprint]
    newest = fitting[-1] if fitting else None
    try:
        choice = read_choices(adapters).get(fingerprint)
    except LabError as fault:
        tell(f"{fault.title} The newest adapter is taken.")
        return newest
    if choice is None or (newest is not None and newest.created_at > choice.at):
        return newest
    if choice.adapter is None:
        return None
    chosen = next((adapter for adapter in fitting if adapter.name == choice.adapter), None)
    if chosen is None:
        tell(f"The adapter {choice.adapter}, which was chosen, cannot be used any more. The newest adapter is taken.")
    return chosen or newest


def read_choices(adapters: Path) -> dict[str, Choice]:
    """What was chosen for each fingerprint. Raises LabError for a file that is damaged."""
    path = adapters / CHOSEN
    try:
        body = orjson.loads(path.read_bytes())
        return {weights: Choice(_name(each["adapter"]), _aware(each["at"])) for weights, each in body.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as fault:
        raise LabError(f"{path} cannot be read: {fault!r}.", "Choose an adapter again with lab rollback.") from fault


def in_order(adapters: Path, at: datetime) -> datetime:
    """This time, or the first one after every adapter and choice in the folder: a clock that was set back must not make
    what comes now older than they are."""
    times = [adapter.created_at for adapter in list_adapters(adapters)[0]]
    with contextlib.suppress(LabError):
        times += [choice.at for choice in read_choices(adapters).values()]
    return max([at, *(time + timedelta(microseconds=1) for time in times)])


def write_choices(adapters: Path, choices: Mapping[str, Choice]) -> None:
    """Put these in the place of all earlier choices, all or none. Raises LabError when the folder cannot be written."""
    path = adapters / CHOSEN
    part = path.with_name(f".{CHOSEN}.{os.getpid()}.part")
    body = {weights: {"adapter": choice.adapter, "at": choice.at} for weights, choice in choices.items()}
    try:
        try:
            with part.open("wb") as file:
                file.write(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as fault:
        raise LabError(
            f"{path} cannot be written: {fault.strerror or fault}.",
            "Free some space or make the folder writable; the next start of the lab then makes the file anew.",
        ) from fault


def fitting_adapter(adapters: Path, name: str, fingerprint: str, checkpoint: str) -> Adapter:
    """The adapter of this name, whole, and trained on exactly these weights, those of `checkpoint`.

    Raises LabError when it is unknown, damaged or of other weights; it names those that fit.
    """
    folders = {folder.name for folder in adapters.iterdir() if folder.is_dir()} if adapters.is_dir() else set()
    fitting = [adapter.name for adapter in list_adapters(adapters)[0] if adapter.fingerprint == fingerprint]
    remedy = f"Those trained on {checkpoint} are: {', '.join(fitting)}." if fitting else f"{checkpoint} has none yet."
    if name not in folders or name.startswith("."):
        raise LabError(f'There is no adapter "{name}" in {adapters}.', remedy)
    adapter = read_adapter(adapters / name)
    if adapter.fingerprint != fingerprint:
        raise LabError(
            f"The adapter {name} was trained on {adapter.checkpoint} and does not fit the weights of {checkpoint}.",
            f"Name the checkpoint that it was trained on with --checkpoint, or another adapter. {remedy}",
        )
    check_adapter(adapter.path, fingerprint, checkpoint)
    return adapter


def find_adapter(adapters: Path, name: str) -> Adapter:
    """The adapter of this name. Raises LabError that lists the known ones."""
    folder = adapters / name
    if Path(name).name != name or not folder.is_dir():
        known = ", ".join(adapter.name for adapter in list_adapters(adapters)[0]) or "none yet"
        raise LabError(f'There is no adapter "{name}" in {adapters}.', f'Choose "none", "newest" or one of: {known}.')
    return read_adapter(folder)


def check_adapter(folder: Path, fingerprint: str, checkpoint: str) -> dict[str, Any]:
    """The content of `adapter_config.json` of an adapter trained on the checkpoint of this fingerprint.

    One without a manifest comes from elsewhere and names no weights: whether it fits shows when it is put on.
    Raises LabError that names the folder when it is missing, damaged, pickled, or of another checkpoint.
    """
    if not folder.is_dir():
        raise LabError(f"There is no adapter folder {folder}.", "List the adapters with `lab adapters`.")
    config = _read(folder / CONFIG)
    if config.get("peft_type") != "LORA":
        raise LabError(f"The adapter {folder.name} is of type {config.get('peft_type')}.", "Only LoRA can be used.")
    weights = _weights(folder)
    if not (folder / MANIFEST).exists():
        return config
    manifest = _read(folder / MANIFEST)
    if manifest.get("fingerprint") != fingerprint:
        raise LabError(
            f"The adapter {folder.name} was trained on {manifest.get('checkpoint', 'another checkpoint')} "
            f"and does not fit the weights of {checkpoint}.",
            "Load the checkpoint it was trained on, or choose another with --adapter NAME or --adapter none.",
        )
    expected = manifest.get("sha256")
    if expected is not None and file_sha256(weights) != expected:
        raise LabError(
            f"{weights} is not the file that its manifest names (SHA-256 differs).",
            "Restore the file, or choose another with --adapter NAME or none with --adapter none; lab sleep --deep"
            " learns its memory anew.",
        )
    return config


def _aware(text: str) -> datetime:
    """A time with its zone. Raises ValueError and TypeError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return at


def _name(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is no name")


def _weights(folder: Path) -> Path:
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise LabError(
            f"The adapter {folder.name} has no {WEIGHTS}.",
            "Pickled weights are never loaded; save it again as safetensors.",
        )
    return weights


def _read(path: Path) -> dict[str, Any]:
    try:
        body = orjson.loads(path.read_bytes())
    except FileNotFoundError as fault:
        raise LabError(
            f"The adapter {path.parent.name} has no {path.name}.",
            "Choose an adapter that a sleep of this lab has made; `lab adapters` lists them.",
        ) from fault
    except (OSError, ValueError) as fault:
        raise LabError(f"{path} cannot be read: {fault}.", "Remove the adapter folder or restore the file.") from fault
    if not isinstance(body, dict):
        raise LabError(f"{path} does not hold a JSON object.", "Remove the adapter folder or restore the file.")
    return body
