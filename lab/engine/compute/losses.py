"""How unexpected the tokens of the prompt in a runner's cache were, where somebody asked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F


def told(start: int, end: int, judged: range) -> range:
    """The places among `judged` of which reading the tokens from `start` to `end` tells what is expected there."""
    return range(max(judged.start, start + 1), min(judged.stop, end + 1))


class Losses:
    """The loss in nats of tokens that are in the cache, by their place; of those alone that were asked for."""

    def __init__(self) -> None:
        self._nats: dict[int, float] = {}

    def cut(self, kept: int, judged: range) -> int:
        """Of the first `kept` tokens in the cache, how many need not be read again for the losses of `judged`.

        What a token is expected to be is known one place before it, so for a loss that is not known this place is read.
        """
        self._nats = {place: nats for place, nats in self._nats.items() if place < kept}
        unknown = next((place for place in judged if place not in self._nats), None)
        return kept if unknown is None else max(min(kept, unknown - 1), 0)

    def add(self, tokens: Sequence[int], places: range, logits: torch.Tensor) -> None:
        """What was expected at these places of the prompt: `logits` of shape (places, vocabulary)."""
        if places:
            said = torch.tensor(tokens[places.start : places.stop], device=logits.device)
            found = F.cross_entropy(logits.float(), said, reduction="none")
            self._nats.update(zip(places, found.tolist()))

    def of(self, judged: range) -> list[float]:
        """The losses of these tokens."""
        return [self._nats[place] for place in judged]
