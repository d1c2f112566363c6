"""Which adapter answers for the weights of each checkpoint, as the person chose: a file, and the record behind it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from lab.engine.adapters import Choice, in_order, read_choices, write_choices
from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import AdapterChosen, now
from lab.journal.record import WORKSPACE_STREAM, Record

# A database that is held longer has nothing to say at the start.
_HELD_SECONDS: Final = 0.2


class AdapterChoices:
    """The choices of one workspace, in its folder of adapters."""

    def __init__(self, adapters: Path, record: Record) -> None:
        self._adapters = adapters
        self._record = record

    def choose(self, weights: str, adapter: str | None) -> None:
        """Let this adapter, or with None the checkpoint alone, answer for weights of this fingerprint.

        Raises LabError when it cannot be recorded.
        """
        at = in_order(self._adapters, now())
        # The journal first: what the file lacks is restored from it.
        self._record.append(WORKSPACE_STREAM, AdapterChosen(weights, adapter), at=at)
        write_choices(self._adapters, {**self._known(), weights: Choice(adapter, at)})

    def restore(self) -> str | None:
        """Put into the file what only the record has: it was lost, damaged, or never written. A sentence when it cannot
        be written."""
        if not any(self._adapters.iterdir()):
            return None
        try:
            recorded = queries.adapter_choices(self._record) if self._record.sync(_HELD_SECONDS) else {}
        except LabError:
            # A database that is damaged is told where it is needed.
            return None
        known = self._known()
        missing = {
            weights: Choice(adapter, at)
            for weights, (adapter, at) in recorded.items()
            if weights not in known or known[weights].at < at
        }
        try:
            if missing:
                write_choices(self._adapters, known | missing)
        except LabError as fault:
            return str(fault)
        return None

    def _known(self) -> dict[str, Choice]:
        """What was chosen, as far as the file can be read."""
        with contextlib.suppress(LabError):
            return read_choices(self._adapters)
        return {}
