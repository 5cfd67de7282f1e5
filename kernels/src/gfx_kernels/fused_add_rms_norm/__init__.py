"""Add to the residual stream, then norm it: both rows are overwritten."""

from __future__ import annotations

import torch

from gfx_kernels import checks, registration, rows
from gfx_kernels.fused_add_rms_norm import launcher, reference
from gfx_kernels.rms_norm import check_epsilon


def check(
    input: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor | None, epsilon: float
) -> None:
    """Raises ValueError for what the op does not serve."""
    checks.dtype("input", input, *rows.DTYPES)
    checks.same_dtype(input=input, residual=residual, weight=weight)
    checks.same_device(input=input, residual=residual, weight=weight)
    if input.dim() == 0:
        raise ValueError("input has no dimensions; give it [..., hidden]")
    checks.not_empty("input", input)
    checks.between("the last dimension of input", input.shape[-1], 1, rows.LONGEST)
    checks.rows_contiguous("input", input)
    checks.shape("residual", residual, input.shape)
    checks.rows_contiguous("residual", residual)
    checks.shape("weight", weight, input.shape[-1:])
    checks.contiguous("weight", weight)
    check_epsilon(epsilon)
    for name, tensor in {"input": input, "residual": residual}.items():
        rows.writable(name, tensor)
        checks.between(f"the rows of {name}", rows.find(name, tensor, 1).count, 1, rows.MOST)


registration.writing_op(
    "fused_add_rms_norm",
    "Tensor(a!) input, Tensor(b!) residual, Tensor? weight, float epsilon",
    check,
    launcher.launch,
    reference.fused_add_rms_norm,
)


def fused_add_rms_norm(
    input: torch.Tensor,
    residual: torch.Tensor,
    weight: torch.Tensor | None = None,
    epsilon: float = 1e-6,
) -> None:
    """Add `input` `[..., hidden]` to `residual`, then write the norm of the sum to `input`.

    Both are overwritten; same shape and dtype (float16, bfloat16, float32), rows at one distance
    each. `weight`: `[hidden]`. The norm is that of the float32 sum, before it is rounded.
    Raises ValueError where dtypes, shapes, strides or devices do not fit, or there are no rows.
    """
    torch.ops.gfx.fused_add_rms_norm(input, residual, weight, epsilon)
