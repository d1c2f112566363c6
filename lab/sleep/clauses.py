"""A turn taken apart: its sentences that the speaker says of themselves, and the clauses of these that are sure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lab.sleep import vocabulary

_LONGEST_SENTENCE: Final = 300
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
    r"(?:[,;:]\s*(?:and |but |also |so )?|\s(?:and|but) (?:also )?)(?:(?:now|today|nowadays|these days) )?"
    r"(?=(?:I|my|we|our)\b)",
    re.IGNORECASE,
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
    r"|^in (?:my|the|a|this|our|one) (?:\w+ )?(?:dream|nightmare|story|novel|game|book|film|movie|song|poem|play)\b"
)
# What follows in the turn is another's, or a person that somebody plays.
_TEXT: Final = (
    r"(?:text|sentences?|paragraph|passage|e-?mail|letter|message|essay|article|dialogue|conversation|chat|poem)"
)
_NOT_OWN: Final = re.compile(
    r"^(?:(?:please|now|can you|could you|would you|i (?:need|want|would like) you to|help me(?: to)?),? )*"
    r"(?:(?:translate|summari[sz]e|correct|rewrite|rephrase|paraphrase|proofread|improve|edit|shorten|continue|analy[sz]e)"
    rf"(?:\s*[:.]|\s*$| (?:this|these|it|that|(?:in)?to \w+|the (?:following|{_TEXT}))\b)"
    r"|role-?play|pretend (?:that|to|you|i|we)\b|imagine (?:that|you|i|i'm|we)\b|act as\b|you are now\b"
    r"|let(?:'s| us) (?:role-?play|pretend|imagine|play (?:a role|roles|pretend|make-believe))\b"
    rf"|(?:here|this) is (?:the|an?|my) {_TEXT}\b)|\bthe following {_TEXT}\b",
    re.IGNORECASE,
)
# Lines of a chat: "Anna: I live in Oslo"; a word that may stand over a list is no speaker.
_SPEAKER: Final = re.compile(
    r"^[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?P<who>[A-Z][\w'-]*(?: [A-Z][\w'-]*)?):[ \t].*$", re.MULTILINE
)
_DOUBTED: Final = re.compile(r"\b(?:I (?:think|guess|believe|suppose|hope)|maybe|perhaps|or something)$", re.IGNORECASE)
_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|cannot|nobody|nothing|hardly|neither|nor|dont|doesnt|didnt|isnt|arent|wasnt|cant|wont)\b|n't\b"
)
_TO_THE_MODEL: Final = re.compile(r"\byou(?:r|rs|rself)?\b", re.IGNORECASE)
# "Rex, not Max": what was said wrongly before.
_CORRECTED: Final = re.compile(r"(?:,| and| but)\s+not\b.*$", re.IGNORECASE)
# Capitals are kept out: The Who and Where the Wild Things Are are names.
SIDE_CLAUSE: Final = re.compile(
    r"(?:,?\s(?:because|since|although|though|which|who|where|when|while|but|so)"
    r"|(?:,|\sand|\sor)\s(?:he|she|it|they|his|her|its|their|there|this|that))\b.*$"
)


def spoken(text: str) -> Iterator[str]:
    """The sentences of a turn that are no questions, up to where somebody else speaks."""
    for part in _SENTENCE.split(_own_words(text)):
        if _NOT_OWN.search(_without_lead(part.strip())):
            return
        if not part or len(part) > _LONGEST_SENTENCE or part.lstrip().startswith(">"):
            continue
        sentence = _without_lead(" ".join(part.split()).lstrip("-*\u2022 ")).rstrip(".!;, ")
        if sentence and not _QUESTION.search(sentence):
            yield sentence


def is_told(sentence: str) -> bool:
    """Whether a sentence as a whole states something about the speaker."""
    return bool(_FIRST_PERSON.search(sentence)) and not _finds(_UNSURE, sentence) and not _finds(_NEGATION, sentence)


def _own_words(text: str) -> str:
    """A turn with plain quotation marks, without code, lines of a chat and what it quotes in the first person."""
    plain = _CODE.sub("\n", _CONTROL.sub(" ", text.translate(_PLAIN)))
    speakers = [found["who"] for found in _SPEAKER.finditer(plain) if not _is_heading(found["who"].lower())]
    if len(speakers) > 1:
        plain = _SPEAKER.sub("", plain)
    return _QUOTED.sub(lambda quoted: " ... " if _FIRST_PERSON.search(quoted[0]) else quoted[0], plain)


def _is_heading(word: str) -> bool:
    return word in vocabulary.LEADS or word in vocabulary.HEADINGS or word in vocabulary.ATTRIBUTES


def _without_lead(sentence: str) -> str:
    """A sentence without "By the way" and the like, where a comma or what follows sets it apart."""
    rest, apart = sentence, False
    while lead := _LEAD.match(rest):
        rest, apart = rest[lead.end() :], lead[0].rstrip().endswith((",", ":"))
    return rest if apart or _ABOUT_ME.match(rest) else sentence


def _finds(words: re.Pattern[str], sentence: str) -> bool:
    return words.search(sentence[:1].lower() + sentence[1:]) is not None


def sure_clauses(sentence: str) -> Iterator[str]:
    """The clauses about the speaker that neither they nor what precedes them deny or leave open."""
    if _DOUBTED.search(sentence):
        return
    for part in _CLAUSE.split(sentence):
        clause = _CORRECTED.sub("", _without_lead(part))
        main = SIDE_CLAUSE.sub("", clause)
        if _finds(_UNSURE, main):
            return
        if not _finds(_NEGATION, main) and not _TO_THE_MODEL.search(main):
            yield clause.strip(" .!,;")
