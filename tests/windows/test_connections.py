"""A server on Windows outlives more connections than one select() call takes there."""

from __future__ import annotations

from tests.windows import programs

CLIENTS = 400  # each has its two ends in the one process


def test_each_is_answered() -> None:
    assert programs.output("connections", str(CLIENTS)) == CLIENTS
