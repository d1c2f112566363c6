"""Reads the catalogue (catalogue.toml): the checkpoints that the lab knows by name."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from lab.domain import Checkpoint, PromptForm
from lab.engine.shape import Shape

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE: Final = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True)
class Known:
    """One entry. An embedded one is shipped in a package; its `hub_id` is where the original is published."""

    name: str
    hub_id: str
    family: str
    form: PromptForm
    licence: str
    parameters: int
    context: int
    shape: Shape
    thinking: bool
    embedded: bool


@cache
def catalogue() -> tuple[Known, ...]:
    """All entries, smallest family member first, the embedded one at the head."""
    body = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(map(_known, body["checkpoint"]))


def find(name: str) -> Known | None:
    """The entry of a name or hub id in any case, "phi-1_5" as well as "phi-1.5"."""
    wanted = name.casefold()
    for known in catalogue():
        if wanted.replace("_", ".") == known.name or wanted == known.hub_id.casefold():
            return known
    return None


def like(folder_name: str, parameters: int) -> Known | None:
    """The entry that a folder is a copy of, by all signs: named as on the hub, and of exactly this size."""
    wanted = folder_name.casefold()
    for known in catalogue():
        if known.parameters == parameters and wanted in (known.name, known.hub_id.casefold().partition("/")[2]):
            return known
    return None


def known_shape(checkpoint: Checkpoint) -> Shape | None:
    """The sizes that the catalogue has of a checkpoint."""
    known = find(checkpoint.name) or find(checkpoint.location)
    return known.shape if known is not None else None


def _known(body: dict[str, Any]) -> Known:
    sizes = ("layers", "hidden", "intermediate", "heads", "kv_heads", "head_dim", "vocabulary", "tied")
    return Known(
        name=body["name"],
        hub_id=body["hub_id"],
        family=body["family"],
        form=body["form"],
        licence=body["licence"],
        parameters=body["parameters"],
        context=body["context"],
        shape=Shape(**{name: body[name] for name in sizes}),
        thinking=body.get("thinking", False),
        embedded=body.get("embedded", False),
    )
