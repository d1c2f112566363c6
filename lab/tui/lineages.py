"""The tree of adapters as rows: checkpoints, their adapters from parent to child, the sleeps that made none.

And the rows of what one of them learnt or answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from textual.content import Content
from textual.widgets.option_list import Option

from lab.domain import Adapter, Loaded
from lab.journal.lineages import Answered, Learnt, Lineage, Use
from lab.receipt import achieved, verdict_words
from lab.text import DOT, amount, count, duration, model_name, one_line, when

# A deeper child stays in its parent's column: a long line of sleeps would leave the screen.
_DEEPEST: Final = 5


@dataclass(frozen=True, slots=True)
class Node:
    """A row of the tree. Without a lineage and a folder it is a checkpoint by itself.

    `folder` is what lies on the disk, `fault` why that cannot be used; `guide` the lines before the name.
    """

    name: str
    checkpoint: str | None
    adapter: str | None
    lineage: Lineage | None = None
    folder: Adapter | None = None
    fault: str = ""
    guide: str = ""

    @property
    def usable(self) -> bool:
        """True for what can answer."""
        return (self.adapter is None and self.lineage is None) or self.folder is not None

    def answers(self, loaded: Loaded | None, adapter: str | None) -> bool:
        """True for what answers now."""
        if loaded is None or not self.usable or self.adapter != adapter:
            return False
        return self.checkpoint == loaded.name if self.folder is None else self.folder.fingerprint == loaded.fingerprint


class Branch(Option):
    """A node as an option of a list; what is told of an option may be older than the list, and knows its node."""

    def __init__(self, node: Node, prompt: Content) -> None:
        super().__init__(prompt)
        self.node = node


class ExchangeRow(Option):
    """An exchange that a node learnt or answered, as an option `width` columns wide; the list may show those of another
    node while the next are read."""

    def __init__(self, each: Learnt | Answered, width: int) -> None:
        super().__init__(_exchange(each, width))
        self.exchange_id = each.exchange_id


@dataclass(frozen=True, slots=True)
class Grove:
    """Everything the tree is made of. `faults` say what is wrong with folders, by their names."""

    lineages: Sequence[Lineage] = ()
    folders: Sequence[Adapter] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    uses: Mapping[tuple[str | None, str | None], Use] = field(default_factory=dict)


def use_of(grove: Grove, node: Node) -> Use | None:
    """What a node answered."""
    if node.lineage is not None and node.adapter is None:
        return None
    if node.adapter is not None:
        # Its checkpoint may have been named by other paths.
        found = [use for (_, adapter), use in grove.uses.items() if adapter == node.adapter]
        n, scored = sum(use.n for use in found), sum(use.scored for use in found)
        mean = sum((use.mean or 0.0) * use.scored for use in found) / scored if scored else None
        return Use(node.checkpoint, node.adapter, n, mean, scored) if found else None
    return grove.uses.get((node.checkpoint, None))


def nodes(grove: Grove, loaded: Loaded | None) -> list[Node]:
    """The rows of the tree, oldest child first."""
    on_disk = {folder.name: folder for folder in grove.folders}
    found: dict[str, Node] = {}
    for each in grove.lineages:
        name = each.adapter or each.cycle_id or ""
        folder = on_disk.pop(name, None) if each.adapter is not None else None
        gone = f"There is no folder adapters/{name} any more." if each.adapter is not None and folder is None else ""
        found[name] = Node(name, each.checkpoint, each.adapter, each, folder, grove.faults.get(name, gone))
    for name, folder in on_disk.items():
        found[name] = Node(name, folder.checkpoint, name, None, folder)
    by_age = sorted(found.values(), key=_age)
    age = {node.name: number for number, node in enumerate(by_age)}
    children: dict[str | None, list[Node]] = {}
    for number, node in enumerate(by_age):
        parent = node.lineage.parent if node.lineage is not None else node.folder.parent if node.folder else None
        # A parent is older than its child: names alone could go round in a circle.
        older = parent is not None and age.get(parent, number) < number
        children.setdefault(parent if older else None, []).append(node)
    roots = {node.checkpoint for node in children.get(None, [])} | {checkpoint for checkpoint, _ in grove.uses}
    roots |= {loaded.name} if loaded is not None else set()
    rows: list[Node] = []
    for checkpoint in sorted(name for name in roots if name is not None):
        rows.append(Node(model_name(checkpoint), checkpoint, None))
        first = [node for node in children.get(None, []) if node.checkpoint == checkpoint]
        rows += _below(first, children)
    return rows


def _age(node: Node) -> tuple[float, str]:
    at = node.lineage.at if node.lineage is not None else node.folder.created_at if node.folder is not None else None
    return (at.timestamp() if at is not None else 0.0, node.name)


def _below(first: list[Node], children: Mapping[str | None, list[Node]]) -> Iterator[Node]:
    """Depth first, without recursion: a line of sleeps may be thousands long."""
    stack = [("", node, node is first[-1], 0) for node in reversed(first)]
    while stack:
        lead, node, last, depth = stack.pop()
        guide = lead + ("\u2514 " if last else "\u251c ")
        yield Node(node.name, node.checkpoint, node.adapter, node.lineage, node.folder, node.fault, guide)
        below = children.get(node.name, [])
        deeper = lead + ("  " if last else "\u2502 ") if depth < _DEEPEST else lead
        stack += [(deeper, child, child is below[-1], depth + 1) for child in reversed(below)]


def row(node: Node, grove: Grove, width: int, answers: bool) -> Content:
    """One line of the tree: the name, and what became of it or how much it answered."""
    style = "$foreground" if node.usable else "$quiet"
    used = use_of(grove, node)
    note, note_style = (f"{used.n:,}", "$quiet") if used is not None else ("", "$quiet")
    if answers:
        room = width - len(node.guide) - len(node.name)
        note, note_style = "answers now" if room > 11 else "now", "bold $primary"
    elif node.lineage is not None and node.adapter is None:
        note = verdict_words(node.lineage.verdict, None) or node.lineage.status or ""
    elif not node.usable:
        note = "gone" if not node.fault or node.fault.startswith("There is no folder") else "not usable"
    name = one_line(node.name, max(width - len(node.guide) - len(note) - 1, 4))
    gap = max(width - len(node.guide) - len(name) - len(note), 1)
    bold = f"bold {style}" if node.lineage is None and node.folder is None else style
    return Content.assemble((node.guide, "$track"), (name, bold), " " * gap, (note, note_style))


def about(node: Node, grove: Grove, loaded: Loaded | None) -> list[str]:
    """What is known of a node, a line each."""
    said: list[str] = []
    each = node.lineage
    if each is not None:
        came = verdict_words(each.verdict, each.strength) or each.status or ""
        made = [f"from {each.parent or model_name(node.checkpoint or '')}", came]
        made += ["" if each.cycle_id in (None, node.name) else f"by {each.cycle_id}", f"{when(each.at)} UTC"]
        said.append(DOT.join(one_line(part) for part in made if part))
        said.append(achieved(each.measures))
        said.append(DOT.join(_training(each)))
        if each.reason:
            said.append(f"Why: {one_line(each.reason)}")
    elif node.folder is not None:
        said.append(f"Made on {when(node.folder.created_at)} UTC; this record does not know its sleep.")
    else:
        said.append("The checkpoint by itself, without an adapter.")
    size = node.folder.bytes if node.folder is not None else each.bytes if each is not None else None
    if node.fault:
        said.append(one_line(node.fault))
    elif size is not None:
        said.append(f"{amount(size)} in adapters/{one_line(node.name)}")
    used = use_of(grove, node)
    if used is not None:
        mean = "" if used.mean is None else f", mean salience {used.mean:.3f}"
        said.append(f"Answered {count(used.n, 'exchange')}{mean}.")
    elif node.usable:
        said.append("Answered nothing yet.")
    other = other_checkpoint(node, loaded)
    if node.usable and other is not None and loaded is not None:
        said.append(f"Enter loads {model_name(other)} in place of {model_name(loaded.name)}.")
    return [line for line in said if line]


def _exchange(each: Learnt | Answered, width: int) -> Content:
    if isinstance(each, Learnt):
        kind = f"{each.kind:<11}"
        text = f"{each.prompt} \u2192 {each.target}"
        return Content.assemble((kind, "$quiet"), one_line(text, max(width - len(kind), 1)))
    total = "  \u2013  " if each.total is None else f"{each.total:.3f}"
    lead = f"{when(each.created_at)[5:]}  "
    text = one_line(f"{each.user_input} \u2192 {each.answer}", max(width - len(lead) - 7, 1))
    return Content.assemble((lead, "$quiet"), (total, "bold" if each.salient else "$quiet"), "  ", text)


def other_checkpoint(node: Node, loaded: Loaded | None) -> str | None:
    """The checkpoint that has to be loaded for a node, when it is not the loaded one."""
    if node.folder is not None and loaded is not None and node.folder.fingerprint == loaded.fingerprint:
        return None
    return None if loaded is not None and node.folder is None and node.checkpoint == loaded.name else node.checkpoint


def _training(each: Lineage) -> list[str]:
    parts = []
    if each.exchanges is not None:
        parts.append(count(each.exchanges, "exchange"))
    if each.examples is not None:
        parts.append(count(each.examples, "example"))
    if each.epochs is not None:
        parts.append(count(each.epochs, "epoch"))
    if each.steps is not None:
        parts.append(count(each.steps, "step"))
    if each.rank is not None and each.learning_rate is not None:
        parts.append(f"rank {each.rank}, rate {each.learning_rate:g}")
    if each.first_loss is not None and each.last_loss is not None:
        parts.append(f"loss {each.first_loss:.2f} -> {each.last_loss:.2f}")
    if each.seconds is not None:
        parts.append(duration(each.seconds))
    return parts
