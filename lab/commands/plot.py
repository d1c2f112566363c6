"""The plots of the record as PNG or SVG files."""

from __future__ import annotations

import argparse

from lab import console
from lab.commands.shared import reading
from lab.errors import LabError
from lab.figures import format_of, require_matplotlib, save
from lab.files import typed_path
from lab.journal.find import find_session
from lab.journal.timeline import profiles
from lab.plots import judged_by
from lab.plots import plot as plot_of
from lab.settings import Workspace
from lab.text import harmless


def plot(workspace: Workspace, arguments: argparse.Namespace) -> int:
    require_matplotlib()
    wanted: str | None = arguments.session
    path = typed_path(arguments.out or f"{arguments.kind}.png")
    form = format_of(path)
    # Before the record is read for nothing.
    console.require_new(path, arguments.force)
    settings = workspace.settings().salience
    # All of it: sleeps are told by streams of their own.
    with reading(workspace) as record:
        session_id = find_session(record, wanted) if wanted else None
        profile = arguments.profile or settings.profile
        known = profiles(record, session_id)
        if arguments.profile and profile not in known:
            raise LabError(
                f'Nothing is scored by the profile "{profile}".',
                f"Choose one of: {', '.join(known)}." if known else "Score something first: lab ask, or lab import.",
            )
        threshold = judged_by(record, settings, profile)
        figures = plot_of(arguments.kind, record, session_id, profile, threshold)
    if all(figure.empty for figure in figures):
        raise LabError(f"There is nothing to plot as {arguments.kind} yet.", "Talk, sleep, or import sessions first.")
    from lab.tui.theme import on_paper

    with console.new_file(path, arguments.force) as file:
        save(figures, file, form, on_paper(), arguments.width, arguments.height)
    print(harmless(f"Wrote {path}."))
    return 0
