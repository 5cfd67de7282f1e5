"""Shapes, dtypes and tolerance of fused_add_rms_norm: one table for tests, emulator, benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import casework
from gfx_kernels.fused_add_rms_norm import reference
from gfx_kernels.rms_norm import cases as rms_norm

ACCUMULATOR = torch.float32
WRITES = ("input", "residual")
RELATIVE = rms_norm.RELATIVE  # the norm loses no more by the sum that comes before it


@dataclass(frozen=True)
class Case:
    """`[rows, hidden]`; rows of the input and of the residual are followed by gaps."""

    rows: int
    hidden: int
    dtype: torch.dtype = torch.float16
    weight: bool = True
    gap: int = 0
    residual_gap: int = 0
    emulate: bool = False

    @property
    def name(self) -> str:
        marks = [] if self.weight else ["unweighted"]
        marks += [f"gaps{self.gap}+{self.residual_gap}"] if self.gap or self.residual_gap else []
        dtype = str(self.dtype).removeprefix("torch.")
        return "-".join([f"{self.rows}x{self.hidden}", dtype, *marks])


def problem(case: Case, seed: int = 0) -> casework.Arguments:
    """Random arguments for `case`, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    shape = (case.rows, case.hidden)
    return {
        "input": casework.normal(rng, case.dtype, *shape, gap=case.gap),
        "residual": casework.normal(rng, case.dtype, *shape, gap=case.residual_gap),
        "weight": torch.randn(case.hidden, generator=rng).to(case.dtype) if case.weight else None,
        "epsilon": rms_norm.EPSILON,
    }


def worst(case: Case, before: casework.Arguments, after: casework.Arguments) -> float:
    """The largest error, in units of what is allowed."""
    exact = casework.exact(reference.fused_add_rms_norm, before)
    relative = casework.ROUNDING[case.dtype] + RELATIVE
    return max(
        casework.excess(
            after[name], exact[name], relative * exact[name].abs() + casework.SMALLEST[case.dtype]
        )
        for name in WRITES
    )


def traffic(case: Case) -> int:
    """Bytes that must be read and written."""
    return (4 * case.rows + case.weight) * case.hidden * case.dtype.itemsize


CASES: tuple[Case, ...] = (
    *(Case(3, 1024, d, emulate=True) for d in casework.ROUNDING),
    *(Case(2, 601, d, emulate=True) for d in casework.ROUNDING),  # rows at odd places
    *(Case(1, 1201, d, emulate=True) for d in casework.ROUNDING),  # and longer than is kept
    *(Case(1, 9216, d, emulate=True) for d in casework.ROUNDING),
    *(Case(5, 9216, d) for d in casework.ROUNDING),
    Case(3, 512, gap=8, residual_gap=64, emulate=True),
    Case(3, 512, gap=0, residual_gap=3, emulate=True),
    Case(2, 2048, torch.bfloat16, weight=False, emulate=True),
    Case(1, 1, emulate=True),
    Case(300, 2816, torch.bfloat16),
    Case(70000, 64),
)
BENCH: tuple[Case, ...] = tuple(Case(b.rows, b.hidden, b.dtype) for b in rms_norm.BENCH)
