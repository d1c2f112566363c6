"""A session as one HTML page that needs nothing else: no script, nothing remote, dark or light as the reader's own."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from lab.domain import Draft, Exchange, Salience, Session
from lab.text import harmless, one_line

# The policy holds even if an escape were forgotten: the page may load and run nothing.
_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>{title}</title>
<style>
:root {{
  --back: #14171b; --text: #d6d9de; --quiet: #8d959f; --rule: #30363e; --total: #c9ced6;
  --surprise: #e2b15b; --novelty: #58b9c4; --arousal: #e0798f; --reward: #86bf6d; --conflict: #a893e6;
}}
@media (prefers-color-scheme: light) {{ :root {{
  --back: #faf9f6; --text: #23272d; --quiet: #626a73; --rule: #d3cfc6; --total: #3a4048;
  --surprise: #8a5a00; --novelty: #0b6b7a; --arousal: #ab2350; --reward: #37701b; --conflict: #6440b8;
}} }}
body {{ background: var(--back); color: var(--text); font: 16px/1.55 system-ui, sans-serif;
  max-width: 44rem; margin: 0 auto; padding: 2rem 1rem 4rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.3; margin: 0 0 .25rem; }}
h2 {{ font-size: .85rem; font-weight: normal; color: var(--quiet); margin: 0 0 .75rem; }}
article {{ border-top: 1px solid var(--rule); margin-top: 2rem; padding-top: 1rem; }}
.text {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; }}
.you {{ color: var(--quiet); border-left: 3px solid var(--rule); padding-left: .75rem; }}
.facts, summary, .bars {{ font-size: .85rem; color: var(--quiet); }}
.facts {{ margin: .25rem 0; overflow-wrap: anywhere; }}
.bars {{ display: grid; grid-template-columns: 5.5rem 1fr 3rem; gap: .15rem .75rem; margin: .75rem 0;
  align-items: center; max-width: 28rem; }}
.bars b {{ font-weight: normal; text-align: right; font-variant-numeric: tabular-nums; }}
.track {{ background: var(--rule); height: .5rem; position: relative; }}
.track i {{ display: block; height: 100%; }}
.track u {{ position: absolute; top: -.15rem; bottom: -.15rem; width: 2px; background: var(--text); }}
details {{ margin: .5rem 0; }}
summary {{ cursor: pointer; }}
</style>
</head>
<body>
"""


def html_form(session: Session, exchanges: Iterator[Exchange]) -> Iterator[str]:
    """The pieces of the page, one an exchange."""
    title = _line(session.title or session.session_id)
    yield _HEAD.format(title=title) + f"<h1>{title}</h1>\n{_facts(session)}"
    for exchange in exchanges:
        yield _turn(exchange)
    yield "</body>\n</html>\n"


def _facts(session: Session) -> str:
    facts = [f"Session {_line(session.session_id)}", f"begun {session.started_at:%Y-%m-%d %H:%M:%S} UTC"]
    if session.checkpoint:
        facts.append(f"checkpoint {_line(session.checkpoint)}")
    facts.append(f"adapter {_line(session.adapter)}" if session.adapter else "no adapter")
    text = f'<p class="facts">{", ".join(facts)}.</p>\n'
    if session.parent_session_id:
        before = _line(session.parent_exchange_id or "?")
        text += (
            f'<p class="facts">A fork: it goes on from {before} of session {_line(session.parent_session_id)}.</p>\n'
        )
    return text


def _turn(exchange: Exchange) -> str:
    answered_by = f"{exchange.checkpoint or ''} {exchange.adapter or ''}".strip()
    parts = [
        f'<article id="{_line(exchange.exchange_id)}">',
        f"<h2>{exchange.turn} &middot; {_line(exchange.exchange_id)} &middot; {_line(answered_by)}</h2>",
        _text(exchange.user_input, "text you"),
    ]
    if exchange.answer:
        parts.append(_text(exchange.answer))
    if exchange.status != "complete":
        reason = f": {exchange.reason}" if exchange.reason else ""
        parts.append(f'<p class="facts">The answer is {exchange.status}{_line(reason)}</p>')
    if exchange.mark:
        parts.append(f'<p class="facts">Mark: {exchange.mark}</p>')
    if exchange.target is not None:
        parts.append(_folded("The recorded answer", _text(exchange.response)))
    parts += [_bars(score) for score in exchange.salience]
    if exchange.drafts:
        drafts = "\n".join(_draft(draft, draft.iteration == exchange.chosen) for draft in exchange.drafts)
        parts.append(_folded(f"Drafts: {len(exchange.drafts)}", drafts))
    return "\n".join((*parts, "</article>\n"))


def _bars(score: Salience) -> str:
    rows = [_bar(name, value, "") for name, value in score.dimensions().items()]
    mark = f'<u style="left:{_share(score.threshold)}"></u>'
    verdict = "salient" if score.salient else "not salient"
    return (
        f'<p class="facts">{_line(score.profile)}: {verdict}, threshold {score.threshold:g}</p>\n'
        f'<div class="bars">\n{"".join(rows)}{_bar("total", score.total, mark)}</div>'
    )


def _bar(name: str, value: float, mark: str) -> str:
    fill = f'<i style="width:{_share(value)};background:var(--{name})"></i>'
    return f'<span>{name}</span><span class="track">{fill}{mark}</span><b>{value:.3f}</b>\n'


def _share(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.1f}%"


def _draft(draft: Draft, chosen: bool) -> str:
    facts = f"{draft.iteration + 1}: temperature {draft.temperature:.2f}, energy {draft.energy:.3f}"
    facts += f", {draft.tokens} tokens{', chosen' if chosen else ''}"
    return f'<p class="facts">{facts}</p>\n{_text(draft.text)}'


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n{body}\n</details>"


def _text(text: str, kind: str = "text") -> str:
    return f'<p class="{kind}">{escape(harmless(text))}</p>'


def _line(text: str) -> str:
    return escape(one_line(text))
