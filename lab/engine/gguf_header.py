"""Reads the header of a GGUF file: architecture, sizes, template; none of its weights, and no library."""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.engine.shape import Shape
from lab.errors import LabError

_MAGIC: Final = b"GGUF"
_STRING, _ARRAY = 8, 9
# Scalar value types by their number in the format.
_SCALARS: Final = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
# Where the format's name of an architecture is not transformers' model type.
_FAMILIES: Final = {"phi2": "phi", "qwen2moe": "qwen2_moe", "qwen3moe": "qwen3_moe"}
_MOST_DIMENSIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself. `file_type` 0 is float32, 1 float16; others are quantised or bfloat16.

    `parts` is the number of files that the model is split into.
    """

    architecture: str
    family: str
    context: int | None
    parameters: int
    shape: Shape | None
    template: str | None
    licence: str | None
    file_type: int | None
    parts: int


def read_header(path: Path) -> Header:
    """The header of a file. Raises LabError that names it when it is no GGUF file, cut short or damaged."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _header(_Reader(content))
    except OSError as fault:
        raise LabError(f"{path} cannot be read: {fault.strerror or fault}.", "Name a readable GGUF file.") from fault
    except (_Broken, ValueError) as fault:
        # An empty file cannot be mapped, which is a ValueError.
        raise LabError(f"{path} is no whole GGUF file ({fault}).", "Copy or download the file again.") from fault


class _Broken(Exception):
    pass


class _Reader:
    """Takes values off a file, from its beginning on. Past its end the next number is refused."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._at = 0

    def take(self, form: str) -> Any:
        try:
            [value] = struct.unpack_from(form, self._content, self._at)
        except (struct.error, OverflowError):
            raise _Broken("it is cut short") from None
        self._at += struct.calcsize(form)
        return value

    def skip(self, size: int) -> None:
        self._at += size

    def raw(self, size: int) -> bytes:
        start = self._at
        self.skip(size)
        return self._content[start : self._at]

    def text(self) -> str:
        return self.raw(self.take("<Q")).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """A scalar or text; of an array a range of its length, which is all that is asked for."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            inner, length = self.take("<I"), self.take("<Q")
            if inner == _STRING:
                for _ in range(length):
                    self.skip(self.take("<Q"))
            elif inner in _SCALARS:
                self.skip(length * struct.calcsize(_SCALARS[inner]))
            else:
                raise _Broken(f"it has an array of the unknown type {inner}")
            return range(length)
        if kind not in _SCALARS:
            raise _Broken(f"it has a value of the unknown type {kind}")
        return self.take(_SCALARS[kind])


def _header(reader: _Reader) -> Header:
    if reader.raw(4) != _MAGIC:
        raise _Broken("it does not begin with GGUF")
    version = reader.take("<I")
    if version not in (2, 3):
        raise _Broken(f"it is of version {version}; 2 and 3 are read")
    tensors, keys = reader.take("<Q"), reader.take("<Q")
    values: dict[str, Any] = {}
    for _ in range(keys):
        name = reader.text()
        values[name] = reader.value(reader.take("<I"))
    parameters, names = 0, set()
    for _ in range(tensors):
        names.add(reader.text())
        dimensions = reader.take("<I")
        if dimensions > _MOST_DIMENSIONS:
            raise _Broken(f"a tensor has {dimensions} dimensions")
        parameters += math.prod(reader.take("<Q") for _ in range(dimensions))
        reader.take("<I")
        reader.take("<Q")
    architecture = values.get("general.architecture")
    if not isinstance(architecture, str) or not names:
        raise _Broken("it names no architecture or has no weights")
    return Header(
        architecture=architecture,
        family=_FAMILIES.get(architecture, architecture.replace("-", "_")),
        context=_number(values, f"{architecture}.context_length"),
        parameters=parameters,
        shape=_shape(values, architecture, tied="output.weight" not in names),
        template=_text(values, "tokenizer.chat_template"),
        licence=_text(values, "general.license"),
        file_type=values.get("general.file_type"),
        parts=_number(values, "split.count") or 1,
    )


def _shape(values: dict[str, Any], architecture: str, *, tied: bool) -> Shape | None:
    layers, hidden, intermediate, heads, kv_heads, head_dim = (
        _number(values, f"{architecture}.{name}")
        for name in (
            "block_count",
            "embedding_length",
            "feed_forward_length",
            "attention.head_count",
            "attention.head_count_kv",
            "attention.key_length",
        )
    )
    tokens = values.get("tokenizer.ggml.tokens")
    vocabulary = len(tokens) if isinstance(tokens, range) else _number(values, f"{architecture}.vocab_size")
    if not (layers and hidden and heads and vocabulary):
        return None
    return Shape(
        layers=layers,
        hidden=hidden,
        intermediate=intermediate or 4 * hidden,
        heads=heads,
        kv_heads=kv_heads or heads,
        head_dim=head_dim or hidden // heads,
        vocabulary=vocabulary,
        tied=tied,
    )


def _number(values: dict[str, Any], key: str) -> int | None:
    value = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _text(values: dict[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None
