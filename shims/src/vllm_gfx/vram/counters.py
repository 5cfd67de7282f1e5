"""Where the usage of GPU memory is read, and whether there is anything to read here."""

from __future__ import annotations

import os
import sys
from typing import Any, Protocol

from vllm_gfx.vram import pdh, usage
from vllm_gfx.vram.pdh import CannotRead
from vllm_gfx.vram.usage import COUNTERS, Reading

_SET = r"\GPU Process Memory(*)"


class Counters(Protocol):
    """What a session reads; tests have one of their own."""

    def read(self) -> Reading:
        """The usage of the watched process now. Raises CannotRead."""

    def close(self) -> None:
        """Give back what reading took; no reading follows."""


class Windows:
    """Windows' counters, for the process `pid` (else this one).

    Every process is read and one kept: a path with `pid_4711_*` would need a wildcard inside of an
    instance's name, which Windows documents for searching counters, not for reading them.
    """

    def __init__(self, pid: int | None = None, library: Any = None) -> None:
        """Raises CannotRead where Windows has no such counters: a server without desktop, Wine."""
        self._pid = os.getpid() if pid is None else pid
        paths = {field: rf"{_SET}\{name}" for field, name in COUNTERS.items()}
        self._query = pdh.Query(paths, library)

    def read(self) -> Reading:
        """The usage of the process, by adapter; empty if it uses no GPU. Raises CannotRead."""
        reading = usage.by_process(self._query.read()).get(self._pid, {})
        if reading is None:
            raise CannotRead("Windows tells only a part of this process's GPU memory")
        return reading

    def everyone(self) -> dict[int, Reading]:
        """The usage of each process that Windows tells whole, by adapter. Raises CannotRead."""
        found = usage.by_process(self._query.read())
        return {pid: reading for pid, reading in found.items() if reading is not None}

    def close(self) -> None:
        """Give the query back."""
        self._query.close()


def spills() -> bool:
    """Whether this system moves GPU memory to system memory unasked. The one place that knows."""
    return sys.platform == "win32"


def here() -> Counters | None:
    """The counters of this process; None where there is nothing to watch.

    That is on Linux, whose drivers fail the allocation instead, and where torch has no GPU of its
    own: an integrated one has no memory but the system's. Raises CannotRead.
    """
    if not spills():
        return None
    import torch

    if not torch.cuda.is_available() or _integrated(torch):
        return None
    return Windows()


def _integrated(torch: Any) -> bool:
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    return bool(getattr(properties, "is_integrated", False))


__all__ = ["CannotRead", "Counters", "Windows", "here", "spills"]
