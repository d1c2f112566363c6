"""How a statement that was found is asked for and answered, and what else can be asked in its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, zip_longest
from typing import Final
from zlib import crc32

from lab.sleep import english, relations, vocabulary
from lab.sleep.english import ME, YOU, Agreement, Person, Relation, Subject
from lab.sleep.synonyms import in_other_words
from lab.sleep.vocabulary import each

_FEWEST_QUESTIONS: Final = 12
_MOST_NEIGHBOURS: Final = 24
_FEWEST_NEIGHBOURS: Final = 5
# The direct wordings that also ask for the same about others.
_DIRECT: Final = 3
# With another word for the noun that was said it is asked in one of so many of the other wordings.
_OTHER_WORDS: Final = 12
# Which direct wording asks about each neighbour in turn, the plainest most often. The turn is of a length that no
# number of kinds of neighbours divides, so that every kind is asked about in every wording.
_NEIGHBOUR_WORDINGS: Final = (0, 1, 0, 2, 0)

_ARTICLE: Final = re.compile(r"^(?:an?|[Tt]he|[Mm]y|[Oo]ur|[Yy]our|some)\s+")
# What has a name keeps it.
_NAMED: Final = (
    relations.OWN_NAME,
    relations.NAME_OF_PERSON,
    relations.NAME_OF_PET,
    relations.NAME_OF_THING,
    relations.NAMES,
    relations.FAVOURITE,
)
# Capitals begin titles.
_MINE: Final = re.compile(r"\b(?:my|our|myself)\b")
_TITLE_OF_MINE: Final = re.compile(r"(?:My|Our) [A-Z]")
# "World War I medals" stay those of the war.
_OWN: Final = re.compile(
    r"\b(?:my|our|myself|me|us|we|I am|I was|I'm|I've)\b"
    r"|\bI(?= (?:have|had|do|did|can|got|get|go|went|love|like|live|lived|work|use|made?|know|see|saw|own|play|read"
    r"|write|wrote|built|bought|grew|grow|found|met|need|want|keep|kept)\b)"
)
TITLE: Final = re.compile(r"^(?:Mr|Mrs|Ms|Dr|Prof|Professor|Doctor|Miss)\b\.?\s+", re.IGNORECASE)
_SECOND: Final = {
    **{"i": "you", "me": "you", "we": "you", "us": "you", "am": "are", "i was": "you were", "i am": "you are"},
    **{"myself": "yourself"},
    **{"my": "your", "our": "your", "mine": "yours", "ours": "yours"},
    **{"i'm": "you are", "i've": "you have", "we're": "you are", "we've": "you have"},
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a person said, as it can be asked for and answered.

    `key` is what an answer must hold. The `questions` ask for it in the first person, and the `answers` say it in the
    second, each the plainest first. `neighbours` ask in the same words about somebody or something else; for each of
    them `mistakes` has what must not be answered, that the same holds there.
    """

    text: str
    key: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    neighbours: tuple[str, ...]
    mistakes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement as read: the answer is `said` filled in, with the value, and with `x` where it is an attribute."""

    relation: Relation
    subject: Subject
    value: str
    said: str
    x: str = ""
    link: str = "is"


def second_person(text: str) -> str:
    """Words of the speaker as they are said to them: "My sister" becomes "Your sister", "I live" "you live"."""

    def swapped(found: re.Match[str]) -> str:
        word = found[0]
        other = _SECOND.get(word.lower(), word)
        return other.capitalize() if word[0].isupper() and word[0] != "I" and other != word else other

    return re.sub(r"\bi was\b|[\w']+", swapped, text, flags=re.IGNORECASE)


def _told(finding: Finding) -> str:
    """The value as it is said to the person: "losing my job" becomes "losing your job", and "Call me maybe" stays."""
    value = finding.value
    if finding.relation in _NAMED and _TITLE_OF_MINE.match(value):
        return value
    if finding.relation not in _NAMED and _MINE.search(value):
        return _OWN.sub(lambda found: _SECOND[found[0].lower()], value)
    other = second_person(value)
    return other if _ARTICLE.sub("", value) in other else value


def _key(finding: Finding) -> str:
    """What an answer must hold, as it is said to the person: the value without article, title or, where the relation
    has it so, number and adjectives."""
    told = _told(finding)
    bare = _ARTICLE.sub("", told)
    words = TITLE.sub("", bare).split()
    # "A 2 CV" is one.
    counted = bare == told
    while finding.relation.described and len(words) > 1 and _describes(words[0].lower(), counted):
        words = words[1:]
    return " ".join(words)


def _describes(word: str, counted: bool) -> bool:
    number = word in vocabulary.NUMBERS or word.isdecimal()
    return word in vocabulary.ADJECTIVES or (counted and number)


def asked(clause: str, finding: Finding) -> Statement | None:
    """The statement in full; None when too little can be asked without saying the key."""
    key = _key(finding)
    beside = _beside(clause, finding, key)
    neighbours, mistakes = zip(*beside) if beside else ((), ())
    found = Statement(clause, key, _questions(finding, key), _answers(finding), neighbours, mistakes)
    enough = len(found.questions) >= _FEWEST_QUESTIONS and len(found.neighbours) >= _FEWEST_NEIGHBOURS
    return found if enough and all(key in answer for answer in found.answers) else None


def _words(finding: Finding) -> Agreement:
    """What fills in the templates of a finding's relation."""
    x = finding.x
    return finding.subject.agreement(
        x=x,
        thing=x.split()[0] if finding.relation is relations.SIZE else x.partition(" ")[2],
        value=finding.value,
        # The word before the value: "live in".
        p=finding.said.split()[-2],
        **{"is": finding.link},
    )


def _questions(finding: Finding, key: str) -> tuple[str, ...]:
    relation, words = finding.relation, _words(finding)
    wordings = list(each(relation.direct))
    if finding.value == key and finding.value[0].isupper():
        wordings += each(relation.of_names)
    if finding.value.lower().startswith("the "):
        wordings += each(relation.of_the)
    wordings += _framed(english.CLAUSE_FRAMES, each(relation.clauses))
    wordings += _framed(english.NOUN_FRAMES, each(relation.nouns))
    filled = [wording.format_map(words) for wording in wordings]
    for number, other in enumerate(_in_other_words(finding)):
        some = (*wordings[:_DIRECT], *wordings[_DIRECT + number :: _OTHER_WORDS])
        filled += [wording.format_map(_words(other)) for wording in some]
    asked = dict.fromkeys(map(_begun, filled))
    said = re.compile(rf"(?<!\w){re.escape(key)}(?!\w)", re.IGNORECASE)
    return tuple(question for question in asked if not said.search(question))


def _in_other_words(finding: Finding) -> list[Finding]:
    """The same of what means the same: of "my mum" for "my mother", of "favourite movie" for "favourite film"."""
    subject = finding.subject
    return [
        *(replace(finding, x=other) for other in in_other_words(finding.x)),
        *(replace(finding, subject=replace(subject, words=other)) for other in in_other_words(subject.words)),
    ]


def _framed(frames: tuple[str, ...], phrases: tuple[str, ...]) -> list[str]:
    """Each frame around a phrase, the next frame around the next."""
    return [frame.replace("{}", phrase) for frame, phrase in zip(frames, cycle(phrases))]


def _answers(finding: Finding) -> tuple[str, ...]:
    told = replace(
        finding,
        subject=YOU if finding.subject is ME else replace(finding.subject, words=second_person(finding.subject.words)),
        value=_told(finding),
    )
    plain, other = (wording.format_map(_words(told)) for wording in (finding.said, finding.relation.answer))
    return (f"{_begun(plain)}.", f"{_begun(other)}.", f"I remember that {plain}.")


def _beside(clause: str, finding: Finding, key: str) -> list[tuple[str, str]]:
    """Questions in the same words about others, each with the mistake of saying what was said here."""
    direct = each(finding.relation.direct)
    asked = [
        (_begun(direct[wording].format_map(_words(other))), _answers(other)[place // 3 % 3 == 2])
        for place, (other, wording) in enumerate(
            zip(_others(finding, crc32(clause.encode(errors="replace"))), cycle(_NEIGHBOUR_WORDINGS))
        )
    ]
    return [pair for pair in asked if key.casefold() not in pair[0].casefold()][:_MOST_NEIGHBOURS]


def _others(finding: Finding, turn: int) -> Iterator[Finding]:
    """The same of something else: of what all the world knows, of its own kind and of other people in turns."""
    relation, person = finding.relation, finding.subject.person

    def about(nouns: tuple[str, ...], person: Person) -> list[Finding]:
        return [replace(finding, subject=Subject(f"my {noun}", person)) for noun in _differing(nouns, finding, turn)]

    def attributes(form: str, nouns: tuple[str, ...]) -> list[Finding]:
        return [replace(finding, x=form.format(noun), link="is") for noun in _differing(nouns, finding, turn)]

    people = about(vocabulary.PEOPLE, "third")
    if relation is relations.NAMES:
        yield from about(vocabulary.MANY, person)
        return
    alike = {
        relations.NAME_OF_PET: about(vocabulary.PETS, person),
        relations.NAME_OF_THING: about(vocabulary.THINGS, person),
        relations.FAVOURITE: attributes("favourite {}", vocabulary.FAVOURITES),
        relations.SIZE: attributes("{} size", vocabulary.SIZES),
    }.get(relation, [])
    figures = [replace(finding, subject=_of_figure(finding.subject, name)) for name in _from(vocabulary.FIGURES, turn)]
    for others in zip_longest(figures, alike, people):
        yield from (other for other in others if other is not None)


def _differing(nouns: tuple[str, ...], finding: Finding, turn: int) -> list[str]:
    """The nouns that the statement is not about, from another one on at each turn. A colour is a color."""
    said = (finding, *_in_other_words(finding))
    about = " ".join(f"{other.subject.words} {other.x}" for other in said).lower().replace("ou", "o")
    return [noun for noun in _from(nouns, turn) if noun.replace("ou", "o") not in about]


def _from(nouns: tuple[str, ...], turn: int) -> tuple[str, ...]:
    start = turn % len(nouns)
    return (*nouns[start:], *nouns[:start])


def _of_figure(subject: Subject, name: str) -> Subject:
    """Instead of the speaker somebody known: "the king", "the king's dog"."""
    of = Subject(name, "third")
    return of if subject is ME else Subject(f"{of.owner} {subject.words.partition(' ')[2]}", subject.person)


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
