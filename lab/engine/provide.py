"""Makes any checkpoint ready on this machine, prepared, fetched or converted: the engine gets a local folder."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from lab.domain import Checkpoint
from lab.engine import embedded, hub
from lab.engine.conversion import convert_gguf
from lab.engine.fetch import Cancelled, Report
from lab.engine.fingerprint import count_parameters, read_config, weight_files
from lab.engine.loadable import check_config, check_files
from lab.engine.shape import context_of, family_of
from lab.errors import LabError


def provide(checkpoint: Checkpoint, progress: Report, cancel: threading.Event) -> Checkpoint:
    """The checkpoint with `location` a local folder of safetensors, `ready` True, and what its files tell filled in.

    The embedded one is prepared, one of the hub fetched (`revision` is then its commit), a GGUF file converted; the
    long work happens in children, `progress` is called from this thread. Raises Cancelled, and LabError that says
    in one sentence why the checkpoint cannot be had or could not be loaded.
    """
    if checkpoint.source == "embedded":
        if not embedded.embedded_ready(checkpoint.name):
            embedded.prepare(progress, cancel)
        return replace(checkpoint, ready=True)
    if checkpoint.source == "hub":
        return _checked(hub.fetch(checkpoint, progress, cancel))
    if checkpoint.source == "gguf":
        try:
            folder = convert_gguf(Path(checkpoint.location), progress, cancel)
        except Cancelled:
            raise Cancelled(f"Converting {checkpoint.name} was cancelled.", "Ask for it again to begin anew.") from None
        return _checked(replace(checkpoint, location=str(folder)))
    return _checked(checkpoint)


def _checked(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint as a folder that the installed libraries can load."""
    folder = Path(checkpoint.location)
    weight_files(folder)
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as fault:
        raise LabError(
            f"{folder} cannot be read: {fault.strerror or fault}.", "Choose a folder that you may list."
        ) from fault
    check_files(str(folder), names)
    config = read_config(folder)
    check_config(str(folder), config)
    return replace(
        checkpoint,
        source="folder",
        ready=True,
        family=checkpoint.family or family_of(config),
        context=checkpoint.context or context_of(config),
        parameters=checkpoint.parameters or count_parameters(folder),
    )
