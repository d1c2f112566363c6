"""What every profile keeps to, whatever it scores by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.domain import DIMENSIONS, Evidence, Reason, Salience, Usual
from lab.errors import LabError
from lab.salience import PROFILES, register, scores
from lab.salience.profile import Profile

cosines = st.none() | st.floats(-1.0, 1.0)
shares = st.none() | st.floats(0.0, 1.0)
evidences = st.builds(
    Evidence,
    said=st.text(),
    answer=st.text(),
    bits=st.none() | st.floats(0, 64),
    usual=st.none() | st.builds(Usual, st.floats(0, 64), st.floats(0, 32), st.integers(0, 10**6)),
    byte_bits=st.none() | st.floats(0, 64),
    nearest=cosines,
    agreement=cosines,
    consistency=cosines,
    energy=shares,
    before=st.lists(st.text(), max_size=4).map(tuple),
    following=st.none() | st.text(),
    mark=st.sampled_from([None, "kept", "edited", "excluded"]),
)


@pytest.fixture
def registered() -> Iterator[None]:
    before = dict(PROFILES)
    yield
    PROFILES.clear()
    PROFILES.update(before)


each_profile = pytest.mark.parametrize("judge", [PROFILES[name] for name in sorted(PROFILES)], ids=sorted(PROFILES))


@each_profile
@settings(deadline=None)
@given(evidence=evidences, threshold=st.floats(0.0, 1.0))
def test_every_value_stays_between_0_and_1_and_is_explained(
    judge: Profile, evidence: Evidence, threshold: float
) -> None:
    found = judge.score(evidence, threshold)
    assert (found.profile, found.threshold) == (judge.name, threshold)
    assert all(0.0 <= value <= 1.0 for value in [*found.dimensions().values(), found.total])
    reasons = judge.explain(evidence)
    assert {reason.dimension for reason in reasons} <= set(DIMENSIONS)
    for name, value in found.dimensions().items():
        assert min(sum(reason.share for reason in reasons if reason.dimension == name), 1.0) == pytest.approx(value)


@each_profile
@settings(deadline=None)
@given(evidence=evidences, space=st.sampled_from([" ", "\n", "\t  "]))
def test_trailing_space_changes_nothing(judge: Profile, evidence: Evidence, space: str) -> None:
    longer = replace(evidence, said=evidence.said + space, answer=evidence.answer + space)
    assert judge.score(longer, 0.5) == judge.score(evidence, 0.5)


@each_profile
@pytest.mark.parametrize("said", ["", " \n", "x" * 50_000, "\U0001f600" * 500, "\u4f60\u597d", "\x00\ud800"])
def test_what_is_hardly_text_is_scored_too(judge: Profile, said: str) -> None:
    found = judge.score(Evidence(said, said), 0.5)
    assert 0.0 <= found.total <= 1.0


class Loud:
    name = "loud"
    threshold = 0.9

    def score(self, evidence: Evidence, threshold: float) -> Salience:
        value = float(evidence.said.isupper())
        return Salience("loud", value, value, value, value, value, value, threshold)

    def explain(self, evidence: Evidence) -> list[Reason]:
        return []


@pytest.mark.usefixtures("registered")
def test_a_profile_of_ones_own_scores_beside_the_others_and_can_be_chosen() -> None:
    mine = Loud()
    register(mine)
    register(mine)
    shouted = Evidence("WHAT?", "That.")
    assert {score.profile: score.salient for score in scores(shouted, "lexical", 0.15)}["loud"]
    assert [score.profile for score in scores(shouted, "loud", 0.5)] == ["loud", "lexical", "measured"]
    with pytest.raises(LabError, match="loud"):
        register(Loud())
