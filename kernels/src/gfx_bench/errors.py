"""What ends a benchmark, or keeps one contestant out of it."""

from __future__ import annotations


class BenchError(RuntimeError):
    """The benchmark cannot run; one line that says what to do."""


class Unavailable(Exception):
    """A contestant cannot take part; one line that says why."""


def peer_failures() -> tuple[type[Exception], ...]:
    """What other people's code raises where it does not serve a shape or a device."""
    known: tuple[type[Exception], ...] = (RuntimeError, ValueError, AssertionError, TypeError)
    try:
        from triton.errors import TritonError
    except ImportError:
        return known
    return (*known, TritonError)


def first_line(failure: Exception) -> str:
    """What it is and the first line of what it says."""
    lines = str(failure).splitlines()
    return f"{type(failure).__name__}: {lines[0] if lines else ''}"[:120]
