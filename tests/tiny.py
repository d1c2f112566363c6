"""A real checkpoint of a few kilobytes with random weights, and adapters for it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def make_tokenizer() -> Any:
    """One token a byte, three control tokens, the template of the embedded checkpoint's family."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({token: index for index, token in enumerate([*SPECIAL, *alphabet])}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=SPECIAL[2], pad_token=SPECIAL[0], bos_token=SPECIAL[1]
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


# What a family's config has beyond sizes; "longrope" and "window" are those of Phi-3.5 and Phi-3.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama-biased": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama3": (
        "llama",
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 10000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            }
        },
    ),
    "qwen2": ("qwen2", {"tie_word_embeddings": True}),
    "qwen3": ("qwen3", {"head_dim": 24}),
    "phi": ("phi", {}),
    "phi3": ("phi3", {}),
    "phi3-window": ("phi3", {"sliding_window": 24}),
    "phi3-longrope": (
        "phi3",
        {
            "original_max_position_embeddings": 384,
            "rope_parameters": {
                "rope_type": "longrope",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.5,
                "long_factor": [2.0] * 4,
                "short_factor": [1.5] * 4,
                "original_max_position_embeddings": 384,
            },
        },
    ),
    # One that only the library computes.
    "gemma2": ("gemma2", {"head_dim": 16, "sliding_window": 16}),
}


def make_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    context: int = 512,
    nan: bool = False,
    chat: bool = True,
    family: str = "llama",
    head_dim: int | None = None,
    words: int = 0,
) -> Path:
    """Write a checkpoint of a family with two thin layers and weights drawn by the seed.

    A large `head_dim` makes its cache heavy, a large number of `words` its embedding.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    torch.manual_seed(seed)
    tokenizer = make_tokenizer()
    if not chat:
        tokenizer.chat_template = None
    kind, more = FAMILIES[family]
    if head_dim is not None:
        more = {**more, "head_dim": head_dim}
    config = AutoConfig.for_model(
        kind,
        vocab_size=max(len(tokenizer), words),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        initializer_range=0.2,
        **more,
    )
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                # Norms of one and biases of zero would hide a forgotten one.
                parameter.normal_(1.0 if "norm" in name else 0.0, 0.2)
    if nan:
        with torch.no_grad():
            model.model.norm.weight.fill_(float("nan"))
    # Suggestions of a checkpoint that must not leak into the published protocol.
    model.generation_config = GenerationConfig(do_sample=True, top_k=1, repetition_penalty=3.0, eos_token_id=2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_adapter(
    folder: Path,
    checkpoint: Path,
    fingerprint: str,
    *,
    silent: bool = False,
    width: int | None = None,
    seed: int = 1,
    modules: Sequence[str] = ("q_proj", "v_proj"),
) -> Path:
    """Write a LoRA for the checkpoint; a silent one changes nothing, one of another width does not fit."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    config = AutoConfig.from_pretrained(checkpoint)
    if width is not None:
        config.hidden_size = width
    base = AutoModelForCausalLM.from_config(config)
    lora = LoraConfig(r=2, target_modules=list(modules), init_lora_weights=silent, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        # PEFT asks transformers for a name that is about to change.
        warnings.simplefilter("ignore", category=FutureWarning)
        get_peft_model(base, lora).save_pretrained(folder)
    manifest = {"checkpoint": "tiny", "fingerprint": fingerprint}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="ascii")
    return folder
