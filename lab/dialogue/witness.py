"""What is measured in a turn beside its texts, so that profiles can score it: before its drafts, and after them."""

from __future__ import annotations

import contextlib
import statistics
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final

from lab.domain import Evidence, Exchange, Usual
from lab.engine.client import Engine
from lab.engine.embedded import SENTENCE_TOKENS
from lab.errors import LabError
from lab.journal import meaning
from lab.journal.events import TurnMeasured
from lab.journal.evidence import MOST_BEFORE
from lab.journal.meaning import Nearest
from lab.journal.queries import top_total
from lab.journal.record import Record
from lab.salience import threshold_of
from lab.settings import SalienceSettings

# The beginning of a draft says what it is about, and costs a third of all of it.
_DRAFT_TOKENS: Final = 64
# From such a cosine on the same was said, in other words at most.
_SAME: Final = 0.8
# The record is asked while drafts are written; one that takes longer has to be done without.
_WAIT_SECONDS: Final = 0.5


class Witness:
    """Measures one turn. What cannot be measured is None, and stops no turn; to be left when the turn ends."""

    def __init__(
        self,
        engine: Engine,
        record: Record,
        exchange: Exchange,
        history: Sequence[Exchange],
        settings: SalienceSettings,
        alone: bool = False,
    ) -> None:
        """Begin with what the person said: its meaning, and in a thread what the record knows about that, or `alone`
        what its own session does."""
        self.bits: float | None = None
        self.byte_bits: float | None = None
        self._engine = engine
        self._record = record
        self._exchange = exchange
        self._before = tuple(text for each in history[-MOST_BEFORE:] for text in (each.user_input, each.answer))
        heard = self._meanings([exchange.user_input])
        self._vector = heard[0] if heard else None
        self._usual: Usual | None = None
        self._nearest: Nearest | None = None
        self._settings = settings
        self._within = exchange.session_id if alone else None
        self._top: float | None = None
        self._looked = False
        self._left = threading.Event()
        self._looking = threading.Thread(target=self._look_back, name="witness")
        self._looking.start()

    def __enter__(self) -> Witness:
        return self

    def __exit__(self, *exception: object) -> None:
        # A thread that is in the database while Python ends takes the whole process down.
        self._left.set()
        self._looking.join()

    def so_far(self, answer: str, energy: float | None) -> Evidence:
        """What is known by now of the turn with this answer; asks nobody and waits for nothing."""
        nearest = self._nearest.cosine if self._nearest is not None else 0.0
        return Evidence(
            said=self._exchange.user_input,
            answer=answer,
            bits=self.bits,
            usual=self._usual,
            byte_bits=self.byte_bits,
            nearest=nearest if self._looked else None,
            energy=energy,
            before=self._before,
        )

    def evidence(self, done: Exchange) -> Evidence:
        """All that is known of the exchange now that it is answered; asks the engine what the drafts mean."""
        self._looking.join(_WAIT_SECONDS)
        nearest = self._nearest
        texts = [draft.text for draft in done.drafts if draft.text.strip()]
        again = [nearest.answer] if nearest is not None and nearest.cosine >= _SAME and nearest.answer.strip() else []
        # After a cancel the engine may not hear for a while, and nobody wants to wait.
        whole = done.status == "complete"
        meanings = (self._meanings([*texts, *again, done.response], _DRAFT_TOKENS) if whole else None) or []
        drafts, answer = meanings[: len(texts)], meanings[-1:]
        winner = next((draft for draft in done.drafts if draft.iteration == done.chosen), None)
        return replace(
            self.so_far(done.response, winner.energy if winner is not None else None),
            agreement=_agreement(drafts),
            consistency=_cosine(meanings[len(texts)], answer[0]) if again and meanings else None,
        )

    def threshold(self) -> float:
        """The total from which on the exchange is salient by the profile of the settings."""
        return threshold_of(self._settings.profile, self._settings.threshold) if self._top is None else self._top

    def event(self, evidence: Evidence) -> TurnMeasured:
        """The measurements as they are recorded."""
        return TurnMeasured(
            self._exchange.exchange_id,
            evidence.bits,
            evidence.nearest,
            self._nearest.exchange_id if self._nearest is not None and evidence.nearest is not None else None,
            evidence.agreement,
            evidence.consistency,
            meaning.written(self._vector) if self._vector is not None else "",
            evidence.byte_bits,
        )

    def _look_back(self) -> None:
        # A record that cannot be asked now tells nothing: the turn goes on.
        with contextlib.suppress(LabError):
            # What the turn before was measured by is in the journal already, and belongs to what is usual.
            self._record.settle(_WAIT_SECONDS)
            if self._settings.share:
                self._top = top_total(self._record, self._settings.profile, self._settings.share, self._left)
            checkpoint = self._exchange.checkpoint or ""
            self._usual = meaning.usual_bits(self._record, checkpoint, cancel=self._left, session_id=self._within)
            if self._vector is not None:
                own = self._exchange.exchange_id
                self._nearest = meaning.nearest(self._record, self._vector, own, self._left, self._within)
                self._looked = True

    def _meanings(self, texts: Sequence[str], tokens: int = SENTENCE_TOKENS) -> list[list[float]] | None:
        # Whatever is wrong with the engine the drafts will tell.
        with contextlib.suppress(LabError):
            return self._engine.embed(texts, tokens)
        return None


def _agreement(vectors: Sequence[Sequence[float]]) -> float | None:
    """The mean cosine of each two; None where there are no two."""
    pairs = list(combinations(vectors, 2))
    return statistics.fmean(_cosine(*pair) for pair in pairs) if pairs else None


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other))
