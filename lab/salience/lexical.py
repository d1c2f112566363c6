"""The published SNARC profile: counts lexicon entries, as behind the published figures.

Source: the published system's definitions. For a lexicon L, hits(L) is the number of entries that occur
anywhere in the lower-cased exchange as a plain substring (so "but" inside "contribute" counts: the
published figures contain that weakness and so must this), and lex(L) = min(hits(L) / 5, 1).
"""

from __future__ import annotations

from typing import Final

from lab.domain import Evidence, Reason, Salience
from lab.salience.profile import total_of

SURPRISE: Final = (
    "unexpected",
    "surprising",
    "didn't realize",
    "never thought",
    "paradox",
    "contradiction",
    "counter-intuitive",
)
NOVELTY: Final = (
    "first time",
    "new",
    "novel",
    "haven't considered",
    "unfamiliar",
    "different perspective",
    "alternative view",
)
AROUSAL: Final = (
    "qualia",
    "consciousness",
    "phenomenology",
    "ontological",
    "epistemic",
    "verification",
    "certainty",
    "truth",
    "belief",
    "knowledge",
    "subjective",
    "objective",
)
REWARD: Final = (
    "understand",
    "makes sense",
    "clear",
    "insight",
    "realize",
    "see now",
    "aha",
    "connects",
    "explains",
    "clarifies",
    "reveals",
)
CONFLICT: Final = (
    "but",
    "however",
    "contradiction",
    "disagree",
    "doesn't match",
    "conflicts with",
    "tension",
    "incompatible",
    "paradox",
    "can't both be",
)
# The share of the lexicon, the lexicon, and what has the rest.
_DIMENSIONS: Final = {
    "surprise": (0.7, SURPRISE, "questions in the answer"),
    "novelty": (0.8, NOVELTY, "length of the answer"),
    "arousal": (0.9, AROUSAL, "length of the answer"),
    "reward": (0.7, REWARD, "length of the answer"),
    "conflict": (0.8, CONFLICT, "questions in the answer"),
}
WEIGHTS: Final = {"surprise": 0.15, "novelty": 0.20, "arousal": 0.30, "reward": 0.20, "conflict": 0.15}
PUBLISHED_THRESHOLD: Final = 0.15


def _lex(lexicon: tuple[str, ...], text: str) -> float:
    return min(sum(entry in text for entry in lexicon) / 5, 1.0)


class Lexical:
    """The profile `lexical`."""

    name: Final = "lexical"
    threshold: Final = PUBLISHED_THRESHOLD

    def score(self, evidence: Evidence, threshold: float = PUBLISHED_THRESHOLD) -> Salience:
        """Score an exchange by its texts alone; every value in 0..1."""
        text = f"{evidence.said} {evidence.answer}".lower()
        beside = _beside(evidence.answer)
        values = {
            name: share * _lex(lexicon, text) + (1.0 - share) * beside[other]
            for name, (share, lexicon, other) in _DIMENSIONS.items()
        }
        return Salience(profile=self.name, **values, total=total_of(values, WEIGHTS), threshold=threshold)

    def explain(self, evidence: Evidence) -> list[Reason]:
        """The lexicon entries that were found, and what length or questions add."""
        text = f"{evidence.said} {evidence.answer}".lower()
        beside = _beside(evidence.answer)
        reasons = []
        for name, (share, lexicon, other) in _DIMENSIONS.items():
            if found := [entry for entry in lexicon if entry in text]:
                reasons.append(Reason(name, ", ".join(found), share * _lex(lexicon, text)))
            if beside[other]:
                reasons.append(Reason(name, other, (1.0 - share) * beside[other]))
        return reasons


def _beside(answer: str) -> dict[str, float]:
    """What counts beside the lexicons, each in 0..1."""
    return {
        "length of the answer": min(len(answer.split()) / 200, 1.0),
        "questions in the answer": min(answer.count("?") / 10, 1.0),
    }
