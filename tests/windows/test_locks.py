"""File locks between Windows processes: the stand-in for `fcntl` on Windows' own calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.windows import programs


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What programs/locks.py says: [free during, content, free after] for each way."""
    return dict(programs.output("locks"))


@pytest.mark.parametrize("how", ["unlock", "close", "die"])
@pytest.mark.parametrize(
    ("kind", "reader_and_writer"), [("exclusive", [False, False]), ("shared", [True, False])]
)
def test_a_lock_holds_until_its_process_lets_go(
    said: dict[str, Any], kind: str, how: str, reader_and_writer: list[bool]
) -> None:
    during, content, after = said[f"{kind} {how}"]
    assert (during, after) == (reader_and_writer, [True, True])
    assert content == "whole", "a locked file can be read, as on Unix"


def test_a_reader_waits_for_the_writer(said: dict[str, Any]) -> None:
    assert said["waits"] is True
