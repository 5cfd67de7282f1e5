"""Plain PyTorch definition of the root-mean-square norm; float32 inside, float64 if given it."""

from __future__ import annotations

import torch


def rms_norm(
    out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor | None, epsilon: float
) -> None:
    out.copy_(normal(input.to(inside(input)), weight, epsilon))


def inside(tensor: torch.Tensor) -> torch.dtype:
    """What is computed in."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def normal(x: torch.Tensor, weight: torch.Tensor | None, epsilon: float) -> torch.Tensor:
    """`x` over the root of its mean square, times `weight`, in the dtype of `x`."""
    x = x * torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + epsilon)
    if weight is None:
        return x
    if weight.dim() == 2:  # one for each x[i]
        weight = weight.view(len(weight), *[1] * (x.dim() - 2), -1)
    return x * weight.to(x.dtype)
