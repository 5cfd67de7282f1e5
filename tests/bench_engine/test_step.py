"""A profiler's trace, summed up by hand."""

from __future__ import annotations

from typing import Any

import pytest
from vllm_gfx.bench import step


def _event(cat: str, name: str, ts: float, dur: float, **args: Any) -> dict[str, Any]:
    return {"cat": cat, "name": name, "ts": ts, "dur": dur, "args": args}


# Two steps: a graph of two kernels each, one overlapping, and a copy; microseconds.
EVENTS = [
    _event("kernel", "gemv", 0, 300, **{"graph node id": 5}),
    _event("kernel", "norm", 200, 200, **{"graph node id": 6}),
    _event("gpu_memcpy", "Memcpy DtoH", 500, 100),
    _event("kernel", "gemv", 1000, 300, **{"graph node id": 5}),
    _event("kernel", "norm", 1300, 100, **{"graph node id": 6}),
    _event("kernel", "sample", 1500, 100, **{"graph node id": 0}),
    _event("cuda_runtime", "cudaGraphLaunch", 0, 10),
    _event("cuda_runtime", "cudaGraphLaunch", 900, 10),
    _event("cuda_driver", "cuLaunchKernelEx", 1450, 5),
    _event("cuda_runtime", "cudaLaunchHostFunc", 1460, 5),
    _event("cuda_runtime", "cudaStreamSynchronize", 1470, 5),
    _event("gpu_user_annotation", "execute_model", 0, 2000),
    {"ph": "M", "name": "process_name"},
]


def test_sums_are_per_step() -> None:
    found = step.summed(EVENTS, 2)
    # Busy: 0-400, 500-600, 1000-1400 and 1500-1600.
    assert found.kernels == pytest.approx(1.0 / 2)
    assert (found.launches, found.graph_launches, found.host_launches) == (2.5, 2.0, 1.5)


def test_the_longest_kernels_come_first() -> None:
    longest = step.summed(EVENTS, 2).longest
    assert longest[0] == ("gemv", 0.3, 1.0)
    assert [name for name, _, _ in longest][1] == "norm"


def test_an_empty_trace() -> None:
    assert step.summed([], 2).kernels == 0.0
