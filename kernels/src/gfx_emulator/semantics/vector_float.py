"""Vector float arithmetic. A multiply-add is fused unless its name says mad or mac.

v_mad_f32 and v_mac_f32 round twice and flush denormals, as the hardware of gfx906 does in every
mode. Results of invalid operations are some NaN; its payload is not promised.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import numbers
from .semantic import Array, Table

OPS = Table()
SIZES = ("f16", "f32")


def _unfused(a: Array, b: Array, c: Array) -> Array:
    a, b, c = (numbers.flushed(v) for v in (a, b, c))
    return numbers.flushed(numbers.flushed(a * b) + c)


def _with_zero_winning(a: Array, b: Array) -> Array:
    return np.where((a == 0) | (b == 0), a.dtype.type(0), a * b)


def _arithmetic() -> None:
    for t in SIZES:
        OPS.put(f"v_add_{t}", t, f"{t} {t}", np.add)
        OPS.put(f"v_sub_{t}", t, f"{t} {t}", np.subtract)
        OPS.put(f"v_subrev_{t}", t, f"{t} {t}", lambda a, b: b - a)
        OPS.put(f"v_mul_{t}", t, f"{t} {t}", np.multiply)
        OPS.put(f"v_fma_{t} v_fmaak_{t}", t, f"{t} {t} {t}", numbers.fma)
        OPS.put(f"v_fmac_{t}", t, f"{t} {t} {t}", numbers.fma, reads_dst=True)
        OPS.put(f"v_fmamk_{t}", t, f"{t} {t} {t}", numbers.fma)
    OPS.put("v_mul_legacy_f32 v_mul_dx9_zero_f32", "f32", "f32 f32", _with_zero_winning)
    OPS.put("v_mad_f32 v_madak_f32 v_madmk_f32", "f32", "f32 f32 f32", _unfused)
    OPS.put("v_mac_f32", "f32", "f32 f32 f32", _unfused, reads_dst=True)
    OPS.put("v_add_f64", "f64", "f64 f64", np.add)
    OPS.put("v_mul_f64", "f64", "f64 f64", np.multiply)
    OPS.put("v_fma_f64", "f64", "f64 f64 f64", numbers.fma64)


def _mixed() -> None:
    """f16 and f32 operands; the halves are the float32 result rounded again."""

    def half(a: Array, b: Array, c: Array) -> Array:
        result: Array = numbers.fma(a, b, c).astype(np.float16)
        return result

    OPS.put("v_fma_mix_f32", "f32", "mix mix mix", numbers.fma)
    OPS.put("v_fma_mixlo_f16", "f16.lo", "mix mix mix", half)
    OPS.put("v_fma_mixhi_f16", "f16.hi", "mix mix mix", half)


Choice = Callable[[Array, Array], Array]


def _extremes(t: str, infix: str, low: Choice, high: Choice) -> None:
    def middle(a: Array, b: Array, c: Array) -> Array:
        most = high(high(a, b), c)
        rest = np.where(most == a, high(b, c), np.where(most == b, high(a, c), high(a, b)))
        with_nan = np.isnan(a) | np.isnan(b) | np.isnan(c)
        return np.where(with_nan, low(low(a, b), c), rest)

    three = f"{t} {t} {t}"
    OPS.put(f"v_min{infix}_{t}", t, f"{t} {t}", low)
    OPS.put(f"v_max{infix}_{t}", t, f"{t} {t}", high)
    OPS.put(f"v_med3{infix}_{t}", t, three, middle)
    OPS.put(f"v_min3{infix}_{t}", t, three, lambda a, b, c: low(low(a, b), c))
    OPS.put(f"v_max3{infix}_{t}", t, three, lambda a, b, c: high(high(a, b), c))
    OPS.put(f"v_minmax{infix}_{t}", t, three, lambda a, b, c: high(low(a, b), c))
    OPS.put(f"v_maxmin{infix}_{t}", t, three, lambda a, b, c: low(high(a, b), c))


def _maxima() -> None:
    for t in SIZES:
        _extremes(t, "", numbers.ieee_min, numbers.ieee_max)
        _extremes(t, "_num", numbers.minimum_number, numbers.maximum_number)
        OPS.put(f"v_minimum_{t}", t, f"{t} {t}", numbers.nan_minimum)
        OPS.put(f"v_maximum_{t}", t, f"{t} {t}", numbers.nan_maximum)


def _exponent(a: Array) -> Array:
    return np.where(np.isfinite(a), np.frexp(a)[1], 0).astype(np.int32)


def _whole() -> None:
    for t in (*SIZES, "f64"):
        OPS.put(f"v_trunc_{t}", t, t, np.trunc)
        OPS.put(f"v_floor_{t}", t, t, np.floor)
        OPS.put(f"v_ceil_{t}", t, t, np.ceil)
        OPS.put(f"v_rndne_{t}", t, t, np.rint)
        OPS.put(f"v_frexp_mant_{t}", t, t, lambda a: np.frexp(a)[0])
        OPS.put(f"v_ldexp_{t}", t, f"{t} {'i16' if t == 'f16' else 'i32'}", scaled)
    OPS.put("v_frexp_exp_i32_f32", "i32", "f32", _exponent)
    OPS.put("v_frexp_exp_i32_f64", "i32", "f64", _exponent)
    OPS.put("v_frexp_exp_i16_f16", "i16", "f16", lambda a: _exponent(a).astype(np.int16))
    OPS.put("v_fract_f32", "f32", "f32", _fraction)
    OPS.put("v_fract_f16", "f16", "f16", _fraction)


def scaled(a: Array, power: Array) -> Array:
    """a * 2^power with one rounding, for any power."""
    wide: Array = np.ldexp(a.astype(np.float64), np.clip(power.astype(np.int32), -3000, 3000))
    return wide.astype(a.dtype)


def _fraction(a: Array) -> Array:
    below_one = np.nextafter(a.dtype.type(1), a.dtype.type(0))
    return np.minimum(a - np.floor(a), below_one)


_arithmetic()
_mixed()
_maxima()
_whole()
