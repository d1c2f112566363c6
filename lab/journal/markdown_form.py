"""A session as Markdown in which nothing that was said can be taken for Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lab.domain import DIMENSIONS, Draft, Exchange, Salience, Session
from lab.text import harmless, one_line

_ACTIVE: Final = re.compile(r"[\\`*_\[\]<>&~|$]")
# What makes a line more than text where it begins one: a heading, a list, a rule, a table of contents.
_OPENING: Final = re.compile(r"^(?:[#+=:-]|\d+(?=[.)]))")


def markdown_form(session: Session, exchanges: Iterator[Exchange]) -> Iterator[str]:
    """The pieces of the document, one an exchange."""
    yield f"# {_inline(session.title or session.session_id)}\n\n{_facts(session)}\n"
    for exchange in exchanges:
        yield _turn(exchange)


def _facts(session: Session) -> str:
    facts = [f"Session {_code(session.session_id)}", f"begun {session.started_at:%Y-%m-%d %H:%M:%S} UTC"]
    if session.checkpoint:
        facts.append(f"checkpoint {_code(session.checkpoint)}")
    facts.append(f"adapter {_code(session.adapter)}" if session.adapter else "no adapter")
    facts.append(f"salient from {session.threshold:g} on ({_inline(session.profile)})")
    text = ", ".join(facts) + ".\n"
    if session.parent_session_id:
        text += f"\nA fork: it goes on from {_code(session.parent_exchange_id or '?')}"
        text += f" of session {_code(session.parent_session_id)}.\n"
    return text


def _turn(exchange: Exchange) -> str:
    parts = [
        f"\n## {exchange.turn}\n",
        "\n".join(f"> {line}" if line else ">" for line in _block(exchange.user_input).split("\n")) + "\n",
    ]
    if exchange.answer:
        parts.append(_block(exchange.answer) + "\n")
    if exchange.status != "complete":
        reason = f": {one_line(exchange.reason)}" if exchange.reason else ""
        parts.append(f"*{_inline(f'The answer is {exchange.status}{reason}')}*\n")
    if exchange.mark:
        parts.append(f"Mark: **{exchange.mark}**.\n")
    if exchange.target is not None:
        parts += ["The recorded answer was:\n", _indented(exchange.response, "- ")]
    parts.append(f"{_code(exchange.exchange_id)}\n")
    if exchange.salience:
        parts.append(_table(exchange.salience))
    if exchange.drafts:
        parts.append("Drafts:\n")
        parts += [_draft(draft, draft.iteration == exchange.chosen, exchange) for draft in exchange.drafts]
    return "\n".join(parts)


def _table(scores: tuple[Salience, ...]) -> str:
    names = ("profile", *DIMENSIONS, "total", "")
    lines = ["| " + " | ".join(names) + " |", "| --- |" + " ---: |" * (len(names) - 2) + " --- |"]
    for score in scores:
        values = [f"{value:.3f}" for value in (*score.dimensions().values(), score.total)]
        verdict = "salient" if score.salient else "not salient"
        lines.append("| " + " | ".join((_inline(score.profile), *values, verdict)) + " |")
    return "\n".join(lines) + "\n"


def _draft(draft: Draft, chosen: bool, exchange: Exchange) -> str:
    facts = f"temperature {draft.temperature:.2f}, energy {draft.energy:.3f}, {draft.tokens} tokens"
    opening = f"- Draft {draft.iteration + 1}: {facts}{', **chosen**' if chosen else ''}\n"
    if chosen and draft.text == exchange.answer:
        return opening
    return f"{opening}\n{_indented(draft.text, '  ')}"


def _indented(text: str, first: str) -> str:
    """A block as part of a list item; `first` stands before its first line."""
    lines = _block(text).split("\n")
    return "\n".join((f"  {line}" if number else f"{first}{line}") if line else "" for number, line in enumerate(lines))


def _block(text: str) -> str:
    """Paragraphs with their line ends; every character of the text stands for itself."""
    lines = [_line(line) for line in harmless(text).strip("\n").split("\n")]
    # A backslash at its end keeps the end of a line within a paragraph.
    broken = [f"{line}\\" if line and following else line for line, following in zip(lines, [*lines[1:], ""])]
    return "\n".join(broken)


def _line(line: str) -> str:
    text = line.strip()
    # Spaces before a line would make it code.
    indent = "&nbsp;" * (len(line) - len(line.lstrip())) if text else ""
    escaped = _ACTIVE.sub(r"\\\g<0>", text)
    opening = _OPENING.match(escaped)
    if opening:
        found, rest = opening[0], escaped[opening.end() :]
        escaped = f"{found}\\{rest}" if found[0].isdigit() else f"\\{escaped}"
    return indent + escaped


def _inline(text: str) -> str:
    return _line(one_line(text))


def _code(text: str) -> str:
    """A name as code; a backtick could end it."""
    return f"`{one_line(text).replace('`', chr(0x2019))}`"
