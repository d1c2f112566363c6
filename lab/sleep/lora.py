"""A checkpoint made ready to learn: its LoRA weights, and examples as tokens; torch and peft live here."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import GenerationConfig

from lab.domain import Checkpoint, Message, Prompt, PromptForm, SleepExample, SleepPlan
from lab.engine.adapters import check_adapter
from lab.engine.families import ATTENTION_NAMES, target_modules
from lab.engine.worker_load import Network, load_network
from lab.engine.worker_prompt import encode_answer, encode_prompt, encode_text, turn_end
from lab.errors import LabError
from lab.sleep import anchors, replies
from lab.sleep.anchors import Anchors, Held
from lab.sleep.base_answers import BaseAnswers
from lab.sleep.packing import ATTENTION, Encoded
from lab.sleep.tally import Tally
from lab.sleep.training import Read, packed_logits, padded_logits

# PEFT's name for an adapter that is only looked at.
_REPLACED: Final = "replaced"

# What is learnt, by name.
Weights = Mapping[str, Tensor]


class Learner:
    """A model whose LoRA weights alone require gradients, with its tokenizer."""

    def __init__(self, network: Any, base: Network, plan: SleepPlan) -> None:
        self.network = network
        self.device = torch.device(base.loaded.device)
        self.dtype = base.loaded.dtype
        self._tokenizer = base.tokenizer
        self.end_tokens = base.end_tokens
        self._settings = plan.settings
        self._form = plan.settings.form or base.loaded.form
        self._end_token = _end_token(base, self._form)
        self._answers: BaseAnswers | None = None
        self._fingerprint = plan.fingerprint
        self._parent = plan.parent_adapter
        # How far a stage is; whoever wants to be told puts another here.
        self.tally = Tally()
        # How a batch is computed.
        self.read: Read = packed_logits if _attends_to_packs(network, plan.settings.max_tokens) else padded_logits
        # For the last positions of a batch, a slice, torch would copy the head once a row: gigabytes.
        network.get_output_embeddings().register_forward_pre_hook(lambda head, given: (given[0].contiguous(),))

    def anchors(
        self,
        prompts: Sequence[str],
        questions: Sequence[str],
        mistakes: Sequence[tuple[str, str]],
        stop: Callable[[], bool],
        steps: int | None = None,
    ) -> Anchors | None:
        """The base's own answers to general prompts and to questions beside the lessons, from which training is not to
        move, and its opinion of the mistakes, questions with answers.

        Of the prompts so many as are read in `steps`, other ones on top of each adapter, by the seed, and of the
        mistakes the first so many; None is all of them. None without a weight, and once `stop` says so, which is asked
        at every token: with a large model this takes minutes.
        """
        settings = self._settings
        if not settings.anchor_weight:
            return None
        if steps is not None:
            reads = steps * anchors.general_rows(settings.anchor_rows, bool(questions))
            # A sleep that is begun anew draws the same.
            draw = random.Random(f"{settings.seed}/{self._parent}")
            prompts = draw.sample(prompts, min(reads, len(prompts)))
            mistakes = mistakes[: steps * anchors.mistake_rows(settings.anchor_rows, bool(questions))]
        # Questions are answered first, and then all of it is read with what the base expects.
        self.tally.begin(2 * len(prompts) + 2 * len(questions) + len(mistakes))
        general = [self.encode_question(prompt) for prompt in prompts]
        written = self.base_replies(general, anchors.ANSWER_TOKENS, stop)
        beside = [self.encode_question(question) for question in questions]
        wrong = [self.encode_answer(self.encode_question(question), answer) for question, answer in mistakes]
        with self.as_base():
            held = self._hold(general, written, stop)
            others = self._hold(beside, self.replies(beside, anchors.NEIGHBOUR_TOKENS, stop), stop)
            leaks = anchors.hold(wrong, self._logits, stop, self.tally.add)
        if stop():
            return None
        return Anchors(held, others, leaks, self._settings.anchor_rows, self._settings.anchor_weight)

    def _logits(self, batch: Sequence[Encoded]) -> Tensor:
        return self.read(self.network, batch, self.device)[0]

    def _hold(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], stop: Callable[[], bool]
    ) -> list[Held]:
        examples = [self.encode_written(prompt, answer) for prompt, answer in zip(prompts, answers)]
        return anchors.hold(examples, self._logits, stop, self.tally.add)

    @contextlib.contextmanager
    def as_base(self) -> Iterator[None]:
        """The checkpoint as it is without what it learns."""
        with self.network.disable_adapter():
            yield

    @contextlib.contextmanager
    def as_adapter(self, folder: Path) -> Iterator[None]:
        """The checkpoint with the adapter of a folder in place of what it learns."""
        learnt = self.network.active_adapter
        self.network.load_adapter(str(folder), adapter_name=_REPLACED, local_files_only=True)
        self.network.set_adapter(_REPLACED)
        try:
            yield
        finally:
            self.network.set_adapter(learnt)
            self.network.delete_adapter(_REPLACED)

    def weights(self) -> Weights:
        """A copy of what is learnt so far."""
        return {
            name: parameter.detach().clone()
            for name, parameter in self.network.named_parameters()
            if parameter.requires_grad
        }

    @torch.no_grad()
    def blend(self, before: Weights, after: Weights, strength: float) -> None:
        """Set the weights so far, in 0..1, from those of before to those of after."""
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.lerp(before[name], after[name], strength))

    def replies(self, prompts: Sequence[Sequence[int]], tokens: int, stop: Callable[[], bool]) -> list[list[int]]:
        """The likeliest answer to each prompt; see `replies.replies`."""
        self.network.eval()
        return replies.replies(self.network, prompts, tokens, self.end_tokens, self.device, stop, self.tally.add)

    def keep_answers(self, folder: Path) -> None:
        """Keep what the base answers to general prompts in this folder, for the sleeps to come."""
        path = folder / f"base-{self._fingerprint[:16]}-{self.dtype}.json"
        self._answers = BaseAnswers(path, self.network.get_input_embeddings().num_embeddings)

    def base_replies(self, prompts: Sequence[Sequence[int]], tokens: int, stop: Callable[[], bool]) -> list[list[int]]:
        """As `replies`, by the base; where answers are kept, those that are known are not written again. For general
        prompts: what they ask stays on the disk."""

        def write(asked: Sequence[Sequence[int]], most: int) -> list[list[int]]:
            with self.as_base():
                return self.replies(asked, most, stop)

        if self._answers is None:
            return write(prompts, tokens)
        self.tally.add(self._answers.known(prompts, tokens))
        return self._answers.of(prompts, tokens, write, stop)

    def nats(self, examples: Sequence[Encoded], stop: Callable[[], bool]) -> list[float]:
        """The loss of each example's answer in nats a token; see `replies.nats`."""
        self.network.eval()
        return replies.nats(self.network, examples, self.read, self.device, stop, self.tally.add)

    def text(self, answer: Sequence[int]) -> str:
        """An answer as text."""
        return str(self._tokenizer.decode(answer, skip_special_tokens=True)).strip()

    def encode(self, examples: Sequence[SleepExample], before: Sequence[Sequence[SleepExample]] = ()) -> list[Encoded]:
        """Each example as the dialogue would show it, after those `before` it, its answer ended by the end token.

        Cut to `max_tokens`: the answer at its end, and a prompt that would take more than half at its beginning.
        """
        found = []
        for example, turns in zip(examples, before or [()] * len(examples)):
            said = [Message(*each) for turn in turns for each in (("user", turn.prompt), ("assistant", turn.target))]
            found.append(self.encode_answer(self.encode_question(example.prompt, *said), example.target))
        return found

    def encode_answer(self, prompt: Sequence[int], answer: str) -> Encoded:
        """A prompt with an answer to it, cut as `encode` does."""
        space = " " if self._form == "plain" else ""
        ids = [*encode_answer(self._tokenizer, f"{space}{answer.strip()}"), self._end_token]
        limit = self._settings.max_tokens
        prompt = prompt[-max(limit - len(ids), limit // 2) :]
        return Encoded((*prompt, *ids)[:limit], len(prompt) if self._settings.loss == "answer" else 1)

    def encode_written(self, prompt: Sequence[int], answer: Sequence[int]) -> Encoded:
        """A prompt with what was written to it, as it stands: one that was cut off has no end that it could lose."""
        return Encoded((*prompt, *answer), len(prompt))

    def encode_text(self, text: str) -> list[int]:
        """The tokens of a text as it stands, in no prompt form; cut to `max_tokens` at its beginning."""
        return encode_text(self._tokenizer, text)[-self._settings.max_tokens :]

    def encode_question(self, text: str, *before: Message) -> list[int]:
        """The tokens of a question as the dialogue shows it, after what was said `before`; cut to `max_tokens`."""
        tokens = encode_prompt(self._tokenizer, Prompt((*before, Message("user", text)), self._form))
        return tokens[-self._settings.max_tokens :]

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's form, safetensors."""
        # PEFT would ask the hub whether the embedding was resized; a sleep never does that.
        self.network.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
        # PEFT's model card names no facts that the manifest has not.
        with contextlib.suppress(FileNotFoundError):
            (folder / "README.md").unlink()

    def vram_bytes(self) -> int | None:
        """GPU memory that this process holds, or None on a CPU."""
        return torch.cuda.memory_allocated(self.device) if self.device.type == "cuda" else None

    def peak_vram_bytes(self) -> int | None:
        """The most of it that this process held, or None on a CPU."""
        return torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else None


def load_for_training(plan: SleepPlan, adapters: Path) -> Learner:
    """Load the plan's checkpoint and give it LoRA weights: new ones, or those of the parent adapter.

    Raises LabError when the weights are not those that the plan was made for, or nothing can be adapted.
    """
    checkpoint = Checkpoint(plan.checkpoint, "folder", plan.model_path, ready=True, form=plan.form)
    base = load_network(checkpoint, plan.device, plan.dtype)
    if plan.checkpointing:
        # Its name since transformers 5.21.
        enable = getattr(base.network, "activation_checkpointing_enable", base.network.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
    if base.loaded.fingerprint != plan.fingerprint:
        raise LabError(f"The weights in {plan.model_path} changed since the sleep was planned.", "Sleep again.")
    # A checkpoint may suggest a penalty on what was said before: no part of what it finds likeliest.
    base.network.generation_config = GenerationConfig(eos_token_id=sorted(base.end_tokens))
    torch.manual_seed(plan.settings.seed)
    if plan.parent_adapter is not None:
        parent = adapters / plan.parent_adapter
        check_adapter(parent, plan.fingerprint, plan.checkpoint)
        network = PeftModel.from_pretrained(base.network, str(parent), is_trainable=True, local_files_only=True)
    else:
        network = get_peft_model(base.network, _config(base, plan))
    return Learner(network, base, plan)


def lora_modules(network: Any, family: str, modules: Literal["attention", "all"], checkpoint: str) -> list[str] | str:
    """The names of the linear layers that LoRA adapts: those of the family, else what can be told from the network.

    "all-linear" stands for every linear layer but the head. Raises LabError for a name that matches no layer.
    """
    leaves = {
        name.rpartition(".")[2] for name, module in network.named_modules() if isinstance(module, torch.nn.Linear)
    }
    wanted = target_modules(family, modules)
    if wanted is None and modules == "all":
        return "all-linear"
    names = sorted(leaves & ATTENTION_NAMES) if wanted is None else list(wanted)
    if not names:
        raise LabError(f"{checkpoint} has no attention projection of a known name.", 'Set sleep.recipe = "answers".')
    missing = [name for name in names if name not in leaves]
    if missing:
        raise LabError(
            f"{checkpoint} says that it is of the family {family} and has no linear layer {', '.join(missing)}.",
            "Correct model_type in its config.json, or choose another checkpoint to sleep on.",
        )
    return names


def _end_token(base: Network, form: PromptForm) -> int:
    """What a learnt answer ends with: as in a dialogue, where Phi-3's answers end with another token than its texts."""
    ends = base.end_tokens
    if not ends:
        raise LabError(
            f"{base.loaded.name} names no token that ends an answer.", "Choose another checkpoint to sleep on."
        )
    in_dialogue = turn_end(base.tokenizer, form)
    if in_dialogue is not None and in_dialogue in ends:
        return in_dialogue
    of_texts = base.tokenizer.eos_token_id
    return int(of_texts) if of_texts is not None else min(ends)


def _attends_to_packs(network: Any, tokens: int) -> bool:
    """Let the network compute several examples as one sequence; whether it can: of a known family, and with a window
    of at least so many tokens."""
    config = network.config.get_text_config()
    window = getattr(config, "sliding_window", None) or tokens
    known = target_modules(config.model_type, "all") is not None
    if not known or window < tokens or config._attn_implementation != "sdpa":
        return False
    network.set_attn_implementation(ATTENTION)
    return True


def _config(base: Network, plan: SleepPlan) -> LoraConfig:
    settings = plan.settings
    return LoraConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=plan.checkpoint,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=lora_modules(base.network, base.loaded.family, settings.modules, plan.checkpoint),
    )
