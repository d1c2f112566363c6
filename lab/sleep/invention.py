"""Questions that the model itself asks about what a person said, where no pattern knows it; and which can be used.

A likelihood tells whether an answer is supported, not whether the question asks for it: so a question may use no word
that was not said, must leave something for the answer to say, and its answer is what the person said and nothing else.
No torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lab.sleep import vocabulary
from lab.sleep.lessons import plain
from lab.sleep.statements import says_how
from lab.sleep.wording import second_person

# What the base writes next, for each text.
Write = Callable[[Sequence[str]], Sequence[str]]

_SHOTS: Final = (
    ("My brother moved to Oslo in May.", "Where did my brother move in May?"),
    ("I broke my left arm when I was seven.", "What did I break when I was seven?"),
    ("We have dinner at my aunt's house on Sundays.", "Where do we have dinner on Sundays?"),
    ("I painted the kitchen green with my cousin.", "Who painted the kitchen with me?"),
    ("The password of my wifi is blue giraffe.", "What is the password of my wifi?"),
    ("My father built this boat in 1960.", "When did my father build this boat?"),
)
_PROMPT: Final = "".join(f"Statement: {said}\nQuestion: {asked}\n\n" for said, asked in _SHOTS)
# The model is made to begin with each of these; the first that it makes a good question of is taken.
_STARTS: Final = ("Where", "When", "Who", "What")
_ASKS: Final = re.compile(rf"(?:{'|'.join(_STARTS)})\b[^?]*\?")
# What a place, a time and a person come after, or are, in the sentence.
_FITTING: Final = {
    "Where": re.compile(r"\b(?:in|at|to|from|near|on|into|behind|above|below|under|by) (?:(?:a|an|the|my|our) )?$"),
    "When": re.compile(r"\b(?:in|on|at|since|until|every|before|after) (?:the )?$"),
    "Who": re.compile(r"\b(?:with|by|from|to|for) (?:(?:a|an|the|my|our) )?$"),
}
_TIME: Final = re.compile(
    r"\d|\b(?:January|February|March|April|May|June|July|August|September|October|November|December|(?:Mon|Tues|Wednes"
    r"|Thurs|Fri|Satur|Sun)days?|spring|summer|autumn|winter|Christmas|Easter|mornings?|evenings?|nights?|weekends?)\b"
)
_ABOUT_ME: Final = re.compile(r"\b(?:I|my|mine|me|we|our|us)\b", re.IGNORECASE)
# What is said of a day is no longer true on the next.
_PASSING: Final = re.compile(
    r"\b(?:today|yesterday|tomorrow|tonight|now|currently|just|ago|this (?:morning|afternoon|evening|week|weekend|month"
    r"|year|time)|(?:last|next) (?:night|week|weekend|month|year|time))\b",
    re.IGNORECASE,
)
# "In the US", "World War I", "Frankfurt am Main": said to the person they would be another's.
_NO_SPEAKER: Final = re.compile(r"\bUS\b|\bI(?=$|[.,;:)]| (?:in|of|at|on|from|by|until)\b)|(?<!\b[Ii]) am\b")
_LONGEST: Final = 120
_LONGEST_KEY: Final = 6
# Of words that are one word in two forms, so many letters are the same.
_STEM: Final = 4


@dataclass(frozen=True, slots=True)
class Invented:
    """A question about a sentence, its answer as it is said to the person, and what the answer must hold."""

    question: str
    answer: str
    key: str


def invent(sentences: Sequence[str], write: Write) -> list[Invented | None]:
    """A question with its answer about each sentence, None where it is long, of today alone, or no good one, and where
    a word of a name would be taken for the speaker."""
    lasting = [
        each
        for each in sentences
        if len(each) <= _LONGEST and not _PASSING.search(each) and not _NO_SPEAKER.search(each)
    ]
    begun = [(sentence, start) for sentence in lasting for start in _STARTS]
    prompts = [f"{_PROMPT}Statement: {sentence}.\nQuestion: {start}" for sentence, start in begun]
    written = write(prompts) if prompts else []
    found: dict[str, Invented] = {}
    for (sentence, start), text in zip(begun, written):
        invented = read(sentence, f"{start} {text}")
        if invented is not None:
            found.setdefault(sentence, invented)
    return [found.get(sentence) for sentence in sentences]


def read(sentence: str, written: str) -> Invented | None:
    """What a model wrote about a sentence; None when it asks nothing about the person, uses words that were not said,
    or leaves nothing to answer."""
    question = " ".join(written.strip().partition("\n")[0].split())
    if len(question) > _LONGEST or not _ASKS.fullmatch(question) or not _ABOUT_ME.search(question):
        return None
    said, asked = _content(sentence), _content(question)
    if not asked or not all(any(_alike(word, other) for other in said) for word in asked):
        return None
    words = sentence.split()
    new = [
        at
        for at, word in enumerate(words)
        if (content := _content(word)) and not any(_alike(each, other) for each in content for other in asked)
    ]
    if not new or new[-1] - new[0] >= _LONGEST_KEY:
        return None
    if not _fits(question.split()[0], " ".join([*words[: new[0]], ""]), " ".join(words[new[0] :])):
        return None
    answer = second_person(sentence)
    key = second_person(" ".join(words[new[0] : new[-1] + 1])).strip(" .,;:!\"'()")
    answer = f"{answer[0].upper()}{answer[1:]}."
    if question.startswith("What") and says_how(key):
        return None
    return Invented(question, answer, key) if f" {plain(key)} " in f" {plain(answer)} " else None


def _fits(asks: str, before: str, key: str) -> bool:
    """Whether what is left to answer is a place, a time or a person, as is asked for: by what stands before it."""
    stands = _FITTING.get(asks)
    return asks == "What" or (
        stands is not None
        and stands.search(before) is not None
        and asks in (("When",) if _TIME.search(key) else ("Where", "Who"))
    )


def _content(text: str) -> list[str]:
    return [word for word in plain(text).split() if word not in vocabulary.SMALL]


def _alike(one: str, other: str) -> bool:
    """Whether they are one word, perhaps in two forms: "swallow" and "swallowed"."""
    shorter = min(len(one), len(other))
    stem = max(_STEM, shorter - 1)
    return one in (other, f"{other}s") or other == f"{one}s" or (shorter >= _STEM and one[:stem] == other[:stem])
