"""Scoring what is recorded anew: by a profile that came later, and with what only later turns tell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter

from lab.dialogue.recording import scored
from lab.domain import Progress, Salience
from lab.errors import LabError
from lab.journal.evidence import all_evidence
from lab.journal.record import Record
from lab.salience import profile


def rescore(
    record: Record,
    name: str,
    threshold: float,
    cancel: threading.Event,
    progress: Callable[[Progress], None] = lambda progress: None,
    *,
    of_its_time: bool = False,
) -> int:
    """Score every exchange of the record by this profile, and record what is not as it was; how many were not.

    With `of_its_time` what this profile scored before keeps the threshold that it was judged by, as where that is the
    most salient share of what there was. A dialogue is recorded at once, so one that was stopped goes on where it was.
    Raises LabError for an unknown profile, a database that is held elsewhere, and a journal that cannot be written.
    """
    judge = profile(name)
    if not record.sync():
        raise LabError(f"Another program holds {record.workspace.database}.", "Close it there, then score again.")
    ((total,),) = record.query("SELECT count(*) FROM exchanges WHERE response <> ''").rows
    known = _known(record, name)

    def at(exchange_id: str) -> float:
        return known[exchange_id].threshold if of_its_time and exchange_id in known else threshold

    done = changed = 0
    for session_id, exchanges in groupby(all_evidence(record), key=itemgetter(1)):
        scores = {exchange_id: judge.score(evidence, at(exchange_id)) for exchange_id, _, evidence in exchanges}
        new = {exchange_id: score for exchange_id, score in scores.items() if known.get(exchange_id) != score}
        if cancel.is_set():
            break
        record.append(session_id, *(scored(exchange_id, score) for exchange_id, score in new.items()))
        done += len(scores)
        changed += len(new)
        progress(Progress("Scoring", done, total, "exchanges"))
    record.sync()
    return changed


def _known(record: Record, name: str) -> dict[str, Salience]:
    """What this profile said before."""
    table = record.query(
        """SELECT exchange_id, profile, surprise, novelty, arousal, reward, conflict, total, threshold FROM salience
        WHERE profile = ?""",
        [name],
    )
    return {row[0]: Salience(*row[1:]) for row in table.rows}
