"""The measured profile: each dimension follows what its name says, and is not moved by what only looks like it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.domain import DIMENSIONS, Evidence, Salience, Usual
from lab.salience.measured import WEIGHTS, Measured

PROFILE = Measured()
ASKED = Evidence(
    "Where do cranes spend the winter?", "Many fly to Spain.", bits=6.0, nearest=0.4, agreement=0.8, energy=0.2
)


def score(evidence: Evidence) -> Salience:
    return PROFILE.score(evidence, 0.5)


def said(text: str) -> Salience:
    return score(replace(ASKED, said=text))


def test_what_nobody_measured_leaves_the_total_to_the_rest() -> None:
    known = score(Evidence("My dog is called Rex.", "What a name!"))
    assert (known.surprise, known.novelty, known.conflict) == (0.0, 0.0, 0.0)
    rest = WEIGHTS["arousal"] + WEIGHTS["reward"]
    expected = (WEIGHTS["arousal"] * known.arousal + WEIGHTS["reward"] * known.reward) / rest
    assert known.total == pytest.approx(expected)


def test_a_bar_that_nobody_could_measure_says_so() -> None:
    told = PROFILE.explain(Evidence("My dog is called Rex.", "What a name!"))
    unmeasured = {reason.dimension for reason in told if reason.words == "not measured"}
    assert unmeasured == {"surprise", "novelty", "conflict"}
    assert not any(reason.words == "not measured" for reason in PROFILE.explain(ASKED))


@given(st.floats(0, 30), st.floats(0.1, 10), st.integers(0, 1000), st.floats(0, 30), st.floats(0.01, 10))
def test_a_turn_is_more_surprising_the_more_bits_it_has(
    mean: float, deviation: float, n: int, bits: float, more: float
) -> None:
    evidence = replace(ASKED, bits=bits, usual=Usual(mean, deviation, n))
    assert score(replace(evidence, bits=bits + more)).surprise >= score(evidence).surprise


def test_surprise_is_relative_to_what_is_usual_here() -> None:
    talker = replace(ASKED, bits=9.0, usual=Usual(9.0, 1.0, 10_000))
    assert score(talker).surprise == pytest.approx(0.5, abs=0.02)
    assert score(replace(talker, usual=Usual(4.0, 1.0, 10_000))).surprise > 0.99
    # Ten turns do not yet say what is usual.
    assert 0.6 < score(replace(talker, usual=Usual(4.0, 1.0, 3))).surprise < 0.99
    assert score(replace(talker, usual=None)).surprise == score(replace(talker, usual=Usual(0.0, 0.0, 0))).surprise


def test_noise_does_not_surprise_however_unexpected_it_is() -> None:
    shares = [score(replace(ASKED, bits=20.0, byte_bits=bits)).surprise for bits in (1.5, 2.1, 3.0, 3.5, 4.1, 6.0)]
    assert shares[0] == shares[1] > shares[2] > shares[3] > shares[4] == shares[5] == 0.0


def test_what_was_said_before_is_not_novel() -> None:
    assert [score(replace(ASKED, nearest=cosine)).novelty for cosine in (1.0, 0.25, 0.0, -0.3)] == [0.0, 0.75, 1.0, 1.0]


def test_feeling_and_address_move_arousal() -> None:
    plain = said("Where do cranes spend the winter?").arousal
    assert said("My cranes spend the winter in Spain.").arousal > plain + 0.3
    assert said("I love you, this is wonderful!").arousal > 0.5 > plain
    assert said("I hate this horrible, disgusting noise.").arousal > plain
    assert said("Do you like cranes?").arousal > plain
    assert score(replace(ASKED, answer="Many fly to Spain. Do you like them?")).arousal > plain


@pytest.mark.parametrize(
    "padded",
    [
        "I love my dog. " * 40,
        "I love my dog. " + "The house has a door. " * 40,
        "I love my dog. I love love love love love love love love my dog.",
        "I love my dog. \U0001f600\U0001f600\U0001f600\U0001f600",
    ],
)
def test_length_repetition_and_stuffing_do_not_raise_arousal(padded: str) -> None:
    assert said(padded).arousal <= said("I love my dog.").arousal + 0.05


def test_capitals_and_calls_count_a_little_and_never_more() -> None:
    calm = said("This is my house.").arousal
    assert calm < said("This is my house!").arousal <= calm + 0.15
    assert said("This is my house!!!!!!!!!!").arousal == said("This is my house!").arousal
    # Somebody whose keyboard is stuck.
    assert said("THIS IS MY HOUSE.").arousal == pytest.approx(calm)
    assert said("NASA and the EU are in my house.").arousal == pytest.approx(calm, abs=0.02)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "```python\nraise ValueError('I hate you!')\n```",
        "\u4f60\u597d\uff0c\u4f60\u53eb\u4ec0\u4e48\u540d\u5b57",
        "\U0001f600" * 50,
        "x" * 50_000,
        "asdf qwer zxcv",
    ],
)
def test_what_has_no_words_of_feeling_does_not_arouse(text: str) -> None:
    assert said(text).arousal == 0.0


def test_the_next_words_decide_whether_a_turn_went_well() -> None:
    thanked, silent, corrected = (
        score(replace(ASKED, following=text)).reward
        for text in ("Thanks, that helps.", "And in summer?", "No, that is wrong.")
    )
    assert thanked > silent > corrected
    assert score(replace(ASKED, following="That\u2019s wrong.")).reward == corrected
    assert silent == pytest.approx(score(ASKED).reward)
    kept, excluded = (score(replace(ASKED, mark=mark)).reward for mark in ("kept", "excluded"))
    assert kept > silent > excluded


@pytest.mark.parametrize(
    "text", ["No problem.", "No worries, go on.", "I know nothing about it.", "Is it wrong to lie?"]
)
def test_not_every_no_is_a_correction(text: str) -> None:
    assert score(replace(ASKED, following=text)).reward >= score(ASKED).reward


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, I mixed them up, she is my niece.",
        "Actually she lives in Wick.",
        "I was wrong about the exam.",
        "I do not live in Bristol any more.",
        "My bicycle is not red, but turquoise.",
        "I don\u2019t live in Bristol anymore.",
        "I forgot to say that she has moved.",
        "I confused Tom with Bo.",
    ],
)
def test_who_takes_back_what_was_said_is_in_conflict_and_the_answer_is_not_to_blame(text: str) -> None:
    told = replace(ASKED, before=("Where do storks winter?", "In Norway."))
    assert score(replace(told, said=text)).conflict > score(replace(told, said="She lives in Wick.")).conflict
    assert score(replace(ASKED, following=text)).reward == pytest.approx(score(ASKED).reward)


@pytest.mark.parametrize(
    "text",
    [
        "I meant to ask about storks.",
        "Not bad.",
        "I said hello.",
        "They are no more.",
        "Can you give me any more examples?",
        "Actually, how do planes fly?",
        "I mixed flour and water.",
        "I forgot my umbrella today.",
        "I don't have any more questions.",
    ],
)
def test_who_takes_nothing_back_is_not_in_conflict(text: str) -> None:
    told = replace(ASKED, before=("Where do storks winter?", "In Norway."))
    assert score(replace(told, said=text)).conflict == score(replace(told, said="I see.")).conflict


def test_an_answer_that_remembers_is_rewarded() -> None:
    before = ("My sister Marguerite lives in Trieste.", "How nice.")
    asked = replace(ASKED, said="Where does she live?", before=before)
    assert score(replace(asked, answer="Marguerite lives in Trieste.")).reward > score(asked).reward


def test_drafts_that_disagree_and_a_person_who_does_are_conflict() -> None:
    assert score(replace(ASKED, agreement=0.3)).conflict > score(replace(ASKED, agreement=0.9)).conflict
    told = replace(ASKED, before=("Where do storks winter?", "In Norway."))
    assert score(replace(told, said="No, that is wrong.")).conflict > score(replace(told, said="I see.")).conflict
    # To the very first words nothing was said that could be wrong.
    assert score(replace(ASKED, said="No, that is wrong.")).conflict == score(ASKED).conflict
    assert score(replace(ASKED, consistency=0.1)).conflict > score(replace(ASKED, consistency=1.0)).conflict


def test_weights_are_those_of_the_five() -> None:
    assert tuple(WEIGHTS) == DIMENSIONS
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
