"""Comparisons: vector ones make a lane mask, scalar ones scc.

The float predicates come in pairs, one the negation of the other, so that each answer for an
unordered pair (a NaN in it) has a name: lt is false, nge is true.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .numbers import is_signalling
from .semantic import Array, Table

OPS = Table()
Predicate = Callable[[Array, Array], Array]

INTEGER: dict[str, Predicate] = {
    "f": lambda a, b: np.zeros(a.shape, np.bool_),
    "lt": np.less,
    "eq": np.equal,
    "le": np.less_equal,
    "gt": np.greater,
    "ne": np.not_equal,
    "lg": np.not_equal,
    "ge": np.greater_equal,
    "t": lambda a, b: np.ones(a.shape, np.bool_),
}


def _ordered(a: Array, b: Array) -> Array:
    return ~(np.isnan(a) | np.isnan(b))


FLOAT: dict[str, Predicate] = {
    "lt": np.less,
    "eq": np.equal,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lg": lambda a, b: (a < b) | (a > b),
    "o": _ordered,
}
NEGATED: dict[str, str] = {
    "nlt": "lt", "neq": "eq", "nle": "le", "ngt": "gt", "nge": "ge", "nlg": "lg", "u": "o",
}  # fmt: skip


def _negated(predicate: Predicate) -> Predicate:
    return lambda a, b: ~predicate(a, b)


FLOAT |= {name: _negated(FLOAT[of]) for name, of in NEGATED.items()}
ALWAYS: dict[str, Predicate] = {"f": INTEGER["f"], "tru": INTEGER["t"], "t": INTEGER["t"]}


def _vector() -> None:
    for stem in ("v_cmp", "v_cmpx"):
        for t in ("i16", "u16", "i32", "u32", "i64", "u64"):
            for name, predicate in INTEGER.items():
                if name != "lg":
                    OPS.put(f"{stem}_{name}_{t}", "mask", f"{t} {t}", predicate)
        for t in ("f16", "f32", "f64"):
            for name, predicate in (FLOAT | ALWAYS).items():
                OPS.put(f"{stem}_{name}_{t}", "mask", f"{t} {t}", predicate)
            OPS.put(f"{stem}_class_{t}", "mask", f"{t} {'u16' if t == 'f16' else 'u32'}", of_class)


def of_class(a: Array, wanted: Array) -> Array:
    """Whether the class of `a` has its bit set in `wanted`.

    Bits: signalling NaN, quiet NaN, -inf, -normal, -denormal, -0, +0, +denormal, +normal, +inf.
    """
    smallest = np.finfo(a.dtype).smallest_normal
    negative = np.select([np.isinf(a), a == 0, np.abs(a) < smallest], [2, 5, 4], 3)
    signed = np.where(np.signbit(a), negative, 11 - negative)
    bit = np.where(np.isnan(a), np.where(is_signalling(a), 0, 1), signed)
    return ((wanted.astype(np.uint32) >> bit.astype(np.uint32)) & np.uint32(1)) != 0


def _scalar() -> None:
    for t in ("i32", "u32"):
        for name in ("lt", "eq", "le", "gt", "lg", "ge"):
            immediate = "simm16" if t == "i32" else "uimm16"
            OPS.put(f"s_cmp_{name}_{t}", "scc", f"{t} {t}", INTEGER[name])
            OPS.put(f"s_cmpk_{name}_{t}", "scc", f"{t} {immediate}", INTEGER[name])
    for name in ("eq", "lg"):
        OPS.put(f"s_cmp_{name}_u64", "scc", "u64 u64", INTEGER[name])
    for t in ("f16", "f32"):
        for name, predicate in FLOAT.items():
            OPS.put(f"s_cmp_{name}_{t}", "scc", f"{t} {t}", predicate)
    for width in (32, 64):
        by = f"b{width} u32"
        OPS.put(f"s_bitcmp0_b{width}", "scc", by, lambda a, b: _bit(a, b) == 0)
        OPS.put(f"s_bitcmp1_b{width}", "scc", by, lambda a, b: _bit(a, b) != 0)


def _bit(a: Array, index: Array) -> Array:
    at = index.astype(a.dtype) & a.dtype.type(a.dtype.itemsize * 8 - 1)
    return (a >> at) & a.dtype.type(1)


_vector()
_scalar()
