"""One dialogue: takes a turn as a plain generator of events, and writes each step to the record first."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from lab.dialogue import lineage
from lab.dialogue.context import Context, assemble
from lab.dialogue.events import TurnBegan, TurnEvent, TurnFailed, TurnFinished, TurnWeighed
from lab.dialogue.marks import NewMarks
from lab.dialogue.recording import drafted, finished, measured, opened, scored, started
from lab.dialogue.witness import Witness
from lab.domain import (
    Draft,
    Evidence,
    Exchange,
    ExchangeStatus,
    GenerationEvent,
    Loaded,
    Prompt,
    PromptRead,
    Refinement,
    Sampling,
    Session,
)
from lab.engine.client import Engine
from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import Event, SessionEnded, now
from lab.journal.evidence import evidence_of
from lab.journal.record import Record
from lab.refinement.irp import DraftGrew, DraftScored, Refined, RefinementEvent, choose, refine, samplings
from lab.salience import profile, scores, threshold_of
from lab.settings import Settings

_TITLE_LENGTH: Final = 60
# Bars that move more often than that nobody reads.
_WEIGH_SECONDS: Final = 0.25


def new_session_id() -> str:
    """A session id that sorts by time and that two labs do not share: UTC time and four random digits."""
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def require_text(text: str) -> None:
    """Raise LabError for a message that says nothing."""
    if not text.strip():
        raise LabError("The message is empty.", "Write something first.")


class Conversation:
    """A session that this process owns. One turn at a time, from any one thread."""

    def __init__(
        self,
        session: Session,
        history: Sequence[Exchange],
        engine: Engine,
        record: Record,
        settings: Settings,
        parent_title: str | None = None,
        alone: bool = False,
    ) -> None:
        self.session = session
        self._alone = alone
        self.parent_title = parent_title
        self.history = list(history)
        self._engine = engine
        self._record = record
        self._settings = settings
        profile(settings.salience.profile)
        self._marks = NewMarks(record.journal, {session.session_id, *(one.session_id for one in self.history)})
        self._ownership = contextlib.ExitStack()
        # Counted apart from the history: a turn whose end could not be recorded has its number all the same.
        self._turns = self.history[-1].turn if self.history else 0
        self._talked = False
        # Of the last turn, until the next one tells how it went.
        self._evidence: Evidence | None = None

    @classmethod
    def begin(cls, engine: Engine, record: Record, settings: Settings, alone: bool = False) -> Conversation:
        """A new dialogue; `alone` it is scored as if nothing had been said in another one. Nothing is recorded before
        its first turn, so looking around leaves no empty sessions."""
        salience = settings.salience
        threshold = threshold_of(salience.profile, salience.threshold)
        session = Session(new_session_id(), now(), None, None, salience.profile, threshold)
        return cls(session, (), engine, record, settings, alone=alone)

    @classmethod
    def resume(cls, session_id: str, engine: Engine, record: Record, settings: Settings) -> Conversation:
        """Continue a recorded dialogue.

        Raises LabError when it is unknown, open in another lab, or not wholly to be seen because another program
        holds the database: a turn that is not known would have its number taken.
        """
        _known(record, session_id)
        with contextlib.ExitStack() as ownership:
            # Before its turns are read: until then another lab may take one more.
            ownership.enter_context(record.journal.own(session_id))
            session = _known(record, session_id)
            title = lineage.parent_title(record, session)
            conversation = cls(session, lineage.history(record, session), engine, record, settings, title)
            if conversation.history and conversation.history[-1].session_id == session_id:
                conversation._evidence = evidence_of(record, conversation.history[-1])
            conversation._ownership = ownership.pop_all()
        return conversation

    @classmethod
    def fork(cls, exchange_id: str, engine: Engine, record: Record, settings: Settings) -> Conversation:
        """A new dialogue that goes on from an exchange of the record; as `begin`, recorded with its first turn.

        Raises LabError when the exchange is unknown, still runs, or the database is held elsewhere.
        """
        _synced(record, f"The exchange {exchange_id} cannot be forked")
        exchange = queries.exchange(record, exchange_id)
        parent = queries.session(record, exchange.session_id) if exchange else None
        if exchange is None or parent is None:
            raise LabError(
                f'There is no exchange "{exchange_id}".', "lab sessions and lab show SESSION list what there is."
            )
        if exchange.status == "running":
            raise LabError(f"{exchange_id} is still being answered.", "Fork it when its answer is there.")
        salience = settings.salience
        session = Session(
            new_session_id(),
            now(),
            None,
            None,
            salience.profile,
            threshold_of(salience.profile, salience.threshold),
            parent_session_id=exchange.session_id,
            parent_exchange_id=exchange_id,
        )
        return cls(
            session, lineage.history(record, session), engine, record, settings, lineage.parent_title(record, session)
        )

    @property
    def inherited(self) -> int:
        """How many exchanges of the history, its first ones, are those of the sessions that this is a fork of."""
        own = self.session.session_id
        return next((n for n, one in enumerate(self.history) if one.session_id == own), len(self.history))

    def _own(self) -> None:
        self._ownership.enter_context(self._record.journal.own(self.session.session_id))

    def end(self) -> None:
        """End the session in the record, if anything was said in it here; it can go on all the same.

        Raises LabError when that cannot be recorded.
        """
        if self._talked:
            self._append(SessionEnded(self.session.session_id))
            self._talked = False

    def close(self) -> None:
        """As `end`, and let other labs have it, whether it could be recorded or not."""
        try:
            self.end()
        finally:
            self._ownership.close()

    def marked(self, exchange: Exchange) -> None:
        """Take over what a person said of an exchange, if it is one of this dialogue: the next turn goes on from it."""
        for number, known in enumerate(self.history):
            if known.exchange_id == exchange.exchange_id:
                self.history[number] = exchange

    def take_turn(self, text: str, cancel: threading.Event, seed: int | None = None) -> Iterator[TurnEvent]:
        """Answer a message: record it, draft, choose, score, record.

        `seed` (else the setting, else a random one) is that of the first draft. Raises LabError before anything is
        recorded when the message is empty, does not fit the window, or the engine cannot be asked; after that every
        outcome is an event, and a generator that is closed early records a cancelled exchange.
        """
        require_text(text)
        began = time.monotonic()
        # Once for the whole turn: an engine that dies meanwhile has none.
        loaded = self._engine.loaded
        if loaded is None:
            raise LabError("No model is loaded yet.", "Wait until the engine is ready, or start it again.")
        # Marked in another terminal meanwhile: the dialogue goes on from that.
        marked = self._marks.take(self.history)
        context = self._context(text, loaded)
        exchange = self._begin_turn(text, context, loaded)
        rescored = self._rescore(text)
        rows = self._rows(seed)
        begun = TurnBegan(
            exchange.exchange_id, exchange.turn, text, len(rows), context.tokens, context.left_out, marked, rescored
        )
        drafts: list[Draft] = []
        refinement: Refinement | None = None
        error: LabError | None = None
        salience = self._settings.salience
        with Witness(self._engine, self._record, exchange, self.history, salience, self._alone) as witness:
            try:
                yield begun
                generated = _heard(self._generate(context.prompt, rows, cancel), witness)
                for event in self._weighed(refine(generated, rows), witness):
                    if isinstance(event, Refined):
                        refinement = event.refinement
                        continue
                    if isinstance(event, DraftScored):
                        self._append(drafted(exchange.exchange_id, event.draft))
                        drafts.append(event.draft)
                    yield event
            except LabError as fault:
                error = fault
            except GeneratorExit:
                cancel.set()
                self._finish(exchange, witness, drafts, None, "cancelled", None, began)
                raise
            # A cancel that comes when every draft has ended cuts nothing short.
            cut = len(drafts) < len(rows) or any(draft.finish == "cancelled" for draft in drafts)
            status: ExchangeStatus = "failed" if error else "cancelled" if cancel.is_set() and cut else "complete"
            try:
                done = self._finish(exchange, witness, drafts, refinement, status, error, began)
            except LabError as fault:
                # The disk is full, say. The turn's beginning is recorded, and the next start ends it as failed.
                done, error = replace(exchange, status="failed", reason=str(fault), drafts=tuple(drafts)), fault
                self.history.append(done)
        yield TurnFailed(done, error) if error else TurnFinished(done)

    def _weighed(self, events: Iterator[RefinementEvent], witness: Witness) -> Iterator[RefinementEvent | TurnWeighed]:
        """The same events; now and then what the turn would score as it stands."""
        texts: defaultdict[int, str] = defaultdict(str)
        best: Draft | None = None
        due = time.monotonic()
        for event in events:
            yield event
            if isinstance(event, DraftGrew):
                texts[event.iteration] += event.text
            elif isinstance(event, DraftScored):
                best = choose((best, event.draft)).winner if best is not None else event.draft
            if time.monotonic() >= due and not isinstance(event, Refined):
                answer = best.text if best is not None else texts[min(texts, default=0)]
                evidence = witness.so_far(answer, best.energy if best is not None else None)
                yield TurnWeighed(scores(evidence, self._settings.salience.profile, witness.threshold()))
                due = time.monotonic() + _WEIGH_SECONDS

    def _generate(self, prompt: Prompt, rows: list[Sampling], cancel: threading.Event) -> Iterator[GenerationEvent]:
        """Drafts side by side, or one after another as published; the engine reads the prompt once either way."""
        settings = self._settings.refinement
        if settings.drafts == "batch":
            yield from self._engine.generate(prompt, rows, settings.max_tokens, cancel)
            return
        for row, sampling in enumerate(rows):
            if cancel.is_set():
                return
            for event in self._engine.generate(prompt, [sampling], settings.max_tokens, cancel):
                if not isinstance(event, PromptRead):
                    yield replace(event, row=row)
                elif row == 0:
                    yield event

    def _context(self, text: str, loaded: Loaded) -> Context:
        return assemble(
            text,
            self.history,
            mode=self._settings.dialogue.context,
            form=loaded.form,
            window=loaded.context,
            reserve=self._settings.refinement.max_tokens,
            count=self._engine.count,
            thinking=self._settings.dialogue.thinking,
        )

    def _rows(self, seed: int | None) -> list[Sampling]:
        refinement = self._settings.refinement
        if seed is None:
            seed = refinement.seed if refinement.seed is not None else secrets.randbits(31)
        return samplings(refinement.iterations, seed, refinement.temperature, refinement.cooling, refinement.floor)

    def _begin_turn(self, text: str, context: Context, loaded: Loaded) -> Exchange:
        """Write the user's turn to the record; the first one opens the session there."""
        self._turns += 1
        exchange = Exchange(
            exchange_id=f"{self.session.session_id}-{self._turns:04d}",
            session_id=self.session.session_id,
            turn=self._turns,
            created_at=now(),
            user_input=text,
            response="",
            status="running",
            checkpoint=loaded.name,
            adapter=self._engine.adapter,
            prompt_tokens=context.tokens,
        )
        events: list[Event] = []
        if not self._recorded():
            self._own()
            self.session = replace(
                self.session,
                checkpoint=exchange.checkpoint,
                adapter=exchange.adapter,
                title=_title(text),
                revision=loaded.revision,
            )
            events.append(opened(self.session))
        self._append(*events, started(exchange))
        self._talked = True
        return exchange

    def _rescore(self, text: str) -> Exchange | None:
        """Record how the turn before went, by what the person says now; None where that changes no score."""
        evidence, self._evidence = self._evidence, None
        if evidence is None:
            return None
        last, chosen = self.history[-1], self._settings.salience.profile
        threshold = next((score.threshold for score in last.salience if score.profile == chosen), None)
        if threshold is None:
            return None
        first = scores(replace(evidence, following=None, mark=None), chosen, threshold)
        latest = scores(replace(evidence, following=text, mark=last.mark), chosen, threshold)
        # Of a profile that does not look ahead the recorded score stands, whoever made it.
        changed = {score.profile: score for score, before in zip(latest, first) if score != before}
        new = tuple(({score.profile: score for score in last.salience} | changed).values())
        if new == last.salience:
            return None
        try:
            self._append(*(scored(last.exchange_id, score) for score in changed.values()))
        except LabError:
            # A disk that is full by now ends this turn, whose own events are more than these.
            return None
        self.history[-1] = replace(last, salience=new)
        return self.history[-1]

    def _finish(
        self,
        exchange: Exchange,
        witness: Witness,
        drafts: Sequence[Draft],
        refinement: Refinement | None,
        status: ExchangeStatus,
        error: LabError | None,
        began: float,
    ) -> Exchange:
        """Record how the exchange ended, with what was measured and its scores, and add it to the history."""
        # Side by side they end in any order.
        drafts = sorted(drafts, key=lambda draft: draft.iteration)
        if refinement is None and drafts:
            refinement = choose(drafts)
        winner = refinement.winner if refinement else None
        done = replace(
            exchange,
            response=winner.text if winner else "",
            status=status,
            response_tokens=winner.tokens if winner else 0,
            seconds=time.monotonic() - began,
            reason=str(error) if error else _silence(status, drafts),
            drafts=tuple(drafts),
            chosen=winner.iteration if winner else None,
        )
        found: list[Event] = []
        self._evidence = None
        if done.response:
            self._evidence = evidence = witness.evidence(done)
            found.append(witness.event(evidence))
            chosen = self._settings.salience.profile
            done = replace(done, salience=scores(evidence, chosen, witness.threshold()))
        self._append(
            finished(done, refinement.converged if refinement else None),
            *found,
            *(scored(done.exchange_id, score) for score in done.salience),
            *measured(self._engine.take_readings()),
        )
        self.history.append(done)
        return done

    def _recorded(self) -> bool:
        return self._record.journal.size(self.session.session_id) > 0

    def _append(self, *events: Event) -> None:
        self._record.append(self.session.session_id, *events)


def _heard(events: Iterator[GenerationEvent], witness: Witness) -> Iterator[GenerationEvent]:
    """The same events; the witness is told how unexpected the turn was."""
    for event in events:
        if isinstance(event, PromptRead):
            witness.bits, witness.byte_bits = event.bits, event.byte_bits
        yield event


def _synced(record: Record, trouble: str) -> None:
    """Raise LabError when the database cannot be brought up to the journal."""
    if not record.sync():
        raise LabError(
            f"{trouble}: another program holds {record.workspace.database}.",
            "Close that program, or begin a new session: everything is safe in the journal.",
        )


def _known(record: Record, session_id: str) -> Session:
    """A session with all its turns in the database. Raises LabError as `Conversation.resume` does."""
    _synced(record, f"The session {session_id} cannot be continued")
    session = queries.session(record, session_id)
    if session is None:
        raise LabError(f'There is no session "{session_id}".', "lab sessions lists them.")
    return session


def _silence(status: ExchangeStatus, drafts: Sequence[Draft]) -> str | None:
    """Why a turn that came to its end has no answer; None when it has one."""
    if status != "complete" or any(draft.text for draft in drafts):
        return None
    if any(draft.thinking for draft in drafts):
        return (
            "Every draft was still thinking at the token limit. Raise refinement.max_tokens in lab.toml, or set"
            " dialogue.thinking = false."
        )
    return "Every draft was empty. Ask again, or ask differently."


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TITLE_LENGTH else f"{line[: _TITLE_LENGTH - 3].rstrip()}..."
