"""What arrives at the device is what the launcher passed: through a real library's real ABI."""

from __future__ import annotations

import struct

import pytest
from gfx_kernels import runtime
from gfx_kernels.runtime import packing

from tests import mock_hip

ARGUMENTS = runtime.kernel("probe", "probe_arguments", "pilufi")
AXPB = runtime.kernel("probe", "probe_axpb", "ppiff")


def test_every_letter_arrives_where_the_code_object_wants_it(gpu: mock_hip.Gpu) -> None:
    ARGUMENTS.launch((1, 1, 1), (1, 1, 1), 0, 2**63 + 8, -5, -(2**40), 2**32 - 1, 0.1, 2**31 - 1)
    # Offsets of probe.hip's argument list by the ABI's rule: each at a multiple of its size.
    expected = struct.pack("<Qi4xqIfi", 2**63 + 8, -5, -(2**40), 2**32 - 1, 0.1, 2**31 - 1)
    assert gpu.launches[0].kernarg == expected


def test_implicit_arguments_describe_the_launch(gpu: mock_hip.Gpu) -> None:
    AXPB.launch((7, 5, 3), (64, 2, 1), 0, 4096, 8192, 9, 1.0, 2.0)
    kernarg = gpu.launches[0].kernarg
    assert struct.unpack_from("<3I3H3H", kernarg, 32) == (7, 5, 3, 64, 2, 1, 0, 0, 0)
    assert struct.unpack_from("<H", kernarg, 96) == (3,)  # the grid's dimensions


def test_sizes_lds_and_stream_arrive(gpu: mock_hip.Gpu) -> None:
    gpu.host.streams[0] = 0x7F00DEADBEE0
    ARGUMENTS.launch((3, 4, 5), (6, 7, 8), 1024, 0, 0, 0, 0, 0.0, 0)
    launch = gpu.launches[0]
    assert (launch.grid, launch.block, launch.shared) == ((3, 4, 5), (6, 7, 8), 1024)
    assert launch.stream == 0x7F00DEADBEE0
    assert launch.kernel == "probe_arguments"


def test_a_kernel_without_arguments(gpu: mock_hip.Gpu) -> None:
    runtime.kernel("probe", "probe_nothing", "").launch((1, 1, 1), (1, 1, 1), 0)
    assert gpu.launches[0].kernarg == b""


def test_a_second_launch_repeats_nothing_of_the_first(gpu: mock_hip.Gpu) -> None:
    for n in (1, 2):
        AXPB.launch((n, 1, 1), (64, 1, 1), 0, 4096 * n, 8192 * n, n, float(n), 0.0)
    one, two = (launch.arguments() for launch in gpu.launches)
    assert one[:3] == [4096, 8192, 1] and two[:3] == [8192, 16384, 2]


class Reentrant:
    """An integer that launches the same kernel while it is being packed."""

    def __index__(self) -> int:
        ARGUMENTS.launch((9, 9, 9), (9, 9, 9), 9, 99, 99, 99, 99, 99.0, 99)
        return 1


def test_a_launch_inside_a_launch_does_not_touch_its_numbers(gpu: mock_hip.Gpu) -> None:
    """A finaliser may launch at any instruction, and so may another thread."""
    ARGUMENTS.launch((1, 1, 1), (1, 1, 1), 0, 0, 0, 0, 0, 0.0, 0)
    ARGUMENTS.launch((1, 1, 1), (1, 1, 1), 0, 7, 7, 7, Reentrant(), 7.0, 7)
    inner, outer = gpu.launches[1:]
    assert inner.grid == (9, 9, 9) and inner.arguments()[:4] == [99, 99, 99, 99]
    assert outer.grid == (1, 1, 1) and outer.arguments()[:4] == [7, 7, 7, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 0, 0, 0, 0.0), "not (int, int, int, int, float)"),
        ((0, 0, 0, 0, 0.0, 0, 0), "takes (pointer, int32, int64, uint32, float32, int32)"),
        ((0, 2**31, 0, 0, 0.0, 0), "int32"),
        ((0, 0, 0, -1, 0.0, 0), "uint32"),
        ((0, 1.5, 0, 0, 0.0, 0), "not (int, float,"),
        ((2**64, 0, 0, 0, 0.0, 0), "too large"),
        (("x", 0, 0, 0, 0.0, 0), "not (str, int,"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    gpu: mock_hip.Gpu, arguments: tuple[object, ...], words: str
) -> None:
    with pytest.raises(TypeError, match="probe_arguments takes") as error:
        ARGUMENTS.launch((1, 1, 1), (1, 1, 1), 0, *arguments)
    assert words in str(error.value) and "\n" not in str(error.value)
    assert gpu.launches == []


def test_an_unknown_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="'px' of k: the letters are p pointer, i int32"):
        runtime.kernel("probe", "k", "px")


def test_the_same_kernel_is_one_object() -> None:
    assert runtime.kernel("probe", "probe_axpb", "ppiff") is AXPB
    assert runtime.kernel("probe", "probe_axpb", "ppiff", overlap=True) is not AXPB


def test_configuration_is_cuda_s_struct() -> None:
    """CUlaunchConfig: seven 32-bit numbers, the stream and the attributes at multiples of 8."""
    assert (packing.STREAM, struct.calcsize(packing.CONFIG)) == (32, 52)
    assert packing.layout("pip")[1] == [56, 64, 72]
