"""The words of the picker: one line a checkpoint, a few about it, one line an adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from textual.content import Content

from lab.domain import Checkpoint
from lab.engine.estimate import gib
from lab.engine.offers import Offer, Offers
from lab.text import DOT, amount, model_name, one_line, padded, tail, when

_WIDE: Final = 90
_NAME: Final = {True: 30, False: 23}
_LICENCE: Final = 14


@dataclass(frozen=True, slots=True)
class AdapterRow:
    """An adapter, or none, as a line; `value` is what is chosen with it, `proposed` the one to begin at."""

    value: str
    content: Content
    proposed: bool


def offer_row(offer: Offer, width: int, *, typed: bool = False) -> Content:
    """Name, parameters, form, licence where there is room, memory, and whether it can be had; in `width` cells."""
    checkpoint = offer.checkpoint
    wide = width >= _WIDE
    # The end of a path tells more than its beginning.
    name = f"Load {tail(offer.name, _NAME[wide] - 6)}" if typed else model_name(checkpoint.name)
    quiet = "$quiet" if offer.refusal else "$foreground"
    state, style = _state(offer)
    parts: list[tuple[str, str]] = [
        ("  ", ""),
        (_cell(name, _NAME[wide]), quiet),
        (f"{parameters(checkpoint):>6}  ", "$quiet"),
        (_cell(form(checkpoint), 6 if wide else 5), "$quiet"),
    ]
    if wide:
        parts.append((_cell(checkpoint.licence or "", _LICENCE), "$quiet"))
    need = "" if offer.need_bytes is None else gib(offer.need_bytes)
    parts += [(f"{need:>8}  ", "$quiet"), (state, style)]
    return Content.assemble(*parts).truncate(max(width, 1), ellipsis=True)


def about(offer: Offer) -> str:
    """The rest of what is known, or why it cannot be chosen."""
    checkpoint = offer.checkpoint
    if offer.refusal:
        return offer.refusal
    parts = [one_line(checkpoint.location, 70)]
    if checkpoint.licence:
        parts.append(f"licence {checkpoint.licence}")
    if checkpoint.context is not None:
        parts.append(f"window {checkpoint.context:,} tokens")
    if checkpoint.thinking:
        parts.append("can think first")
    if offer.need_bytes is not None:
        parts.append(f"needs {gib(offer.need_bytes)} of memory in {offer.dtype}")
    if offer.download_bytes is None:
        parts.append("a download of a size not known yet")
    elif offer.download_bytes:
        parts.append(f"a download of about {amount(offer.download_bytes)}")
    said = DOT.join(parts)
    return f"{said}\n{offer.proposal}" if offer.proposal else said


def adapter_rows(offer: Offer, offers: Offers, width: int) -> list[AdapterRow]:
    """No adapter, then those that fit, newest first; of a checkpoint that is not here only "the newest"."""
    own = Path(offer.checkpoint.adapter).name if offer.checkpoint.adapter else None
    if offer.refusal:
        return []
    if not offer.checkpoint.ready:
        return [AdapterRow("newest", Content.styled("  the newest that fits, if there is one", "$quiet"), True)]
    if not offer.adapters and own is None:
        return [AdapterRow("newest", Content.styled("  no adapter yet: a sleep makes one", "$quiet"), True)]
    names = ["no adapter", *([own] if own else []), *(adapter.name for adapter in offer.adapters)]
    column = min(max(len(name) for name in names) + 2, 26)
    # What is proposed: what answers now, else the newest.
    wanted = offers.active_adapter if offer.active else own or offer.adapters[0].name

    def row(value: str, name: str | None, words: list[str]) -> AdapterRow:
        parts: list[tuple[str, str]] = [(f"  {_cell(name or 'no adapter', column)}", "$foreground")]
        if offer.active and name == wanted:
            parts.append((f"answers now{DOT if words else ''}", "bold $primary"))
        parts.append((DOT.join(words), "$quiet"))
        return AdapterRow(value, Content.assemble(*parts).truncate(max(width, 1), ellipsis=True), name == wanted)

    rows = [row("none", None, [])]
    if own is not None:
        rows.append(row("newest", own, ["its own"]))
    for number, adapter in enumerate(offer.adapters):
        made = when(adapter.created_at)
        words = [f"{made} UTC" if width >= _WIDE else made[:10], amount(adapter.bytes)]
        words += ["newest"] if number == 0 else []
        words += ["in memory"] if offer.active and adapter.name in offers.resident else []
        rows.append(row(adapter.name, adapter.name, words))
    return rows


def parameters(checkpoint: Checkpoint) -> str:
    """How many, short: "494 M", "1.5 B"."""
    number = checkpoint.parameters
    if number is None:
        return ""
    return f"{number / 1e9:.1f} B" if number >= 999_500_000 else f"{number / 1e6:.0f} M"


def form(checkpoint: Checkpoint) -> str:
    """ "base" or "chat", or nothing where the tokenizer decides."""
    return {"plain": "base", "chat": "chat", None: ""}[checkpoint.form]


def _state(offer: Offer) -> tuple[str, str]:
    """Whether it can be had, in words, and their colour."""
    if offer.active:
        return "answers now", "bold $primary"
    if offer.refusal:
        return ("too large" if offer.too_large else "cannot be loaded"), "$error"
    fits, style = ("fits", "$success")
    if offer.need_bytes is None:
        fits, style = "size not known", "$quiet"
    elif offer.proposal:
        # Without a word more: at 80 columns "bfloat16, fetch 15.2 GB" just fits.
        fits, style = str(offer.dtype), "$warning"
    if offer.download_bytes:
        return f"{fits}, fetch {amount(offer.download_bytes)}", style
    if offer.download_bytes is None:
        return f"{fits}, fetch", style
    if not offer.checkpoint.ready:
        return f"{fits}, converted first", style
    return f"{fits}, ready", style


def _cell(text: str, width: int) -> str:
    return padded(one_line(text, width - 1), width)
