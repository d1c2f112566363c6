"""Text out of tokens as they arrive: whole characters, thinking apart from the answer, nothing after a stop string.

No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

THINKING_OPENS: Final = "<think>"
THINKING_CLOSES: Final = "</think>"
# Whether a draft begins with thinking: never; when it opens it itself; always, because the prompt opened it.
Thinking = Literal["none", "may", "open"]

# What a byte-level tokenizer shows for a character whose bytes are not all there yet.
_INCOMPLETE = "\ufffd"


class Growth(NamedTuple):
    """What is certain now: more of the thinking, more of the answer. Both are often empty."""

    thought: str
    text: str


class DraftStream:
    """A draft that grows by tokens; what it once gave out never changes.

    `text` is the answer and `thinking` what came before it, between marks that are part of neither; both without
    the white space around them. Thinking that does not end leaves an empty answer. Stop strings count in the
    answer only; `stopped` is True after one.
    """

    def __init__(
        self, decode: Callable[[list[int]], str], stop: Sequence[str] = (), thinking: Thinking = "none"
    ) -> None:
        self._characters = _Characters(decode)
        self._split = _Split(thinking)
        self._thought = _Passage(())
        self._answer = _Passage(stop)

    @property
    def text(self) -> str:
        return self._answer.text

    @property
    def thinking(self) -> str:
        return self._thought.text

    @property
    def stopped(self) -> bool:
        return self._answer.stopped

    def push(self, token: int) -> Growth:
        """Take one token."""
        if self.stopped:
            return Growth("", "")
        return self._take(self._characters.push(token), final=False)

    def finish(self) -> Growth:
        """What was held back; half a character at the end is left out."""
        return self._take("" if self.stopped else self._characters.finish(), final=True)

    def _take(self, piece: str, *, final: bool) -> Growth:
        thought, text = self._split.take(piece, final=final)
        return Growth(self._thought.take(thought, final=final), self._answer.take(text, final=final))


class _Characters:
    """Whole characters out of tokens."""

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        # Decoding starts a few tokens back: some tokenizers treat the first token of a text differently.
        self._from = 0
        self._read = 0

    def push(self, token: int) -> str:
        self._tokens.append(token)
        known, now = self._decoded()
        if now.endswith(_INCOMPLETE) or len(now) <= len(known):
            return ""
        self._from, self._read = self._read, len(self._tokens)
        return now[len(known) :]

    def finish(self) -> str:
        known, now = self._decoded()
        return now[len(known) :].rstrip(_INCOMPLETE)

    def _decoded(self) -> tuple[str, str]:
        return self._decode(self._tokens[self._from : self._read]), self._decode(self._tokens[self._from :])


class _Split:
    """Sends what arrives to the thinking or to the answer; a mark may come in any number of pieces."""

    def __init__(self, thinking: Thinking) -> None:
        self._state = thinking
        self._held = ""

    def take(self, piece: str, *, final: bool) -> tuple[str, str]:
        self._held += piece
        if self._state == "may":
            begun = self._held.lstrip()
            if begun.startswith(THINKING_OPENS):
                self._state, self._held = "open", begun[len(THINKING_OPENS) :]
            elif final or not THINKING_OPENS.startswith(begun):
                self._state = "none"
        thought = ""
        if self._state == "open":
            thought, closed, rest = self._held.partition(THINKING_CLOSES)
            if closed:
                self._state, self._held = "none", rest
            else:
                kept = 0 if final else _beginnings(self._held, (THINKING_CLOSES,))
                thought, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        if self._state != "none":
            return thought, ""
        text, self._held = self._held, ""
        return thought, text


class _Passage:
    """A text without the white space around it that ends at a stop string."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = tuple(mark for mark in stop if mark)
        self._held = ""
        self.text = ""
        self.stopped = False

    def take(self, piece: str, *, final: bool) -> str:
        """Take more of it; returns what is certain now."""
        self._held += piece
        found = [at for mark in self._stop if (at := self._held.find(mark)) >= 0]
        if found:
            self._held = self._held[: min(found)]
            self.stopped = True
        end = len(self._held) if final or self.stopped else len(self._held) - _beginnings(self._held, self._stop)
        end = len(self._held[:end].rstrip())
        out, self._held = self._held[:end], "" if final or self.stopped else self._held[end:]
        if not self.text:
            out = out.lstrip()
        self.text += out
        return out


def _beginnings(text: str, marks: Sequence[str]) -> int:
    """How many characters at the end of a text may be the beginning of a mark."""
    longest = 0
    for mark in marks:
        for length in range(min(len(mark) - 1, len(text)), longest, -1):
            if text.endswith(mark[:length]):
                longest = length
                break
    return longest
