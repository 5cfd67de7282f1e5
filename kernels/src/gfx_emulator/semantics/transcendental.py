"""Reciprocals, roots, exponentials, logarithms, sines; and the steps of an IEEE division.

Computed in float64 and rounded once: the hardware promises one unit in the last place, so results
may differ there. The float32 ones flush denormal operands and results, as the hardware does and as
LLVM's expansions expect; the float16 ones keep them.

A division is v_div_scale, v_rcp, fused multiply-adds, v_div_fmas, v_div_fixup. The scaling keeps
the steps in between normal; v_div_fmas undoes it. The rules are those of the ISA documents, with
the direction of v_div_fmas's factor taken from its addend's exponent, and the denominator scaled
down, not up, where its reciprocal and the quotient are both denormal: so the quotient is IEEE's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import numbers
from .semantic import Array, Table
from .vector_float import scaled

OPS = Table()


def _reciprocal_root(a: Array) -> Array:
    return np.copysign(1.0, a) / np.sqrt(np.abs(a)) * np.where(a < 0, np.nan, 1.0)


def _sine(a: Array) -> Array:
    return np.sin(2 * np.pi * np.fmod(a, 1.0))


def _cosine(a: Array) -> Array:
    return np.cos(2 * np.pi * np.fmod(a, 1.0))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "rcp": lambda a: np.divide(1.0, a),
    "rsq": _reciprocal_root,
    "sqrt": np.sqrt,
    "exp": np.exp2,
    "log": np.log2,
    "sin": _sine,
    "cos": _cosine,
}


def _flushing(fn: Callable[[Array], Array]) -> Callable[[Array], Array]:
    def flushing(a: Array) -> Array:
        return numbers.flushed(fn(numbers.flushed(a).astype(np.float64)).astype(np.float32))

    return flushing


def _keeping(fn: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda a: fn(a.astype(np.float64)).astype(np.float16)


def _functions() -> None:
    for name, fn in FUNCTIONS.items():
        OPS.put(f"v_{name}_f32", "f32", "f32", _flushing(fn))
        OPS.put(f"v_{name}_f16", "f16", "f16", _keeping(fn))
        if name not in ("sin", "cos"):
            OPS.put(f"v_s_{name}_f32", "f32", "f32", _flushing(fn))
            OPS.put(f"v_s_{name}_f16", "f16", "f16", _keeping(fn))
    OPS.put("v_rcp_iflag_f32", "f32", "f32", _flushing(FUNCTIONS["rcp"]))


def _biased_exponent(a: Array) -> Array:
    return ((a.view(np.uint32) >> np.uint32(23)) & np.uint32(0xFF)).astype(np.int32)


def _div_scale(which: Array, denominator: Array, numerator: Array) -> tuple[Array, Array]:
    wide_numerator, wide_denominator = numerator.astype(np.float64), denominator.astype(np.float64)
    tiny = 2.0**-126
    exponents = _biased_exponent(numerator) - _biased_exponent(denominator)
    quotient_tiny = np.abs(wide_numerator / wide_denominator) < tiny
    reciprocal_tiny = np.abs(1.0 / wide_denominator) < tiny
    zero = (numerator == 0) | (denominator == 0)
    huge = exponents >= 96
    rules = [
        zero,
        huge,
        np.abs(denominator) < np.float32(tiny),
        reciprocal_tiny & quotient_tiny,
        reciprocal_tiny,
        quotient_tiny,
        _biased_exponent(numerator) <= 23,
    ]
    of_denominator = np.select(rules, [0, 64, 64, -64, -64, 0, 64], 0)
    of_numerator = np.select(rules, [0, 0, 64, 0, -64, 64, 64], 0)
    power = np.where(
        which.view(np.uint32) == denominator.view(np.uint32), of_denominator, of_numerator
    )
    result = np.where(zero, np.float32(np.nan), scaled(which, power))
    return result, np.select(rules, [False, True, False, True, False, True, False], False)


def _div_fmas(a: Array, b: Array, c: Array, scale: Array) -> Array:
    result = numbers.fma(a, b, c)
    power = np.where(_biased_exponent(c) > 127, 64, -64)
    return np.where(scale, scaled(result, power), result)


def _div_fixup(quotient: Array, denominator: Array, numerator: Array) -> Array:
    kind = quotient.dtype.type
    sign = np.where(np.signbit(denominator) ^ np.signbit(numerator), kind(-1), kind(1))
    zeros = (denominator == 0) & (numerator == 0)
    infinite = np.isinf(denominator) & np.isinf(numerator)
    invalid = np.isnan(denominator) | np.isnan(numerator) | zeros | infinite
    to_infinity = (denominator == 0) | np.isinf(numerator)
    to_zero = np.isinf(denominator) | (numerator == 0)
    # Steps that overflow end in a NaN, although both operands are numbers.
    rules = [invalid, to_infinity, to_zero, np.isnan(quotient)]
    values = [kind(np.nan), kind(np.inf), kind(0), kind(np.inf)]
    return sign * np.select(rules, values, np.abs(quotient))


_functions()
OPS.put("v_div_scale_f32", "f32 mask", "f32 f32 f32", _div_scale)
OPS.put("v_div_fmas_f32", "f32", "f32 f32 f32 vcc", _div_fmas)
OPS.put("v_div_fixup_f32", "f32", "f32 f32 f32", _div_fixup)
OPS.put("v_div_fixup_f16", "f16", "f16 f16 f16", _div_fixup)
