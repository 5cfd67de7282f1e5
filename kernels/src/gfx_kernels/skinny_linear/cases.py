"""Shapes, dtypes and tolerances of skinny_linear: one table for tests, emulator and benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import shapes

ACCUMULATOR = torch.float32

# The reference: |error| <= ROUNDING[dtype] * |result| + SUMMATION * (|x| @ |weight| + |bias|).
ROUNDING = {torch.float16: 2**-11, torch.bfloat16: 2**-8}
SUMMATION = 5e-7
# Every other implementation: max|error| <= TOLERANCE[dtype] * max|result|, against the definition.
TOLERANCE = {torch.float16: 2e-3, torch.bfloat16: 1e-2}


@dataclass(frozen=True)
class Case:
    """One problem: `m` rows of `k` inputs to `n` outputs; `emulate`: small enough for that."""

    m: int
    k: int
    n: int
    dtype: torch.dtype = torch.float16
    bias: bool = False
    emulate: bool = False
    layer: str = ""

    @property
    def name(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        parts = [self.layer, f"{self.m}x{self.k}x{self.n}", dtype, "bias" if self.bias else ""]
        return "-".join(filter(None, parts))


@dataclass(frozen=True)
class Problem:
    """A case's tensors: `x` `[m, k]`, `weight` `[n, k]`, `bias` `[n]` or None."""

    x: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None


def problem(case: Case, seed: int = 0, device: str = "cpu") -> Problem:
    """Random tensors for `case` made on `device`, the same for the same seed and device."""
    rng = torch.Generator(device).manual_seed(seed)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(size, generator=rng, device=device, dtype=case.dtype)

    bias = normal(case.n) if case.bias else None
    return Problem(normal(case.m, case.k), normal(case.n, case.k), bias)


_DTYPES = tuple(ROUNDING)

CASES: tuple[Case, ...] = (
    *(Case(m, 512, 32, d, bias=m > 4, emulate=True) for m in range(1, 9) for d in _DTYPES),
    *(Case(1, k, 24, torch.bfloat16, bias=True, emulate=True) for k in (8, 64, 104, 1032)),
    *(Case(m, 2112, 17, emulate=True) for m in (1, 8)),
    Case(3, 4096, 1, bias=True, emulate=True),
    Case(2, 7, 5),  # a row that is no whole number of loads
    Case(1, 18944, 64),
    Case(8, 32768, 8, torch.bfloat16),
)

BENCH_ROWS = (1, 4, 8)
BENCH: tuple[Case, ...] = tuple(
    Case(m, at.k, at.n, getattr(torch, shapes.models()[at.model].dtype), layer=at.name)
    for at in shapes.dense_linears()
    for m in BENCH_ROWS
)
