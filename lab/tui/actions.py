"""The one table of what a person can do; keys, footer, help screen and command palette all read it."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider

from lab.errors import LabError

Where = Literal["everywhere", "dialogue", "history", "timeline", "exchange", "adapters", "receipt", "sql"]

# The places as the help screen names them.
PLACES: Final[dict[Where, str]] = {
    "everywhere": "Everywhere",
    "dialogue": "In the dialogue",
    "history": "In the history",
    "timeline": "In the timeline",
    "exchange": "In an exchange",
    "adapters": "Among the adapters",
    "receipt": "In a receipt",
    "sql": "In the SQL pane",
}


@dataclass(frozen=True)
class Action:
    """Something to do: `action_<name>` on the screen (or app) of `where`. The first key is the one shown.

    Keys that are also text or move a cursor ("slash", "enter") reach a focused input first; all others do not.
    """

    name: str
    keys: tuple[str, ...]
    label: str
    help: str
    where: Where

    @property
    def id(self) -> str:
        """What `[keys]` of lab.toml calls it: its place and its name."""
        return f"{self.where}.{self.name}"


# In the order of the footer: what is needed most comes first, because a narrow footer shows only the beginning.
ACTIONS: Final = (
    Action(
        "help", ("f1", "question_mark"), "Help", "The keys of this place, and how to read the screen.", "everywhere"
    ),
    Action("sql", ("f2",), "SQL", "Ask the record with SQL.", "dialogue"),
    Action("history", ("ctrl+o",), "History", "All dialogues: search, open, fork, export.", "dialogue"),
    Action("exchange", ("ctrl+r",), "Turn", "The shown turn: mark it, edit its answer, fork, copy.", "dialogue"),
    Action("sleep", ("f6",), "Sleep", "Train an adapter, in the background; pause a running sleep, go on.", "dialogue"),
    Action("quit", ("f10", "ctrl+q"), "Quit", "Leave; during a sleep you are asked what becomes of it.", "everywhere"),
    Action("new_session", ("f4", "ctrl+n"), "New", "Begin a new session; this one stays in the record.", "dialogue"),
    Action("timeline", ("ctrl+t",), "Timeline", "Salience over time, with the sleeps, and plots.", "dialogue"),
    Action(
        "cancel",
        ("escape",),
        "Cancel",
        "Take back a message that waits; stop the answer, which keeps what is there; stop a loading.",
        "dialogue",
    ),
    Action("questions", ("f3",), "Questions", "Pick a question and put it into the input.", "dialogue"),
    Action(
        "experiments", ("shift+f9", "f21"), "Experiments", "Say a protocol, in the background; stop it.", "dialogue"
    ),
    Action(
        "checkpoints",
        ("f9",),
        "Model",
        "Choose the checkpoint and the adapter that answer.",
        "dialogue",
    ),
    Action("adapters", ("ctrl+l",), "Adapters", "The tree of adapters and what each sleep did.", "dialogue"),
    Action("receipt", ("ctrl+g",), "Receipt", "What came of the newest sleep.", "dialogue"),
    Action("drafts", ("f5",), "Drafts", "Go to the drafts; Enter shows one in full.", "dialogue"),
    Action("profile", ("shift+f5", "f17"), "Profile", "The bars of another profile, of every turn.", "dialogue"),
    Action("restart_engine", ("f7",), "Engine", "Start the engine again; the conversation stays.", "dialogue"),
    # Many terminals call Shift+F6 F18.
    Action("deep_sleep", ("shift+f6", "f18"), "Deep sleep", "Learn the whole memory anew, from the base.", "dialogue"),
    Action("stop_sleep", ("f8",), "Stop sleep", "Stop the running or paused sleep; nothing is kept.", "dialogue"),
    Action("earlier", ("ctrl+up",), "Earlier", "Show salience and drafts of the turn before.", "dialogue"),
    Action("later", ("ctrl+down",), "Later", "Show salience and drafts of the turn after.", "dialogue"),
    Action("page_up", ("pageup",), "Page up", "Scroll the dialogue back.", "dialogue"),
    Action("page_down", ("pagedown",), "Page down", "Scroll the dialogue on; at its end it follows again.", "dialogue"),
    Action("resume", ("enter",), "Go on", "Go on with the selected session, at the selected exchange.", "history"),
    Action("search", ("slash", "ctrl+f"), "Search", "Search and filter; see the line at the top for how.", "history"),
    Action("inside", ("tab", "right", "left"), "Exchanges", "To the exchanges of the session and back.", "history"),
    Action("exchange", ("o",), "Turn", "Open the selected exchange.", "history"),
    Action("fork", ("f",), "Fork", "A new session that goes on from the selected exchange.", "history"),
    Action("rename", ("r",), "Rename", "Give the session another title.", "history"),
    Action("export", ("e",), "Export", "Write the session into a Markdown file.", "history"),
    Action("back", ("escape",), "Back", "Back to where you came from.", "history"),
    Action("open", ("enter",), "Open", "Open the exchange at the cursor.", "timeline"),
    Action(
        "next_over", ("n",), "Next", "The next exchange whose value reaches the one that is looked for.", "timeline"
    ),
    Action("previous_over", ("N",), "Previous", "The one before it.", "timeline"),
    Action("plots", ("g",), "Plots", "Plots instead of the lanes; Left and Right go through them.", "timeline"),
    Action("switch", ("a",), "All", "All sessions; again: the session of the exchange at the cursor.", "timeline"),
    Action("zoom_in", ("plus", "z"), "Closer", "Half as many exchanges, around the cursor.", "timeline"),
    Action("zoom_out", ("minus", "Z"), "Farther", "Twice as many exchanges.", "timeline"),
    Action("back", ("escape",), "Back", "Back to where you came from.", "timeline"),
    Action("lane_up", ("up",), "Lane up", "Choose the lane above; its values are looked for.", "timeline"),
    Action("lane_down", ("down",), "Lane down", "Choose the lane below.", "timeline"),
    Action(
        "lower_value", ("left_square_bracket",), "Lower", "Look for a lower value; first the threshold.", "timeline"
    ),
    Action("raise_value", ("right_square_bracket",), "Higher", "Look for a higher value.", "timeline"),
    Action("profile", ("p",), "Profile", "The scores of another profile, where there are several.", "timeline"),
    Action("save_png", ("s",), "PNG", "Save the shown plot as a PNG file in the current folder.", "timeline"),
    Action("save_svg", ("S",), "SVG", "Save the shown plot as an SVG file.", "timeline"),
    Action("earlier", ("left",), "Before", "The exchange, or the column, before.", "timeline"),
    Action("later", ("right",), "After", "The exchange, or the column, after.", "timeline"),
    Action("page_earlier", ("pageup", "shift+left"), "Ten before", "Ten columns back.", "timeline"),
    Action("page_later", ("pagedown", "shift+right"), "Ten after", "Ten columns on.", "timeline"),
    Action("first", ("home",), "First", "The first exchange.", "timeline"),
    Action("last", ("end",), "Last", "The last exchange.", "timeline"),
    Action("keep", ("k",), "Keep", "Let the next sleep learn it, salient or not.", "exchange"),
    Action("exclude", ("x",), "Exclude", "Let no sleep learn it.", "exchange"),
    Action("edit", ("e",), "Edit", "Write the answer as it should have been; it is learnt so.", "exchange"),
    Action("drafts", ("d", "enter"), "Drafts", "Step through the drafts; keep another one as the answer.", "exchange"),
    Action("back", ("escape",), "Back", "Back to where you came from.", "exchange"),
    Action("unmark", ("u",), "Unmark", "Take the mark back; the recorded answer is the answer again.", "exchange"),
    Action("copy", ("c",), "Copy", "Copy the answer.", "exchange"),
    Action("fork", ("f",), "Fork", "Begin a new session that goes on from here.", "exchange"),
    Action("go", ("g",), "Go there", "Go on with its session, at this turn.", "exchange"),
    Action("before", ("left",), "Before", "The exchange before it in its session.", "exchange"),
    Action("after", ("right",), "After", "The exchange after it in its session.", "exchange"),
    Action("profile", ("p",), "Profile", "The score of another profile, where there are several.", "exchange"),
    Action("why", ("w",), "Why", "What moved each bar of the score, instead of the drafts.", "exchange"),
    Action("copy_both", ("C",), "Copy both", "Copy the question and the answer.", "exchange"),
    Action("activate", ("a",), "Answer", "Let this adapter answer, or at a checkpoint none; Enter too.", "adapters"),
    Action("receipt", ("r",), "Receipt", "What came of its sleep: measures, answers before and after.", "adapters"),
    Action(
        "roll_back",
        ("b",),
        "Roll back",
        "Go back to this adapter: it answers, and the next sleep goes on from it.",
        "adapters",
    ),
    Action("switch", ("e",), "Trained or answered", "List what it was trained on, or what it answered.", "adapters"),
    Action("back", ("escape",), "Back", "Back to where you came from.", "adapters"),
    Action("next_list", ("tab", "right"), "Next list", "Answers, lessons, dreams, measures in words.", "receipt"),
    Action("previous_list", ("shift+tab", "left"), "List before", "The list before it.", "receipt"),
    Action("open", ("enter",), "Open", "Open the exchange that the row comes from.", "receipt"),
    Action("back", ("escape",), "Back", "Back to where you came from.", "receipt"),
    Action("run_query", ("f5", "ctrl+enter"), "Run", "Run the query.", "sql"),
    Action("back", ("escape", "f2"), "Back", "Cancel what runs; leave the plot; else back to the dialogue.", "sql"),
    Action("saved", ("f3",), "Queries", "Pick a saved query, or one asked before.", "sql"),
    Action("sort", ("s",), "Sort", "Sort by this column: up, down, as it came.", "sql"),
    Action("save", ("w",), "Save", "Save all rows as CSV, JSON or Parquet.", "sql"),
    Action("plot", ("g",), "Plot", "The rows as a plot, and back.", "sql"),
    Action("copy", ("c",), "Copy", "Copy the value under the cursor.", "sql"),
    Action("open", ("enter",), "Open", "Open the exchange or session of the row, or a value in full.", "sql"),
    Action("unlock", ("f8",), "Unlock", "Let queries change the database, after a question; lock it again.", "sql"),
    Action("copy_row", ("C",), "Copy row", "Copy the row with the names of its columns.", "sql"),
    Action("older", ("ctrl+up",), "Older", "The query asked before, in this session or an earlier one.", "sql"),
    Action("newer", ("ctrl+down",), "Newer", "The query asked after it.", "sql"),
    Action("complete", ("ctrl+space", "ctrl+@"), "Complete", "Offer tables, columns and functions.", "sql"),
    Action("command_palette", ("ctrl+p",), "Commands", "Find any action by typing.", "everywhere"),
)

_NAMES: Final = {
    "escape": "Esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "comma": ",",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}
_MOVING: Final = ("enter", "space", "tab", "backspace", "delete", "up", "down", "left", "right", "home", "end")
# Textual's names of the characters that a person would write in lab.toml.
_CHARACTERS: Final = {name: key for key, name in _NAMES.items() if len(name) == 1}


def key_name(key: str) -> str:
    """A key as it is written on a keyboard: "ctrl+up" becomes "Ctrl+Up", a letter stays as it is typed."""
    if len(key) == 1:
        return key
    return "+".join(_NAMES.get(part, part.capitalize()) for part in key.split("+"))


def plain(key: str) -> bool:
    """True for a key that an input takes for itself: text, or a move of its cursor."""
    return len(key) == 1 or key in _MOVING or key in _CHARACTERS.values()


def actions(*places: Where) -> list[Action]:
    """The actions of these places, in the order of the table."""
    return [action for action in ACTIONS if action.where in places]


def bindings(where: Where) -> list[BindingType]:
    """Textual bindings of the screen of one place, with those that work everywhere.

    Those that are no text have priority, because a focused text area would otherwise take F6, F7 and the paging keys.
    """
    found: list[BindingType] = []
    for action in actions(where, "everywhere"):
        call = f"app.{action.name}" if action.where == "everywhere" else action.name
        first = [key for key in action.keys if not plain(key)] or list(action.keys)
        found.append(
            Binding(
                ",".join(first), call, action.label, priority=not plain(first[0]), tooltip=action.help, id=action.id
            )
        )
        rest = [key for key in action.keys if key not in first]
        if rest:
            found.append(Binding(",".join(rest), call, action.label, show=False))
    return found


def keymap(wanted: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The keys of lab.toml, `{place: {action: "key" or "key,key"}}`, as Textual takes them: by `Action.id`.

    Raises LabError that names, together, unknown places and actions, keys that cannot be used, and keys that would
    mean two things in one place.
    """
    by_id = {action.id: action for action in ACTIONS}
    found: dict[str, str] = {}
    faults: list[str] = []
    for place, names in wanted.items():
        for name, text in names.items():
            action = by_id.get(f"{place}.{name}")
            keys = [_CHARACTERS.get(key.strip(), key.strip()) for key in text.split(",")]
            if action is None:
                faults.append(f"keys.{place}.{name} is not an action")
            elif not all(keys):
                faults.append(f"keys.{place}.{name} names no key")
            elif any(plain(key) for key in keys) and not any(plain(key) for key in action.keys):
                faults.append(f'keys.{place}.{name} = "{text}" could not be typed as text any more')
            else:
                found[action.id] = ",".join(keys)
    for place in PLACES:
        meaning: dict[str, str] = {}
        for action in actions(place, "everywhere"):
            for key in keys_of(action, found):
                if key in meaning and (action.id in found or meaning[key] in found):
                    faults.append(f"{key} would be both {meaning[key]} and {action.id}")
                meaning.setdefault(key, action.id)
    if faults:
        raise LabError(
            f"lab.toml: {'; '.join(dict.fromkeys(faults))}.",
            'Name a place, an action and a key of lab/tui/actions.py, such as [keys.dialogue] history = "f12".',
        )
    return found


def keys_of(action: Action, keymap: Mapping[str, str]) -> list[str]:
    """The keys of an action, where `keymap` has the person's own."""
    if action.id not in keymap:
        return list(action.keys)
    # A plain second key stays: only the first ones carry the id.
    own = keymap[action.id].split(",")
    if all(plain(key) for key in action.keys):
        return own
    return own + [key for key in action.keys if plain(key)]


class LabCommands(Provider):
    """The actions of the current screen in the command palette."""

    def _available(self) -> list[Action]:
        place: Where = getattr(self.screen, "PLACE", "everywhere")
        return [action for action in actions(place, "everywhere") if action.name != "command_palette"]

    def _run(self, action: Action) -> partial[Coroutine[Any, Any, bool]]:
        target = self.app if action.where == "everywhere" else self.screen
        return partial(self.app.run_action, action.name, target)

    def _title(self, action: Action) -> str:
        keys = ", ".join(map(key_name, keys_of(action, getattr(self.app, "keys", {}))))
        return f"{action.label} ({keys})"

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
