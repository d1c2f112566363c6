"""What a base answers to general prompts, kept between sleeps: it is the same each time. No torch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

Tokens = Sequence[int]


class BaseAnswers:
    """A file of answers, for one checkpoint in one dtype; damaged or not to be written, it only takes longer."""

    def __init__(self, path: Path, vocabulary: int) -> None:
        self._path = path
        self._known = _read(path, vocabulary)

    def of(
        self,
        prompts: Sequence[Tokens],
        tokens: int,
        write: Callable[[Sequence[Tokens], int], Sequence[Tokens]],
        stop: Callable[[], bool],
    ) -> list[list[int]]:
        """The answer to each prompt of at most so many `tokens`: those that are not known are written, and kept unless
        `stop` cut them short."""
        keys = _keys(prompts, tokens)
        missing = [at for at, key in enumerate(keys) if key not in self._known]
        found = dict(self._known)
        if missing:
            written = write([prompts[at] for at in missing], tokens)
            found |= {keys[at]: list(answer) for at, answer in zip(missing, written)}
            if not stop():
                self._known = found
                self._keep()
        return [found[key] for key in keys]

    def known(self, prompts: Sequence[Tokens], tokens: int) -> int:
        """To how many of these prompts the answer of at most so many `tokens` need not be written."""
        return sum(key in self._known for key in _keys(prompts, tokens))

    def _keep(self) -> None:
        # Two sleeps of one workspace never run at once; a file that is cut short is made anew.
        part = self._path.with_suffix(f".{os.getpid()}.part")
        with contextlib.suppress(OSError):
            part.write_bytes(orjson.dumps(self._known))
            part.replace(self._path)
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _keys(prompts: Sequence[Tokens], tokens: int) -> list[str]:
    return [f"{tokens}:{','.join(map(str, prompt))}" for prompt in prompts]


def _read(path: Path, vocabulary: int) -> dict[str, list[int]]:
    try:
        body = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    whole = isinstance(body, dict) and all(
        isinstance(answer, list) and all(type(token) is int and 0 <= token < vocabulary for token in answer)
        for answer in body.values()
    )
    return body if whole else {}
