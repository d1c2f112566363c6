"""What is measured in a turn: recorded with it, told to the profiles, and never in the way of an answer."""

from __future__ import annotations

import statistics

import pytest

from lab.dialogue.events import TurnFinished, TurnWeighed
from lab.domain import Exchange
from lab.journal import queries
from lab.lab import Lab
from lab.refinement.irp import DraftScored
from lab.salience import PROFILES
from tests.dialogue.talking import Opened, answer, turn
from tests.journal.samples import said, scored, start_child, turn_started

DOG = "My dog is called Rex."


def evidence(lab: Lab, exchange: Exchange) -> dict[str, object]:
    assert lab.record.sync()
    table = lab.record.query("SELECT * FROM evidence WHERE exchange_id = ?", [exchange.exchange_id])
    (row,) = table.rows
    return dict(zip(table.columns, row))


def test_every_profile_scores_and_the_chosen_one_comes_first(opened: Opened) -> None:
    lab = opened.lab(settings='[salience]\nprofile = "measured"\nthreshold = 0.4\n')
    exchange = answer(lab.converse(new=True), DOG)
    assert {score.profile for score in exchange.salience} == set(PROFILES)
    assert [(score.profile, score.threshold) for score in exchange.salience] == [("measured", 0.4), ("lexical", 0.15)]
    assert lab.record.sync()
    recorded = queries.exchange(lab.record, exchange.exchange_id)
    assert recorded is not None
    assert recorded.salience == exchange.salience


def test_while_drafts_grow_a_turn_is_weighed_and_only_its_end_is_recorded(opened: Opened) -> None:
    lab = opened.lab(settings='[salience]\nprofile = "measured"\n')
    *events, last = turn(lab.converse(new=True), DOG)
    assert isinstance(last, TurnFinished)
    (score, *_) = last.exchange.salience
    weighed = next(event for event in events if isinstance(event, TurnWeighed))
    first, other = weighed.salience
    assert other.profile == "lexical"
    assert events.index(weighed) < next(i for i, each in enumerate(events) if isinstance(each, DraftScored))
    assert (first.profile, first.surprise) == ("measured", score.surprise)
    assert first != score
    assert lab.record.sync()
    assert lab.record.query("SELECT profile, total FROM salience WHERE profile = 'measured'").rows == [
        ("measured", score.total)
    ]


def test_what_was_said_in_another_dialogue_is_not_novel(opened: Opened) -> None:
    lab = opened.lab()
    first = answer(lab.converse(new=True), DOG)
    assert evidence(lab, first)["nearest"] == 0.0
    other = answer(lab.converse(new=True), "Where do cranes winter?")
    again = answer(lab.converse(new=True), "My dog is called Rex!")
    found = evidence(lab, again)
    assert found["nearest_id"] == first.exchange_id
    assert found["nearest"] == pytest.approx(1.0, abs=0.01)
    novelty = {
        each.exchange_id: next(score.novelty for score in each.salience if score.profile == "measured")
        for each in (first, other, again)
    }
    assert novelty[first.exchange_id] == 1.0
    assert novelty[other.exchange_id] > 0.5 > 0.02 > novelty[again.exchange_id]
    # Nearly the same was answered before: how alike the answers are is known.
    assert found["consistency"] is not None
    assert evidence(lab, other)["consistency"] is None


def test_how_unexpected_a_turn_was_is_recorded(opened: Opened) -> None:
    conversation = (lab := opened.lab()).converse(new=True)
    first, again = answer(conversation, DOG), answer(conversation, DOG)
    # The scripted engine expects the words that it has read.
    assert (evidence(lab, first)["bits"], evidence(lab, again)["bits"]) == (10.0, 2.0)
    words = len(DOG.split())
    assert evidence(lab, first)["byte_bits"] == pytest.approx(10.0 * words / (len(DOG) + 1))


def test_without_a_sentence_model_a_turn_is_scored_by_the_rest(opened: Opened) -> None:
    lab = opened.lab("--no-sentences")
    assert [notice for notice in lab.notices if "lab prepare" in notice]
    exchange = answer(lab.converse(new=True), DOG)
    found = evidence(lab, exchange)
    assert (found["bits"], found["nearest"], found["agreement"]) == (10.0, None, None)
    assert lab.record.query("SELECT count(vector) FROM embeddings").rows == [(0,)]
    assert len(exchange.salience) == len(PROFILES)


def test_a_database_that_another_program_holds_delays_no_answer(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.dialogue.witness._WAIT_SECONDS", 0.1)
    lab = opened.lab()
    conversation = lab.converse(new=True)
    answer(conversation, DOG)
    assert lab.record.sync()
    holder = start_child(
        "import duckdb, sys; c = duckdb.connect(ARGUMENTS[0]); print('held', flush=True); sys.stdin.readline()",
        lab.workspace.database,
    )
    try:
        assert said(holder) == "held"
        exchange = answer(conversation, DOG)
        assert exchange.status == "complete"
        assert exchange.seconds is not None
        score = next(each for each in exchange.salience if each.profile == "measured")
        assert score.novelty == 0.0
    finally:
        holder.communicate("\n")
    found = evidence(lab, exchange)
    assert (found["nearest"], found["bits"]) == (None, 2.0)
    # Its own meaning is known, for the turns to come.
    assert lab.record.query("SELECT count(vector) FROM embeddings").rows == [(2,)]


def test_with_a_share_the_most_salient_ones_so_far_are_salient(opened: Opened) -> None:
    lab = opened.lab(settings="[salience]\nshare = 0.25\n")
    few = answer(lab.converse(new=True), "Hello.")
    # Of so few nobody can tell.
    assert few.salience[0].threshold == 0.4
    totals = [number / 100 for number in range(19)]
    for number, total in enumerate(totals, 2):
        lab.record.append(few.session_id, turn_started(number, few.session_id), scored(number, total, few.session_id))
    assert lab.record.sync()
    expected = statistics.quantiles([*totals, few.salience[0].total], n=4, method="inclusive")[2]
    assert answer(lab.converse(new=True), "Hello again.").salience[0].threshold == pytest.approx(expected)
