"""The loader on a real NVIDIA GPU: streams, graphs, threads, overlap, and what a launch costs.

    PYTHONPATH=kernels/src python3 -m pytest -s tests/kernels/runtime/test_on_gpu.py

Needs torch for CUDA and nvcc; prints what it measures.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from gfx_kernels import runtime
from gfx_kernels.runtime import driver as drivers

pytestmark = pytest.mark.skipif(
    not (torch.cuda.is_available() and torch.version.cuda), reason="needs an NVIDIA GPU"
)
SOURCE = Path(__file__).with_name("probe.hip")
N = 1 << 20
GRID, BLOCK = (N // 256, 1, 1), (256, 1, 1)
AXPB = runtime.kernel("probe", "probe_axpb", "ppiff")
OVERLAPPING = runtime.kernel("probe", "probe_axpb", "ppiff", overlap=True)
LIMIT = 5_000  # ns


@pytest.fixture(autouse=True)
def gpu(tmp_path: Path) -> Iterator[runtime.Driver]:
    """A fresh driver on the real device, with the probe compiled for it: nothing is loaded yet."""
    whole = drivers._of_torch()
    arch = whole.host.arch(0)
    _compile(arch, tmp_path / arch / "probe.cubin")
    with runtime.use(runtime.Driver(whole.api, whole.host, tmp_path)) as driver:
        yield driver


def _compile(arch: str, out: Path) -> None:
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    out.parent.mkdir(exist_ok=True)
    command = [nvcc, "-x", "cu", "-cubin", f"-arch={arch}", "-O3", "-o", str(out), str(SOURCE)]
    subprocess.run(command, check=True)


def _axpb(kernel: runtime.Kernel, out: torch.Tensor, x: torch.Tensor, a: float, b: float) -> None:
    kernel.launch(
        GRID, BLOCK, 0, out.data_ptr(), x.data_ptr(), N, a, b, device=x.get_device()
    )  # fmt: skip


def _x() -> torch.Tensor:
    return torch.randn(N, device="cuda")


def _busy(stream: torch.cuda.Stream) -> None:
    """Keep `stream` busy for about 0.1 s, so that what does not wait for it shows."""
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)


def test_every_kind_of_argument() -> None:
    out = torch.zeros(5, dtype=torch.int64, device="cuda")
    kernel = runtime.kernel("probe", "probe_arguments", "pilufi")
    kernel.launch((1, 1, 1), (1, 1, 1), 0, out.data_ptr(), -5, -(2**40), 2**32 - 1, 0.5, 7)
    assert out.tolist() == [-5, -(2**40), 2**32 - 1, 512, 7]


def test_a_wrong_signature_is_refused() -> None:
    with pytest.raises(runtime.CorruptCodeObject, match=r"\[8, 8, 4, 4, 4\] bytes"):
        runtime.kernel("probe", "probe_axpb", "ppl").load()


def test_side_stream() -> None:
    """On the current stream: after what is queued there, and not on the default one."""
    x, out, stream = _x(), torch.zeros(N, device="cuda"), torch.cuda.Stream()
    AXPB.load()  # loading may wait for the device, as torch's own kernels do at their first use
    x.mul_(1)
    assert not out.any()
    torch.cuda.synchronize()
    _busy(stream)
    with torch.cuda.stream(stream):
        x.mul_(2)
        _axpb(AXPB, out, x, 3.0, 1.0)
    assert not out.any()
    assert not stream.query()
    stream.synchronize()
    torch.testing.assert_close(out, torch.addcmul(torch.ones_like(x), x, 3 * torch.ones_like(x)))


@pytest.mark.parametrize("kernel", [AXPB, OVERLAPPING], ids=["plain", "overlapping"])
def test_a_first_launch_inside_a_graph(kernel: runtime.Kernel) -> None:
    x, out = _x(), torch.zeros(N, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        _axpb(kernel, out, x, 2.0, 0.0)
        _axpb(kernel, out, out, 1.0, 1.0)
    assert not out.any()
    for scale in (1.0, -4.0):
        x.fill_(scale)
        graph.replay()
        torch.testing.assert_close(out, torch.full_like(out, 2 * scale + 1), rtol=0, atol=0)


@pytest.mark.parametrize("captured", [False, True], ids=["stream", "graph"])
def test_overlapping_launches_keep_their_order(captured: bool) -> None:
    """Each of 400 launches adds 1 to what the one before it wrote; an early one loses a 1."""
    x = torch.zeros(N, device="cuda")

    def work() -> None:
        for _ in range(400):
            _axpb(OVERLAPPING, x, x, 1.0, 1.0)

    if captured:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        graph.replay()
    else:
        work()
    assert (x == 400).all()


def test_a_thread_that_never_used_the_gpu() -> None:
    x, out = _x(), torch.zeros(N, device="cuda")
    AXPB.load()
    torch.cuda.synchronize()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            _axpb(AXPB, out, x, 1.0, 1.0)
        except BaseException as error:  # noqa: BLE001 - a thread cannot raise into the test
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    torch.cuda.synchronize()
    assert errors == []
    torch.testing.assert_close(out, x + 1)


def test_more_than_48_kilobytes_of_shared_memory() -> None:
    x, out = _x(), torch.zeros(N, device="cuda")
    most = AXPB.load().max_shared
    assert most > 48 * 1024
    AXPB.launch(GRID, BLOCK, most, out.data_ptr(), x.data_ptr(), N, 1.0, 1.0)
    torch.testing.assert_close(out, x + 1)
    with pytest.raises(runtime.LaunchLimit, match="probe_axpb"):
        AXPB.launch(GRID, BLOCK, most + 1, out.data_ptr(), x.data_ptr(), N, 1.0, 1.0)


def test_another_gpu_s_object(gpu: runtime.Driver) -> None:
    file = next(Path(str(gpu.folder)).glob("*/probe.cubin"))
    _compile("sm_75", file)
    with pytest.raises(runtime.CorruptCodeObject, match="the driver refuses it"):
        AXPB.load()


def _each(launch: Callable[[], object], count: int = 200, rounds: int = 50) -> list[float]:
    """ns of host time a launch, once a round; the queue is empty at the start of each."""
    samples = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        start = time.perf_counter_ns()
        for _ in range(count):
            launch()
        samples.append((time.perf_counter_ns() - start) / count)
    return sorted(samples)


def test_cost_on_the_host() -> None:
    """Python and driver together, beside what torch's own smallest launch costs."""
    x = torch.zeros(256, device="cuda")
    for name, kernel in (("plain", AXPB), ("overlap", OVERLAPPING)):
        arguments = ((1, 1, 1), BLOCK, 0, x.data_ptr(), x.data_ptr(), 256, 1.0, 0.0)
        kernel.launch(*arguments)
        ours = _each(partial(kernel.launch, *arguments))
        ready, slot = kernel.load(), kernel.load()._free[-1]
        driver = _each(slot.call)
        python = statistics.median(ours) - statistics.median(driver)
        print(f"\n{name}: {_spread(ours)}; driver alone {_spread(driver)}; Python {python:.0f} ns")
        assert ready.kernel is kernel and python <= LIMIT
    print(f"torch x.add_(1): {_spread(_each(partial(x.add_, 1)))}")


def _spread(samples: list[float]) -> str:
    tenth = len(samples) // 10
    median = statistics.median(samples)
    return f"{median:.0f} ns (10%: {samples[tenth]:.0f}, 90%: {samples[-tenth - 1]:.0f})"


def test_launches_leave_nothing_behind() -> None:
    x = torch.zeros(256, device="cuda")
    arguments = ((1, 1, 1), BLOCK, 0, x.data_ptr(), x.data_ptr(), 256, 1.0, 0.0)
    AXPB.launch(*arguments)
    torch.cuda.synchronize()
    device, blocks = torch.cuda.memory_stats(), sys.getallocatedblocks()
    for _ in range(5000):
        AXPB.launch(*arguments)
    grown = sys.getallocatedblocks() - blocks
    torch.cuda.synchronize()
    assert grown < 50
    for key in ("allocation.all.allocated", "num_alloc_retries"):
        assert torch.cuda.memory_stats()[key] == device[key]


def test_overlap_shortens_a_chain() -> None:
    """Printed, not asserted: the gap between dependent small kernels in a graph."""
    x = torch.zeros(256, device="cuda")
    for name, kernel in (("plain", AXPB), ("overlap", OVERLAPPING)):
        kernel.load()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(200):
                kernel.launch((1, 1, 1), BLOCK, 0, x.data_ptr(), x.data_ptr(), 256, 1.0, 0.0)
        graph.replay()
        times = []
        for _ in range(50):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            graph.replay()
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end) * 1e6 / 200)
        print(f"\n{name}: {_spread(sorted(times))} a kernel in a chain of 200")
