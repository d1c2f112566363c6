"""The list of checkpoints as the command line shows it: what each is, what it takes, whether it fits now."""

from __future__ import annotations

from lab import console
from lab.engine.estimate import PROMPT_TOKENS, ROWS, estimate, gib, library_computes
from lab.engine.offers import Offer, offers, room
from lab.settings import Workspace

_COLUMNS = (
    "",
    "checkpoint",
    "family",
    "parameters",
    "prompt",
    "context",
    "licence",
    "memory",
    "sleep",
    "fits",
    "state",
)


def checkpoints(workspace: Workspace) -> tuple[str, list[str]]:
    """The table with a line on free memory, and what is wrong with checkpoints whose files are damaged.

    Raises LabError for a broken `lab.toml`.
    """
    settings = workspace.settings().engine
    free = room(settings)
    library = library_computes(settings, gpu=free.gpu_bytes is not None)
    found = offers(workspace, settings, (), free, None, None, ()).offers
    table = console.table(_COLUMNS, [_row(offer, settings.checkpoint, library) for offer in found])
    note = (
        f"{free.words}; memory is that of {ROWS} drafts after {PROMPT_TOKENS:,} tokens of context, sleep that of a"
        " training beside it."
    )
    return f"{table}\n{note}", [offer.refusal for offer in found if offer.refusal and not offer.too_large]


def _row(offer: Offer, chosen: str, library: bool) -> tuple[str | int | None, ...]:
    checkpoint = offer.checkpoint
    reckoned = None
    if offer.dtype is not None and offer.need_bytes is not None:
        reckoned = estimate(checkpoint, offer.dtype, PROMPT_TOKENS, ROWS, library=library)
    if offer.refusal:
        fits = "no"
    elif offer.need_bytes is None:
        fits = ""
    else:
        fits = f"in {offer.dtype}" if offer.proposal else "yes"
    return (
        "*" if chosen in (offer.name, checkpoint.name) else "",
        checkpoint.name,
        checkpoint.family,
        f"{checkpoint.parameters / 1e6:,.0f} M" if checkpoint.parameters else "",
        f"{checkpoint.form or 'chat'}, thinking" if checkpoint.thinking else checkpoint.form,
        checkpoint.context,
        checkpoint.licence,
        f"{gib(reckoned.total_bytes)} {reckoned.dtype}" if reckoned else "",
        gib(reckoned.training_bytes) if reckoned else "",
        fits,
        "ready" if checkpoint.ready else "to be converted" if checkpoint.source == "gguf" else "to be fetched",
    )
