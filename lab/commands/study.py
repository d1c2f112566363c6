"""lab study and lab experiment: from the beginning, or from where it was stopped, to the report."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from lab import console
from lab.commands.shared import require_workspace
from lab.console import ProgressLine, interruptible
from lab.errors import LabError
from lab.figures import require_matplotlib
from lab.files import typed_path
from lab.journal.events import now
from lab.journal.record import Record
from lab.settings import Workspace
from lab.text import harmless


def study(workspace: Workspace, arguments: argparse.Namespace) -> int:
    """Run the study; 1 after a Ctrl-C."""
    from lab.study import salience, salience_report
    from lab.study.exchanges import studied
    from lab.study.folders import next_folder, write_report
    from lab.tui.theme import on_paper

    require_matplotlib()
    require_workspace(workspace)
    exchanges = studied(typed_path(arguments.exchanges) if arguments.exchanges else None)
    folder = next_folder(workspace.root / "studies", "study", partial(salience.same, exchanges))
    line = ProgressLine()
    with interruptible() as cancel, Record(workspace) as record, record.journal.own(folder.name):
        found = salience.study(folder, exchanges, cancel, line)
        line.end()
        if found is None:
            print(f"Stopped; lab study {arguments.name} goes on from there.")
            return 1
        record.append(folder.name, *salience_report.events(folder.name, found))
        record.sync()
    page = salience_report.page(folder.name, found, now())
    path = write_report(folder, page, salience_report.figures(found), on_paper())
    if arguments.json:
        console.print_json(salience_report.body(folder.name, found))
    else:
        print(f"{page}\nThis is {harmless(str(path))}.")
    return 0


def experiment(workspace: Workspace, arguments: argparse.Namespace) -> int:
    """Run the experiment, or list the protocols; 1 after a Ctrl-C."""
    from lab.engine.catalogue import everywhere, resolve
    from lab.study import experiment_report
    from lab.study.experiment import FOLDER, KIND, make_plan, run
    from lab.study.folders import next_folder, timed, write_report
    from lab.study.hypotheses import outcomes, profiles_of
    from lab.study.protocols import protocols, read_protocol
    from lab.tui.theme import on_paper

    if arguments.protocol is None:
        faults = []
        for name in sorted(protocols(workspace)):
            try:
                print(f"{name:<16}{harmless(read_protocol(workspace, name).title)}")
            except LabError as fault:
                faults.append(str(fault))
        for words in faults:
            print(harmless(f"lab: {words}"), file=sys.stderr)
        return 1 if faults else 0
    require_matplotlib()
    require_workspace(workspace)
    settings = workspace.settings()
    protocol = read_protocol(workspace, arguments.protocol)
    # The experiment has a workspace of its own, where a path of this one leads nowhere.
    named = arguments.checkpoints or [settings.engine.checkpoint]
    checkpoints = tuple(dict.fromkeys(everywhere(resolve(name, workspace)) for name in named))
    plan = make_plan(protocol, checkpoints, arguments.repeats, settings)
    folder = next_folder(workspace.root / FOLDER, KIND, plan.same)
    line = ProgressLine()
    with interruptible() as cancel, Record(workspace) as record, record.journal.own(folder.name):
        with timed(folder) as seconds:
            turns = run(folder, protocol, plan, settings, cancel, line)
        line.end()
        if turns is None:
            print(f"Stopped; the same command goes on from there ({folder.name}).")
            return 1
        if not turns:
            raise LabError(f"{folder} has no turns.", "Remove the folder, then run the experiment again.")
        tests = outcomes(protocol, turns, profiles_of(turns))
        record.append(folder.name, *experiment_report.events(folder.name, plan, turns, tests, seconds()))
        record.sync()
    page = experiment_report.page(folder.name, protocol, plan, turns, tests, seconds(), now())
    path = write_report(folder, page, experiment_report.figures(turns), on_paper())
    if arguments.json:
        console.print_json(experiment_report.body(folder.name, plan, turns, tests))
    else:
        print(f"{page}\nThis is {harmless(str(path))}.")
    return 0
