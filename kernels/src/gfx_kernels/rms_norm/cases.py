"""Shapes, dtypes and tolerance of rms_norm: one table for tests, emulator and benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import casework, shapes
from gfx_kernels.rms_norm import reference

ACCUMULATOR = torch.float32
WRITES = ("out",)
# |error| <= (ROUNDING[dtype] + RELATIVE) * |result|: half a unit in the last place, and what a
# float32 sum in any order and the root lose.
RELATIVE = 1e-6
EPSILON = 1e-6


@dataclass(frozen=True)
class Case:
    """`[rows, hidden]`, or `[rows, heads, hidden]` as a part of rows that are `gap` longer.

    `own_weights`: one per row, which its heads share.
    """

    rows: int
    hidden: int
    dtype: torch.dtype = torch.float16
    weight: bool = True
    own_weights: bool = False
    heads: int = 0
    gap: int = 0
    offset: int = 0
    emulate: bool = False

    @property
    def name(self) -> str:
        size = (
            f"{self.rows}x{self.heads}x{self.hidden}"
            if self.heads
            else f"{self.rows}x{self.hidden}"
        )
        marks = [] if self.weight else ["unweighted"]
        marks += ["own-weights"] if self.own_weights else []
        marks += [f"gap{self.gap}"] if self.gap else []
        marks += [f"offset{self.offset}"] if self.offset else []
        return "-".join([size, str(self.dtype).removeprefix("torch."), *marks])


def problem(case: Case, seed: int = 0) -> casework.Arguments:
    """Random arguments for `case`, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    width = case.hidden * (case.heads or 1)
    x = casework.normal(rng, case.dtype, case.rows, width + case.offset, gap=case.gap)
    x = x[:, case.offset :]
    if case.heads:
        x = x.unflatten(1, (case.heads, case.hidden))
    shape = (case.rows, case.hidden) if case.own_weights else (case.hidden,)
    return {
        "out": torch.full(x.shape, float("nan"), dtype=case.dtype),
        "input": x,
        "weight": torch.randn(shape, generator=rng).to(case.dtype) if case.weight else None,
        "epsilon": EPSILON,
    }


def worst(case: Case, before: casework.Arguments, after: casework.Arguments) -> float:
    """The largest error, in units of what is allowed."""
    wanted = casework.exact(reference.rms_norm, before)["out"]
    relative = casework.ROUNDING[case.dtype] + RELATIVE
    allowed = relative * wanted.abs() + casework.SMALLEST[case.dtype]
    return casework.excess(after["out"], wanted, allowed)


def traffic(case: Case) -> int:
    """Bytes that must be read and written."""
    weights = case.weight * (case.rows if case.own_weights else 1)
    numbers = 2 * case.rows * (case.heads or 1) + weights
    return numbers * case.hidden * case.dtype.itemsize


_DTYPES = tuple(casework.ROUNDING)

CASES: tuple[Case, ...] = (
    *(Case(3, 256, d, emulate=True) for d in _DTYPES),
    *(Case(2, 1024, d, emulate=True) for d in _DTYPES),
    *(Case(2, 601, d, emulate=True) for d in _DTYPES),  # rows at odd places
    *(Case(1, 1201, d, emulate=True) for d in _DTYPES),  # and longer than what threads keep
    *(Case(1, 9216, d, emulate=True) for d in _DTYPES),
    *(Case(5, 9216, d) for d in _DTYPES),
    Case(9, 128, heads=3, gap=128, emulate=True),
    Case(2, 640, torch.bfloat16, heads=2, gap=64, emulate=True),
    Case(2, 80, torch.bfloat16, heads=5, gap=8),
    Case(3, 64, gap=1, emulate=True),
    Case(2, 1024, offset=4, emulate=True),
    Case(2, 2048, torch.bfloat16, weight=False, emulate=True),
    Case(4, 512, weight=False, emulate=True),
    Case(3, 128, own_weights=True, heads=5, emulate=True),
    Case(2, 1024, torch.bfloat16, own_weights=True, heads=2, gap=8, emulate=True),
    Case(4, 33, torch.float32, own_weights=True, emulate=True),
    Case(1, 1, emulate=True),
    Case(3, 7, torch.float32),
    Case(1, 16384),
    Case(300, 2816, torch.bfloat16),
    Case(70000, 64),
)


_ROWS = (1, 4, 16, 64, 256, 1024, 4096)
BENCH: tuple[Case, ...] = tuple(
    Case(m, hidden, dtype)
    for hidden, dtype in sorted(
        {(model.hidden, getattr(torch, model.dtype)) for model in shapes.models().values()},
        key=str,
    )
    for m in _ROWS
)
