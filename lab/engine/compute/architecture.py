"""How the decoder families of the catalogue are built, read from a checkpoint's own config."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final

import torch

_ROPE_CLASSES: Final = {
    "llama": "LlamaRotaryEmbedding",
    "qwen2": "Qwen2RotaryEmbedding",
    "qwen3": "Qwen3RotaryEmbedding",
    "phi": "PhiRotaryEmbedding",
    "phi3": "Phi3RotaryEmbedding",
}
# Those whose frequencies stay the same over the window used here.
_STEADY_ROPES: Final = {"default", "linear", "llama3", "yarn", "longrope"}
# In the words of the fused kernels.
_ACTIVATIONS: Final = {"silu": ("swish", ""), "gelu_new": ("gelu", "tanh"), "gelu_pytorch_tanh": ("gelu", "tanh")}


@dataclass(frozen=True, slots=True)
class Part:
    """Rows `start` to `stop` of a weight matrix, by the name of its module inside a layer; None is the end."""

    module: str
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes and names of a decoder. `window` is how far back attention reaches, None for all the way.

    `tied` means that the embedding is the output head as well. `parallel` layers add attention and MLP to the
    same input (Phi); others one after the other. `gate` is empty for an MLP without a gate. `frequencies` has
    shape [rotated / 2].
    """

    family: str
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    epsilon: float
    layer_norm: bool
    parallel: bool
    activation: tuple[str, str]
    qkv: tuple[Part, ...]
    out: tuple[Part, ...]
    gate: tuple[Part, ...]
    up: tuple[Part, ...]
    down: tuple[Part, ...]
    final_norm: str
    tied: bool
    window: int | None
    context: int
    frequencies: torch.Tensor
    rope_scale: float


def architecture(config: Any) -> Architecture | None:
    """The architecture that a transformers config describes, or None when only the library can compute it."""
    family = str(config.model_type)
    rope = getattr(config, "rope_parameters", None)
    if (
        family not in _ROPE_CLASSES
        or not isinstance(rope, dict)
        or rope.get("rope_type") not in _STEADY_ROPES
        or config.hidden_act not in _ACTIVATIONS
        or getattr(config, "qk_layernorm", False)
        or getattr(config, "pretraining_tp", 1) != 1
        or (family != "phi3" and "sliding_attention" in (getattr(config, "layer_types", None) or ()))
    ):
        return None
    phi = family == "phi"
    module = importlib.import_module(f"transformers.models.{family}.modeling_{family}")
    rotary = getattr(module, _ROPE_CLASSES[family])(config)
    qkv, gate, up = _projections(family, int(config.intermediate_size))
    context = int(config.max_position_embeddings)
    if rope["rope_type"] == "longrope":
        # Beyond it other frequencies apply, and keys that are in the cache would have the wrong ones.
        context = min(context, int(rope["original_max_position_embeddings"]))
    return Architecture(
        family=family,
        layers=int(config.num_hidden_layers),
        heads=int(config.num_attention_heads),
        kv_heads=int(config.num_key_value_heads or config.num_attention_heads),
        head_dim=int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads),
        epsilon=float(config.layer_norm_eps if phi else config.rms_norm_eps),
        layer_norm=phi,
        parallel=phi,
        activation=_ACTIVATIONS[config.hidden_act],
        qkv=qkv,
        out=(Part("self_attn.dense" if phi else "self_attn.o_proj"),),
        gate=gate,
        up=up,
        down=(Part("mlp.fc2" if phi else "mlp.down_proj"),),
        final_norm="model.final_layernorm" if phi else "model.norm",
        tied=bool(config.tie_word_embeddings),
        window=getattr(config, "sliding_window", None) if family == "phi3" else None,
        context=context,
        frequencies=rotary.inv_freq.float(),
        rope_scale=float(rotary.attention_scaling),
    )


def _projections(family: str, width: int) -> tuple[tuple[Part, ...], tuple[Part, ...], tuple[Part, ...]]:
    """Query, key and value; gate; up."""
    if family == "phi3":
        fused = "mlp.gate_up_proj"
        return (Part("self_attn.qkv_proj"),), (Part(fused, 0, width),), (Part(fused, width, 2 * width),)
    qkv = tuple(Part(f"self_attn.{name}_proj") for name in "qkv")
    if family == "phi":
        return qkv, (), (Part("mlp.fc1"),)
    return qkv, (Part("mlp.gate_proj"),), (Part("mlp.up_proj"),)
