"""Says why a checkpoint cannot be loaded, from its configuration and its list of files, before anything is fetched."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from lab.engine.families import writing_families
from lab.engine.shape import family_of
from lab.errors import LabError

PICKLED: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_TOKENIZERS: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


def check_config(label: str, config: Mapping[str, Any]) -> None:
    """Raises LabError when no code of the installed libraries can load this configuration; `label` names it."""
    family, known = family_of(config), writing_families()
    if family is not None and (not known or family in known):
        method = _quantisation(config)
        if method is not None:
            raise LabError(
                f"{label} is stored quantised ({method}), which the lab does not read.",
                'Choose the checkpoint in 16 or 32 bits; on a GPU engine.dtype = "int8" or "nf4" makes it smaller.',
            )
        return
    if config.get("auto_map"):
        raise LabError(
            f"{label} needs program code of its authors ({family or 'no model_type'}), which the lab never runs.",
            "Choose a checkpoint of an architecture that transformers knows itself.",
        )
    if family is None:
        raise LabError(f"The config.json of {label} names no model_type.", "Choose a whole checkpoint of a model.")
    raise LabError(
        f"{label} is of the architecture {family}, which the installed transformers cannot write text with.",
        "Choose a language model of another family, or install a newer transformers.",
    )


def check_files(label: str, names: Collection[str]) -> None:
    """Raises LabError when the top folder of a checkpoint lacks configuration, safetensors or a tokenizer."""
    top = {name for name in names if "/" not in name}
    suffixes = {PurePosixPath(name).suffix for name in top}
    if "adapter_config.json" in top:
        raise LabError(
            f"{label} is an adapter, not a checkpoint.",
            "Download it into a folder and name that folder; it brings its checkpoint along.",
        )
    weights = {"model.safetensors", "model.safetensors.index.json"} & top
    if not weights and ".gguf" in suffixes:
        raise LabError(f"{label} has GGUF files only.", "Download one of them and give its path as the checkpoint.")
    if not weights and suffixes & set(PICKLED):
        raise LabError(
            f"{label} has only pickled weights, which can run code when they are opened.",
            "Choose a checkpoint that is published as safetensors.",
        )
    if not weights:
        raise LabError(f"{label} has no model.safetensors.", "Choose a checkpoint that is published as safetensors.")
    if "config.json" not in top:
        raise LabError(f"{label} has no config.json.", "Choose a whole checkpoint of a model.")
    if not top.intersection(_TOKENIZERS):
        raise LabError(
            f"{label} has no tokenizer (none of {', '.join(_TOKENIZERS)}).",
            "Add the tokenizer files of the model that it was made from.",
        )


def _quantisation(config: Mapping[str, Any]) -> str | None:
    body = config.get("quantization_config")
    if not isinstance(body, Mapping):
        return None
    return str(body.get("quant_method") or "unknown method")
