"""Interleaved timing of graphs, and what is said about the numbers.

Contestants take turns replay by replay, so that clocks and neighbours disturb all alike. A graph
runs one call per copy of the weights, round after round: the copies are larger than any cache, and
there are enough calls that the start of a graph does not count.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from gfx_bench.device import Call, Device

ROTATED_BYTES = 256 << 20
MIN_CALLS = 32
REPLAYS = 50
WARM_UP = 2


@dataclass(frozen=True)
class Spread:
    """Microseconds per call over the replays."""

    median: float
    minimum: float
    p10: float
    p90: float


def copies(weight_bytes: int, rotated_bytes: int = ROTATED_BYTES) -> int:
    """How many copies of a weight make `rotated_bytes`; two at least."""
    return max(2, -(-rotated_bytes // max(1, weight_bytes)))


def rounds(count: int) -> int:
    """How often a graph goes through `count` copies."""
    return -(-MIN_CALLS // count)


def graph(device: Device, calls: Sequence[Call]) -> tuple[Call, int]:
    """A graph that goes round `calls`, each warmed up, and how many calls it holds."""
    calls[0]()
    device.synchronise()
    sequence = list(calls) * rounds(len(calls))
    return device.capture(sequence), len(sequence)


def interleaved(
    device: Device, graphs: Sequence[tuple[Call, int]], replays: int = REPLAYS
) -> list[Spread]:
    """Each graph's time per call: all take turns, `replays` times after warming up."""
    marks: list[list[tuple[object, object]]] = [[] for _ in graphs]
    for turn in range(WARM_UP + replays):
        for (replay, _), taken in zip(graphs, marks, strict=True):
            start = device.mark()
            replay()
            if turn >= WARM_UP:
                taken.append((start, device.mark()))
    device.synchronise()
    return [
        spread([device.microseconds(*pair) / calls for pair in taken])
        for (_, calls), taken in zip(graphs, marks, strict=True)
    ]


def spread(times: Sequence[float]) -> Spread:
    """Median, minimum, tenth and ninetieth percentile."""
    if len(times) < 2:
        return Spread(times[0], times[0], times[0], times[0])
    tenths = statistics.quantiles(times, n=10, method="inclusive")
    return Spread(statistics.median(times), min(times), tenths[0], tenths[-1])


def eager(device: Device, call: Call, calls: int = 100) -> float:
    """The host's microseconds per call, launches included, the device's work not waited for."""
    for _ in range(3):
        call()
    device.synchronise()
    start = time.perf_counter_ns()
    for _ in range(calls):
        call()
    passed = time.perf_counter_ns() - start
    device.synchronise()
    return passed / calls / 1e3
