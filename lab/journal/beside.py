"""A database of its own beside the one that another program holds: the journal can always be read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.domain import Progress
from lab.journal.record import Record
from lab.settings import Workspace


@contextmanager
def from_journal(
    record: Record, wanted: str = "", progress: Callable[[Progress], None] | None = None
) -> Iterator[Record]:
    """A record made of the same journal, to be read only; it is gone at the end of the block.

    `wanted` is the beginning of an id, or an id: only the streams that it may be in are read, with "" all. Progress is
    in bytes. Raises LabError when the temporary folder is full.
    """
    streams = [name for name in record.journal.streams() if name.startswith(wanted) or wanted.startswith(name)]
    with tempfile.TemporaryDirectory(prefix="snarc-lab-") as folder:
        workspace = Workspace(Path(folder))
        workspace.create()
        for stream in streams:
            source = record.workspace.sessions / stream
            (workspace.sessions / stream).symlink_to(source.absolute(), target_is_directory=True)
        beside = Record(workspace)
        beside.rebuild(progress)
        yield beside
