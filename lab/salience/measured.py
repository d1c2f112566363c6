"""The profile `measured`: each dimension is what its name says, measured in the turn itself; see docs/salience.md."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from lab.domain import Evidence, Reason, Salience
from lab.salience.profile import total_of

# What a turn is expected to be to a small model before anything is known of this person and this model, and how many
# turns that is worth.
_USUAL_BITS: Final = 6.0
_USUAL_DEVIATION: Final = 2.0
_PRIOR_TURNS: Final = 8
# Bits a letter of English for who knows its words, and for who knows how frequent its letters are and nothing else, by
# Shannon (1951): up to the one a text counts whole, from the other on it is noise, which nobody can learn from.
_WORDS_BITS: Final = 2.14
_LETTERS_BITS: Final = 4.03

WEIGHTS: Final = {"surprise": 0.30, "novelty": 0.15, "arousal": 0.20, "reward": 0.05, "conflict": 0.30}

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?]*")
_CODE: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SELF: Final = re.compile(r"\b(?:I|I'm|I've|I'd|I'll|me|my|mine|myself|we|us|our)\b", re.IGNORECASE)
_OTHER: Final = re.compile(r"\b(?:you|your|yours|yourself|you're|you've)\b", re.IGNORECASE)
_CORRECTION: Final = re.compile(
    r"^\W*(?:no|nope|wrong|incorrect)\b(?! (?:problem|worries|doubt|idea))"
    r"|\b(?:that(?:'s| is| was)|you(?:'re| are| were)|it(?:'s| is)) (?:not (?:right|true|correct|what)|wrong|incorrect"
    r"|mistaken|false)\b|\bi (?:did not|didn't|never) (?:say|said|mean|meant)\b|\bi disagree\b"
    r"|\byou (?:misunderstood|got (?:it|that) wrong)\b",
    re.IGNORECASE,
)
# What the person takes back was said by nobody else: no fault of the answer.
_SELF_CORRECTION: Final = re.compile(
    r"^\W*(?:actually|correction|scratch that|i take (?:it|that) back)\b(?![^.!]*\?)"
    r"|\bno longer\b|(?:\b(?:not|never)|n't)\b[^.!?]{1,60}\bany ?more\b(?= *(?:$|[^\w ]|(?:and|but|because|now)\b))"
    r"|\bi (?:was (?:wrong|mistaken)|mixed [^.!?]{1,30} up|mixed up|misspoke|misremembered|got (?:it|that|them) wrong"
    r"|confused (?:it|that|them|him|her|you|the (?:two|names)|[^.!?]{1,40} (?:with|and))"
    r"|forgot(?=,| that\b| to (?:say|tell|mention)\b)"
    r"|made a mistake|mistook|meant(?! to\b))\b|\b(?:my mistake|not [^.,;!?]{1,40}, but)\b"
    r"|\bi (?:told|said)\b[^.!?]{1,60}\bbut\b",
    re.IGNORECASE,
)
_AGREEMENT: Final = re.compile(
    r"^\W*(?:yes|yeah|yep|exactly|right|correct|true|great|perfect|good|nice|thanks|thank you|cheers|ok(?:ay)?|i see)\b"
    r"|\b(?:thank you|thanks|that helps?|that(?:'s| is) (?:right|true|correct|helpful|great|perfect|it)"
    r"|you(?:'re| are) right|well (?:said|done)|makes sense|i agree|good (?:point|answer|idea))\b",
    re.IGNORECASE,
)
# A shorter word tells little, and in capitals is an abbreviation.
_TELLING: Final = 5
# Characters of a text that are looked at: what is longer was pasted.
_LONGEST: Final = 4000

# What moves a dimension, and by how much.
Parts = list[tuple[str, float]]


class Measured:
    """The profile `measured`. Scores what the evidence holds; what nobody measured leaves its dimension to the rest."""

    name: Final = "measured"
    threshold: Final = 0.4

    def score(self, evidence: Evidence, threshold: float) -> Salience:
        """Score an exchange; every value in 0..1. The total is of the dimensions that somebody could measure."""
        parts = {name: of(evidence) for name, of in _DIMENSIONS.items()}
        values = {name: min(max(math.fsum(share for _, share in its), 0.0), 1.0) for name, its in parts.items()}
        total = total_of(values, {name: WEIGHTS[name] for name, its in parts.items() if its})
        return Salience(profile=self.name, **values, total=total, threshold=threshold)

    def explain(self, evidence: Evidence) -> list[Reason]:
        """What moved each bar, and which of them nobody could measure."""
        reasons: list[Reason] = []
        for name, of in _DIMENSIONS.items():
            parts = of(evidence)
            moved = [part for part in parts if part[1]] if parts else [("not measured", 0.0)]
            reasons += [Reason(name, *part) for part in moved]
        return reasons


def surprise(evidence: Evidence) -> Parts:
    """Where the bits a token of the person's turn lie among the usual ones: the normal distribution's share below, with
    mean and deviation of the turns before and of `_PRIOR_TURNS` imagined ones; so much of it as is not noise."""
    if evidence.bits is None:
        return []
    usual = evidence.usual
    n = usual.n if usual is not None else 0
    mean, variance = _USUAL_BITS, _USUAL_DEVIATION**2
    if usual is not None and n:
        whole = n + _PRIOR_TURNS
        mean = (n * usual.mean + _PRIOR_TURNS * _USUAL_BITS) / whole
        between = n * _PRIOR_TURNS / whole * (usual.mean - _USUAL_BITS) ** 2
        variance = (n * usual.deviation**2 + _PRIOR_TURNS * _USUAL_DEVIATION**2 + between) / whole
    z = (evidence.bits - mean) / math.sqrt(variance)
    share = 0.5 * (1.0 + math.erf(z / math.sqrt(2.0)))
    parts = [(f"{evidence.bits:.1f} bits a token, usual are {mean:.1f}", share)]
    if loss := (1.0 - readable(evidence.byte_bits)) * share:
        parts.append((f"{evidence.byte_bits:.1f} bits a byte, as noise has", -loss))
    return parts


def readable(byte_bits: float | None) -> float:
    """How far a text of so many bits a byte is from noise, in 0..1; 1 where nobody measured."""
    if byte_bits is None:
        return 1.0
    return min(max((_LETTERS_BITS - byte_bits) / (_LETTERS_BITS - _WORDS_BITS), 0.0), 1.0)


def novelty(evidence: Evidence) -> Parts:
    """How far the meaning of the turn is from the nearest one before: one minus their cosine."""
    if evidence.nearest is None:
        return []
    near = (
        f"nearest earlier turn at a cosine of {evidence.nearest:.2f}" if evidence.nearest else "no turn came before it"
    )
    return [(near, 1.0 - max(evidence.nearest, 0.0))]


def arousal(evidence: Evidence) -> Parts:
    """Feeling and engagement of the person's turn, none of it by length; what is said of oneself is the most of it."""
    said = _CODE.sub(" ", evidence.said)
    polarity, subjectivity = sentiment(said)
    return [
        ("speaks of oneself", 0.40 * bool(_SELF.search(said))),
        ("feeling", 0.25 * abs(polarity)),
        ("subjective words", 0.10 * subjectivity),
        ("emphasis", 0.10 * emphasis(said)),
        ("speaks to the model", 0.05 * bool(_OTHER.search(said))),
        ("the answer asks back", 0.10 * ("?" in _CODE.sub(" ", evidence.answer))),
    ]


def emphasis(text: str) -> float:
    """The share of sentences that are called out or have a word in capitals, in 0..1; not where all are capitals."""
    sentences = [found[0] for found in _SENTENCE.finditer(text) if _WORD.search(found[0])]
    if not sentences or text.upper() == text:
        return 0.0
    loud = [
        each
        for each in sentences
        if each.rstrip().endswith("!") or any(len(word) >= _TELLING and word.isupper() for word in _WORD.findall(each))
    ]
    return len(loud) / len(sentences)


def sentiment(text: str) -> tuple[float, float]:
    """Polarity in -1..1 and subjectivity in 0..1 of English words, by TextBlob's lexicon, which is shipped with it."""
    # Half a second, at the first score.
    from textblob import TextBlob

    found = TextBlob(text[:_LONGEST]).sentiment
    return float(found.polarity), float(found.subjectivity)


def reward(evidence: Evidence) -> Parts:
    """Whether the turn went well: what the person said next, the winner's energy, what was remembered, and the mark."""
    parts: Parts = []
    if evidence.energy is not None:
        parts.append(("the answer is well formed", 0.3 * (1.0 - evidence.energy)))
    if evidence.following is not None:
        parts.append(("what was said next", 0.4 * (0.5 + 0.5 * verdict(evidence.following))))
    else:
        parts.append(("nothing was said next yet", 0.2))
    parts.append(("the answer makes use of what was said before", 0.3 * remembered(evidence)))
    marks = {"kept": 1.0, "edited": 0.5, "excluded": 0.0}
    if evidence.mark is not None:
        parts = [(words, 0.5 * share) for words, share in parts]
        parts.append((f"marked as {evidence.mark}", 0.5 * marks[evidence.mark]))
    return parts


def verdict(following: str) -> int:
    """Whether the person's next words agree (1), correct (-1) or do neither (0)."""
    said = _straight(following)
    if _CORRECTION.search(said):
        return -1
    return 1 if _AGREEMENT.search(said) else 0


def _straight(text: str) -> str:
    """As patterns have it: a phone types another apostrophe."""
    return text.replace("\u2019", "'")


def remembered(evidence: Evidence) -> float:
    """The share, in 0..1, of the answer's telling words that the person said in earlier turns and not in this one."""
    earlier = _telling(evidence.before[::2]) - _telling([evidence.said])
    words = _telling([evidence.answer]) - _telling([evidence.said])
    return len(words & earlier) / len(words) if words else 0.0


def _telling(texts: Iterable[str]) -> set[str]:
    return {word.lower() for text in texts for word in _WORD.findall(text[:_LONGEST]) if len(word) >= _TELLING}


def conflict(evidence: Evidence) -> Parts:
    """Disagreement: between the drafts, with what was answered to the same before, and of the person with the model."""
    parts: Parts = []
    if evidence.agreement is not None:
        parts.append(
            (f"drafts agree at a cosine of {evidence.agreement:.2f}", 0.3 * (1.0 - max(evidence.agreement, 0.0)))
        )
    if evidence.consistency is not None:
        share = 0.2 * (1.0 - max(evidence.consistency, 0.0))
        parts.append((f"was answered at a cosine of {evidence.consistency:.2f} before", share))
    said = _straight(evidence.said)
    if len(evidence.before) > 1 and (verdict(said) < 0 or _SELF_CORRECTION.search(said)):
        parts.append(("the person corrects what was said before", 0.5))
    return parts


_DIMENSIONS: Final[Mapping[str, Callable[[Evidence], Parts]]] = {
    "surprise": surprise,
    "novelty": novelty,
    "arousal": arousal,
    "reward": reward,
    "conflict": conflict,
}
