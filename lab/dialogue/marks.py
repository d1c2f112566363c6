"""Marks: what a person says of an exchange decides what a sleep learns of it and what the dialogue goes on from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.domain import Exchange, Mark
from lab.errors import LabError
from lab.journal import queries
from lab.journal.beside import from_journal
from lab.journal.events import ExchangeMarked, ExchangePurged
from lab.journal.journal import Journal, Line
from lab.journal.record import Record

# A mark is a matter of one key: while the database is held longer than this, the journal is read instead.
_SYNC_SECONDS = 1.0


def mark(
    record: Record, exchange_id: str, mark: Mark | None, target: str | None = None, iteration: int | None = None
) -> Exchange:
    """Record a mark of any exchange, of whatever session, and return the exchange as it is now.

    None takes the mark back, and with it what was put in place of the answer. "edited" needs the `target`, the answer
    as it should have been. "kept" with an `iteration` makes that draft the answer; without one the answer stays what
    it is, in the person's words, too (then it is "edited"), and so does that of an "excluded" one. Raises LabError for
    an unknown exchange, one that still runs, and a mark that means nothing for it.
    """
    exchange = _exchange(record, exchange_id)
    if exchange is not None and exchange.status == "running" and not record.journal.owned(exchange.session_id):
        # Its lab was killed, and none has been opened since. The rest is for that one, which looks at adapters first.
        record.recover(exchange.session_id)
        exchange = _exchange(record, exchange_id)
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


def _exchange(record: Record, exchange_id: str) -> Exchange | None:
    if record.sync(_SYNC_SECONDS):
        return queries.exchange(record, exchange_id)
    with from_journal(record, exchange_id) as beside:
        return queries.exchange(beside, exchange_id)


class NewMarks:
    """The marks that the exchanges of a dialogue get while it goes on, whichever process makes them; and purges."""

    def __init__(self, journal: Journal, session_ids: Iterable[str]) -> None:
        self._journal = journal
        # Up to where each of these journals was read.
        self._ends = {session_id: journal.committed(session_id) for session_id in session_ids}

    def take(self, history: list[Exchange]) -> tuple[Exchange, ...]:
        """Put those that were made since the last time into the history; the exchanges that it changed.

        Of one that was purged its texts are gone, as they are from the record.

        Raises LabError as `Journal.read` does.
        """
        said: dict[str, ExchangeMarked] = {}
        purged: set[str] = set()
        for session_id, end in self._ends.items():
            if self._journal.size(session_id) == end:
                continue
            for line in self._since(session_id, end):
                self._ends[session_id] = line.end
                match line.entry.event if line.entry else None:
                    case ExchangeMarked() as event:
                        said[event.exchange_id] = event
                    case ExchangePurged(exchange_id=exchange_id):
                        purged.add(exchange_id)
        changed = []
        for at, exchange in enumerate(history if said or purged else ()):
            marked = exchange
            if (mark := said.get(exchange.exchange_id)) is not None:
                marked = replace(exchange, mark=mark.mark, target=mark.target, kept_iteration=mark.iteration)
            if exchange.exchange_id in purged:
                marked = replace(marked, mark="excluded", target=None, user_input="", response="", drafts=())
            if marked != exchange:
                history[at] = marked
                changed.append(marked)
        return tuple(changed)

    def _since(self, session_id: str, end: int) -> list[Line]:
        try:
            return list(self._journal.read(session_id, end))
        except LabError:
            # Its last line was torn, or it was cut or replaced meanwhile, which is no matter of this turn: of each
            # exchange the last mark counts.
            return list(self._journal.read(session_id))


def _marked(exchange: Exchange, mark: Mark | None, target: str | None, iteration: int | None) -> Exchange:
    """The exchange with the mark. Raises LabError for one that means nothing."""
    if mark is None:
        return replace(exchange, mark=None, target=None, kept_iteration=None)
    texts = {draft.iteration: draft.text for draft in exchange.drafts}
    if mark in ("kept", "excluded") and target is None and iteration is None:
        target, iteration = exchange.target, exchange.kept_iteration
        if mark == "kept" and target is not None and (iteration is None or target != texts.get(iteration)):
            mark = "edited"
    if iteration is not None:
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
