"""A large record: opening its history, its saved queries, a search, an append, and making the database anew.

    python -m benchmarks.record [--exchanges N] [--folder DIR] [--repeats N] [--json]

The journal is generated as the lab writes it: 50 exchanges a session, five drafts each, a sleep every 100 sessions.
With `--folder` it is kept there and used again. Each measurement is a process of its own, and the record is opened
anew for each repeat, as the lab does. An append is one exchange as the lab records it: seven appends, each flushed to
the disk and then applied to the database; it takes turns with the same on an empty record.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

# So that the file also runs by its path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import generated
from benchmarks.machine import commit, machine, median, percentile
from lab.journal import history, queries
from lab.journal.asking import Asker
from lab.journal.history import HistoryFilter
from lab.journal.record import Record
from lab.journal.saved import saved
from lab.settings import Workspace

PROFILE = "measured"
PAGE = 50
# Words that thousands have, that few have, and that none has.
SEARCHES = ("rabbit", "marmalade", "nothing of the kind")


def record_in(root: Path) -> Record:
    workspace = Workspace(root)
    workspace.create()
    return Record(workspace)


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def rebuilding(root: Path) -> dict[str, float]:
    report = record_in(root).rebuild()
    return {
        "exchanges": report.exchanges,
        "events": report.events,
        "rebuild_s": report.seconds,
        "rebuild_exchanges_per_s": report.exchanges / report.seconds,
    }


def reading(root: Path, repeats: int) -> dict[str, object]:
    """Seconds: medians, of the slowest saved query and the slowest search; the first history is the cold one."""
    record = record_in(root)

    def opening() -> None:
        history.page(record, HistoryFilter(), PROFILE, limit=PAGE)

    cold = seconds(opening)
    opened = [seconds(opening) for _ in range(repeats)]
    latest = queries.latest_session(record)
    assert latest
    session = [seconds(lambda: queries.exchanges(record, latest.session_id)) for _ in range(repeats)]
    searches = {}
    for text in SEARCHES:
        search = partial(history.search, record, HistoryFilter(text=text), PROFILE, limit=PAGE)
        searches[text] = median([seconds(search) for _ in range(repeats)])
    asked = {}
    for query in saved(record.workspace):
        asked[query.name] = median([_asked(record, query.sql) for _ in range(repeats)])
    return {
        "history_open_s": median(opened),
        "history_first_open_s": cold,
        "session_open_s": median(session),
        "search_s": max(searches.values()),
        "saved_query_s": max(asked.values()),
        "searches": searches,
        "saved_queries": asked,
    }


def _asked(record: Record, sql: str) -> float:
    """A query as the SQL screen asks it, its process waiting."""
    asker = Asker(record)
    asker.prepare()
    time.sleep(1.0)
    began = time.perf_counter()
    asker.ask(sql).close()
    ended = time.perf_counter()
    asker.close()
    return ended - began


def appending(root: Path, repeats: int) -> dict[str, object]:
    """Seconds of one exchange here and on an empty record, in turn. What is appended here stays."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {"full": record_in(root), "empty": record_in(Path(folder))}
        times: dict[str, list[float]] = {name: [] for name in sides}
        rng = random.Random(0)
        stamp = f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-beef"
        at = datetime.now(timezone.utc)
        for turn in range(repeats + 1):
            for name, record in sides.items():
                took = _appended(record, rng, stamp, turn + 1, at + timedelta(minutes=turn))
                if turn:  # The first one finds out what there is.
                    times[name].append(took)
        return {
            "append_vs_empty": median(times["full"]) / median(times["empty"]),
            "append_s": {
                name: {"median": median(found), "p95": percentile(found, 0.95), "n": len(found)}
                for name, found in times.items()
            },
        }


def _appended(record: Record, rng: random.Random, session_id: str, turn: int, at: datetime) -> float:
    *events, finished, scored = (event for _, event in generated.turn(rng, session_id, turn, at))
    if turn == 1:
        events.insert(0, generated.opening(session_id))
    began = time.perf_counter()
    for appended in (*((event,) for event in events), (finished, scored)):
        record.append(session_id, *appended)
        if not record.settle():
            raise SystemExit(f"{record.workspace.database} is held by another program.")
    return time.perf_counter() - began


def in_a_child(name: str, root: Path, repeats: int) -> dict[str, object]:
    command = [sys.executable, __file__, "--only", name, "--folder", str(root), "--repeats", str(repeats)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def only(name: str, root: Path, repeats: int) -> dict[str, object]:
    """One measurement, with the most memory that its process had."""
    measured: dict[str, object]
    match name:
        case "rebuild":
            measured = {**rebuilding(root)}
        case "read":
            measured = reading(root, repeats)
        case _:
            measured = appending(root, 5 * repeats)
    unit = 1 if sys.platform == "darwin" else 1024
    return measured | {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


def measure(root: Path, exchanges: int, repeats: int) -> dict[str, object]:
    whole = root / f"generated-{exchanges}"
    if not whole.exists():
        if (root / "sessions").exists():
            raise SystemExit(f"{root} has another record, or half of one: remove it, or name another folder.")
        generated.make(root / "sessions", exchanges)
        whole.touch()
    result: dict[str, object] = {}
    peaks: dict[str, int] = {}
    for name in ("rebuild", "read", "append"):
        found = in_a_child(name, root, repeats)
        peaks[name] = int(str(found.pop("peak_rss_bytes")))
        result |= found
    journal = sum(record_in(root).journal.sizes().values())
    sizes = {"journal_bytes": journal, "database_bytes": Workspace(root).database.stat().st_size}
    return {**result, "peak_rss_bytes": max(peaks.values()), "peaks": peaks, **sizes}


def show(result: dict[str, object]) -> None:
    def words(label: str, text: str) -> None:
        print(f"{label:<13}{text}")

    def number(name: str) -> float:
        return float(str(result[name]))

    words("machine", str(result["machine"]))
    words("record", f"{number('exchanges'):,.0f} exchanges, {number('events'):,.0f} events")
    words("history", f"{number('history_open_s'):.3f} s (budget: 0.3 s), first {number('history_first_open_s'):.3f} s")
    words("a session", f"{number('session_open_s'):.3f} s")
    words("saved query", f"{number('saved_query_s'):.3f} s, the slowest (budget: 1 s)")
    words("search", f"{number('search_s'):.3f} s, the slowest (budget: 1 s)")
    words("append", f"{number('append_vs_empty'):.2f} times an append to an empty record: {result['append_s']}")
    words("rebuild", f"{number('rebuild_exchanges_per_s'):,.0f} exchanges/s (budget: 20,000)")
    words("peak memory", f"{number('peak_rss_bytes') / 2**20:,.0f} MiB")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--exchanges", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="a workspace to make the record in, or to find it in")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=("rebuild", "read", "append"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(given)
    if arguments.only:
        print(json.dumps(only(arguments.only, arguments.folder, arguments.repeats)))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = (arguments.folder or Path(folder)).resolve()
        result = {"machine": machine(), "commit": commit(), **measure(root, arguments.exchanges, arguments.repeats)}
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
