"""Carrying sessions away: every form holds everything, and nothing that was said breaks out of it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from lab.domain import DIMENSIONS
from lab.errors import LabError
from lab.journal import export, queries
from lab.journal.events import ExchangeMarked
from lab.journal.export import Form, export_session
from lab.journal.record import Record
from lab.text import harmless
from tests.journal.samples import SESSION, draft, exchange_id, finished, opened, scored, turn_started, whole_turn

HOSTILE = (
    "# Heading\n\n```python\nfence *never* closed\n\n~~~\n===\n---\n- item\n+ item\n1. one\n2) two\n> quote\n"
    "    code\n\ttab\n\n    block of code\n\n<script>alert('x')</script> <img src=http://x.example/a.png> &amp; &lt;\n"
    "[link](http://x.example) ![picture](http://x.example/a.png) | a | b |\n|---|---|\n[ref]: http://x.example\n"
    "\x1b[31mred\x9b2J \u202eback\n</p></article></body> `code` \\* __bold__ ~~gone~~ https://x.example\n: x\n"
    "trailing  "
)


def exported(record: Record, form: Form) -> str:
    pieces: list[str] = []
    assert export_session(record, SESSION, form, pieces.append) == len(queries.exchanges(record, SESSION))
    return "".join(pieces)


def record_hostile(record: Record) -> None:
    record.append(
        SESSION,
        opened(title=HOSTILE, parent_session_id="before", parent_exchange_id="before-0007"),
        turn_started(1, text=HOSTILE),
        draft(1, 0),
        scored(1),
        finished(1, response=HOSTILE),
        *whole_turn(2, total=0.1),
        ExchangeMarked(exchange_id(2), "edited", HOSTILE),
    )


class Page(HTMLParser):
    """The tags, the attributes and the texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: dict[str, set[str]] = {}
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_json_and_json_lines_hold_every_text_exactly(record: Record) -> None:
    record_hostile(record)
    whole = json.loads(exported(record, "json"))
    assert whole["session"]["session_id"] == SESSION
    assert whole["session"]["parent_exchange_id"] == "before-0007"
    lines = [json.loads(line) for line in exported(record, "jsonl").splitlines()]
    assert lines == whole["exchanges"]
    first, second = lines
    assert first["user_input"] == first["response"] == HOSTILE
    assert (second["mark"], second["target"], second["response"]) == ("edited", HOSTILE, "A model.")
    assert [d["chosen"] for d in second["drafts"]] == [False, False, True]
    assert [d["energy"] for d in second["drafts"]] == pytest.approx([0.5, 0.4, 0.3])
    assert second["salience"][0]["total"] == 0.1 and second["salience"][0]["salient"] is False
    names = set(first) - {"drafts", "salience"}
    columns = set(record.query("SELECT * FROM exchanges LIMIT 0").columns)
    assert names == columns - {"converged"}
    draft_columns = set(record.query("SELECT * FROM drafts LIMIT 0").columns)
    assert set(second["drafts"][0]) == draft_columns - {"exchange_id"}


def test_an_empty_session_is_still_a_valid_document(record: Record) -> None:
    record.append(SESSION, opened())
    assert json.loads(exported(record, "json"))["exchanges"] == []
    assert exported(record, "jsonl") == ""
    assert SESSION in exported(record, "markdown")
    assert not Page(exported(record, "html")).open


def flat(text: str) -> str:
    return "".join(text.split())


def test_nothing_that_was_said_is_taken_for_markdown(record: Record) -> None:
    record_hostile(record)
    text = exported(record, "markdown")
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    headings = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    assert len(headings) == 3 and headings[1:] == ["1", "2"]
    kinds = {child.type for token in tokens for child in [token, *(token.children or [])]}
    assert not kinds & {"fence", "code_block", "html_block", "html_inline", "link_open", "image", "hr", "s_open"}
    assert [t.type for t in tokens].count("ordered_list_open") == 0
    # Two tables of scores, two drafts' lists and the recorded answer; no other.
    assert [t.type for t in tokens].count("table_open") == 2
    quotes = [t.type for t in tokens].count("blockquote_open")
    assert quotes == 2
    shown = flat("".join(child.content for token in tokens for child in token.children or []))
    # The title, the question, the answer and the edited one.
    assert shown.count(flat(harmless(HOSTILE))) == 4
    assert "before-0007" in shown and "Mark:edited" in shown


def test_the_page_runs_and_loads_nothing_and_is_well_formed(record: Record) -> None:
    record_hostile(record)
    text = exported(record, "html")
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)
    page = Page(text)
    assert page.open == []
    assert not set(page.tags) & {"script", "img", "link", "a", "iframe", "object", "svg", "form"}
    assert set(page.attributes) <= {"lang", "charset", "http-equiv", "content", "name", "id", "class", "style"}
    assert "url(" not in text and "@import" not in text
    assert page.tags.count("article") == 2
    assert page.texts.count(harmless(HOSTILE)) == 3
    said = "".join(page.texts)
    for part in ("before-0007", "Mark: edited", "energy 0.300", "salient", "not salient", *DIMENSIONS):
        assert part in said, part
    widths = {style for style in page.attributes["style"] if "surprise" in style}
    assert widths == {"width:10.0%;background:var(--surprise)"}


def test_a_long_session_is_read_page_by_page_each_turn_once(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    record.append(SESSION, opened())
    for turn in range(1, 8):
        record.append(SESSION, *whole_turn(turn))
    sizes: list[int] = []
    plain = queries.exchanges_after

    def watched(*arguments: Any) -> list[Any]:
        page = plain(*arguments)
        sizes.append(len(page))
        return page

    monkeypatch.setattr(export, "_PAGE", 3)
    monkeypatch.setattr(queries, "exchanges_after", watched)
    lines = exported(record, "jsonl").splitlines()
    assert [json.loads(line)["turn"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    assert sizes == [3, 3, 1, 0]


@pytest.mark.parametrize("form", ["markdown", "json", "jsonl", "html"])
def test_an_unknown_session_is_an_error_before_anything_is_written(record: Record, form: Form) -> None:
    with pytest.raises(LabError, match='no session "nope"'):
        export_session(record, "nope", form, lambda piece: pytest.fail("written"))
