"""The names of the families are those that transformers gives the layers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from lab.engine.families import TARGETS, target_modules, writing_families
from lab.engine.known import catalogue
from lab.errors import LabError
from lab.sleep.lora import lora_modules

ISSUED = {
    "llama": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "qwen2": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "qwen3": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "phi": ("q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"),
    "phi3": ("qkv_proj", "o_proj", "gate_up_proj", "down_proj"),
}


def tiny(family: str) -> Any:
    config = AutoConfig.for_model(
        family,
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return AutoModelForCausalLM.from_config(config)


def linear_leaves(model: Any) -> set[str]:
    return {name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, nn.Linear)}


def test_every_family_of_the_catalogue_has_its_names() -> None:
    assert {known.family for known in catalogue()} <= TARGETS.keys() <= writing_families()
    assert {family: target_modules(family, "all") for family in TARGETS} == ISSUED


@pytest.mark.parametrize("family", TARGETS)
def test_the_names_of_a_family_are_all_linear_layers_of_its_blocks(family: str) -> None:
    model = tiny(family)
    assert set(ISSUED[family]) == linear_leaves(model) - {"lm_head"}
    names = lora_modules(model, family, "all", "tiny")
    assert tuple(names) == ISSUED[family]
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=list(names), task_type="CAUSAL_LM"))
    assert len(adapted.base_model.targeted_module_names) == 2 * len(names)


@pytest.mark.parametrize("family", TARGETS)
def test_the_published_recipe_adapts_the_attention_alone(family: str) -> None:
    model = tiny(family)
    names = set(lora_modules(model, family, "attention", "tiny"))
    inside = {
        leaf
        for name, module in model.named_modules()
        if "attn" in name.split(".")[-1]
        for leaf in linear_leaves(module)
    }
    assert names == inside


def test_a_family_that_is_not_known_is_adapted_by_what_its_layers_are_called() -> None:
    model = tiny("mistral")
    assert target_modules("mistral", "all") is None
    assert lora_modules(model, "mistral", "all", "tiny") == "all-linear"
    assert lora_modules(model, "mistral", "attention", "tiny") == ["k_proj", "o_proj", "q_proj", "v_proj"]


def test_a_name_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(LabError, match="no linear layer qkv_proj, gate_up_proj") as missing:
        lora_modules(tiny("qwen2"), "phi3", "all", "models/mine")
    assert "models/mine" in missing.value.title
    with pytest.raises(LabError, match="no attention projection"):
        lora_modules(nn.Sequential(nn.Linear(2, 2)), "unheard-of", "attention", "mine")


def test_the_families_are_told_without_torch() -> None:
    program = (
        "import sys\nfrom lab.engine.families import writing_families\nassert 'phi3' in writing_families()\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
