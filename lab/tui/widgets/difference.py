"""What of a text is other than in another one: words added and words left out, by a sign and by colour."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import chain
from typing import Final

from textual.content import Content

from lab.text import harmless

_WORD: Final = re.compile(r"(\S+)(\s*)")
# A longer text is compared as one piece: the time grows with the square of the length.
_WORDS: Final = 4_000


def difference(before: str, after: str) -> tuple[Content, int, int]:
    """The text `after` with {+words+} that `before` has not and, in their place, [-words-] that only `before` has.

    Also how many words were added, and how many are gone. White space does not count.
    """
    old, new = (_WORD.findall(harmless(text).strip()) for text in (before, after))
    parts: list[tuple[str, str]] = []
    added = gone = 0
    for kind, old_from, old_to, new_from, new_to in _steps([word for word, _ in old], [word for word, _ in new]):
        if kind == "equal":
            parts.append(("".join(chain(*new[new_from:new_to])), ""))
            continue
        if parts and not parts[-1][0][-1:].isspace():
            # The last word of `after` has no space to itself.
            parts.append((" ", ""))
        if old_from < old_to:
            gone += old_to - old_from
            parts += [(f"[-{' '.join(word for word, _ in old[old_from:old_to])}-]", "$error"), (" ", "")]
        if new_from < new_to:
            added += new_to - new_from
            words = "".join(chain(*new[new_from:new_to])).rstrip()
            parts += [(f"{{+{words}+}}", "bold $success"), (new[new_to - 1][1], "")]
    return Content.assemble(*parts).rstrip(), added, gone


def _steps(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    if max(len(old), len(new)) > _WORDS and old != new:
        return [("replace", 0, len(old), 0, len(new))]
    return [(kind, a, b, c, d) for kind, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes()]
