"""Plain PyTorch definition of add and norm; float32 inside, float64 if given it."""

from __future__ import annotations

import torch

from gfx_kernels.rms_norm.reference import inside, normal


def fused_add_rms_norm(
    input: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor | None, epsilon: float
) -> None:
    total = input.to(inside(input)) + residual.to(inside(input))
    residual.copy_(total)
    input.copy_(normal(total, weight, epsilon))
