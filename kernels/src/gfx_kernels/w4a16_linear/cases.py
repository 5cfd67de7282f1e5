"""Shapes, dtypes and tolerances of w4a16_linear: one table for tests, emulator and benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from gfx_kernels import shapes
from gfx_kernels.w4 import layout, random

ACCUMULATOR = torch.float32

# The reference: |error| <= ROUNDING[dtype] * |result| + SUMMATION * (|x| @ |weight| + |bias|):
# half a unit in the last place of the result, plus what float32 sums in any order lose.
ROUNDING = {torch.float32: 2**-24, torch.float16: 2**-11, torch.bfloat16: 2**-8}
SUMMATION = 5e-7
# Every other implementation: max|error| <= TOLERANCE[dtype] * max|result|, against the definition.
TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}


@dataclass(frozen=True)
class Case:
    """One problem: `m` rows of `k` inputs to `n` outputs; `emulate`: small enough for that."""

    m: int
    k: int
    n: int
    group_size: int
    dtype: torch.dtype = torch.float32
    zeros: bool = False
    ordered: bool = False
    bias: bool = False
    emulate: bool = False
    layer: str = ""

    @property
    def name(self) -> str:
        marks = [m for m in ("zeros", "ordered", "bias") if getattr(self, m)]
        dtype = str(self.dtype).removeprefix("torch.")
        size = f"{self.m}x{self.k}x{self.n}"
        return "-".join([*filter(None, [self.layer]), size, f"g{self.group_size}", dtype, *marks])

    @property
    def groups(self) -> int:
        return 1 if self.group_size == -1 else self.k // self.group_size


@dataclass(frozen=True)
class Problem:
    """A case's tensors, the weight's values not yet packed: `values` uint8 `[n, k]`."""

    x: torch.Tensor
    values: torch.Tensor
    scales: torch.Tensor
    zeros: torch.Tensor | None
    order: torch.Tensor | None
    bias: torch.Tensor | None

    def packed(self) -> layout.Packed:
        return layout.pack(self.values, self.scales, self.zeros)


def arguments(case: Case, p: Problem) -> dict[str, Any]:
    """What the op is called with for `p`, by name."""
    packed = p.packed()
    return {
        "x": p.x,
        "qweight": packed.qweight,
        "scales": packed.scales,
        "zeros": packed.zeros,
        "order": p.order,
        "bias": p.bias,
        "group_size": case.group_size,
        "n": case.n,
    }


def problem(case: Case, seed: int = 0, device: str = "cpu") -> Problem:
    """Random tensors for `case`, the same for the same seed; all 16 values and zeros occur."""
    rng = torch.Generator().manual_seed(seed)
    shape = (case.n, case.groups)
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


def packed_weight(case: Case, seed: int = 0, device: str = "cpu") -> layout.Packed:
    """A random weight for `case`, which is quicker to make than `problem`'s."""
    return random.packed(case.n, case.k, case.groups, case.dtype, case.zeros, seed, device)


_DTYPES = tuple(ROUNDING)
_HALF = (torch.float16, torch.bfloat16)
_GROUPS = (32, 64, 128, -1)

CASES: tuple[Case, ...] = (
    *(Case(3, 256, 48, g, d, zeros=z) for g in _GROUPS for d in _DTYPES for z in (False, True)),
    *(Case(5, 384, 40, g, d, ordered=True, zeros=g == 64) for g in _GROUPS for d in _DTYPES),
    *(Case(m, 512, 96, 128, torch.float16, bias=True) for m in (1, 2, 17, 64)),
    Case(1, 32, 1, -1),
    Case(2, 96, 3, 96, zeros=True),
    Case(4, 160, 33, 16, zeros=True, bias=True),
    Case(8, 128, 24, 128, torch.float16, bias=True),
    Case(2, 96, 17, -1, torch.bfloat16, zeros=True),
    # What a kernel meets: every number of rows, ragged ends in both directions, long sums.
    *(Case(m, 512, 32, 128, d, m % 2 == 0, bias=m > 4, emulate=True)
      for m in range(1, 9) for d in _HALF),
    *(Case(m, 704, 48, g, torch.float16, zeros=True, emulate=True)
      for m in (1, 4) for g in (32, 64, -1)),
    *(Case(1, k, 17, 32, torch.bfloat16, True, bias=True, emulate=True)
      for k in (32, 64, 96, 1056)),
    Case(8, 4128, 16, -1, torch.float16, ordered=True, emulate=True),
    Case(1, 18944, 64, 128, torch.float16),
    Case(8, 32768, 32, 128, torch.bfloat16, zeros=True),
)  # fmt: skip

BENCH_ROWS = (1, 4, 8)
BENCH: tuple[Case, ...] = tuple(
    Case(m, at.k, at.n, at.group_size, torch.float16, zeros=at.zeros, layer=at.name)
    for at in shapes.w4_linears()
    for m in BENCH_ROWS
)
