"""Text out of tokens as they arrive: whole characters, no stop string, no white space at either end. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# What a byte-level tokenizer shows for a character whose bytes are not all there yet.
_INCOMPLETE = "\ufffd"


class TextStream:
    """Grows by tokens; what it once gave out never changes. `stopped` is True after a stop string."""

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stop = tuple(mark for mark in stop if mark)
        self._tokens: list[int] = []
        # Decoding starts a few tokens back: some tokenizers treat the first token of a text differently.
        self._from = 0
        self._read = 0
        self._held = ""
        self.text = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """Take one token; returns the text that is certain now, often empty."""
        if self.stopped:
            return ""
        self._tokens.append(token)
        known = self._decode(self._tokens[self._from : self._read])
        now = self._decode(self._tokens[self._from :])
        if now.endswith(_INCOMPLETE) or len(now) <= len(known):
            return ""
        self._from, self._read = self._read, len(self._tokens)
        self._held += now[len(known) :]
        return self._release(final=False)

    def finish(self) -> str:
        """The text that was held back; half a character at the end is left out."""
        if not self.stopped:
            known = self._decode(self._tokens[self._from : self._read])
            self._held += self._decode(self._tokens[self._from :])[len(known) :].rstrip(_INCOMPLETE)
        return self._release(final=True)

    def _release(self, *, final: bool) -> str:
        found = [at for mark in self._stop if (at := self._held.find(mark)) >= 0]
        if found:
            self._held = self._held[: min(found)]
            self.stopped = True
        end = len(self._held) if final or self.stopped else len(self._held) - self._beginnings()
        end = len(self._held[:end].rstrip())
        out, self._held = self._held[:end], "" if final or self.stopped else self._held[end:]
        if not self.text:
            out = out.lstrip()
        self.text += out
        return out

    def _beginnings(self) -> int:
        """How many characters at the end may be the beginning of a stop string."""
        longest = 0
        for mark in self._stop:
            for length in range(min(len(mark) - 1, len(self._held)), longest, -1):
                if self._held.endswith(mark[:length]):
                    longest = length
                    break
        return longest
