"""What people said of themselves, found by plain patterns; `wording` makes questions with their answer of it.

The patterns know English. For what none of them fits there is `sentences`: a model may be asked about those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final

from lab.sleep import relations, vocabulary
from lab.sleep.clauses import SIDE_CLAUSE, is_told, spoken, sure_clauses
from lab.sleep.english import ME, Person, Relation, Subject
from lab.sleep.predicates import RELATIONS
from lab.sleep.synonyms import in_other_words
from lab.sleep.vocabulary import each
from lab.sleep.wording import TITLE, Finding, Statement, asked

_LONGEST_VALUE: Final = 60
# Sentences about themselves that anybody says in a turn; what is longer was pasted.
_MOST_TOLD: Final = 64

# "nuts, eggs and milk", "Tom, Ida and Bo"
_ITEM: Final = r"[\w'-]+(?: [\w'-]+)?"
_LIST: Final = re.compile(rf"{_ITEM}(?:, {_ITEM})+,? and {_ITEM}")
_NEXT_CLAUSE: Final = re.compile(r"(?:,|;|:|\s\(|\s-\s|\s(?:that|whose|after|until)\b).*$|\s+and(?P<rest>\s.*)$")
_ADVERBIAL: Final = re.compile(
    r"\s(?:every|each|since|these days|right now|now|currently|today|nowadays|at the moment|very much|so much|a lot"
    r"|with|for|too|as|again|once|twice|most|more|almost|before|after|during|until|all|instead|by|of course"
    r"|please|really|originally|at (?:home|work|school|university|college|night|the|a|an|my|our)"
    r"|in (?:my|our|the|a|an|\d+)|on (?:my|our|the|a|an|\d+|\w+days?)|to|this|last|from|because of|together|anyway"
    r"|always)\b.*$",
    re.IGNORECASE,
)
# When or how, where a thing, a place or a person should be: "I bake every Sunday", "I drive fast", "I speak slowly".
_NO_THING: Final = re.compile(
    r"(?:every|each (?:other|day|week|month|year|morning|evening)|since|these days|right now|now|currently|today"
    r"|tonight|tomorrow|nowadays|once an?|twice an?|sometimes|often|because|although|though|while|when|whenever|before"
    r"|after|during|until|all (?:day|night|the time|year|week|alone|by)|together|anyway|always)\b.*"
    r"|(?:a lot|a little|a bit|once|twice|fast|hard|slow|late|early|abroad|online|offline|alone|outside|inside|badly"
    r"|more|less|most|much|enough|nights|days|full[- ]time|part[- ]time|slowly|quickly|fluently|rarely|hardly|daily"
    r"|weekly|carefully|loudly|quietly|softly|poorly|nicely|heavily|safely|regularly|frequently|constantly|privately"
    r"|professionally|seriously|terribly|beautifully|clearly|properly|happily|easily|freely|occasionally|exclusively"
    r"|responsibly|socially|remotely|independently|successfully|passionately|intensively)"
)
# What "live in", "work at" and the like are followed by where they tell no place.
_NO_PLACE: Final = re.compile(
    r"(?:(?:the |an? )?(?:moment|present|night|nights|day|days|evenings?|mornings?|afternoons?|weekends?|week|summers?"
    r"|winters?|shifts?|hurry|peace|fear|debt|poverty|luxury|harmony|budget|pension|benefits|past|future"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)|my own|our own)(?:$|\s(?:in|at|on|and|with|for)\b)",
    re.IGNORECASE,
)
# Said of a day, which is no longer true on the next.
_PASSING: Final = re.compile(r"\b(?:today|tonight|tomorrow|this (?:morning|afternoon|evening|week|weekend|month))\b")
# What holds only where it still goes on.
_PAST: Final = frozenset(("{have} lived in", "{have} worked as", "{have} kept"))
_STILL: Final = re.compile(r"\b(?:since|for|all my life)\b", re.IGNORECASE)
_SOMEWHERE: Final = re.compile(r"(?:\{(?:live|reside|work)\}|\{am\} (?:living|working)|\{have\} lived|grew up) ")
_PLACE: Final = re.compile(r"\s(?:in|at|on|of|near)\s.*$")
_DATE: Final = re.compile(
    r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?|Christmas|New Year(?:'s)?|Halloween|Valentine'?s?)\b|\b\d{4}\b|'\d\d\b"
    r"|\b\d{1,2}(?:st|nd|rd|th|[./-]\d{1,2})\b",
    re.IGNORECASE,
)
_DIGIT_OR_TIME: Final = re.compile(
    rf"\d|{_DATE.pattern}|(?-i:\b(?:(?:twen|thir|for|fif|six|seven|eigh|nine)ties|spring|summer|autumn|winter"
    r"|morning|evening|night|noon|midnight|war)$)",
    re.IGNORECASE,
)
# What goes on after a name: "Bob by my friends", "Tom at home".
_BESIDE_NAME: Final = re.compile(
    r"\s(?:by (?:my|our|his|her|most|some|all|everyone|everybody|people|friends|family)|after|at (?:home|work|school)"
    r"|in (?:my|our)|because|since|as well|too|now|these days|right now|for short)\b.*$"
    # "Jon without an h", and not "The Girl with a Pearl Earring".
    r"|\swith(?:out)? (?:an?|no|one|two) (?:[A-Z]|[a-z]\w*)$"
)
# "My name is spelled with a K", "My dog is named after a film".
_NO_NAME: Final = re.compile(
    r"(?:after|spell(?:ed|t)|pronounced|written|misspel\w+|short for|hard to|difficult|easy to|common|rare|unusual"
    r"|similar|derived|taken|everywhere|an?)\b"
)
# "My job is killing me", "My email is hacked", "My job is a nightmare".
_NO_ATTRIBUTE: Final = re.compile(
    r"[a-z]+ing (?:me|us|you)\b.*|[a-z]+ing (?:up|out|off|down|away)"
    r"|(?:hacked|cancelled|canceled|blocked|threatened|stolen|lost|expired|suspended|disabled|finished|gone)\b.*"
    r"|(?:an?|the) (?:\w+ )*(?:nightmare|mess|joke|disaster|pain|secret|problem|challenge|blessing|struggle|burden|bore"
    r"|drag|mystery|surprise|shame)|a (?:lot|bit)\b.*"
)
# What is liked or feared of a thing: "people who lie" is not "people", and "talking to strangers" not "talking".
_TASTES: Final = re.compile(
    r"\{(?:love|like|enjoy|adore|prefer|hate|dislike|fear)\}"
    r"|\{am\} (?:afraid|scared|terrified|frightened|interested|good|bad|proud|fond) (?:of|in|at)"
)
_GERUND: Final = re.compile(
    r"(?!(?:wedding|pudding|morning|evening|ceiling|building|spring|string|thing|something|anything|everything|lightning"
    r"|herring|icing|dressing|stuffing)\b)[a-z]{2,}ing\b"
)
_BESIDE_DOING: Final = re.compile(
    r"\s(?:every|each|since|these days|right now|now|currently|today|nowadays|at the moment|very much|so much|a lot|too"
    r"|as well|again|once|twice|more than|most|of course|please|really|anyway|always|all (?:day|the time))\b.*$"
)
_WHICH_ONES: Final = re.compile(r"[^,]*?[^,\s] (?:who|whom|whose|which|that|where|when|while)\b")
# Whom one teaches or drives is not what.
_PEOPLE: Final = re.compile(r"(?:(?:my|our|the|his|her|their) )?(?:(?!an? )\w+ )?(?P<who>[a-z-]+)")
_NOUN: Final = r"[a-z][\w'-]*(?: [a-z][\w'-]*){0,3}?"
_SOME: Final = r"(?:a|an|one|two|three|four|five|\d) "
_HAVE_NAMED: Final = re.compile(
    rf"(?:I|we) (?:have got|have|own|keep|got|adopted|bought) (?:{_SOME}(?:(?!called|named)[\w'-]+ )+?and )?{_SOME}"
    rf"(?P<noun>{_NOUN}),? (?:called|named|whose names? (?:is|are)) (?P<value>.+)",
    re.IGNORECASE,
)
_NAME_IS: Final = re.compile(
    rf"(?:my|our) (?P<noun>{_NOUN})(?:'s?) names? (?:is|are) (?P<value>.+)"
    rf"|the names? of (?:my|our) (?P<of>{_NOUN}) (?:is|are) (?P<given>.+)",
    re.IGNORECASE,
)
# "Call me later", "Call me a taxi" and "Call me Friday" give no name.
_CALL_ME: Final = re.compile(
    r"(?i:(?:(?:people|friends|my friends) )?call me)"
    r" (?P<value>(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b)[A-Z].*)"
)
_ATTRIBUTE: Final = re.compile(
    rf"(?:my|our) (?P<noun>{_NOUN}) (?P<link>is|are)(?P<in> on| in)? (?P<value>.+)", re.IGNORECASE
)
_SHORT_IS: Final = re.compile(
    rf"^((?:my|our) {_NOUN})'s (?=(?:called|named|allergic|afraid|scared|an?|from|\d+|[a-z-]+ years) )", re.IGNORECASE
)
_ATTRIBUTE_IS: Final = re.compile(
    rf"^((?:my|our) (?:[\w-]+ ){{0,3}}(?:name|birthday|size|colou?r|{'|'.join(sorted(vocabulary.ATTRIBUTES))}))'s ",
    re.IGNORECASE,
)
_WE: Final = re.compile(r"we\b", re.IGNORECASE)
_SHORT_AM: Final = re.compile(r"^(?:I'?m|I've|we're|we are|we were|we've)\b", re.IGNORECASE)
_LONG_AM: Final = {"i've": "I have", "we've": "I have", "we were": "I was"}


def statements(text: str) -> Iterator[Statement]:
    """The statements of a turn that the patterns know, in order."""
    for sentence in spoken(text):
        yield from _stated(sentence)


def sentences(text: str) -> list[str]:
    """The sentences of a turn that state something about the speaker which no pattern knows, without their lead-in and
    full stop."""
    told = islice(filter(is_told, spoken(text)), _MOST_TOLD)
    return [sentence for sentence in told if next(_stated(sentence), None) is None]


def says_how(value: str) -> bool:
    """Whether it tells when, how or what of, and is nothing that a question for a thing asks for."""
    return _NO_THING.fullmatch(value) is not None or _NO_ATTRIBUTE.fullmatch(value) is not None


def _stated(sentence: str) -> Iterator[Statement]:
    for clause in sure_clauses(sentence):
        finding = _read(_written_out(clause))
        # "We are four" tells no age.
        many = _WE.match(clause) and finding is not None and finding.relation is relations.AGE
        found = asked(clause, finding) if finding is not None and not many else None
        if found is not None:
            yield found


def _written_out(clause: str) -> str:
    """A clause without contractions at its beginning: "I'm" becomes "I am"."""
    clause = _SHORT_AM.sub(lambda short: _LONG_AM.get(short[0].lower(), "I am"), clause)
    return _ATTRIBUTE_IS.sub(r"\1 is ", _SHORT_IS.sub(r"\1 is ", clause))


def _read(clause: str) -> Finding | None:
    return _read_name(clause) or _read_attribute(clause) or _read_predicate(clause)


def _read_name(clause: str) -> Finding | None:
    """ "My dog's name is Rex", "I have a dog called Rex", "Call me Ann"."""
    if called := _CALL_ME.match(clause):
        return _named(ME, called["value"])
    if named := _HAVE_NAMED.match(clause):
        return _named(_subject(f"my {named['noun']}"), named["value"])
    if named := _NAME_IS.match(clause):
        return _named(_subject(f"my {named['noun'] or named['of']}"), named["value"] or named["given"])
    return None


def _read_predicate(clause: str) -> Finding | None:
    """A subject and what is said of it: "I live in Oslo", "My sister Ada is six"."""
    for subject, predicate in _subjects(clause):
        finding = (
            _acting(subject, predicate)
            or _born(subject, predicate)
            or _aged(subject, predicate)
            or _titled(subject, predicate)
            or _trading(subject, predicate)
        )
        if finding is not None:
            return finding
    return None


def _read_attribute(clause: str) -> Finding | None:
    """ "My favourite colour is red", "My brother's birthday is in May"."""
    found = _ATTRIBUTE.match(clause)
    value = _value(found["value"]) if found else None
    if found is None or value is None or value.split()[0].lower() in vocabulary.JUDGEMENTS:
        return None
    owner, _, noun = found["noun"].rpartition("'s ")
    subject = _subject(f"my {owner}") if owner else ME
    if noun.lower() == "name":
        return None if found["in"] else _named(subject, value)
    relation = _attribute(noun.lower())
    if relation is None or (relation is relations.BIRTHDAY and not _DATE.search(value)):
        return None
    done = noun.lower() in ("hobby", "hobbies", "goal", "ambition")
    if relation is relations.ATTRIBUTE and not done and _NO_ATTRIBUTE.fullmatch(value):
        return None
    said = f"{{my}} {{x}} {{is}}{found['in'] or ''} {{value}}"
    return Finding(relation, subject, value, said, noun, found["link"].lower())


def _attribute(noun: str) -> Relation | None:
    first, *_, last = [*noun.split(), noun.split()[-1]]
    if first in ("favourite", "favorite") and first != last:
        return relations.FAVOURITE
    if last in ("birthday", "anniversary") or noun in ("wedding day", "name day"):
        return relations.BIRTHDAY
    if last == "size" and len(noun.split()) == 2:
        return relations.SIZE
    if noun == "age":
        return relations.AGE
    return relations.ATTRIBUTE if last in vocabulary.ATTRIBUTES else None


def _subjects(clause: str) -> Iterator[tuple[Subject, str]]:
    """Every way in which a clause is a subject and what is said of it."""
    words = clause.split()
    if words and words[0].lower() in ("i", "we"):
        yield ME, _without_adverbs(words[1:])
    elif words and words[0].lower() in ("my", "our"):
        for size in range(2, min(6, len(words))):
            last = words[size - 1]
            if last.lower() in vocabulary.NO_SUBJECTS or not re.fullmatch(r"[^\W\d_][\w'-]*", last):
                return
            yield _subject(" ".join(["my", *words[1:size]])), _without_adverbs(words[size:])


def _without_adverbs(words: list[str]) -> str:
    """A predicate without "usually" and the like before its verb, or after "am"."""
    start = 1 if words and words[0].lower() in ("am", "is", "are", "was", "were") else 0
    while len(words) > start + 1 and words[start].lower() in vocabulary.ADVERBS:
        words = [*words[:start], *words[start + 1 :]]
    return " ".join(words)


def _subject(words: str) -> Subject:
    *before, head = words.lower().split()
    plural = head in vocabulary.PLURALS or (head.endswith("s") and not head.endswith(("ss", "us", "is", "'s")))
    # "My sister Agnes" is one person.
    return Subject(words, "plural" if plural and vocabulary.PERSONS.isdisjoint([*before, head]) else "third")


@cache
def _predicates(person: Person) -> tuple[tuple[str, str, Relation], ...]:
    """What can be said in this person, the longest first, with its template and relation."""
    agreement = Subject("", person).agreement()
    said = [(form.format_map(agreement), form, relation) for relation in RELATIONS for form in each(relation.said)]
    return tuple(sorted(said, key=lambda one: -len(one[0])))


def _acting(subject: Subject, predicate: str) -> Finding | None:
    for said, form, relation in _predicates(subject.person):
        if not predicate.lower().startswith(f"{said} "):
            continue
        rest = predicate[len(said) :].strip()
        if relation is relations.OWN_NAME:
            return _named(subject, rest)
        value = _object(form, relation, rest)
        return Finding(relation, subject, value, f"{{s}} {form} {{value}}") if value is not None else None
    return None


def _object(form: str, relation: Relation, rest: str) -> str | None:
    """What a verb is followed by, without what is said beside it; None where that would be another thing."""
    if _PASSING.search(_main(rest)) or (form in _PAST and not _STILL.search(rest)):
        return None
    taste = _TASTES.fullmatch(form) is not None
    beside = _BESIDE_DOING if taste and _GERUND.match(rest) else _ADVERBIAL
    short = beside.sub("", rest)
    value = _value(_PLACE.sub("", short) if relation in (relations.TRADE, relations.KEEPING) else short)
    if value is None or _NO_THING.fullmatch(value) or (_SOMEWHERE.match(form) and _NO_PLACE.match(value)):
        return None
    if taste and value.islower() and _WHICH_ONES.match(rest) and not rest.startswith(f"{value},"):
        return None
    if relation is relations.BORN_IN and _DIGIT_OR_TIME.search(value):
        return None
    if relation is relations.KEEPING:
        return value if _animals(value) else None
    people = _PEOPLE.fullmatch(value)
    whom = people is not None and people["who"] in vocabulary.PERSONS | vocabulary.PLURALS
    return None if whom and form in ("{teach}", "{drive}") else value


def _animals(value: str) -> bool:
    """Whether it names animals that people keep: "six brown hens", and not "an eye on the hens"."""
    known = vocabulary.KEPT | vocabulary.ADJECTIVES | vocabulary.NUMBERS | {"a", "an", "the", "my", "our", "some"}
    *before, last = value.lower().replace(",", "").split()
    return last in vocabulary.KEPT and all(word in known or word.isdecimal() for word in before)


def _named(subject: Subject, name: str) -> Finding | None:
    value = _value(_BESIDE_NAME.sub("", name))
    if value is not None and (value.lower() in vocabulary.JUDGEMENTS or _NO_NAME.match(value)):
        return None
    said = "{my} name is {value}" if subject is ME else "{s} {am} called {value}"
    return Finding(_naming(subject), subject, value, said) if value else None


def _naming(subject: Subject) -> Relation:
    """How this subject's name is asked for."""
    if subject is ME:
        return relations.OWN_NAME
    if subject.person == "plural":
        return relations.NAMES
    for words in (subject.words, *in_other_words(subject.words)):
        for word in reversed(words.lower().split()):
            if word in vocabulary.PERSONS:
                return relations.NAME_OF_PERSON
            if word in vocabulary.PETS:
                return relations.NAME_OF_PET
    return relations.NAME_OF_THING


def _born(subject: Subject, predicate: str) -> Finding | None:
    found = re.match(r"(?:was|were) born (?P<when>in|on|at) (?P<value>.+)", predicate, re.IGNORECASE)
    value = _value(re.sub(r"\s(?:in|at) .*$", "", found["value"])) if found else None
    if found is None or value is None or not _DATE.search(value):
        return None
    return Finding(relations.BORN_ON, subject, value, f"{{s}} {{was}} born {found['when'].lower()} {{value}}")


def _aged(subject: Subject, predicate: str) -> Finding | None:
    found = re.match(r"(?:am|is|are) (?P<age>[\w -]+?)(?P<years> years?(?: old| of age))?$", _main(predicate))
    words = re.split(r"[ -]", found["age"].lower()) if found else []
    if found is None or not all(word in vocabulary.NUMBERS or re.fullmatch(r"[0-9]{1,3}", word) for word in words):
        return None
    # "My score is 34" and "I am one" are no ages.
    if not found["years"] and (_naming(subject) is relations.NAME_OF_THING or found["age"] == "one"):
        return None
    return Finding(relations.AGE, subject, found["age"], f"{{s}} {{am}} {{value}}{found['years'] or ' years old'}")


def _titled(subject: Subject, predicate: str) -> Finding | None:
    """ "My dentist is Dr Smith"."""
    link, _, name = predicate.partition(" ")
    person = link.lower() == "is" and _naming(subject) is relations.NAME_OF_PERSON
    return _named(subject, name) if person and TITLE.match(name) else None


def _trading(subject: Subject, predicate: str) -> Finding | None:
    """ "I am a nurse"; not "I am a vegetarian"."""
    found = re.match(r"(?:am|is) (?P<value>an? .+)", predicate, re.IGNORECASE)
    value = _value(_PLACE.sub("", _ADVERBIAL.sub("", found["value"]))) if found else None
    person = subject is ME or not vocabulary.PERSONS.isdisjoint(subject.words.lower().split())
    if value is None or not person:
        return None
    *before, head = value.split()
    # "A (retired) nurse" has no trade left.
    if not before or before[-1].lower() in vocabulary.QUALITIES:
        return None
    if len(before) == 1 and head in vocabulary.AMATEURS:
        return None
    trade = head.endswith(vocabulary.TRADE_ENDINGS) and head not in vocabulary.NO_TRADES and head.islower()
    return Finding(relations.TRADE, subject, value, "{s} {am} {value}") if trade else None


def _main(text: str) -> str:
    """A phrase without the clauses that follow it; "bread and butter" stays, "Oslo and work as a nurse" does not."""

    def cut(found: re.Match[str]) -> str:
        more = (found["rest"] or "").split()
        verb = not more or len(more) > 2 or more[0].lower() in _verbs()
        return "" if verb else found[0]

    listed = _LIST.fullmatch(text.strip(" .!"))
    # "Rex, a cat and two hens" and "Oslo, Norway and work there" are no lists of one kind.
    other = vocabulary.SMALL | vocabulary.NUMBERS | _verbs()
    if listed is not None and other.isdisjoint(re.findall(r"(?:^|, and | and |, )([\w'-]+)", listed[0].lower())):
        return listed[0]
    return _NEXT_CLAUSE.sub(cut, SIDE_CLAUSE.sub("", text)).strip(" \"'.,;:!")


@cache
def _verbs() -> frozenset[str]:
    said = [said for person in ("first", "third", "plural") for said, _, _ in _predicates(person)]
    return frozenset(words.split()[0] for words in said) | vocabulary.NO_SUBJECTS


def _value(text: str) -> str | None:
    """The value at the end of a clause; None when there is none worth asking for."""
    value = _main(text)
    if not value or len(value) > _LONGEST_VALUE or value.split()[0].lower() in vocabulary.NO_VALUES:
        return None
    return value if re.search(r"\w", value) else None
