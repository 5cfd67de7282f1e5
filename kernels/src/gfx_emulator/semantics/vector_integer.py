"""Vector integer arithmetic, shifts and bit fields; moves and choices between lanes' values.

Shift counts use the low 4, 5 or 6 bits, as the hardware does. Carries are one bool per lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .semantic import Array, Table

OPS = Table()


def count(a: Array, width: int) -> Array:
    """The low bits of a shift count, in the type that shifts a `width`-bit value."""
    kind = {16: np.uint16, 32: np.uint32, 64: np.uint64}[width]
    return a.astype(kind) & kind(width - 1)


def shift_left(a: Array, by: Array) -> Array:
    return np.left_shift(a, count(by, a.dtype.itemsize * 8))


def shift_right(a: Array, by: Array) -> Array:
    """Logical for unsigned, arithmetic for signed arrays."""
    return np.right_shift(a, count(by, a.dtype.itemsize * 8).astype(a.dtype))


def add_carry(a: Array, b: Array, carry: Any = False) -> tuple[Array, Array]:
    wide = a.astype(np.uint64) + b + np.asarray(carry).astype(np.uint64)
    return wide.astype(np.uint32), wide > np.uint64(0xFFFFFFFF)


def sub_borrow(a: Array, b: Array, borrow: Any = False) -> tuple[Array, Array]:
    taken = b.astype(np.uint64) + np.asarray(borrow).astype(np.uint64)
    return (a.astype(np.uint64) - taken).astype(np.uint32), taken > a


def _carries() -> None:
    two, three = "u32 u32", "u32 u32 mask"
    out = "u32 mask"
    OPS.put("v_add_u32 v_add_nc_u32", "u32", two, np.add)
    OPS.put("v_sub_u32 v_sub_nc_u32", "u32", two, np.subtract)
    OPS.put("v_subrev_u32 v_subrev_nc_u32", "u32", two, lambda a, b: b - a)
    OPS.put("v_add_co_u32", out, two, add_carry)
    OPS.put("v_sub_co_u32", out, two, sub_borrow)
    OPS.put("v_subrev_co_u32", out, two, lambda a, b: sub_borrow(b, a))
    OPS.put("v_addc_co_u32 v_add_co_ci_u32", out, three, add_carry)
    OPS.put("v_subb_co_u32 v_sub_co_ci_u32", out, three, sub_borrow)
    OPS.put("v_subbrev_co_u32 v_subrev_co_ci_u32", out, three, lambda a, b, c: sub_borrow(b, a, c))
    OPS.put("v_add_i32 v_add_nc_i32", "i32", "i32 i32", np.add)
    OPS.put("v_sub_i32 v_sub_nc_i32", "i32", "i32 i32", np.subtract)


def mul_high(a: Array, b: Array) -> Array:
    """The upper 32 bits of the product of int32 or uint32 arrays."""
    wide = np.int64 if a.dtype == np.int32 else np.uint64
    return ((a.astype(wide) * b.astype(wide)) >> wide(32)).astype(a.dtype)


def _low24(a: Array) -> Array:
    if a.dtype == np.uint32:
        return a & np.uint32(0xFFFFFF)
    return (a << np.int32(8)) >> np.int32(8)


def _mul24(a: Array, b: Array) -> Array:
    return _low24(a) * _low24(b)


def _mul24_high(a: Array, b: Array) -> Array:
    return mul_high(_low24(a), _low24(b))


def _mad64(a: Array, b: Array, c: Array) -> tuple[Array, Array]:
    result = a.astype(c.dtype) * b.astype(c.dtype) + c
    if c.dtype == np.uint64:
        return result, result < c
    product = a.astype(np.int64) * b.astype(np.int64)
    return result, ((c ^ result) & (product ^ result)) < 0


def _products() -> None:
    for t in ("u32", "i32"):
        OPS.put(f"v_mul_hi_{t}", t, f"{t} {t}", mul_high)
        OPS.put(f"v_mul_{t}_{t[0]}24", t, f"{t} {t}", _mul24)
        OPS.put(f"v_mul_hi_{t}_{t[0]}24", t, f"{t} {t}", _mul24_high)
        OPS.put(f"v_mad_{t}_{t[0]}24", t, f"{t} {t} {t}", lambda a, b, c: _mul24(a, b) + c)
        OPS.put(f"v_mad_{t}_{t[0]}16", t, f"{t[0]}16 {t[0]}16 {t}", _mad16)
    OPS.put("v_mul_lo_u32 v_mul_lo_i32", "u32", "u32 u32", np.multiply)
    OPS.put("v_mad_u64_u32 v_mad_co_u64_u32", "u64 mask", "u32 u32 u64", _mad64)
    OPS.put("v_mad_i64_i32 v_mad_co_i64_i32", "i64 mask", "i32 i32 i64", _mad64)


def _mad16(a: Array, b: Array, c: Array) -> Array:
    return a.astype(c.dtype) * b.astype(c.dtype) + c


def _shifts() -> None:
    for width in (16, 32, 64):
        for name, t, fn in (
            ("lshlrev_b", f"u{width}", shift_left),
            ("lshrrev_b", f"u{width}", shift_right),
            ("ashrrev_i", f"i{width}", shift_right),
        ):
            by = "u16" if width == 16 else "u32"
            OPS.put(f"v_{name}{width}", t, f"{by} {t}", lambda by, a, fn=fn: fn(a, by))
    three = "u32 u32 u32"
    OPS.put("v_lshl_add_u32", "u32", three, lambda a, b, c: shift_left(a, b) + c)
    OPS.put("v_lshl_add_u64", "u64", "u64 u32 u64", lambda a, b, c: (a << _few(b)) + c)
    OPS.put("v_add_lshl_u32", "u32", three, lambda a, b, c: shift_left(a + b, c))
    OPS.put("v_lshl_or_b32", "u32", three, lambda a, b, c: shift_left(a, b) | c)
    OPS.put("v_alignbit_b32", "u32", three, lambda a, b, c: _aligned(a, b, count(c, 32)))
    OPS.put("v_alignbyte_b32", "u32", three, lambda a, b, c: _aligned(a, b, (c & 3) << 3))


def _few(by: Array) -> Array:
    """v_lshl_add_u64 shifts by 0..4; a larger count is not defined."""
    return (by & np.uint32(7)).astype(np.uint64)


def _aligned(a: Array, b: Array, by: Array) -> Array:
    pair = (a.astype(np.uint64) << np.uint64(32)) | b
    return (pair >> by.astype(np.uint64)).astype(np.uint32)


def _logic() -> None:
    for width in (16, 32):
        t = f"b{width}"
        two, three = f"{t} {t}", f"{t} {t} {t}"
        OPS.put(f"v_and_{t}", t, two, np.bitwise_and)
        OPS.put(f"v_or_{t}", t, two, np.bitwise_or)
        OPS.put(f"v_xor_{t}", t, two, np.bitwise_xor)
        OPS.put(f"v_not_{t}", t, t, np.invert)
        OPS.put(f"v_mov_{t}", t, t, np.copy)
        OPS.put(f"v_cndmask_{t}", t, f"{two} mask", lambda a, b, pick: np.where(pick, b, a))
    OPS.put("v_mov_b64", "b64", "b64", np.copy)
    OPS.put("v_xnor_b32", "b32", "b32 b32", lambda a, b: ~(a ^ b))
    three = "b32 b32 b32"
    OPS.put("v_and_or_b32", "b32", three, lambda a, b, c: (a & b) | c)
    OPS.put("v_or3_b32", "b32", three, lambda a, b, c: a | b | c)
    OPS.put("v_xor3_b32", "b32", three, lambda a, b, c: a ^ b ^ c)
    OPS.put("v_xad_u32", "u32", "u32 u32 u32", lambda a, b, c: (a ^ b) + c)
    OPS.put("v_add3_u32", "u32", "u32 u32 u32", lambda a, b, c: a + b + c)
    OPS.put("v_bfi_b32", "b32", three, lambda a, b, c: (a & b) | (~a & c))
    OPS.put("v_perm_b32", "b32", three, _permuted)


def _permuted(a: Array, b: Array, selectors: Array) -> Array:
    """Each byte of `selectors` picks a byte of {a, b}, a sign spread over a byte, 0 or 0xff."""
    pair = (a.astype(np.uint64) << np.uint64(32)) | b
    result = np.zeros(pair.shape, np.uint64)
    for byte in range(4):
        pick = ((selectors >> np.uint32(8 * byte)) & np.uint32(0xFF)).astype(np.uint64)
        plain = (pair >> ((pick & np.uint64(7)) * np.uint64(8))) & np.uint64(0xFF)
        sign = (pair >> (((pick & np.uint64(3)) + np.uint64(1)) * np.uint64(16) - np.uint64(1))) & 1
        other = np.where(pick < 12, sign * np.uint64(0xFF), np.where(pick == 12, 0, 0xFF))
        chosen = np.where(pick < 8, plain, other.astype(np.uint64))
        result |= chosen << np.uint64(8 * byte)
    return result.astype(np.uint32)


def _field(a: Array, offset: Array, width: Array) -> Array:
    offset, width = offset & np.uint32(31), width & np.uint32(31)
    return (a >> offset) & ((np.uint32(1) << width) - np.uint32(1))


def _signed_field(a: Array, offset: Array, width: Array) -> Array:
    """Bits above the field's end are copies of the sign, also where it reaches past bit 31."""
    offset, width = offset & np.uint32(31), width & np.uint32(31)
    top = (np.uint32(32) - width) & np.uint32(31)
    shifted = (a >> offset.view(np.int32)) << top.view(np.int32)
    return np.where(width == 0, np.int32(0), shifted >> top.view(np.int32))


def bit_count(a: Array) -> Array:
    return np.bitwise_count(a).astype(np.uint32)


def leading_zeros(a: Array) -> Array:
    """Zeros above the highest set bit of 32- or 64-bit words; -1 without one."""
    bits = a.dtype.itemsize * 8
    filled = a.copy()
    for step in (1, 2, 4, 8, 16, 32):
        if step < bits:
            filled |= filled >> a.dtype.type(step)
    found = bits - np.bitwise_count(filled).astype(np.int32)
    return np.where(a == 0, -1, found).astype(np.int32)


def trailing_zeros(a: Array) -> Array:
    lowest = a & (~a + a.dtype.type(1))
    below = np.bitwise_count(lowest - a.dtype.type(1)).astype(np.int32)
    return np.where(a == 0, -1, below).astype(np.int32)


def sign_bits(a: Array) -> Array:
    """How many of the highest bits of an int32 equal its sign; -1 if all do."""
    return leading_zeros((a ^ (a >> np.int32(31))).view(np.uint32))


def reversed_bits(a: Array) -> Array:
    for by, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        a = ((a >> np.uint32(by)) & np.uint32(mask)) | ((a & np.uint32(mask)) << np.uint32(by))
    return (a >> np.uint32(16)) | (a << np.uint32(16))


def _lanes_below(first: int, a: Array, b: Array) -> Array:
    """Bits of `a` for lanes first..first+31 below the own lane, added to `b` (v_mbcnt)."""
    lanes = np.clip(np.arange(b.shape[-1]) - first, 0, 32).astype(np.uint64)
    below = ((np.uint64(1) << lanes) - np.uint64(1)).astype(np.uint32)
    return bit_count(a & below) + b


def _bits() -> None:
    OPS.put("v_bfe_u32", "u32", "u32 u32 u32", _field)
    OPS.put("v_bfe_i32", "i32", "i32 u32 u32", _signed_field)
    OPS.put(
        "v_bfm_b32", "u32", "u32 u32", lambda a, b: shift_left(shift_left(_one(a), a) - _one(a), b)
    )
    OPS.put("v_bcnt_u32_b32", "u32", "u32 u32", lambda a, b: bit_count(a) + b)
    OPS.put("v_mbcnt_lo_u32_b32", "u32", "u32 u32", lambda a, b: _lanes_below(0, a, b))
    OPS.put("v_mbcnt_hi_u32_b32", "u32", "u32 u32", lambda a, b: _lanes_below(32, a, b))
    OPS.put("v_ffbh_u32 v_clz_i32_u32", "i32", "u32", leading_zeros)
    OPS.put("v_ffbh_i32 v_cls_i32", "i32", "i32", sign_bits)
    OPS.put("v_ffbl_b32 v_ctz_i32_b32", "i32", "u32", trailing_zeros)
    OPS.put("v_bfrev_b32", "u32", "u32", reversed_bits)


def _one(a: Array) -> Array:
    return np.ones_like(a)


Choice = Callable[[Array, Array], Array]


def middle(a: Array, b: Array, c: Array) -> Array:
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def _extremes() -> None:
    for t in ("u16", "i16", "u32", "i32"):
        two, three = f"{t} {t}", f"{t} {t} {t}"
        low: Choice = np.minimum
        high: Choice = np.maximum
        OPS.put(f"v_min_{t}", t, two, low)
        OPS.put(f"v_max_{t}", t, two, high)
        OPS.put(f"v_min3_{t}", t, three, lambda a, b, c: np.minimum(np.minimum(a, b), c))
        OPS.put(f"v_max3_{t}", t, three, lambda a, b, c: np.maximum(np.maximum(a, b), c))
        OPS.put(f"v_med3_{t}", t, three, middle)
        OPS.put(f"v_minmax_{t}", t, three, lambda a, b, c: np.maximum(np.minimum(a, b), c))
        OPS.put(f"v_maxmin_{t}", t, three, lambda a, b, c: np.minimum(np.maximum(a, b), c))


def _halves() -> None:
    for t in ("u16", "i16"):
        two = f"{t} {t}"
        OPS.put(f"v_add_{t} v_add_nc_{t}", t, two, np.add)
        OPS.put(f"v_sub_{t} v_sub_nc_{t}", t, two, np.subtract)
        OPS.put(f"v_mad_{t} v_mad_legacy_{t}", t, f"{two} {t}", lambda a, b, c: a * b + c)
    OPS.put("v_subrev_u16", "u16", "u16 u16", lambda a, b: b - a)
    OPS.put("v_mul_lo_u16", "u16", "u16 u16", np.multiply)


_carries()
_products()
_shifts()
_logic()
_bits()
_extremes()
_halves()
