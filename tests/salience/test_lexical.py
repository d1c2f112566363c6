"""The lexical profile equals the published figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.domain import DIMENSIONS, Evidence
from lab.errors import LabError
from lab.salience import profile
from lab.salience.lexical import WEIGHTS
from tests.reference import recorded_exchanges


def test_every_recorded_number_is_reproduced() -> None:
    recordings = recorded_exchanges()
    assert len(recordings) == 8
    for recording in recordings:
        score = profile("lexical").score(Evidence(recording["user_input"], recording["model_response"]), 0.15)
        for name in (*DIMENSIONS, "total"):
            assert getattr(score, name) == pytest.approx(recording["salience"][name], abs=1e-9), name


def test_an_entry_inside_a_longer_word_counts_as_published() -> None:
    assert profile("lexical").score(Evidence("", "contribute"), 0.15).conflict == pytest.approx(0.8 / 5)


def test_the_threshold_itself_is_salient() -> None:
    evidence = Evidence("truth and belief", "I understand the tension, but it is new.")
    score = profile("lexical").score(evidence, 0.15)
    exact = profile("lexical").score(evidence, score.total)
    assert exact.salient


@given(st.text(), st.text())
def test_every_value_stays_between_0_and_1(user_input: str, response: str) -> None:
    score = profile("lexical").score(Evidence(user_input, response), 0.15)
    assert all(0.0 <= value <= 1.0 for value in [*score.dimensions().values(), score.total])
    assert score.total == pytest.approx(sum(WEIGHTS[name] * value for name, value in score.dimensions().items()))


@given(st.text(), st.text(), st.sampled_from([" ", "\n", "\t  "]))
def test_trailing_space_changes_nothing(user_input: str, response: str, space: str) -> None:
    plain = profile("lexical").score(Evidence(user_input, response), 0.15)
    assert profile("lexical").score(Evidence(user_input, response + space), 0.15) == plain


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(LabError, match="lexical"):
        profile("nope")


def test_what_moved_a_dimension_is_told_and_adds_up_to_it() -> None:
    evidence = Evidence("truth and belief", "I understand the tension, but is it new?")
    reasons = profile("lexical").explain(evidence)
    score = profile("lexical").score(evidence, 0.15).dimensions()
    for name in DIMENSIONS:
        assert sum(reason.share for reason in reasons if reason.dimension == name) == pytest.approx(score[name])
    assert "truth, belief" in [reason.words for reason in reasons]
