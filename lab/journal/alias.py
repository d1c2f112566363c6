"""A second name of the database, gone as soon as the file is open: a query that knows no name reaches no file.

DuckDB exempts the files of its own databases, by name, from the ban on reaching files. A hard link keeps that harmless.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb

from lab.journal.database import is_busy

FOLDER: Final = ".queries"
_LOGS: Final = (".wal", ".wal.checkpoint", ".wal.recovery")
_WAIT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02
# Whoever made an older one was killed while it opened the file.
_LEFT_SECONDS: Final = 60.0


def attach(connection: duckdb.DuckDBPyConnection, database: Path, folder: Path, name: str) -> None:
    """Attach the database read-only as `name`, through links in `folder`, which is made and removed.

    Raises duckdb.Error, also when another program holds the file for five seconds. Where there are no hard links, the
    database is attached by its own name.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        with _linked(database, folder) as path:
            try:
                connection.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS {name} (READ_ONLY)")
                # From now on nobody writes. A log that went or came before that would not be the file's.
                if _logs(path) == _logs(database):
                    return
                connection.execute(f"DETACH {name}")
            except duckdb.Error as fault:
                lasting = not is_busy(fault) and _logs(path) == _logs(database)
                if lasting or time.monotonic() > deadline:
                    raise type(fault)(str(fault).replace(str(path), str(database))) from fault
        if time.monotonic() > deadline:
            raise duckdb.IOException(f"Could not set lock on file {database}: it is being written again and again")
        time.sleep(_POLL_SECONDS)


def remove(folder: Path) -> None:
    """Remove the links of a process that was killed, and those that are left of others."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        for left in folder.parent.iterdir():
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        folder.parent.rmdir()


def remove_replaced(database: Path) -> None:
    """Remove the links, whoever left them, that keep a database which another one has replaced. Raises OSError."""
    for folder in (database.parent / FOLDER).glob("*"):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            links = list(folder.iterdir())
            # One that is empty is being made.
            if links and not any(link.samefile(database) for link in links):
                shutil.rmtree(folder)


@contextlib.contextmanager
def _linked(database: Path, folder: Path) -> Iterator[Path]:
    path = folder / database.name
    try:
        folder.mkdir(parents=True, mode=0o700)
        os.link(database, path)
        for log in _LOGS:
            with contextlib.suppress(FileNotFoundError):
                os.link(f"{database}{log}", f"{path}{log}")
    except OSError:
        path = database
    try:
        yield path
    finally:
        remove(folder)


def _logs(path: Path) -> list[int | None]:
    """Which logs there are beside a database."""
    found: list[int | None] = []
    for log in _LOGS:
        try:
            found.append(os.stat(f"{path}{log}").st_ino)  # noqa: PTH116
        except OSError:
            found.append(None)
    return found
