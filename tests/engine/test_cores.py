"""How a process makes room for others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# In a process of its own: what is given up is not had back.
_REFUSED = """
import os
from lab.engine.cores import yield_cores

def refuse(*arguments):
    raise PermissionError(1, "Operation not permitted")

os.SCHED_IDLE = 5
os.sched_param = lambda priority: priority
for name in {refused}:
    setattr(os, name, refuse)
yield_cores()
print(os.getpriority(os.PRIO_PROCESS, 0))
"""


def niceness(*refused: str) -> int:
    program = _REFUSED.format(refused=refused)
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="this system knows no niceness")
def test_a_process_that_may_not_run_idle_is_nice_instead_and_one_that_may_not_be_that_goes_on() -> None:
    assert niceness("sched_setscheduler") == 19
    assert niceness("sched_setscheduler", "nice") == os.getpriority(os.PRIO_PROCESS, 0)
