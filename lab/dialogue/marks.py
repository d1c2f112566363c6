"""Marks: what a person says of an exchange decides what a sleep learns of it and what the dialogue goes on from."""

from __future__ import annotations

from dataclasses import replace

from lab.domain import Exchange, Mark
from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import ExchangeMarked
from lab.journal.record import Record

# A mark is a matter of one key: whoever holds the database longer than this is told about.
_SYNC_SECONDS = 2.0


def mark(
    record: Record, exchange_id: str, mark: Mark | None, target: str | None = None, iteration: int | None = None
) -> Exchange:
    """Record a mark of any exchange, of whatever session, and return the exchange as it is now.

    None takes the mark back, and with it what was put in place of the answer. "edited" needs the `target`, the answer
    as it should have been. "kept" with an `iteration` makes that draft the answer. "excluded" may name either, which
    stays the answer of the dialogue. Raises LabError for an unknown exchange, one that still runs, a mark that means
    nothing for it, and a database that is held elsewhere.
    """
    if not record.sync(_SYNC_SECONDS):
        raise LabError(
            f"{exchange_id} cannot be marked: another program holds {record.workspace.database}.",
            "Close that program, then mark it again.",
        )
    exchange = queries.exchange(record, exchange_id)
    if exchange is None:
        raise LabError(
            f'There is no exchange "{exchange_id}".', "lab sessions and lab show SESSION list what there is."
        )
    if exchange.status == "running":
        raise LabError(f"{exchange_id} is still being answered.", "Mark it when its answer is there.")
    marked = _marked(exchange, mark, target, iteration)
    event = ExchangeMarked(exchange_id, marked.mark, marked.target, marked.kept_iteration)
    record.append(exchange.session_id, event)
    return marked


def _marked(exchange: Exchange, mark: Mark | None, target: str | None, iteration: int | None) -> Exchange:
    """The exchange with the mark. Raises LabError for one that means nothing."""
    if mark is None:
        return replace(exchange, mark=None, target=None, kept_iteration=None)
    if iteration is not None:
        texts = {draft.iteration: draft.text for draft in exchange.drafts}
        if iteration not in texts:
            raise LabError(
                f"{exchange.exchange_id} has no draft {iteration + 1}.", f"It has {len(texts)}: lab show lists them."
            )
        target = texts[iteration] if target is None or mark == "kept" else target
        if mark == "kept" and iteration == exchange.chosen:
            # The recorded answer itself.
            target = iteration = None
    elif mark == "kept":
        target = None
    marked = replace(exchange, mark=mark, target=target, kept_iteration=iteration)
    if mark == "edited" and target is None:
        raise LabError(
            f"{exchange.exchange_id} is marked as edited, without an answer.", "Say what it should have been."
        )
    if mark != "excluded" and not marked.answer.strip():
        raise LabError(
            f"The answer of {exchange.exchange_id} would be empty.",
            "Write what it should have been, or exclude the exchange.",
        )
    return marked
