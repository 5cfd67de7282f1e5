"""Scalar integer instructions: one value per wave, and the bit scc.

The order of arguments is that of the instruction's text; scc, where it is read, comes last.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .numbers import UNSIGNED
from .semantic import Array, Table
from .vector_integer import (
    add_carry,
    bit_count,
    leading_zeros,
    mul_high,
    reversed_bits,
    shift_left,
    shift_right,
    sign_bits,
    sub_borrow,
    trailing_zeros,
)

OPS = Table()
Pair = tuple[Array, Array]


def nonzero(fn: Callable[..., Array]) -> Callable[..., Pair]:
    """`fn` with scc: whether the result is not zero."""

    def with_scc(*sources: Array) -> Pair:
        result = fn(*sources)
        return result, result != 0

    return with_scc


def _add_overflow(a: Array, b: Array) -> Pair:
    result = a + b
    return result, ((a ^ result) & (b ^ result)) < 0


def _sub_overflow(a: Array, b: Array) -> Pair:
    result = a - b
    return result, ((a ^ b) & (a ^ result)) < 0


def _sums() -> None:
    out = "u32 scc"
    OPS.put("s_add_u32 s_add_co_u32", out, "u32 u32", add_carry)
    OPS.put("s_sub_u32 s_sub_co_u32", out, "u32 u32", sub_borrow)
    OPS.put("s_addc_u32 s_add_co_ci_u32", out, "u32 u32 scc", add_carry)
    OPS.put("s_subb_u32 s_sub_co_ci_u32", out, "u32 u32 scc", sub_borrow)
    OPS.put("s_add_i32 s_add_co_i32", "i32 scc", "i32 i32", _add_overflow)
    OPS.put("s_sub_i32 s_sub_co_i32", "i32 scc", "i32 i32", _sub_overflow)
    OPS.put("s_add_nc_u64 s_add_u64", "u64", "u64 u64", np.add)
    OPS.put("s_sub_nc_u64 s_sub_u64", "u64", "u64 u64", np.subtract)
    OPS.put("s_mul_u64", "u64", "u64 u64", np.multiply)
    OPS.put("s_mul_i32", "i32", "i32 i32", np.multiply)
    OPS.put("s_mul_hi_u32", "u32", "u32 u32", mul_high)
    OPS.put("s_mul_hi_i32", "i32", "i32 i32", mul_high)
    OPS.put("s_abs_i32", "i32 scc", "i32", nonzero(np.abs))
    OPS.put("s_absdiff_i32", "i32 scc", "i32 i32", nonzero(lambda a, b: np.abs(a - b)))
    for by in (1, 2, 3, 4):
        OPS.put(f"s_lshl{by}_add_u32", out, "u32 u32", _shifted_sum(by))
    for t in ("u32", "i32"):
        OPS.put(f"s_min_{t}", f"{t} scc", f"{t} {t}", lambda a, b: (np.minimum(a, b), a < b))
        OPS.put(f"s_max_{t}", f"{t} scc", f"{t} {t}", lambda a, b: (np.maximum(a, b), a > b))


def _shifted_sum(by: int) -> Callable[[Array, Array], Pair]:
    def summed(a: Array, b: Array) -> Pair:
        wide = (a.astype(np.uint64) << np.uint64(by)) + b
        return wide.astype(np.uint32), wide > np.uint64(0xFFFFFFFF)

    return summed


def _immediates() -> None:
    OPS.put("s_movk_i32", "i32", "simm16", np.copy)
    OPS.put("s_addk_i32 s_addk_co_i32", "i32 scc", "simm16 i32", _add_overflow, reads_dst=True)
    OPS.put("s_mulk_i32", "i32", "simm16 i32", np.multiply, reads_dst=True)
    OPS.put("s_cmovk_i32", "i32", "simm16 scc i32", _conditional, reads_dst=True)


def _conditional(new: Array, pick: Array, old: Array) -> Array:
    return np.where(pick, new, old)


LOGIC: dict[str, Callable[[Array, Array], Array]] = {
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "nand": lambda a, b: ~(a & b),
    "nor": lambda a, b: ~(a | b),
    "xnor": lambda a, b: ~(a ^ b),
    "andn2": lambda a, b: a & ~b,
    "and_not1": lambda a, b: a & ~b,
    "orn2": lambda a, b: a | ~b,
    "or_not1": lambda a, b: a | ~b,
}


def _logic() -> None:
    for width in (32, 64):
        t = f"b{width}"
        for name, fn in LOGIC.items():
            OPS.put(f"s_{name}_{t}", f"{t} scc", f"{t} {t}", nonzero(fn))
        OPS.put(f"s_mov_{t}", t, t, np.copy)
        OPS.put(f"s_cmov_{t}", t, f"{t} scc {t}", _conditional, reads_dst=True)
        OPS.put(f"s_cselect_{t}", t, f"{t} {t} scc", lambda a, b, pick: np.where(pick, a, b))
        OPS.put(f"s_not_{t}", f"{t} scc", t, nonzero(np.invert))
        OPS.put(f"s_bitset0_{t}", t, f"u32 {t}", lambda by, a: a & ~_bit(a, by), reads_dst=True)
        OPS.put(f"s_bitset1_{t}", t, f"u32 {t}", lambda by, a: a | _bit(a, by), reads_dst=True)


def _bit(a: Array, by: Array) -> Array:
    return shift_left(np.ones_like(a), by)


def _bitfield(a: Array, packed: Array) -> Array:
    """Bits [4:0] (or [5:0]) of `packed` are the offset, bits [22:16] the width."""
    kind, bits = a.dtype.type, a.dtype.itemsize * 8
    offset = packed.astype(np.uint32) & np.uint32(bits - 1)
    width = np.minimum((packed.astype(np.uint32) >> np.uint32(16)) & np.uint32(0x7F), bits)
    width = np.minimum(width, np.uint32(bits) - offset)
    unsigned = UNSIGNED[a.dtype.itemsize]
    # Shift the field to the top, then down again with the sign that `a` has.
    up = (np.uint32(bits) - offset - width).astype(unsigned)
    down = np.minimum(np.uint32(bits) - width, np.uint32(bits - 1)).astype(unsigned)
    placed = (a.view(unsigned) << np.minimum(up, unsigned(bits - 1))).view(a.dtype)
    return np.where(width == 0, kind(0), placed >> down.astype(a.dtype))


def _shifts() -> None:
    for width in (32, 64):
        for name, t, fn in (
            ("lshl_b", f"u{width}", shift_left),
            ("lshr_b", f"u{width}", shift_right),
            ("ashr_i", f"i{width}", shift_right),
        ):
            OPS.put(f"s_{name}{width}", f"{t} scc", f"{t} u32", nonzero(fn))
        for sign in "ui":
            t = f"{sign}{width}"
            OPS.put(f"s_bfe_{t}", f"{t} scc", f"{t} u32", nonzero(_bitfield))
        OPS.put(f"s_bfm_b{width}", f"u{width}", "u32 u32", _mask_of(width))


def _mask_of(width: int) -> Callable[[Array, Array], Array]:
    kind = UNSIGNED[width // 8]

    def masked(size: Array, offset: Array) -> Array:
        one = np.ones(size.shape, kind)
        return shift_left(shift_left(one, size) - one, offset)

    return masked


def _counts() -> None:
    for width in (32, 64):
        t = f"u{width}"
        OPS.put(f"s_bcnt1_i32_b{width}", "u32 scc", t, nonzero(bit_count))
        OPS.put(f"s_bcnt0_i32_b{width}", "u32 scc", t, nonzero(lambda a: bit_count(~a)))
        OPS.put(f"s_ff1_i32_b{width} s_ctz_i32_b{width}", "i32", t, trailing_zeros)
        OPS.put(f"s_flbit_i32_b{width} s_clz_i32_u{width}", "i32", t, leading_zeros)
    OPS.put("s_flbit_i32 s_cls_i32", "i32", "i32", sign_bits)
    OPS.put("s_brev_b32", "u32", "u32", reversed_bits)
    OPS.put("s_brev_b64", "u64", "u64", _reversed_pair)


def _reversed_pair(a: Array) -> Array:
    low, high = a.astype(np.uint32), (a >> np.uint64(32)).astype(np.uint32)
    return (reversed_bits(low).astype(np.uint64) << np.uint64(32)) | reversed_bits(high)


def _packing() -> None:
    OPS.put("s_sext_i32_i8", "i32", "u32", lambda a: a.astype(np.int8).astype(np.int32))
    OPS.put("s_sext_i32_i16", "i32", "u32", lambda a: a.astype(np.int16).astype(np.int32))
    halves: dict[str, Callable[[Array], Array]] = {
        "l": lambda a: a & np.uint32(0xFFFF),
        "h": lambda a: a >> np.uint32(16),
    }
    for x, low in halves.items():
        for y, high in halves.items():
            OPS.put(f"s_pack_{x}{y}_b32_b16", "u32", "u32 u32", _joined(low, high))


def _joined(low: Callable[[Array], Array], high: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda a, b: low(a) | (high(b) << np.uint32(16))


_sums()
_immediates()
_logic()
_shifts()
_counts()
_packing()
