"""Where a lane's operand comes from: DPP's permutations of lanes, SDWA's bytes and halves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import Unsupported

Array = npt.NDArray[Any]

_DPP = (
    "quad_perm", "row_shl", "row_shr", "row_ror", "row_mirror", "row_half_mirror", "row_share",
    "row_xmask", "row_newbcast", "row_bcast", "wave_shl", "wave_shr", "wave_rol", "wave_ror",
    "dpp8",
)  # fmt: skip


def is_dpp(modifiers: dict[str, str]) -> bool:
    return any(name in modifiers for name in _DPP)


def dpp_sources(modifiers: dict[str, str], lanes: int) -> tuple[Array, Array]:
    """Per lane: the lane it reads, and whether there is one."""
    (name,) = (n for n in _DPP if n in modifiers)
    value, lane = modifiers[name], np.arange(lanes)
    row, at = lane & -16, lane & 15
    always = np.ones(lanes, np.bool_)
    if name in ("quad_perm", "dpp8"):
        order = np.array([int(n) for n in value.strip("[]").split(",")])
        return (lane & -len(order)) + order[lane % len(order)], always
    n = int(value or 0)
    if name in ("row_shl", "row_shr"):
        source = at + n if name == "row_shl" else at - n
        return row + source % 16, (source >= 0) & (source < 16)
    if name in ("wave_shl", "wave_shr"):
        source = lane + n if name == "wave_shl" else lane - n
        return source % lanes, (source >= 0) & (source < lanes)
    if name == "row_bcast":  # the last lane of a row to the next row, or of the first half
        return np.maximum(row - 1, 0) if n == 15 else np.full(lanes, 31), lane > n
    sources = {
        "row_ror": row + (at - n) % 16,
        "row_mirror": row + 15 - at,
        "row_half_mirror": (lane & -8) + 7 - (lane & 7),
        "row_share": row + n,
        "row_newbcast": row + n,
        "row_xmask": row + (at ^ n),
        "wave_rol": (lane + n) % lanes,
        "wave_ror": (lane - n) % lanes,
    }
    return sources[name], always


def dpp_enabled(modifiers: dict[str, str], lanes: int) -> Array:
    """The lanes that row_mask and bank_mask let write."""
    rows, banks = (int(modifiers.get(m, "0xf"), 0) for m in ("row_mask", "bank_mask"))
    lane = np.arange(lanes)
    return ((rows >> lane // 16 & 1) & (banks >> lane // 4 % 4 & 1)).astype(np.bool_)


def sdwa_part(select: str) -> tuple[int, int]:
    """First bit and number of bits of WORD_1, BYTE_0, DWORD."""
    name, _, number = select.partition("_")
    width = {"DWORD": 32, "WORD": 16, "BYTE": 8}.get(name)
    if width is None:
        raise Unsupported(f"SDWA selection {select}")
    return int(number or 0) * width, width


def sdwa_read(words: Array, select: str, extend: bool) -> Array:
    first, width = sdwa_part(select)
    if width == 32:
        return words
    if extend:
        up = np.left_shift(words, np.uint32(32 - width - first)).view(np.int32)
        return np.right_shift(up, 32 - width).view(np.uint32)
    return (words >> np.uint32(first)) & np.uint32((1 << width) - 1)


def sdwa_write(old: Array, words: Array, select: str, unused: str) -> Array:
    """`words` in the selected part of a register; the rest is zero, its sign, or `old`."""
    first, width = sdwa_part(select)
    if width == 32:
        return words
    part = np.uint32(((1 << width) - 1) << first)
    moved = (words << np.uint32(first)) & part
    if unused == "UNUSED_PRESERVE":
        return (old & ~part) | moved
    if unused == "UNUSED_PAD":
        return moved
    raise Unsupported(f"SDWA's {unused}")


def swizzled(text: str, lanes: int) -> tuple[Array, Array]:
    """ds_swizzle_b32's `offset`, as a number or as LLVM writes it: source lanes, their validity."""
    lane = np.arange(lanes)
    always = np.ones(lanes, np.bool_)
    if text.startswith("swizzle("):
        mode, *rest = (p.strip() for p in text[len("swizzle(") : -1].split(","))
        if mode == "BITMASK_PERM":
            return _bitmask(rest[0].strip('"'), lane), always
        numbers = [int(n) for n in rest]
        if mode == "QUAD_PERM":
            return (lane & -4) + np.array(numbers)[lane % 4], always
        if mode == "SWAP":
            return lane ^ numbers[0], always
        if mode == "REVERSE":
            return lane ^ (numbers[0] - 1), always
        if mode == "BROADCAST":
            return (lane & -numbers[0]) + numbers[1], always
        raise Unsupported(f"swizzle mode {mode}")
    offset = int(text, 0)
    if offset & 0x8000:
        order = np.array([offset >> 2 * n & 3 for n in range(4)])
        return (lane & -4) + order[lane % 4], always
    low = ((lane & offset & 31) | (offset >> 5 & 31)) ^ (offset >> 10 & 31)
    return (lane & -32) + low, always


def _bitmask(letters: str, lane: Array) -> Array:
    """Five letters, highest bit first: 0, 1, p (keep), i (invert)."""
    low = np.zeros_like(lane)
    for bit, letter in zip(range(4, -1, -1), letters, strict=True):
        own = lane >> bit & 1
        value = {"0": own * 0, "1": own * 0 + 1, "p": own, "i": 1 - own}[letter]
        low |= value << bit
    return (lane & -32) + low
