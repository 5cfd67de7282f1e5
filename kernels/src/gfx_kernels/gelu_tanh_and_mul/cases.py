"""Tolerance of gelu_tanh_and_mul; shapes and dtypes are those of all gated activations."""

from __future__ import annotations

import torch

from gfx_kernels import casework, gated_cases
from gfx_kernels.gated_cases import CASES as CASES
from gfx_kernels.gated_cases import WRITES as WRITES
from gfx_kernels.gated_cases import Case
from gfx_kernels.gated_cases import problem as problem
from gfx_kernels.gated_cases import traffic as traffic
from gfx_kernels.gelu_tanh_and_mul import reference

ACCUMULATOR = torch.float32  # of the products: there are no sums
# exp(-2 u) loses |2 u| times the rounding of its argument.
RELATIVE = 2e-5
BENCH = gated_cases.bench(("gelu_tanh",))


def worst(case: Case, before: casework.Arguments, after: casework.Arguments) -> float:
    """The largest error, in units of what is allowed."""
    return gated_cases.worst(reference.gelu_tanh_and_mul, RELATIVE, case, before, after)
