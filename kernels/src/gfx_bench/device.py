"""The GPU of this process: graphs, events, memory, what it is called."""

from __future__ import annotations

import gc
import platform
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

from gfx_bench.errors import BenchError

Call = Callable[[], Any]


class Device(Protocol):
    """What the harness needs of a device; tests put one without a clock of its own in its place."""

    torch_name: str

    def capture(self, calls: Sequence[Call]) -> Call:
        """One graph of all `calls` in order; calling the result replays it, asynchronously."""

    def mark(self) -> Any:
        """A point on the device's timeline, after all that was submitted so far."""

    def microseconds(self, start: Any, end: Any) -> float:
        """Between two marks; after `synchronise`."""

    def synchronise(self) -> None:
        """Wait for all that was submitted."""

    def describe(self) -> dict[str, Any]:
        """Name and versions, for the results."""


class Gpu:
    """torch's current GPU, AMD's or NVIDIA's. Raises BenchError if there is none."""

    torch_name = "cuda"

    def __init__(self) -> None:
        if not torch.cuda.is_available():
            raise BenchError("torch sees no GPU in this process; run this where it does")
        self._stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        torch.cuda.set_stream(self._stream)

    def capture(self, calls: Sequence[Call]) -> Call:
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        gc.disable()  # a graph that is freed during a capture ends it
        graph.capture_begin()  # torch.cuda.graph would also empty the allocator's cache
        try:
            for call in calls:
                call()
        finally:
            graph.capture_end()
            gc.enable()
        return graph.replay

    def mark(self) -> Any:
        event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(self._stream)
        return event

    def microseconds(self, start: Any, end: Any) -> float:
        return start.elapsed_time(end) * 1e3

    def synchronise(self) -> None:
        torch.cuda.synchronize()

    def describe(self) -> dict[str, Any]:
        properties: Any = torch.cuda.get_device_properties(0)
        return {
            "device": properties.name,
            "arch": getattr(properties, "gcnArchName", f"sm_{properties.major}{properties.minor}"),
            "processors": properties.multi_processor_count,
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "driver": _driver(),
            "torch": torch.__version__,
            "runtime": torch.version.hip or torch.version.cuda,
            "triton": _triton(),
            "os": platform.platform(),
            "python": platform.python_version(),
        }


def _driver() -> str:
    """The driver's version, as its tool says it; "unknown" without the tool."""
    tools = (
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
        ["rocm-smi", "--showdriverversion", "--csv"],
    )
    for command in tools if torch.version.hip is None else reversed(tools):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        return done.stdout.strip().splitlines()[-1].split(",")[-1].strip()
    return "unknown"


def _triton() -> str:
    try:
        import triton
    except ImportError:
        return "none"
    return str(triton.__version__)
