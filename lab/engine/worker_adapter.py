"""Puts a LoRA adapter over a loaded checkpoint and takes it off again; the checkpoint's weights stay as they are."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import peft
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lab.engine.adapters import check_adapter
from lab.engine.worker_load import Model
from lab.errors import LabError

_PROBE = "The lab remembers what mattered in this conversation, and forgets the rest. What matters to you?"
# Only what shapes a LoRA: an adapter's configuration can also name modules of its own to import.
_CONFIG_KEYS = (
    "r",
    "lora_alpha",
    "lora_dropout",
    "target_modules",
    "exclude_modules",
    "layers_to_transform",
    "layers_pattern",
    "rank_pattern",
    "alpha_pattern",
    "bias",
    "fan_in_fan_out",
    "use_rslora",
    "use_dora",
    "modules_to_save",
    "task_type",
)


class Adapters:
    """The adapter of one loaded checkpoint; at most one is active."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._wrapped: Any = None
        self._active: str | None = None
        # Names of one width: one that begins like another can clash inside PEFT.
        self._names = (f"adapter{number:06d}" for number in itertools.count())

    def activate(self, folder: Path | None) -> float:
        """Make a folder's adapter the active one; returns the largest change of a probe's logits.

        Raises LabError when it does not fit or changes nothing; the one before then stays active.
        """
        if folder is None:
            self._remove_all()
            return 0.0
        loaded = self._model.loaded
        config = check_adapter(folder, loaded.fingerprint, loaded.name)
        name = next(self._names)
        before = self._active
        try:
            self._add(name, folder, config)
            shift = self._shift()
            # Written so that a NaN, which compares false with everything, is refused as well.
            if not shift > 0.0:
                raise LabError(
                    f"The adapter {folder.name} changes nothing: the logits of a probe stay as they are.",
                    "Its modules do not match this checkpoint, or nothing was learned; sleep again.",
                )
        except BaseException:
            self._drop(name, before)
            raise
        if before is not None:
            self._wrapped.delete_adapter(before)
        self._active = name
        return shift

    def _add(self, name: str, folder: Path, config: dict[str, Any]) -> None:
        try:
            weights = load_file(folder / "adapter_model.safetensors", device="cpu")
        except (SafetensorError, OSError) as fault:
            raise _unfit(folder, str(fault)) from fault
        options = {key: config[key] for key in _CONFIG_KEYS if config.get(key) is not None}
        try:
            lora = peft.LoraConfig(inference_mode=True, **options)
            if self._wrapped is None:
                # Its few weights stay in float32, as they were learned; that costs no time.
                self._wrapped = peft.PeftModel(self._model.network, lora, adapter_name=name)
            else:
                self._wrapped.add_adapter(name, lora)
            result = peft.set_peft_model_state_dict(self._wrapped, weights, adapter_name=name)
        except (ValueError, RuntimeError, KeyError, TypeError) as fault:
            raise _unfit(folder, str(fault)) from fault
        missing = [key for key in result.missing_keys if name in key and "lora_" in key]
        if result.unexpected_keys or missing:
            first = (list(result.unexpected_keys) + missing)[0]
            count = len(result.unexpected_keys) + len(missing)
            raise _unfit(folder, f"{count} of its tensors have no counterpart, such as {first}")
        self._wrapped.set_adapter(name, inference_mode=True)
        self._model.network.eval()

    def _shift(self) -> float:
        tokens = torch.tensor([self._model.tokenizer(_PROBE)["input_ids"]], device=self._model.network.device)
        with torch.inference_mode():
            changed = self._model.network(tokens).logits.float()
            with self._wrapped.disable_adapter():
                plain = self._model.network(tokens).logits.float()
        return float((changed - plain).abs().max())

    def _drop(self, name: str, before: str | None) -> None:
        if self._wrapped is None:
            return
        if before is None:
            self._remove_all()
            return
        self._wrapped.set_adapter(before, inference_mode=True)
        if name in self._wrapped.peft_config:
            self._wrapped.delete_adapter(name)

    def _remove_all(self) -> None:
        if self._wrapped is not None:
            self._wrapped.unload()
        self._wrapped = self._active = None


def _unfit(folder: Path, reason: str) -> LabError:
    return LabError(
        f"The adapter {folder.name} does not fit: {' '.join(reason.split())[:300]}.",
        "Choose another with --adapter NAME or --adapter none, or sleep again.",
    )
