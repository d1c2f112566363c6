"""Reads tensors by name from a checkpoint's safetensors files, which stay mapped and are not copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from lab.engine.fingerprint import weight_files
from lab.errors import LabError


class Weights:
    """The tensors of a checkpoint folder. Raises LabError as `weight_files` does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Any] = {}
        for path in weight_files(folder):
            file: Any = safe_open(path, framework="pt", device="cpu")
            self._files.update(dict.fromkeys(file.keys(), file))

    def has(self, name: str) -> bool:
        """Whether there is a tensor of this name."""
        return name in self._files

    def anew(self) -> Weights:
        """The same files mapped once more: what was read through the mapping before takes no memory in this one."""
        return Weights(self._folder)

    def get(self, name: str) -> torch.Tensor:
        """The tensor as it is in the file. Raises LabError when there is none of this name."""
        if name not in self._files:
            raise LabError(
                f"The checkpoint in {self._folder} lacks the weights {name}.",
                "Copy or download it again, or choose another.",
            )
        tensor: torch.Tensor = self._files[name].get_tensor(name)
        return tensor
