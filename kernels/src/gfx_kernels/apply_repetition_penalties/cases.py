"""Shapes, dtypes and tolerance of apply_repetition_penalties, for tests, emulator and benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import casework, shapes
from gfx_kernels.apply_repetition_penalties import reference

ACCUMULATOR = torch.float32  # of one product: there are no sums
WRITES = ("logits",)
# |error| <= (ROUNDING[dtype] + RELATIVE) * |result|: rounded in float32 before it is in the dtype.
RELATIVE = 1e-7


@dataclass(frozen=True)
class Case:
    """`seen`: the share of the vocabulary that each mask holds; rows are followed by gaps."""

    requests: int
    tokens: int
    dtype: torch.dtype = torch.float32
    seen: float = 0.3
    gap: int = 0
    mask_gap: int = 0
    emulate: bool = False

    @property
    def name(self) -> str:
        marks = [f"seen{self.seen:g}"] if self.seen != 0.3 else []
        marks += [f"gaps{self.gap}+{self.mask_gap}"] if self.gap or self.mask_gap else []
        dtype = str(self.dtype).removeprefix("torch.")
        return "-".join([f"{self.requests}x{self.tokens}", dtype, *marks])


def problem(case: Case, seed: int = 0) -> casework.Arguments:
    """Random arguments for `case`, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    logits = casework.normal(rng, case.dtype, case.requests, case.tokens, gap=case.gap)
    logits[:, ::17] = 0.0

    def mask() -> torch.Tensor:
        padded = torch.rand(case.requests, case.tokens + case.mask_gap, generator=rng) < case.seen
        return padded[:, : case.tokens]

    return {
        "logits": logits,
        "prompt_mask": mask(),
        "output_mask": mask(),
        "repetition_penalties": (torch.rand(case.requests, generator=rng) + 0.5).to(case.dtype),
    }


def worst(case: Case, before: casework.Arguments, after: casework.Arguments) -> float:
    """The largest error, in units of what is allowed; logits of unseen tokens are not rounded."""
    wanted = casework.exact(reference.apply_repetition_penalties, before)["logits"]
    relative = casework.ROUNDING[case.dtype] + RELATIVE
    allowed = relative * wanted.abs() + casework.SMALLEST[case.dtype]
    seen = before["prompt_mask"] | before["output_mask"]
    allowed = torch.where(seen, allowed, 2.0**-1000)
    return casework.excess(after["logits"], wanted, allowed)


def traffic(case: Case) -> int:
    """Bytes that must be read and written, on average, 64 bytes at a time."""
    line = 64 // case.dtype.itemsize
    touched = 1 - (1 - case.seen) ** (2 * line)
    return int(case.requests * case.tokens * (2 + 2 * touched * case.dtype.itemsize))


_DTYPES = tuple(casework.ROUNDING)

CASES: tuple[Case, ...] = (
    *(Case(3, 3072, d, emulate=True) for d in _DTYPES),
    *(Case(2, 301, d, emulate=True) for d in _DTYPES),  # rows at odd places
    *(Case(3, 512, d, gap=8, mask_gap=16, emulate=True) for d in _DTYPES),
    Case(2, 512, gap=0, mask_gap=3, emulate=True),
    Case(2, 512, gap=1, emulate=True),
    Case(2, 4096, seen=0.001, emulate=True),
    Case(2, 512, seen=0.0, emulate=True),
    Case(1, 1, seen=1.0, emulate=True),
    Case(4, 128256),
    Case(5, 50257, torch.bfloat16),
)
_VOCABULARIES = sorted({lin.n for lin in shapes.dense_linears() if lin.layer == "lm_head"})
BENCH: tuple[Case, ...] = tuple(Case(m, n, seen=0.01) for n in _VOCABULARIES for m in (1, 8, 64))
