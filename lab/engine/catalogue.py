"""Which checkpoints there are, and what a name means: embedded, in the catalogue, on the hub, or a folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.domain import Checkpoint, PromptForm
from lab.engine.embedded import embedded_folder, embedded_ready
from lab.engine.fingerprint import count_parameters, weight_files
from lab.errors import LabError
from lab.settings import EMBEDDED_CHECKPOINT, Workspace

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    hub_id: str
    # Base models stay "plain" even where their tokenizer ships a chat template (Qwen2.5 does).
    form: PromptForm
    parameters: int
    licence: str


_CATALOGUE = (
    _Known("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", "plain", 494_032_768, "Apache-2.0"),
    _Known("qwen2.5-0.5b-instruct", "Qwen/Qwen2.5-0.5B-Instruct", "chat", 494_032_768, "Apache-2.0"),
    _Known("qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B", "plain", 1_543_714_304, "Apache-2.0"),
    _Known("qwen2.5-1.5b-instruct", "Qwen/Qwen2.5-1.5B-Instruct", "chat", 1_543_714_304, "Apache-2.0"),
    _Known("qwen2.5-3b", "Qwen/Qwen2.5-3B", "plain", 3_085_938_688, "Qwen Research"),
    _Known("qwen2.5-3b-instruct", "Qwen/Qwen2.5-3B-Instruct", "chat", 3_085_938_688, "Qwen Research"),
    _Known("phi-1_5", "microsoft/phi-1_5", "plain", 1_418_270_720, "MIT"),
    _Known("phi-2", "microsoft/phi-2", "plain", 2_779_683_840, "MIT"),
    _Known("smollm2-360m-instruct", "HuggingFaceTB/SmolLM2-360M-Instruct", "chat", 361_821_120, "Apache-2.0"),
    _Known("smollm2-1.7b-instruct", "HuggingFaceTB/SmolLM2-1.7B-Instruct", "chat", 1_711_376_384, "Apache-2.0"),
)


def checkpoints(workspace: Workspace) -> list[Checkpoint]:
    """The embedded checkpoint and the catalogue, and the one that `lab.toml` names when it is another.

    A name in `lab.toml` that leads nowhere is left out here. Raises LabError for a broken `lab.toml`.
    """
    known = [_embedded(), *map(_of_catalogue, _CATALOGUE)]
    wanted = workspace.settings().engine.checkpoint
    try:
        chosen = resolve(wanted, workspace)
    except LabError:
        return known
    return known if chosen in known else [*known, chosen]


def resolve(name: str, workspace: Workspace) -> Checkpoint:
    """The checkpoint of a name: embedded, catalogue, hub id "org/name", or a folder (relative to the workspace).

    Raises LabError for an unknown name, with those that exist, and for a folder that cannot be used.
    """
    if name.lower() == EMBEDDED_CHECKPOINT:
        return _embedded()
    for known in _CATALOGUE:
        if name.lower() in (known.name, known.hub_id.lower()):
            return _of_catalogue(known)
    path = Path(name).expanduser()
    folder = path if path.is_absolute() else workspace.root / path
    if folder.is_dir():
        return _of_folder(name, folder.resolve())
    if _HUB_ID.fullmatch(name) and ".." not in name:
        return Checkpoint(name, "hub", name, _in_hub_cache(name))
    names = ", ".join([EMBEDDED_CHECKPOINT, *(known.name for known in _CATALOGUE)])
    raise LabError(
        f'There is no checkpoint "{name}".',
        f"Choose one of {names}; or a hub id such as org/name; or a folder with config.json and *.safetensors.",
    )


def weights_folder(checkpoint: Checkpoint) -> Path:
    """The local folder of a checkpoint's weights. Raises LabError when they have to be fetched first."""
    folder = _hub_snapshot(checkpoint.location) if checkpoint.source == "hub" else Path(checkpoint.location)
    if not checkpoint.ready or folder is None:
        raise LabError(
            f"The weights of {checkpoint.name} are not on this machine yet.",
            "Run lab prepare." if checkpoint.source == "embedded" else "Ask it something first: lab ask fetches them.",
        )
    return folder


def _embedded() -> Checkpoint:
    return Checkpoint(
        name=EMBEDDED_CHECKPOINT,
        source="embedded",
        location=str(embedded_folder(EMBEDDED_CHECKPOINT)),
        ready=embedded_ready(EMBEDDED_CHECKPOINT),
        form="chat",
        parameters=134_515_008,
        licence="Apache-2.0",
    )


def _of_catalogue(known: _Known) -> Checkpoint:
    ready = _in_hub_cache(known.hub_id)
    return Checkpoint(known.name, "hub", known.hub_id, ready, known.form, known.parameters, known.licence)


def _of_folder(name: str, folder: Path) -> Checkpoint:
    if (folder / "adapter_config.json").is_file():
        raise LabError(
            f"{folder} is an adapter, not a checkpoint.",
            f"Load the checkpoint it was trained on and add --adapter {folder.name}.",
        )
    if not (folder / "config.json").is_file():
        raise LabError(
            f"The folder {folder} has no config.json.", "Choose a folder with config.json and *.safetensors."
        )
    return Checkpoint(name, "folder", str(folder), True, parameters=count_parameters(folder))


def _in_hub_cache(hub_id: str) -> bool:
    return _hub_snapshot(hub_id) is not None


def _hub_snapshot(hub_id: str) -> Path | None:
    """The whole snapshot in the hub client's cache, if there is one; looked up without importing the client."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()
    repository = cache / f"models--{hub_id.replace('/', '--')}"
    try:
        revision = (repository / "refs" / "main").read_text(encoding="utf-8").strip()
        snapshot = repository / "snapshots" / revision
        weight_files(snapshot)
    except (OSError, LabError):
        return None
    return snapshot if (snapshot / "config.json").is_file() else None
