"""A checkpoint made ready to learn: its LoRA weights, and examples as tokens; torch and peft live here."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from lab.domain import Message, Prompt, PromptForm, SleepExample, SleepPlan
from lab.engine.devices import choose_device, choose_dtype, vram_bytes
from lab.engine.fingerprint import fingerprint
from lab.engine.prompting import default_form, encode_prompt
from lab.errors import LabError
from lab.sleep.adapters import read_adapter
from lab.sleep.training import Encoded

# The names that attention projections have in the families of the catalogue.
_ATTENTION: Final = frozenset({"q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "dense", "out_proj"})


class Learner:
    """A model whose LoRA weights alone require gradients, with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, plan: SleepPlan, device: torch.device) -> None:
        self.model = model
        self.device = device
        self._tokenizer = tokenizer
        self._settings = plan.settings
        self._form: PromptForm = plan.form or default_form(tokenizer)

    def encode(self, examples: Sequence[SleepExample]) -> list[Encoded]:
        """Each example as the dialogue would show it, its answer ended by the end token.

        Cut to `max_tokens`: the answer at its end, and a prompt that would take more than half at its beginning.
        """
        return [self._encode(example) for example in examples]

    def _encode(self, example: SleepExample) -> Encoded:
        prompt = encode_prompt(self._tokenizer, Prompt((Message("user", example.prompt),), self._form))
        space = " " if self._form == "plain" else ""
        answer = self._tokenizer.encode(f"{space}{example.target.strip()}", add_special_tokens=False)
        answer.append(self._tokenizer.eos_token_id)
        limit = self._settings.max_tokens
        prompt = prompt[-max(limit - len(answer), limit // 2) :]
        return Encoded((*prompt, *answer)[:limit], len(prompt) if self._settings.loss == "answer" else 1)

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's form, safetensors."""
        self.model.save_pretrained(str(folder), safe_serialization=True)
        # PEFT's model card names no facts that the manifest has not.
        with contextlib.suppress(FileNotFoundError):
            (folder / "README.md").unlink()

    def vram_bytes(self) -> int | None:
        """GPU memory in use by this process, or None on a CPU."""
        return vram_bytes(self.device)


def load_for_training(plan: SleepPlan, adapters: Path) -> Learner:
    """Load the plan's checkpoint and give it LoRA weights: new ones, or those of the parent adapter.

    Raises LabError when the weights are not those that the plan was made for, or nothing can be adapted.
    """
    folder = Path(plan.model_path)
    if fingerprint(folder) != plan.fingerprint:
        raise LabError(f"The weights in {folder} changed since the sleep was planned.", "Sleep again.")
    device = choose_device(plan.device)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    base = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=choose_dtype(plan.dtype, device),
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    ).to(device)
    torch.manual_seed(plan.settings.seed)
    if plan.parent_adapter is not None:
        parent = read_adapter(adapters / plan.parent_adapter)
        model = PeftModel.from_pretrained(base, str(parent.path), is_trainable=True, local_files_only=True)
    else:
        model = get_peft_model(base, _config(base, plan))
    return Learner(model, tokenizer, plan, device)


def _config(base: Any, plan: SleepPlan) -> LoraConfig:
    settings = plan.settings
    modules: str | list[str] = "all-linear"
    if settings.modules == "attention":
        leaves = {
            name.rpartition(".")[2] for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)
        }
        modules = sorted(leaves & _ATTENTION)
        if not modules:
            raise LabError(
                f"{plan.checkpoint} has no attention projection of a known name.", 'Set sleep.recipe = "answers".'
            )
    return LoraConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=plan.checkpoint,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=modules,
    )
