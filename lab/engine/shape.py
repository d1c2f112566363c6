"""The numbers of an architecture that decide how much memory a checkpoint takes, as its config.json gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# The older architectures call the same things otherwise (GPT-2, GPT-Neo, BLOOM).
_NAMES: Final = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "hidden": ("hidden_size", "n_embd"),
    "heads": ("num_attention_heads", "n_head", "num_heads"),
    "kv_heads": ("num_key_value_heads",),
    "head_dim": ("head_dim",),
    "intermediate": ("intermediate_size", "n_inner"),
    "vocabulary": ("vocab_size",),
    "context": ("max_position_embeddings", "n_positions"),
    "original": ("original_max_position_embeddings",),
}
# "su" is the older name.
_LONG_ROPES: Final = ("longrope", "su")


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a transformer; `tied` is True when input and output embedding are one matrix."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool

    @property
    def embedding_parameters(self) -> int:
        """Numbers in the input and the output embedding, which no 4-bit or 8-bit form makes smaller."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)


def family_of(config: Mapping[str, Any]) -> str | None:
    """transformers' model type of a `config.json`, that of the text part where there are several."""
    for body in (text_config(config), config):
        if isinstance(body.get("model_type"), str) and body["model_type"]:
            return str(body["model_type"])
    return None


def context_of(config: Mapping[str, Any]) -> int | None:
    """The window in tokens, or None when the configuration does not tell.

    Of a "longrope" checkpoint the one that it was first trained with: beyond it other frequencies apply, with which
    the keys in the engine's cache do not agree.
    """
    body = text_config(config)
    window = _number(body, "context")
    ropes = [rope for rope in (body.get("rope_parameters"), body.get("rope_scaling")) if isinstance(rope, Mapping)]
    if not any(rope.get(key) in _LONG_ROPES for rope in ropes for key in ("rope_type", "type")):
        return window
    original = next(filter(None, (_number(each, "original") for each in (*ropes, body))), None)
    return min(filter(None, (window, original)), default=None)


def shape_of(config: Mapping[str, Any]) -> Shape | None:
    """The sizes in a `config.json`, or None when it lacks one that cannot be derived."""
    body = text_config(config)
    layers, hidden, heads = (_number(body, name) for name in ("layers", "hidden", "heads"))
    vocabulary = _number(body, "vocabulary")
    if not (layers and hidden and heads and vocabulary):
        return None
    return Shape(
        layers=layers,
        hidden=hidden,
        intermediate=_number(body, "intermediate") or 4 * hidden,
        heads=heads,
        kv_heads=_number(body, "kv_heads") or heads,
        head_dim=_number(body, "head_dim") or hidden // heads,
        vocabulary=vocabulary,
        tied=is_tied(config),
    )


def is_tied(config: Mapping[str, Any]) -> bool:
    """True when input and output embedding are one matrix; the families of the lab say so where it is so."""
    return bool(text_config(config).get("tie_word_embeddings", config.get("tie_word_embeddings", False)))


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a configuration that describes the language model."""
    inner = config.get("text_config")
    return inner if isinstance(inner, Mapping) else config


def _number(body: Mapping[str, Any], name: str) -> int | None:
    for key in _NAMES[name]:
        value = body.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None
