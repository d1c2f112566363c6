"""Commands on what the model has learnt: going back to an earlier adapter, forgetting an exchange."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from lab.commands.shared import make_lab, opened, reading, require_workspace
from lab.console import ProgressLine, interruptible
from lab.errors import LabError
from lab.journal import queries
from lab.journal.find import find_exchange
from lab.journal.memory import learnt_from, lineage
from lab.journal.purge import purge
from lab.journal.record import Record
from lab.settings import Settings, Workspace
from lab.text import harmless


def rollback(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.sleep.recipes import resolve

    require_workspace(workspace)
    adapter = None if arguments.wanted == "none" else arguments.wanted
    with opened(make_lab(workspace, arguments)) as lab:
        lab.roll_back(adapter)
        answering = adapter or f"{lab.checkpoint().name} without an adapter"
        set_to = lab.settings.engine.adapter
        continues = resolve(lab.settings.sleep).continues
    following = "the next sleep continues it" if continues else "a sleep starts from the checkpoint as ever"
    print(harmless(f"{answering} answers from now on, and {following}."))
    if set_to != "newest":
        print(
            harmless(f'lab: engine.adapter is "{set_to}" in {workspace.config}, which goes before this choice.'),
            file=sys.stderr,
        )
    return 0


def forget(workspace: Workspace, arguments: argparse.Namespace) -> int:
    from lab.dialogue.marks import mark

    if arguments.yes and not arguments.purge:
        raise LabError("--yes has nothing to answer: only --purge asks.", "Leave it out, or add --purge.")
    with reading(workspace) as found:
        exchange_id = find_exchange(found, arguments.exchange_id)
        exchange = queries.exchange(found, exchange_id)
        learnt = _learnt(found, workspace.settings(), exchange_id)
    assert exchange is not None
    record = Record(workspace)
    learning = _learning(record, exchange_id)
    if arguments.purge:
        if not arguments.yes:
            _confirm(exchange_id)
        _purge(record, exchange_id)
    else:
        mark(record, exchange_id, "excluded")
        record.sync(1.0)
        print(f"{harmless(exchange_id)} is excluded: no sleep learns from it again.")
    print(harmless(learnt))
    if learning is not None:
        print(
            f"{learning} is running and was begun with it: lab sleep --stop ends it before it is learnt. If it is let"
            " finish, lab forget again says what makes the model forget it."
        )
    return 0


def _learning(record: Record, exchange_id: str) -> str | None:
    """The sleep that runs now, when this exchange is among what it learns or learns again."""
    from lab.sleep.cycle import CycleFolder, running

    cycle_id = running(record.journal)
    if cycle_id is None:
        return None
    try:
        _, material, remembered = CycleFolder(record.workspace.sessions, cycle_id).read()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    learns = {each.exchange_id for each in material} | {each.exchange_id for each in remembered}
    return cycle_id if exchange_id in learns else None


def _learnt(record: Record, settings: Settings, exchange_id: str) -> str:
    """Which adapters have learnt from an exchange, and what makes the model forget it, in a sentence."""
    from lab.sleep.planning import can_forget

    adapters = learnt_from(record, exchange_id)
    if not adapters:
        return "No adapter has learnt from it."
    names = f"{', '.join(adapters)} learnt from it"
    if can_forget(record, settings, adapters[-1], exchange_id):
        return f"{names}: lab sleep --deep makes the model forget it."
    before = next((each for each in lineage(record, adapters[-1]) if each not in adapters), "none")
    return f"{names}: lab rollback {before} makes the model forget it. A deep sleep would be refused."


def _confirm(exchange_id: str) -> None:
    """Raises LabError unless the person types the id."""
    print(f"The text of {harmless(exchange_id)} is removed for good. Type its id to go on: ", end="", flush=True)
    typed = sys.stdin.readline()
    if not typed.endswith("\n"):
        print()
    if typed.strip() != exchange_id:
        raise LabError("Nothing was removed: that is not the id.", "Type the whole id, or purge with --yes.")


def _purge(record: Record, exchange_id: str) -> None:
    line = ProgressLine()
    # Ctrl-C would leave text in the database.
    with interruptible():
        report = purge(record, exchange_id, lambda progress: line(replace(progress, stage="Making the database anew")))
    line.end()
    places = ", ".join(("its dialogue", *report.sleeps))
    before = " It was purged before." if report.again else ""
    print(
        harmless(f"{exchange_id} is purged: its text is gone from {places} and the database.{before}"),
        "Backups, exports and what was said elsewhere still have theirs.",
    )
