"""A profiler's trace, summed up by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx.bench import step


def _event(cat: str, name: str, ts: float, dur: float, number: int = 0) -> dict[str, Any]:
    """As the profiler writes them: a kernel carries the number of the call that launched it."""
    args: dict[str, Any] = {"correlation": number} if number else {}
    if cat == "kernel":
        args |= {"device": 0, "context": 1, "stream": 7, "External id": 11}
    if cat in ("cuda_runtime", "cuda_driver"):
        args |= {"cbid": 311, "External id": 11}
    return {"ph": "X", "cat": cat, "name": name, "pid": 1, "ts": ts, "dur": dur, "args": args}


# Two steps: a graph of two kernels each, one overlapping, and a copy; microseconds.
EVENTS = [
    _event("kernel", "gemv", 0, 300, 901),
    _event("kernel", "norm", 200, 200, 901),
    _event("gpu_memcpy", "Memcpy DtoH", 500, 100, 905),
    _event("kernel", "gemv", 1000, 300, 950),
    _event("kernel", "norm", 1300, 100, 950),
    _event("kernel", "sample", 1500, 100, 951),
    _event("cuda_runtime", "cudaGraphLaunch", 0, 10, 901),
    _event("cuda_runtime", "cudaMemcpyAsync", 12, 4, 905),
    _event("cuda_runtime", "cudaGraphLaunch", 900, 10, 950),
    _event("cuda_driver", "cuLaunchKernelEx", 1450, 5, 951),
    _event("cuda_runtime", "cudaLaunchHostFunc", 1460, 5, 952),
    _event("cuda_runtime", "cudaStreamSynchronize", 1470, 5, 953),
    _event("gpu_user_annotation", "execute_model", 0, 2000),
    {"ph": "M", "name": "process_name"},
]


def test_sums_are_per_step() -> None:
    found = step.summed(EVENTS, 2)
    # Busy: 0-400, 500-600, 1000-1400 and 1500-1600.
    assert found.kernels == pytest.approx(1.0 / 2)
    assert (found.launches, found.graph_launches, found.host_launches) == (2.5, 2.0, 1.5)


@pytest.mark.parametrize("call", ["hipGraphLaunch", "cudaGraphLaunch_ptsz", "cuGraphLaunch"])
def test_graphs_of_either_runtime(call: str) -> None:
    events = [{**e, "name": call} if e["name"] == "cudaGraphLaunch" else e for e in EVENTS]
    assert step.summed(events, 2).graph_launches == 2.0


def test_what_names_no_launch_is_of_no_graph() -> None:
    unnamed = [{**e, "args": {}} for e in EVENTS if "args" in e]
    found = step.summed(unnamed, 2)
    assert (found.launches, found.graph_launches) == (2.5, 0.0)


def test_the_longest_kernels_come_first() -> None:
    longest = step.summed(EVENTS, 2).longest
    assert longest[0] == {"name": "gemv", "ms": 0.3, "launches": 1.0}
    assert longest[1]["name"] == "norm"


def test_the_row_of_kernels_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "_traces", lambda _: [step.summed(EVENTS, 2)])
    bench: Any = SimpleNamespace(step_seconds=[1e-3], single={"prompt": 128})
    found = {m.metric: m.parameters for m in step.step(bench, lambda _: None)}
    names = [kernel["name"] for kernel in found.pop("kernels")["longest"]]
    assert names == ["gemv", "norm", "Memcpy DtoH", "sample"]
    assert all(parameters == {"prompt": 128} for parameters in found.values())


def test_an_empty_trace() -> None:
    assert step.summed([], 2).kernels == 0.0
