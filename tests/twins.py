"""The embedded model's weights as those of another family: real language through the code paths of Qwen and Phi.

    python -m tests.twins FOLDER

writes FOLDER/qwen2-twin and FOLDER/phi3-twin, which answer as the embedded model does.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
from pathlib import Path

from lab.engine.embedded import LANGUAGE_MODEL, embedded_folder, prepare

TWINS = ("qwen2", "phi3")
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def make_twin(source: Path, folder: Path, family: str) -> Path:
    """Write the Llama checkpoint of `source` as one of `family`: the same numbers under that family's names.

    Qwen2 gets biases of zero; Phi-3 gets query, key and value, and gate and up, as one matrix each.
    """
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(source / "model.safetensors")
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["model_type"] = family
    config["architectures"] = [{"qwen2": "Qwen2ForCausalLM", "phi3": "Phi3ForCausalLM"}[family]]
    for layer in range(config["num_hidden_layers"]):
        attention, mlp = f"model.layers.{layer}.self_attn", f"model.layers.{layer}.mlp"
        if family == "qwen2":
            for name in "qkv":
                rows = tensors[f"{attention}.{name}_proj.weight"]
                tensors[f"{attention}.{name}_proj.bias"] = torch.zeros(len(rows), dtype=rows.dtype)
        else:
            qkv = [tensors.pop(f"{attention}.{name}_proj.weight") for name in "qkv"]
            tensors[f"{attention}.qkv_proj.weight"] = torch.cat(qkv)
            gate_up = [tensors.pop(f"{mlp}.{name}_proj.weight") for name in ("gate", "up")]
            tensors[f"{mlp}.gate_up_proj.weight"] = torch.cat(gate_up)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    for name in (*_TOKENIZER, "generation_config.json"):
        if (source / name).is_file():
            shutil.copy(source / name, folder / name)
    return folder


def embedded() -> Path:
    """The folder of the embedded checkpoint, prepared when it is not there."""
    prepare(lambda progress: None, threading.Event(), [LANGUAGE_MODEL])
    return embedded_folder(LANGUAGE_MODEL.name)


if __name__ == "__main__":
    for twin in TWINS:
        print(make_twin(embedded(), Path(sys.argv[1]) / f"{twin}-twin", twin))
