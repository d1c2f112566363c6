"""The keys and values of a prompt, kept once, and of the rows that continue it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from lab.engine.compute.architecture import Architecture

# Buffers grow by so many tokens at a time.
_GROWTH = 256


class Prompt:
    """The prompt's keys and values: tensors [layers, 1, kv heads, capacity, head size] of which `length` are filled.

    `extend` is called once a layer for a piece of new tokens, then `advance`.
    """

    def __init__(self, architecture: Architecture, dtype: torch.dtype) -> None:
        self._window = architecture.window
        self._groups = architecture.heads // architecture.kv_heads
        self._shape = (architecture.layers, 1, architecture.kv_heads, 0, architecture.head_dim)
        self.keys = torch.empty(self._shape, dtype=dtype)
        self.values = torch.empty(self._shape, dtype=dtype)
        self.length = 0
        self._mask: torch.Tensor | None = None

    @property
    def position(self) -> int:
        """Where the next token stands."""
        return self.length

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens in all."""
        if tokens > self.keys.shape[3]:
            self.keys, self.values = (_grown(held, tokens, self.length) for held in (self.keys, self.values))

    def cut(self, length: int) -> None:
        """Keep the first `length` tokens. Room for much more than they need is given back."""
        self.length = length
        if self.keys.shape[3] > 2 * length + 4 * _GROWTH:
            self.keys, self.values = (_grown(held, length, length) for held in (self.keys, self.values))

    def adopt(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Append what a row has computed: [layers, kv heads, tokens, head size]."""
        end = self.length + keys.shape[2]
        self.reserve(end)
        self.keys[:, 0, :, self.length : end] = keys
        self.values[:, 0, :, self.length : end] = values
        self.length = end

    def begin(self, tokens: int) -> None:
        """A piece of so many tokens is read next."""
        end = self.length + tokens
        self.reserve(end)
        place = torch.arange(self.length, end)[:, None]
        seen = torch.arange(end)[None]
        hidden = seen > place
        if self._window is not None:
            hidden |= seen <= place - self._window
        mask = torch.zeros(tokens, end, dtype=self.keys.dtype).masked_fill_(hidden, float("-inf"))
        self._mask = mask.repeat(self._groups, 1)

    def extend(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Attention of a piece: query [tokens, heads, head size], key and value [tokens, kv heads, head size]."""
        tokens, heads, size = query.shape
        end = self.length + tokens
        keys, values = self.keys[layer, :, :, :end], self.values[layer, :, :, :end]
        keys[0, :, self.length :] = key.transpose(0, 1)
        values[0, :, self.length :] = value.transpose(0, 1)
        # The queries that share a key head are laid one after another, so that keys are not repeated for them.
        grouped = (
            query.view(tokens, -1, self._groups, size).permute(1, 2, 0, 3).reshape(1, -1, self._groups * tokens, size)
        )
        out = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=self._mask)
        return out.view(-1, self._groups, tokens, size).permute(2, 0, 1, 3).reshape(tokens, heads * size)

    def advance(self, tokens: int) -> None:
        """The piece is in."""
        self.length += tokens
        self._mask = None


class Rows:
    """What rows added to one prompt: tensors [layers, rows, kv heads, capacity, head size].

    All living rows have the same length and lie first; an ended row keeps its place behind them, so that
    the dialogue can go on from it.
    """

    def __init__(self, architecture: Architecture, prompt: Prompt, rows: int) -> None:
        self._prompt = prompt
        self._window = architecture.window
        self._groups = architecture.heads // architecture.kv_heads
        shape = (architecture.layers, rows, architecture.kv_heads, 0, architecture.head_dim)
        self.keys = torch.empty(shape, dtype=prompt.keys.dtype)
        self.values = torch.empty(shape, dtype=prompt.keys.dtype)
        self.living = rows
        self.length = 0
        # The tokens that were read, of every row, in the order of the tensors.
        self.tokens: list[list[int]] = [[] for _ in range(rows)]

    @property
    def position(self) -> int:
        """Where the next token of each living row stands."""
        return self._prompt.length + self.length

    def begin(self, tokens: Sequence[int]) -> None:
        """One more token a living row is read next."""
        if self.length == self.keys.shape[3]:
            self.keys, self.values = (_grown(held, self.length + 1, self.length) for held in (self.keys, self.values))
        for row, token in zip(self.tokens, tokens):
            row.append(token)

    def extend(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Attention of one token a row: query [rows, heads, head size], key and value [rows, kv heads, head size].

        The prompt is read from memory once for all rows; the two attentions, over the prompt and over
        the row's own tokens, are put together by their normalizers.
        """
        rows, heads, size = query.shape
        end = self.length + 1
        self.keys[layer, :rows, :, self.length] = key
        self.values[layer, :rows, :, self.length] = value
        own_from = prompt_from = 0
        if self._window is not None:
            own_from = max(0, end - self._window)
            prompt_from = max(0, self._prompt.length + end - self._window)
        query = query.view(rows, -1, self._groups, size)
        own, own_normalizer = _attend(
            query, self.keys[layer, :rows, :, own_from:end], self.values[layer, :rows, :, own_from:end]
        )
        if prompt_from >= self._prompt.length:
            return own.reshape(rows, heads * size)
        shared, normalizer = _attend(
            query.transpose(0, 1).reshape(1, -1, rows * self._groups, size),
            self._prompt.keys[layer, :, :, prompt_from : self._prompt.length],
            self._prompt.values[layer, :, :, prompt_from : self._prompt.length],
        )
        shared = shared.view(-1, rows, self._groups, size).transpose(0, 1)
        normalizer = normalizer.view(-1, rows, self._groups).transpose(0, 1)
        share = torch.sigmoid(normalizer - own_normalizer).unsqueeze(-1).to(own.dtype)
        return torch.lerp(own, shared, share).reshape(rows, heads * size)

    def advance(self) -> None:
        """The token is in."""
        self.length += 1

    def keep(self, rows: Sequence[int]) -> None:
        """Let the living rows at these places go on, in this order; the others are put behind them."""
        ended = [row for row in range(self.living) if row not in rows]
        order = [*rows, *ended]
        if order != list(range(self.living)):
            # Ended rows differ in length from now on; what lies behind their end is never read.
            self.keys[:, : self.living, :, : self.length] = self.keys[:, order, :, : self.length]
            self.values[:, : self.living, :, : self.length] = self.values[:, order, :, : self.length]
            self.tokens[: self.living] = [self.tokens[row] for row in order]
        self.living = len(rows)


def _attend(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention without a mask, and the logarithm of its normalizer."""
    attention: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    out, normalizer = attention(query, keys, values)
    return out, normalizer


def _grown(held: torch.Tensor, tokens: int, filled: int) -> torch.Tensor:
    """A copy with room for `tokens`, in whole steps, of which `filled` are taken over."""
    capacity = -(-tokens // _GROWTH) * _GROWTH
    larger = held.new_empty((*held.shape[:3], capacity, held.shape[4]))
    larger[:, :, :, :filled] = held[:, :, :, :filled]
    return larger
