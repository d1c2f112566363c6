"""How plain English says, asks and answers what people say of themselves: tables and agreement, no reading."""

from __future__ import annotations

from collections.abc import Mapping
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

OWN_NAME: Final = Relation(
    "What is {my} name? / What {am} {s} called? / What name {do} {s} go by? / What do people call {whom}?"
    " / {my} name is what? / By which name {am} {s} known? / What did I tell you {my} name was?"
    " / What's {my} name again? / Which name {do} {s} answer to? / By what name should you address {whom}?"
    " / Say {my} name. / What name goes on {my} name badge? / What did {my} parents name {whom}? / {my} name, please?",
    "what {my} name is / what {s} {am} called / what name {s} {go} by / by which name {s} {am} known"
    " / what people call {whom} / which name {s} {answer} to / what {s} {have} been named / what I said {my} name was",
    "{my} name / the name that {s} {go} by / the name by which {s} {am} known / the name people call {whom} by"
    " / the name to use for {whom}",
    "{s} {am} called {value}",
    said="{am} called / {am} named",
)
NAME_OF_PERSON: Final = Relation(
    "What is {s} called? / What is {my} name? / What is the name of {s}? / Who is {s}? / What name does {s} go by?"
    " / {my} name is what? / What do people call {s}? / By which name is {s} known?"
    " / What did I tell you {s} is called? / Which name does {s} answer to? / What was {my} name again?"
    " / Who did I say {s} is? / Name {s} for me. / {my} name, please?",
    "what {s} is called / what {my} name is / what name {s} goes by / what people call {s}"
    " / by which name {s} is known / who {s} is / what I said {s} is called / which name {s} answers to",
    "the name of {s} / {my} name / the name {s} goes by / the name by which people know {s}"
    " / the name that belongs to {s}",
    "{my} name is {value}",
)
NAME_OF_PET: Final = Relation(
    "What is {s} called? / What is {my} name? / What is the name of {s}? / Which name does {s} have?"
    " / Which name did I give {s}? / {my} name is what? / What do people call {s}? / By which name is {s} known?"
    " / What was {s} named? / What did I tell you {s} is called? / What was {my} name again?"
    " / Which name was chosen for {s}? / Say {my} name. / {my} name, please?",
    "what {s} is called / what {my} name is / which name {s} has / what people call {s} / which name {s} answers to"
    " / what {s} was named / what I said {s} is called / which name was chosen for {s}",
    "the name of {s} / {my} name / the name {s} answers to / the name that was chosen for {s}"
    " / the name people call {s} by",
    "{my} name is {value}",
)
NAME_OF_THING: Final = Relation(
    "What is {s} called? / What is the name of {s}? / What name does {s} have? / Which name does {s} go by?"
    " / {s} is called what? / What do people call {s}? / By which name is {s} known? / What was {s} named?"
    " / What did I tell you {s} is called? / Which name belongs to {s}? / What was the name of {s} again?"
    " / Say the name of {s}. / The name of {s}, please? / What is it that {s} is called?",
    "what {s} is called / what the name of {s} is / which name {s} has / what people call {s}"
    " / by which name {s} is known / what {s} was named / what I said {s} is called / which name belongs to {s}",
    "the name of {s} / the name that {s} has / the name by which {s} is known / the name that belongs to {s}"
    " / the name people use for {s}",
    "the name of {s} is {value}",
)
NAMES: Final = Relation(
    "What are {s} called? / What are {my} names? / What are the names of {s}? / Which names do {s} have?"
    " / {my} names are what? / What do people call {s}? / By which names are {s} known?"
    " / What did I tell you {s} are called? / Which names belong to {s}? / What were {my} names again?"
    " / Which names were {s} given? / What is each of {s} called? / List the names of {s}. / {my} names, please?",
    "what {s} are called / what {my} names are / which names {s} have / what people call {s}"
    " / by which names {s} are known / which names belong to {s} / what I said {s} are called"
    " / what each of {s} is called",
    "the names of {s} / {my} names / the names {s} go by / the names that belong to {s}"
    " / the names by which people know {s}",
    "{my} names are {value}",
)
TRADE: Final = Relation(
    "What {do} {s} do for a living? / What is {my} job? / What is {my} profession? / What {do} {s} work as?"
    " / Which job {do} {s} have? / How {do} {s} earn a living? / What line of work {am} {s} in?"
    " / What {am} {s} by trade? / What kind of work {do} {s} do? / What's {my} occupation?"
    " / What job {am} {s} employed in? / What did I tell you about what {s} {do} for a living?"
    " / In what profession {do} {s} make a career? / State {my} occupation.",
    "what {s} {do} for a living / what {my} job is / what {s} {work} as / how {s} {earn} a living"
    " / what line of work {s} {am} in / what {s} {am} by trade / what kind of work {s} {do}"
    " / what job {s} {am} employed in",
    "{my} profession / {my} occupation / {my} line of work / the job that {s} {have}"
    " / the work that {s} {do} for a living / {my} trade",
    "by profession {s} {am} {value}",
    said="{work} as / {am} working as / {have} worked as / {have} been working as",
)
AGE: Final = Relation(
    "How old {am} {s}? / What is {my} age? / What age {am} {s}? / How many years old {am} {s}? / {s} {am} how old?"
    " / Just how old {am} {s}? / How many years of age {am} {s}? / What age {have} {s} reached?"
    " / In years, how old {am} {s}? / How old did I tell you {s} {am}? / How many years {have} {s} lived so far?"
    " / Say how old {s} {am}. / {my} age, please?",
    "how old {s} {am} / what {my} age is / what age {s} {am} / how many years old {s} {am}"
    " / what age {s} {have} reached / how many years of age {s} {am} / how old I said {s} {am}",
    "{my} age / {my} present age / {my} age in years / the age that {s} {have} reached"
    " / the number of years {s} {have} lived",
    "{my} age is {value}",
)
BORN_IN: Final = Relation(
    "Where {was} {s} born? / What is {my} birthplace? / What is {my} place of birth? / {s} {was} born where?"
    " / In which place {was} {s} born? / Where did {s} come into the world? / Where is it that {s} {was} born?"
    " / Where did I tell you {s} {was} born? / Where did {my} birth take place? / Where's {my} birthplace?"
    " / What is given as place of birth in {my} passport? / Name the place where {s} {was} born."
    " / Where did {my} life begin?",
    "where {s} {was} born / what {my} birthplace is / in which place {s} {was} born / where {s} came into the world"
    " / where {my} birth took place / what {my} place of birth is / what place {s} {was} born in"
    " / where I said {s} {was} born",
    "{my} birthplace / {my} place of birth / the place where {s} {was} born / the place of {my} birth"
    " / the place where {s} came into the world",
    "{my} birthplace is {value}",
    said="{was} born in / {was} born at / {was} born near",
    of_names="In which city {was} {s} born? / What city {was} {s} born in? / What is {my} native city?"
    " / Which city is {my} birthplace? / What is the name of the place where {s} {was} born?"
    " / Can you name the city where {s} {was} born?",
)
BORN_ON: Final = Relation(
    "When {was} {s} born? / What is {my} date of birth? / When did {s} come into the world?"
    " / On what date {was} {s} born? / {s} {was} born when? / When is it that {s} {was} born?"
    " / When did I tell you {s} {was} born? / When did {my} birth take place? / When did {my} life begin?"
    " / What is given as date of birth in {my} passport? / Which date did I give for {my} birth?"
    " / When exactly {was} {s} born? / State {my} date of birth.",
    "when {s} {was} born / what {my} date of birth is / when {s} came into the world / on what date {s} {was} born"
    " / when {my} birth took place / when {my} life began / what the date of {my} birth is"
    " / when I said {s} {was} born",
    "{my} date of birth / the date of {my} birth / {my} birth date / the date when {s} came into the world"
    " / the time when {s} {was} born",
    "{s} came into the world {p} {value}",
)
BIRTHDAY: Final = Relation(
    "When is {my} {x}? / On which day is {my} {x}? / What is the date of {my} {x}? / On what date does {my} {x} fall?"
    " / When {do} {s} have {my} {x}? / What day {do} {s} have {my} {x} on? / {my} {x} is when?"
    " / When is {my} {x} celebrated? / When does {my} {x} come round? / What date is {my} {x}?"
    " / What did I tell you about when {my} {x} is? / Which date did I give for {my} {x}? / When's {my} {x}, exactly?"
    " / Which day should be marked in the calendar as {my} {x}?",
    "when {my} {x} is / on which day {my} {x} falls / what the date of {my} {x} is / when {my} {x} comes round"
    " / what date {my} {x} is / on what date {my} {x} is celebrated / when I said {my} {x} is"
    " / when to celebrate {my} {x}",
    "the date of {my} {x} / {my} {x} / the day of {my} {x} / the date on which {my} {x} falls"
    " / the day when {my} {x} is celebrated",
    "the date of {my} {x} is {value}",
)
KEEPING: Final = Relation(
    "What animals {do} {s} keep? / Which animals {do} {s} look after? / What {do} {s} keep?"
    " / Which animals {do} {s} have? / {s} {keep} what? / What kind of animals {do} {s} keep?"
    " / Which animals belong to {whom}? / What animals {do} {s} take care of? / What sort of creatures {do} {s} keep?"
    " / Which animals did I say {s} {keep}? / What animals would one find at {my} place?"
    " / Which animals is it that {s} {keep}? / What animals are kept by {whom}? / Name the animals that {s} {keep}.",
    "what animals {s} {keep} / which animals {s} {look} after / what {s} {keep} / what kind of animals {s} {keep}"
    " / which animals belong to {whom} / what animals {s} {take} care of / what animals are kept by {whom}"
    " / which animals I said {s} {keep}",
    "{my} animals / the animals that {s} {keep} / the animals that belong to {whom} / the animals in {my} care"
    " / the kind of animals {s} {keep}",
    "{s} {look} after {value}",
    said="{keep} / {am} keeping / {have} kept",
    described=True,
)
FAVOURITE: Final = Relation(
    "What {is} {my} {x}? / Which {thing} {do} {s} like best? / What {thing} {do} {s} like most?"
    " / Which {thing} {do} {s} prefer to all others? / {my} {x} {is} what?"
    " / Which {thing} {do} {s} love above all others? / What {thing} {am} {s} most fond of?"
    " / Which {thing} {do} {s} enjoy the most? / What {thing} would {s} choose first?"
    " / Which {thing} did I call {my} {x}? / What {thing} {do} {s} rate highest?"
    " / Which {thing} {is} number one for {whom}? / What did I tell you {my} {x} {is}? / Name {my} {x}.",
    "what {my} {x} {is} / which {thing} {s} {like} best / which {thing} {s} {prefer} to all others"
    " / which {thing} {s} {enjoy} the most / what {thing} {s} {am} most fond of / what {thing} {s} would choose first"
    " / which {thing} {s} {love} above all others / which {thing} I called {my} {x}",
    "{my} {x} / the {thing} that {s} {like} best / the {thing} that {s} {love} most"
    " / the {thing} that {s} would choose first / {my} number one {thing} / the {thing} dearest to {whom}",
    "the {thing} that {s} {like} best {is} {value}",
)
SIZE: Final = Relation(
    "What is {my} {x}? / What size of {thing} {do} {s} wear? / Which {x} {do} {s} have? / What {x} {do} {s} need?"
    " / {my} {x} is what? / Which {x} fits {whom}? / What {x} {do} {s} take? / What {x} should be ordered for {whom}?"
    " / What did I tell you {my} {x} is? / Which {x} is the right one for {whom}?"
    " / What {x} {do} {s} ask for in a shop? / What {x} is it that {s} {wear}? / What's {my} {x} again?"
    " / State {my} {x}.",
    "what {my} {x} is / what size of {thing} {s} {wear} / which {x} {s} {have} / which {x} fits {whom}"
    " / what {x} {s} {take} / what {x} to order for {whom} / which {x} is right for {whom} / what I said {my} {x} is",
    "{my} {x} / the size of {thing} that {s} {wear} / the {x} that {s} {wear} / the {x} that fits {whom}"
    " / the {x} {s} {need} / the right {x} for {whom}",
    "the size of {thing} that {s} {wear} is {value}",
)
ATTRIBUTE: Final = Relation(
    "What {is} {my} {x}? / Which {x} {do} {s} have? / What did I say {my} {x} {is}? / {my} {x} {is} what?"
    " / What {x} {do} {s} have? / What {is} {my} {x} again? / What have I told you {my} {x} {is}?"
    " / Which {x} did I say {s} {have}? / What did I mention as {my} {x}? / What should you write down as {my} {x}?"
    " / What was it that I gave as {my} {x}? / State {my} {x}. / {my} {x}, please?",
    "what {my} {x} {is} / which {x} {s} {have} / what I said {my} {x} {is} / what {x} {s} {have}"
    " / what I told you {my} {x} {is} / which {x} I said {s} {have} / what I gave as {my} {x}"
    " / what to write down as {my} {x}",
    "{my} {x} / the {x} that {s} {have} / {my} own {x} / the {x} to put down for {whom}",
    "you named {value} as {my} {x}",
)


def _thing(says: str, asks: str, own: tuple[str, str]) -> Relation:
    """What somebody does something to, or is busy with: `says` "{bake}", `asks` "{do} {s} bake".

    `own` has its own wordings: what to add to the direct ones and to the clauses that all of them share.
    """
    direct, clauses = own
    return Relation(
        f"What {asks}? / What is it that {{s}} {says}? / Which thing {asks}? / {{s}} {says} what?"
        f" / What exactly {asks}? / What sort of thing {asks}? / What did I tell you {{s}} {says}?"
        f" / What is the thing that {{s}} {says}? / What was it again that {{s}} {says}?"
        f" / {{s}} {says} something. What is it? / Remind me, what {asks}? / So what {asks}, then?"
        f" / Name the thing that {{s}} {says}. / {direct}",
        f"what {{s}} {says} / what it is that {{s}} {says} / which thing {{s}} {says} / what exactly {{s}} {says}"
        f" / what sort of thing {{s}} {says} / what I said {{s}} {says} / what the thing is that {{s}} {says}"
        f" / what I told you {{s}} {says} / {clauses}",
        f"the thing that {{s}} {says} / the sort of thing that {{s}} {says} / the very thing that {{s}} {says}"
        f" / the name of what {{s}} {says}",
        f"what {{s}} {says} is {{value}}",
        said=says,
    )


def _meal(verb: str, noun: str) -> Relation:
    says = f"{{{verb}}}"
    return Relation(
        f"What {{do}} {{s}} {verb}? / What is {{my}} usual {noun}? / Which {noun} {{do}} {{s}} have?"
        f" / What {{do}} {{s}} usually {verb}? / What kind of {noun} {{do}} {{s}} like? / {{s}} {says} what?"
        f" / What did I tell you {{s}} {says}? / What is it that {{s}} {says}?"
        f" / What sort of {noun} {{do}} {{s}} go for? / Which {noun} {{do}} {{s}} choose?"
        f" / What could you offer {{whom}} to {verb}? / What should {{s}} be given to {verb}?"
        f" / What {{do}} {{s}} like to {verb}? / Name the {noun} that {{s}} usually {{have}}.",
        f"what {{s}} {says} / what {{my}} usual {noun} is / which {noun} {{s}} {{have}} / what {{s}} usually {says}"
        f" / what sort of {noun} {{s}} {{go}} for / what it is that {{s}} {says} / which {noun} {{s}} {{choose}}"
        f" / what I said {{s}} {says}",
        f"{{my}} usual {noun} / the thing that {{s}} {says} / the {noun} that {{s}} usually {{have}}"
        f" / the {noun} {{s}} {{choose}} / {{my}} choice of {noun}",
        f"{{my}} usual {noun} is {{value}}",
        said=says,
    )


# Further direct wordings and clauses that fit just this verb or state.
_ACTS: Final[Mapping[str, tuple[str, str]]] = {
    "love": (
        "What {am} {s} passionate about? / What {do} {s} cherish? / What holds a special place in {my} affections?"
        " / What can {s} simply not get enough of? / What {am} {s} crazy about? / For what {do} {s} feel great love?",
        "what {s} {am} passionate about / what {s} {cherish} / what {s} can never get enough of",
    ),
    "like": (
        "What appeals to {whom}? / What {do} {s} have a liking for? / What is to {my} taste? / What {am} {s} keen on?"
        " / What {do} {s} find pleasant? / What meets with {my} approval?",
        "what appeals to {whom} / what is to {my} taste / what {s} {am} keen on",
    ),
    "enjoy": (
        "What gives {whom} pleasure? / What {do} {s} find enjoyable? / In what {do} {s} delight?"
        " / What {do} {s} have a good time with? / What is a source of enjoyment for {whom}?"
        " / What {do} {s} get pleasure from?",
        "what gives {whom} pleasure / what {s} {delight} in / what {s} {find} enjoyable",
    ),
    "adore": (
        "What enchants {whom}? / What {do} {s} think is simply wonderful? / What is the object of {my} adoration?"
        " / What {do} {s} go into raptures over? / What {do} {s} idolize? / What {do} {s} find utterly charming?",
        "what enchants {whom} / what {s} {think} is simply wonderful / what the object of {my} adoration is",
    ),
    "prefer": (
        "What is {my} preference? / Given the choice, what {do} {s} opt for? / What {do} {s} favour?"
        " / What would {s} rather go for? / What {do} {s} like better than the alternatives?"
        " / If it is up to {whom}, what gets picked?",
        "what {my} preference is / what {s} {opt} for when there is a choice / what {s} would rather go for",
    ),
    "hate": (
        "What can {s} not stand? / What {do} {s} detest? / What {do} {s} loathe? / What {do} {s} find unbearable?"
        " / What fills {whom} with disgust or anger? / What is utterly hateful to {whom}?",
        "what {s} cannot stand / what {s} {detest} / what {s} {find} unbearable",
    ),
    "dislike": (
        "What {do} {s} not care for? / What {do} {s} not like? / What {am} {s} not keen on?"
        " / What is not to {my} taste? / What {do} {s} have a distaste for? / What {do} {s} find disagreeable?",
        "what {s} {do} not care for / what is not to {my} taste / what {s} {find} disagreeable",
    ),
    "own": (
        "What belongs to {whom}? / What is in {my} possession? / What {do} {s} possess? / What is {my} property?"
        " / What {do} {s} have the ownership of? / What {am} {s} in possession of?",
        "what belongs to {whom} / what {s} {possess} / what is in {my} possession",
    ),
    "grow": (
        "What {do} {s} cultivate? / What is grown by {whom}? / What {do} {s} plant and watch come up?"
        " / What can be seen growing at {my} place? / What {do} {s} let grow?"
        " / What {do} {s} raise from seed or shoot?",
        "what {s} {cultivate} / what is grown by {whom} / what {s} {plant} and {watch} come up",
    ),
    "bake": (
        "What comes out of {my} oven? / What {do} {s} make in the oven? / What {do} {s} turn flour and dough into?"
        " / What does {my} baking consist of? / What might be cooling on {my} baking tray?",
        "what comes out of {my} oven / what {s} {make} in the oven / what {s} {turn} flour and dough into",
    ),
    "repair": (
        "What {do} {s} fix? / What {do} {s} get working again? / What do people bring {whom} to be fixed?"
        " / What can {s} put right when it is broken? / What works again once {s} {have} seen to it?"
        " / What {do} {s} carry out repairs on?",
        "what {s} {fix} / what {s} {get} working again / what people bring {whom} to be fixed",
    ),
    "restore": (
        "What {do} {s} renovate? / What {do} {s} bring back to former glory?"
        " / What gets a new lease of life from {whom}? / What {do} {s} refurbish? / What {do} {s} rescue from decay?"
        " / What old thing {do} {s} make look as it once did?",
        "what {s} {renovate} / what {s} {bring} back to former glory / what gets a new lease of life from {whom}",
    ),
    "sell": (
        "What can be bought from {whom}? / What {do} {s} deal in? / What {do} {s} offer for sale?"
        " / What goods {do} {s} supply to customers? / What are {my} wares? / What {do} {s} find buyers for?",
        "what can be bought from {whom} / what {s} {deal} in / what {s} {offer} for sale",
    ),
    "paint": (
        "What {do} {s} work on with brush and paint? / What takes shape under {my} brush? / What is painted by {whom}?"
        " / What can be seen in {my} paintings? / With a paintbrush and colours, what {do} {s} turn to?"
        " / What {do} {s} cover or create with paint?",
        "what {s} {work} on with brush and paint / what takes shape under {my} brush / what is painted by {whom}",
    ),
    "wear": (
        "What {do} {s} have on? / What {do} {s} dress in? / What {do} {s} put on in the morning?"
        " / What can usually be seen on {whom}? / What is part of {my} outfit?",
        "what {s} {have} on / what {s} {put} on in the morning / what is part of {my} outfit",
    ),
    "ride": (
        "What {do} {s} sit astride? / What {do} {s} go for rides on? / In the saddle of what would you see {whom}?"
        " / What {do} {s} hop on for a ride? / What {do} {s} mount? / What carries {whom} along in the saddle?",
        "what {s} {sit} astride / what {s} {go} for rides on / what {s} {mount}",
    ),
    "breed": (
        "What {do} {s} raise generation after generation of? / What {do} {s} keep for breeding?"
        " / What does {my} breeding stock consist of? / What is bred by {whom}? / Of what {do} {s} rear the young?",
        "what {s} {raise} generation after generation of / what {s} {keep} for breeding"
        " / what {my} breeding stock consists of",
    ),
    "carve": (
        "What {do} {s} make with a knife or chisel? / What {do} {s} whittle?"
        " / What {do} {s} cut into shape with a blade? / What takes shape under {my} chisel?"
        " / What {do} {s} chisel or cut out of a solid piece?",
        "what {s} {make} with a knife or chisel / what {s} {whittle} / what {s} {cut} into shape with a blade",
    ),
    "brew": (
        "What {do} {s} have steeping or fermenting? / Which beverage {do} {s} make?"
        " / What drink {do} {s} prepare from scratch? / What might be in {my} kettle or vat?"
        " / What {do} {s} pour out once the brewing is over? / What is {my} homemade drink?",
        "what {s} {have} steeping or fermenting / which beverage {s} {make} / what drink {s} {prepare} from scratch",
    ),
    "knit": (
        "What {do} {s} make with needles and wool? / What comes off {my} knitting needles?"
        " / What {do} {s} turn balls of wool into? / What {do} {s} make out of yarn?"
        " / What {do} {s} produce row by row in wool? / With yarn on the needles, what {do} {s} create?",
        "what {s} {make} with needles and wool / what comes off {my} knitting needles"
        " / what {s} {turn} balls of wool into",
    ),
    "sew": (
        "What {do} {s} make with needle and thread? / What {do} {s} stitch together? / What {do} {s} turn cloth into?"
        " / What takes shape under {my} sewing needle? / What {do} {s} make out of fabric?"
        " / What does {my} needlework consist of?",
        "what {s} {make} with needle and thread / what {s} {stitch} together / what {s} {turn} cloth into",
    ),
    "mend": (
        "What {do} {s} patch up? / What {do} {s} make whole again? / What do people leave with {whom} for mending?"
        " / What {do} {s} make usable again after damage? / Which torn or damaged thing {do} {s} set right?"
        " / What {do} {s} save by patching it?",
        "what {s} {patch} up / what {s} {make} whole again / what people leave with {whom} for mending",
    ),
}
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "training for": (
        "What {am} {s} preparing for? / What is the goal of {my} training? / What {am} {s} getting ready for?"
        " / What event {do} {s} have in mind while practising?"
        " / What challenge awaits {whom} once the training is over? / What {am} {s} getting into shape for?",
        "what {s} {am} preparing for / what the goal of {my} training is / what {s} {am} getting ready for",
    ),
    "reading": (
        "Which book {am} {s} in the middle of? / What is {my} current reading?"
        " / What {am} {s} leafing through these days? / What {do} {s} have on the bedside table to read?"
        " / Which book currently holds {my} bookmark? / In what {am} {s} turning the pages at present?",
        "which book {s} {am} in the middle of / what {my} current reading is / what {s} {am} leafing through",
    ),
    "writing": (
        "What {am} {s} putting down on paper? / What text {am} {s} composing? / What is {my} current piece of writing?"
        " / What {am} {s} drafting? / What will there be to read from {my} pen?"
        " / What {am} {s} busy getting into words?",
        "what {s} {am} putting down on paper / what text {s} {am} composing / what {s} {am} drafting",
    ),
    "building": (
        "What {am} {s} constructing? / What {am} {s} putting together? / What is {my} construction project?"
        " / What {am} {s} making from the ground up? / What is under construction at {my} place?"
        " / What {am} {s} assembling piece by piece?",
        "what {s} {am} constructing / what {s} {am} putting together / what {my} construction project is",
    ),
    "working on": (
        "What is {my} current project? / What {am} {s} busy with? / What {do} {s} have in progress?"
        " / What takes up {my} efforts at the moment? / What {am} {s} trying to get done?"
        " / What task {am} {s} engaged in?",
        "what {my} current project is / what {s} {am} busy with / what {s} {have} in progress",
    ),
    "interested in": (
        "What are {my} interests? / What interests {whom}? / Which subject {do} {s} find interesting?"
        " / What arouses {my} curiosity? / What {am} {s} curious about? / What {do} {s} want to know more about?",
        "what interests {whom} / what arouses {my} curiosity / what {s} {find} interesting",
    ),
    "good at": (
        "What are {my} strengths? / What {am} {s} skilled at? / What {do} {s} have a talent for?"
        " / At what {do} {s} excel? / What comes easily to {whom}? / What {do} {s} do well?",
        "what {s} {have} a talent for / what {my} strong point is / what {s} {do} well",
    ),
    "bad at": (
        "What are {my} weaknesses? / What {do} {s} have no talent for? / What {am} {s} hopeless at?"
        " / What {do} {s} struggle with? / What {do} {s} do poorly? / In what {do} {s} lack skill?",
        "what {s} {have} no talent for / what {my} weak point is / what {s} {struggle} with",
    ),
    "proud of": (
        "What fills {whom} with pride? / What {do} {s} take pride in? / What is {my} pride and joy?"
        " / What could {s} boast about? / What is the source of {my} pride? / What makes {whom} feel proud?",
        "what fills {whom} with pride / what {s} {take} pride in / what {my} pride and joy is",
    ),
    "fond of": (
        "What {do} {s} have a soft spot for? / What {am} {s} partial to? / What is dear to {whom}?"
        " / What {do} {s} have a fondness for? / What {am} {s} attached to? / What {do} {s} regard with affection?",
        "what {s} {have} a soft spot for / what {s} {am} partial to / what is dear to {whom}",
    ),
    "saving up for": (
        "What are {my} savings for? / What {am} {s} putting money aside for? / What {do} {s} hope to afford one day?"
        " / What is {my} savings goal? / What will the money in the piggy bank buy {whom}?"
        " / What {do} {s} plan to spend the savings on?",
        "what {my} savings are for / what {s} {am} putting money aside for / what {s} {hope} to afford one day",
    ),
}

RELATIONS: Final[tuple[Relation, ...]] = (
    OWN_NAME,
    TRADE,
    BORN_IN,
    Relation(
        "Where {do} {s} live? / Where is {my} home? / Which place {do} {s} call home? / {s} {live} where?"
        " / Where {do} {s} reside? / Where {do} {s} have a home? / What is {my} place of residence?"
        " / Where {have} {s} settled? / Whereabouts {am} {s} living? / What did I tell you about where {s} {live}?"
        " / Where is it that {s} {live}? / Where {am} {s} based? / In what place {do} {s} dwell?"
        " / Name the place where {s} {live}.",
        "where {s} {live} / where {my} home is / which place {s} {call} home / where {s} {reside}"
        " / where {s} {am} based / where {s} {have} settled / what {my} place of residence is"
        " / where I said {s} {live}",
        "{my} place of residence / the place where {s} {live} / the place that {s} {call} home"
        " / the place where {my} home is / {my} current place of residence",
        "{my} home is {p} {value}",
        said="{live} in / {live} at / {live} on / {live} near / {am} living in / {have} lived in / {reside} in",
        of_names="In which city {do} {s} live? / In what town is {my} home? / What city {do} {s} live in?"
        " / What is the name of the city where {s} {live}? / In which city {am} {s} resident?"
        " / Can you name the city where {s} {reside}? / Which city {am} {s} based in?",
    ),
    Relation(
        "Where {do} {s} work? / Where is {my} workplace? / What is {my} place of work? / {s} {work} where?"
        " / Where {am} {s} employed? / Where {do} {s} have a job? / Where {do} {s} go to work?"
        " / At what place {do} {s} work? / Where did I tell you {s} {work}? / Where is it that {s} {work}?"
        " / Where would you find {whom} at work? / Where {do} {s} earn a living?"
        " / Where {do} {s} spend the working day? / Name the place where {s} {work}.",
        "where {s} {work} / where {my} workplace is / what {my} place of work is / where {s} {am} employed"
        " / where {s} {have} a job / where {s} {go} to work / at what place {s} {work} / where I said {s} {work}",
        "{my} place of work / {my} workplace / the place where {s} {work} / the place of {my} employment"
        " / the place where {s} {have} a job",
        "the place where {s} {work} is {value}",
        said="{work} at / {work} for / {work} in / {am} working at / {am} working for / {am} working in",
    ),
    Relation(
        "Where did {s} grow up? / In which place did {s} grow up? / Where {was} {s} brought up? / {s} grew up where?"
        " / Where {was} {s} raised? / Where was {my} childhood spent? / Where did {s} live during childhood?"
        " / What did I tell you about where {s} grew up? / Where is it that {s} grew up?"
        " / Where did {s} spend the years of childhood? / What place did {s} grow up in?"
        " / Name the place where {s} grew up.",
        "where {s} grew up / in which place {s} grew up / where {s} {was} brought up / where {s} {was} raised"
        " / where {my} childhood was spent / where {s} lived during childhood / where it is that {s} grew up"
        " / where I said {s} grew up",
        "the place where {s} grew up / the place where {s} {was} brought up / the place where {my} childhood was spent"
        " / the place of {my} childhood / the place where {s} {was} raised",
        "the place where {s} grew up is {value}",
        said="grew up in / grew up on / grew up near / grew up at",
        of_names="What is the name of the place where {s} grew up? / What is the place called where {s} {was} raised?",
    ),
    Relation(
        "Where did {s} move to? / To which place did {s} move? / What place did {s} move to? / {s} moved to where?"
        " / Where did {s} relocate to? / Where did {s} go to live? / Where {have} {s} relocated to?"
        " / What was the destination of {my} move? / Where did I tell you {s} moved to?"
        " / Where is it that {s} moved to? / Which place did {s} choose to move to?"
        " / Where did {s} end up after moving? / Name the place that {s} moved to.",
        "where {s} moved to / to which place {s} moved / what place {s} moved to / where {s} relocated to"
        " / where {s} went to live / what the destination of {my} move was / where it is that {s} moved to"
        " / where I said {s} moved to",
        "the place that {s} moved to / the destination of {my} move / the place {s} relocated to"
        " / the place where {s} went to live",
        "the place that {s} moved to is {value}",
        said="moved to / {have} moved to",
        of_names="What is the name of the place that {s} moved to? / What is the place called that {s} moved to?",
    ),
    Relation(
        "Where {do} {s} come from? / Where {am} {s} from? / What is {my} place of origin? / {s} {come} from where?"
        " / Where {do} {s} hail from? / Where {do} {s} originate from? / From which place {do} {s} come?"
        " / What place {am} {s} from? / Where are {my} roots? / Where did I tell you {s} {come} from?"
        " / Where is it that {s} {am} from? / Where {do} {s} have roots? / Name the place that {s} {come} from.",
        "where {s} {come} from / where {s} {am} from / what {my} place of origin is / where {s} {hail} from"
        " / where {s} {originate} from / from which place {s} {come} / where {my} roots are"
        " / where I said {s} {am} from",
        "{my} place of origin / the place that {s} {come} from / the place that {s} {am} from"
        " / the place {s} {hail} from / the place where {my} roots are",
        "{my} place of origin is {value}",
        said="{come} from / {am} from",
        of_names="What is the name of the place that {s} {come} from? / What is the place called that {s} {am} from?",
    ),
    Relation(
        "What {do} {s} study? / What {am} {s} studying? / Which subject {do} {s} study? / What is {my} field of study?"
        " / What {do} {s} learn at university? / {s} {study} what? / What is the subject of {my} studies?"
        " / What are {my} studies in? / Which field {am} {s} studying? / What course of study {do} {s} follow?"
        " / In which subject {do} {s} take classes? / What did I tell you about what {s} {study}?"
        " / What is it that {s} {study}? / Name the subject that {s} {study}.",
        "what {s} {study} / which subject {s} {study} / what {my} field of study is / what {my} studies are in"
        " / what the subject of {my} studies is / which field {s} {am} studying / what course of study {s} {follow}"
        " / what I said {s} {study}",
        "{my} field of study / the subject that {s} {study} / {my} subject of study / the subject of {my} studies"
        " / the field that {s} {am} studying / {my} course of study",
        "{my} field of study is {value}",
        said="{study} / {am} studying",
    ),
    Relation(
        "What {do} {s} teach? / Which subject {do} {s} teach? / What {am} {s} teaching? / {s} {teach} what?"
        " / What {do} {s} give lessons in? / What is {my} teaching subject? / What do pupils learn from {whom}?"
        " / Which subject {do} {s} give classes in? / What {do} {s} instruct others in?"
        " / Which subject is taught by {whom}? / What did I tell you {s} {teach}? / What is it that {s} {teach}?"
        " / What are {my} lessons in? / Name the subject that {s} {teach}.",
        "what {s} {teach} / which subject {s} {teach} / what {s} {give} lessons in / what {my} teaching subject is"
        " / which subject {s} {give} classes in / what pupils learn from {whom} / which subject is taught by {whom}"
        " / what I said {s} {teach}",
        "the subject that {s} {teach} / {my} teaching subject / the subject of {my} lessons"
        " / the subject taught by {whom} / the subject {s} {give} classes in",
        "the subject that {s} {teach} is {value}",
        said="{teach} / {am} teaching",
    ),
    Relation(
        "What {am} {s} learning? / What is it that {s} {am} learning? / What {am} {s} trying to learn?"
        " / {s} {am} learning what? / What {am} {s} taking lessons in? / What new skill {am} {s} acquiring?"
        " / What {am} {s} being taught? / What {am} {s} busy learning? / What {am} {s} working to master?"
        " / What did I tell you {s} {am} learning? / What is the thing that {s} {am} learning?"
        " / What {have} {s} set out to learn? / Name the thing that {s} {am} learning.",
        "what {s} {am} learning / what it is that {s} {am} learning / what {s} {am} trying to learn"
        " / what {s} {am} taking lessons in / what {s} {am} being taught / what {s} {am} busy learning"
        " / what new skill {s} {am} acquiring / what I said {s} {am} learning",
        "the thing that {s} {am} learning / the thing that {s} {am} trying to learn"
        " / the new skill that {s} {am} acquiring / the thing {s} {am} taking lessons in",
        "what {s} {am} trying to learn is {value}",
        said="{am} learning / {learn} / {have} been learning",
        of_names="Which language {am} {s} learning? / What language {am} {s} trying to learn?"
        " / Can you tell me which language {s} {am} learning? / In which language {am} {s} taking lessons?"
        " / What tongue {am} {s} working to master? / I forgot which language {s} {am} learning, can you help?",
    ),
    Relation(
        "What language {do} {s} speak? / Which language can {s} speak? / What {do} {s} speak? / {s} {speak} what?"
        " / In which language {am} {s} fluent? / Which language is spoken by {whom}?"
        " / What language {am} {s} able to speak? / Which tongue {do} {s} speak?"
        " / In what language can {s} hold a conversation? / What did I tell you about which language {s} {speak}?"
        " / Which language is it that {s} {speak}? / Which language {do} {s} have a command of?"
        " / Name the language that {s} {speak}.",
        "what language {s} {speak} / which language {s} can speak / what {s} {speak}"
        " / in which language {s} {am} fluent / which language is spoken by {whom}"
        " / what language {s} {am} able to speak / which tongue {s} {speak} / what language I said {s} {speak}",
        "the language that {s} {speak} / the language spoken by {whom} / the language {s} {am} able to speak"
        " / the language in which {s} {am} fluent",
        "the language that {s} {speak} is {value}",
        said="{speak} / {am} fluent in",
    ),
    Relation(
        "What {do} {s} drive? / What car {do} {s} have? / Which vehicle {do} {s} drive?"
        " / What kind of car {do} {s} have? / {s} {drive} what? / What sort of vehicle {do} {s} drive?"
        " / Which car belongs to {whom}? / What is {my} car? / What {do} {s} get around in?"
        " / What {do} {s} sit at the wheel of? / Which vehicle is driven by {whom}? / What did I tell you {s} {drive}?"
        " / What is it that {s} {drive}? / Name the vehicle that {s} {drive}.",
        "what {s} {drive} / what car {s} {have} / which vehicle {s} {drive} / what sort of vehicle {s} {drive}"
        " / which car belongs to {whom} / what {s} {sit} at the wheel of / what {s} {get} around in"
        " / what I said {s} {drive}",
        "what car {s} {have} / the vehicle that {s} {drive} / the car that {s} {drive}"
        " / the car that belongs to {whom} / the vehicle driven by {whom} / the kind of vehicle {s} {drive}",
        "the vehicle that {s} {drive} is {value}",
        said="{drive} / {am} driving",
        described=True,
    ),
    Relation(
        "What {do} {s} play? / What is it that {s} {play}? / What {do} {s} like to play? / {s} {play} what?"
        " / What can {s} play? / What {do} {s} enjoy playing? / What {do} {s} spend time playing?"
        " / What {am} {s} able to play? / What might you find {whom} playing? / What did I tell you {s} {play}?"
        " / Which thing is it that {s} {play}? / What exactly {do} {s} play? / When {s} {play} something, what is it?",
        "what {s} {play} / what it is that {s} {play} / what {s} {like} to play / what {s} {am} able to play"
        " / what {s} {enjoy} playing / what {s} {spend} time playing / what exactly {s} {play}"
        " / what I said {s} {play}",
        "the thing that {s} {play} / the thing that {s} {like} to play / the thing {s} {enjoy} playing"
        " / the name of what {s} {play}",
        "what {s} {play} is {value}",
        said="{play}",
        of_the="Which instrument {do} {s} play? / What is {my} instrument? / Can you tell me {my} instrument?"
        " / I forgot which instrument {s} {play}, can you help? / What musical instrument can {s} play?"
        " / On which instrument {do} {s} make music? / What instrument {have} {s} learned to play?",
    ),
    Relation(
        "What {do} {s} collect? / What is in {my} collection? / What sort of thing {do} {s} collect?"
        " / What {do} {s} have a collection of? / {s} {collect} what? / What does {my} collection consist of?"
        " / What {am} {s} collecting? / What sort of collection {do} {s} have?"
        " / What would one find in {my} collection? / What is {my} collection made up of?"
        " / What did I tell you about what {s} {collect}? / What is it that {s} {collect}?"
        " / What {do} {s} look for to add to a collection? / Name the things that {s} {collect}.",
        "what {s} {collect} / what is in {my} collection / what sort of thing {s} {collect}"
        " / what {my} collection consists of / what {s} {am} collecting / what sort of collection {s} {have}"
        " / what {s} {look} for to add to a collection / what I said {s} {collect}",
        "the contents of {my} collection / the things that {s} {collect} / the things in {my} collection"
        " / the kind of collection {s} {have} / the things that make up {my} collection",
        "{my} collection is of {value}",
        said="{collect}",
        described=True,
    ),
    KEEPING,
    _meal("drink", "drink"),
    _meal("eat", "food"),
    Relation(
        "What {am} {s} allergic to? / What is {my} allergy? / What must {s} avoid because of an allergy?"
        " / What must {s} not eat or touch? / What allergy {do} {s} have? / {s} {am} allergic to what?"
        " / What sets off {my} allergy? / What triggers an allergic reaction in {whom}?"
        " / What {do} {s} have an allergic reaction to? / What sort of allergy {do} {s} suffer from?"
        " / What is {my} allergy to? / What did I tell you {s} {am} allergic to?"
        " / What should be kept away from {whom} because of an allergy? / Name the thing that {s} {am} allergic to.",
        "what {s} {am} allergic to / what {my} allergy is / what {s} must avoid because of an allergy"
        " / what sets off {my} allergy / what sort of allergy {s} {suffer} from"
        " / what gives {whom} an allergic reaction / what {s} {have} an allergy to / what I said {s} {am} allergic to",
        "{my} allergy / the cause of {my} allergy / the trigger of {my} allergy / the thing that {s} {am} allergic to"
        " / the allergy that {s} {have}",
        "{s} must avoid {value}",
        said="{am} allergic to / {have} an allergy to",
    ),
    Relation(
        "What {am} {s} afraid of? / What frightens {whom}? / What {do} {s} fear? / Which thing scares {whom}?"
        " / {s} {am} afraid of what? / What {am} {s} scared of? / What terrifies {whom}?"
        " / What {do} {s} have a fear of? / What makes {whom} feel fear? / Of what {am} {s} frightened?"
        " / What did I tell you {s} {am} afraid of? / What is it that {s} {fear}? / What fills {whom} with terror?"
        " / Name the thing that {s} {fear}.",
        "what {s} {am} afraid of / what frightens {whom} / what {s} {fear} / what {s} {am} scared of"
        " / what terrifies {whom} / what {s} {have} a fear of / what makes {whom} feel fear"
        " / what I said {s} {am} afraid of",
        "the thing that frightens {whom} / the thing that {s} {fear} / {my} fear / the cause of {my} fear"
        " / the thing that {s} {am} scared of / the thing that terrifies {whom}",
        "the thing that frightens {whom} is {value}",
        said="{am} afraid of / {am} scared of / {am} terrified of / {am} frightened of / {fear}",
    ),
    Relation(
        "Who {am} {s} married to? / Whom did {s} marry? / Who is {my} spouse? / {s} {am} married to whom?"
        " / To whom {am} {s} married? / Who is married to {whom}? / Who is {my} husband or wife?"
        " / Who did {s} tie the knot with? / Who did {s} wed? / What did I tell you about who {s} {am} married to?"
        " / Who is it that {s} {am} married to? / With whom did {s} exchange vows?"
        " / Name the person that {s} {am} married to.",
        "who {s} {am} married to / whom {s} married / who {my} spouse is / who is married to {whom}"
        " / who {my} husband or wife is / who {s} tied the knot with / to whom {s} {am} married"
        " / who I said {s} {am} married to",
        "{my} spouse / the person that {s} married / the person that {s} {am} married to"
        " / the person married to {whom} / {my} husband or wife",
        "{my} spouse is {value}",
        said="{am} married to",
        of_names="What is the name of {my} spouse? / What is {my} spouse called?"
        " / What is the name of the person that {s} {am} married to?",
    ),
    *(_thing(f"{{{verb}}}", f"{{do}} {{s}} {verb}", own) for verb, own in _ACTS.items()),
    *(_thing(f"{{am}} {state}", f"{{am}} {{s}} {state}", own) for state, own in _STATES.items()),
)
