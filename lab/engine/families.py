"""What the lab knows of a family of checkpoints: the names of its linear layers, for LoRA; and which exist at all."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Targets:
    """Names of the linear layers of one block: those of the attention, and those behind it."""

    attention: tuple[str, ...]
    feed_forward: tuple[str, ...]


_LLAMA: Final = Targets(("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj"))
# By transformers' model type.
TARGETS: Final = {
    "llama": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    # Phi-1.5 and Phi-2.
    "phi": Targets(("q_proj", "k_proj", "v_proj", "dense"), ("fc1", "fc2")),
    # Phi-3, Phi-3.5 and Phi-4-mini, with fused projections.
    "phi3": Targets(("qkv_proj", "o_proj"), ("gate_up_proj", "down_proj")),
}
# Where a family is not known: what attention projections are called elsewhere.
ATTENTION_NAMES: Final = frozenset({"out_proj"}.union(*(targets.attention for targets in TARGETS.values())))
_TABLE: Final = "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"


def target_modules(family: str, modules: Literal["attention", "all"]) -> tuple[str, ...] | None:
    """The names that LoRA adapts in a family; None for a family that is not in the table."""
    targets = TARGETS.get(family)
    if targets is None:
        return None
    return targets.attention if modules == "attention" else (*targets.attention, *targets.feed_forward)


@cache
def writing_families() -> frozenset[str]:
    """Every model type that the installed transformers can write text with; empty when that cannot be told.

    Its table, `... = OrderedDict([("llama", "LlamaForCausalLM"), ...])`, is read from its source: importing it
    would bring torch into this process.
    """
    found = importlib.util.find_spec("transformers")
    if found is None or found.origin is None:
        return frozenset()
    try:
        source = (Path(found.origin).parent / "models" / "auto" / "modeling_auto.py").read_text(encoding="utf-8")
        statements = ast.parse(source).body
    except (OSError, SyntaxError):
        return frozenset()
    for statement in statements:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == _TABLE for target in statement.targets
        ):
            pairs = (node.elts[0] for node in ast.walk(statement.value) if isinstance(node, ast.Tuple) and node.elts)
            keys = (key.value for key in pairs if isinstance(key, ast.Constant))
            return frozenset(key for key in keys if isinstance(key, str))
    return frozenset()
