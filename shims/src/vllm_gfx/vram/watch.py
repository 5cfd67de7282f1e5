"""When system memory in use counts as a spill, from readings alone: no clock, no thread."""

from __future__ import annotations

from dataclasses import dataclass

from vllm_gfx.vram.usage import Usage

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Bytes and readings that decide. None is measured on an AMD GPU under Windows.

    `startup`: what a start may add that is no spill, beside pinned memory: the runtime's own queues
    and staging buffers. Known spills are far above: 2.7 GiB with a model for a card of 20 GiB.
    `growth`: what a running engine may add. It allocates next to nothing, PyTorch takes memory in
    segments of 20 MiB, and WDDM moves whole allocations, so a spill comes in larger steps.
    `readings`: so many in a row, because a copy in flight may use system memory for a moment.
    `again`: a spill is said again when it is so many times what was said.
    `over`: it is over below this share of `growth`, so that none flickers around the limit.
    `failed`: so many readings that fail in a row, and nobody watches any more: ten seconds of them.
    """

    startup: int = 256 * MIB
    growth: int = 64 * MIB
    readings: int = 2
    again: float = 2.0
    over: float = 0.5
    failed: int = 5


@dataclass(frozen=True)
class Event:
    """What a reading changed: how many bytes are spilled now, 0 if none are any more."""

    spilled: int
    usage: Usage


class Watch:
    """Follows one process: `start` once the engine is up, then `observe` each reading.

    `spilled`: bytes now. `most`: at any time.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.spilled = 0
        self.most = 0
        self._baseline = 0
        self._from_start = False
        self._said = 0
        self._above = 0

    def start(self, before: Usage, pinned: int, now: Usage) -> Event | None:
        """Judge a start-up: `before` it, memory `pinned` by it (which counts as shared), `now`.

        Its spill lasts until a start that took as much would have been none. What a start took
        without a spill, or has left after one, is what later readings are held to.
        """
        expected = before.shared + pinned
        extra = now.shared - expected
        if extra < self.limits.startup:
            self._baseline = now.shared
            return None
        self._baseline, self._from_start = expected, True
        return self._say(extra, now)

    def observe(self, now: Usage) -> Event | None:
        """What this reading changed; None where there is nothing to say."""
        extra = now.shared - self._baseline
        if self.spilled:
            return self._spilling(extra, now)
        self._above = self._above + 1 if extra >= self.limits.growth else 0
        return self._say(extra, now) if self._above >= self.limits.readings else None

    def _spilling(self, extra: int, now: Usage) -> Event | None:
        if extra < self._over():
            return self._end(now)
        self.spilled = extra
        self.most = max(self.most, extra)
        return self._say(extra, now) if extra >= self._said * self.limits.again else None

    def _over(self) -> float:
        return self.limits.startup if self._from_start else self.limits.growth * self.limits.over

    def _end(self, now: Usage) -> Event:
        self.spilled = self._said = self._above = 0
        if self._from_start:
            self._baseline, self._from_start = now.shared, False
        return Event(0, now)

    def _say(self, extra: int, now: Usage) -> Event:
        self.spilled = self._said = extra
        self.most = max(self.most, extra)
        return Event(extra, now)
