"""Root-mean-square norm of rows: `input / sqrt(mean(input^2) + epsilon) * weight`."""

from __future__ import annotations

import math

import torch

from gfx_kernels import checks, registration, rows
from gfx_kernels.rms_norm import launcher, reference


def check(
    out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor | None, epsilon: float
) -> None:
    """Raises ValueError for what the op does not serve."""
    checks.dtype("input", input, *rows.DTYPES)
    checks.same_dtype(input=input, out=out, weight=weight)
    checks.same_device(input=input, out=out, weight=weight)
    if input.dim() == 0:
        raise ValueError("input has no dimensions; give it [..., hidden]")
    checks.not_empty("input", input)
    checks.between("the last dimension of input", input.shape[-1], 1, rows.LONGEST)
    checks.rows_contiguous("input", input)
    checks.shape("out", out, input.shape)
    checks.contiguous("out", out)
    own = weight is not None and weight.dim() == 2 and input.dim() > 1
    checks.shape("weight", weight, (input.shape[0], input.shape[-1]) if own else input.shape[-1:])
    checks.contiguous("weight", weight)
    check_epsilon(epsilon)
    checks.between("the rows of input", rows.find("input", input).count, 1, rows.MOST)


def check_epsilon(epsilon: float) -> None:
    """Raises ValueError for a number that no variance may be added to."""
    if not (epsilon >= 0 and math.isfinite(epsilon)):
        raise ValueError(f"epsilon is {epsilon}; give a finite number of at least 0")


registration.writing_op(
    "rms_norm",
    "Tensor(a!) out, Tensor input, Tensor? weight, float epsilon",
    check,
    launcher.launch,
    reference.rms_norm,
)


def rms_norm(
    input: torch.Tensor,
    weight: torch.Tensor | None = None,
    epsilon: float = 1e-6,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Normalise `input` `[..., hidden]` along its last dimension; returns `out`, contiguous.

    float16, bfloat16 or float32; rows of `input` may lie apart, at two different distances at
    most. `weight`: `[hidden]` of the same dtype, or `[parts, hidden]`, one for each of `input[i]`.
    Sums and products in float32, rounded once.
    Raises ValueError where dtypes, shapes, strides or devices do not fit, or there are no rows.
    """
    if out is None:
        out = torch.empty(input.shape, dtype=input.dtype, device=input.device)
    torch.ops.gfx.rms_norm(out, input, weight, epsilon)
    return out
