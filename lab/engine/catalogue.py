"""What a name means: an entry of the catalogue, a folder, an adapter with its base, a GGUF file, or a hub id."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from lab.domain import Checkpoint
from lab.engine import known
from lab.engine.adapters import CONFIG, MANIFEST
from lab.engine.conversion import converted_folder
from lab.engine.embedded import embedded_folder, embedded_ready
from lab.engine.fingerprint import count_parameters, fingerprint, read_config
from lab.engine.gguf_header import read_header
from lab.engine.hub import snapshot
from lab.engine.shape import context_of, family_of
from lab.errors import LabError
from lab.settings import Workspace
from lab.text import one_line

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# A template that asks for this has a thinking mode (Qwen3's).
_THINKING = "enable_thinking"


def checkpoints(workspace: Workspace) -> list[Checkpoint]:
    """The catalogue, the embedded checkpoint first, and the one that `lab.toml` names when it is another.

    A name in `lab.toml` that leads nowhere is left out here. Raises LabError for a broken `lab.toml`.
    """
    found = [_of_known(entry) for entry in known.catalogue()]
    wanted = workspace.settings().engine.checkpoint
    try:
        chosen = resolve(wanted, workspace)
    except LabError:
        return found
    return found if chosen in found else [*found, chosen]


def resolve(name: str, workspace: Workspace) -> Checkpoint:
    """The checkpoint of a name of the catalogue, a folder or GGUF file (relative to the workspace), or a hub id.

    A folder with `adapter_config.json` is the checkpoint that the adapter was trained on, with `adapter` set.
    Raises LabError for an unknown name, with those that exist, and for files that cannot be used.
    """
    with _readable(name):
        path = _path(name, workspace)
        if known.find(name) is None and (path / CONFIG).is_file():
            return _of_adapter(path.resolve(), workspace)
    return _resolve_base(name, workspace)


def _resolve_base(name: str, workspace: Workspace) -> Checkpoint:
    """As `resolve`, of everything but adapters."""
    entry = known.find(name)
    if entry is not None:
        return _of_known(entry, as_published=name.casefold() == entry.hub_id.casefold())
    with _readable(name):
        path = _path(name, workspace)
        if path.is_dir():
            return _of_folder(name, path.resolve())
        if path.is_file():
            return _of_file(name, path.resolve())
    if _HUB_ID.fullmatch(name) and ".." not in name:
        return _of_hub(name)
    names = ", ".join(entry.name for entry in known.catalogue())
    raise LabError(
        f'There is no checkpoint "{name}".',
        f"Choose one of {names}; or a hub id such as org/name; or a GGUF file; or a folder with config.json and"
        " *.safetensors.",
    )


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """What the system says of a path that it cannot look at (too long, not allowed), in one sentence."""
    try:
        yield
    except OSError as fault:
        raise LabError(
            f'"{one_line(name, 200)}" cannot be looked at: {fault.strerror or fault}.',
            "Choose a folder with config.json and *.safetensors, a GGUF file or a name: lab checkpoints lists them.",
        ) from fault


def everywhere(checkpoint: Checkpoint) -> str:
    """A name that means this checkpoint in every workspace, where a relative path would lead to another place."""
    return checkpoint.location if checkpoint.source in ("folder", "gguf") else checkpoint.name


def _path(name: str, workspace: Workspace) -> Path:
    try:
        return workspace.root / Path(name).expanduser()
    except RuntimeError:
        # "~nobody" names no home.
        return workspace.root / name


def ready_folder(checkpoint: Checkpoint) -> Path | None:
    """The local folder of a checkpoint's safetensors, or None when they have to be fetched or converted first."""
    if checkpoint.source == "hub":
        return snapshot(checkpoint.location)
    if checkpoint.source == "gguf":
        return converted_folder(Path(checkpoint.location))
    return Path(checkpoint.location) if checkpoint.ready else None


def weights_folder(checkpoint: Checkpoint) -> Path:
    """As `ready_folder`; raises LabError when the weights have to be fetched or converted first."""
    folder = ready_folder(checkpoint)
    if folder is None:
        raise LabError(
            f"The weights of {checkpoint.name} are not ready on this machine yet.",
            "Run lab prepare." if checkpoint.source == "embedded" else "Ask it something first: lab ask prepares them.",
        )
    return folder


def _of_known(entry: known.Known, *, as_published: bool = False) -> Checkpoint:
    """An entry; the embedded one by its hub id is the original on the hub."""
    here = entry.embedded and not as_published
    found = None if here else snapshot(entry.hub_id)
    return Checkpoint(
        name=entry.hub_id if entry.embedded and as_published else entry.name,
        source="embedded" if here else "hub",
        location=str(embedded_folder(entry.name)) if here else entry.hub_id,
        ready=embedded_ready(entry.name) if here else found is not None,
        form=entry.form,
        parameters=entry.parameters,
        licence=entry.licence,
        family=entry.family,
        context=entry.context,
        thinking=entry.thinking,
        revision=found.name if found is not None else None,
    )


def _of_folder(name: str, folder: Path) -> Checkpoint:
    files = sorted(folder.glob("*.gguf"))
    if not (folder / "config.json").is_file() and files:
        raise LabError(f"The folder {folder} has GGUF files and no config.json.", f"Name the file: {files[0]}.")
    if not (folder / "config.json").is_file():
        raise LabError(
            f"The folder {folder} has no config.json.", "Choose a folder with config.json and *.safetensors."
        )
    return _described(Checkpoint(name, "folder", str(folder), True), folder)


def _described(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """The checkpoint with what its files tell; a copy of a catalogue entry gets what only the catalogue knows."""
    config, parameters = read_config(folder), count_parameters(folder)
    entry = known.like(folder.name, parameters) if checkpoint.source == "folder" else None
    return replace(
        checkpoint,
        form=entry.form if entry else None,
        parameters=parameters,
        licence=entry.licence if entry else None,
        family=family_of(config),
        context=context_of(config),
        thinking=_THINKING in _template(folder),
    )


def _of_hub(name: str) -> Checkpoint:
    found = snapshot(name)
    checkpoint = Checkpoint(name, "hub", name, found is not None, revision=found.name if found else None)
    return _described(checkpoint, found) if found is not None else checkpoint


def _of_file(name: str, path: Path) -> Checkpoint:
    if path.suffix.casefold() != ".gguf":
        raise LabError(f"{path} is no checkpoint.", "Choose a GGUF file or a folder with config.json.")
    header = read_header(path)
    return Checkpoint(
        name=name,
        source="gguf",
        location=str(path),
        ready=converted_folder(path) is not None,
        form="chat" if header.template else "plain",
        parameters=header.parameters,
        licence=header.licence,
        family=header.family,
        context=header.context,
        thinking=_THINKING in (header.template or ""),
    )


def _of_adapter(folder: Path, workspace: Workspace) -> Checkpoint:
    """The base of an adapter: the weights of its manifest's fingerprint, else what it names."""
    manifest = _content(folder / MANIFEST)
    named = [manifest.get("checkpoint"), _content(folder / CONFIG).get("base_model_name_or_path")]
    names = list(dict.fromkeys(str(name) for name in named if name))
    bases = _found(names, workspace)
    wanted = manifest.get("fingerprint")
    if wanted:
        # Weights may have been moved or renamed since: those of this fingerprint are the base wherever they are.
        chosen = _found([workspace.settings().engine.checkpoint], workspace)
        for base in [*bases, *chosen, *map(_of_known, known.catalogue())]:
            if _has(base, str(wanted)):
                return replace(base, adapter=str(folder))
        # What is here has other weights; what is not here yet may have these.
        bases = [base for base in bases if not base.ready]
    if not bases:
        raise LabError(
            f"The adapter {folder} was trained on {names[-1] if names else 'a checkpoint that it does not name'},"
            " and those weights are not to be found.",
            f"Put their folder or hub id under base_model_name_or_path in {folder / CONFIG}.",
        )
    return replace(bases[0], adapter=str(folder))


def _found(names: Iterable[str], workspace: Workspace) -> list[Checkpoint]:
    """Those of the names that lead somewhere, adapters apart."""
    found = []
    for name in names:
        with contextlib.suppress(LabError):
            found.append(_resolve_base(name, workspace))
    return found


def _has(checkpoint: Checkpoint, wanted: str) -> bool:
    try:
        folder = ready_folder(checkpoint)
        return folder is not None and fingerprint(folder) == wanted
    except LabError:
        return False


def _template(folder: Path) -> str:
    """The chat template of a folder as text, empty without one."""
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return str(_content(folder / "tokenizer_config.json").get("chat_template") or "")


def _content(path: Path) -> dict[str, Any]:
    try:
        body = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
