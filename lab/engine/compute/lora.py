"""Reads a LoRA adapter in PEFT's form and makes of it the updates of a decoder's matrices."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lab.engine.adapters import WEIGHTS
from lab.engine.compute.architecture import Part
from lab.errors import LabError

_KEY: Final = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
_MORE_THAN_LORA: Final = ("use_dora", "modules_to_save")
# No way of computing it here takes these.
_UNKNOWN: Final = ("trainable_token_indices", "use_bdlora", "lora_bias")


class Lora:
    """The low-rank matrices of an adapter by module name: A [rank, in] and B [out, rank] with the scale in it."""

    def __init__(self, matrices: dict[str, tuple[torch.Tensor, torch.Tensor]], name: str) -> None:
        self._matrices = matrices
        self._name = name

    def update(
        self, prefix: str, parts: Sequence[Part], heights: Sequence[int], width: int
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """The update of a matrix made of `parts` of these heights, or None when it has none.

        Returns down [ranks, width] and up [sum of heights, ranks] in float32. LabError when a shape does not fit.
        """
        downs: list[torch.Tensor] = []
        ups: list[torch.Tensor] = []
        for part, height in zip(parts, heights):
            module = f"{prefix}{part.module}"
            if module not in self._matrices:
                ups.append(torch.zeros(height, 0))
                continue
            down, up = self._matrices[module]
            up = up[part.start : part.stop]
            if down.shape[1] != width or up.shape != (height, down.shape[0]):
                raise unfit(self._name, f"the shapes of {module} are {tuple(down.shape)} and {tuple(up.shape)}")
            downs.append(down)
            ups.append(up)
        if not downs:
            return None
        block_diagonal: Callable[..., torch.Tensor] = torch.block_diag
        return torch.cat(downs), block_diagonal(*ups)


def read_lora(folder: Path, config: dict[str, Any], modules: Collection[str]) -> Lora:
    """The LoRA of a folder for a network with these modules.

    Raises LabError when it does more than LoRA, is damaged, or names modules that the network does not have.
    """
    check_known(folder, config)
    more = [key for key in _MORE_THAN_LORA if config.get(key)]
    if more or config.get("bias", "none") != "none":
        raise LabError(
            f"The adapter {folder.name} is more than a plain LoRA ({', '.join(more) or 'bias'}).",
            'Set engine.kernels = "library" in lab.toml to use it.',
        )
    try:
        tensors = load_file(folder / WEIGHTS, device="cpu")
    except (SafetensorError, OSError) as fault:
        raise unfit(folder.name, str(fault)) from fault
    sides: dict[str, dict[str, torch.Tensor]] = {}
    strange = []
    for key, tensor in tensors.items():
        found = _KEY.fullmatch(key)
        if found is None or found["module"] not in modules or tensor.dim() != 2:
            strange.append(key)
        else:
            sides.setdefault(found["module"], {})[found["side"]] = tensor.float()
    strange += [module for module, pair in sides.items() if len(pair) != 2]
    # A target that has no tensors was lost, or never matched anything.
    targets = config.get("target_modules")
    for target in targets if isinstance(targets, list) else []:
        if not any(module == target or module.endswith(f".{target}") for module in sides):
            strange.append(str(target))
    if any(module in key for key in strange for module in ("lm_head", "embed_tokens")):
        raise LabError(
            f"The adapter {folder.name} changes the vocabulary's matrices (lm_head or embed_tokens).",
            'Set engine.kernels = "library" in lab.toml to use it.',
        )
    if strange:
        named = sorted({key.split(".lora_")[0].rpartition(".")[2] if ".lora_" in key else key for key in strange})
        raise unfit(folder.name, f"the checkpoint has nothing for its {', '.join(named)} ({len(strange)} in all)")
    if not sides:
        raise unfit(folder.name, f"there is nothing in its {WEIGHTS}")
    return Lora(
        {module: (pair["A"], pair["B"] * _scale(config, module, pair)) for module, pair in sides.items()}, folder.name
    )


def check_known(folder: Path, config: dict[str, Any]) -> None:
    """Raises LabError for an adapter that no way of computing here takes."""
    if unknown := [key for key in _UNKNOWN if config.get(key)]:
        raise unfit(folder.name, f"its {', '.join(unknown)} cannot be computed here")


def unfit(name: str, reason: str) -> LabError:
    """The error for an adapter that cannot be put over this checkpoint."""
    return LabError(
        f"The adapter {name} does not fit: {' '.join(reason.split())[:300]}.",
        "Choose another with --adapter NAME or --adapter none, or sleep again.",
    )


def _scale(config: dict[str, Any], module: str, pair: dict[str, torch.Tensor]) -> float:
    """Alpha over rank, as PEFT scales: https://arxiv.org/abs/2106.09685, and rsLoRA https://arxiv.org/abs/2312.03732."""
    rank = pair["A"].shape[0]
    alpha = config.get("lora_alpha", rank)
    for pattern, value in (config.get("alpha_pattern") or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            alpha = value
            break
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)
