"""A launch costs at most 5 microseconds of Python and leaves nothing behind."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from pathlib import Path

import torch
from gfx_kernels import runtime
from torch.profiler import ProfilerActivity, profile

from tests import mock_hip

LIMIT = 5_000  # ns
AXPB = runtime.kernel("probe", "probe_axpb", "ppiff")
ARGUMENTS = ((256, 1, 1), (64, 1, 1), 1024, 4096, 8192, 9, 1.5, -2.5)


def _samples(rounds: int, launches: int) -> list[float]:
    """ns of CPU time a launch, once for every round: what else the machine does is not counted."""
    AXPB.launch(*ARGUMENTS)
    samples = []
    for _ in range(rounds):
        start = time.thread_time_ns()
        for _ in range(launches):
            AXPB.launch(*ARGUMENTS)
        samples.append((time.thread_time_ns() - start) / launches)
    return samples


def test_time(probes: Path, record_property: object) -> None:
    with mock_hip.device("gfx1100", folder=probes, run=None):
        samples = _samples(rounds=200, launches=100)
    median = statistics.median(samples)
    low, high = statistics.quantiles(samples, n=10)[0], statistics.quantiles(samples, n=10)[-1]
    print(f"launch: {median:.0f} ns (10%: {low:.0f}, 90%: {high:.0f}; {len(samples)} x 100)")
    assert median <= LIMIT


def test_no_launch_leaves_a_python_object_behind(probes: Path) -> None:
    with mock_hip.device("gfx1100", folder=probes, run=None):
        _samples(rounds=1, launches=10)
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(10_000):
            AXPB.launch(*ARGUMENTS)
        grown = sys.getallocatedblocks() - before
    assert grown < 10, f"10000 launches left {grown} blocks"


def test_no_launch_allocates_a_tensor(probes: Path) -> None:
    out, x = torch.empty(64), torch.empty(64)
    with (
        mock_hip.device("gfx1100", folder=probes, run=None),
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen,
    ):
        for _ in range(10):
            AXPB.launch((1, 1, 1), (64, 1, 1), 0, out.data_ptr(), x.data_ptr(), 64, 1.0, 0.0,
                        device=out.get_device())  # fmt: skip
    assert [event.name for event in seen.events()] == []
