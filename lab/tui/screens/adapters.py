"""The tree of adapters and the sleeps that made them: what came of each, how its loss fell, what it answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import OptionList, Static

from lab.engine.adapters import list_adapters
from lab.errors import LabError
from lab.journal import lineages, series
from lab.journal.lineages import Answered, Learnt
from lab.plots import losses_figure
from lab.text import count, harmless, model_name
from lab.tui.actions import Where, bindings
from lab.tui.lineages import Branch, ExchangeRow, Grove, Node, about, nodes, other_checkpoint, row, use_of
from lab.tui.screens.checkpoints import Choice
from lab.tui.screens.receipt import ReceiptScreen
from lab.tui.widgets.keys import KeyBar
from lab.tui.widgets.plot import Plot

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.tui.app import LabApp

# Rows of a list are read in pages of so many; the next one when the last row is reached.
_PAGE: Final = 100
_REST_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 0.2
_SYNC_SECONDS: Final = 2.0

Losses = dict[str, tuple[tuple[int, float], ...]]


class GroveRead(Message):
    """The tree, or why there is none."""

    def __init__(self, grove: Grove, error: LabError | None = None) -> None:
        super().__init__()
        self.grove = grove
        self.error = error


class NodeRead(Message):
    """The losses of a node and a page of its list; `losses` None where they are known already."""

    def __init__(
        self,
        number: int,
        losses: Losses | None,
        rows: list[Learnt] | list[Answered],
        error: LabError | None = None,
    ) -> None:
        super().__init__()
        self.number = number
        self.losses = losses
        self.rows = rows
        self.error = error


class AdaptersScreen(Screen[None]):
    """At the left the tree, at the right what is known of the row that is chosen there."""

    PLACE: ClassVar[Where] = "adapters"
    BINDINGS: ClassVar[list[BindingType]] = bindings("adapters")
    AUTO_FOCUS = "#tree"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    AdaptersScreen { layout: vertical; }
    AdaptersScreen #state { height: 2; padding: 0 2; color: $quiet; }
    AdaptersScreen #body { height: 1fr; }
    AdaptersScreen OptionList {
        border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1; text-wrap: nowrap;
        &:focus { border: none; background-tint: transparent; }
        & > .option-list--option-highlighted { background: $primary 15%; }
        &:focus > .option-list--option-highlighted { background: $primary 30%; color: $foreground; }
    }
    AdaptersScreen #tree { width: 40%; max-width: 52; height: 1fr; margin: 0 1 0 2; }
    AdaptersScreen #side { width: 1fr; padding: 0 2 0 2; border-left: solid $rule; }
    AdaptersScreen #about { height: auto; max-height: 10; }
    AdaptersScreen Plot { height: 13; margin: 1 0 0 0; }
    AdaptersScreen.-low Plot { height: 8; margin: 0; }
    AdaptersScreen #heading { height: 2; padding: 0; color: $quiet; text-style: bold; border-top: solid $rule; }
    AdaptersScreen #rows { height: 1fr; }
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self._grove = Grove()
        self._forest: list[Node] = []
        self._chosen: Node | None = None
        self._answers = False
        self._rows: list[Learnt | Answered] = []
        self._number = 0
        self._whole = True
        self._asked = False
        self._rest: Timer | None = None
        self._cancel = threading.Event()
        # Looks what answers while the engine changes, and what is to.
        self._watching: Timer | None = None
        self._awaited: str | None = None

    @property
    def lab_app(self) -> LabApp:
        """The app, with its type."""
        from lab.tui.app import LabApp

        assert isinstance(self.app, LabApp)
        return self.app

    def compose(self) -> ComposeResult:
        yield Static("Reading the record and the folder of adapters.", id="state", markup=False)
        with Horizontal(id="body"):
            yield OptionList(id="tree", markup=False)
            with Vertical(id="side"):
                yield Static("", id="about", markup=False)
                yield Plot(legend=False)
                yield Static("", id="heading", markup=False)
                yield OptionList(id="rows", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(Plot).display = False
        self._read()

    def on_screen_resume(self) -> None:
        if self._forest:
            self._read()

    def on_resize(self) -> None:
        self.call_after_refresh(self._list_nodes)
        self.call_after_refresh(self._list_rows)

    def on_unmount(self) -> None:
        self._cancel.set()

    def _read(self) -> None:
        work = partial(_read_grove, self._lab, self._cancel, self.post_message)
        self.run_worker(work, group="grove", name="grove", thread=True)

    def on_grove_read(self, message: GroveRead) -> None:
        if message.error is not None:
            self._say(str(message.error))
            return
        self._grove = message.grove
        self._forest = nodes(message.grove, self._lab.engine.loaded)
        made = sum(node.adapter is not None for node in self._forest)
        bare = [node for node in self._forest if node.lineage is not None and node.adapter is None]
        others = f", {count(len(bare), 'sleep')} that made none" if bare else ""
        none = "No adapters yet: F6 in the dialogue makes one."
        self._say(f"{count(made, 'adapter')}{others}. Enter lets one answer." if made else none)
        fresh = {node.name: node for node in self._forest}
        if self._chosen is not None and self._chosen.name in fresh:
            self._chosen = fresh[self._chosen.name]
            self._show()
        self._list_nodes()

    def _say(self, text: str) -> None:
        self.query_one("#state", Static).update(Content(harmless(text)))

    # The tree

    def _list_nodes(self) -> None:
        tree = self.query_one("#tree", OptionList)
        engine = self._lab.engine
        width = max(tree.size.width - 1, 8)
        answering = [node.answers(engine.loaded, engine.adapter) for node in self._forest]
        rows = [Branch(node, row(node, self._grove, width, now)) for node, now in zip(self._forest, answering)]
        # Of the list, not the one that is shown: what was highlighted a moment ago is shown a moment later.
        highlighted = tree.highlighted_option
        before = highlighted.node.name if isinstance(highlighted, Branch) else None
        tree.set_options(rows)
        names = [node.name for node in self._forest]
        if before in names:
            tree.highlighted = names.index(before)
        elif names:
            tree.highlighted = answering.index(True) if True in answering else 0

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if isinstance(event.option, Branch):
            node, before = event.option.node, self._chosen
            self._chosen = node
            if before is None or node.name != before.name:
                self._asked = False
                self._show()
            else:
                # The tree is listed anew several times a second while the engine changes: its list is read once.
                self._tell()
        elif event.option_index >= len(self._rows) - 1 and not self._whole:
            self._whole = True
            self._read_rows(len(self._rows))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if isinstance(event.option, ExchangeRow):
            self.lab_app.sessions.open_exchange(event.option.exchange_id)
        else:
            self.action_activate()

    def action_activate(self) -> None:
        """Let the chosen adapter, or the bare checkpoint, answer; another checkpoint is loaded when asked twice."""
        node, engine = self._chosen, self._lab.engine
        if node is None:
            return
        if not node.usable:
            self._say(node.fault or f"{node.name} made no adapter that could answer.")
        elif node.answers(engine.loaded, engine.adapter):
            self._say(f"{node.name} answers already.")
        elif not self.lab_app.engine.settled:
            self._say(self._unready())
        else:
            self._change(node)

    def _unready(self) -> str:
        """Why nothing can be changed now."""
        state = self.lab_app.engine.state
        if state == "away":
            return "The model is put away until the sleep has ended. Try it again then."
        if state == "stopped":
            return "The engine has stopped. F7 in the dialogue starts it."
        return "The model is still getting ready. Try it again when it is."

    def _change(self, node: Node) -> None:
        loaded = self._lab.engine.loaded
        other = other_checkpoint(node, loaded)
        if other is not None and not self._asked:
            self._asked = True
            self._say(f"{node.name} needs {model_name(other)}: it is loaded, the dialogue goes on. Enter does it.")
            return
        checkpoint = other if other is not None else loaded.name if loaded is not None else ""
        self._asked = False
        self.lab_app.engine.change(Choice(checkpoint, node.adapter or "none"))
        loading = f"{model_name(other)} is loaded; then " if other is not None else ""
        self._say(f"{loading}{node.name} answers from the next turn on.")
        self._watch_answerer(node.name)

    def action_roll_back(self) -> None:
        """Go back to the chosen adapter, or to the bare checkpoint: it answers, and the next sleep goes on from it."""
        node, loaded = self._chosen, self._lab.engine.loaded
        if node is None:
            return
        if not node.usable:
            self._say(node.fault or f"{node.name} made no adapter to go back to.")
        elif loaded is None or not self.lab_app.engine.settled:
            self._say(self._unready())
        elif self.lab_app.sleeping.starting:
            self._say("The model is falling asleep. F8 in the dialogue calls that off; then go back.")
        elif (other := other_checkpoint(node, loaded)) is not None:
            self._say(f"{node.name} needs {model_name(other)}. Enter lets it answer; then go back to it.")
        else:
            self.lab_app.engine.roll_back(node.adapter)

    def rolled_back(self, words: str) -> None:
        """What came of it."""
        self._say(words)
        self._watch_answerer()

    def on_sleep_over(self) -> None:
        """Read anew, and mark anew what answers when its adapter does."""
        if self._forest:
            self._read()
        self._watch_answerer()

    def action_receipt(self) -> None:
        """What came of the sleep of the chosen row."""
        node = self._chosen
        if node is None:
            return
        if node.lineage is None or node.lineage.cycle_id is None:
            self._say(f"{node.name} has no receipt: this record knows no sleep that made it.")
        else:
            self.app.push_screen(ReceiptScreen(self._lab, node.lineage.cycle_id))

    def _watch_answerer(self, name: str | None = None) -> None:
        """Look until the engine has changed, and say then whether the adapter of this name answers."""
        if self._watching is not None:
            self._watching.stop()
        self._awaited = name
        self._watching = self.set_interval(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        engine = self._lab.engine
        if not self.lab_app.engine.at_rest:
            return
        if self._watching is not None:
            self._watching.stop()
        self._list_nodes()
        node = next((each for each in self._forest if each.name == self._awaited), None)
        if node is not None:
            now = node.answers(engine.loaded, engine.adapter)
            self._say(f"{node.name} answers now." if now else f"{node.name} does not answer: the dialogue says why.")

    # The chosen one

    def _tell(self) -> None:
        node = self._chosen
        if node is None:
            return
        loaded = self._lab.engine.loaded
        lines = [Content.styled(harmless(node.name), "bold")]
        lines += [Content.styled(harmless(line), "$quiet") for line in about(node, self._grove, loaded)]
        self.query_one("#about", Static).update(Content("\n").join(lines))

    def _show(self) -> None:
        node = self._chosen
        if node is None:
            return
        self._tell()
        # A checkpoint by itself learnt nothing.
        self._answers = self._answers or node.lineage is None
        self._number += 1
        self._rows, self._whole = [], True
        self._head("reading")
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(_REST_SECONDS, self._read_rows)

    def _read_rows(self, offset: int = 0) -> None:
        node = self._chosen
        if node is not None:
            work = partial(
                _read_node, self._lab, node, self._answers, offset, self._cancel, self._number, self.post_message
            )
            self.run_worker(work, group="node", name="node", thread=True)

    def on_node_read(self, message: NodeRead) -> None:
        if message.number != self._number:
            return
        if message.error is not None:
            self._head(str(message.error))
            return
        self._rows += message.rows
        self._whole = len(message.rows) < _PAGE
        self._head("")
        if message.losses is not None:
            plot = self.query_one(Plot)
            plot.display = any(len(steps) > 1 for steps in message.losses.values())
            plot.show(replace(losses_figure(message.losses, "Loss (nats a token) by step"), x_label=""))
        self._list_rows()

    def _head(self, state: str) -> None:
        node = self._chosen
        if node is None:
            return
        used = use_of(self._grove, node)
        answered = f"Answered {used.n:,}" if used is not None else "Answered nothing"
        examples = node.lineage.examples if node.lineage is not None else None
        learnt = f"Trained on {count(examples, 'example')}" if examples else "Trained on nothing known"
        # Only the rows of answers have times.
        shown, other = (f"{answered} (UTC)" if used else answered, learnt) if self._answers else (learnt, answered)
        parts = [(shown, "bold $foreground"), (f"   {other} (e)", "$quiet"), (f"   {harmless(state)}", "$primary")]
        self.query_one("#heading", Static).update(Content.assemble(*parts))

    def _list_rows(self) -> None:
        listed = self.query_one("#rows", OptionList)
        width = max(listed.size.width - 1, 8)
        before = listed.highlighted
        listed.set_options(ExchangeRow(each, width) for each in self._rows)
        if self._rows:
            listed.highlighted = before if before is not None and before < len(self._rows) else 0

    def action_switch(self) -> None:
        """What it answered instead of what it learnt, or the other way round."""
        self._answers = not self._answers
        self._show()

    def action_back(self) -> None:
        self.dismiss()


def _read_grove(lab: Lab, cancel: threading.Event, post: Callable[[Message], object]) -> None:
    try:
        # The sleeper is a process of its own: what it told last may not be in the database yet.
        lab.record.sync(_SYNC_SECONDS)
        found, faults = list_adapters(lab.workspace.adapters)
        known = lineages.lineages(lab.record)
        uses = lineages.uses(lab.record, lab.settings.salience.profile, cancel)
    except (LabError, OSError) as error:
        post(GroveRead(Grove(), error if isinstance(error, LabError) else LabError(f"{error}.")))
        return
    named = {
        each.adapter: str(fault)
        for each in known
        for fault in faults
        if each.adapter is not None and f"{each.adapter} " in fault.title
    }
    post(GroveRead(Grove(known, found, named, {(use.checkpoint, use.adapter): use for use in uses})))


def _read_node(
    lab: Lab,
    node: Node,
    answers: bool,
    offset: int,
    cancel: threading.Event,
    number: int,
    post: Callable[[Message], object],
) -> None:
    cycle_id = node.lineage.cycle_id if node.lineage is not None else None
    try:
        losses: Losses | None = None
        if offset == 0:
            losses = series.losses(lab.record, cycle_id=cycle_id, cancel=cancel) if cycle_id is not None else {}
        rows: list[Learnt] | list[Answered] = []
        if answers and (node.adapter is not None or node.lineage is None):
            profile = lab.settings.salience.profile
            rows = lineages.answered(lab.record, node.checkpoint, node.adapter, profile, _PAGE, offset)
        elif not answers and cycle_id is not None:
            rows = lineages.learnt(lab.record, cycle_id, _PAGE, offset)
    except LabError as error:
        if not cancel.is_set():
            post(NodeRead(number, None, [], error))
        return
    post(NodeRead(number, losses, rows))
