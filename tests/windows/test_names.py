"""What the simulated Windows of Linux' tests lacks, Windows Python lacks."""

from __future__ import annotations

from tests.windows import programs


def test_they_are_absent() -> None:
    assert programs.output("names") == []
