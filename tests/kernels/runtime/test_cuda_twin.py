"""CUDA's side of the loader, without a GPU: the launch struct, contexts, shared memory, overlap."""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gfx_kernels import runtime
from gfx_kernels.runtime.cuda import Cuda

from tests import mock_hip
from tests.support import zig

KERNEL = runtime.kernel("probe", "probe_arguments", "pilufi")
OVERLAPPING = runtime.kernel("probe", "probe_arguments", "pilufi", overlap=True)
ONE = (1, 1, 1)
NUMBERS = (2**63 + 8, -5, -(2**40), 2**32 - 1, 0.5, 7)


class Attribute(ctypes.Structure):
    _fields_ = (("id", ctypes.c_int), ("pad", ctypes.c_int), ("value", ctypes.c_int * 16))


class Config(ctypes.Structure):
    """CUlaunchConfig."""

    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("count", ctypes.c_uint),
    )


class Last(ctypes.Structure):
    """`twin_last`."""

    _fields_ = (
        ("config", Config),
        ("attribute", Attribute),
        ("arguments", ctypes.c_ubyte * 36),
    )


def _elf(machine: int) -> bytes:
    """A 64-bit ELF file with two sections: none, and their names."""
    labels = b"\0.shstrtab\0"
    header = struct.pack(
        "<7s9xHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, machine, 1, 0, 0, 64, 0, 64, 0, 0, 64, 2, 1
    )
    empty = struct.pack("<IIQQQQIIQQ", *[0] * 10)
    names = struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, 64 + 128, len(labels), 0, 0, 1, 0)
    return header + empty + names + labels


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    out = tmp_path_factory.mktemp("twin") / "libcuda.so.1"
    source = Path(__file__).with_name("cuda_twin.c")
    zig.run("cc", "-shared", *mock_hip.library.FLAGS, "-o", str(out), str(source))
    return ctypes.CDLL(str(out))


@pytest.fixture(autouse=True)
def driver(library: ctypes.CDLL, tmp_path: Path) -> Iterator[runtime.Driver]:
    (tmp_path / "sm_90").mkdir()
    (tmp_path / "sm_90" / "probe.cubin").write_bytes(_elf(machine=190))
    api = Cuda(library)
    library.cuCtxSetCurrent(None)
    with runtime.use(runtime.Driver(api, mock_hip.Host("sm_90"), tmp_path)) as made:
        yield made


def _last(library: ctypes.CDLL) -> Last:
    return Last.in_dll(library, "twin_last")


def test_the_launch_arrives(library: ctypes.CDLL, driver: runtime.Driver) -> None:
    driver.host.streams[0] = 0x7F00DEADBEE0  # type: ignore[attr-defined]
    KERNEL.launch((2, 3, 4), (5, 6, 7), 4096, *NUMBERS)
    config = _last(library).config
    assert (tuple(config.grid), tuple(config.block), config.shared) == ((2, 3, 4), (5, 6, 7), 4096)
    assert (config.stream, config.attributes, config.count) == (0x7F00DEADBEE0, None, 0)
    assert bytes(_last(library).arguments) == struct.pack("<Qi4xqIfi", *NUMBERS)


@pytest.mark.parametrize(("major", "count"), [(8, 0), (9, 1), (10, 1)])
def test_overlap_is_asked_for_where_the_device_has_it(
    library: ctypes.CDLL, major: int, count: int
) -> None:
    ctypes.c_int.in_dll(library, "twin_major").value = major
    OVERLAPPING.launch(ONE, ONE, 0, *NUMBERS)
    last = _last(library)
    assert last.config.count == count
    assert (last.attribute.id, last.attribute.value[0]) == (6 * count, count)


def test_all_shared_memory_of_the_device_may_be_used(library: ctypes.CDLL) -> None:
    KERNEL.launch(ONE, ONE, 226 * 1024, *NUMBERS)  # the kernel has 1 KB of its own
    assert ctypes.c_int.in_dll(library, "twin_shared_asked").value == 226 * 1024
    with pytest.raises(runtime.LaunchLimit, match="231424 bytes"):
        KERNEL.launch(ONE, ONE, 226 * 1024 + 1, *NUMBERS)


def test_a_new_thread_gets_torch_s_context(library: ctypes.CDLL) -> None:
    KERNEL.load()
    launches = ctypes.c_int.in_dll(library, "twin_launches")
    before = launches.value
    thread = threading.Thread(target=KERNEL.launch, args=(ONE, ONE, 0, *NUMBERS))
    thread.start()
    thread.join()
    assert launches.value == before + 1


def test_a_signature_that_the_driver_contradicts() -> None:
    with pytest.raises(runtime.CorruptCodeObject, match=r"\[8, 4, 8, 4, 4, 4\].*\[8, 8\]"):
        runtime.kernel("probe", "probe_arguments", "pp").load()


def test_no_cubin_for_this_device(driver: runtime.Driver, tmp_path: Path) -> None:
    (tmp_path / "sm_90" / "probe.cubin").rename(tmp_path / "elsewhere")
    with pytest.raises(runtime.NoCodeObject, match="no code object for sm_90"):
        KERNEL.load()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"", "the ELF header ends at byte 64"),
        (_elf(machine=190)[:-1], "a section ends at byte"),
        (_elf(machine=224), "it is for ELF machine 224, not for an NVIDIA GPU"),
    ],
)
def test_a_corrupt_cubin_never_reaches_the_driver(tmp_path: Path, image: bytes, words: str) -> None:
    (tmp_path / "sm_90" / "probe.cubin").write_bytes(image)
    with pytest.raises(runtime.CorruptCodeObject, match=f"probe.cubin: .*{words}"):
        KERNEL.load()
