"""Where a launch goes: devices, streams, threads, captures; and what limits it."""

from __future__ import annotations

import threading

import pytest
from gfx_kernels import runtime

from tests import mock_hip

AXPB = runtime.kernel("probe", "probe_axpb", "ppiff")
ARGUMENTS = runtime.kernel("probe", "probe_arguments", "pilufi")
ONE = (1, 1, 1)


def _launch(**options: int) -> None:
    AXPB.launch(ONE, (64, 1, 1), 0, 4096, 8192, 9, 1.0, 2.0, **options)


def test_each_device_gets_its_own_code_and_stream(gpu: mock_hip.Gpu) -> None:
    gpu.host.streams.update({0: 11, 1: 22})
    for device in (0, 1, -1, 1):
        _launch(device=device)
    assert [launch.file.parent.name for launch in gpu.launches] == [
        "gfx1100", "gfx906", "gfx1100", "gfx906",
    ]  # fmt: skip
    assert [launch.stream for launch in gpu.launches] == [11, 22, 11, 22]
    assert gpu.host.current_device() == 0


def test_without_a_device_the_current_one_is_used(gpu: mock_hip.Gpu) -> None:
    with gpu.host.on(1):
        _launch()
    assert gpu.launches[0].file.parent.name == "gfx906"


def test_an_object_is_loaded_once_for_all_its_kernels(gpu: mock_hip.Gpu) -> None:
    for _ in range(3):
        _launch()
        ARGUMENTS.launch(ONE, ONE, 0, 0, 0, 0, 0, 0.0, 0)
    assert len(gpu.loaded) == 1


def test_another_driver_starts_afresh(gpu: mock_hip.Gpu) -> None:
    _launch()
    with mock_hip.device("gfx906", folder=gpu.folder, run=lambda _: None) as other:
        _launch()
    assert other.launches[0].file.parent.name == "gfx906"


def test_threads_never_mix_their_arguments(gpu: mock_hip.Gpu) -> None:
    def work(mark: int) -> None:
        for _ in range(300):
            ARGUMENTS.launch((mark, 1, 1), ONE, 0, mark, mark, mark, mark, 0.0, mark)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gpu.launches) == 1200
    for launch in gpu.launches:
        pointer, i, wide, unsigned, _, last = launch.arguments()
        assert {launch.grid[0], pointer, i, wide, unsigned, last} == {pointer}


def test_a_first_launch_may_be_captured(gpu: mock_hip.Gpu) -> None:
    """Loading is legal in a capture and no part of the graph; the thread's mode is put back."""
    with gpu.capture() as graph:
        _launch()
        _launch()
        assert gpu.capture_mode() == 0
    assert len(graph) == 2 and gpu.launches == []
    gpu.replay(graph)
    assert [launch.kernel for launch in gpu.launches] == ["probe_axpb", "probe_axpb"]


def test_a_failed_load_puts_the_capture_mode_back(gpu: mock_hip.Gpu) -> None:
    gpu.fail("hipModuleLoadData", 2)
    with pytest.raises(runtime.GpuError, match="out of memory"):
        AXPB.load()
    assert gpu.capture_mode() == 0


@pytest.mark.parametrize(
    ("block", "shared", "words"),
    [
        ((1025, 1, 1), 0, "(1025, 1, 1) threads"),
        ((32, 32, 2), 0, "1024 threads"),
        (ONE, 65537, "65536 bytes"),
    ],
)
def test_more_than_the_device_has_is_refused(
    gpu: mock_hip.Gpu, block: tuple[int, int, int], shared: int, words: str
) -> None:
    with pytest.raises(runtime.LaunchLimit, match="probe_axpb: ") as error:
        AXPB.launch(ONE, block, shared, 4096, 8192, 9, 1.0, 2.0)
    assert words in str(error.value) and gpu.launches == []


@pytest.mark.parametrize("grid", [(0, 1, 1), (1, 65537, 1), (1, 1, 65537)])
def test_a_grid_that_the_driver_refuses(gpu: mock_hip.Gpu, grid: tuple[int, int, int]) -> None:
    with pytest.raises(runtime.LaunchFailed) as error:
        AXPB.launch(grid, ONE, 0, 4096, 8192, 9, 1.0, 2.0)
    assert f"{grid} blocks" in str(error.value) and "invalid argument (1)" in str(error.value)
    assert gpu.launches == []
