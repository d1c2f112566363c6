"""What an adapter has learnt, as the record has it: its parents, and the lessons that all of their sleeps left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lab.domain import Lesson, SleepExample
from lab.journal.record import Record

# Of what the gate allows. A sleep beside earlier ones drifts by a tenth to a quarter of it, and a deep one gains
# nothing where the sleep from the base drifted nearly as far.
_SPENT: Final = 0.75
_LITTLE: Final = 0.6


def lineage(record: Record, adapter: str | None) -> tuple[str, ...]:
    """The adapter and its parents, newest first; none for the bare checkpoint. Raises LabError as `Record.query`."""
    if adapter is None:
        return ()
    parents = dict(record.query("SELECT adapter, parent FROM adapters").rows)
    found: dict[str, None] = {}
    child: str | None = adapter
    # A manifest edited by hand could make a circle.
    while child is not None and child not in found:
        found[child] = None
        child = parents.get(child)
    return tuple(found)


def memory(record: Record, lineage: Sequence[str]) -> list[Lesson]:
    """The lessons that the sleeps of these adapters learnt and that still hold, each with its examples; oldest first.

    Of two lessons with one question, case and spaces apart, the later one. None of an exchange that is excluded,
    purged or gone, and none that teaches an answer which its exchange does not have any more. 1,600 lessons of ten
    examples take a fifth of a second. Raises LabError as `Record.query` does.
    """
    table = record.query(_MEMORY, {"lineage": list(lineage)})
    newest: dict[str, Lesson] = {}
    for row in table.rows:
        lesson = _lesson(dict(zip(table.columns, row)))
        question = " ".join(lesson.question.lower().split())
        # Out and in again: where it was learnt last is its place.
        newest.pop(question, None)
        newest[question] = lesson
    return list(newest.values())


def strained(record: Record, lineage: Sequence[str]) -> bool:
    """Whether the last sleep that made the newest adapter of a lineage, or left it as it was, learnt beside what was
    known before, and could not be kept whole, or left so little room to drift that the next one would hardly be, though
    the sleep from the base had left enough. A deep sleep brings that in order; one that was refused, stopped or failed
    is not tried again at once. Raises LabError as `Record.query` does."""
    if not lineage:
        return False
    rows = record.query(
        """SELECT verdict, parent_adapter, deep, EXISTS (
            FROM sleep_measures m WHERE m.cycle_id = c.cycle_id AND measure = 'gain' AND NOT passed
        ) OR NOT EXISTS (FROM sleep_measures m WHERE m.cycle_id = c.cycle_id) AS helpless, cycle_id IN (
            SELECT cycle_id FROM sleep_measures WHERE measure = 'drift' AND value > $spent * "limit"
        ) AND $first IN (
            SELECT adapter FROM sleep_measures JOIN sleep_cycles USING (cycle_id)
            WHERE measure = 'drift' AND value < $little * "limit"
        ) AS drifted
        FROM sleep_cycles c
        WHERE status = 'complete' AND (adapter = $adapter OR adapter IS NULL AND parent_adapter = $adapter)
            OR status IN ('complete', 'cancelled', 'failed') AND adapter IS NULL AND deep
                AND checkpoint = (SELECT checkpoint FROM adapters a WHERE a.adapter = $adapter)
        ORDER BY started_at DESC, cycle_id DESC LIMIT 1""",
        {"adapter": lineage[0], "first": lineage[-1], "spent": _SPENT, "little": _LITTLE},
    ).rows
    for verdict, parent, deep, helpless, drifted in rows:
        if parent is None or deep or helpless:
            return False
        return verdict in ("weakened", "rolled_back") or drifted
    return False


def half_spent(record: Record, lineage: Sequence[str]) -> bool:
    """Whether the newest adapter of a lineage has used up half of the drift that the gate allows; not where that was
    not measured. Raises LabError as `Record.query` does."""
    rows = record.query(
        """SELECT value >= 0.5 * "limit" FROM sleep_measures JOIN sleep_cycles USING (cycle_id)
        WHERE measure = 'drift' AND adapter = ?""",
        [lineage[0] if lineage else None],
    ).rows
    return any(spent for (spent,) in rows)


def since_deep(record: Record, lineage: Sequence[str]) -> int:
    """How many sleeps of a lineage came after its last deep one, also after one of its checkpoint that was refused,
    stopped or failed: it would be tried every night. Raises LabError as `Record.query` does."""
    table = record.query(
        """SELECT count(*) FROM adapters a LEFT JOIN sleep_cycles c USING (adapter)
        WHERE list_contains($lineage::VARCHAR[], a.adapter) AND NOT coalesce(c.deep, false) AND NOT EXISTS (
            FROM sleep_cycles r WHERE r.deep AND r.adapter IS NULL AND r.checkpoint = a.checkpoint
                AND r.status IN ('complete', 'cancelled', 'failed')
                AND r.started_at > coalesce(c.started_at, a.created_at)
        )""",
        {"lineage": list(lineage)},
    )
    return int(table.rows[0][0])


def learnt_from(record: Record, exchange_id: str) -> list[str]:
    """The adapters whose sleeps trained on this exchange, and those that continue them, oldest first. Raises LabError
    as `Record.query` does."""
    table = record.query(
        """WITH RECURSIVE taught AS (
            SELECT adapter FROM sleep_cycles c
            WHERE status = 'complete' AND adapter IS NOT NULL AND coalesce(verdict, '') <> 'rolled_back'
                AND EXISTS (FROM sleep_examples x WHERE x.cycle_id = c.cycle_id AND x.exchange_id = $exchange)
            UNION
            SELECT a.adapter FROM adapters a JOIN taught t ON a.parent = t.adapter
        )
        SELECT t.adapter FROM taught t LEFT JOIN sleep_cycles c USING (adapter) LEFT JOIN adapters a USING (adapter)
        GROUP BY t.adapter ORDER BY min(coalesce(c.started_at, a.created_at)), t.adapter""",
        {"exchange": exchange_id},
    )
    return [adapter for (adapter,) in table.rows]


# A purge leaves no question.
_MEMORY = """
    WITH made AS (
        SELECT cycle_id, list_position($lineage::VARCHAR[], adapter) AS age, started_at FROM sleep_cycles
        WHERE status = 'complete' AND list_contains($lineage::VARCHAR[], adapter)
    ), worded AS (
        SELECT x.cycle_id, x.lesson_id,
            list(row(x.exchange_id, x.kind, x.prompt, x.target, x.lesson_id, x.source, x.similarity) ORDER BY x.rowid)
                AS examples
        FROM sleep_examples x JOIN made USING (cycle_id)
        WHERE x.kind <> 'replay' GROUP BY ALL
    )
    SELECT l.lesson_id, l.exchange_id, l.origin, l.statement, l.question, l.answer, l."key", l.support, w.examples,
        l.unseen, l.final, l.neighbours, l.salience, epoch(e.created_at) AS said_at
    FROM sleep_lessons l
    JOIN made m USING (cycle_id)
    JOIN exchanges e USING (exchange_id)
    LEFT JOIN worded w ON w.cycle_id = l.cycle_id AND w.lesson_id = l.lesson_id
    WHERE l.reason IS NULL AND l.question <> '' AND coalesce(e.mark, '') <> 'excluded'
        AND (l.origin = 'statement' OR l.answer = coalesce(e.target, e.response))
    -- Not by the time: a clock may have been set back.
    ORDER BY m.age DESC, m.started_at, m.cycle_id, l.rowid
"""


def _lesson(row: dict[str, Any]) -> Lesson:
    texts = {name: tuple(row[name] or ()) for name in ("unseen", "final", "neighbours")}
    examples = tuple(SleepExample(*example) for example in row["examples"] or ())
    salience = row["salience"] if row["salience"] is not None else 0.0
    return Lesson(**row | texts | {"examples": examples, "salience": salience})
