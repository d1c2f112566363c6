"""Scores are made again: by what a person says next, and for a whole record."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from lab.dialogue.events import TurnBegan
from lab.dialogue.recording import scored
from lab.dialogue.rescoring import rescore
from lab.domain import Evidence, Exchange, Reason, Salience
from lab.errors import LabError
from lab.journal import queries
from lab.journal.evidence import all_evidence, evidence_of
from lab.lab import Lab
from lab.salience import PROFILES
from tests.dialogue.talking import Opened, answer, turn


def scores(lab: Lab, profile: str = "measured") -> dict[str, Salience]:
    assert lab.record.sync()
    sessions = [row[0] for row in lab.record.query("SELECT session_id FROM sessions").rows]
    found = [exchange for session_id in sessions for exchange in queries.exchanges(lab.record, session_id)]
    return {each.exchange_id: score for each in found for score in each.salience if score.profile == profile}


def by(exchange: Exchange, profile: str = "measured") -> Salience:
    return next(score for score in exchange.salience if score.profile == profile)


@pytest.mark.parametrize(("words", "better"), [("Thanks, that helps.", True), ("No, that is wrong.", False)])
def test_what_a_person_says_next_tells_how_the_turn_before_went(opened: Opened, words: str, better: bool) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    first = answer(conversation, "What is learning?")
    began = turn(conversation, words)[0]
    assert isinstance(began, TurnBegan)
    assert began.rescored is not None
    assert began.rescored.exchange_id == first.exchange_id
    assert (by(began.rescored).reward > by(first).reward) is better
    assert scores(lab)[first.exchange_id] == by(began.rescored)
    # What does not depend on it stays, and is not recorded again.
    assert by(began.rescored, "lexical") == by(first, "lexical")
    lines = lab.record.journal.path(first.session_id).read_text().splitlines()
    assert sum('"salience_scored"' in line and first.exchange_id in line for line in lines) == 3


def test_a_dialogue_that_is_taken_up_again_still_learns_how_its_last_turn_went(opened: Opened) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    first = answer(conversation, "What is learning?")
    conversation.close()
    began = turn(lab.converse(session_id=first.session_id), "Thanks, that helps.")[0]
    assert isinstance(began, TurnBegan)
    assert began.rescored is not None
    assert by(began.rescored).reward > by(first).reward


def test_scored_anew_a_record_is_as_it_was(opened: Opened) -> None:
    lab = opened.lab()
    for texts in (
        ("My dog is called Rex.", "Thanks!", "What is my dog called?"),
        ("My dog is called Rex.", "No, wrong."),
    ):
        conversation = lab.converse(new=True)
        for text in texts:
            answer(conversation, text)
        conversation.close()
    before = {name: scores(lab, name) for name in PROFILES}
    assert all(len(found) == 5 for found in before.values())
    assert [rescore(lab.record, name, before[name].popitem()[1].threshold, threading.Event()) for name in PROFILES] == [
        0,
        0,
    ]


def test_what_was_said_before_a_fork_counts_when_it_is_scored_anew(opened: Opened) -> None:
    lab = opened.lab()
    conversation = lab.converse(new=True)
    first = answer(conversation, "My dog is called Rex.")
    answer(conversation, "This is not in the fork of the first turn.")
    fork = lab.fork(first.exchange_id)
    second = answer(fork, "No, that's wrong: my dog is called Max.")
    third = lab.fork(second.exchange_id)
    answer(third, "No, that's not it either.")
    before = {name: scores(lab, name) for name in PROFILES}
    assert before["measured"][second.exchange_id].conflict > 0.1
    for name in PROFILES:
        assert rescore(lab.record, name, before[name].popitem()[1].threshold, threading.Event()) == 0
    evidence = {name: each for name, _, each in all_evidence(lab.record)}
    assert evidence[second.exchange_id].before == ("My dog is called Rex.", first.answer)
    last = evidence[f"{third.session.session_id}-0003"]
    assert last.before == ("My dog is called Rex.", first.answer, second.user_input, second.answer)
    assert evidence_of(lab.record, third.history[-1]) == last


def test_the_most_salient_share_of_a_time_stays_that_when_it_is_scored_anew(opened: Opened) -> None:
    lab = opened.lab()
    one, two = (answer(lab.converse(new=True), text) for text in ("One.", "Two."))
    lab.record.append(one.session_id, scored(one.exchange_id, replace(by(one), threshold=0.01)))
    assert rescore(lab.record, "measured", 0.4, threading.Event(), of_its_time=True) == 0
    assert (scores(lab)[one.exchange_id].threshold, scores(lab)[two.exchange_id].threshold) == (0.01, 0.4)
    assert rescore(lab.record, "measured", 0.4, threading.Event()) == 1
    assert scores(lab)[one.exchange_id].threshold == 0.4


class Late:
    """A profile that was registered when the record was there already."""

    name = "late"
    threshold = 0.5

    def score(self, evidence: Evidence, threshold: float) -> Salience:
        value = 0.5 if evidence.bits else 0.25
        return Salience("late", value, value, value, value, value, value, threshold)

    def explain(self, evidence: Evidence) -> list[Reason]:
        return []


def test_a_profile_that_comes_later_scores_all_that_is_recorded_and_goes_on_after_a_stop(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = opened.lab()
    for text in ("One.", "Two.", "Three."):
        answer(lab.converse(new=True), text)
    monkeypatch.setitem(PROFILES, "late", Late())
    stop = threading.Event()
    assert rescore(lab.record, "late", 0.3, stop, lambda progress: stop.set()) == 1
    assert len(scores(lab, "late")) == 1
    assert rescore(lab.record, "late", 0.3, threading.Event()) == 2
    found = scores(lab, "late")
    assert {(score.total, score.threshold) for score in found.values()} == {(0.5, 0.3)}
    assert len(found) == 3
    # Another threshold is another score.
    assert rescore(lab.record, "late", 0.4, threading.Event()) == 3
    assert replace(found.popitem()[1], threshold=0.4) in scores(lab, "late").values()


def test_an_unknown_profile_scores_nothing(opened: Opened) -> None:
    with pytest.raises(LabError, match="lexical, measured"):
        rescore(opened.lab(start=False).record, "nope", 0.5, threading.Event())
