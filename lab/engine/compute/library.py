"""Any architecture that transformers knows, computed by transformers, with adapters through PEFT; also on a GPU."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.cache_utils import DynamicLayer

from lab.engine.adapters import WEIGHTS
from lab.engine.compute.lora import check_known, unfit
from lab.engine.compute.losses import Losses, told
from lab.engine.compute.runner import Over
from lab.engine.worker_prompt import common_length

# A cancel is heard between two pieces of a prompt.
_PIECE: Final = 64
# Only what shapes a LoRA: an adapter's configuration can also name modules of its own to import.
_CONFIG_KEYS: Final = (
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


class Library:
    """A `Runner` of transformers' own forward pass."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._wrapped: Any = None
        self._attached: set[str] = set()
        self._selected: str | None = None
        self._cache: Any = None
        self._rows: Any = None
        self._tokens: list[int] = []
        self._losses = Losses()
        self.forget()

    @property
    def kernels(self) -> str:
        attention = getattr(self._network.config, "_attn_implementation", "eager")
        quantized = getattr(self._network.config, "quantization_config", None)
        form = f", {quantized.quant_method}" if quantized is not None else ""
        threads = f", {torch.get_num_threads()} threads" if self._network.device.type == "cpu" else ""
        dtype = str(self._network.dtype).removeprefix("torch.")
        return f"transformers {transformers.__version__}, {dtype}{form}, {attention} attention{threads}"

    def read(self, tokens: Sequence[int], over: Over, judged: range = range(0)) -> torch.Tensor | None:
        kept = self._losses.cut(common_length(self._tokens, tokens[:-1]), judged)
        if not all(type(layer) is DynamicLayer for layer in self._cache.layers):
            # A recurrent state cannot go back to an earlier place.
            kept = 0
        if kept == 0:
            self.forget()
        elif kept < len(self._tokens):
            self._cache.crop(kept - len(self._tokens))
            del self._tokens[kept:]
        self._rows = None
        logits = None
        for start in range(kept, len(tokens), _PIECE):
            if over():
                return None
            piece = list(tokens[start : start + _PIECE])
            places = told(start, start + len(piece), judged)
            # The head is computed where a loss is asked for, and after the last token.
            first = places.start - 1 - start if places else len(piece) - 1
            logits = self._forward(torch.tensor([piece]), self._cache, len(piece) - first)[0]
            self._tokens += piece
            self._losses.add(tokens, places, logits[: len(places)])
        assert logits is not None
        return logits[-1]

    def losses(self, judged: range) -> list[float]:
        return self._losses.of(judged)

    def start(self, rows: int) -> None:
        self._rows = copy.deepcopy(self._cache)
        self._rows.batch_repeat_interleave(rows)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        return self._forward(tokens[:, None], self._rows, 1)[:, 0]

    def keep(self, rows: Sequence[int]) -> None:
        self._rows.batch_select_indices(torch.tensor(rows))

    def forget(self) -> None:
        kinds = getattr(self._network.config.get_text_config(), "layer_types", None) or ()
        # The mask minds the windows; layers that drop what is out of theirs could not go back to an earlier place.
        only_attention = all(kind in ("full_attention", "sliding_attention") for kind in kinds)
        config = None if only_attention else self._network.config
        self._cache = transformers.DynamicCache(config=config)
        self._rows = None
        self._tokens = []
        self._losses = Losses()

    def logits(self, tokens: Sequence[int]) -> torch.Tensor:
        found: torch.Tensor = self._network(torch.tensor([list(tokens)], device=self._network.device)).logits[0]
        return found.float()

    def attach(self, name: str, folder: Path, config: dict[str, Any]) -> int:
        import peft

        check_known(folder, config)
        try:
            weights = load_file(folder / WEIGHTS, device="cpu")
        except (SafetensorError, OSError) as fault:
            raise unfit(folder.name, str(fault)) from fault
        options = {key: config[key] for key in _CONFIG_KEYS if config.get(key) is not None}
        try:
            lora = peft.LoraConfig(inference_mode=True, **options)
            if self._wrapped is None:
                # Its few weights stay in float32, as they were learned; that costs no time.
                self._wrapped = peft.PeftModel(self._network, lora, adapter_name=name)
            else:
                self._wrapped.add_adapter(name, lora)
            self._attached.add(name)
            result = peft.set_peft_model_state_dict(self._wrapped, weights, adapter_name=name)
        except torch.OutOfMemoryError:
            self.detach(name)
            raise
        except (ValueError, RuntimeError, KeyError, TypeError) as fault:
            self.detach(name)
            raise unfit(folder.name, str(fault)) from fault
        missing = [key for key in result.missing_keys if name in key and "lora_" in key]
        if result.unexpected_keys or missing:
            self.detach(name)
            first = (list(result.unexpected_keys) + missing)[0]
            count = len(result.unexpected_keys) + len(missing)
            raise unfit(folder.name, f"{count} of its tensors have no counterpart, such as {first}")
        self._repair()
        return sum(tensor.numel() * tensor.element_size() for tensor in weights.values())

    def detach(self, name: str) -> None:
        if name in self._attached:
            self._attached.remove(name)
            if self._attached:
                self._wrapped.delete_adapter(name)
            else:
                self._wrapped.unload()
                self._wrapped = None
        self._repair()

    def select(self, name: str | None) -> None:
        if name != self._selected:
            self._selected = name
            self._repair()
            self.forget()

    def _repair(self) -> None:
        """Make PEFT's idea of the active adapter that of this class: adding and deleting change it."""
        if self._wrapped is None:
            return
        for name in set(self._wrapped.peft_config) - self._attached:
            self._wrapped.delete_adapter(name)
        if self._selected is None:
            self._wrapped.base_model.disable_adapter_layers()
        else:
            self._wrapped.base_model.enable_adapter_layers()
            self._wrapped.set_adapter(self._selected, inference_mode=True)
        self._network.eval()

    def _forward(self, tokens: torch.Tensor, cache: Any, last: int) -> torch.Tensor:
        """The logits after the `last` tokens of each row: tokens [rows, n] to logits [rows, last, vocabulary]."""
        out = self._network(
            input_ids=tokens.to(self._network.device), past_key_values=cache, use_cache=True, logits_to_keep=last
        )
        logits: torch.Tensor = out.logits[:, -last:]
        return logits
