"""What an adapter folder must hold before an engine reads it: safetensors, a LoRA, this checkpoint's. No torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

from lab.errors import LabError


def check_adapter(folder: Path, fingerprint: str, checkpoint: str) -> dict[str, Any]:
    """The content of `adapter_config.json` of an adapter trained on the checkpoint of this fingerprint.

    Raises LabError that names the folder when it is missing, damaged, pickled, or of another checkpoint.
    """
    if not folder.is_dir():
        raise LabError(f"There is no adapter folder {folder}.", "List the adapters with `lab adapters`.")
    config = _read(folder / "adapter_config.json")
    if config.get("peft_type") != "LORA":
        raise LabError(f"The adapter {folder.name} is of type {config.get('peft_type')}.", "Only LoRA can be used.")
    manifest = _read(folder / "manifest.json")
    if manifest.get("fingerprint") != fingerprint:
        raise LabError(
            f"The adapter {folder.name} was trained on {manifest.get('checkpoint', 'another checkpoint')} "
            f"and does not fit the weights of {checkpoint}.",
            "Load the checkpoint it was trained on, or choose another with --adapter NAME or --adapter none.",
        )
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise LabError(
            f"The adapter {folder.name} has no adapter_model.safetensors.",
            "Pickled weights are never loaded; save it again as safetensors.",
        )
    expected = manifest.get("sha256")
    if expected is not None and hashlib.sha256(weights.read_bytes()).hexdigest() != expected:
        raise LabError(
            f"{weights} is not the file that its manifest names (SHA-256 differs).",
            "Sleep again to make a new adapter, or restore the file.",
        )
    return config


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
