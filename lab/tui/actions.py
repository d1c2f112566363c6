"""The one table of what a person can do; keys, footer, help screen and command palette all read it."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider

Where = Literal["everywhere", "dialogue", "sql"]


@dataclass(frozen=True)
class Action:
    """Something to do: `action_<name>` on the screen (or app) of `where`. The first key is the one shown."""

    name: str
    keys: tuple[str, ...]
    label: str
    help: str
    where: Where

    @property
    def shown_keys(self) -> str:
        """The keys as a person reads them."""
        return ", ".join(key_name(key) for key in self.keys)


# In the order of the footer: what is needed most comes first, because a narrow footer shows only the beginning.
ACTIONS: Final = (
    Action("help", ("f1",), "Help", "All keys, and how to read the screen.", "everywhere"),
    Action("sql", ("f2",), "SQL", "Ask the record with SQL.", "dialogue"),
    Action("questions", ("f3",), "Questions", "Pick a question and put it into the input.", "dialogue"),
    Action("new_session", ("f4", "ctrl+n"), "New", "Begin a new session; this one stays in the record.", "dialogue"),
    Action("sleep", ("f6",), "Sleep", "Train an adapter on the salient exchanges, in the background.", "dialogue"),
    Action(
        "cancel",
        ("escape",),
        "Cancel",
        "Stop the answer and keep what is there; stop a loading.",
        "dialogue",
    ),
    Action("quit", ("f10", "ctrl+q"), "Quit", "Leave; during a sleep you are asked what becomes of it.", "everywhere"),
    Action(
        "checkpoints",
        ("f9",),
        "Model",
        "Choose the checkpoint and the adapter that answer.",
        "dialogue",
    ),
    Action("drafts", ("f5",), "Drafts", "Go to the drafts; Enter shows one in full.", "dialogue"),
    Action("restart_engine", ("f7",), "Engine", "Start the engine again; the conversation stays.", "dialogue"),
    Action("stop_sleep", ("f8",), "Stop sleep", "Stop the running sleep; its adapter is discarded.", "dialogue"),
    Action("earlier", ("ctrl+up",), "Earlier", "Show salience and drafts of the turn before.", "dialogue"),
    Action("later", ("ctrl+down",), "Later", "Show salience and drafts of the turn after.", "dialogue"),
    Action("page_up", ("pageup",), "Page up", "Scroll the dialogue back.", "dialogue"),
    Action("page_down", ("pagedown",), "Page down", "Scroll the dialogue on; at its end it follows again.", "dialogue"),
    Action("run_query", ("f5", "ctrl+enter"), "Run", "Run the query.", "sql"),
    Action("back", ("escape", "f2"), "Back", "Cancel the running query; else back to the dialogue.", "sql"),
    Action("command_palette", ("ctrl+p",), "Commands", "Find any action by typing.", "everywhere"),
)

_NAMES: Final = {"escape": "Esc", "pageup": "PgUp", "pagedown": "PgDn", "up": "Up", "down": "Down", "enter": "Enter"}


def key_name(key: str) -> str:
    """A key as it is written on a keyboard: "ctrl+up" becomes "Ctrl+Up"."""
    return "+".join(_NAMES.get(part, part.capitalize()) for part in key.split("+"))


def actions(*places: Where) -> list[Action]:
    """The actions of these places, in the order of the table."""
    return [action for action in ACTIONS if action.where in places]


def bindings(where: Where) -> list[BindingType]:
    """Textual bindings of the screen of one place, with those that work everywhere.

    They have priority, because a focused text area would otherwise take F6, F7 and the paging keys.
    """
    return [
        Binding(
            ",".join(action.keys),
            f"app.{action.name}" if action.where == "everywhere" else action.name,
            action.label,
            key_display=key_name(action.keys[0]),
            priority=True,
            tooltip=action.help,
        )
        for action in actions(where, "everywhere")
    ]


class LabCommands(Provider):
    """The actions of the current screen in the command palette."""

    def _available(self) -> list[Action]:
        place: Where = getattr(self.screen, "PLACE", "everywhere")
        return [action for action in actions(place, "everywhere") if action.name != "command_palette"]

    def _run(self, action: Action) -> partial[Coroutine[Any, Any, bool]]:
        target = self.app if action.where == "everywhere" else self.screen
        return partial(self.app.run_action, action.name, target)

    def _title(self, action: Action) -> str:
        return f"{action.label} ({action.shown_keys})"

    async def discover(self) -> Hits:
        """All actions, before anything is typed."""
        for action in self._available():
            yield DiscoveryHit(self._title(action), self._run(action), help=action.help)

    async def search(self, query: str) -> Hits:
        """Actions whose name or help matches."""
        matcher = self.matcher(query)
        for action in self._available():
            score = max(matcher.match(self._title(action)), matcher.match(action.help))
            if score > 0:
                yield Hit(score, matcher.highlight(self._title(action)), self._run(action), help=action.help)
