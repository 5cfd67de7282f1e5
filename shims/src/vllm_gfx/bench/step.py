"""Where the time of a decode step goes: the device's kernels, the host, and how many launches.

Upstream's `vllm bench latency --profile` writes a trace for a person to read; here the same
profiler's trace of a few steps is summed up. The step's own time is that of `decode`, unprofiled.
On the Windows stack profilers charge time to the wrong ops: see `ablate`.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from vllm_gfx.bench import drive
from vllm_gfx.bench.measures import Bench, Measured

_ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")
_BY_HOST = ("cuda_runtime", "cuda_driver", "hip_runtime", "runtime")
_NOT_KERNELS = ("LaunchHostFunc",)
_OF_A_GRAPH = "GraphLaunch"
_SHOWN = 12
_NAMED = 100  # characters of a name: those of C++ templates have no end


@dataclass(frozen=True)
class Trace:
    """Sums over `steps` decode steps. Times in milliseconds a step, the others counts a step."""

    kernels: float  # time in which the device did something, overlaps once
    launches: float  # kernels that the device ran
    graph_launches: float  # of these, those that came from a graph
    host_launches: float  # calls by which the host launched: a whole graph is one
    longest: list[dict[str, Any]]  # of the kernels: name, ms, launches


def step(bench: Bench, note: Callable[[str], None]) -> Iterator[Measured]:
    """The step's milliseconds; with a GPU also the kernels', the host's share and the launches."""
    milliseconds = [1e3 * seconds for seconds in bench.step_seconds]
    of = bench.single
    yield Measured("step", "step", "ms", "lower", milliseconds, of)
    traces = list(_traces(bench))
    if not traces:
        note("step: no GPU, so no kernels to count")
        return
    whole = median(milliseconds)
    for kernel in traces[0].longest:
        note("{ms:8.4f} ms a step, {launches:6.1f} launches: {name}".format(**kernel))
    shares = [1 - t.kernels / whole for t in traces]
    which = {**of, "longest": traces[0].longest}
    yield Measured("step", "kernels", "ms", "lower", [t.kernels for t in traces], which)
    yield Measured("step", "host_share", "1", "lower", shares, of)
    for metric in ("launches", "graph_launches", "host_launches"):
        yield Measured("step", metric, "", "lower", [getattr(t, metric) for t in traces], of)


def _traces(bench: Bench) -> Iterator[Trace]:
    import torch

    if torch.cuda.is_available():
        for _ in range(bench.sizes.repeats):
            yield summed(_profiled(bench), bench.sizes.profiled_steps)


def _profiled(bench: Bench) -> list[dict[str, Any]]:
    """The trace events of some decode steps of one stream, well after its prefill."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    with drive.decoding(bench.engine, bench.prompt(bench.sizes.prompt)) as one_step:
        torch.cuda.synchronize()
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            for _ in range(bench.sizes.profiled_steps):
                one_step()
            torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        profiler.export_chrome_trace(str(path))
        found = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    return list(found["traceEvents"])


def summed(events: Sequence[dict[str, Any]], steps: int) -> Trace:
    """What `events`, in the format of a Chrome trace, say of each of `steps` steps."""
    device = [e for e in events if e.get("cat") in _ON_DEVICE]
    kernels = [e for e in device if e["cat"] == "kernel"]
    host = [e for e in events if e.get("cat") in _BY_HOST and _launches(str(e.get("name", "")))]
    # The tracer gives whatever runs on the device the number of the call that launched it.
    graphs = {_number(e) for e in host if _OF_A_GRAPH in e["name"]} - {None}
    return Trace(
        kernels=_busy([(e["ts"], e["ts"] + e["dur"]) for e in device]) / 1e3 / steps,
        launches=len(kernels) / steps,
        graph_launches=sum(_number(e) in graphs for e in kernels) / steps,
        host_launches=len(host) / steps,
        longest=_longest(device, steps),
    )


def _number(event: dict[str, Any]) -> Any:
    return event.get("args", {}).get("correlation")


def _launches(call: str) -> bool:
    return "Launch" in call and not any(part in call for part in _NOT_KERNELS)


def _busy(spans: Sequence[tuple[float, float]]) -> float:
    """Length of the union of `spans`."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _longest(device: Sequence[dict[str, Any]], steps: int) -> list[dict[str, Any]]:
    times: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for event in device:
        times[event["name"]] += event["dur"]
        counts[event["name"]] += 1
    return [
        {"name": name[:_NAMED], "ms": time / 1e3 / steps, "launches": counts[name] / steps}
        for name, time in times.most_common(_SHOWN)
    ]
