"""The processes that compute keep their libraries from the network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import torch_that_tells


@pytest.mark.parametrize("module", ["lab.engine.worker", "lab.engine.convert"])
def test_the_hub_client_is_offline_where_the_libraries_are_imported(module: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", module, str(tmp_path / "a.gguf"), str(tmp_path / "made")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(torch_that_tells(tmp_path))},
    ) as child:
        assert child.stderr is not None
        # The input stays open meanwhile: the worker lives as long as it.
        said = next((line.strip() for line in child.stderr if line.startswith("offline")), "")
        child.kill()
    assert said == "offline True"
