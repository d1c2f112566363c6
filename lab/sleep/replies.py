"""What a model says to many questions, and how likely it finds given answers; torch lives here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Any, Final

import torch
from transformers import DynamicCache

from lab.sleep.packing import Encoded, shared_length
from lab.sleep.training import Read

# Rows that are written side by side: on two cores a step costs about as much with one as with a dozen.
_ROWS: Final = 32


@torch.no_grad()
def replies(
    network: Any,
    prompts: Sequence[Sequence[int]],
    tokens: int,
    end_tokens: Collection[int],
    device: torch.device,
    stop: Callable[[], bool],
    count: Callable[[int], None],
) -> list[list[int]]:
    """The likeliest answer to each prompt, the end token that came included, of at most `tokens`.

    All of them end at the token at which `stop` says so; those that were not begun by then are empty. `count` is told
    how many more are done.
    """
    found: dict[int, list[int]] = {}
    stopped = False
    filler = min(end_tokens)

    def over() -> bool:
        nonlocal stopped
        stopped = stopped or stop()
        return stopped

    order = iter(sorted(range(len(prompts)), key=lambda at: len(prompts[at])))
    while not stopped and (chosen := list(islice(order, _ROWS))):
        longest = len(prompts[chosen[-1]])
        # What all prompts begin with, such as the system prompt, is read once; at least a token is left to each.
        shared = shared_length([prompts[at][:-1] for at in chosen])
        ids = torch.full((len(chosen), longest), filler, dtype=torch.long)
        mask = torch.zeros(len(chosen), longest, dtype=torch.long)
        for row, at in enumerate(chosen):
            begin, rest = torch.tensor(prompts[at][:shared]), torch.tensor(prompts[at][shared:])
            ids[row, :shared], ids[row, longest - len(rest) :] = begin, rest
            mask[row, :shared] = mask[row, longest - len(rest) :] = 1
        cache = DynamicCache(config=network.config)
        if shared:
            network(input_ids=ids[:1, :shared].to(device), past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache.batch_repeat_interleave(len(chosen))
        written = network.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            past_key_values=cache,
            max_new_tokens=tokens,
            do_sample=False,
            pad_token_id=filler,
            stopping_criteria=[lambda ids, scores: torch.full((len(ids),), over(), device=ids.device)],
        )[:, longest:].tolist()
        for at, row in zip(chosen, written):
            end = next((place for place, token in enumerate(row, 1) if token in end_tokens), len(row))
            found[at] = row[:end]
        count(len(chosen))
    return [found.get(at, []) for at in range(len(prompts))]


@torch.no_grad()
def nats(
    network: torch.nn.Module,
    examples: Sequence[Encoded],
    read: Read,
    device: torch.device,
    stop: Callable[[], bool],
    count: Callable[[int], None],
) -> list[float]:
    """The loss of each example's answer in nats a token; 0 for those that `stop` leaves out. `count` is told how many
    more are done."""
    found = [0.0] * len(examples)
    order = iter(sorted(range(len(examples)), key=lambda at: len(examples[at].ids)))
    while (chosen := list(islice(order, _ROWS // 4))) and not stop():
        batch = [examples[at] for at in chosen]
        logits, targets = read(network, batch, device)
        losses = torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
        begin = 0
        for at, example in zip(chosen, batch):
            size = len(example.ids) - max(example.answer_start, 1)
            found[at] = float(losses[begin : begin + size].mean())
            begin += size
        count(len(chosen))
    return found
