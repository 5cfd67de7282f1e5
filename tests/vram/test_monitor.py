"""The thread, on a clock of the test's."""

from __future__ import annotations

import queue
import threading

from vllm_gfx.vram.monitor import SECONDS, Monitor

PATIENCE = 60


class Clock:
    """Each `tick` ends one wait of the thread; `end` ends it for good."""

    def __init__(self) -> None:
        self._ticks: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.asked: list[float] = []

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self._ticks.put(False)

    def end(self) -> None:
        self._ticks.put(True)

    def wait(self, seconds: float) -> bool:
        self.asked.append(seconds)
        return self._ticks.get(timeout=PATIENCE)


def test_it_looks_after_each_wait() -> None:
    clock, looks = Clock(), []
    monitor = Monitor(lambda: looks.append(1) is None, clock.wait)
    monitor.start()
    clock.tick(3)
    clock.end()
    monitor.stop()
    assert len(looks) == 3 and clock.asked == [SECONDS] * 4


def test_it_ends_with_what_it_looks_at() -> None:
    clock, ended = Clock(), threading.Event()

    def look() -> bool:
        ended.set()
        return False

    monitor = Monitor(look, clock.wait)
    monitor.start()
    clock.tick()
    assert ended.wait(PATIENCE)
    monitor.stop()
    assert len(clock.asked) == 1, "it went on"


def test_stop_wakes_it() -> None:
    monitor = Monitor(lambda: True)
    monitor.start()
    monitor.stop()
    assert not [t for t in threading.enumerate() if t.name == "vllm-gfx vram"]


def test_stop_without_start() -> None:
    Monitor(lambda: True).stop()
