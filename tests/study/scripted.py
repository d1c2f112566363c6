"""`python -m tests.study.scripted ARGUMENTS`: the command line, with experiments answered by the scripted engine."""

from __future__ import annotations

import sys
from typing import Any

from lab import cli
from lab.lab import Lab
from lab.study import experiment

ENGINE = [sys.executable, "-m", "lab.engine.scripted", "--words", "6"]
# What takes the place of `python -m lab`.
COMMAND = [sys.executable, "-m", "tests.study.scripted"]


class Scripted(Lab):
    """A lab with the scripted engine, whatever it is asked for."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named | {"engine_command": ENGINE})


if __name__ == "__main__":
    vars(experiment)["Lab"] = Scripted
    sys.exit(cli.main(sys.argv[1:]))
