"""Ctrl-C and Ctrl-Break reach an event loop that waits; test_serve.py has a console's way to it."""

from __future__ import annotations

from tests.windows import programs

PATIENCE_SECONDS = 60  # for a busy machine: one that is not woken waits for ever


def test_they_wake_the_loop() -> None:
    """Python's own selector loop sleeps on, and Ctrl-C does nothing until a request comes."""
    said = programs.output("signals")
    assert list(said) == ["SIGINT", "SIGBREAK", "SIGTERM"]
    assert max(said.values()) < PATIENCE_SECONDS
