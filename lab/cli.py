"""The command line: parses, dispatches, and turns errors into one sentence and an exit code."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from lab import __version__
from lab.errors import LabError
from lab.text import harmless

_EXAMPLES = """examples:
  lab                                   open the screen on the latest dialogue
  lab ask "What is it like to learn?"   one refined answer, scored and recorded
  lab sleep                             train an adapter on what was salient
  lab sessions --search truth           where something was said
  lab sql "SELECT * FROM salience_history"
  printf 'Hello\\n' | lab --plain        the same session without a screen

exit codes: 0 done, 1 an error with its remedy on stderr, 2 wrong usage
"""


# Of a full disk, a broken one, a terminal that went away.
_OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EINVAL)

_Number = TypeVar("_Number", int, float)


def _from(least: _Number, most: _Number) -> Callable[[str], _Number]:
    """Takes a number of the kind and within the range of these two, and no other."""

    def number(text: str) -> _Number:
        try:
            value = type(least)(text)
            if least <= value <= most:
                return value
        except ValueError:
            pass
        kind = "a whole number" if isinstance(least, int) else "a number"
        raise argparse.ArgumentTypeError(f"{text!r} is not {kind} from {least:,} to {most:,}")

    return number


def _text(text: str) -> str:
    """Takes what a terminal of another encoding does not give: text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{harmless(text)} is not UTF-8") from None
    return text


def build_parser() -> argparse.ArgumentParser:
    """All subcommands and their options."""
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    everywhere.add_argument(
        "--workspace", metavar="DIR", help="folder of the record (default: LAB_WORKSPACE, or the current folder)"
    )
    model = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    model.add_argument("--checkpoint", metavar="NAME", help="a name of lab checkpoints, a folder, or a hub id")
    model.add_argument("--adapter", metavar="NAME", help='"newest" (default), "none", or a name of lab adapters')

    parser = argparse.ArgumentParser(
        prog="lab",
        description="Talk with a small local model, see which moments matter, and let it sleep on them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[everywhere, model],
    )
    parser.add_argument("--version", action="version", version=f"lab {__version__}")
    parser.add_argument("--session", metavar="ID", type=_text, help="open this dialogue instead of the latest")
    parser.add_argument("--new", action="store_true", help="begin a new dialogue")
    parser.add_argument(
        "--plain", action="store_true", help="no screen: a transcript with numbers; so it is where no terminal is"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: str, help: str, *parents: argparse.ArgumentParser, example: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=f"example: {example}",
            parents=[everywhere, *parents],
        )

    ask = command("ask", "answer one message, refined, scored and recorded", model, example='lab ask "Who are you?"')
    ask.add_argument("text", metavar="TEXT", type=_text, help='the message; "-" reads it from standard input')
    # Without a default of its own, so that lab --session ID ask means the same as lab ask --session ID.
    ask.add_argument(
        "--session",
        metavar="ID",
        type=_text,
        default=argparse.SUPPRESS,
        help="continue this dialogue; a new one without it",
    )
    ask.add_argument("--iterations", metavar="N", type=_from(1, 50), help="drafts to choose from (1 to 50)")
    ask.add_argument(
        "--seed", metavar="N", type=_from(0, 2**62 - 1), help="seed of the first draft; the next ones count up"
    )
    ask.add_argument("--json", action="store_true", help="one JSON object with the SQL names")

    sleep = command("sleep", "train an adapter on salient exchanges", model, example="lab sleep --json")
    sleep.add_argument(
        "--session", metavar="ID", type=_text, default=argparse.SUPPRESS, help="sleep on this dialogue only"
    )
    sleep.add_argument("--deep", action="store_true", help="learn the whole memory anew, from the base")
    asked = sleep.add_mutually_exclusive_group()
    for name, words in (
        ("detach", "begin one and do not wait for its end"),
        ("attach", "show the one that runs, to its end; Ctrl-C stops it"),
        ("pause", "let the one that runs wait"),
        ("go-on", "let one that waits go on"),
        ("stop", "stop the one that runs; nothing of it is kept"),
    ):
        asked.add_argument(
            f"--{name}", dest="asked", action="store_const", const=name.replace("-", "_"), default=None, help=words
        )
    sleep.add_argument("--json", action="store_true", help="the cycle as one JSON object with the SQL names")

    sessions = command(
        "sessions", "list the sessions of the record", example='lab sessions --search "truth since:2026-11-01"'
    )
    sessions.add_argument(
        "--search",
        metavar="TEXT",
        type=_text,
        default="",
        help="a text, and conditions as in the history of the screen: model:qwen since:2026-11-01 conflict>0.3",
    )
    sessions.add_argument("--salient", action="store_true", help="only those with a salient exchange")
    sessions.add_argument(
        "--limit", metavar="N", type=_from(1, 1_000_000), default=50, help="the latest N (default: 50)"
    )
    sessions.add_argument("--json", action="store_true", help="an array of objects")

    show = command("show", "read a session, or one exchange with its drafts", example="lab show 20261122-044100")
    show.add_argument(
        "id", metavar="SESSION|EXCHANGE", type=_text, help="an id, or the beginning of one when it is the only such"
    )
    show.add_argument("--drafts", action="store_true", help="of a session, all drafts too")
    show.add_argument("--json", action="store_true", help="everything, with the SQL names")

    receipt = command(
        "receipt", "show what came of a sleep: measures, answers before and after", example="lab receipt sleep-0003"
    )
    receipt.add_argument(
        "cycle",
        metavar="CYCLE",
        type=_text,
        nargs="?",
        help="the beginning of an id (default: the newest that has ended)",
    )
    receipt.add_argument("--json", action="store_true", help="one object with the SQL names, nothing cut")

    mark = command(
        "mark", "say what a sleep is to learn of an exchange", example='lab mark ID edit "The better answer."'
    )
    mark.add_argument(
        "exchange_id", metavar="EXCHANGE", type=_text, help="an id, or the beginning of one when it is the only such"
    )
    mark.add_argument(
        "mark",
        choices=["keep", "exclude", "edit", "none"],
        help="edit puts TEXT in the answer's place; none takes back",
    )
    mark.add_argument(
        "text", metavar="TEXT", type=_text, nargs="?", help='the answer as it should have been; "-" reads it'
    )

    forget = command(
        "forget", "let no sleep learn from an exchange again", example="lab forget 20261122-044100-ab12-0003 --purge"
    )
    forget.add_argument(
        "exchange_id", metavar="EXCHANGE", type=_text, help="an id, or the beginning of one when it is the only such"
    )
    forget.add_argument(
        "--purge", action="store_true", help="remove its text from the record for good; asks for the id once more"
    )
    forget.add_argument("--yes", action="store_true", help="with --purge: do not ask")

    rollback = command(
        "rollback", "let an earlier adapter answer, and sleeps continue it", example="lab rollback sleep-0002"
    )
    # Not "adapter": that is the option of the same name before the command.
    rollback.add_argument(
        "wanted", metavar="ADAPTER|none", type=_text, help="a name of lab adapters; none is the checkpoint alone"
    )
    rollback.add_argument(
        "--checkpoint",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="the checkpoint that it belongs to (default: engine.checkpoint)",
    )

    rename = command("rename", "give a session another title", example='lab rename 20261122-044100 "On owning"')
    rename.add_argument("session_id", metavar="SESSION", type=_text, help="an id, or the beginning of one")
    rename.add_argument("title", metavar="TITLE", type=_text, help="one line of text")

    sql = command(
        "sql",
        "query the record",
        example="lab sql 'SELECT * FROM salience WHERE total > $least' --param least=0.3 --out salient.parquet",
    )
    asked = sql.add_mutually_exclusive_group(required=True)
    asked.add_argument("query", metavar="QUERY", type=_text, nargs="?", help='SQL; "-" reads it from standard input')
    asked.add_argument("--file", metavar="FILE", help="a file of SQL")
    asked.add_argument(
        "--saved", metavar="NAME", type=_text, help="a saved query of the lab or of queries/ in the workspace"
    )
    asked.add_argument("--list", action="store_true", help="list the saved queries")
    sql.add_argument(
        "--param",
        metavar="[NAME=]VALUE",
        type=_text,
        action="append",
        default=[],
        help="a value for $NAME, or in order for each ?; may be repeated",
    )
    sql.add_argument(
        "--format",
        choices=["table", "csv", "json", "jsonl", "parquet"],
        help="default: as the ending of --out says, else table",
    )
    sql.add_argument("--out", metavar="FILE", help="write the rows into this file")
    sql.add_argument("--force", action="store_true", help="replace FILE when it exists")
    sql.add_argument(
        "--write", action="store_true", help="allow changes to lab.duckdb; lab rebuild discards them again"
    )

    score = command(
        "score",
        "score the record anew, or a transcript without a model",
        example="lab score --profile measured\n  lab score transcript.jsonl > scored.jsonl",
    )
    score.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help='JSON lines with user_input and model_response, "-" for standard input (default: the whole record)',
    )
    score.add_argument(
        "--profile", metavar="NAME", type=_text, help="score by this profile (default: salience.profile)"
    )

    plot = command("plot", "draw salience, sleeps and losses into a file", example="lab plot timeline --out a.svg")
    plot.add_argument(
        "kind",
        choices=["timeline", "by-checkpoint", "by-adapter", "histogram", "sleeps", "losses"],
        metavar="KIND",
        help="timeline, by-checkpoint, by-adapter, histogram, sleeps (mean salience between them) or losses",
    )
    plot.add_argument("--session", metavar="ID", type=_text, default=argparse.SUPPRESS, help="of this dialogue only")
    plot.add_argument(
        "--profile", metavar="NAME", type=_text, help="the scores of this profile (default: salience.profile)"
    )
    plot.add_argument("--out", metavar="FILE", help="a .png or .svg file (default: KIND.png)")
    plot.add_argument("--width", metavar="INCHES", type=_from(1.0, 50.0), default=9.6, help="1 to 50 (default: 9.6)")
    plot.add_argument("--height", metavar="INCHES", type=_from(1.0, 50.0), default=5.4, help="1 to 50 (default: 5.4)")
    plot.add_argument("--force", action="store_true", help="replace FILE when it exists")

    study = command(
        "study",
        "measure whether salience tells what is worth learning; once stopped, it goes on from there",
        example="lab study salience --json",
    )
    study.add_argument("name", metavar="STUDY", choices=["salience"], help="salience, the only one so far")
    study.add_argument(
        "--exchanges", metavar="FILE", type=_text, help="a TOML file of them (default: those of the lab)"
    )
    study.add_argument("--json", action="store_true", help="the figures as one JSON object, instead of the report")

    experiment = command(
        "experiment",
        "say a protocol to checkpoints and test its hypotheses; once stopped, it goes on from there",
        example="lab experiment framing --checkpoint smollm2-135m-instruct --repeats 3",
    )
    experiment.add_argument("protocol", metavar="PROTOCOL", nargs="?", help="without one they are listed")
    experiment.add_argument(
        "--checkpoint",
        metavar="NAME",
        dest="checkpoints",
        action="append",
        help="again for each to compare (default: the one of the settings)",
    )
    experiment.add_argument("--repeats", metavar="N", type=_from(1, 1000), default=2, help="1 to 1,000 (default: 2)")
    experiment.add_argument("--json", action="store_true", help="the figures as one JSON object, instead of the report")

    export = command(
        "export",
        "write a session, or training data, to a file",
        example="lab export 20261122-044100 --to html --out a.html",
    )
    export.add_argument("id", metavar="SESSION", type=_text, nargs="?", help="an id, or the beginning of one")
    export.add_argument(
        "--session", metavar="ID", type=_text, default=argparse.SUPPRESS, help="the same, for --training"
    )
    form = export.add_mutually_exclusive_group(required=True)
    form.add_argument("--to", choices=["markdown", "json", "jsonl", "html"], help="the form of the file")
    form.add_argument(
        "--training",
        action="store_true",
        help="JSON lines of id, messages and metadata; the answers as marked, nothing excluded",
    )
    chosen = export.add_mutually_exclusive_group()
    chosen.add_argument(
        "--salient", dest="exchanges", action="store_true", help="with --training: what is salient, kept or edited"
    )
    chosen.add_argument(
        "--all", dest="exchanges", action="store_false", help="with --training: every answer (default: sleep.exchanges)"
    )
    export.set_defaults(exchanges=None)
    export.add_argument("--out", metavar="FILE", help="default: the standard output")
    export.add_argument("--force", action="store_true", help="replace FILE when it exists")

    importer = command("import", "take over recorded sessions, or chats", example="lab import ~/published/sessions")
    importer.add_argument(
        "path",
        metavar="PATH",
        help="a folder of session_* folders, or a file of JSON lines: objects with messages (a session each), or with"
        " user_input and model_response (a session together)",
    )

    backup = command("backup", "write the whole record into one file", example="lab backup ~/lab-backup.zip")
    backup.add_argument("file", metavar="FILE", nargs="?", help="default: lab-backup-DATE-TIME.zip in this folder")
    backup.add_argument("--no-adapters", action="store_true", help="leave out the trained adapters")
    backup.add_argument("--force", action="store_true", help="replace FILE when it exists")

    restore = command(
        "restore", "bring a backup back into an empty workspace", example="lab restore lab-backup.zip --workspace ~/lab"
    )
    restore.add_argument("file", metavar="FILE", help="what lab backup wrote")

    command("rebuild", "make lab.duckdb anew from the journal", example="lab rebuild")
    command("prepare", "fetch and convert the embedded models", example="lab prepare")
    command("checkpoints", "list the models that can be loaded", example="lab checkpoints")
    command("adapters", "list the trained adapters", example="lab adapters")
    command("doctor", "say what is wrong with this set-up and what to do", example="lab doctor")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    _open_closed()
    arguments = build_parser().parse_args(argv)
    try:
        from lab import commands

        code = commands.run(arguments)
        # What cannot be written is said by us, not by Python when it ends.
        sys.stdout.flush()
        return code
    except LabError as fault:
        return _fail(fault.title, fault.remedy)
    except KeyboardInterrupt:
        return _fail("stopped.")
    except BrokenPipeError:
        # The reader of our output went away (head, less): nothing is wrong.
        _drop_output()
        return 0
    except OSError as fault:
        if fault.filename is not None:
            raise
        words = fault.strerror or fault
        # What writing has no name for is nearly always the output.
        if fault.errno not in _OF_WRITING:
            return _fail(f"The system refuses something: {words}.", "Run lab doctor: it says what is wrong.")
        _drop_output()
        return _fail(f"The output cannot be written: {words}.", "Free some space, or send it to another place.")


def _open_closed() -> None:
    """Let what was closed by whoever started us read nothing and write nowhere: Python has None in its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _fail(title: str, remedy: str = "") -> int:
    from lab.console import ProgressLine

    # It would stand before the words.
    ProgressLine.end()
    print(f"lab: {harmless(title)}", file=sys.stderr)
    if remedy:
        print(f"     {harmless(remedy)}", file=sys.stderr)
    return 1


def _drop_output() -> None:
    """Forget what waits to be written: Python would try, and complain, when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
