"""Conversions between number types.

Float to integer drops the fraction, keeps to the integer's range and makes 0 of a NaN. Float to a
narrower float rounds to nearest even, or towards zero where the name says rtz.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .semantic import DTYPES, Array, Table

OPS = Table()


def to_integer(
    kind: Any, rounding: Callable[[Array], Array] = np.trunc
) -> Callable[[Array], Array]:
    limits = np.iinfo(kind)

    def convert(a: Array) -> Array:
        wide = rounding(a.astype(np.float64))
        kept = np.clip(np.where(np.isnan(a), 0.0, wide), float(limits.min), float(limits.max))
        return kept.astype(kind)

    return convert


def to_type(kind: Any) -> Callable[[Array], Array]:
    return lambda a: a.astype(kind)


def towards_zero(a: Array) -> Array:
    """float32 to float16, the fraction cut; a finite number never becomes infinite."""
    nearest = a.astype(np.float16)
    over = np.abs(nearest.astype(np.float32)) > np.abs(a)
    cut = (nearest.view(np.uint16) - np.uint16(1)).view(np.float16)
    result: Array = np.where(over, cut, nearest)
    return result


def _pair(first: Array, second: Array) -> Array:
    return np.stack(np.broadcast_arrays(first, second), axis=-1)


def _rounded_half_up(a: Array) -> Array:
    return np.floor(a + 0.5)


def _one_byte(value: Array, byte: Array, into: Array) -> Array:
    shift = (byte & np.uint32(3)) * np.uint32(8)
    new = to_integer(np.uint8, np.rint)(value).astype(np.uint32)
    return (into & ~(np.uint32(0xFF) << shift)) | (new << shift)


def _integers() -> None:
    for t in ("u32", "i32"):
        OPS.put(f"v_cvt_f32_{t}", "f32", t, to_type(np.float32))
        OPS.put(f"v_cvt_f64_{t}", "f64", t, to_type(np.float64))
        OPS.put(f"v_cvt_{t}_f32", t, "f32", to_integer(DTYPES[t]))
        OPS.put(f"v_cvt_{t}_f64", t, "f64", to_integer(DTYPES[t]))
    for t in ("u16", "i16"):
        OPS.put(f"v_cvt_f16_{t}", "f16", t, to_type(np.float16))
        OPS.put(f"v_cvt_{t}_f16", t, "f16", to_integer(DTYPES[t]))
    OPS.put(
        "v_cvt_rpi_i32_f32 v_cvt_nearest_i32_f32",
        "i32",
        "f32",
        to_integer(np.int32, _rounded_half_up),
    )
    OPS.put("v_cvt_flr_i32_f32 v_cvt_floor_i32_f32", "i32", "f32", to_integer(np.int32, np.floor))
    for byte in range(4):
        shift = np.uint32(8 * byte)
        OPS.put(
            f"v_cvt_f32_ubyte{byte}", "f32", "u32",
            lambda a, shift=shift: ((a >> shift) & np.uint32(0xFF)).astype(np.float32),
        )  # fmt: skip


def _floats() -> None:
    OPS.put("v_cvt_f16_f32", "f16", "f32", to_type(np.float16))
    OPS.put("v_cvt_f32_f16", "f32", "f16", to_type(np.float32))
    OPS.put("v_cvt_f64_f32", "f64", "f32", to_type(np.float64))
    OPS.put("v_cvt_f32_f64", "f32", "f64", to_type(np.float32))
    OPS.put("v_cvt_pkrtz_f16_f32 v_cvt_pk_rtz_f16_f32", "v2f16", "f32 f32", _pair_towards_zero)


def _pair_towards_zero(a: Array, b: Array) -> Array:
    return _pair(towards_zero(a), towards_zero(b))


def _packing() -> None:
    """v_cvt_pk_u16_u32 is left out: the documents do not agree whether it saturates."""
    OPS.put("v_pack_b32_f16", "v2f16", "f16 f16", _pair)
    OPS.put("v_cvt_pk_i16_i32", "v2i16", "i32 i32", _pair_saturated)
    OPS.put("v_cvt_pk_u8_f32", "u32", "f32 u32 u32", _one_byte)


def _pair_saturated(a: Array, b: Array) -> Array:
    return np.clip(_pair(a, b), -0x8000, 0x7FFF).astype(np.int16)


_integers()
_floats()
_packing()
