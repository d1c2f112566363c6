"""Files that a person names: where a typed path leads, and new files that are whole or not there. Where children start,
so that none of a person's files is taken for one of a library."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from lab.errors import LabError

# Where child processes start. Not the current folder, and not the workspace: a file in it must not be imported in place
# of a library. What they are given are whole paths.
CHILD_FOLDER: Final = Path(__file__).parents[1]
_ANOTHER = "Choose another name."


def typed_path(name: str) -> Path:
    """The path that a person typed, with the home that `~` or `~name` stands for. Raises LabError for ~nobody."""
    try:
        return Path(name).expanduser()
    except RuntimeError as fault:
        raise LabError(f"{name} is no path: nobody of that name has a home here.", "Write the path in full.") from fault


def require_new(path: Path, replace: bool, remedy: str = _ANOTHER) -> None:
    """Raise LabError when no file can be made there, or only with `replace` because one is there.

    `remedy` is what to do about one that is there.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as fault:
        raise unwritable(path, fault) from fault
    if stat.S_ISDIR(found.st_mode):
        raise LabError(f"{path} is a folder.", "Name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        # A device would be gone for all.
        raise LabError(f"{path} is no file that can be replaced.", _ANOTHER)
    if not replace:
        raise LabError(f"{path} exists already.", remedy)


@contextlib.contextmanager
def new_place(path: Path, replace: bool, remedy: str = _ANOTHER) -> Iterator[Path]:
    """Where to write a file, which gets its name when the block ends well; until then, and after a fault, it is not
    there.

    A link stays one: the file that it leads to is made. Raises LabError as `require_new` does, and when it cannot be
    written.
    """
    require_new(path, replace, remedy)
    place = path.resolve()
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(place)
    except OSError as fault:
        if isinstance(fault, BrokenPipeError):
            raise
        raise unwritable(path, fault) from fault
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def new_file(path: Path, replace: bool, remedy: str = _ANOTHER) -> Iterator[BinaryIO]:
    """A file to write, as `new_place`."""
    with new_place(path, replace, remedy) as part, part.open("wb") as file:
        yield file


def unwritable(path: Path, why: Exception | str) -> LabError:
    """The error of a file that cannot be written."""
    said = (why.strerror if isinstance(why, OSError) else None) or why
    return LabError(f"{path} cannot be written: {said}.", "Choose another place, or free some space.")
