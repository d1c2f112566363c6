"""Salience over time, one lane a dimension, with the sleeps on the same axis; and the plots of the record."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from lab.domain import SleepCycle
from lab.journal.filters import MEASURES
from lab.journal.timeline import Moment, placed
from lab.salience import threshold_of
from lab.text import DOT, count, harmless, one_line
from lab.tui.actions import Where, bindings
from lab.tui.axis import Axis, Part
from lab.tui.clipboard import say
from lab.tui.timeline import Jumped, MomentRead, StretchRead, jump, read_moment, read_stretch
from lab.tui.widgets.keys import KeyBar
from lab.tui.widgets.lanes import Lanes
from lab.tui.widgets.moment import told
from lab.tui.widgets.plots import Plots

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.tui.app import LabApp

_PAGE: Final = 10
_STEP: Final = 0.05
# The exchange at the cursor is read when the keys rest so long.
_REST_SECONDS: Final = 0.05


class TimelineScreen(Screen[None]):
    """A session, or with None the whole record, aggregated to the width; a cursor, and what is at it."""

    PLACE: ClassVar[Where] = "timeline"
    BINDINGS: ClassVar[list[BindingType]] = bindings("timeline")
    DEFAULT_CSS = """
    TimelineScreen { layout: vertical; }
    TimelineScreen #what { height: 2; padding: 0 2; }
    TimelineScreen Lanes { margin: 0 2; }
    TimelineScreen #moment { height: 5; padding: 0 2; border-top: solid $rule; }
    TimelineScreen.-plots Lanes, TimelineScreen.-plots #moment { display: none; }
    TimelineScreen Plots { display: none; }
    TimelineScreen.-plots Plots { display: block; }
    """

    def __init__(self, lab: Lab, session_id: str | None) -> None:
        super().__init__()
        self._lab = lab
        self._session_id = session_id
        self._profile = lab.settings.salience.profile
        self._profiles: list[str] = []
        salience = lab.settings.salience
        self._threshold = self._value = threshold_of(salience.profile, salience.threshold)
        self._measure = "total"
        self._axis = Axis()
        self._cycles: list[SleepCycle] = []
        self._moment: Moment | None = None
        self._state = ""
        self._number = 0
        self._cancel = threading.Event()
        self._jumping = threading.Event()
        self._rest: Timer | None = None
        self._columns = 0

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def compose(self) -> ComposeResult:
        yield Static("", id="what", markup=False)
        yield Lanes()
        yield Static("", id="moment", markup=False)
        yield Plots()
        yield KeyBar()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Read as many points as there are columns, when that changed; behind the plots there are none."""
        if self.has_class("-plots"):
            return
        columns = self.query_one(Lanes).columns
        if columns != self._columns:
            first, self._columns = not self._columns, columns
            self._load(Part(place=2**62) if first else self._axis.shown)

    # Reading

    def _load(self, part: Part) -> None:
        """Read a part of the axis."""
        self._cancel.set()
        self._jumping.set()
        self._cancel = threading.Event()
        self._number += 1
        self._axis.exchange_id = part.exchange_id
        self._say("reading")
        work = partial(
            read_stretch,
            self._lab,
            (self._session_id, self._profile),
            (part.start, part.size or None, self._columns),
            part.place,
            part.exchange_id,
            self._cancel,
            self._number,
            self.post_message,
        )
        self.run_worker(work, group="stretch", name="stretch", thread=True)

    def on_stretch_read(self, message: StretchRead) -> None:
        if message.number != self._number:
            return
        if message.stretch is None:
            self._say(str(message.error))
            return
        self._axis.stretch, self._cycles, self._profiles = message.stretch, message.cycles, message.profiles
        if message.threshold != self._threshold:
            self._threshold = self._value = message.threshold
        self._say("")
        self._axis.put_at(message.place, message.exchange_id)
        self._arrive()
        self._plot()

    def _go(self, part: Part | None) -> None:
        """Read what has to be read, else show the cursor where it is."""
        if part is not None:
            self._load(part)
        else:
            self._arrive()

    def _arrive(self) -> None:
        """Draw the cursor, and tell of the exchange when the keys rest."""
        self._draw()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(_REST_SECONDS, self._tell)

    def _tell(self) -> None:
        if self._axis.exchange_id is not None:
            work = partial(read_moment, self._lab, self._axis.exchange_id, self._profile, self.post_message)
            self.run_worker(work, group="moment", name="moment", thread=True)

    def on_moment_read(self, message: MomentRead) -> None:
        if message.exchange_id == self._axis.exchange_id:
            self._moment = message.moment
            if message.error is not None:
                self._say(str(message.error))
            self._draw()

    # Drawing

    def _draw(self) -> None:
        point = self._axis.point
        marks = placed(self._cycles, self._axis.stretch)
        values = point.mean if point is not None else ()
        self.query_one(Lanes).show(
            self._axis.stretch.points, marks, self._axis.index, self._measure, self._threshold, values
        )
        line = self.query_one("#moment", Static)
        if point is None:
            line.update("" if self._state else "No exchanges yet. Talk first; every exchange then has its place here.")
        elif self._moment is not None and self._moment.exchange_id == self._axis.exchange_id:
            line.update(told(self._moment, point, self._session_id is not None, self.size.width - 4))

    def _say(self, state: str) -> None:
        """The two lines above: what is shown, what the next jump looks for, and what goes on."""
        self._state = state
        stretch = self._axis.stretch
        whose = "All sessions" if self._session_id is None else "This session"
        parts = [count(stretch.total, "exchange")]
        if stretch.size < stretch.total:
            parts.append(f"{stretch.start + 1:,} to {stretch.start + stretch.size:,}")
        if stretch.points and stretch.size > len(stretch.points):
            parts.append(f"about {round(stretch.size / len(stretch.points)):,} a column")
        parts.append(f"scored by {one_line(self._profile)}")
        head = Content.assemble((whose, "bold $foreground"), (f"{DOT}{DOT.join(parts)}", "$quiet"))
        below = state or (
            "Left and Right go through the plots; s saves this one."
            if self.has_class("-plots")
            else f"n and N look for a {self._measure} of {self._value:.2f} or more."
        )
        self.query_one("#what", Static).update(Content("\n").join([head, Content.styled(harmless(below), "$quiet")]))

    # Moving

    def _move(self, by: int) -> None:
        if self.has_class("-plots"):
            self.query_one(Plots).step(1 if by > 0 else -1)
            return
        self._go(self._axis.step(by))

    def action_earlier(self) -> None:
        self._move(-1)

    def action_later(self) -> None:
        self._move(1)

    def action_page_earlier(self) -> None:
        self._move(-_PAGE)

    def action_page_later(self) -> None:
        self._move(_PAGE)

    def action_first(self) -> None:
        self._go(self._axis.end(last=False))

    def action_last(self) -> None:
        self._go(self._axis.end(last=True))

    def on_lanes_picked(self, message: Lanes.Picked) -> None:
        self._axis.put(message.index)
        self._arrive()

    def action_lane_up(self) -> None:
        self._choose(-1)

    def action_lane_down(self) -> None:
        self._choose(1)

    def _choose(self, by: int) -> None:
        self._measure = MEASURES[(MEASURES.index(self._measure) + by) % len(MEASURES)]
        self._say(self._state)
        self._draw()
        self._plot()

    def action_zoom_in(self) -> None:
        self._zoom(self._axis.closer())

    def action_zoom_out(self) -> None:
        self._zoom(self._axis.farther())

    def _zoom(self, part: Part | None) -> None:
        if part is not None:
            self._load(part)

    # Jumping

    def action_next_over(self) -> None:
        self._jump(forward=True)

    def action_previous_over(self) -> None:
        self._jump(forward=False)

    def _jump(self, forward: bool) -> None:
        if self._axis.point is None or self.has_class("-plots"):
            return
        self._jumping.set()
        self._jumping = threading.Event()
        self._say("looking for it")
        work = partial(
            jump,
            self._lab,
            (self._session_id, self._profile, self._measure, self._value, self._axis.place),
            forward,
            self._jumping,
            self.post_message,
        )
        self.run_worker(work, group="stretch", name="jump", thread=True)

    def on_jumped(self, message: Jumped) -> None:
        if message.error is not None:
            self._say(str(message.error))
            return
        if message.found is None:
            way = "after" if message.forward else "before"
            self._say(f"No exchange {way} this one has a {self._measure} of {self._value:.2f} or more.")
            return
        self._say("")
        self._go(self._axis.go(*message.found))

    def action_raise_value(self) -> None:
        self._set_value(self._value + _STEP)

    def action_lower_value(self) -> None:
        self._set_value(self._value - _STEP)

    def _set_value(self, value: float) -> None:
        self._value = min(max(round(value, 2), 0.0), 1.0)
        self._say(self._state)

    # Going elsewhere

    def action_open(self) -> None:
        if self._axis.exchange_id is not None and not self.has_class("-plots"):
            self.lab_app.sessions.open_exchange(self._axis.exchange_id)

    def action_switch(self) -> None:
        """From a session to all of them, and back to the session of the exchange at the cursor."""
        if self._session_id is not None:
            self._session_id = None
        elif self._moment is not None and self._moment.exchange_id == self._axis.exchange_id:
            self._session_id = self._moment.session_id
        else:
            self._say("the exchange at the cursor is being read")
            return
        self._load(Part(exchange_id=self._axis.exchange_id))

    def action_profile(self) -> None:
        """The scores of the next profile, where there are several."""
        others = [name for name in self._profiles if name != self._profile]
        if not others:
            self._say(f"There are no scores of another profile than {self._profile}.")
            return
        known = sorted({*others, self._profile})
        self._profile = known[(known.index(self._profile) + 1) % len(known)]
        self._load(self._axis.shown)

    def action_plots(self) -> None:
        """Plots instead of lanes, or lanes again."""
        self.toggle_class("-plots")
        self._say("")
        self._plot()
        # The lanes were hidden when the window became another size.
        self.call_after_refresh(self._fit)

    def _plot(self) -> None:
        shown = self.query_one(Plots)
        if self.has_class("-plots"):
            shown.load(self._lab.record, self._session_id, self._profile, self._threshold, self._measure)
        else:
            shown.stop()

    def action_save_png(self) -> None:
        self._save("png")

    def action_save_svg(self) -> None:
        self._save("svg")

    def _save(self, form: str) -> None:
        if self.has_class("-plots"):
            self.query_one(Plots).write(form)
        else:
            say(self.lab_app, "Only plots can be saved: g shows them.")

    def on_plots_saved(self, message: Plots.Saved) -> None:
        if message.error is not None:
            say(self.lab_app, str(message.error), trouble=True)
        else:
            say(self.lab_app, f"Saved as {harmless(str(message.path))}.")

    def on_unmount(self) -> None:
        self._cancel.set()
        self._jumping.set()

    def action_back(self) -> None:
        """From the plots to the lanes, from the lanes to where one came from."""
        if self.has_class("-plots"):
            self.action_plots()
        else:
            self.dismiss()
