"""Packed arithmetic, two numbers in each register, and dot products into an accumulator.

Each half of a packed float16 operation is rounded once. The ISA leaves the order and the roundings
inside a dot product to the hardware: here products are exact, sums are in float64 and the result is
rounded once, denormals kept; compare with a tolerance. Integer dot products wrap.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import numbers
from .semantic import Array, Table
from .vector_integer import shift_left, shift_right

OPS = Table()


def _floats() -> None:
    for t in ("v2f16", "v2f32"):
        two, three = f"{t} {t}", f"{t} {t} {t}"
        suffix = t[2:]
        OPS.put(f"v_pk_add_{suffix}", t, two, np.add)
        OPS.put(f"v_pk_mul_{suffix}", t, two, np.multiply)
        OPS.put(f"v_pk_fma_{suffix}", t, three, numbers.fma)
    # op_sel names the word of each pair that moves: the first of what the operand code gathers.
    OPS.put(
        "v_pk_mov_b32", "v2b32", "v2b32 v2b32", lambda a, b: np.stack([a[..., 0], b[..., 0]], -1)
    )
    two, three = "v2f16 v2f16", "v2f16 v2f16 v2f16"
    OPS.put("v_pk_fmac_f16", "v2f16", three, numbers.fma, reads_dst=True)
    OPS.put("v_pk_min_f16", "v2f16", two, numbers.ieee_min)
    OPS.put("v_pk_max_f16", "v2f16", two, numbers.ieee_max)
    OPS.put("v_pk_min_num_f16", "v2f16", two, numbers.minimum_number)
    OPS.put("v_pk_max_num_f16", "v2f16", two, numbers.maximum_number)
    OPS.put("v_pk_minimum_f16", "v2f16", two, numbers.nan_minimum)
    OPS.put("v_pk_maximum_f16", "v2f16", two, numbers.nan_maximum)


def _integers() -> None:
    for t in ("i16", "u16"):
        v = f"v2{t}"
        OPS.put(f"v_pk_add_{t}", v, f"{v} {v}", np.add)
        OPS.put(f"v_pk_sub_{t}", v, f"{v} {v}", np.subtract)
        OPS.put(f"v_pk_min_{t}", v, f"{v} {v}", np.minimum)
        OPS.put(f"v_pk_max_{t}", v, f"{v} {v}", np.maximum)
        OPS.put(f"v_pk_mad_{t}", v, f"{v} {v} {v}", lambda a, b, c: a * b + c)
    OPS.put("v_pk_mul_lo_u16", "v2u16", "v2u16 v2u16", np.multiply)
    OPS.put("v_pk_lshlrev_b16", "v2u16", "v2u16 v2u16", lambda by, a: shift_left(a, by))
    OPS.put("v_pk_lshrrev_b16", "v2u16", "v2u16 v2u16", lambda by, a: shift_right(a, by))
    OPS.put("v_pk_ashrrev_i16", "v2i16", "v2u16 v2i16", lambda by, a: shift_right(a, by))


def _sum_of_products(a: Array, b: Array) -> Array:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]


def dot2_f16(a: Array, b: Array, c: Array) -> Array:
    """a.x * b.x + a.y * b.y + c, rounded once to float32."""
    total: Array = _sum_of_products(a.astype(np.float64), b.astype(np.float64)) + c
    return total.astype(c.dtype)


def dot2_bf16(a: Array, b: Array, c: Array) -> Array:
    wide = _sum_of_products(_wide_bf16(a), _wide_bf16(b))
    return (wide + c).astype(np.float32)


def _dot2_bf16_bf16(a: Array, b: Array, c: Array) -> Array:
    wide = _sum_of_products(_wide_bf16(a), _wide_bf16(b)) + _wide_bf16(c)
    return numbers.to_bf16(wide.astype(np.float32))


def _wide_bf16(a: Array) -> Array:
    return numbers.from_bf16(a).astype(np.float64)


def fields(words: Array, width: int, signed: bool) -> Array:
    """The 32 / width fields of each word, widened to int32 on a last axis, lowest first."""
    shifts = np.arange(0, 32, width, dtype=np.uint32)
    placed = words[..., None] << (np.uint32(32 - width) - shifts)
    if signed:
        return placed.view(np.int32) >> np.int32(32 - width)
    return (placed >> np.uint32(32 - width)).astype(np.int32)


def dot(width: int, signed: bool) -> Callable[[Array, Array, Array], Array]:
    def summed(a: Array, b: Array, c: Array) -> Array:
        products = fields(a, width, signed) * fields(b, width, signed)
        return products.sum(axis=-1, dtype=np.int32).astype(c.dtype) + c

    return summed


def _dot_of_fields(a: Array, b: Array, c: Array) -> Array:
    return (a * b).sum(axis=-1, dtype=np.int32) + c


def _dot2_i16(a: Array, b: Array, c: Array) -> Array:
    kind = c.dtype
    return _sum_of_products(a.astype(kind), b.astype(kind)) + c


def _float_dots() -> None:
    into = "v2f16 v2f16 f32"
    OPS.put("v_dot2_f32_f16", "f32", into, dot2_f16)
    OPS.put("v_dot2c_f32_f16 v_dot2acc_f32_f16", "f32", into, dot2_f16, reads_dst=True)
    into = "v2bf16 v2bf16 f32"
    OPS.put("v_dot2_f32_bf16", "f32", into, dot2_bf16)
    OPS.put("v_dot2acc_f32_bf16 v_dot2c_f32_bf16", "f32", into, dot2_bf16, reads_dst=True)
    OPS.put("v_dot2_f16_f16", "f16", "v2f16 v2f16 f16", dot2_f16)
    OPS.put("v_dot2_bf16_bf16", "bf16", "v2bf16 v2bf16 bf16", _dot2_bf16_bf16)


def _integer_dots() -> None:
    OPS.put("v_dot2_i32_i16", "i32", "v2i16 v2i16 i32", _dot2_i16)
    OPS.put("v_dot2c_i32_i16", "i32", "v2i16 v2i16 i32", _dot2_i16, reads_dst=True)
    OPS.put("v_dot2_u32_u16", "u32", "v2u16 v2u16 u32", _dot2_i16)
    for fields_in_word, width in ((4, 8), (8, 4)):
        signed, unsigned = f"i32_i{width}", f"u32_u{width}"
        name = f"v_dot{fields_in_word}"
        OPS.put(f"{name}_{signed}", "i32", "u32 u32 i32", dot(width, True))
        OPS.put(f"{name}c_{signed}", "i32", "u32 u32 i32", dot(width, True), reads_dst=True)
        OPS.put(f"{name}_{unsigned}", "u32", "u32 u32 u32", dot(width, False))
        kind = f"iu{width}x{fields_in_word}"
        OPS.put(f"{name}_i32_iu{width}", "i32", f"{kind} {kind} i32", _dot_of_fields)


_floats()
_integers()
_float_dots()
_integer_dots()
