"""The training loop: a function over encoded examples; torch lives here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lab.domain import SleepSettings

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example; the loss counts the tokens from `answer_start` on."""

    ids: tuple[int, ...]
    answer_start: int


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step: mean loss in nats a supervised token, tokens read, wall seconds."""

    step: int
    epoch: int
    loss: float
    learning_rate: float
    tokens: int
    seconds: float


class Diverged(ArithmeticError):
    """The loss was not a number."""


def collate(batch: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """Right-padded input ids, attention mask and labels, each of shape (batch, longest)."""
    longest = max(len(example.ids) for example in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros(len(batch), longest, dtype=torch.long)
    labels = torch.full((len(batch), longest), IGNORED, dtype=torch.long)
    for row, example in enumerate(batch):
        tokens = torch.tensor(example.ids)
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
        labels[row, example.answer_start : len(tokens)] = tokens[example.answer_start :]
    return ids, mask, labels


def answer_loss(model: torch.nn.Module, batch: Sequence[Encoded], device: torch.device) -> Tensor:
    """Summed cross-entropy of the supervised tokens, in nats.

    The output head runs only at positions that some row is supervised at: with a vocabulary of 49,152
    the head is the largest matrix product of a small model.
    """
    ids, mask, labels = (tensor.to(device) for tensor in collate(batch))
    targets = labels[:, 1:]
    positions = (targets != IGNORED).any(dim=0).nonzero().squeeze(1)
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=positions, use_cache=False).logits
    targets = targets[:, positions]
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def batches(examples: Sequence[Encoded], size: int, generator: torch.Generator) -> list[list[Encoded]]:
    """The examples in a seeded random order, in batches of `size`."""
    order = torch.randperm(len(examples), generator=generator).tolist()
    return [[examples[i] for i in order[start : start + size]] for start in range(0, len(order), size)]


def train(
    model: torch.nn.Module,
    examples: Sequence[Encoded],
    settings: SleepSettings,
    device: torch.device,
    stop: Callable[[], bool],
) -> Iterator[Step]:
    """Train the parameters that require a gradient; yields after each optimiser step.

    AdamW, gradients clipped at norm 1, the learning rate falling linearly to 0. The same seed and inputs
    give the same steps on a CPU. Ends early when `stop` says so; raises Diverged on a loss that is no number.
    """
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0)
    total = settings.total_steps(len(examples))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1.0 - step / total)
    model.train()
    step = 0
    for epoch in range(1, settings.epochs + 1):
        epoch_batches = batches(examples, settings.batch_size, generator)
        for start in range(0, len(epoch_batches), settings.accumulation):
            if stop():
                return
            began = time.monotonic()
            group = epoch_batches[start : start + settings.accumulation]
            supervised = sum(len(e.ids) - max(e.answer_start, 1) for batch in group for e in batch)
            summed = 0.0
            for batch in group:
                loss = answer_loss(model, batch, device)
                # Divided by all tokens of the step, so that accumulation equals one large batch.
                torch.autograd.backward(loss / supervised)
                summed += float(loss.detach())
            if not math.isfinite(summed):
                raise Diverged(f"the loss of step {step + 1} is {summed}")
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            rate = optimiser.param_groups[0]["lr"]
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            schedule.step()
            step += 1
            tokens = sum(len(example.ids) for batch in group for example in batch)
            yield Step(step, epoch, summed / supervised, rate, tokens, time.monotonic() - began)
