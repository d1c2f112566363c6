"""How alike two wordings are in meaning, by the embedded sentence model; torch lives here.

Source: N. Reimers and I. Gurevych, Sentence-BERT (2019): the mean of the last layer over the tokens, its cosine.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from lab.engine.embedded import EMBEDDING_MODEL, embedded_folder, embedded_ready
from lab.sleep.lessons import Found, measured

_ROWS: Final = 64
# What the model was trained on; a longer wording is compared by its beginning.
_TOKENS: Final = 128


def measure(found: Sequence[Found], stop: Callable[[], bool]) -> list[Found]:
    """With how alike the wordings of each lesson to learn are (see `lessons.measured`), where the embedded sentence
    model is prepared and can be read; as they are once `stop` says so."""
    learnt = [each.lesson for each in found if each.reason is None]
    if not learnt or not embedded_ready(EMBEDDING_MODEL.name):
        return list(found)
    pairs = [(lesson.question, example.prompt) for lesson in learnt for example in lesson.examples]
    try:
        similarities = Similarity(embedded_folder(EMBEDDING_MODEL.name))(pairs, stop)
    except (OSError, ValueError, RuntimeError):
        # A sleep can do without: the log says why it did.
        traceback.print_exc()
        return list(found)
    if similarities is None:
        return list(found)
    each = iter(similarities)
    by_id = {lesson.lesson_id: measured(lesson, list(islice(each, len(lesson.examples)))) for lesson in learnt}
    return [replace(one, lesson=by_id[one.lesson.lesson_id]) if one.reason is None else one for one in found]


class Similarity:
    """Cosines between sentences, in -1..1. Loads 90 MB from a folder; raises OSError or ValueError when it cannot."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        self._network = AutoModel.from_pretrained(str(folder), local_files_only=True).eval()

    @torch.no_grad()
    def __call__(self, pairs: Sequence[tuple[str, str]], stop: Callable[[], bool]) -> list[float] | None:
        """How alike the two of each pair are; None once `stop` says so."""
        texts = sorted({text for pair in pairs for text in pair}, key=len)
        found: dict[str, Tensor] = {}
        for start in range(0, len(texts), _ROWS):
            if stop():
                return None
            rows = texts[start : start + _ROWS]
            found |= zip(rows, self._embedded(rows))
        return [float(found[one] @ found[other]) for one, other in pairs]

    def _embedded(self, texts: Sequence[str]) -> Tensor:
        """Of length 1, of shape (texts, 384)."""
        given = self._tokenizer(list(texts), padding=True, truncation=True, max_length=_TOKENS, return_tensors="pt")
        states = self._network(**given).last_hidden_state
        mask = given["attention_mask"].unsqueeze(-1)
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
        return torch.nn.functional.normalize(mean, dim=-1)
