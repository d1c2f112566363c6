"""The published SNARC profile: counts lexicon entries, as behind the published figures.

Source: the published system's definitions. For a lexicon L, hits(L) is the number of entries that occur
anywhere in the lower-cased exchange as a plain substring (so "but" inside "contribute" counts: the
published figures contain that weakness and so must this), and lex(L) = min(hits(L) / 5, 1).
"""

from __future__ import annotations

from typing import Final

from lab.domain import Salience

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
WEIGHTS: Final = {"surprise": 0.15, "novelty": 0.20, "arousal": 0.30, "reward": 0.20, "conflict": 0.15}
PUBLISHED_THRESHOLD: Final = 0.15


def _lex(lexicon: tuple[str, ...], text: str) -> float:
    return min(sum(entry in text for entry in lexicon) / 5, 1.0)


class Lexical:
    """The profile `lexical`."""

    name: Final = "lexical"

    def score(self, user_input: str, response: str, threshold: float = PUBLISHED_THRESHOLD) -> Salience:
        """Score an exchange; every value in 0..1."""
        text = f"{user_input} {response}".lower()
        length = min(len(response.split()) / 200, 1.0)
        questions = min(response.count("?") / 10, 1.0)
        values = {
            "surprise": 0.7 * _lex(SURPRISE, text) + 0.3 * questions,
            "novelty": 0.8 * _lex(NOVELTY, text) + 0.2 * length,
            "arousal": 0.9 * _lex(AROUSAL, text) + 0.1 * length,
            "reward": 0.7 * _lex(REWARD, text) + 0.3 * length,
            "conflict": 0.8 * _lex(CONFLICT, text) + 0.2 * questions,
        }
        total = sum(weight * values[name] for name, weight in WEIGHTS.items())
        return Salience(profile=self.name, **values, total=total, threshold=threshold)
