"""Shapes, dtypes and tolerances of w4a16_linear: one table for the test and the benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

ACCUMULATOR = torch.float32

# |error| <= ROUNDING[dtype] * |result| + SUMMATION * (|x| @ |weight| + |bias|):
# half a unit in the last place of the result, plus what float32 sums in any order lose.
ROUNDING = {torch.float32: 2**-24, torch.float16: 2**-11, torch.bfloat16: 2**-8}
SUMMATION = 5e-7


@dataclass(frozen=True)
class Case:
    """One problem: `m` rows of `k` inputs to `n` outputs."""

    m: int
    k: int
    n: int
    group_size: int
    dtype: torch.dtype = torch.float32
    zeros: bool = False
    ordered: bool = False
    bias: bool = False

    @property
    def name(self) -> str:
        marks = [m for m in ("zeros", "ordered", "bias") if getattr(self, m)]
        dtype = str(self.dtype).removeprefix("torch.")
        return "-".join([f"{self.m}x{self.k}x{self.n}", f"g{self.group_size}", dtype, *marks])


@dataclass(frozen=True)
class Problem:
    """A case's tensors, the weight's values not yet packed: `values` uint8 `[n, k]`."""

    x: torch.Tensor
    values: torch.Tensor
    scales: torch.Tensor
    zeros: torch.Tensor | None
    order: torch.Tensor | None
    bias: torch.Tensor | None


def problem(case: Case, seed: int = 0, device: str = "cpu") -> Problem:
    """Random tensors for `case`, the same for the same seed; all 16 values and zeros occur."""
    rng = torch.Generator().manual_seed(seed)
    groups = 1 if case.group_size == -1 else -(-case.k // case.group_size)
    shape = (case.n, groups)
    x = torch.randn(case.m, case.k, generator=rng).to(case.dtype)
    values = torch.randint(0, 16, (case.n, case.k), generator=rng, dtype=torch.uint8)
    scales = (torch.rand(shape, generator=rng) * 0.05 + 0.001).to(case.dtype)
    zeros = torch.randint(0, 16, shape, generator=rng, dtype=torch.uint8)
    order = torch.randperm(case.k, generator=rng)
    bias = torch.randn(case.n, generator=rng).to(case.dtype)
    return Problem(
        x.to(device),
        values.to(device),
        scales.to(device),
        zeros.to(device) if case.zeros else None,
        order.to(device) if case.ordered else None,
        bias.to(device) if case.bias else None,
    )


_DTYPES = tuple(ROUNDING)
_GROUPS = (32, 64, 128, -1)

CASES: tuple[Case, ...] = (
    *(Case(3, 256, 48, g, d, zeros=z) for g in _GROUPS for d in _DTYPES for z in (False, True)),
    *(Case(5, 384, 40, g, d, ordered=True, zeros=g == 64) for g in _GROUPS for d in _DTYPES),
    *(Case(m, 512, 96, 128, torch.float16, bias=True) for m in (1, 2, 17, 64)),
    Case(1, 1, 1, -1),
    Case(2, 7, 3, -1, zeros=True),
    Case(3, 100, 5, 32, zeros=True, bias=True),
    Case(4, 855, 33, 128, torch.bfloat16, zeros=True, ordered=True, bias=True),
    Case(0, 64, 8, 32),
)
