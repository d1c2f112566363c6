"""Commands that talk: one answer, the screen, a score."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import Any, Final, TextIO

import orjson

from lab import console
from lab.commands.shared import make_lab, opened, require_workspace
from lab.console import ProgressLine, interruptible
from lab.dialogue.conversation import require_text
from lab.dialogue.events import TurnFailed, TurnFinished
from lab.domain import Evidence, Exchange
from lab.errors import LabError
from lab.files import typed_path
from lab.journal.export import exchange_body, salience_body
from lab.journal.imports import TOO_DEEP
from lab.journal.record import Record
from lab.refinement.irp import DraftGrew, DraftScored, DraftThought
from lab.settings import Workspace
from lab.text import count, harmless

# So many faults of a transcript are told.
_NAMED: Final = 100


def screen(workspace: Workspace, arguments: argparse.Namespace) -> int:
    """The screen, or the plain transcript where there is no terminal that can show one."""
    lab = make_lab(workspace, arguments)
    screen = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if arguments.plain or not screen:
        from lab.plain import run as run_plain

        return run_plain(lab, session_id=arguments.session, new=arguments.new)
    from lab.tui.app import run as run_screen

    run_screen(lab, session_id=arguments.session, new=arguments.new)
    return 0


def ask(workspace: Workspace, arguments: argparse.Namespace) -> int:
    settings = workspace.settings()
    if arguments.iterations:
        refinement = settings.refinement.model_copy(update={"iterations": arguments.iterations})
        settings = settings.model_copy(update={"refinement": refinement})
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    require_text(text)
    line = ProgressLine()
    with interruptible() as cancel, opened(make_lab(workspace, arguments, settings)) as lab:
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
    if arguments.json:
        console.print_json(_exchange_json(exchange))
    else:
        print(_exchange_text(exchange))
    return 0


def _exchange_json(exchange: Exchange) -> dict[str, Any]:
    """As an export has it, with the one score that a new answer gets."""
    score = exchange.salience[0] if exchange.salience else None
    single = {"salience": salience_body(score) if score else None, "salient": score.salient if score else None}
    return exchange_body(exchange) | single


def _exchange_text(exchange: Exchange) -> str:
    lines = [harmless(exchange.response or f"No answer: {exchange.reason or exchange.status}"), ""]
    for score in exchange.salience:
        values = "  ".join(f"{name} {value:.3f}" for name, value in score.dimensions().items())
        verdict = "salient" if score.salient else "not salient"
        lines.append(f"{score.profile}: {values}  total {score.total:.3f} ({verdict}, threshold {score.threshold:g})")
    lines.append(f"{exchange.exchange_id}  {exchange.status}  adapter {exchange.adapter or 'none'}")
    return "\n".join(lines)


def score(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.salience import profile, threshold_of

    settings = workspace.settings().salience
    judge = profile(arguments.profile or settings.profile)
    # The setting's threshold is that of its profile.
    threshold = threshold_of(judge.name, settings.threshold if judge.name == settings.profile else None)
    if arguments.file is None:
        share = bool(settings.share) and judge.name == settings.profile
        return _score_record(workspace, judge.name, threshold, share)
    faults: list[str] = []
    wrong = 0

    def score_lines(file: TextIO) -> None:
        nonlocal wrong
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                body = _transcript_line(line)
            except ValueError as fault:
                wrong += 1
                if wrong <= _NAMED:
                    faults.append(f"line {number}: {fault}")
                continue
            score = judge.score(Evidence(body["user_input"], body["model_response"]), threshold)
            console.print_json({**body, "salience": salience_body(score)})

    if arguments.file == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            # JSON is, whatever the terminal is.
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
        score_lines(sys.stdin)
    else:
        with _transcript(typed_path(arguments.file)) as file:
            score_lines(file)
    if faults:
        more = f"; and {wrong - _NAMED:,} lines more" if wrong > _NAMED else ""
        raise LabError(
            f"{arguments.file}: {'; '.join(faults)}{more}.",
            "Each line is to be an object with the texts user_input and model_response; the others were scored.",
        )
    return 0


def _score_record(workspace: Workspace, profile: str, threshold: float, share: bool) -> int:
    from lab.dialogue.rescoring import rescore

    require_workspace(workspace)
    line = ProgressLine()
    with interruptible() as cancel, Record(workspace) as record:
        changed = rescore(record, profile, threshold, cancel, line, of_its_time=share)
        line.end()
        if cancel.is_set():
            print(f"Stopped; {count(changed, 'exchange')} scored anew by {profile}. Again, it goes on from there.")
            return 1
    print(f"{count(changed, 'exchange')} scored anew by {profile}; the others were as they are.")
    return 0


def _transcript(path: Path) -> TextIO:
    try:
        # Editors of Windows begin a file with a byte order mark.
        return path.open(encoding="utf-8-sig", errors="surrogateescape")
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
    try:
        orjson.dumps(body)
    except orjson.JSONEncodeError as fault:
        raise ValueError(TOO_DEEP) from fault
    return body
