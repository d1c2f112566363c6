"""The folders of studies and experiments: numbered, one that is not at its end goes on, and how long each took."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from lab.figures import Figure, save
from lab.study.items import write_whole

REPORT: Final = "report.md"
_SECONDS: Final = "seconds.json"


def next_folder(parent: Path, kind: str, same: Callable[[Path], bool] = lambda folder: True) -> Path:
    """The newest folder of this kind ("study-0001") that has no report and the `same` in it, else a new one."""
    numbered = {
        int(match[1]): path
        for path in sorted(parent.glob(f"{kind}-*"))
        if (match := re.fullmatch(rf"{kind}-(\d{{4,}})", path.name))
    }
    for _, path in sorted(numbered.items(), reverse=True):
        if not (path / REPORT).exists() and same(path):
            return path
    return parent / f"{kind}-{max(numbered, default=0) + 1:04d}"


@contextmanager
def timed(folder: Path) -> Iterator[Callable[[], float]]:
    """Gives the seconds that the work in this folder took so far, the parts before this one included, as far as they
    are known."""
    path = folder / _SECONDS
    try:
        before = float(orjson.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        before = 0.0
    began = time.monotonic()

    def seconds() -> float:
        return before + time.monotonic() - began

    try:
        yield seconds
    finally:
        if folder.is_dir():
            write_whole(path, orjson.dumps(seconds()))


def write_report(folder: Path, page: str, figures: Mapping[str, Figure], colours: Mapping[str, str]) -> Path:
    """The page and its plots; the page last, for with it the work is at its end."""
    for name, figure in figures.items():
        with (folder / f"{name}.svg").open("wb") as file:
            save((figure,), file, "svg", colours)
    path = folder / REPORT
    path.write_text(page, encoding="utf-8")
    return path
