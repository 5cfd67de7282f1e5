"""Counters that say what a test tells them to, and an engine's configuration that says little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vllm_gfx.vram.counters import CannotRead
from vllm_gfx.vram.usage import Reading, Usage

GIB = 2**30
MIB = 2**20
CARD, PROCESSOR = "luid_0x0_0x1", "luid_0x0_0x2"


def on_card(shared: int, dedicated: int = 18 * GIB) -> dict[str, Usage]:
    """A process with a model on the card, and a little on the processor's own GPU."""
    return {CARD: Usage(shared, dedicated), PROCESSOR: Usage(3 * MIB, MIB)}


class Fake:
    """One reading after the other, the last for ever; an exception among them is raised."""

    def __init__(self, readings: Iterable[Reading | CannotRead]) -> None:
        self._readings: Iterator[Reading | CannotRead] = iter(readings)
        self._last: Reading | CannotRead = {}
        self.taken = 0
        self.closed = 0

    def read(self) -> Reading:
        self.taken += 1
        self._last = next(self._readings, self._last)
        if isinstance(self._last, CannotRead):
            raise self._last
        return self._last

    def close(self) -> None:
        self.closed += 1
