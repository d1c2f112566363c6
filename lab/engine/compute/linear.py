"""Linear layers for decoding on a CPU: weights laid out once for the matrix kernels, LoRA added on the fly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F

_ACTIVATE: Final[dict[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "swish": F.silu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
}
# The layout made for one row computes each row alike whatever its company, so a draft does not depend on others.
_ROWS = 1


def packs(dtype: torch.dtype) -> bool:
    """Whether this build of torch can lay out weights of this type."""
    try:
        kernels: Any = torch.ops.mkldnn
        probe = kernels._reorder_linear_weight(torch.zeros(16, 16, dtype=dtype), _ROWS)
        kernels._linear_pointwise(torch.zeros(1, 16, dtype=dtype), probe, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return True


class Matrix:
    """A weight matrix, shape [out, in], in the layout of the matrix kernels where there is one."""

    def __init__(self, weight: torch.Tensor, *, packed: bool) -> None:
        kernels: Any = torch.ops.mkldnn if packed else None
        self._kernels = kernels
        self._weight = kernels._reorder_linear_weight(weight.contiguous(), _ROWS) if packed else weight.contiguous()

    def multiply(self, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """`x` [rows, in] times the matrix: [rows, out]."""
        if self._kernels is None:
            return F.linear(x, self._weight, bias)
        y: torch.Tensor = self._kernels._linear_pointwise(x, self._weight, bias, "none", [], "")
        return y

    def activate(self, x: torch.Tensor, bias: torch.Tensor | None, activation: tuple[str, str]) -> torch.Tensor:
        """As `multiply`, with the activation applied."""
        if self._kernels is None:
            return _ACTIVATE[activation[0]](F.linear(x, self._weight, bias))
        y: torch.Tensor = self._kernels._linear_pointwise(x, self._weight, bias, activation[0], [], activation[1])
        return y

    def join(self, x: torch.Tensor, bias: torch.Tensor | None, other: torch.Tensor, how: str) -> torch.Tensor:
        """As `multiply`, with `other` [rows, out] added ("add") or multiplied in ("mul")."""
        if self._kernels is None:
            y = F.linear(x, self._weight, bias)
            return y.add_(other) if how == "add" else y.mul_(other)
        joined: torch.Tensor = self._kernels._linear_pointwise.binary(x, other, self._weight, bias, how)
        return joined


@dataclass(frozen=True, slots=True)
class LowRank:
    """A LoRA update: `down` [rank, in], `up` [out, rank] with the scale in it, both in float32 as they were learned.

    The half-precision kernels take ten times as long for matrices this thin, and some shapes a hundred times.
    """

    down: torch.Tensor
    up: torch.Tensor

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return 4 * (self.down.numel() + self.up.numel())

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """The update of the product of `x` [rows, in]: [rows, out]."""
        return F.linear(F.linear(x.float(), self.down), self.up).to(x.dtype)


class Linear:
    """A matrix with its bias and, while an adapter is selected, its low-rank update."""

    __slots__ = ("_bias", "_matrix", "update")

    def __init__(self, matrix: Matrix, bias: torch.Tensor | None) -> None:
        self._matrix = matrix
        self._bias = bias
        self.update: LowRank | None = None

    def multiply(self, x: torch.Tensor) -> torch.Tensor:
        if self.update is None:
            return self._matrix.multiply(x, self._bias)
        return self._matrix.join(x, self._bias, self.update.of(x), "add")

    def activate(self, x: torch.Tensor, activation: tuple[str, str]) -> torch.Tensor:
        if self.update is None:
            return self._matrix.activate(x, self._bias, activation)
        return _ACTIVATE[activation[0]](self.multiply(x))

    def scale(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The product times `other`."""
        if self.update is None:
            return self._matrix.join(x, self._bias, other, "mul")
        return self.multiply(x).mul_(other)

    def add(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The product plus `other`."""
        if self.update is not None:
            other = other + self.update.of(x)
        return self._matrix.join(x, self._bias, other, "add")
