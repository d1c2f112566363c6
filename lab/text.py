"""Text for people: whatever a model or a file says becomes harmless to show; numbers become short."""

from __future__ import annotations

import re
import textwrap
from datetime import datetime, timezone
from typing import Final

# Control characters are shown as control pictures (ESC as U+241B), so that a terminal never obeys a model.
# C1 controls, bidirectional overrides (they reorder what is read) and lone surrogates (a terminal's encoding refuses
# them) become the replacement character. Newline and tab stay.
_PICTURES: Final = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD),
    **dict.fromkeys((0x2028, 0x2029), 0x0A),
}
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_LINE_ENDS: Final = re.compile("\r\n?")
_SPACES: Final = re.compile(r"\s+")

DOT: Final = " \u00b7 "
ELLIPSIS: Final = "\u2026"


def visible(text: str) -> str:
    """The text with every control character made visible but tabs and line ends, which become newlines."""
    return _SURROGATES.sub("\ufffd", _LINE_ENDS.sub("\n", text).translate(_PICTURES))


def harmless(text: str) -> str:
    """As `visible`, with four spaces for a tab: what may be put on the screen."""
    return visible(text).expandtabs(4)


def cells(text: str) -> int:
    """How many columns of a terminal a text takes: a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, width: int) -> str:
    """The text with spaces up to `width` columns of a terminal."""
    return text + " " * (width - cells(text))


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """A text of one line in lines of at most `width` columns of a terminal, behind `first` on the first of them and
    `rest` on the others; none of an empty text."""
    if text.isascii():
        return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest)
    room = max(width - max(cells(first), cells(rest)), 2)
    lines: list[str] = []
    line, begun = first, False
    for word in text.split():
        for part in _parts(word, room):
            if begun and cells(line) + 1 + cells(part) > width:
                lines.append(line)
                line, begun = rest, False
            line, begun = f"{line}{' ' if begun else ''}{part}", True
    return [*lines, line] if begun else lines


def _parts(word: str, room: int) -> list[str]:
    """A word, or where it is wider than `room` columns, as a sentence of a script without spaces is, its parts."""
    if cells(word) <= room:
        return [word]
    parts = [""]
    for letter in word:
        if cells(parts[-1] + letter) > room:
            parts.append("")
        parts[-1] += letter
    return parts


def cut(text: str, width: int) -> str:
    """The beginning of a text, in at most `width` columns of a terminal."""
    text = text[: max(width, 0)]
    while cells(text) > max(width, 0):
        text = text[:-1]
    return text


def one_line(text: str, width: int | None = None) -> str:
    """Harmless text on one line, cut at `width` columns of a terminal with an ellipsis."""
    # A long text is cut before it is cleaned: only its beginning can show.
    line = _SPACES.sub(" ", harmless(text if width is None else text[: 4 * width + 64])).strip()
    if width is None or cells(line) <= width:
        return line
    return cut(line, width - 1).rstrip() + ELLIPSIS


def tail(text: str, width: int) -> str:
    """The end of a text on one line, in `width` columns, with an ellipsis where something went before."""
    line = _SPACES.sub(" ", harmless(text[-(4 * width + 64) :])).lstrip()
    if cells(line) <= width and len(text) <= 4 * width + 64:
        return line
    line = line[-(width - 1) :] if width > 1 else ""
    while cells(line) > max(width - 1, 0):
        line = line[1:]
    return ELLIPSIS + line if width > 1 else ""


def model_name(name: str) -> str:
    """A checkpoint's name as it is shown: of a path the last part, all of a hub id."""
    return one_line(name.rstrip("/").rsplit("/", 1)[-1] if name.startswith(("/", "~", ".")) else name)


def number(value: float) -> str:
    """A number as a table shows it: six digits, of a large one all before the point."""
    return f"{value:.6g}" if not abs(value) >= 1e6 else f"{value:.1f}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: "6.1 s", "1:20", "2:05:00"."""
    # Below what would be rounded to "60.0 s".
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def when(at: datetime) -> str:
    """A time as it is shown, which is UTC everywhere: "2026-01-02 03:04"."""
    return f"{at.astimezone(timezone.utc):%Y-%m-%d %H:%M}"


def amount(size: float) -> str:
    """Bytes as a person says them (decimal): "12 bytes", "3 kB", "512 MB", "1.2 GB"."""
    if size < 1e3:
        return count(round(size), "byte")
    # From what would be rounded to "1000 kB" on, the next unit.
    if size < 999.5e3:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.0f} MB" if size < 999.5e6 else f"{size / 1e9:.1f} GB"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 exchange", "3 exchanges"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
