"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1


def until(met: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Poll until `met()`. Raises AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(_POLL_SECONDS)


def until_equal(
    read: Callable[[], T], wanted: T, what: str, seconds: float = PATIENCE_SECONDS
) -> None:
    """Poll until `read()` is `wanted`. Raises AssertionError that says what it was at last."""
    deadline = time.monotonic() + seconds
    while (found := read()) != wanted:
        assert time.monotonic() < deadline, (
            f"not within {seconds} s: {what}: {wanted}, it is {found}"
        )
        time.sleep(_POLL_SECONDS)
