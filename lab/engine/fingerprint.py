"""Knows a checkpoint by its weights: a quick fingerprint and a check that the files are whole. No torch."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from lab.engine.loadable import PICKLED
from lab.engine.shape import is_tied
from lab.errors import LabError

_BLOCKS = 64
_BLOCK_BYTES = 4096
_HEADER_LIMIT = 100 * 2**20
_AGAIN = "Copy or download the checkpoint again."
_TIED_PAIR = {"lm_head.weight", "model.embed_tokens.weight"}


def fingerprint(folder: Path) -> str:
    """SHA-256 over `config.json` and, of every safetensors file, name, size, header and 64 spread blocks.

    Reads about 256 KiB a file, so it takes milliseconds where hashing gigabytes would take a minute;
    other weights of the same shapes differ in the blocks. Raises LabError as `weight_files` does.
    """
    config = read_config(folder)
    # The same weights saved again by another release are still the same checkpoint.
    config.pop("transformers_version", None)
    try:
        digest = hashlib.sha256(orjson.dumps(config, option=orjson.OPT_SORT_KEYS))
    except orjson.JSONEncodeError as fault:
        # Deeper than any configuration is.
        raise LabError(f"{folder / 'config.json'} is damaged: {fault}.", _AGAIN) from fault
    for path in weight_files(folder):
        with _readable(path), path.open("rb") as file:
            size = path.stat().st_size
            digest.update(f"\0{path.name}\0{size}\0".encode())
            header_bytes = int.from_bytes(file.read(8), "little")
            digest.update(file.read(header_bytes))
            start = 8 + header_bytes
            last = max(start, size - _BLOCK_BYTES)
            for block in range(_BLOCKS):
                file.seek(start + (last - start) * block // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The whole safetensors files of a checkpoint: those of its index, else `model.safetensors`; sorted.

    Raises LabError that names the folder or file when there are none, only pickled ones, or one is
    cut short or missing from a set.
    """
    with _readable(folder):
        paths = _named(folder)
    if not paths:
        raise _no_weights(folder)
    for path in paths:
        _header(path)
    return paths


def read_config(folder: Path) -> dict[str, Any]:
    """The content of `config.json` of a checkpoint folder. Raises LabError when it cannot be read."""
    return _object(folder / "config.json", _bytes(folder / "config.json"))


def count_parameters(folder: Path) -> int:
    """How many numbers the weights of a checkpoint folder have. Raises LabError as `weight_files` does.

    An output head that is stored beside the input embedding it is tied to is not loaded, and not counted.
    """
    shapes = {name: entry["shape"] for path in weight_files(folder) for name, entry in _header(path).items()}
    if shapes.keys() >= _TIED_PAIR and is_tied(read_config(folder)):
        del shapes["lm_head.weight"]
    return sum(math.prod(shape) for shape in shapes.values())


def _named(folder: Path) -> list[Path]:
    """The files of the index, else `model.safetensors` where there is one."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        parts = _object(index, _bytes(index)).get("weight_map")
        if not isinstance(parts, dict) or not all(isinstance(name, str) for name in parts.values()):
            raise LabError(f"{index} is damaged: no weight_map.", _AGAIN)
        names = sorted(set(parts.values()))
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise LabError(
                f"The folder {folder} lacks {', '.join(missing)}, named in {index.name}.",
                "Copy or download the whole checkpoint again.",
            )
        return [folder / name for name in names]
    return [path for path in [folder / "model.safetensors"] if path.is_file()]


def _header(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file by name; LabError when it cannot be read or is shorter than they are."""
    with _readable(path), path.open("rb") as file:
        size = path.stat().st_size
        header_bytes = int.from_bytes(file.read(8), "little")
        if header_bytes > min(size - 8, _HEADER_LIMIT):
            raise _cut_short(path, size)
        header = _object(path, file.read(header_bytes))
    header.pop("__metadata__", None)
    try:
        whole = all(
            _is_size(entry["data_offsets"][1])
            and 8 + header_bytes + entry["data_offsets"][1] <= size
            and isinstance(entry["shape"], list)
            and all(map(_is_size, entry["shape"]))
            for entry in header.values()
        )
    except (KeyError, TypeError, IndexError) as fault:
        raise _cut_short(path, size) from fault
    if not whole:
        raise _cut_short(path, size)
    return header


def _is_size(value: object) -> bool:
    return isinstance(value, int) and value >= 0


def _no_weights(folder: Path) -> LabError:
    others = sorted(path.name for path in folder.glob("*.safetensors"))
    if others:
        return LabError(
            f"The folder {folder} has {others[0]} but no model.safetensors.",
            "Name the file model.safetensors, or add model.safetensors.index.json, which lists the parts.",
        )
    if any(path.suffix in PICKLED for path in folder.glob("*")):
        return LabError(
            f"The folder {folder} has only pickled weights, which can run code when they are opened.",
            "Save the model again as safetensors (save_pretrained does) and use that folder.",
        )
    return LabError(
        f"The folder {folder} has no *.safetensors file.", "Choose a folder with config.json and *.safetensors."
    )


def _cut_short(path: Path, size: int) -> LabError:
    return LabError(
        f"{path} is cut short or damaged ({size} bytes are fewer than its header names).",
        _AGAIN,
    )


def _object(path: Path, content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except ValueError as fault:
        raise LabError(f"{path} is damaged: {fault}.", _AGAIN) from fault
    if not isinstance(body, dict):
        raise LabError(f"{path} is damaged: no JSON object.", _AGAIN)
    return body


def _bytes(path: Path) -> bytes:
    with _readable(path):
        return path.read_bytes()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """A file or folder that the system does not let be read, in one sentence."""
    try:
        yield
    except OSError as fault:
        raise LabError(
            f"{path} cannot be read: {fault.strerror or fault}.", "Choose a folder with config.json and *.safetensors."
        ) from fault
