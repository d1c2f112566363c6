"""Turns the embedded GGUF file into plain safetensors with tokenizer and chat template, once, in its own process.

Run as `python -m lab.engine.convert FILE.gguf FOLDER`; its lines that begin with "stage: " say what it does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

_PAD = "<|endoftext|>"
_END = "<|im_end|>"


def convert(source: Path, folder: Path) -> None:
    """Write the checkpoint of `source` to `folder` in bfloat16. Raises RuntimeError when it did not survive."""
    _stage("starting")
    import torch
    import transformers

    _stage("reading the tokenizer")
    tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    _correct(tokenizer)
    tokenizer.save_pretrained(folder)

    _stage("reading the weights")
    options: dict[str, Any] = {}
    if hasattr(transformers, "GgufConfig"):
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    # Unpacking is exact in float32; every 4-bit value times its scale is then rounded once.
    model = transformers.AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype=torch.float32, **options
    ).eval()
    probe = torch.tensor([tokenizer(f"Question: What is the capital of France?{_END}")["input_ids"]])
    with torch.inference_mode():
        expected = model(probe).logits.flatten()

    _stage("writing the weights")
    # What is left of the 4-bit form would make the next load look for it.
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    end = tokenizer.convert_tokens_to_ids(_END)
    for config in (model.config, model.generation_config):
        config.pad_token_id = tokenizer.pad_token_id
        config.eos_token_id = end
    model.to(torch.bfloat16)
    model.save_pretrained(folder)
    del model

    _stage("checking")
    again = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
    ).eval()
    with torch.inference_mode():
        found = again(probe).logits.flatten()
    likeness = torch.nn.functional.cosine_similarity(expected, found, dim=0).item()
    if not likeness > 0.995:
        raise RuntimeError(f"the converted weights answer differently (likeness {likeness:.3f})")


def _correct(tokenizer: Any) -> None:
    """Restore what the GGUF form of the tokenizer leaves out, and give padding a token of its own."""
    from tokenizers import pre_tokenizers

    # The published tokenizer takes digits one by one before anything else.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    # Padding with the end token would hide the end token from a trainer that masks padding.
    tokenizer.pad_token = _PAD
    tokenizer.model_max_length = 8192
    if tokenizer.eos_token != _END or not tokenizer.chat_template:
        raise RuntimeError("the tokenizer has lost its end token or its chat template")


def _stage(name: str) -> None:
    print(f"stage: {name}", flush=True)  # noqa: T201


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(5)
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
