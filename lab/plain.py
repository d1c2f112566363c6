"""The session without a screen: a transcript line after line, for screen readers, pipes and dumb terminals."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lab import console, transcript
from lab.dialogue.events import TurnBegan, TurnEvent, TurnFailed, TurnFinished
from lab.dialogue.marks import mark
from lab.domain import Exchange, Progress
from lab.engine import catalogue
from lab.errors import LabError
from lab.journal import history, queries
from lab.journal.find import find_exchange, find_session
from lab.journal.sleep_events import SleepMeasured
from lab.receipt import outcome
from lab.refinement.irp import DraftGrew, DraftThought
from lab.sleep.room import NoRoom
from lab.sleep.watch import deep_words
from lab.text import count, harmless, model_name, one_line, when

if TYPE_CHECKING:
    from lab.dialogue.conversation import Conversation
    from lab.lab import Lab

_SESSIONS: Final = 20
# Work that is quicker than this says only that it began.
_QUIET_SECONDS: Final = 1.0
# An answer that takes its time says so often that it is still being written.
_ALIVE_SECONDS: Final = 10.0
# A Ctrl-C in the instant before a line is waited for is heard after this time.
_HEARD_SECONDS: Final = 0.3
_HELP: Final = """\
A line is a message; a line that ends with a backslash goes on in the next one.
/drafts              all drafts of the last answer
/mark WORD           what a sleep learns of it: keep, exclude, edit TEXT, none
/sleep               train an adapter on what was salient
/sessions [TEXT]     the latest sessions, or those in which a text is found
/resume ID           go on with a session
/fork [ID]           a new session that goes on from the last exchange, or ID
/new                 a new session
/model [NAME]        what answers; or let another checkpoint answer
/sql QUERY           ask the record
/help, /quit         so does the end of the input
Ctrl-C cancels what is going on; when nothing is, it quits."""


def run(lab: Lab, *, session_id: str | None = None, new: bool = False) -> int:
    """Talk until the input ends; the lab is closed then. Returns the exit code.

    That is 0, or 1 when the input is no terminal and something in it failed. Raises LabError when the lab or the
    session cannot be opened.
    """
    lab.open()
    try:
        return _Transcript(lab, lab.converse(session_id, new=new)).run()
    finally:
        lab.close()


class _Quit(Exception):
    """The person leaves."""


class _Transcript:
    """One dialogue with whoever writes on the standard input."""

    def __init__(self, lab: Lab, conversation: Conversation) -> None:
        self._lab = lab
        self._conversation = conversation
        self._interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self._failed = False
        # What would be fetched from the hub when it is named again.
        self._offered = ""
        self._commands: dict[str, Callable[[str], None]] = {
            "/help": lambda rest: _say(_HELP),
            "/drafts": self._drafts,
            "/mark": self._mark,
            "/sleep": self._sleep,
            "/sessions": self._sessions,
            "/resume": self._resume,
            "/fork": self._fork,
            "/new": self._new,
            "/model": self._model,
            "/sql": self._sql,
            "/quit": self._quit,
        }

    def run(self) -> int:
        """Take messages and commands until there are no more."""
        self._tell_session()
        _say("/help lists the commands.")
        try:
            for text in self._messages():
                self._take(text)
        except (_Quit, KeyboardInterrupt):
            pass
        if self._interactive:
            # Ctrl-C and Ctrl-D leave the cursor behind the prompt.
            _say("")
        return 1 if self._failed and not self._interactive else 0

    def _messages(self) -> Iterator[str]:
        lines: list[str] = []
        while True:
            if self._interactive:
                print("... " if lines else "\nyou: ", end="", flush=True)
            with _heard():
                line = sys.stdin.readline()
            if line.endswith("\\\n"):
                lines.append(line[:-2])
                continue
            if line or lines:
                text = "\n".join([*lines, line.rstrip("\r\n")]).strip()
                lines = []
                if text and not self._interactive:
                    _say("", f"you: {harmless(text)}")
                if text:
                    yield text
            if not line:
                return

    def _take(self, text: str) -> None:
        """A message or a command, and what became of it; what fails is told, and the next one is taken."""
        name, _, rest = text.partition(" ")
        try:
            if not name.startswith("/"):
                self._answer(text)
            elif name in self._commands:
                self._commands[name](rest.strip())
            else:
                raise LabError(f"There is no command {name}.", "/help lists them.")
        except LabError as fault:
            self._failed = True
            print(f"lab: {harmless(str(fault))}", file=sys.stderr, flush=True)
        self._tell_notices()

    # The dialogue

    def _answer(self, text: str) -> None:
        self._ready()
        with console.interruptible() as cancel:
            error = self._tell_turn(self._conversation.take_turn(text, cancel))
        if error:
            raise error

    def _tell_turn(self, events: Iterator[TurnEvent]) -> LabError | None:
        """Say how a turn goes; the error that it ended with."""
        tokens, said = 0, time.monotonic()
        for event in events:
            if isinstance(event, TurnBegan):
                for exchange in event.marked:
                    _say(f"note: turn {exchange.turn}: {transcript.LEARNT[exchange.mark]}")
                if event.left_out:
                    _say(f"{count(event.left_out, 'earlier turn')} left out: the window is full.")
                _say(f"writing {count(event.iterations, 'draft')}")
            elif isinstance(event, (DraftGrew, DraftThought)):
                tokens += 1
                if time.monotonic() - said >= _ALIVE_SECONDS:
                    said = time.monotonic()
                    _say(f"writing: {count(tokens, 'token')}")
            elif isinstance(event, TurnFinished):
                # By the profile of the settings alone, which comes first; lab show has them all.
                _say(*transcript.answer_lines(replace(event.exchange, salience=event.exchange.salience[:1])))
            elif isinstance(event, TurnFailed):
                return event.error
        return None

    def _ready(self) -> None:
        """Load the model when none is there, with a line a stage and a line each ten per cent."""
        if self._lab.engine.loaded is None:
            with console.interruptible() as cancel:
                self._lab.start_engine(_Told(), cancel)
            self._tell_answerer()
            self._tell_notices()

    def _drafts(self, rest: str) -> None:
        last = self._last()
        _say(*transcript.draft_lines(last)) if last.drafts else _say("The last answer has no drafts.")

    def _mark(self, rest: str) -> None:
        word, _, text = rest.partition(" ")
        if word not in transcript.MARKS or (word == "edit") != bool(text.strip()):
            raise LabError("That is no mark.", "Write /mark keep, /mark exclude, /mark edit TEXT or /mark none.")
        marked = mark(self._lab.record, self._last().exchange_id, transcript.MARKS[word], text.strip() or None)
        self._conversation.marked(marked)
        _say(transcript.LEARNT[marked.mark])

    def _last(self) -> Exchange:
        if not self._conversation.history:
            raise LabError("Nothing was said in this session yet.", "Write a message first.")
        return self._conversation.history[-1]

    def _sleep(self, rest: str) -> None:
        told = _Told()
        sleep = self._lab.sleep
        ended = None
        measures: Mapping[str, SleepMeasured] = {}
        loaded = self._lab.engine.loaded is not None
        with console.interruptible() as cancel:
            try:
                cycle_id = sleep.start()
            except NoRoom as fault:
                _say(f"note: {fault.sentence}")
                cycle_id = sleep.start(make_room=True)
            deep = False
            for progress in sleep.watch(cycle_id, cancel):
                if progress.deep and not deep:
                    deep = True
                    _say(f"note: {deep_words(cycle_id)}")
                if progress.ended is None:
                    told(Progress(f"sleep: {progress.stage}", progress.step, progress.total_steps or None, "steps"))
                ended, measures = progress.ended, progress.measures
        if ended is None or ended.status != "complete":
            reason = (ended.reason if ended else None) or "It left no reason."
            raise LabError(f"{cycle_id} ended as {ended.status if ended else 'interrupted'}: {reason}", "")
        losses = (
            f", loss {ended.first_loss:.2f} to {ended.last_loss:.2f}" if ended.first_loss and ended.last_loss else ""
        )
        _say(f"slept: {ended.adapter or cycle_id}{losses}")
        if judged := outcome(cycle_id, ended.verdict, ended.strength, ended.reason, measures):
            _say(judged)
        if loaded:
            # It was put away for the sleep, or died meanwhile.
            self._ready()
        if self._lab.engine.loaded is not None and ended.adapter is not None:
            self._lab.activate(ended.adapter)
            self._tell_answerer()

    # Other sessions

    def _sessions(self, rest: str) -> None:
        self._sync()
        profile = self._lab.settings.salience.profile
        found = history.page(self._lab.record, history.parse(rest), profile, _SESSIONS)
        for each in found:
            mean = f", mean {each.mean:.3f}" if each.mean is not None else ""
            exchanges = count(each.exchanges, "exchange")
            _say(one_line(f"{each.session_id}, {when(each.last_at)} UTC, {exchanges}{mean}: {each.title}"))
        if not found:
            _say("none")

    def _resume(self, rest: str) -> None:
        self._sync()
        session_id = find_session(self._lab.record, rest)
        self._go(lambda: self._lab.converse(session_id))

    def _fork(self, rest: str) -> None:
        self._sync()
        exchange_id = find_exchange(self._lab.record, rest) if rest else self._last().exchange_id
        self._go(lambda: self._lab.fork(exchange_id))

    def _new(self, rest: str) -> None:
        self._go(lambda: self._lab.converse(new=True))

    def _go(self, make: Callable[[], Conversation]) -> None:
        """Change the dialogue; when that fails the one before goes on."""
        before = self._conversation.session.session_id
        try:
            self._conversation = make()
        except LabError:
            known = self._lab.record.journal.size(before) > 0
            self._conversation = self._lab.converse(before) if known else self._lab.converse(new=True)
            raise
        self._tell_session()

    # The record and the model

    def _sql(self, rest: str) -> None:
        self._sync()
        rows = self._lab.settings.screen.rows
        with console.interruptible() as cancel:
            result = self._lab.record.query(rest, limit=rows, cancel=cancel)
        _say(console.table(result.columns, result.rows))
        if result.truncated:
            _say(f"the first {rows:,} rows")

    def _model(self, rest: str) -> None:
        if rest:
            checkpoint = catalogue.resolve(rest, self._lab.workspace)
            if checkpoint.source == "hub" and not checkpoint.ready and self._offered != rest:
                self._offered = rest
                _say(f"{model_name(rest)} is fetched from the hub; /model {one_line(rest)} again fetches it.")
                return
            with console.interruptible() as cancel:
                self._lab.change(rest, None, _Told(), cancel)
        self._tell_answerer()

    def _quit(self, rest: str) -> None:
        raise _Quit

    def _sync(self) -> None:
        if not self._lab.record.sync(1.0):
            _say("note: another program holds the database: the newest events are not in it yet.")

    # What is told of all this

    def _tell_session(self) -> None:
        session, before = self._conversation.session, self._conversation.history
        if before and queries.session(self._lab.record, session.session_id):
            _say(*transcript.session_lines(session, len(before)))
        elif before:
            _say(f"a new session, from {before[-1].exchange_id} on, {count(len(before), 'exchange')} before it")
        else:
            _say("a new session")
        self._tell_notices()

    def _tell_answerer(self) -> None:
        loaded = self._lab.engine.loaded
        name = model_name(loaded.name) if loaded else "No model is loaded yet; the first message loads it"
        _say(f"answers: {name}, adapter {self._lab.engine.adapter or 'none'}" if loaded else name)

    def _tell_notices(self) -> None:
        for notice in self._lab.notices:
            _say(f"note: {one_line(notice)}")
        self._lab.notices.clear()


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    """A Ctrl-C is heard while something blocks here, also one that came just before it blocked.

    Python acts on a signal between two steps of its own; a read that begins after the last of them would wait for its
    line first. An alarm ends the read once, and Python begins it anew.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, lambda number, frame: None)
    try:
        signal.setitimer(signal.ITIMER_REAL, _HEARD_SECONDS)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


class _Told:
    """Progress as lines: one a stage, and one each ten per cent of what takes its time."""

    def __init__(self) -> None:
        self._stage = ""
        self._tenths = 0
        self._said = 0.0

    def __call__(self, progress: Progress) -> None:
        tenths = int(10 * (progress.fraction or 0.0))
        if progress.stage != self._stage:
            self._stage = progress.stage
            _say(one_line(progress.stage))
        elif tenths <= self._tenths or time.monotonic() - self._said < _QUIET_SECONDS:
            return
        else:
            _say(f"{one_line(progress.stage)}: {10 * tenths} %")
        self._tenths, self._said = tenths, time.monotonic()


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)
