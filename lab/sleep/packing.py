"""Several examples as one sequence, so that what they all begin with is computed once and nothing is padded; torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.models.llama.modeling_llama import eager_attention_forward

# The name of `attend` in a model's config.
ATTENTION: Final = "lab_packed"
# Most in one sequence: tokens, and of each head how many see how many, which is what memory grows by.
LONGEST: Final = 1024
_SEEN: Final = 448**2


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example; the loss counts the tokens from `answer_start` on."""

    ids: tuple[int, ...]
    answer_start: int

    @property
    def prompt(self) -> tuple[int, ...]:
        """What comes before the answer."""
        return self.ids[: self.answer_start]

    @property
    def answer(self) -> tuple[int, ...]:
        """What the loss counts."""
        return self.ids[self.answer_start :]


@dataclass(frozen=True, slots=True)
class Packed:
    """One sequence of `length` tokens: the `shared` ones that all begin with, then the rest of each example.

    `ids` and `positions` are of shape (1, length). `rows` says where the rest of each example is, of shape (examples,
    longest rest), with any place for what is not there, and `places` finds each token after the shared ones in `rows`,
    of shape (length - shared,). `mask`, to be added, hides from each token of the longest example what comes after it,
    of shape (1, 1, longest, longest). The logits at `reads` predict `targets`, each of shape (supervised tokens,).
    """

    ids: Tensor
    positions: Tensor
    shared: int
    rows: Tensor
    places: Tensor
    mask: Tensor
    reads: Tensor
    targets: Tensor


def sequences(batch: Sequence[Encoded]) -> list[Sequence[Encoded]]:
    """The examples in order, as many together as make a sequence that is not too large."""
    found: list[Sequence[Encoded]] = []
    rows: list[Encoded] = []
    for example in batch:
        if rows and _too_large([*rows, example]):
            found.append(rows)
            rows = []
        rows = [*rows, example]
    return [*found, rows] if rows else found


def _too_large(batch: Sequence[Encoded]) -> bool:
    shared = _shared(batch)
    rests = [len(example.ids) - shared for example in batch]
    # Each example is as long as the longest to the attention.
    seen = len(rests) * max(rests) * (shared + max(rests))
    return shared + sum(rests) > LONGEST or seen > _SEEN


def pack(batch: Sequence[Encoded], dtype: torch.dtype, device: torch.device) -> Packed:
    """The examples as one sequence. A model of this type that uses `attend` computes of each what it would alone."""
    shared = _shared(batch)
    ids = list(batch[0].ids[:shared])
    positions = list(range(shared))
    reads: list[int] = []
    targets: list[int] = []
    longest = max(len(example.ids) for example in batch) - shared
    rows = torch.zeros(len(batch), longest, dtype=torch.long)
    places: list[int] = []
    for number, example in enumerate(batch):
        begin, size = len(ids), len(example.ids)
        ids += example.ids[shared:]
        positions += range(shared, size)
        rows[number, : size - shared] = torch.arange(begin, len(ids))
        places += range(number * longest, number * longest + size - shared)
        for at in range(max(example.answer_start, 1), size):
            reads.append(at - 1 if at - 1 < shared else begin + at - 1 - shared)
            targets.append(example.ids[at])
    whole = shared + longest
    mask = torch.full((whole, whole), torch.finfo(dtype).min, dtype=dtype, device=device).triu(1)
    return Packed(
        torch.tensor([ids], device=device),
        torch.tensor([positions], device=device),
        shared,
        rows.to(device),
        torch.tensor(places, dtype=torch.long, device=device),
        mask[None, None],
        torch.tensor(reads, device=device),
        torch.tensor(targets, device=device),
    )


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packed: Packed | None = None,
    **given: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers has it, of shape (batch, tokens, heads, size); of a packed sequence example by example.

    A mask of everything against everything would compute the whole sequence for each token, and on a processor the
    fused attention takes several times as long as this to go back in bfloat16.
    """
    if packed is None:
        whole: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **given)
        return whole
    shared, (examples, longest) = packed.shared, packed.rows.shape
    rests = [
        tensor[0, :, packed.rows.flatten()].reshape(-1, examples, longest, tensor.shape[-1]).transpose(0, 1)
        for tensor in (query, key, value)
    ]
    begins = [tensor[:, :, :shared] for tensor in (query, key, value)]
    keys, values = (
        torch.cat([each.expand(examples, -1, -1, -1), rest], dim=2) for each, rest in zip(begins[1:], rests[1:])
    )
    # In `rows` what is not there comes last, so that nothing sees it.
    found = eager_attention_forward(module, rests[0], keys, values, packed.mask[..., shared:, :], **given)[0]
    found = found.flatten(0, 1).index_select(0, packed.places)[None]
    if shared:
        begin = eager_attention_forward(module, *begins, packed.mask[..., :shared, :shared], **given)[0]
        found = torch.cat([begin, found], dim=1)
    return found, None


# What is not packed is masked as ever.
AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def shared_length(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all of the rows begin with."""
    first, *others = rows
    shared = len(first)
    for ids in others:
        shared = min(shared, len(ids))
        shared = next((at for at in range(shared) if ids[at] != first[at]), shared)
    return shared


def _shared(batch: Sequence[Encoded]) -> int:
    # At least a token is left to each, also of the same examples.
    return shared_length([example.ids[:-1] for example in batch])
