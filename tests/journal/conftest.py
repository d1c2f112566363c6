"""Fixtures of the record's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.journal.record import Record
from tests.journal.samples import record_in


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """The record of an empty workspace; its thread is started by the tests that need it."""
    record = record_in(tmp_path)
    yield record
    record.close()
