"""Sentences as vectors, by the embedded sentence model: what means alike points the same way; torch lives here.

Source: N. Reimers and I. Gurevych, Sentence-BERT (2019): the mean of the last layer over the tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from lab.engine.embedded import SENTENCE_TOKENS
from lab.engine.reading import READING

_ROWS: Final = 64
# A token is a character at least: what follows need not be cut into tokens.
_CHARACTERS_A_TOKEN: Final = 32


class Sentences:
    """The sentence model of a folder: 90 MB. Raises OSError or ValueError when it cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        with READING:
            self._network = AutoModel.from_pretrained(str(folder), local_files_only=True).eval()

    @torch.no_grad()
    def vectors(
        self,
        texts: Sequence[str],
        stop: Callable[[], bool] = bool,
        most: int = SENTENCE_TOKENS,
        seen: Callable[[int], None] = lambda texts: None,
    ) -> Tensor | None:
        """Vectors of length 1, of shape (texts, 384), by the first `most` tokens of each; None once `stop` says so.
        `seen` is told how many more texts were read."""
        found: dict[str, Tensor] = {}
        distinct = sorted(set(texts), key=len)
        for start in range(0, len(distinct), _ROWS):
            if stop():
                return None
            rows = distinct[start : start + _ROWS]
            found |= zip(rows, self._read([text[: most * _CHARACTERS_A_TOKEN] for text in rows], most))
            seen(len(rows))
        return torch.stack([found[text] for text in texts]) if texts else torch.empty(0, 0)

    def _read(self, texts: list[str], most: int) -> Tensor:
        # The two marks around each text are no tokens of it.
        given = self._tokenizer(texts, padding=True, truncation=True, max_length=most + 2, return_tensors="pt")
        states = self._network(**given).last_hidden_state
        mask = given["attention_mask"].unsqueeze(-1)
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
        return torch.nn.functional.normalize(mean, dim=-1)
