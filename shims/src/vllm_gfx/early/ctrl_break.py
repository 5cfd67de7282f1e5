"""On Windows nobody can send SIGTERM; Ctrl-Break asks a process to end, and arrives as SIGBREAK.

Without this Ctrl-Break, which is also what one process can send another, kills every vLLM process
of the console on the spot: requests are cut, and what a process holds is not given back.
"""

from __future__ import annotations

import functools
import signal
from typing import Any

APPLIES = ("win32",)
TARGET = "signal.signal"
UPSTREAM = "https://docs.python.org/3/library/signal.html#signal.SIGBREAK"
REMOVE_WHEN = "vLLM handles SIGBREAK where it handles SIGTERM"


def needed() -> bool:
    """Whether this system has the signal."""
    return hasattr(signal, "SIGBREAK")


def install() -> None:
    """Let a handler of SIGTERM handle SIGBREAK too."""
    original = signal.signal

    @functools.wraps(original)
    def with_break(signalnum: Any, handler: Any) -> Any:
        if signalnum == signal.SIGTERM:
            original(getattr(signal, "SIGBREAK"), handler)  # noqa: B009 - only Windows has it
        return original(signalnum, handler)

    signal.signal = with_break
