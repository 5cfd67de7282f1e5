"""What a kernel finds in its registers: LLVM's "Initial Kernel Execution State" for AMDGPU."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gfx_kernels.codeobject import Kernel

from .errors import Unsupported
from .state import EXEC, NULL, TTMP, VCC, Waves

Array = npt.NDArray[Any]
_USER = (  # bit of the code properties, registers, what for
    (4, "private segment buffer"), (2, "dispatch ptr"), (2, "queue ptr"), (2, "kernarg"),
    (2, "dispatch id"), (2, "flat scratch"), (1, "private segment size"),
)  # fmt: skip
_TTMP_IDS = "gfx12"  # work-group ids in trap registers, not in user SGPRs' followers
_PACKED_IDS = ("gfx11", "gfx12", "gfx90a", "gfx94")  # all work-item ids in v0


class Setup(NamedTuple):
    """What a kernel's descriptor asks for."""

    kernarg_at: int | None  # SGPR
    user_sgprs: int
    preload: tuple[int, int]  # dwords of kernarg already in SGPRs: first, count
    group_ids: tuple[bool, bool, bool]
    item_ids: int  # 0: x, 1: x and y, 2: all
    lanes: int


def setup(kernel: Kernel) -> Setup:
    """Raises Unsupported for a kernel with scratch."""
    if kernel.scratch:
        raise Unsupported(f"{kernel.name} uses {kernel.scratch} bytes of scratch")
    (rsrc2,) = struct.unpack_from("<I", kernel.descriptor, 52)
    properties, preload = struct.unpack_from("<HH", kernel.descriptor, 56)
    at, kernarg = 0, None
    for bit, (count, what) in enumerate(_USER):
        if properties >> bit & 1:
            kernarg = at if what == "kernarg" else kernarg
            at += count
    x, y, z = (bool(rsrc2 >> bit & 1) for bit in (7, 8, 9))
    return Setup(
        kernarg_at=kernarg,
        user_sgprs=rsrc2 >> 1 & 31,
        preload=(preload >> 7, preload & 127),
        group_ids=(x, y, z),
        item_ids=rsrc2 >> 11 & 3,
        lanes=32 if properties >> 10 & 1 else 64,
    )


def fill(waves: Waves, gfx: str, s: Setup, kernarg: tuple[int, bytes], ids: Array) -> None:
    """Set the scalar registers; `ids` is the work-group's number, [waves, 3]."""
    address, data = kernarg
    if s.kernarg_at is not None:
        _put64(waves, s.kernarg_at, address)
        first, count = s.preload
        for n, word in enumerate(struct.unpack_from(f"<{count}I", data, 4 * first)):
            waves.s.put(s.kernarg_at + 2 + n, np.full(1, word, np.uint32))
    x, y, z = ids.astype(np.uint32).T
    if gfx.startswith(_TTMP_IDS):
        waves.s.put(TTMP + 9, x)
        waves.s.put(TTMP + 7, y | z << 16)
    else:
        wanted = [v for v, on in zip((x, y, z), s.group_ids, strict=True) if on]
        for n, value in enumerate(wanted):
            waves.s.put(s.user_sgprs + n, value)
    waves.s.put(NULL, np.zeros(1, np.uint32))  # reads as zero, is never written
    if s.lanes == 32:
        waves.s.put(EXEC + 1, np.zeros(1, np.uint32))
        waves.s.put(VCC + 1, np.zeros(1, np.uint32))


def fill_items(waves: Waves, gfx: str, s: Setup, block: tuple[int, int, int], item: Array) -> None:
    """Set exec and the work-item ids; `item` is the flat number of each lane, [waves, lanes]."""
    waves.put_mask(EXEC, item < block[0] * block[1] * block[2])
    item = item.astype(np.uint32)
    x, y = item % block[0], item // block[0] % block[1]
    z = item // (block[0] * block[1])
    if gfx.startswith(_PACKED_IDS):
        waves.v.put(0, x | y << 10 | z << 20)
        return
    for n, value in enumerate((x, y, z)[: s.item_ids + 1]):
        waves.v.put(n, value)


def _put64(waves: Waves, n: int, value: int) -> None:
    for k in (0, 1):
        waves.s.put(n + k, np.full(1, value >> 32 * k & 0xFFFFFFFF, np.uint32))
