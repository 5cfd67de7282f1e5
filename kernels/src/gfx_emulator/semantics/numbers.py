"""Arithmetic with one rounding, and the rules of the ISA for NaN and signed zero.

float32 and float16 sums, products, quotients and square roots are NumPy's: IEEE, one rounding,
denormals kept. A fused multiply-add is computed in float64, where the product is exact; where the
sum's own rounding could show after the second one, it is rounded to odd first (Boldo and
Melquiond, "Emulation of FMA and correctly rounded sums", 2008), so that one rounding remains.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .semantic import Array

# The bits of a float64 that a narrower type drops, its smallest normal number, its sign and quiet
# bits as an unsigned integer of its size.
FLOATS: dict[Any, tuple[int, float]] = {
    np.dtype(np.float32): (29, 2.0**-126),
    np.dtype(np.float16): (42, 2.0**-14),
}
UNSIGNED: dict[Any, Any] = {2: np.uint16, 4: np.uint32, 8: np.uint64}
FRACTION_BITS = {2: 10, 4: 23, 8: 52}


def sum_once(x: Array, y: Array, dtype: Any) -> Array:
    """x + y of float64 arrays, rounded once to float32 or float16."""
    total = np.add(x, y)
    result: Array = total.astype(dtype)
    dropped, smallest = FLOATS[np.dtype(dtype)]
    tie = np.uint64(1 << (dropped - 1))
    unsure = (total.view(np.uint64) & np.uint64((1 << dropped) - 1)) == tie
    unsure |= np.abs(total) < smallest
    if unsure.any():
        x, y, total = (np.broadcast_to(v, unsure.shape)[unsure] for v in (x, y, total))
        result[unsure] = rounded_to_odd(x, y, total).astype(dtype)
    return result


def rounded_to_odd(x: Array, y: Array, total: Array) -> Array:
    """x + y rounded to odd, where `total` is x + y rounded to nearest (Knuth's TwoSum)."""
    part = total - x
    error = (x - (total - part)) + (y - part)
    bits = total.view(np.int64)
    inexact = (error != 0) & np.isfinite(error) & ((bits & 1) == 0)
    away = (error > 0) == (total > 0)
    step = np.where(inexact, np.where(away, 1, -1), 0)
    odd: Array = (bits + step).view(np.float64)
    return odd


def fma(a: Array, b: Array, c: Array) -> Array:
    """a * b + c of float32 or float16 arrays with one rounding, to the type of `a`."""
    product = np.multiply(a, b, dtype=np.float64)
    return sum_once(product, c.astype(np.float64), a.dtype)


def flushed(a: Array) -> Array:
    """`a` with denormals replaced by zeros of their sign."""
    return np.where(
        np.abs(a) < np.finfo(a.dtype).smallest_normal, np.copysign(a.dtype.type(0), a), a
    )


def from_bf16(raw: Array) -> Array:
    widened: Array = (raw.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return widened


def to_bf16(a: Array) -> Array:
    """float32 to the raw bits of the nearest bfloat16, ties to even; a NaN stays one."""
    bits = a.view(np.uint32)
    nearest = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    quiet = (bits >> np.uint32(16)) | np.uint32(0x40)
    return np.where(np.isnan(a), quiet, nearest).astype(np.uint16)


def is_signalling(a: Array) -> Array:
    size = a.dtype.itemsize
    unsigned = UNSIGNED[size]
    quiet = unsigned(1 << (FRACTION_BITS[size] - 1))
    return np.isnan(a) & ((a.view(unsigned) & quiet) == 0)


def _quieted(a: Array, b: Array, result: Array) -> Array:
    return np.where(is_signalling(a) | is_signalling(b), a.dtype.type(np.nan), result)


def maximum_number(a: Array, b: Array) -> Array:
    """The number if the other is NaN; +0 is more than -0."""
    second = (b > a) | ((a == b) & np.signbit(a)) | np.isnan(a)
    return np.where(second, b, a)


def minimum_number(a: Array, b: Array) -> Array:
    second = (b < a) | ((a == b) & np.signbit(b)) | np.isnan(a)
    return np.where(second, b, a)


def ieee_max(a: Array, b: Array) -> Array:
    """maximum_number, but NaN if either is a signalling NaN (the targets with an IEEE mode bit)."""
    return _quieted(a, b, maximum_number(a, b))


def ieee_min(a: Array, b: Array) -> Array:
    return _quieted(a, b, minimum_number(a, b))


def nan_maximum(a: Array, b: Array) -> Array:
    """NaN if either is NaN (IEEE 754-2019 maximum)."""
    return np.where(np.isnan(a) | np.isnan(b), a.dtype.type(np.nan), maximum_number(a, b))


def nan_minimum(a: Array, b: Array) -> Array:
    return np.where(np.isnan(a) | np.isnan(b), a.dtype.type(np.nan), minimum_number(a, b))


def fma64(a: Array, b: Array, c: Array) -> Array:
    """a * b + c in float64 with one rounding, short of over- and underflow in between.

    Boldo and Melquiond's algorithm over Dekker's exact product.
    """
    high, low = _exact_product(a, b)
    plain = high + c
    rest = c + low
    rest_error = (c - (rest - (rest - c))) + (low - (rest - c))
    top = high + rest
    top_error = (high - (top - (top - high))) + (rest - (top - high))
    tail = rest_error + top_error
    result = top + rounded_to_odd(rest_error, top_error, tail)
    return np.where(np.isfinite(result), result, plain)


def _exact_product(a: Array, b: Array) -> tuple[Array, Array]:
    (a_high, a_low), (b_high, b_low) = _split(a), _split(b)
    high = a * b
    low = ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low
    return high, low


def _split(a: Array) -> tuple[Array, Array]:
    scaled = a * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - a)
    return high, a - high
