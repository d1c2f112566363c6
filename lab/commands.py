"""What each command does; the same services as the screen, plain output."""

from __future__ import annotations

import argparse
import contextlib
import io
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import orjson

from lab import console
from lab.console import ProgressLine
from lab.dialogue.conversation import require_text
from lab.dialogue.events import TurnFailed, TurnFinished
from lab.domain import Exchange, Salience
from lab.errors import LabError
from lab.lab import Lab
from lab.refinement.irp import DraftGrew, DraftScored, DraftThought
from lab.settings import Settings, Workspace, find_workspace
from lab.text import amount, count, harmless, one_line


def run(arguments: argparse.Namespace) -> int:
    """Dispatch a parsed command line; returns the exit code. Raises LabError."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Whatever is piped in is taken; what is not UTF-8 is named where it matters.
        sys.stdin.reconfigure(errors="surrogateescape")
    workspace = find_workspace(getattr(arguments, "workspace", None))
    command: str | None = arguments.command
    if command is None:
        return _screen(workspace, arguments)
    handler: Callable[[Workspace, argparse.Namespace], int] = {
        "ask": _ask,
        "sleep": _sleep,
        "sql": _sql,
        "score": _score,
        "import": _import,
        "rebuild": _rebuild,
        "prepare": _prepare,
        "checkpoints": _checkpoints,
        "adapters": _adapters,
        "doctor": _doctor,
    }[command]
    return handler(workspace, arguments)


def _lab(workspace: Workspace, arguments: argparse.Namespace, settings: Settings | None = None) -> Lab:
    return Lab(
        workspace,
        settings=settings,
        checkpoint=getattr(arguments, "checkpoint", None),
        adapter=getattr(arguments, "adapter", None),
    )


@contextlib.contextmanager
def _open(lab: Lab) -> Iterator[Lab]:
    lab.open()
    try:
        for notice in lab.notices:
            print(f"lab: {harmless(notice)}", file=sys.stderr)
        lab.notices.clear()
        yield lab
    finally:
        lab.close()


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, so that what was produced is kept; a second one interrupts."""
    event = threading.Event()

    def first(signum: int, frame: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def _screen(workspace: Workspace, arguments: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise LabError("The screen needs a terminal.", 'Use lab ask "..." in scripts; lab --help lists the commands.')
    from lab.tui.app import run as run_screen

    run_screen(_lab(workspace, arguments), session_id=arguments.session, new=arguments.new)
    return 0


def _ask(workspace: Workspace, arguments: argparse.Namespace) -> int:
    settings = workspace.settings()
    if arguments.iterations:
        refinement = settings.refinement.model_copy(update={"iterations": arguments.iterations})
        settings = settings.model_copy(update={"refinement": refinement})
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    require_text(text)
    line = ProgressLine()
    with _interruptible() as cancel, _open(_lab(workspace, arguments, settings)) as lab:
        conversation = lab.converse(arguments.session, new=arguments.session is None)
        lab.start_engine(line, cancel)
        for notice in lab.notices:
            print(f"lab: {harmless(notice)}", file=sys.stderr)
        tokens = whole = 0
        exchange: Exchange | None = None
        for event in conversation.take_turn(text, cancel, arguments.seed):
            if isinstance(event, (DraftThought, DraftGrew)):
                tokens += 1
                line.write(f"{whole} of {settings.refinement.iterations} drafts, {tokens:,} tokens")
            elif isinstance(event, DraftScored):
                whole += 1
            elif isinstance(event, TurnFailed):
                raise event.error
            elif isinstance(event, TurnFinished):
                exchange = event.exchange
        line.end()
    assert exchange is not None
    print(console.dumps(_exchange_json(exchange)) if arguments.json else _exchange_text(exchange))
    return 0


def _exchange_json(exchange: Exchange) -> dict[str, Any]:
    score = exchange.salience[0] if exchange.salience else None
    return {
        "exchange_id": exchange.exchange_id,
        "session_id": exchange.session_id,
        "turn": exchange.turn,
        "user_input": exchange.user_input,
        "response": exchange.response,
        "status": exchange.status,
        "checkpoint": exchange.checkpoint,
        "adapter": exchange.adapter,
        "prompt_tokens": exchange.prompt_tokens,
        "response_tokens": exchange.response_tokens,
        "seconds": exchange.seconds,
        "drafts": [
            {
                "iteration": draft.iteration,
                "temperature": draft.temperature,
                "seed": draft.seed,
                "energy": draft.energy,
                "tokens": draft.tokens,
                "seconds": draft.seconds,
                "finish": draft.finish,
                "text": draft.text,
                "thinking": draft.thinking,
                "thinking_tokens": draft.thinking_tokens,
                "chosen": draft.iteration == exchange.chosen,
            }
            for draft in exchange.drafts
        ],
        "salience": _salience_json(score) if score else None,
        "salient": score.salient if score else None,
    }


def _salience_json(score: Salience) -> dict[str, Any]:
    return {
        "profile": score.profile,
        **score.dimensions(),
        "total": score.total,
        "threshold": score.threshold,
        "salient": score.salient,
    }


def _exchange_text(exchange: Exchange) -> str:
    lines = [harmless(exchange.response or f"No answer: {exchange.reason or exchange.status}"), ""]
    for score in exchange.salience:
        values = "  ".join(f"{name} {value:.3f}" for name, value in score.dimensions().items())
        verdict = "salient" if score.salient else "not salient"
        lines.append(f"{values}  total {score.total:.3f} ({verdict}, threshold {score.threshold:g})")
    lines.append(f"{exchange.exchange_id}  {exchange.status}  adapter {exchange.adapter or 'none'}")
    return "\n".join(lines)


def _sleep(workspace: Workspace, arguments: argparse.Namespace) -> int:
    line = ProgressLine()
    with _interruptible() as interrupted, _open(_lab(workspace, arguments)) as lab:
        cycle_id = lab.sleep.start(arguments.session)
        asked = False
        ended = None
        for progress in lab.sleep.follow(cycle_id, lambda: False):
            if interrupted.is_set() and not asked and progress.ended is None:
                lab.sleep.cancel(cycle_id)
                asked = True
            if progress.loss is not None:
                left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
                line.write(
                    f"{cycle_id}: epoch {progress.epoch} of {progress.epochs}, step {progress.step} of"
                    f" {progress.total_steps}, loss {progress.loss:.3f}{left}"
                )
            else:
                line.write(f"{cycle_id}: {progress.stage}")
            ended = progress.ended
        line.end()
        if not lab.record.sync():
            raise LabError(
                f"{cycle_id} is over, but another program holds {workspace.database}.",
                f"Close it there; lab sql \"FROM sleep_cycles WHERE cycle_id = '{cycle_id}'\" then tells how it ended.",
            )
        row = lab.record.query("SELECT * FROM sleep_cycles WHERE cycle_id = ?", [cycle_id])
    cycle = dict(zip(row.columns, row.rows[0]))
    if arguments.json:
        print(console.dumps(cycle))
    elif ended is not None and ended.status == "complete":
        slept = f"{count(cycle['exchanges'], 'exchange')} ({count(cycle['examples'], 'example')})"
        losses = f"loss {cycle['first_loss']:.3f} -> {cycle['last_loss']:.3f} in {cycle['steps']} steps"
        print(f"{cycle_id}: slept on {slept}, {losses}, {cycle['seconds']:.0f} s. The adapter answers from now on.")
    if ended is None or ended.status != "complete":
        reason = ended.reason if ended and ended.reason else "It left no reason."
        raise LabError(
            f"{cycle_id} ended as {cycle['status']}: {reason}", "Nothing was lost; sleep again when you like."
        )
    return 0


def _sql(workspace: Workspace, arguments: argparse.Namespace) -> int:
    lab = _lab(workspace, arguments)
    workspace.create()
    query = sys.stdin.read() if arguments.query == "-" else arguments.query
    limit = lab.settings.screen.rows if arguments.format == "table" else None
    if not lab.record.sync():
        print("lab: another program holds the database: the newest events are not in it yet.", file=sys.stderr)
    result = lab.record.execute_write(query) if arguments.write else lab.record.query(query, limit=limit)
    render = {"table": console.table, "json": console.json_text, "csv": console.csv_text}[arguments.format]
    print(render(result.columns, result.rows), end="" if arguments.format == "csv" else "\n")
    if result.truncated:
        print(f"lab: the first {limit:,} rows; --format csv or json gives all.", file=sys.stderr)
    for fault in lab.record.faults():
        print(f"lab: {harmless(str(fault))}", file=sys.stderr)
    return 0


def _score(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.salience import profile

    settings = workspace.settings().salience
    judge = profile(settings.profile)
    faults: list[str] = []

    def score_lines(file: TextIO) -> None:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                body = _transcript_line(line)
            except ValueError as fault:
                faults.append(f"line {number}: {fault}")
                continue
            score = judge.score(body["user_input"], body["model_response"], settings.threshold)
            print(console.dumps({**body, "salience": _salience_json(score)}))

    if arguments.file == "-":
        score_lines(sys.stdin)
    else:
        with _transcript(Path(arguments.file)) as file:
            score_lines(file)
    if faults:
        raise LabError(
            f"{arguments.file}: {'; '.join(faults)}.",
            "Each line is to be an object with the texts user_input and model_response; the others were scored.",
        )
    return 0


def _transcript(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", errors="surrogateescape")
    except OSError as fault:
        raise LabError(f"{path} cannot be read: {fault.strerror}.", "Name a JSON lines file.") from fault


def _transcript_line(line: str) -> dict[str, Any]:
    """The object of one transcript line. Raises ValueError with the reason."""
    try:
        body = orjson.loads(line.encode("utf-8", "surrogateescape"))
    except orjson.JSONDecodeError as fault:
        raise ValueError(f"not valid JSON ({fault})") from fault
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")
    missing = [name for name in ("user_input", "model_response") if not isinstance(body.get(name), str)]
    if missing:
        raise ValueError(f"no text under {' and '.join(missing)}")
    return body


def _import(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.journal.importer import import_sessions
    from lab.salience import profile

    line = ProgressLine()
    with _open(_lab(workspace, arguments)) as lab:
        settings = lab.settings.salience
        judge = profile(settings.profile)
        report = import_sessions(
            lab.record, Path(arguments.folder), lambda text, reply: judge.score(text, reply, settings.threshold), line
        )
        line.end()
        lab.record.sync()
    print(
        f"Imported {count(report.exchanges, 'exchange')} of {count(report.sessions, 'session')};"
        f" {report.already} were there already; {len(report.skipped)} skipped."
    )
    for reason in report.skipped:
        print(f"  skipped {harmless(reason)}")
    return 0


def _rebuild(workspace: Workspace, arguments: argparse.Namespace) -> int:
    line = ProgressLine()
    lab = _lab(workspace, arguments)
    workspace.create()
    report = lab.record.rebuild(line)
    line.end()
    print(
        f"Rebuilt {harmless(str(workspace.database))}: {count(report.events, 'event')} of"
        f" {count(report.streams, 'journal')} in {report.seconds:.1f} s."
    )
    for fault in report.faults:
        print(f"  {harmless(fault)}")
    return 0


def _prepare(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.engine import embedded
    from lab.settings import cache_folder

    line = ProgressLine()
    with _interruptible() as cancel:
        embedded.prepare(line, cancel)
    line.end()
    print(harmless(f"The embedded models are ready in {cache_folder()}."))
    return 0


def _checkpoints(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.listing import checkpoints

    text, faults = checkpoints(workspace)
    print(text)
    for fault in faults:
        print(f"lab: {harmless(str(fault))}", file=sys.stderr)
    return 0


def _adapters(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.engine.adapters import list_adapters

    adapters, faults = list_adapters(workspace.adapters)
    if adapters:
        rows = [
            (a.name, a.checkpoint, a.parent or "", a.rank, amount(a.bytes), f"{a.created_at:%Y-%m-%d %H:%M}")
            for a in adapters
        ]
        print(console.table(("adapter", "checkpoint", "parent", "rank", "size", "created_at"), rows))
    else:
        print("No adapters yet: lab sleep trains one.")
    for fault in faults:
        print(f"lab: {harmless(str(fault))}", file=sys.stderr)
    return 1 if faults else 0


def _doctor(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.doctor import examine

    line = ProgressLine()
    findings = examine(workspace, line)
    line.end()
    names = [one_line(finding.what) for finding in findings]
    width = max(map(len, names))
    for name, finding in zip(names, findings):
        print(f"{'ok ' if finding.remedy is None else '!! '} {name.ljust(width)}  {one_line(finding.found)}")
        if finding.remedy:
            print(f"    {' ' * width}  {one_line(finding.remedy)}")
    return 1 if any(finding.remedy for finding in findings) else 0
