"""`/metrics` of a server on Windows: the GPU memory of its processes, by where it is.

A server's engine is a process of its own, but Windows counts for every process, so the one that
answers `/metrics` reads them all when it is asked. Not with `--api-server-count` above one, for
which vLLM collects files instead.
"""

from __future__ import annotations

from collections.abc import Iterator

import psutil
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from vllm_gfx.vram import counters, usage
from vllm_gfx.vram.counters import CannotRead, Windows

NAME = "vllm_gfx:gpu_memory_bytes"
_MEANING = "GPU memory of the engine: on the GPU, or of the system (shared)"


class Memory(Collector):
    """Opens the counters when it is first asked; tells nothing where there are none."""

    def __init__(self) -> None:
        self._counters: Windows | None = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Without samples: what is registered is not asked yet."""
        yield GaugeMetricFamily(NAME, _MEANING, labels=["where"])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Two samples, or none if Windows does not tell."""
        (gauge,) = self.describe()
        try:
            self._counters = self._counters or Windows()
            everyone = self._counters.everyone()
        except CannotRead:  # the engine has said so
            everyone = {}
        ours = _family() if everyone else []
        found = [everyone[pid] for pid in ours if pid in everyone]
        used = [reading[adapter] for reading in found if (adapter := usage.in_use(reading))]
        if used:
            gauge.add_metric(["gpu"], sum(one.dedicated for one in used))
            gauge.add_metric(["system"], sum(one.shared for one in used))
        yield gauge


def _family() -> list[int]:
    me = psutil.Process()
    return [me.pid, *(child.pid for child in me.children(recursive=True))]


_registered: set[CollectorRegistry] = set()


def register(registry: CollectorRegistry = REGISTRY) -> None:
    """Add the gauge, once; nothing where memory does not move."""
    if counters.spills() and registry not in _registered:
        registry.register(Memory())
        _registered.add(registry)
