"""Scalar float instructions (gfx11.5 and gfx12): the vector ones' functions, one value a wave."""

from __future__ import annotations

import numpy as np

from . import numbers
from .semantic import Table
from .vector_convert import to_integer, to_type

OPS = Table()


def _arithmetic(t: str) -> None:
    two, three = f"{t} {t}", f"{t} {t} {t}"
    OPS.put(f"s_add_{t}", t, two, np.add)
    OPS.put(f"s_sub_{t}", t, two, np.subtract)
    OPS.put(f"s_mul_{t}", t, two, np.multiply)
    OPS.put(f"s_fmac_{t}", t, three, numbers.fma, reads_dst=True)
    # gfx11.5 spells the gfx12 instructions without num, and quiets as its vector ones do.
    OPS.put(f"s_min_{t}", t, two, numbers.ieee_min)
    OPS.put(f"s_max_{t}", t, two, numbers.ieee_max)
    OPS.put(f"s_min_num_{t}", t, two, numbers.minimum_number)
    OPS.put(f"s_max_num_{t}", t, two, numbers.maximum_number)
    OPS.put(f"s_minimum_{t}", t, two, numbers.nan_minimum)
    OPS.put(f"s_maximum_{t}", t, two, numbers.nan_maximum)
    for name, fn in (
        ("ceil", np.ceil),
        ("floor", np.floor),
        ("trunc", np.trunc),
        ("rndne", np.rint),
    ):
        OPS.put(f"s_{name}_{t}", t, t, fn)


_arithmetic("f16")
_arithmetic("f32")
OPS.put("s_fmaak_f32 s_fmamk_f32", "f32", "f32 f32 f32", numbers.fma)
OPS.put("s_cvt_f32_i32", "f32", "i32", to_type(np.float32))
OPS.put("s_cvt_f32_u32", "f32", "u32", to_type(np.float32))
OPS.put("s_cvt_i32_f32", "i32", "f32", to_integer(np.int32))
OPS.put("s_cvt_u32_f32", "u32", "f32", to_integer(np.uint32))
OPS.put("s_cvt_f16_f32", "f16", "f32", to_type(np.float16))
OPS.put("s_cvt_f32_f16", "f32", "f16", to_type(np.float32))
