"""Turns a GGUF file into plain safetensors with tokenizer and chat template, once, in its own process.

Run as `python -m lab.engine.convert FILE.gguf FOLDER [embedded]`; its lines that begin with "stage: " say what it
does. "embedded" restores what the embedded checkpoint's file leaves out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from lab.engine.gguf_header import read_header
from lab.engine.offline import stay_offline

_EMBEDDED_PAD = "<|endoftext|>"
_EMBEDDED_END = "<|im_end|>"
# Tokens that end a turn in some template. A GGUF file names one end token; a checkpoint may write another.
_TURN_ENDS = ("<|im_end|>", "<|end|>", "<|eot_id|>", "<|endoftext|>", "<end_of_turn>")
_PROBE = "Question: What is the capital of France?"


def convert(source: Path, folder: Path, *, embedded: bool) -> None:
    """Write the checkpoint of `source` to `folder`. Raises RuntimeError when it did not survive.

    float32 and float16 files keep their precision, all others become bfloat16.
    """
    _stage("starting")
    import torch
    import transformers

    file_type = read_header(source).file_type
    dtype = {0: torch.float32, 1: torch.float16}.get(-1 if file_type is None else file_type, torch.bfloat16)

    _stage("reading the tokenizer")
    tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    if embedded:
        _correct(tokenizer)
    tokenizer.save_pretrained(folder)

    _stage("reading the weights")
    options: dict[str, Any] = {}
    if hasattr(transformers, "GgufConfig"):
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    # Each tensor is unpacked in float32, exactly, and rounded once.
    model = transformers.AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype=dtype, **options
    ).eval()
    probe = torch.tensor([tokenizer(f"{_PROBE}{tokenizer.eos_token or ''}")["input_ids"]])
    with torch.inference_mode():
        expected = model(probe).logits.float().flatten()

    _stage("writing the weights")
    # What is left of the packed form would make the next load look for it.
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    ends = [tokenizer.convert_tokens_to_ids(_EMBEDDED_END)] if embedded else _ends(tokenizer)
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id
    if ends:
        model.config.eos_token_id = ends[0]
        model.generation_config.eos_token_id = ends if len(ends) > 1 else ends[0]
    model.save_pretrained(folder)
    del model

    _stage("checking")
    again = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, local_files_only=True
    ).eval()
    with torch.inference_mode():
        found = again(probe).logits.float().flatten()
    likeness = torch.nn.functional.cosine_similarity(expected, found, dim=0).item()
    if not likeness > 0.995:
        raise RuntimeError(f"the converted weights answer differently (likeness {likeness:.3f})")


def _ends(tokenizer: Any) -> list[int]:
    """The file's own end token first, then those special tokens that end a turn."""
    special = tokenizer.get_added_vocab()
    named = [tokenizer.eos_token_id, *(special.get(text) for text in _TURN_ENDS)]
    return list(dict.fromkeys(token for token in named if token is not None))


def _correct(tokenizer: Any) -> None:
    """Restore what the GGUF form of the tokenizer leaves out, and give padding a token of its own."""
    from tokenizers import pre_tokenizers

    # The published tokenizer takes digits one by one before anything else.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    # Padding with the end token would hide the end token from a trainer that masks padding.
    tokenizer.pad_token = _EMBEDDED_PAD
    tokenizer.model_max_length = 8192
    if tokenizer.eos_token != _EMBEDDED_END or not tokenizer.chat_template:
        raise RuntimeError("the tokenizer has lost its end token or its chat template")


def _stage(name: str) -> None:
    print(f"stage: {name}", flush=True)  # noqa: T201


if __name__ == "__main__":
    stay_offline()
    if hasattr(os, "nice"):
        os.nice(5)
    convert(Path(sys.argv[1]), Path(sys.argv[2]), embedded=sys.argv[3:] == ["embedded"])
