"""The training loop: a function over encoded examples; torch lives here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lab.domain import SleepSettings
from lab.sleep.anchors import Anchors
from lab.sleep.packing import Encoded, pack, sequences

IGNORED = -100
# Batches of alike lengths are picked among so many.
_BUCKET = 8


# How a model reads a batch: the logits at its supervised tokens, and what they are to predict.
Read = Callable[[torch.nn.Module, Sequence[Encoded], torch.device], tuple[Tensor, Tensor]]


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


def padded_logits(model: torch.nn.Module, batch: Sequence[Encoded], device: torch.device) -> tuple[Tensor, Tensor]:
    """Logits (supervised tokens, vocabulary) and what they predict (supervised tokens,), example after example.

    The output head runs only at positions that some row is supervised at: with a vocabulary of 49,152
    the head is the largest matrix product of a small model.
    """
    ids, mask, labels = (tensor.to(device) for tensor in collate(batch))
    targets = labels[:, 1:]
    positions = (targets != IGNORED).any(dim=0).nonzero().squeeze(1)
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=positions, use_cache=False).logits
    targets = targets[:, positions]
    supervised = targets != IGNORED
    return logits[supervised], targets[supervised]


def packed_logits(model: torch.nn.Module, batch: Sequence[Encoded], device: torch.device) -> tuple[Tensor, Tensor]:
    """As `padded_logits`, for a model that attends by `packing.attend`: short examples are read as one sequence.

    What all of them begin with, such as the system prompt, is computed once, and nothing is padded. What is too long
    for one sequence becomes several.
    """
    dtype = next(p.dtype for p in model.parameters() if not p.requires_grad)
    found = []
    for rows in sequences(batch):
        if len(rows) == 1:
            found.append(padded_logits(model, rows, device))
            continue
        packed = pack(rows, dtype, device)
        logits = model(
            input_ids=packed.ids,
            # A mask of four dimensions is taken as it is.
            attention_mask=packed.mask,
            position_ids=packed.positions,
            logits_to_keep=packed.reads,
            use_cache=False,
            packed=packed,
        ).logits
        found.append((logits[0], packed.targets))
    logits, targets = zip(*found)
    return torch.cat(logits), torch.cat(targets)


def summed_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Summed cross-entropy, in nats."""
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum")


def batches(examples: Sequence[Encoded], size: int, generator: torch.Generator) -> list[list[Encoded]]:
    """The examples in batches of `size`, of alike lengths, in a seeded random order."""
    order = torch.randperm(len(examples), generator=generator).tolist()
    groups = []
    for start in range(0, len(order), size * _BUCKET):
        bucket = sorted(order[start : start + size * _BUCKET], key=lambda i: len(examples[i].ids))
        groups += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    chosen = torch.randperm(len(groups), generator=generator).tolist()
    return [[examples[i] for i in groups[at]] for at in chosen]


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a run goes on: the losses of the steps that it made, and by `tensors_of` the weights and moments then."""

    losses: tuple[float, ...]
    tensors: Mapping[str, Tensor]


# Given after each step a function for the tensors of then.
Keep = Callable[[Callable[[], dict[str, Tensor]]], None]


def total_steps(epochs: Sequence[Sequence[Encoded]], settings: SleepSettings) -> int:
    """Optimiser steps of a run that nothing ends early."""
    return sum(settings.steps(len(examples)) for examples in epochs)


def train(
    model: torch.nn.Module,
    epochs: Sequence[Sequence[Encoded]],
    settings: SleepSettings,
    device: torch.device,
    stop: Callable[[], bool],
    read: Read = padded_logits,
    anchors: Anchors | None = None,
    resume: Resume | None = None,
    keep: Keep | None = None,
) -> Iterator[Step]:
    """Train the parameters that require a gradient on the examples of each epoch; yields after each optimiser step.

    AdamW, gradients clipped at norm 1, the learning rate rising in `warmup` steps and falling linearly to 0. With
    `anchors` each step also reads some of them, and their penalty is added to the loss of a token; the loss that is
    told is without it, the tokens are with them. What is random in a step depends on the seed and the step's number
    alone: the same inputs give the same steps on a CPU, also when a run goes on from `resume`. `keep` is called once
    a step was told, with a function that gives the tensors that a `Resume` needs. Ends early when `stop` says so,
    and after an epoch with a mean loss below `stop_loss`; raises Diverged on a loss that is no number.
    """
    weights = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    optimiser = torch.optim.AdamW(weights.values(), lr=settings.learning_rate, weight_decay=0.0, fused=True)
    if resume is not None:
        _restore(weights, optimiser, resume.tensors)
    total = total_steps(epochs, settings)
    model.train()
    step = 0
    for epoch, examples in enumerate(epochs, 1):
        losses: list[float] = []
        epoch_batches = batches(examples, settings.batch_size, _generator(settings, epoch))
        for start in range(0, len(epoch_batches), settings.accumulation):
            step += 1
            if resume is not None and step <= len(resume.losses):
                losses.append(resume.losses[step - 1])
                continue
            if stop():
                return
            began = time.monotonic()
            # Dropout is drawn from the global generator.
            torch.manual_seed(settings.seed + step)
            rate = settings.learning_rate * min(1.0, step / (settings.warmup + 1)) * (1.0 - (step - 1) / total)
            for parameters in optimiser.param_groups:
                parameters["lr"] = rate
            group = epoch_batches[start : start + settings.accumulation]
            supervised = sum(len(e.ids) - max(e.answer_start, 1) for batch in group for e in batch)
            summed = 0.0
            held = anchors.draw(step, _generator(settings, -step)) if anchors is not None else []
            rows = [each.example for each in held]
            tokens = sum(len(example.ids) for batch in (*group, rows) for example in batch)
            for batch in group:
                # The anchors are read with the first batch.
                logits, targets = read(model, [*batch, *rows], device)
                own = len(targets) - sum(len(row.answer) for row in rows)
                loss = summed_loss(logits[:own], targets[:own])
                # Divided by all tokens of the step, so that accumulation equals one large batch.
                whole = loss / supervised
                if anchors is not None and rows:
                    whole = whole + anchors.weight * anchors.penalty(held, logits[own:])
                torch.autograd.backward(whole)
                summed += float(loss.detach())
                rows = []
            if not math.isfinite(summed):
                raise Diverged(f"the loss of step {step} is {summed}")
            torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            losses.append(summed / supervised)
            yield Step(step, epoch, losses[-1], rate, tokens, time.monotonic() - began)
            # What is told but not kept is made again; what were kept and not told would be missing.
            if keep is not None:
                keep(lambda: tensors_of(weights, optimiser))
        if losses and sum(losses) / len(losses) < settings.stop_loss:
            return


def tensors_of(weights: Mapping[str, torch.nn.Parameter], optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Weights and AdamW's state by name, on the CPU: what safetensors can hold."""
    found = {f"weight/{name}": weight.detach() for name, weight in weights.items()}
    for name, weight in weights.items():
        found |= {f"{key}/{name}": value for key, value in optimiser.state[weight].items()}
    return {name: tensor.to("cpu", copy=True).contiguous() for name, tensor in found.items()}


def _restore(
    weights: Mapping[str, torch.nn.Parameter], optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(tensors[f"weight/{name}"])
            optimiser.state[weight] = {
                # AdamW counts its steps in a tensor on the processor, or beside the weight when fused on a GPU.
                key: tensors[f"{key}/{name}"].to(weight.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
            }


def _generator(settings: SleepSettings, number: int) -> torch.Generator:
    # 2 ** 20 numbers each way are more than any sleep has steps.
    return torch.Generator().manual_seed((settings.seed << 21) % 2**62 + 2**20 + number)
