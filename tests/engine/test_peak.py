"""What a process held at most is known after it was given back."""

from __future__ import annotations

import subprocess
import sys

_HOLDS = """
import psutil
from lab.engine.peak import peak_bytes
held = bytearray(b"x") * (200 * 2**20)
del held
print(psutil.Process().memory_info().rss, peak_bytes())
"""


def test_memory_that_was_given_back_is_in_the_peak() -> None:
    ended = subprocess.run([sys.executable, "-c", _HOLDS], capture_output=True, text=True, check=True)
    held, peak = map(int, ended.stdout.split())
    assert peak > 200 * 2**20 > held
    # Of this process alone, not of the one that started it.
    assert peak < 300 * 2**20
