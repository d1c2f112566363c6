"""What people said of themselves, found by plain patterns; `wording` makes questions with their answer of it.

The patterns know English. For what none of them fits there is `sentences`: a model may be asked about those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from lab.sleep import relations, vocabulary
from lab.sleep.english import ME, Person, Relation, Subject
from lab.sleep.predicates import RELATIONS
from lab.sleep.synonyms import in_other_words
from lab.sleep.vocabulary import each
from lab.sleep.wording import TITLE, Finding, Statement, asked

_LONGEST_SENTENCE: Final = 300
_LONGEST_VALUE: Final = 60

_PLAIN: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b-\u200f\u202a-\u202e\ufeff]")
_CODE: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_QUOTED: Final = re.compile(r"\"[^\"]*\"|(?<!\w)'[^'\n]{1,200}'(?!\w)")
_FIRST_PERSON: Final = re.compile(r"\b(?:I|I'm|I've|my|mine|me|we|our)\b", re.IGNORECASE)
# "I live in Oslo.My cat is called Tom." are two; "George W. Bush" is one name, and "Plan B. My dog" are two sentences.
_SENTENCE: Final = re.compile(
    r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\b[A-Z]\.)(?<=[.!?;])\s+|[\n\r]+"
    r"|(?<=\b[A-Z]\.)\s+(?=(?:I|My|We|Our|You|He|She|It|They|The|This|That|And|But|So|What|How|Please)\b)"
    r"|(?<=[a-z][.!?;])(?=(?:I|My|We|Our)\b)"
)
_CLAUSE: Final = re.compile(
    r"(?:[,;:]\s*(?:and |but |also |so )?|\s(?:and|but) (?:also )?)(?=(?:I|my|we|our)\b)", re.IGNORECASE
)
_LEAD: Final = re.compile(
    rf"(?:{'|'.join(sorted(map(re.escape, vocabulary.LEADS), key=len, reverse=True))})\b(?:\s+that\b)?[\s,:.!-]*",
    re.IGNORECASE,
)
_ABOUT_ME: Final = re.compile(r"(?:I|my|we|our|the names? of (?:my|our))\b", re.IGNORECASE)
_QUESTION: Final = re.compile(
    r"\?|^(?:what|where|when|whenever|who|whom|whose|which|why|how|is|are|am|was|were|do|does|did|can|could|will|would"
    r"|shall|should|have|has|had|may|might)\b",
    re.IGNORECASE,
)
# What is wished, supposed, asked for or said by others; nothing that follows it in a sentence is sure. A capital within
# a sentence begins a name: Hope.
_UNSURE: Final = re.compile(
    r"\b(?:if|unless|wish|wishes|wished|might|could|would|should|maybe|perhaps|imagine|suppose|supposing|pretend|assume"
    r"|assuming|hope|think|guess|believe|doubt|whether|hypothetically|say|says|said|claims?|claimed|wrote|thinks"
    r"|believes|tells|told|asked|according)\b|'d\b|^(?:tell|give|show|help|explain|write|let|make|ask|translate|repeat"
    r"|rewrite|correct|complete|summari[sz]e|find|send|as soon as|once|until|act as|be my|call it)\b"
)
_DOUBTED: Final = re.compile(r"\b(?:I (?:think|guess|believe|suppose|hope)|maybe|perhaps|or something)$", re.IGNORECASE)
_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|cannot|nobody|nothing|hardly|neither|nor|dont|doesnt|didnt|isnt|arent|wasnt|cant|wont)\b|n't\b"
)
_TO_THE_MODEL: Final = re.compile(r"\byou(?:r|rs|rself)?\b", re.IGNORECASE)
# "Rex, not Max": what was said wrongly before.
_CORRECTED: Final = re.compile(r"(?:,| and| but)\s+not\b.*$", re.IGNORECASE)
# Capitals are kept out: The Who and Where the Wild Things Are are names.
_SIDE_CLAUSE: Final = re.compile(
    r"(?:,?\s(?:because|since|although|though|which|who|where|when|while|but|so)"
    r"|(?:,|\sand|\sor)\s(?:he|she|it|they|his|her|its|their|there|this|that))\b.*$"
)
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
_PLACE: Final = re.compile(r"\s(?:in|at|on|of|near)\s.*$")
_DATE: Final = re.compile(
    r"\d|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b",
    re.IGNORECASE,
)
_NOUN: Final = r"[a-z][\w'-]*(?: [a-z][\w'-]*){0,3}?"
_HAVE_NAMED: Final = re.compile(
    r"(?:I|we) (?:have got|have|own|keep|got|adopted|bought) (?:a|an|one|two|three|four|five|\d) "
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
_SHORT_AM: Final = re.compile(r"^(?:I'?m|I've|we're|we are|we were|we've)\b", re.IGNORECASE)
_LONG_AM: Final = {"i've": "I have", "we've": "I have", "we were": "I was"}


def statements(text: str) -> Iterator[Statement]:
    """The statements of a turn that the patterns know, in order."""
    for sentence in _spoken(text):
        for clause in _sure_clauses(sentence):
            finding = _read(_written_out(clause))
            found = asked(clause, finding) if finding else None
            if found is not None:
                yield found


def sentences(text: str) -> list[str]:
    """The sentences of a turn that state something about the speaker, without their lead-in and full stop."""
    return [
        sentence
        for sentence in _spoken(text)
        if _FIRST_PERSON.search(sentence) and not _finds(_UNSURE, sentence) and not _finds(_NEGATION, sentence)
    ]


def _spoken(text: str) -> Iterator[str]:
    """The sentences of a turn that are no questions."""
    for part in _SENTENCE.split(_own_words(text)):
        if not part or len(part) > _LONGEST_SENTENCE or part.lstrip().startswith(">"):
            continue
        sentence = _without_lead(" ".join(part.split()).lstrip("-*\u2022 ")).rstrip(".!;, ")
        if sentence and not _QUESTION.search(sentence):
            yield sentence


def _own_words(text: str) -> str:
    """A turn with plain quotation marks, without code and without what it quotes in the first person."""
    plain = _CODE.sub("\n", _CONTROL.sub(" ", text.translate(_PLAIN)))
    return _QUOTED.sub(lambda quoted: " ... " if _FIRST_PERSON.search(quoted[0]) else quoted[0], plain)


def _without_lead(sentence: str) -> str:
    """A sentence without "By the way" and the like, where a comma or what follows sets it apart."""
    rest, apart = sentence, False
    while lead := _LEAD.match(rest):
        rest, apart = rest[lead.end() :], lead[0].rstrip().endswith((",", ":"))
    return rest if apart or _ABOUT_ME.match(rest) else sentence


def _finds(words: re.Pattern[str], sentence: str) -> bool:
    return words.search(sentence[:1].lower() + sentence[1:]) is not None


def _sure_clauses(sentence: str) -> Iterator[str]:
    """The clauses about the speaker that neither they nor what precedes them deny or leave open."""
    if _DOUBTED.search(sentence):
        return
    for part in _CLAUSE.split(sentence):
        clause = _CORRECTED.sub("", _without_lead(part))
        main = _SIDE_CLAUSE.sub("", clause)
        if _finds(_UNSURE, main):
            return
        if not _finds(_NEGATION, main) and not _TO_THE_MODEL.search(main):
            yield clause.strip(" .!,;")


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
        return _named(subject, value)
    relation = _attribute(noun.lower())
    if relation is None or (relation is relations.BIRTHDAY and not _DATE.search(value)):
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
        short = _ADVERBIAL.sub("", rest)
        value = _value(_PLACE.sub("", short) if relation in (relations.TRADE, relations.KEEPING) else short)
        if value is None or (relation is relations.BORN_IN and _DATE.search(value)):
            return None
        if relation is relations.KEEPING and not _animals(value):
            return None
        return Finding(relation, subject, value, f"{{s}} {form} {{value}}")
    return None


def _animals(value: str) -> bool:
    """Whether it names animals that people keep: "six brown hens", and not "an eye on the hens"."""
    known = vocabulary.KEPT | vocabulary.ADJECTIVES | vocabulary.NUMBERS | {"a", "an", "the", "my", "our", "some"}
    *before, last = value.lower().replace(",", "").split()
    return last in vocabulary.KEPT and all(word in known or word.isdecimal() for word in before)


def _named(subject: Subject, name: str) -> Finding | None:
    value = _value(name)
    if value is not None and value.lower() in vocabulary.JUDGEMENTS:
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
    head = value.split()[-1]
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
    return _NEXT_CLAUSE.sub(cut, _SIDE_CLAUSE.sub("", text)).strip(" \"'.,;:!")


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
