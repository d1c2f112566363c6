"""A turn, step by step, with a scripted engine in a process of its own and a real record."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.dialogue import lineage
from lab.dialogue.events import TurnBegan, TurnEvent, TurnFailed, TurnFinished
from lab.domain import Exchange, Prompt, Session
from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import DraftFinished, ExchangeFinished
from lab.journal.record import Record
from lab.refinement.irp import DraftGrew, DraftScored, DraftThought
from tests.dialogue.talking import Opened, answer, turn

THINKING = "[dialogue]\nthinking = true\n"


def test_a_turn_is_five_published_drafts_and_the_best_of_them(opened: Opened) -> None:
    lab = opened.lab()
    events = turn(lab.converse(new=True), "What is learning?", seed=40)
    assert isinstance(events[0], TurnBegan)
    drafts = [event.draft for event in events if isinstance(event, DraftScored)]
    assert [draft.temperature for draft in drafts] == [0.7, 0.66, 0.62, 0.58, 0.54]
    assert [draft.seed for draft in drafts] == [40, 41, 42, 43, 44]
    for draft in drafts:
        grown = "".join(e.text for e in events if isinstance(e, DraftGrew) and e.iteration == draft.iteration)
        assert grown == draft.text
    assert isinstance(events[-1], TurnFinished)
    exchange = events[-1].exchange
    best = min(drafts, key=lambda draft: (draft.energy, draft.iteration))
    assert (exchange.response, exchange.chosen, exchange.status) == (best.text, best.iteration, "complete")


def test_what_is_on_the_screen_is_in_the_record(opened: Opened) -> None:
    lab = opened.lab()
    exchange = answer(lab.converse(new=True), "  What is learning?\nAnd what is owning it? " + "x" * 80)
    assert lab.record.sync()
    recorded = queries.exchange(lab.record, exchange.exchange_id)
    assert recorded is not None
    assert (recorded.user_input, recorded.response) == (exchange.user_input, exchange.response)
    assert recorded.salience == exchange.salience
    assert [(d.text, d.seed, d.energy) for d in recorded.drafts] == [
        (d.text, d.seed, d.energy) for d in exchange.drafts
    ]
    chosen = lab.record.query("SELECT iteration FROM drafts WHERE chosen").rows
    assert chosen == [(exchange.chosen,)]
    session = queries.session(lab.record, exchange.session_id)
    assert session is not None
    assert session.title is not None
    assert session.title.startswith("What is learning? And what is owning it?")
    assert len(session.title) <= 60
    assert lab.record.query("SELECT DISTINCT process FROM resources").rows == [("engine",)]


def test_the_users_turn_is_on_disk_before_anything_is_generated(opened: Opened) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    events = conversation.take_turn("Remember me.", threading.Event())
    began = next(events)
    assert isinstance(began, TurnBegan) and isinstance(events, Generator)
    stream = lab.record.journal.path(conversation.session.session_id)
    assert b'"turn_started"' in stream.read_bytes()
    assert b'"draft_finished"' not in stream.read_bytes()
    events.close()
    assert lab.record.sync()
    assert lab.record.query("SELECT status, response FROM exchanges").rows == [("cancelled", "")]


def test_the_same_seed_repeats_a_turn_and_a_setting_repeats_them_all(opened: Opened) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    texts = [[draft.text for draft in answer(conversation, "hello", seed=3).drafts] for _ in range(2)]
    assert texts[0] == texts[1]
    seeds = {answer(conversation, "hello").drafts[0].seed for _ in range(3)}
    assert len(seeds) == 3
    lab.close()
    seeded = opened.lab(settings="[refinement]\nseed = 9\niterations = 2\n").converse(new=True)
    assert [draft.seed for draft in answer(seeded, "hello").drafts] == [9, 10]


def test_a_cancel_keeps_what_was_produced(opened: Opened) -> None:
    lab = opened.lab("--pace", "60", "--words", "60")
    conversation = lab.converse(new=True)
    cancel = threading.Event()
    grown = 0
    last: TurnEvent | None = None
    for last in conversation.take_turn("What is learning?", cancel):
        if isinstance(last, DraftGrew) and last.iteration == 1:
            grown += 1
            if grown == 5:
                cancel.set()
    assert isinstance(last, TurnFinished)
    exchange = last.exchange
    assert exchange.status == "cancelled"
    assert len(exchange.drafts) == 2
    assert exchange.drafts[1].finish == "cancelled"
    assert exchange.response == exchange.drafts[exchange.chosen or 0].text != ""
    assert answer(conversation, "And now?").turn == 2


def test_an_engine_error_fails_the_turn_with_its_reason_and_the_next_one_works(opened: Opened) -> None:
    lab = opened.lab("--fail-on", "explode")
    conversation = lab.converse(new=True)
    failed = turn(conversation, "please explode")[-1]
    assert isinstance(failed, TurnFailed)
    assert failed.exchange.status == "failed"
    assert failed.exchange.reason == str(failed.error)
    assert answer(conversation, "and now?").turn == 2


def test_a_turn_records_what_it_was_asked_of_also_when_the_engine_dies_meanwhile(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = opened.lab()
    conversation = lab.converse()
    loaded, count = lab.engine.loaded, lab.engine.count
    assert loaded is not None

    def count_and_die(prompt: Prompt) -> int:
        tokens = count(prompt) if lab.engine.alive() else 1
        lab.engine.close()
        return tokens

    monkeypatch.setattr(lab.engine, "count", count_and_die)
    failed = turn(conversation, "Who are you?")[-1]
    assert isinstance(failed, TurnFailed)
    assert lab.record.sync()
    assert lab.record.query("SELECT status, checkpoint FROM exchanges").rows == [("failed", loaded.name)]
    assert lab.record.query("SELECT checkpoint FROM sessions").rows == [(loaded.name,)]


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_an_empty_message_is_refused_and_not_recorded(opened: Opened, text: str) -> None:
    lab = opened.lab()
    with pytest.raises(LabError, match="empty"):
        turn(lab.converse(new=True), text)
    assert lab.record.journal.streams() == ["workspace"]


def test_a_message_over_the_window_is_refused_before_it_is_recorded(opened: Opened) -> None:
    lab = opened.lab("--context", "300")
    with pytest.raises(LabError, match="window is 300"):
        turn(lab.converse(new=True), "word " * 500)
    assert lab.record.journal.streams() == ["workspace"]


def test_a_session_goes_on_where_it_was(opened: Opened) -> None:
    first = opened.lab()
    conversation = first.converse(new=True)
    session_id = conversation.session.session_id
    answer(conversation, "one")
    answer(conversation, "two")
    first.close()
    again = opened.lab()
    resumed = again.converse()
    assert resumed.session.session_id == session_id
    assert [(e.turn, e.user_input) for e in resumed.history] == [(1, "one"), (2, "two")]
    third = answer(resumed, "three")
    assert third.turn == 3
    assert third.prompt_tokens is not None
    assert third.prompt_tokens > (resumed.history[0].prompt_tokens or 0)
    assert answer(again.converse(new=True), "one").session_id != session_id


def test_looking_around_leaves_no_empty_session(opened: Opened) -> None:
    lab = opened.lab(start=False)
    lab.converse()
    lab.converse(new=True)
    lab.close()
    assert [path.name for path in opened.workspace.sessions.iterdir() if path.is_dir()] == ["logs"]


def test_a_session_that_another_lab_has_open_is_left_to_it(opened: Opened) -> None:
    first = opened.lab()
    conversation = first.converse(new=True)
    answer(conversation, "one")
    # Another process: a lab shares the sessions that its own process owns.
    program = (
        "import sys; from pathlib import Path; from lab.lab import Lab; from lab.settings import Workspace\n"
        "lab = Lab(Workspace(Path(sys.argv[1]))); lab.open()\n"
        "print(lab.converse().session.session_id)\n"
        "try: lab.converse(sys.argv[2])\nexcept Exception as fault: print(fault)\n"
    )

    arguments = [sys.executable, "-c", program, str(opened.workspace.root), conversation.session.session_id]
    shown = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.splitlines()
    assert shown[0] != conversation.session.session_id
    assert "in use by another lab" in shown[1]


def test_a_turn_whose_end_cannot_be_written_fails_and_keeps_its_number(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    append = lab.record.journal.append

    def full(stream: str, *events: object, **rest: object) -> None:
        if any(isinstance(event, (DraftFinished, ExchangeFinished)) for event in events):
            raise LabError("The disk is full.", "Free some space.")
        append(stream, *events, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(lab.record.journal, "append", full)
    failed = turn(conversation, "one")[-1]
    assert isinstance(failed, TurnFailed)
    assert "The disk is full" in str(failed.error)
    monkeypatch.undo()
    assert answer(conversation, "two").turn == 2
    assert lab.record.sync()
    inputs = lab.record.query("SELECT turn, user_input FROM exchanges ORDER BY turn").rows
    assert inputs == [(1, "one"), (2, "two")]


def test_a_dialogue_whose_end_cannot_be_written_stays_open_and_its_own(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    first = answer(conversation, "one")

    def full(*anything: object, **rest: object) -> None:
        raise LabError("The disk is full.", "Free some space.")

    with monkeypatch.context() as patched:
        patched.setattr(lab.record.journal, "append", full)
        with pytest.raises(LabError, match="The disk is full"):
            lab.converse(new=True)
        with pytest.raises(LabError, match="The disk is full"):
            lab.fork(first.exchange_id)
        assert lab.record.journal.owned(first.session_id)
    assert answer(conversation, "two").turn == 2
    assert lab.converse(new=True) is not conversation
    assert not lab.record.journal.owned(first.session_id)
    assert lab.record.sync()
    assert lab.record.query("SELECT ended_at IS NOT NULL FROM sessions").rows == [(True,)]


_HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_held_database_begins_a_new_session_and_takes_no_number_twice(opened: Opened) -> None:
    first = opened.lab()
    conversation = first.converse(new=True)
    answer(conversation, "one")
    assert first.record.sync()
    first.close()
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(opened.workspace.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    again = opened.lab()
    with pytest.raises(LabError, match="another program holds"):
        again.converse(conversation.session.session_id)
    fresh = again.converse()
    assert fresh.history == []
    assert any("Another program holds" in notice for notice in again.notices)
    assert answer(fresh, "two").turn == 1
    holder.communicate()
    assert again.record.sync(10)
    assert again.record.query("SELECT user_input FROM exchanges ORDER BY created_at").rows == [("one",), ("two",)]


def test_a_look_without_a_word_does_not_end_a_session_again(opened: Opened) -> None:
    first = opened.lab()
    answer(first.converse(new=True), "one")
    first.close()
    again = opened.lab(start=False)
    before = again.record.journal.size(again.converse().session.session_id)
    session_id = again.converse().session.session_id
    again.close()
    assert again.record.journal.size(session_id) == before


def test_fresh_context_asks_the_question_alone(opened: Opened) -> None:
    lab = opened.lab(settings='[dialogue]\ncontext = "fresh"\n')
    conversation = lab.converse(new=True)
    first = answer(conversation, "the same question")
    answer(conversation, "another")
    assert answer(conversation, "the same question").prompt_tokens == first.prompt_tokens


def test_thinking_is_recorded_apart_and_no_part_of_answer_and_score(opened: Opened) -> None:
    lab = opened.lab("--think", "9", settings=THINKING)
    events = turn(lab.converse(new=True), "What is learning?", seed=40)
    thought = "".join(e.text for e in events if isinstance(e, DraftThought) and e.iteration == 0)
    assert isinstance(events[-1], TurnFinished)
    exchange = events[-1].exchange
    assert exchange.drafts[0].thinking == thought
    assert [draft.thinking_tokens for draft in exchange.drafts] == [9] * 5
    assert lab.record.sync()
    recorded = queries.exchange(lab.record, exchange.exchange_id)
    assert recorded is not None
    assert recorded.drafts == exchange.drafts
    silent = opened.lab("--think", "9")
    spared = answer(silent.converse(new=True), "What is learning?", seed=40)
    assert [draft.thinking for draft in spared.drafts] == [""] * 5
    # Said again it is not new to the record, but nothing that is scored by the words alone is different.
    lexical = [next(score for score in each.salience if score.profile == "lexical") for each in (spared, exchange)]
    assert (spared.response, lexical[0]) == (exchange.response, lexical[1])


def test_thinking_is_not_read_again_in_the_next_turn(opened: Opened) -> None:
    lab = opened.lab("--think", "9", settings=THINKING)
    conversation = lab.converse(new=True)
    answer(conversation, "one", seed=40)
    tokens = answer(conversation, "two", seed=40).prompt_tokens
    silent = opened.lab().converse(new=True)
    answer(silent, "one", seed=40)
    assert answer(silent, "two", seed=40).prompt_tokens == tokens


def test_how_a_draft_ended_is_recorded(opened: Opened) -> None:
    lab = opened.lab("--words", "40", settings="[refinement]\nmax_tokens = 12\n")
    exchange = answer(lab.converse(new=True), "What is learning?")
    assert lab.record.sync()
    recorded = queries.exchange(lab.record, exchange.exchange_id)
    assert recorded is not None
    assert [draft.finish for draft in recorded.drafts] == ["length"] * 5


def test_drafts_written_side_by_side_are_the_same_drafts(opened: Opened) -> None:
    drafts = []
    for options in ((), ("--side-by-side",)):
        lab = opened.lab("--think", "3", *options, settings=THINKING)
        drafts.append(answer(lab.converse(new=True), "What is learning?", seed=40).drafts)
        lab.close()
    assert [replace(draft, seconds=0.0) for draft in drafts[0]] == [replace(draft, seconds=0.0) for draft in drafts[1]]


def test_drafts_one_after_another_are_those_that_are_written_side_by_side(opened: Opened) -> None:
    sequential = opened.lab(settings='[refinement]\ndrafts = "sequential"\n')
    events = turn(sequential.converse(new=True), "What is learning?", seed=40)
    assert isinstance(events[0], TurnBegan)
    order = [event.draft.iteration for event in events if isinstance(event, DraftScored)]
    assert order == [0, 1, 2, 3, 4]
    first_of_second = next(i for i, e in enumerate(events) if isinstance(e, DraftGrew) and e.iteration == 1)
    assert any(isinstance(event, DraftScored) for event in events[:first_of_second])
    sequential.close()
    batch = opened.lab("--side-by-side")
    assert texts(answer(batch.converse(new=True), "What is learning?", seed=40)) == texts(exchange_of(events))


def test_drafts_that_end_in_any_order_are_kept_in_their_own(opened: Opened, tmp_path: Path) -> None:
    script = tmp_path / "answers.txt"
    script.write_text("one two three four five six\n---\nshort\n---\nthree words here\n")
    lab = opened.lab("--side-by-side", "--answers", str(script))
    conversation = lab.converse(new=True)
    events = turn(conversation, "Say something.", seed=0)
    order = [event.draft.iteration for event in events if isinstance(event, DraftScored)]
    assert order != sorted(order)
    assert [draft.iteration for draft in exchange_of(events).drafts] == [0, 1, 2, 3, 4]
    lab.record.sync()
    recorded = queries.exchanges(lab.record, conversation.session.session_id)
    assert texts(recorded[-1]) == texts(exchange_of(events))


def test_no_turn_is_lost_when_another_lab_would_take_one_while_a_dialogue_is_opened(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = opened.lab(), opened.lab()
    conversation = first.converse(new=True)
    session_id = conversation.session.session_id
    answer(conversation, "one")
    first.end_conversation()
    reads = lineage.history

    def read_and_be_late(record: Record, session: Session) -> list[Exchange]:
        found = reads(record, session)
        monkeypatch.setattr(lineage, "history", reads)
        with pytest.raises(LabError, match="in use by another lab"):
            answer(first.converse(session_id), "meanwhile")
        return found

    monkeypatch.setattr(lineage, "history", read_and_be_late)
    assert answer(second.converse(session_id), "two").turn == 2
    assert second.record.sync()
    asked = second.record.query("SELECT turn, user_input FROM exchanges ORDER BY turn").rows
    assert asked == [(1, "one"), (2, "two")]


def test_a_dialogue_that_cannot_be_read_is_left_to_other_labs(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    session_id = conversation.session.session_id
    answer(conversation, "one")
    lab.end_conversation()

    def unreadable(record: Record, session: Session) -> list[Exchange]:
        raise LabError("The database is damaged.")

    with monkeypatch.context() as patch:
        patch.setattr(lineage, "history", unreadable)
        with pytest.raises(LabError, match="damaged"):
            lab.converse(session_id)
    assert not lab.record.journal.owned(session_id)
    with pytest.raises(LabError, match='There is no session "nobody"'):
        lab.converse("nobody")
    assert not (lab.workspace.sessions / "nobody").exists()


def texts(exchange: Exchange) -> list[str]:
    return [draft.text for draft in exchange.drafts]


def exchange_of(events: list[TurnEvent]) -> Exchange:
    assert isinstance(events[-1], TurnFinished)
    return events[-1].exchange


def test_an_answer_that_never_came_has_its_reason_in_the_record(opened: Opened) -> None:
    lab = opened.lab("--think", "30", settings=f"{THINKING}[refinement]\nmax_tokens = 12\n")
    exchange = answer(lab.converse(new=True), "What is learning?")
    assert (exchange.status, exchange.response, exchange.salience) == ("complete", "", ())
    assert lab.record.sync()
    ((reason,),) = lab.record.query("SELECT reason FROM exchanges").rows
    assert reason == exchange.reason
    assert "still thinking" in reason and "refinement.max_tokens" in reason
