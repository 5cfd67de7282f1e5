"""The stand-in for torch on a GPU: devices, streams, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Host:
    """`archs[i]` is the gfx name of device `i`; device 0 is current, and so is its stream 0."""

    def __init__(self, *archs: str) -> None:
        self.archs = archs
        self.streams = dict.fromkeys(range(len(archs)), 0)
        self._current = 0

    def current_device(self) -> int:
        return self._current

    def stream(self, device: int) -> int:
        return self.streams[device]

    def arch(self, device: int) -> str:
        return self.archs[device]

    @contextmanager
    def on(self, device: int) -> Iterator[None]:
        before, self._current = self._current, device
        try:
            yield
        finally:
            self._current = before
