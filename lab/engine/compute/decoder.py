"""The decoder on a CPU: the forward pass of the catalogue's families over packed weights, one prompt, many rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F

from lab.engine.compute.architecture import Architecture, Part
from lab.engine.compute.cache import Prompt, Rows
from lab.engine.compute.linear import Linear, LowRank, Matrix, packs
from lab.engine.compute.lora import read_lora
from lab.engine.compute.losses import Losses, told
from lab.engine.compute.runner import Over
from lab.engine.compute.weights import Weights
from lab.engine.worker_prompt import common_length

# So many tokens of a prompt are read at once: enough to fill the matrix kernels, little memory.
_PIECE = 256
# So many logits are made at once when those of every token are wanted.
_LOGITS_PIECE = 64

Update = dict[tuple[int, str], LowRank]


class _Attention(Protocol):
    def extend(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor: ...

    @property
    def position(self) -> int: ...


class _Stopped(Exception):
    """The reader lost interest."""


@dataclass(frozen=True, slots=True)
class _Role:
    """What one of a layer's matrices is made of: parts of these heights, all of one width."""

    parts: tuple[Part, ...]
    heights: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True)
class _Norm:
    """RMSNorm, or LayerNorm when it has a bias."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    epsilon: float

    def of(self, x: torch.Tensor) -> torch.Tensor:
        if self.bias is not None:
            return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)
        return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Layer:
    before: _Norm
    query_norm: _Norm | None
    key_norm: _Norm | None
    between: _Norm | None
    qkv: Linear
    out: Linear
    gate: Linear | None
    up: Linear
    down: Linear
    # The same five by the names of their roles, for adapters.
    linears: dict[str, Linear]


class Decoder:
    """A `Runner` of its own forward pass; equal to transformers' up to the rounding of the dtype."""

    def __init__(
        self,
        architecture: Architecture,
        weights: Weights,
        dtype: torch.dtype,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._plan = architecture
        self._dtype = dtype
        self._packed = packs(dtype)
        # The same in every layer.
        self._roles: dict[str, _Role] = {}
        self._layers = []
        for number in range(architecture.layers):
            progress(number, architecture.layers)
            self._layers.append(self._layer(weights, f"model.layers.{number}."))
        head = "model.embed_tokens.weight" if architecture.tied else "lm_head.weight"
        self._head = Matrix(weights.get(head).to(dtype), packed=self._packed)
        self._head_bias = self._vector(weights, "lm_head.bias")
        self._final = self._norm(weights, architecture.final_norm)
        # Looked up row by row in a mapping of its own: rows that are used take memory, and the rest of the file none.
        self._embedding = weights.anew().get("model.embed_tokens.weight")
        self._cosines, self._sines = self._rotations(2 * _PIECE)
        self._adapters: dict[str, Update] = {}
        self._selected: str | None = None
        self._tokens: list[int] = []
        self._prompt = Prompt(architecture, dtype)
        self._rows: Rows | None = None
        self._losses = Losses()
        progress(architecture.layers, architecture.layers)

    @property
    def kernels(self) -> str:
        name = str(self._dtype).removeprefix("torch.")
        layout = "packed matrices (oneDNN)" if self._packed else "plain matrices"
        return f"own decoder, {name}, {layout}, {torch.get_num_threads()} threads"

    def read(self, tokens: Sequence[int], over: Over, judged: range = range(0)) -> torch.Tensor | None:
        kept = self._reuse(tokens, judged)
        self._prompt.reserve(len(tokens))
        states = None
        try:
            for start in range(kept, len(tokens), _PIECE):
                piece = tokens[start : start + _PIECE]
                states = self._read_piece(piece, over)
                if places := told(start, start + len(piece), judged):
                    before = states[places.start - 1 - start : places.stop - 1 - start]
                    self._losses.add(tokens, places, self._project(before))
        except _Stopped:
            return None
        assert states is not None
        return self._project(states[-1:])[0]

    def losses(self, judged: range) -> list[float]:
        return self._losses.of(judged)

    def start(self, rows: int) -> None:
        self._rows = Rows(self._plan, self._prompt, rows)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        assert self._rows is not None
        self._rows.begin(tokens.tolist())
        states = self._forward(tokens, self._rows)
        self._rows.advance()
        return self._project(states)

    def keep(self, rows: Sequence[int]) -> None:
        assert self._rows is not None
        self._rows.keep(rows)

    def forget(self) -> None:
        self._tokens = []
        self._prompt = Prompt(self._plan, self._dtype)
        self._rows = None
        self._losses = Losses()

    def logits(self, tokens: Sequence[int]) -> torch.Tensor:
        self.forget()
        self._prompt.reserve(len(tokens))
        found = []
        for start in range(0, len(tokens), _LOGITS_PIECE):
            states = self._read_piece(tokens[start : start + _LOGITS_PIECE], lambda: False)
            found.append(self._project(states).float())
        self.forget()
        return torch.cat(found)

    def attach(self, name: str, folder: Path, config: dict[str, Any]) -> int:
        prefixes = [f"model.layers.{number}." for number in range(self._plan.layers)]
        modules = {prefix + part.module for prefix in prefixes for role in self._roles.values() for part in role.parts}
        lora = read_lora(folder, config, modules)
        update: Update = {}
        for number, prefix in enumerate(prefixes):
            for name_of_role, role in self._roles.items():
                made = lora.update(prefix, role.parts, role.heights, role.width)
                if made is not None:
                    update[number, name_of_role] = LowRank(*made)
        self._adapters[name] = update
        return sum(low_rank.bytes for low_rank in update.values())

    def detach(self, name: str) -> None:
        self._adapters.pop(name, None)

    def select(self, name: str | None) -> None:
        if name == self._selected:
            return
        update = self._adapters[name] if name is not None else {}
        for number, layer in enumerate(self._layers):
            for role, linear in layer.linears.items():
                linear.update = update.get((number, role))
        self._selected = name
        self.forget()

    def _reuse(self, tokens: Sequence[int], judged: range) -> int:
        """Keep of prompt and rows what `tokens` begin with and need not be read again; returns how many tokens that
        is."""
        # The last token is read in any case: the logits after it are wanted.
        wanted = tokens[:-1]
        kept = common_length(self._tokens, wanted)
        rows, self._rows = self._rows, None
        if rows is not None and kept == len(self._tokens):
            shared = [common_length(row, wanted[kept:]) for row in rows.tokens]
            row = max(range(len(shared)), key=shared.__getitem__)
            self._prompt.adopt(rows.keys[:, row, :, : shared[row]], rows.values[:, row, :, : shared[row]])
            self._tokens += rows.tokens[row][: shared[row]]
            kept += shared[row]
        kept = self._losses.cut(kept, judged)
        self._prompt.cut(kept)
        del self._tokens[kept:]
        return kept

    def _read_piece(self, tokens: Sequence[int], over: Over) -> torch.Tensor:
        self._prompt.begin(len(tokens))
        states = self._forward(torch.tensor(tokens), self._prompt, over)
        self._prompt.advance(len(tokens))
        self._tokens += tokens
        return states

    def _forward(self, tokens: torch.Tensor, attention: _Attention, over: Over = lambda: False) -> torch.Tensor:
        """The hidden states after the last layer: tokens [n] to states [n, hidden]."""
        plan = self._plan
        turned = plan.heads + plan.kv_heads
        cosines, sines = self._rotation(attention, len(tokens))
        x = F.embedding(tokens, self._embedding).to(self._dtype)
        for number, layer in enumerate(self._layers):
            if over():
                raise _Stopped
            h = layer.before.of(x)
            heads = layer.qkv.multiply(h).view(len(tokens), turned + plan.kv_heads, plan.head_dim)
            asked = heads[:, :turned]
            if layer.query_norm is not None and layer.key_norm is not None:
                query, key = asked[:, : plan.heads], asked[:, plan.heads :]
                asked = torch.cat([layer.query_norm.of(query), layer.key_norm.of(key)], dim=1)
            asked = _rotate(asked, cosines, sines)
            mixed = attention.extend(number, asked[:, : plan.heads], asked[:, plan.heads :], heads[:, turned:])
            x = layer.out.add(mixed, x)
            # Where there is no second norm the MLP reads what the attention read.
            h = layer.between.of(x) if layer.between is not None else h
            if layer.gate is not None:
                h = layer.up.scale(h, layer.gate.activate(h, plan.activation))
            else:
                h = layer.up.activate(h, plan.activation)
            x = layer.down.add(h, x)
        return x

    def _project(self, states: torch.Tensor) -> torch.Tensor:
        return self._head.multiply(self._final.of(states), self._head_bias)

    def _rotation(self, attention: _Attention, tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines, [tokens or 1, 1, rotated], of where the tokens stand."""
        # Rows stand at one place together; a piece of the prompt at one after another.
        start = attention.position
        count = tokens if isinstance(attention, Prompt) else 1
        if start + count > len(self._cosines):
            self._cosines, self._sines = self._rotations(2 * (start + count))
        return self._cosines[start : start + count, None], self._sines[start : start + count, None]

    def _rotations(self, places: int) -> tuple[torch.Tensor, torch.Tensor]:
        angles = torch.arange(places, dtype=torch.float32)[:, None] * self._plan.frequencies
        cosines, sines = angles.cos() * self._plan.rope_scale, angles.sin() * self._plan.rope_scale
        # The sign of the half that is turned back is put into the sines.
        both = torch.cat([cosines, cosines], -1), torch.cat([-sines, sines], -1)
        return both[0].to(self._dtype), both[1].to(self._dtype)

    def _layer(self, weights: Weights, prefix: str) -> _Layer:
        plan = self._plan
        roles = {"qkv": plan.qkv, "out": plan.out, "gate": plan.gate, "up": plan.up, "down": plan.down}
        linears = {name: self._linear(weights, prefix, name, parts) for name, parts in roles.items() if parts}
        normed = weights.has(f"{prefix}self_attn.q_norm.weight")
        return _Layer(
            before=self._norm(weights, f"{prefix}input_layernorm"),
            query_norm=self._norm(weights, f"{prefix}self_attn.q_norm") if normed else None,
            key_norm=self._norm(weights, f"{prefix}self_attn.k_norm") if normed else None,
            between=None if plan.parallel else self._norm(weights, f"{prefix}post_attention_layernorm"),
            qkv=linears["qkv"],
            out=linears["out"],
            gate=linears.get("gate"),
            up=linears["up"],
            down=linears["down"],
            linears=linears,
        )

    def _linear(self, weights: Weights, prefix: str, role: str, parts: tuple[Part, ...]) -> Linear:
        matrices, biases = [], []
        for part in parts:
            name = f"{prefix}{part.module}"
            matrices.append(weights.get(f"{name}.weight")[part.start : part.stop])
            if weights.has(f"{name}.bias"):
                biases.append(weights.get(f"{name}.bias")[part.start : part.stop])
        self._roles[role] = _Role(parts, tuple(len(matrix) for matrix in matrices), matrices[0].shape[1])
        bias = torch.cat(biases).to(self._dtype) if len(biases) == len(parts) else None
        # A matrix of one part is laid out straight from the file.
        whole = torch.cat(matrices) if len(matrices) > 1 else matrices[0]
        return Linear(Matrix(whole.to(self._dtype), packed=self._packed), bias)

    def _norm(self, weights: Weights, name: str) -> _Norm:
        weight = weights.get(f"{name}.weight").to(self._dtype, copy=True)
        bias = self._vector(weights, f"{name}.bias") if self._plan.layer_norm else None
        return _Norm(weight, bias, self._plan.epsilon)

    def _vector(self, weights: Weights, name: str) -> torch.Tensor | None:
        return weights.get(name).to(self._dtype, copy=True) if weights.has(name) else None


def _rotate(heads: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Rotary position of [tokens, heads, head size], of which the first part turns (https://arxiv.org/abs/2104.09864)."""
    width = cosines.shape[-1]
    turning = heads[..., :width]
    turned = torch.addcmul(turning * cosines, turning.roll(width // 2, -1), sines)
    return turned if width == heads.shape[-1] else torch.cat([turned, heads[..., width:]], -1)
