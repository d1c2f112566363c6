"""General prompts whose answers a sleep is not to change, one a line of `general.txt`.

None is asked by a benchmark. Of a question whose answer is learnt as it stands, the gate asks the one that begins most
like it; that one is not held then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

PROMPTS: Final = tuple(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines())
