"""A terminal that goes away takes the lab with it, and nothing is left open."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import sys
import termios
import threading
from pathlib import Path

import pytest

from lab.journal.record import Record
from lab.settings import Workspace
from tests.helpers import wait_until

_LAB = """
import signal, sys
from pathlib import Path
from lab.lab import Lab
from lab.settings import Workspace
from lab.tui.app import run
if sys.argv[2] == "ignore":
    signal.signal = lambda *_: None
engine = [sys.executable, "-m", "lab.engine.scripted", "--pace", "20"]
run(Lab(Workspace(Path(sys.argv[1])), engine_command=engine))
"""


@pytest.mark.parametrize("hangup", ["signal", "ignore"])
def test_a_lab_whose_terminal_is_gone_ends_and_records_its_end(tmp_path: Path, hangup: str) -> None:
    process, terminal = pty.fork()
    if process == 0:
        if hangup == "ignore":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-c", _LAB, str(tmp_path), hangup])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    shown = bytearray()

    def read() -> None:
        while True:
            try:
                shown.extend(os.read(terminal, 65536))
            except OSError:
                return

    threading.Thread(target=read, daemon=True).start()
    wait_until(lambda: b"ready" in shown, 30)
    os.write(terminal, b"What is learning?\r")
    wait_until(lambda: b"draft 1 of" in shown, 30)
    os.close(terminal)
    wait_until(lambda: os.waitpid(process, os.WNOHANG)[0] == process, 20)

    record = Record(Workspace(tmp_path))
    assert record.sync()
    ((session_id, ended_at),) = record.query("SELECT session_id, ended_at FROM sessions").rows
    assert ended_at is not None
    assert not record.journal.owned(session_id)
    record.recover()
    assert record.query("SELECT count(*) FROM exchanges WHERE status = 'running'").rows == [(0,)]
