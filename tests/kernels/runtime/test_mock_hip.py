"""The mock itself: what memory a kernel may touch, and compiled kernels run on CPU tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gfx_kernels import runtime, targets

from tests import mock_hip
from tests.kernels.runtime import objects
from tests.mock_hip import buffers

AXPB = runtime.kernel("probe", "probe_axpb", "ppiff")
ARGUMENTS = runtime.kernel("probe", "probe_arguments", "pilufi")
EMULATED = [name for name, t in targets.all_targets().items() if "emulated" in t.tests]


def test_a_named_buffer_ends_with_its_tensor() -> None:
    x = torch.zeros(8, 16, dtype=torch.float16)
    assert buffers.of("x", x) == (x.data_ptr(), 256, "x")
    assert buffers.of("x", x[1:3, 4:6]) == (x.data_ptr() + 40, 36, "x")
    assert buffers.of("x", x[:0]).size == 0


def test_an_unnamed_one_is_found_among_live_tensors() -> None:
    x = torch.zeros(100)
    (found,) = buffers.around({x.data_ptr(), x.data_ptr() + 396})
    assert (found.address, found.size) == (x.data_ptr(), 400)
    outside = buffers.around({x.data_ptr() + 400})
    assert x.data_ptr() not in {buffer.address for buffer in outside}


@pytest.mark.parametrize("gfx", EMULATED)
def test_a_compiled_kernel_runs_on_cpu_tensors(gfx: str) -> None:
    n = 300
    x, out = torch.randn(n), torch.full((512,), -1.0)
    with mock_hip.device(gfx, folder=objects.for_gfx(gfx)) as gpu:
        AXPB.launch((2, 1, 1), (256, 1, 1), 0, out.data_ptr(), x.data_ptr(), n, 3.0, 0.5)
    torch.testing.assert_close(out[:n], x * 3 + 0.5)
    assert (out[n:] == -1).all()
    assert gpu.launches[0].stats.waves >= 8


@pytest.mark.parametrize("gfx", EMULATED)
def test_a_kernel_reads_its_arguments(gfx: str) -> None:
    out = torch.zeros(5, dtype=torch.int64)
    with mock_hip.device(gfx, folder=objects.for_gfx(gfx)):
        ARGUMENTS.launch((1, 1, 1), (1, 1, 1), 0, out.data_ptr(), -5, -(2**40), 2**31, 0.5, 7)
    assert out.tolist() == [-5, -(2**40), 2**31, 512, 7]


def test_a_write_past_a_named_buffer_fails_the_launch(probes: Path) -> None:
    x, out = torch.randn(64), torch.zeros(64)
    with mock_hip.device("gfx1100", folder=probes) as gpu:
        gpu.map(x=x, out=out[:63])
        with pytest.raises(runtime.LaunchFailed, match="out") as error:
            AXPB.launch((1, 1, 1), (64, 1, 1), 0, out.data_ptr(), x.data_ptr(), 64, 1.0, 1.0)
    assert "unspecified launch failure: " in str(error.value)
    assert type(gpu.error).__name__ == "OutOfBounds"


def test_a_captured_launch_runs_when_it_is_replayed(probes: Path) -> None:
    x = torch.ones(64)
    with mock_hip.device("gfx1100", folder=probes) as gpu:
        with gpu.capture() as graph:
            for _ in range(2):
                AXPB.launch((1, 1, 1), (64, 1, 1), 0, x.data_ptr(), x.data_ptr(), 64, 2.0, 1.0)
        assert (x == 1).all()
        gpu.replay(graph)
    assert (x == 7).all()
