"""The plots of the record, one kind at a time: read in a thread, drawn in the terminal, saved as a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from lab import plots
from lab.console import new_file
from lab.errors import LabError
from lab.figures import Figure, save
from lab.journal.record import Record
from lab.text import harmless
from lab.tui import theme
from lab.tui.widgets.plot import Plot

# Cells that a bar needs to be told from its neighbour.
_BAR_CELLS: Final = 1.5


class Plots(Vertical):
    """Shows one of `lab.plots.KINDS`."""

    DEFAULT_CSS = """
    Plots { height: 1fr; padding: 0 2; }
    Plots #kinds { height: 2; text-wrap: nowrap; }
    Plots #panels { grid-size: 3; grid-gutter: 0 2; height: 1fr; }
    """

    class Drawn(Message):
        """The figures that were asked for, or why there are none."""

        def __init__(self, number: int, figures: tuple[Figure, ...], error: LabError | None = None) -> None:
            super().__init__()
            self.number = number
            self.figures = figures
            self.error = error

    class Saved(Message):
        """The file that was written, or why none was."""

        def __init__(self, path: Path | None, error: LabError | None = None) -> None:
            super().__init__()
            self.path = path
            self.error = error

    def __init__(self) -> None:
        super().__init__()
        self._kind = 0
        self._number = 0
        self._cancel = threading.Event()
        self._figures: tuple[Figure, ...] = ()
        self._measure = "total"
        self._read: Callable[[str, threading.Event], tuple[Figure, ...]] | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="kinds", markup=False)
        yield Grid(id="panels")

    def load(self, record: Record, session_id: str | None, profile: str, threshold: float, measure: str) -> None:
        """Read the shown kind anew, for this session or the whole record; `measure` is drawn where one must do."""

        def read(kind: str, cancel: threading.Event) -> tuple[Figure, ...]:
            return plots.plot(kind, record, session_id, profile, threshold, cancel)

        self._read, self._measure = read, measure
        self._start()

    def step(self, by: int) -> None:
        """Go to the next kind, or the one before."""
        self._kind = (self._kind + by) % len(plots.KINDS)
        self._start()

    def stop(self) -> None:
        """Read no longer."""
        self._cancel.set()

    def write(self, form: str) -> None:
        """Save what is shown into the current folder, under a name that is free."""
        if all(figure.empty for figure in self._figures):
            self.post_message(self.Saved(None, LabError("There is nothing to save yet.")))
            return
        colours = theme.on_paper()
        work = partial(_save, self._figures, plots.KINDS[self._kind], form, colours, self.post_message)
        self.run_worker(work, group="save", name="save", thread=True)

    def on_unmount(self) -> None:
        self.stop()

    def _start(self) -> None:
        if self._read is None:
            return
        self._cancel.set()
        self._cancel = threading.Event()
        self._number += 1
        # What is saved is what is named.
        self._figures = ()
        self._say("reading")
        read = partial(self._read, plots.KINDS[self._kind], self._cancel)
        self.run_worker(partial(_draw, read, self._number, self.post_message), group="plot", name="plot", thread=True)

    async def on_plots_drawn(self, message: Drawn) -> None:
        if message.number != self._number:
            return
        self._figures = message.figures
        self._say(str(message.error) if message.error else "")
        await self._show()

    async def on_resize(self) -> None:
        await self._show()

    async def _show(self) -> None:
        panels = self.query_one("#panels", Grid)
        await panels.remove_children()
        shown = [self._narrowed(figure) for figure in self._figures]
        if len(shown) > 1:
            # Panels have no room for what the line above says.
            shown = [replace(figure, x_label="") for figure in shown]
        panels.styles.grid_size_columns = min(max(len(shown), 1), 3)
        await panels.mount(*(Plot(figure, legend=len(shown) == 1) for figure in shown))

    def _narrowed(self, figure: Figure) -> Figure:
        """Without the series that could not be told apart: the total and the chosen measure are always drawn."""
        bars = sum(len(series.x) for series in figure.series if series.form == "bars")
        crowded = bars * _BAR_CELLS > self.size.width - 12 and len(figure.series) > 1
        if crowded or plots.KINDS[self._kind] == "timeline":
            kept = {"total", self._measure}
            return replace(figure, series=tuple(series for series in figure.series if series.name in kept))
        return figure

    def _say(self, state: str) -> None:
        parts = [
            Content.styled(f"{kind}  ", "bold $foreground" if number == self._kind else "$quiet")
            for number, kind in enumerate(plots.KINDS)
        ]
        self.query_one("#kinds", Static).update(Content.assemble(*parts, (harmless(state), "$primary")))


def _draw(read: Callable[[], tuple[Figure, ...]], number: int, post: Callable[[Message], object]) -> None:
    try:
        post(Plots.Drawn(number, read()))
    except LabError as error:
        post(Plots.Drawn(number, (), error))


def _save(
    figures: tuple[Figure, ...], kind: str, form: str, colours: dict[str, str], post: Callable[[Message], object]
) -> None:
    path = Path(f"{kind}.{form}").absolute()
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{kind}-{number}.{form}")
    try:
        with new_file(path, force=False) as file:
            save(figures, file, form, colours)
    except LabError as error:
        post(Plots.Saved(None, error))
        return
    post(Plots.Saved(path))
