"""Saved queries: the SQL files that come with the lab, and those in the workspace's `queries/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.settings import Workspace


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query by the name of its file; its first comment line is the title, those after it the description."""

    name: str
    title: str
    description: str
    sql: str
    path: Path


def _shipped() -> Path:
    """The lab's own queries: inside an installed package, beside it in a clone."""
    installed = Path(__file__).parents[1] / "queries"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "queries"


def saved(workspace: Workspace) -> list[SavedQuery]:
    """All saved queries by title; a workspace file of the same name takes the place of a shipped one.

    Raises LabError that names, together, every file that cannot be read.
    """
    files = {path.stem: path for path in sorted(_shipped().glob("*.sql"))}
    files.update({path.stem: path for path in sorted((workspace.root / "queries").glob("*.sql"))})
    found: list[SavedQuery] = []
    faults: list[str] = []
    for name, path in files.items():
        try:
            found.append(_parsed(name, path.read_text(encoding="utf-8"), path))
        except (OSError, UnicodeDecodeError) as fault:
            faults.append(f"{path}: {fault}")
    if faults:
        raise LabError(f"Some saved queries cannot be read: {'; '.join(faults)}.", "Correct or remove these files.")
    return sorted(found, key=lambda query: query.title.lower())


def saved_query(workspace: Workspace, name: str) -> SavedQuery:
    """The saved query of this name. Raises LabError that lists those there are."""
    queries = saved(workspace)
    for query in queries:
        if query.name == name:
            return query
    names = ", ".join(sorted(query.name for query in queries))
    raise LabError(f'There is no saved query "{name}".', f"There are {names}; lab sql --list describes them.")


def _parsed(name: str, text: str, path: Path) -> SavedQuery:
    header: list[str] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        header.append(line.lstrip("- ").strip())
    return SavedQuery(name, header[0] if header else name, " ".join(header[1:]), text.strip(), path)
