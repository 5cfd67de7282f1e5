"""Launch fused_add_rms_norm: a block per row; a variant for rows at odd places."""

from __future__ import annotations

import torch

from gfx_kernels import rows, runtime

_THREADS = 512
_SIGNATURE = "pppfill"


def launch(
    input: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor | None, epsilon: float
) -> None:
    """One launch on the current stream of `input`'s device; arguments as checked by the op."""
    size = input.shape[-1]
    at, residual_at = rows.find("input", input, 1), rows.find("residual", residual, 1)
    name = f"fused_add_rms_norm_{rows.TYPES[input.dtype]}"
    if not (
        rows.wide(input, size, at.outer_stride)
        and rows.wide(residual, residual_at.outer_stride)
        and rows.wide(weight)
    ):
        name += "_odd"
    runtime.kernel("fused_add_rms_norm", name, _SIGNATURE, overlap=True).launch(
        (at.count, 1, 1),
        (_THREADS, 1, 1),
        0,
        input.data_ptr(),
        residual.data_ptr(),
        0 if weight is None else weight.data_ptr(),
        epsilon,
        size,
        at.outer_stride,
        residual_at.outer_stride,
        device=input.get_device(),
    )
