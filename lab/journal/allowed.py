"""What a statement of a query may be: it reads, and is rewritten so that DuckDB itself refuses what would write."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Final, Literal

import duckdb

from lab.errors import LabError

READ_ONLY_REMEDY: Final = "Queries only read the record; `lab sql --write` may change the database until a rebuild."
_PRAGMAS: Final = ("TABLE_INFO", "SHOW_TABLES", "STORAGE_INFO", "DATABASE_SIZE", "VERSION")

# The first two run SQL that is a text, which is not seen here; the others change settings.
_REFUSED: Final = ("QUERY", "JSON_EXECUTE_SERIALIZED_SQL", "ENABLE_LOGGING", "ENABLE_PROFILING")

_TOKEN: Final = re.compile(
    # Texts and quoted names whole; of all else, what stands together.
    r"""\$(\w*)\$.*?\$\1\$ | "(?:[^"]|"")*" | [eE]'(?:[^'\\]|\\.|'')*' | [xXbB]?'(?:[^']|'')*'
    | (?:(?!--|/\*|["'])\S)+ | .""",
    re.DOTALL | re.VERBOSE,
)

_OPENING: Final = "FROM (\n"

# "rows" gives rows and changes nothing, "told" gives a few rows that cannot be selected from, "sets" gives none.
Kind = Literal["rows", "told", "sets"]


@dataclass(frozen=True, slots=True)
class Allowed:
    """A statement that may run: `sql` instead of what was written; of kind "rows", `sql` is to be selected from.

    `start` is where in the query that which was written begins, `before` how much of `sql` stands before it, in bytes.
    """

    kind: Kind
    sql: str
    start: int
    before: int


def allowed(sql: str, connection: duckdb.DuckDBPyConnection) -> list[Allowed]:
    """The statements of a query, each one that only reads.

    What is read is put into parentheses: there DuckDB takes no COPY, INSERT, UPDATE or DELETE, which it does take in
    the WITH of what it calls a SELECT. Raises duckdb.Error for what is no SQL and LabError for what is no query.
    """
    return [_allowed(kind, part, at) for kind, part, at in _parts(sql, connection)]


def kind_of(statement: duckdb.Statement) -> duckdb.StatementType | None:
    """What a statement is, None for the kinds that DuckDB's Python package has no name for."""
    try:
        return statement.type
    except ValueError:
        return None


def _parts(sql: str, connection: duckdb.DuckDBPyConnection) -> list[tuple[duckdb.StatementType | None, str, int]]:
    """Kind, text and place (in bytes) of each statement."""
    # Of all at once, so that an error knows its place.
    connection.extract_statements(sql)
    raw, at = sql.encode(), 0
    found: list[tuple[duckdb.StatementType | None, str, int]] = []
    for end in [*(place for place, token in _tokens(raw) if token == ";"), len(raw)]:
        part = raw[at:end].decode()
        statements = connection.extract_statements(part)
        if statements:
            # The releases for Python 3.10 make several of a PIVOT.
            kind = kind_of(statements[0]) if len(statements) == 1 else duckdb.StatementType.MULTI
            found.append((kind, part, at))
        at = end + 1
    return found


def _allowed(kind: duckdb.StatementType | None, text: str, at: int) -> Allowed:
    raw = text.encode()
    tokens = _tokens(raw)
    words = [word.upper() for _, word in tokens]
    for name, opening in itertools.pairwise(words):
        if opening == "(" and name.strip('"') in _REFUSED:
            raise LabError(f"{name.strip(chr(34)).lower()}() is not allowed in a query.", READ_ONLY_REMEDY)

    def rest(of: int) -> str:
        return raw[tokens[of][0] :].decode()

    def wrapped(kind: Kind, head: str, of: int) -> Allowed:
        opening = f"{head} {_OPENING}".lstrip()
        # The new line ends a comment that the last line may hold.
        return Allowed(kind, f"{opening}{rest(of)}\n)", at + tokens[of][0], len(opening.encode()))

    # The releases for Python 3.10 take a PRAGMA for what it stands for.
    if words[0] == "PRAGMA":
        if words[1] in _PRAGMAS:
            return Allowed("told", rest(0), at + tokens[0][0], 0)
    elif kind in (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI):
        return wrapped("rows", "", 0)
    elif kind == duckdb.StatementType.EXPLAIN:
        skip = 2 if words[1:2] == ["ANALYZE"] else 1
        if words[1:2] != ["("] and len(tokens) > skip:
            return wrapped("told", " ".join(words[:skip]), skip)
    elif kind == duckdb.StatementType.CREATE:
        place = 3 if words[1:3] == ["OR", "REPLACE"] else 1
        temporary = words[place : place + 1] in (["TEMP"], ["TEMPORARY"])
        what = words[place + 1 : place + 2]
        if temporary and what in (["VIEW"], ["MACRO"], ["FUNCTION"]):
            return Allowed("sets", rest(0), at + tokens[0][0], 0)
        if temporary and what == ["TABLE"] and words[place + 3 : place + 4] == ["AS"]:
            name = tokens[place + 2][1]
            head = f"CREATE {'OR REPLACE ' if place == 3 else ''}TEMP TABLE {name} AS"
            return wrapped("sets", head, place + 4)
    elif kind == duckdb.StatementType.SET and words[1:2] == ["VARIABLE"]:
        return Allowed("sets", rest(0), at + tokens[0][0], 0)
    raise LabError(
        f"{' '.join(words[:2])} is not allowed in a query: it may SELECT, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN,"
        " SET VARIABLE, and CREATE TEMP VIEW, MACRO or TABLE name AS.",
        READ_ONLY_REMEDY,
    )


def _tokens(raw: bytes) -> list[tuple[int, str]]:
    """Place (in bytes) and text of each token that is no comment."""
    starts = duckdb.tokenize(raw.decode())
    ends = [place for place, _ in starts[1:]] + [len(raw)]
    return [
        # The releases for Python 3.10 do not tell comments: there they follow the text of a token.
        (place, found[0])
        for (place, kind), end in zip(starts, ends)
        if kind != duckdb.token_type.comment and (found := _TOKEN.match(raw[place:end].decode()))
    ]


def unlocked(sql: str, connection: duckdb.DuckDBPyConnection) -> list[Allowed]:
    """The statements of a query of which all may run; the last one may give rows. Raises duckdb.Error for no SQL."""
    parts = _parts(sql, connection)
    found: list[Allowed] = []
    for kind, part, at in parts:
        raw = part.encode()
        tokens = _tokens(raw)
        text = raw[tokens[0][0] :].decode()
        start = at + tokens[0][0]
        if len(found) + 1 < len(parts):
            found.append(Allowed("sets", text, start, 0))
        elif kind not in (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI):
            found.append(Allowed("told", text, start, 0))
        elif tokens[0][1].upper() == "WITH":
            # In parentheses it could not change anything.
            found.append(Allowed("rows", text, start, 0))
        else:
            found.append(Allowed("rows", f"{_OPENING}{text}\n)", start, len(_OPENING)))
    return found
