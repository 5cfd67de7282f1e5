"""Shapes and dtypes of weak_ref_tensor."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import casework

ACCUMULATOR = None  # nothing is computed
TOLERANCE = 0
BENCH: tuple[Case, ...] = ()


@dataclass(frozen=True)
class Case:
    """A part of a contiguous tensor: rows from `start` on, every `step`th of their numbers."""

    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    start: int = 0
    step: int = 1
    emulate: bool = False  # no kernel

    @property
    def name(self) -> str:
        size = "x".join(map(str, self.shape)) or "scalar"
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{size}-{dtype}-start{self.start}-step{self.step}"


def problem(case: Case, seed: int = 0) -> casework.Arguments:
    """Random arguments for `case`, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    whole = torch.randint(0, 2, case.shape, generator=rng).to(case.dtype)
    return {"input": whole[case.start :, ..., :: case.step] if case.shape else whole}


CASES: tuple[Case, ...] = (
    *(Case((4, 6), d) for d in (torch.float16, torch.bfloat16, torch.float32)),
    *(Case((3, 5, 8), d, 1, 2) for d in (torch.int64, torch.uint8, torch.bool)),
    Case((7, 2), torch.float8_e4m3fn, start=2),
    Case(()),
)
