"""Shapes, dtypes and tolerance of w4a16_dequantise: one table for tests, emulator and benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import casework, shapes
from gfx_kernels.w4 import layout, random
from gfx_kernels.w4a16_dequantise import reference

ACCUMULATOR = torch.float32  # of the product: there are no sums
WRITES = ("out",)
# |error| <= ROUNDING[dtype] * |result|: differences of 4-bit numbers are exact, and so is their
# product with a scale until it is rounded.


@dataclass(frozen=True)
class Case:
    """`rows` outputs, a multiple of 16, of `k` inputs; `odd`: out starts at an odd place."""

    rows: int
    k: int
    group_size: int
    dtype: torch.dtype = torch.float16
    zeros: bool = False
    odd: bool = False
    emulate: bool = False
    layer: str = ""

    @property
    def name(self) -> str:
        marks = [mark for mark in ("zeros", "odd") if getattr(self, mark)]
        dtype = str(self.dtype).removeprefix("torch.")
        size = f"{self.rows}x{self.k}"
        return "-".join([*filter(None, [self.layer]), size, f"g{self.group_size}", dtype, *marks])

    @property
    def groups(self) -> int:
        return self.k // self.group_size


def problem(case: Case, seed: int = 0) -> casework.Arguments:
    """Random arguments for `case`, the same for the same seed: every bit pattern is a weight."""
    weight = random.packed(case.rows, case.k, case.groups, case.dtype, case.zeros, seed)
    memory = torch.full((case.rows * case.k + case.odd,), float("nan"), dtype=case.dtype)
    out = memory[case.odd :].view(case.rows, case.k)
    return {"out": out, **vars(weight)}


def worst(case: Case, before: casework.Arguments, after: casework.Arguments) -> float:
    """The largest error, in units of what is allowed."""
    wanted = casework.exact(reference.w4a16_dequantise, before)["out"]
    allowed = casework.ROUNDING[case.dtype] * wanted.abs() + casework.SMALLEST[case.dtype]
    return casework.excess(after["out"], wanted, allowed)


def traffic(case: Case) -> int:
    """Bytes that must be read and written."""
    size = case.dtype.itemsize
    groups = case.rows * case.groups * size + case.zeros * case.rows * case.groups // 2
    return case.rows * case.k // 2 + groups + case.rows * case.k * size


_DTYPES = tuple(casework.ROUNDING)
_BOTH = (False, True)

CASES: tuple[Case, ...] = (
    *(Case(32, 96, 32, d, z, o, emulate=True) for d in _DTYPES for z in _BOTH for o in _BOTH),
    *(Case(16, 544, g, torch.float16, True, emulate=True) for g in (8, 544)),
    Case(16, 32, 16, torch.bfloat16, emulate=True),
    *(Case(48, 1024, g, d, z) for g in (64, 128, 1024) for d in _DTYPES for z in _BOTH),
    Case(16, 32768, 128, zeros=True),
    Case(4096, 256, 128),
)
BENCH: tuple[Case, ...] = tuple(
    Case(layout.tiles(at.n) * layout.ROWS, at.k, at.group_size, zeros=at.zeros, layer=at.name)
    for at in shapes.w4_linears()
)
