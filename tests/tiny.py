"""A real checkpoint of a few kilobytes with random weights, and adapters for it."""

from __future__ import annotations

import json
import warnings
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


def make_checkpoint(folder: Path, *, seed: int = 0, context: int = 512, nan: bool = False, chat: bool = True) -> Path:
    """Write a Llama of two thin layers with weights drawn by the seed."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    tokenizer = make_tokenizer()
    if not chat:
        tokenizer.chat_template = None
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        eos_token_id=2,
        initializer_range=0.2,
    )
    model = LlamaForCausalLM(config)
    if nan:
        with torch.no_grad():
            model.model.norm.weight.fill_(float("nan"))
    # Suggestions of a checkpoint that must not leak into the published protocol.
    model.generation_config = GenerationConfig(do_sample=True, top_k=1, repetition_penalty=3.0, eos_token_id=2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_adapter(
    folder: Path, checkpoint: Path, fingerprint: str, *, silent: bool = False, width: int | None = None, seed: int = 1
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
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=silent, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        # PEFT asks transformers for a name that is about to change.
        warnings.simplefilter("ignore", category=FutureWarning)
        get_peft_model(base, lora).save_pretrained(folder)
    manifest = {"checkpoint": "tiny", "fingerprint": fingerprint}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="ascii")
    return folder
