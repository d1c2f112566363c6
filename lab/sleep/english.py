"""How plain English says, asks and answers what people say of themselves: tables and agreement, no reading."""

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
    " / Could you remind me {}? / I would like to know {}. / Let me hear {}. / Any idea {}?"
)
NOUN_FRAMES: Final = each(
    "Do you remember {}? / {}? / Can you remind me of {}? / Tell me {}. / I forgot {}, can you help?"
    " / Once more, {}, please. / Please say {}. / Give me {}."
)

OWN_NAME: Final = Relation(
    "What is {my} name? / What {am} {s} called? / What name {do} {s} go by? / What do people call {whom}?"
    " / {my} name is what?",
    "what {my} name is / what {s} {am} called / what name {s} {go} by",
    "{my} name / the name that {s} {go} by",
    "{s} {am} called {value}",
    said="{am} called / {am} named",
)
NAME_OF_PERSON: Final = Relation(
    "What is {s} called? / What is {my} name? / What is the name of {s}? / Who is {s}? / What name does {s} go by?"
    " / {my} name is what?",
    "what {s} is called / what {my} name is / what name {s} goes by",
    "the name of {s} / {my} name",
    "{my} name is {value}",
)
NAME_OF_PET: Final = Relation(
    "What is {s} called? / What is {my} name? / What is the name of {s}? / Which name does {s} have?"
    " / Which name did I give {s}? / {my} name is what?",
    "what {s} is called / what {my} name is / which name {s} has",
    "the name of {s} / {my} name",
    "{my} name is {value}",
)
NAME_OF_THING: Final = Relation(
    "What is {s} called? / What is the name of {s}? / What name does {s} have? / Which name does {s} go by?"
    " / {s} is called what?",
    "what {s} is called / what the name of {s} is / which name {s} has",
    "the name of {s} / the name that {s} has",
    "the name of {s} is {value}",
)
NAMES: Final = Relation(
    "What are {s} called? / What are {my} names? / What are the names of {s}? / Which names do {s} have?"
    " / {my} names are what?",
    "what {s} are called / what {my} names are / which names {s} have",
    "the names of {s} / {my} names",
    "{my} names are {value}",
)
TRADE: Final = Relation(
    "What {do} {s} do for a living? / What is {my} job? / What is {my} profession? / What {do} {s} work as?"
    " / Which job {do} {s} have?",
    "what {s} {do} for a living / what {my} job is / what {s} {work} as",
    "{my} profession / {my} occupation",
    "by profession {s} {am} {value}",
    said="{work} as / {am} working as / {have} worked as / {have} been working as",
)
AGE: Final = Relation(
    "How old {am} {s}? / What is {my} age? / What age {am} {s}? / How many years old {am} {s}? / {s} {am} how old?",
    "how old {s} {am} / what {my} age is / what age {s} {am}",
    "{my} age / {my} present age",
    "{my} age is {value}",
)
BORN_IN: Final = Relation(
    "Where {was} {s} born? / What is {my} birthplace? / What is {my} place of birth? / {s} {was} born where?",
    "where {s} {was} born / what {my} birthplace is / in which place {s} {was} born",
    "{my} birthplace / {my} place of birth",
    "{my} birthplace is {value}",
    said="{was} born in / {was} born at / {was} born near",
    of_names="In which city {was} {s} born? / What city {was} {s} born in? / What is {my} native city?",
)
BORN_ON: Final = Relation(
    "When {was} {s} born? / What is {my} date of birth? / When did {s} come into the world?"
    " / On what date {was} {s} born? / {s} {was} born when?",
    "when {s} {was} born / what {my} date of birth is / when {s} came into the world",
    "{my} date of birth",
    "{s} came into the world {p} {value}",
)
BIRTHDAY: Final = Relation(
    "When is {my} {x}? / On which day is {my} {x}? / What is the date of {my} {x}? / On what date does {my} {x} fall?"
    " / When {do} {s} have {my} {x}? / What day {do} {s} have {my} {x} on? / {my} {x} is when?",
    "when {my} {x} is / on which day {my} {x} falls / what the date of {my} {x} is",
    "the date of {my} {x} / {my} {x}",
    "the date of {my} {x} is {value}",
)
KEEPING: Final = Relation(
    "What animals {do} {s} keep? / Which animals {do} {s} look after? / What {do} {s} keep?"
    " / Which animals {do} {s} have? / {s} {keep} what?",
    "what animals {s} {keep} / which animals {s} {look} after / what {s} {keep}",
    "{my} animals / the animals that {s} {keep}",
    "{s} {look} after {value}",
    said="{keep} / {am} keeping / {have} kept",
    described=True,
)
FAVOURITE: Final = Relation(
    "What {is} {my} {x}? / Which {thing} {do} {s} like best? / What {thing} {do} {s} like most?"
    " / Which {thing} {do} {s} prefer to all others? / {my} {x} {is} what?",
    "what {my} {x} {is} / which {thing} {s} {like} best / which {thing} {s} {prefer} to all others",
    "{my} {x} / the {thing} that {s} {like} best",
    "the {thing} that {s} {like} best {is} {value}",
)
SIZE: Final = Relation(
    "What is {my} {x}? / What size of {thing} {do} {s} wear? / Which {x} {do} {s} have? / What {x} {do} {s} need?"
    " / {my} {x} is what?",
    "what {my} {x} is / what size of {thing} {s} {wear} / which {x} {s} {have}",
    "{my} {x} / the size of {thing} that {s} {wear}",
    "the size of {thing} that {s} {wear} is {value}",
)
ATTRIBUTE: Final = Relation(
    "What {is} {my} {x}? / Which {x} {do} {s} have? / What did I say {my} {x} {is}? / {my} {x} {is} what?",
    "what {my} {x} {is} / which {x} {s} {have} / what I said {my} {x} {is}",
    "{my} {x}",
    "you named {value} as {my} {x}",
)


def _thing(says: str, asks: str) -> Relation:
    """What somebody does something to, or is busy with: `says` "{bake}", `asks` "{do} {s} bake"."""
    return Relation(
        f"What {asks}? / What is it that {{s}} {says}? / Which thing {asks}? / {{s}} {says} what?",
        f"what {{s}} {says} / what it is that {{s}} {says} / which thing {{s}} {says}",
        f"the thing that {{s}} {says}",
        f"what {{s}} {says} is {{value}}",
        said=says,
    )


def _meal(verb: str, noun: str) -> Relation:
    says = f"{{{verb}}}"
    return Relation(
        f"What {{do}} {{s}} {verb}? / What is {{my}} usual {noun}? / Which {noun} {{do}} {{s}} have?"
        f" / What {{do}} {{s}} usually {verb}? / What kind of {noun} {{do}} {{s}} like? / {{s}} {says} what?",
        f"what {{s}} {says} / what {{my}} usual {noun} is / which {noun} {{s}} {{have}}",
        f"{{my}} usual {noun} / the thing that {{s}} {says}",
        f"{{my}} usual {noun} is {{value}}",
        said=says,
    )


_ACTS: Final = (
    "love like enjoy adore prefer hate dislike own grow bake repair restore sell paint wear ride breed carve brew knit"
    " sew mend"
)
_STATES: Final = (
    "training for / reading / writing / building / working on / interested in / good at / bad at / proud of / fond of"
    " / saving up for"
)

RELATIONS: Final[tuple[Relation, ...]] = (
    OWN_NAME,
    TRADE,
    BORN_IN,
    Relation(
        "Where {do} {s} live? / Where is {my} home? / Which place {do} {s} call home? / {s} {live} where?",
        "where {s} {live} / where {my} home is / which place {s} {call} home",
        "{my} place of residence / the place where {s} {live}",
        "{my} home is {p} {value}",
        said="{live} in / {live} at / {live} on / {live} near / {am} living in / {have} lived in / {reside} in",
        of_names="In which city {do} {s} live? / In what town is {my} home? / What city {do} {s} live in?"
        " / What is the name of the city where {s} {live}?",
    ),
    Relation(
        "Where {do} {s} work? / Where is {my} workplace? / What is {my} place of work? / {s} {work} where?",
        "where {s} {work} / where {my} workplace is / what {my} place of work is",
        "{my} place of work / {my} workplace",
        "the place where {s} {work} is {value}",
        said="{work} at / {work} for / {work} in / {am} working at / {am} working for / {am} working in",
    ),
    Relation(
        "Where did {s} grow up? / In which place did {s} grow up? / Where {was} {s} brought up? / {s} grew up where?",
        "where {s} grew up / in which place {s} grew up / where {s} {was} brought up",
        "the place where {s} grew up / the place where {s} {was} brought up",
        "the place where {s} grew up is {value}",
        said="grew up in / grew up on / grew up near / grew up at",
    ),
    Relation(
        "Where did {s} move to? / To which place did {s} move? / What place did {s} move to? / {s} moved to where?",
        "where {s} moved to / to which place {s} moved / what place {s} moved to",
        "the place that {s} moved to",
        "the place that {s} moved to is {value}",
        said="moved to / {have} moved to",
    ),
    Relation(
        "Where {do} {s} come from? / Where {am} {s} from? / What is {my} place of origin? / {s} {come} from where?",
        "where {s} {come} from / where {s} {am} from / what {my} place of origin is",
        "{my} place of origin / the place that {s} {come} from",
        "{my} place of origin is {value}",
        said="{come} from / {am} from",
    ),
    Relation(
        "What {do} {s} study? / What {am} {s} studying? / Which subject {do} {s} study? / What is {my} field of study?"
        " / What {do} {s} learn at university? / {s} {study} what?",
        "what {s} {study} / which subject {s} {study} / what {my} field of study is",
        "{my} field of study / the subject that {s} {study}",
        "{my} field of study is {value}",
        said="{study} / {am} studying",
    ),
    Relation(
        "What {do} {s} teach? / Which subject {do} {s} teach? / What {am} {s} teaching? / {s} {teach} what?"
        " / What {do} {s} give lessons in?",
        "what {s} {teach} / which subject {s} {teach} / what {s} {give} lessons in",
        "the subject that {s} {teach}",
        "the subject that {s} {teach} is {value}",
        said="{teach} / {am} teaching",
    ),
    Relation(
        "What {am} {s} learning? / What is it that {s} {am} learning? / What {am} {s} trying to learn?"
        " / {s} {am} learning what?",
        "what {s} {am} learning / what it is that {s} {am} learning / what {s} {am} trying to learn",
        "the thing that {s} {am} learning",
        "what {s} {am} trying to learn is {value}",
        said="{am} learning / {learn} / {have} been learning",
        of_names="Which language {am} {s} learning? / What language {am} {s} trying to learn?"
        " / Can you tell me which language {s} {am} learning?",
    ),
    Relation(
        "What language {do} {s} speak? / Which language can {s} speak? / What {do} {s} speak? / {s} {speak} what?",
        "what language {s} {speak} / which language {s} can speak / what {s} {speak}",
        "the language that {s} {speak}",
        "the language that {s} {speak} is {value}",
        said="{speak} / {am} fluent in",
    ),
    Relation(
        "What {do} {s} drive? / What car {do} {s} have? / Which vehicle {do} {s} drive?"
        " / What kind of car {do} {s} have? / {s} {drive} what?",
        "what {s} {drive} / what car {s} {have} / which vehicle {s} {drive}",
        "what car {s} {have} / the vehicle that {s} {drive}",
        "the vehicle that {s} {drive} is {value}",
        said="{drive} / {am} driving",
        described=True,
    ),
    Relation(
        "What {do} {s} play? / What is it that {s} {play}? / What {do} {s} like to play? / {s} {play} what?",
        "what {s} {play} / what it is that {s} {play} / what {s} {like} to play",
        "the thing that {s} {play}",
        "what {s} {play} is {value}",
        said="{play}",
        of_the="Which instrument {do} {s} play? / What is {my} instrument? / Can you tell me {my} instrument?"
        " / I forgot which instrument {s} {play}, can you help?",
    ),
    Relation(
        "What {do} {s} collect? / What is in {my} collection? / What sort of thing {do} {s} collect?"
        " / What {do} {s} have a collection of? / {s} {collect} what?",
        "what {s} {collect} / what is in {my} collection / what sort of thing {s} {collect}",
        "the contents of {my} collection / the things that {s} {collect}",
        "{my} collection is of {value}",
        said="{collect}",
        described=True,
    ),
    KEEPING,
    _meal("drink", "drink"),
    _meal("eat", "food"),
    Relation(
        "What {am} {s} allergic to? / What is {my} allergy? / What must {s} avoid because of an allergy?"
        " / What must {s} not eat or touch? / What allergy {do} {s} have? / {s} {am} allergic to what?",
        "what {s} {am} allergic to / what {my} allergy is / what {s} must avoid because of an allergy",
        "{my} allergy / the cause of {my} allergy",
        "{s} must avoid {value}",
        said="{am} allergic to / {have} an allergy to",
    ),
    Relation(
        "What {am} {s} afraid of? / What frightens {whom}? / What {do} {s} fear? / Which thing scares {whom}?"
        " / {s} {am} afraid of what?",
        "what {s} {am} afraid of / what frightens {whom} / what {s} {fear}",
        "the thing that frightens {whom} / the thing that {s} {fear}",
        "the thing that frightens {whom} is {value}",
        said="{am} afraid of / {am} scared of / {am} terrified of / {am} frightened of / {fear}",
    ),
    Relation(
        "Who {am} {s} married to? / Whom did {s} marry? / Who is {my} spouse? / {s} {am} married to whom?",
        "who {s} {am} married to / whom {s} married / who {my} spouse is",
        "{my} spouse / the person that {s} married",
        "{my} spouse is {value}",
        said="{am} married to",
    ),
    *(_thing(f"{{{verb}}}", f"{{do}} {{s}} {verb}") for verb in _ACTS.split()),
    *(_thing(f"{{am}} {state}", f"{{am}} {{s}} {state}") for state in each(_STATES)),
)
