"""Question sets: plain TOML files in the lab's own prompts and in the workspace's `prompts/`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.settings import Workspace

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Question:
    """A question that can be put into the input. `group` is the title of its file."""

    title: str
    text: str
    group: str


def shipped() -> Path:
    """The lab's own prompts: inside an installed package, beside it in a clone."""
    installed = Path(__file__).parent / "prompts"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "prompts"


def questions(workspace: Workspace) -> list[Question]:
    """All questions, the shipped ones first; a workspace file of the same name takes the place of a shipped one.

    Raises LabError that names, together, every file and entry that is wrong.
    """
    files = {path.name: path for path in sorted(shipped().glob("*.toml"))}
    files.update({path.name: path for path in sorted((workspace.root / "prompts").glob("*.toml"))})
    found: list[Question] = []
    faults: list[str] = []
    for path in files.values():
        try:
            body = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
            faults.append(f"{path}: {fault}")
            continue
        group = str(body.get("title", path.stem))
        entries = body.get("question", [])
        if not isinstance(entries, list):
            faults.append(f"{path}: question is not an array of tables ([[question]])")
            continue
        for number, entry in enumerate(entries, 1):
            text = entry.get("text") if isinstance(entry, dict) else None
            if not isinstance(text, str) or not text.strip():
                faults.append(f"{path}: question {number} has no text")
                continue
            found.append(Question(str(entry.get("title", text[:40])), text.strip(), group))
    if faults:
        raise LabError(f"Some question files cannot be used: {'; '.join(faults)}.", "Correct these files.")
    return found
