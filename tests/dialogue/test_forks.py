"""Forks of dialogues: what they go on from, how they are numbered, and what the record says of them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from lab.dialogue import lineage
from lab.dialogue.conversation import Conversation
from lab.dialogue.events import TurnBegan
from lab.dialogue.marks import mark
from lab.domain import Exchange, Prompt
from lab.errors import LabError
from lab.journal import queries
from lab.journal.events import ExchangeMarked, TurnStarted
from lab.journal.record import Record
from lab.lab import Lab
from tests.dialogue.talking import Opened, answer


def said(conversation: Conversation) -> list[tuple[int, str]]:
    return [(exchange.turn, exchange.user_input) for exchange in conversation.history]


def dialogue(lab: Lab, *texts: str) -> list[Exchange]:
    conversation = lab.converse(new=True)
    return [answer(conversation, text) for text in texts]


def prompts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[Prompt]:
    """Every prompt that is answered from here on."""
    asked: list[Prompt] = []
    generate = lab.engine.generate

    def noted(prompt: Prompt, *rest: object) -> object:
        asked.append(prompt)
        return generate(prompt, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(lab.engine, "generate", noted)
    return asked


def contents(prompt: Prompt) -> list[str]:
    return [message.content for message in prompt.messages]


def test_a_fork_goes_on_from_its_exchange_and_is_numbered_on(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = opened.lab()
    one, two, three = dialogue(lab, "one", "two", "three")
    asked = prompts(lab, monkeypatch)
    fork = lab.fork(two.exchange_id)
    assert said(fork) == [(1, "one"), (2, "two")]
    assert (fork.inherited, fork.parent_title) == (2, "one")
    third = answer(fork, "another three")
    assert contents(asked[0]) == ["one", one.response, "two", two.response, "another three"]
    assert third.turn == 3
    assert third.session_id not in (one.session_id, three.session_id)
    assert lab.record.sync()
    session = queries.session(lab.record, third.session_id)
    assert session is not None
    assert (session.parent_session_id, session.parent_exchange_id) == (one.session_id, two.exchange_id)
    # What was inherited is not there twice.
    assert [e.turn for e in queries.exchanges(lab.record, third.session_id)] == [3]
    assert [e.turn for e in queries.exchanges(lab.record, one.session_id)] == [1, 2, 3]


def test_a_fork_without_a_word_is_nothing_in_the_record(opened: Opened) -> None:
    lab = opened.lab()
    (one,) = dialogue(lab, "one")
    lab.fork(one.exchange_id)
    lab.converse(new=True)
    assert lab.record.sync()
    assert lab.record.query("SELECT count(*) FROM sessions").rows == [(1,)]


def test_a_fork_of_a_fork_has_the_whole_line_also_after_a_restart(opened: Opened) -> None:
    lab = opened.lab()
    _, two = dialogue(lab, "one", "two")
    fork = lab.fork(two.exchange_id)
    three = answer(fork, "three")
    answer(fork, "four")
    second = lab.fork(three.exchange_id)
    answer(second, "five")
    session_id = second.session.session_id
    wanted = [(1, "one"), (2, "two"), (3, "three"), (4, "five")]
    assert said(second) == wanted
    lab.close()
    again = opened.lab()
    resumed = again.converse(session_id)
    assert said(resumed) == wanted
    assert (resumed.inherited, resumed.parent_title) == (3, "three")
    assert answer(resumed, "six").exchange_id == f"{session_id}-0005"


def test_an_inherited_turn_is_forked_from_the_session_that_it_is_of(opened: Opened) -> None:
    lab = opened.lab()
    one, two = dialogue(lab, "one", "two")
    fork = lab.fork(two.exchange_id)
    answer(fork, "three")
    again = lab.fork(fork.history[0].exchange_id)
    answer(again, "other")
    assert said(again) == [(1, "one"), (2, "other")]
    assert (again.session.parent_session_id, again.session.parent_exchange_id) == (one.session_id, one.exchange_id)


def test_a_fork_goes_on_after_a_restart_behind_its_first_turn(opened: Opened) -> None:
    lab = opened.lab()
    one, _ = dialogue(lab, "one", "two")
    fork = lab.fork(one.exchange_id)
    answer(fork, "other")
    lab.close()
    again = opened.lab()
    resumed = again.converse()
    assert resumed.session.session_id == fork.session.session_id
    assert said(resumed) == [(1, "one"), (2, "other")]
    assert answer(resumed, "more").turn == 3


def test_a_fork_goes_on_from_the_answer_as_it_was_edited(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = opened.lab()
    one, two = dialogue(lab, "one", "two")
    lab.record.append(one.session_id, ExchangeMarked(one.exchange_id, "edited", "What it should have been."))
    # An excluded exchange is nothing to learn, and all the same part of what was said.
    lab.record.append(two.session_id, ExchangeMarked(two.exchange_id, "excluded"))
    asked = prompts(lab, monkeypatch)
    answer(lab.fork(two.exchange_id), "three")
    assert contents(asked[0]) == ["one", "What it should have been.", "two", two.response, "three"]


def test_a_fork_in_the_published_mode_asks_the_question_alone(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = opened.lab(settings='[dialogue]\ncontext = "fresh"\n')
    (one,) = dialogue(lab, "one")
    asked = prompts(lab, monkeypatch)
    fork = lab.fork(one.exchange_id)
    assert answer(fork, "two").turn == 2
    assert contents(asked[0]) == ["two"]
    assert said(fork) == [(1, "one"), (2, "two")]


def test_what_cannot_be_forked_or_opened_leaves_the_open_dialogue_as_it_is(opened: Opened) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    one = answer(conversation, "one")
    running = TurnStarted("elsewhere-0001", "elsewhere", 1, "still running", "tiny", None)
    lab.record.append("elsewhere", running)
    for attempt, name in ((lab.fork, "nowhere-0001"), (lab.fork, "elsewhere-0001"), (lab.converse, "nowhere")):
        with pytest.raises(LabError):
            attempt(name)
        assert lab.record.journal.owned(one.session_id)
    assert answer(conversation, "two").turn == 2


def test_a_parent_that_is_not_in_the_record_and_a_circle_end_the_line(opened: Opened) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    one = answer(conversation, "one")
    assert lab.record.sync()
    for parent in ("gone", one.session_id):
        session = replace(conversation.session, parent_session_id=parent, parent_exchange_id=one.exchange_id)
        assert [e.exchange_id for e in lineage.history(lab.record, session)] == [one.exchange_id]
    assert lineage.parent_title(lab.record, replace(conversation.session, parent_session_id="gone")) == "gone"
    assert lineage.parent_title(lab.record, conversation.session) is None


def test_what_another_terminal_marks_reaches_the_next_turn_of_an_open_fork(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = opened.lab()
    one, two = dialogue(lab, "one", "two")
    fork = lab.fork(two.exchange_id)
    three = answer(fork, "three")
    other = Record(lab.workspace)
    mark(other, one.exchange_id, "edited", "Better one.")
    mark(other, three.exchange_id, "edited", "Better three.")
    asked = prompts(lab, monkeypatch)
    began = next(iter(fork.take_turn("four", threading.Event())))
    assert isinstance(began, TurnBegan) and [each.answer for each in began.marked] == ["Better one.", "Better three."]
    answer(fork, "five")
    assert contents(asked[-1])[:6] == ["one", "Better one.", "two", two.response, "three", "Better three."]
