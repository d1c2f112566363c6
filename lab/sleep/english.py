"""How plain English agrees with whom it speaks of, and what a kind of statement is: no reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lab.sleep.vocabulary import each

Person = Literal["first", "third", "plural"]

_FORMS: Final[dict[Person, dict[str, str]]] = {
    "first": {"do": "do", "am": "am", "was": "was", "have": "have"},
    "third": {"do": "does", "am": "is", "was": "was", "have": "has"},
    "plural": {"do": "do", "am": "are", "was": "were", "have": "have"},
}


class Agreement(dict[str, str]):
    """Fills a template in: `{am}`, `{do}` and any verb, such as `{live}`, agree with the person."""

    def __init__(self, person: Person, **words: str) -> None:
        super().__init__(_FORMS[person], **words)
        self._person = person

    def __missing__(self, verb: str) -> str:
        return _third_person(verb) if self._person == "third" else verb


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2] not in "aeou":
        return f"{verb[:-1]}ies"
    return f"{verb}s"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom or what a statement is about: "I", "my brother", "my parents"."""

    words: str
    person: Person

    @property
    def owner(self) -> str:
        """The possessive: "my", "my brother's", "my parents'"."""
        if self.words in ("I", "you"):
            return "my" if self.words == "I" else "your"
        return f"{self.words}'" if self.person == "plural" and self.words.endswith("s") else f"{self.words}'s"

    def agreement(self, **words: str) -> Agreement:
        """What fills a template in about this subject, with more words."""
        whom = "me" if self.words == "I" else self.words
        return Agreement(self.person, s=self.words, my=self.owner, whom=whom, **words)


ME: Final = Subject("I", "first")
YOU: Final = Subject("you", "plural")


@dataclass(frozen=True, slots=True)
class Relation:
    """One kind of statement: how it is said, asked and answered.

    Templates have slashes between them. They hold `{s}` the subject, `{my}` its possessive, `{whom}` its object form,
    verbs that agree, `{x}` an attribute, `{thing}` what that is of, `{is}` the verb between it and its `{value}`, and
    `{p}` the preposition said. The first three of `direct` also ask for the same about others. `clauses` follow "Do you
    know", `nouns` "Do you remember". `answer` is a second wording of what was said. `of_names` fit only a name without
    an article ("Oslo"), `of_the` only what begins with "the". Where `described`, the key of "an old Volvo" is "Volvo".
    """

    direct: str
    clauses: str
    nouns: str
    answer: str
    said: str = ""
    of_names: str = ""
    of_the: str = ""
    described: bool = False


# Wordings around a clause ("where I live") and around a noun phrase ("the name of my dog").
CLAUSE_FRAMES: Final = each(
    "Do you know {}? / Can you tell me {}? / Do you remember {}? / Tell me {}. / I forgot {}, can you help?"
    " / Could you remind me {}? / I would like to know {}. / Let me hear {}. / Any idea {}? / Remember {}?"
    " / Quick question: do you know {}? / Hey, do you happen to recall {}? / I was wondering {}."
    " / It slipped my mind {}, so please help me out. / Off the top of your head, can you say {}? / Just say {}."
    " / Would you mind telling me {}? / Would you be so kind as to say {}?"
)
NOUN_FRAMES: Final = each(
    "Do you remember {}? / {}? / Can you remind me of {}? / Tell me {}. / I forgot {}, can you help?"
    " / Once more, {}, please. / Please say {}. / Give me {}. / Help me recall {}. / What do you have down as {}?"
    " / Quick question: {}? / Would you kindly tell me {}? / {}: what did I say? / Hey, do you still know {}?"
    " / I have lost track of {}, so please fill me in. / What did I mention as {}?"
)
